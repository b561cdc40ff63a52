"""`--watch`: check again whenever a file is saved, and keep the terminal and a local page up to date, until Ctrl-C."""

import os
import sys
import webbrowser
from argparse import Namespace
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ..exercises.live import live_html, live_state
from ..exercises.outcome import Outcome
from ..exercises.printing import print_outcome
from ..exercises.progress import solved
from ..exercises.sets import Exercise, ExerciseSet
from ..report.console import make_console
from ..support.errors import ProblemError
from ..support.output import Writing
from ..userfile.source import not_there
from ..watching.page import LocalPage
from ..watching.saved import Saved
from ..watching.warm import Answer, Warm
from .common import CheckInterrupt

_WORKER = f"{__package__}.worker"
_ALL_HINTS = "3"


@contextmanager
def _ended_by_interrupt() -> Iterator[None]:
    """Say of an interrupt, wherever it arrives, that it ended the watch."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the watch has ended") from None


@_ended_by_interrupt()
def watch_exercises(options: Namespace, exercises: ExerciseSet, one: tuple[Exercise, Path] | None, check_interrupt: CheckInterrupt) -> str:
    """Check the learner's exercises in the current folder, or only one, whenever they are saved; never returns."""

    def files() -> dict[Path, Exercise]:
        return {one[1]: one[0]} if one is not None else {each.own: each for each in exercises.started()}

    page = LocalPage(live_html())
    try:
        _say(f"Watching {_named(files())}; Ctrl-C ends it", f"Page: {page.url}")
        if options.open and not webbrowser.open(page.url):
            _say("No browser could be opened; open that address in one")
        with closing(_answers(files, lambda path: _command(exercises, path), check_interrupt)) as answers:
            for path, answer in answers:
                exercise = files().get(path)
                if exercise is None:      # it was removed meanwhile
                    continue
                if answer.ended is None and answer.code not in (0, 1):
                    _say(f"\n{path}", answer.error.strip())
                    continue
                found = Outcome.from_json(answer.out) if answer.ended is None else _stopped(exercise, path, answer.ended)
                progress = solved(exercises)
                with Writing():
                    print(f"\n{path}")
                    print_outcome(found, options.hint, progress, quiet=options.quiet)
                    sys.stdout.flush()
                page.show(live_state(exercise, found, options.hint, progress))
    finally:
        page.close()
    return "equivalent"


@_ended_by_interrupt()
def watch_check(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Check the file again whenever it, its adapter or its reference is saved; never returns."""
    if options.file is None:
        raise ProblemError("--watch is given without a FILE; expected one, a program cannot be watched")
    others = [options.adapter, options.reference and options.reference.rpartition(":")[0]]
    files = [Path(each) for each in (options.file, *others) if each]
    if not files[0].is_file():      # nobody would notice that it is never checked
        raise ProblemError(not_there(files[0]) if not files[0].exists() else f"{files[0]} is a folder; expected a Python file")
    argv = [word for word in options.argv if word != "--watch"]
    _say(f"Watching {_named(files)}; Ctrl-C ends it")
    with closing(_answers(lambda: files, lambda path: argv, check_interrupt)) as answers:
        for _, answer in answers:
            _say(f"\n{options.file}", (answer.out + answer.error).rstrip() if answer.ended is None else f"could not run: {answer.ended}")
    return "equivalent"


def _answers(
    files: Callable[[], Iterable[Path]], command: Callable[[Path], list[str]], check_interrupt: CheckInterrupt
) -> Generator[tuple[Path, Answer], None, None]:
    """Yield each file that was saved, and what the command for it answers; one that is outdated by the time is left out."""
    saved = Saved(files)
    with _warm() as warm:
        for path in saved:
            check_interrupt()
            answer = warm.run(command(path), saved.waiting)
            if answer.ended is None or not saved.waiting():
                yield path, answer


@contextmanager
def _warm() -> Iterator[Warm]:
    """Give the process that checks, which prints as this terminal shows it."""
    environment = dict(os.environ)
    if sys.stdout.isatty():
        environment |= {"FORCE_COLOR": "1", "COLUMNS": str(make_console().room)}
    warm = Warm(_WORKER, environment)
    try:
        yield warm
    finally:
        warm.close()


def _command(exercises: ExerciseSet, path: Path) -> list[str]:
    chosen = ["--set", str(exercises.folder)] if exercises.option else []
    return ["exercises", *chosen, "check", str(path), "--json", "--hint", _ALL_HINTS]


def _stopped(exercise: Exercise, path: Path, why: str) -> Outcome:
    return Outcome(exercise.name, str(path), "could not run", said=why, hints=exercise.hints)


def _named(files: Iterable[Path]) -> str:
    return ", ".join(map(str, files))


def _say(*lines: str) -> None:
    with Writing():
        for line in lines:
            print(line)
        sys.stdout.flush()
