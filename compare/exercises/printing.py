"""Exercises on a terminal: the list with what is solved, and a learner's file stage by stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.text import Text

from ..report.console import make_console
from ..report.json import as_text
from ..report.words import MARKS
from .outcome import Outcome
from .progress import Solved
from .sets import Exercise, ExerciseSet

_PROGRESS = {"solved": ("✓", "green", "solved"), "changed": ("✓", "yellow", "solved, and changed since"), "started": ("·", "", "begun")}
_SIGNS = {**MARKS, "differs": "✗", "failed": "!", "skipped": "-", "open": "·"}
_STYLES = {"agrees": "green", "wrong": "bold red", "differs": "red", "inherits": "yellow", "failed": "red", "skipped": "dim", "open": "dim"}
_WORDS = {
    "agrees": "agrees",
    "wrong": "wrong here",
    "differs": "differs, too",
    "inherits": "follows from what is wrong before it",
    "failed": "could not run",
    "skipped": "not compared",
    "open": "not yet",
}


def print_list(solved: Solved) -> None:
    """Print the exercises by chapters, each with how far the learner is, and how to go on."""
    console, exercises = make_console(), solved.exercises
    console.print(Text(f"Exercises of {exercises.title}: {solved.count} of {len(exercises.exercises)} solved", style="bold"))
    width = max(len(each.name) for each in exercises.exercises)
    room = max(len(each.title) for each in exercises.exercises)
    for chapter, those in exercises.chapters.items():
        console.print(Text(chapter))
        for each in those:
            mark, style, word = _PROGRESS.get(solved.of(each), (" ", "", ""))
            console.print(Text(f"  {mark} {each.name:{width}}  {each.title:{room}}  {word}".rstrip(), style=style))
    for line in next_lines(solved):
        console.say(line)


def next_lines(solved: Solved, chapter: str | None = None) -> list[str]:
    """Return what a learner may do next: go on with what is begun, or begin what is not solved, of that chapter if there is some."""
    exercises = solved.exercises
    begun = [each for each in exercises.started() if each.name not in solved.digests]
    if begun:
        return [f"Check:  backprop-compare exercises{exercises.option} check {begun[-1].name}"]
    upcoming = solved.next_of(exercises.chapters.get(chapter or "", [])) or solved.next_of(list(exercises.exercises))
    return [f"Begin:  backprop-compare exercises{exercises.option} start {upcoming.name}"] if upcoming else []


def print_started(exercise: Exercise, exercises: ExerciseSet) -> None:
    """Print where the exercise lies now, and how it is checked."""
    console = make_console()
    console.print(Text(f"{exercise.own}: {exercise.title}", style="bold"))
    console.say(f"Check:  backprop-compare exercises{exercises.option} check {exercise.name}")
    console.say(f"        backprop-compare exercises{exercises.option} --watch checks it whenever it is saved")


def print_made(exercise: Exercise, solutions: Path, left_out: Sequence[str]) -> None:
    """Print where a new exercise lies, and how learners start it."""
    console = make_console()
    console.print(Text(f"{exercise.path}: {exercise.title}, without {', '.join(left_out)}", style="bold"))
    console.say(f"Solution: {solutions / exercise.path.name}, which is not for learners")
    console.say(f"Learners: backprop-compare exercises --set {exercise.folder} start {exercise.name}")


def print_outcome(found: Outcome, level: int, solved: Solved, *, quiet: bool = False) -> None:
    """Print the stages, the first wrong number or what is to be written, and the first `level` hints; with `quiet`, the verdict alone."""
    console = make_console()
    if quiet:
        console.print(Text(f"{found.exercise}: {found.verdict}"))
        return
    if found.printed:
        console.print(Text("It printed:", style="dim"))
        for line in found.printed.rstrip("\n").split("\n"):
            console.say(f"  | {line}", hang=4)
    width = max((len(name) for name, _ in found.stages), default=0)
    for name, mark in found.stages:
        console.say(Text(f"{_SIGNS[mark]} {name:{width}}  {_WORDS[mark]}", style=_STYLES[mark]), hang=width + 4)
    console.say(Text(found.verdict.upper(), style="bold green" if found.verdict == "solved" else "bold red") + Text(_after(found)), hang=2)
    if found.yours is not None and found.expected is not None:
        console.say(f"  yours {found.yours!r}, PyTorch's {found.expected!r}")
    if found.line is not None:
        is_said = found.verdict == "not written yet" or not found.source
        console.say(f"  line {found.line} of {found.file}" + ("" if is_said else f": {found.source}"))
    if found.verdict == "solved":
        console.say(f"  {solved.count} of {len(solved.exercises.exercises)} are solved")
        for line in next_lines(solved, solved.exercises.named(found.exercise).chapter):
            console.say(line)
        return
    for number, hint in enumerate(found.hints[:level], start=1):
        console.say(f"hint {number}  {hint}", hang=8)
    if level and not found.hints:
        console.say("There is no hint for this.")
    elif len(found.hints) > level:
        console.say(f"Hints:  --hint {level + 1}, of {len(found.hints)}")


def _after(found: Outcome) -> str:
    """Return what stands after the verdict."""
    if found.verdict == "solved":
        return f": {found.exercise}"
    parts = [f"first at {found.where}" if found.where else "", found.said or ""]
    return f": {'; '.join(filter(None, parts))}" if any(parts) else ""


def outcome_json(found: Outcome, level: int, solved: Solved) -> str:
    """Return the outcome as JSON text, with the first `level` hints."""
    return as_text(outcome_object(found, level, solved))


def outcome_object(found: Outcome, level: int, solved: Solved) -> Mapping[str, Any]:
    """Return the outcome as a dict, with the first `level` hints, and how many are solved."""
    stages = [{"stage": name, "mark": mark} for name, mark in found.stages]
    numbers = {"solved": solved.count, "exercises": len(solved.exercises.exercises)}
    return {**asdict(found), "stages": stages, "hints": list(found.hints[:level]), **numbers}
