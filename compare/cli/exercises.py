"""Learning by doing: `exercises` lists them, starts and checks them, and makes new ones from a right file."""

from __future__ import annotations

from . import parsers
from .argparse_classes import Parser

TYPE_CHECKING = False      # as `typing` has it, which takes longer to import than the help to print
if TYPE_CHECKING:
    import argparse
    from argparse import Namespace
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ..exercises.progress import Solved
    from ..exercises.sets import Exercise, ExerciseSet
    from .common import CheckInterrupt

_CODES = "exit codes: 0 solved, 1 not yet, 2 a name or an option that cannot be used"


def fill(command: argparse.ArgumentParser) -> None:
    """Add the actions and their options."""
    import argparse

    assert isinstance(command, Parser)
    command.others = _by_name
    command.set_defaults(run="exercises.exercises")
    command.add_argument("--set", metavar="DIR", type=parsers.path, help="a teacher's exercises (default: those of the guide)")
    _add_watch(command)
    actions = command.add_subparsers(title="actions (without one, they are listed)", metavar="ACTION", parser_class=Parser)

    def action(run: str, help_: str, epilog: str | None = None) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = actions.add_parser(run, help=help_, description=help_[0].upper() + help_[1:] + ".", epilog=epilog)
        added.set_defaults(run=f"exercises.{run}")
        added.add_argument("--set", metavar="DIR", type=parsers.path, default=argparse.SUPPRESS, help="a teacher's exercises")
        return added

    start_ = action("start", "copy an exercise into the current folder")
    start_.add_argument("name", metavar="NAME", help="of an exercise, or of a chapter, whose next unsolved one it is")
    check_ = action("check", "check an exercise, stage by stage", _CODES)
    check_.add_argument("name", nargs="?", metavar="NAME|FILE", help="(default: what was saved last)")
    check_.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    _add_watch(check_)
    make_ = action("make", "make an exercise of a right file, by leaving out functions", "exit codes: 0 made, 2 a file that is not right")
    make_.add_argument("file", metavar="FILE", type=parsers.path, help="a Python file that checks as equivalent")
    out = "the set's folder, which is for learners; solutions go into the folder OUT-solutions beside it"
    make_.add_argument("--leave-out", metavar="NAME[,NAME...]", type=parsers.listed, required=True, help="its functions, or Class.method")
    make_.add_argument("--out", metavar="OUT", type=parsers.path, required=True, help=out)
    make_.add_argument("--reference", metavar="FILE:NAME", help="its reference, as for check (default: PyTorch, by the contract of check)")
    make_.add_argument("--adapter", metavar="NAME", help="the name of one that ships, for a file of another shape")
    make_.add_argument("--name", help="of the exercise (default: that of FILE)")
    make_.add_argument("--title", help="in the list (default: the first line of FILE's docstring)")
    make_.add_argument("--chapter", help="in the list (default: the folder's name)")
    make_.add_argument("--hint", metavar="TEXT", action="append", default=[], help="a hint; again for each further one")
    action("solution", "print the solution of an exercise").add_argument("name", metavar="NAME", help="of an exercise")


def _by_name(words: Sequence[str]) -> Mapping[str, str]:
    """Return the command line for each exercise and chapter of the guide: to check it if it is begun, else to start it."""
    if any(word.startswith("--set") for word in words):
        return {}
    from ..exercises.sets import GUIDE, exercise_set

    found, command = exercise_set(GUIDE), "backprop-compare exercises"
    own = {each.name: f"{command} {'check' if each.own.is_file() else 'start'} {each.name}" for each in found.exercises}
    return {name: f"{command} start {name}" for name in found.chapters} | own | {f"{name}.py": said for name, said in own.items()}


def _add_watch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--watch", action="store_true", help="check again whenever it is saved, and show a page on this machine")
    parser.add_argument("--open", action="store_true", help="open that page in a browser")
    parser.add_argument("--hint", type=int, choices=(1, 2, 3), default=0, help="show so many of its hints")
    parser.add_argument("--quiet", action="store_true", help="print the verdict alone")


def exercises(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """List the exercises, with what is solved; with --watch, check those in the current folder."""
    from ..exercises.printing import print_list
    from ..support.errors import ProblemError
    from ..support.output import Writing

    if options.watch:
        from .watch import watch_exercises

        _attempt(None, found := _set(options))
        return watch_exercises(options, found, None, check_interrupt)
    for name in ("open", "hint", "quiet"):
        if getattr(options, name):
            raise ProblemError(f"--{name} is given to a list; expected it with --watch, or after check")
    with Writing():
        print_list(_solved(options))
    return "equivalent"


def start(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Copy an exercise into the current folder, which must not have such a file."""
    from ..exercises.printing import print_started
    from ..support.errors import ProblemError
    from ..support.output import Writing

    solved = _solved(options)
    exercise = _chosen(options.name, solved)
    text = exercise.path.read_text(encoding="utf-8")
    try:
        with open(exercise.own, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        said = "expected no such file; check it, or move it away to begin anew"
        raise ProblemError(f"{exercise.own} is here already, and is left as it is; {said}") from None
    except OSError as error:
        raise ProblemError(f"{exercise.own} cannot be written: {error.strerror}; expected a folder to write into") from None
    with Writing():
        print_started(exercise, solved.exercises)
    return "equivalent"


def check(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Check an exercise and report; note it if it is solved."""
    from ..exercises.printing import outcome_json, print_outcome
    from ..support.errors import ProblemError
    from ..support.output import Writing

    solved = _solved(options)
    exercise, path = _attempt(options.name, solved.exercises)
    if options.watch:
        from .watch import watch_exercises

        if options.json:
            raise ProblemError("--json is given with --watch; expected one of them")
        return watch_exercises(options, solved.exercises, (exercise, path), check_interrupt)
    if options.open:
        raise ProblemError("--open is given without --watch; expected both, as only a watch has a page")
    from ..exercises.checking import checked

    found = checked(exercise, path)
    if found.verdict == "solved":
        solved.add(exercise, path)
    with Writing():
        if options.json:
            print(outcome_json(found, options.hint, solved))
        else:
            print_outcome(found, options.hint, solved, quiet=options.quiet)
    return "equivalent" if found.verdict == "solved" else found.verdict


def solution(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Print the solution of an exercise."""
    from ..support.errors import ProblemError
    from ..support.output import Writing

    exercise = _set(options).named(options.name)
    if not exercise.solution.is_file():
        raise ProblemError(f"{exercise.solution} is not there; expected the solution, which whoever made the set may have")
    with Writing():
        print(exercise.solution.read_text(encoding="utf-8"), end="")
    return "equivalent"


def make(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Make an exercise of a right file, and say where it is."""
    from pathlib import Path

    from ..exercises.making import Making, made
    from ..exercises.printing import print_made
    from ..support.output import Writing

    right, name = Path(options.file), options.name or Path(options.file).stem
    about = {name: getattr(options, name) for name in ("title", "chapter", "reference", "adapter")}
    making = Making(right, options.leave_out, Path(options.out), name, **about, hints=tuple(options.hint))
    exercise = made(making)
    with Writing():
        print_made(exercise, making.solutions, making.left_out)
    return "equivalent"


def _set(options: Namespace) -> ExerciseSet:
    from ..exercises.sets import GUIDE, exercise_set

    return exercise_set(GUIDE if options.set is None else options.set)


def _solved(options: Namespace) -> Solved:
    from ..exercises.progress import solved

    return solved(_set(options))


def _chosen(name: str, solved: Solved) -> Exercise:
    """Return the exercise of that name, or the next unsolved one of that chapter."""
    from ..support.errors import ProblemError

    chapter = solved.exercises.chapters.get(name)
    if chapter is None:
        return solved.exercises.named(name)
    found = solved.next_of(chapter)
    if found is None:
        names = ", ".join(each.name for each in chapter)
        raise ProblemError(f"all exercises of {name} are solved; expected one by its name, to begin it anew: {names}")
    return found


def _attempt(name: str | None, exercises: ExerciseSet) -> tuple[Exercise, Path]:
    """Return the exercise that is meant, and the learner's file: of a name, a path, or the one that was saved last."""
    from pathlib import Path

    from ..support.errors import ProblemError

    if name is None:
        begun = exercises.started()
        if not begun:
            command = f"backprop-compare exercises{exercises.option} start {exercises.exercises[0].name}"
            raise ProblemError(f"no exercise of {exercises.title} is in this folder; expected one, as by: {command}")
        exercise = max(begun, key=lambda each: each.own.stat().st_mtime_ns)
        return exercise, exercise.own
    path = Path(name)
    exercise = exercises.named(path.stem if path.suffix == ".py" else name)
    path = path if path.suffix == ".py" else exercise.own
    if not path.is_file():
        raise ProblemError(f"{path} is not there; expected it, as by: backprop-compare exercises{exercises.option} start {exercise.name}")
    return exercise, path
