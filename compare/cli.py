"""The command line: arguments in, a report out, and the exit code.

0 equivalent, 1 different, 2 bad usage or input, 3 internal fault, 130 interrupted, 141 standard output closed.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace

from compare import arguments

TYPE_CHECKING = False      # as `typing` has it, which takes longer to import than the help to print
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

    from compare.problem import Problem
    from compare.training import Training

FIRST_STEPS = 3
PROBLEM_OPTIONS = (
    "hidden",
    "bias",
    "normalization",
    "dropout",
    "loss",
    "reduction",
    "optimizer",
    "lr",
    "batch_size",
    "drop_last",
    "accumulate",
    "seed",
    "split_seed",
    "standardize",
    "dtype",
)
EQUIVALENT, DIFFERENT, UNUSABLE, FAULT, INTERRUPTED, CLOSED_PIPE = 0, 1, 2, 3, 130, 141


class _Interrupts:
    """The process's interrupts, noted once they are watched.

    One may arrive while torch is being imported, which then fails in its own ways, goes on as if nothing had been, or leaves the
    interpreter sure that the interrupt was not handled. So it is noted, looked for again, and the process left without further ado.
    """

    noted = False

    def watch(self) -> None:
        """Note them from now on, unless someone else does."""
        import signal

        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._note)

    def check(self) -> None:
        """Raise KeyboardInterrupt if there was one."""
        if self.noted:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: object) -> None:
        self.noted = True
        raise KeyboardInterrupt


_interrupts = _Interrupts()


def run() -> NoReturn:
    """The process: `main` on its arguments, then exit."""
    code = main(watch=_interrupts.watch)
    if code == INTERRUPTED:
        os._exit(code)
    sys.exit(code)


def main(argv: Sequence[str] | None = None, *, watch: Callable[[], None] = lambda: None) -> int:
    """Run the command line with these arguments, or with the process's own; returns the exit code."""
    try:
        if sys.stdout is None:
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - it lives as long as the process
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")
        options = _parsed(argv)
        watch()
        code = _guarded(options)
        with _Writing():
            sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        _say("interrupted: nothing was decided")
        return INTERRUPTED
    except _ReportNotWrittenError as failure:
        _discard_output()
        if isinstance(failure.__cause__, BrokenPipeError):
            return CLOSED_PIPE
        _say(f"error: the report cannot be written: {failure}")
        return UNUSABLE


class _ReportNotWrittenError(Exception):
    """Standard output is closed, or its disk full."""


class _Writing:
    """Within it, an error of the system's is one of writing the report."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, OSError):
            raise _ReportNotWrittenError(error.strerror) from error


def _discard_output() -> None:
    """What is still buffered goes nowhere, or the interpreter's last flush would fail again."""
    try:  # noqa: SIM105 - contextlib takes longer to import than the help to print
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError:      # of an output that is no file of the system's
        pass


def _guarded(options: Namespace) -> int:
    try:
        command: Callable[[Namespace], int] = options.run
        return command(options)
    except (KeyboardInterrupt, _ReportNotWrittenError):
        raise
    except MemoryError as error:
        _say(f"error: not enough memory: {error or 'for a network and data of this size'}; use fewer units or records")
        return UNUSABLE
    except Exception as error:
        if _is_bad_input(error):
            _say(f"error: {error}")
            return UNUSABLE
        _interrupts.check()
        import traceback

        traceback.print_exc()
        _say("internal fault: this is a mistake in backprop-compare; please report it with the lines above")
        return FAULT


def _is_bad_input(error: Exception) -> bool:
    from compare.errors import CompareError

    try:
        from data import DataError
    except ImportError:      # whatever made it so is the error at hand
        return isinstance(error, CompareError)
    return isinstance(error, (CompareError, DataError))


def _train(options: Namespace) -> int:
    """Train a network, by default the lesson's, on both sides and report."""
    from compare.devices import checked_device
    from compare.report.terminal import progress_bar
    from compare.training import reported_epochs, train

    problem = _problem(options)
    device = checked_device(options.device)
    per_epoch = problem.steps_per_epoch
    last = options.epochs * per_epoch
    spaced = [(epoch + 1) * per_epoch for epoch in reported_epochs(options.epochs, options.every)]
    keep = [] if options.json or options.quiet else [*range(1, min(FIRST_STEPS, last) + 1), *spaced, last]
    with progress_bar(last) as advance:

        def progress(step: int) -> None:
            _interrupts.check()
            advance(step)

        training = train(
            problem,
            epochs=options.epochs,
            every=options.every,
            mode=options.mode,
            device=device,
            keep=keep,
            progress=progress,
        )
    with _Writing():
        _report(options, training, device)
    return _exit_code(training)


def _problem(options: Namespace) -> Problem:
    from compare.errors import ProblemError
    from compare.lesson import lesson_problem
    from compare.table import table_problem

    asked: dict[str, Any] = {name: getattr(options, name) for name in PROBLEM_OPTIONS}
    asked |= {"activations": arguments.activations(options), "optimizer_options": arguments.optimizer_options(options)}
    if options.target is None:
        return lesson_problem(options.data, **asked)
    if options.data is None:
        raise ProblemError(f"--target {options.target} is given without --data; expected a CSV with that column")
    return table_problem(options.data, options.target, **asked)


def _example(options: Namespace) -> int:
    """Take the worked example's one step on both sides and report."""
    from compare.devices import checked_device
    from compare.lesson import example_problem
    from compare.training import train

    problem = example_problem(options.dtype)
    device = checked_device(options.device)
    training = train(problem, epochs=1, device=device, keep=[1])
    with _Writing():
        _report(options, training, device)
    return _exit_code(training)


def _check(options: Namespace) -> int:
    """Check a user's file and report."""
    from compare.checking import STEPS, check

    steps = STEPS if options.steps is None else options.steps
    records = None
    if options.probe_data == "lesson":
        from compare.lesson import lesson_problem

        records = lesson_problem().training_data()
    told = arguments.checked_problem(options)
    checked = check(options.file, adapter=options.adapter, problem=told, seed=options.probe_seed, steps=steps, data=records)
    from compare.report.checked import headline, hinted

    checked, given = hinted(checked, options.hint)
    if options.junitxml is not None:
        from compare.report.ci import junit

        _write(options.junitxml, junit(checked, given))
    with _Writing():
        if options.json:
            from compare.report.check_json import as_json

            print(as_json(checked, given))
        elif options.quiet:
            print(headline(checked))
        else:
            from compare.report.check_terminal import print_check

            print_check(checked, _command_again(options, checked.seed), given)
        if options.github or os.environ.get("GITHUB_ACTIONS") == "true":
            from compare.report.ci import annotation

            print(annotation(checked, options.file, given), file=sys.stderr if options.json else sys.stdout)
    return EQUIVALENT if checked.verdict == "equivalent" else DIFFERENT


def _command_again(options: Namespace, seed: int) -> str:
    """The command that draws the same probes."""
    import shlex

    words = ["python", "-m", "compare", "check", options.file]
    words += ["--adapter", options.adapter] if options.adapter else []
    for name, value in arguments.checked_problem(options).items():
        flag = "--activation" if name == "activations" else f"--{name.replace('_', '-')}"
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        words += [flag] if value is True else [flag, text]
    words += ["--data", "lesson"] if options.probe_data == "lesson" else []
    words += ["--steps", str(options.steps)] if options.steps is not None else []
    return shlex.join([*words, "--seed", str(seed)])


def _write(path: str, text: str) -> None:
    """Write a file whole; raises ProblemError where it cannot be."""
    from compare.errors import ProblemError

    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ProblemError(f"{path} cannot be written: {error.strerror}; expected a file in a folder that is there") from None


def _report(options: Namespace, training: Training, device: str) -> None:
    if options.json:
        from compare.report.json import as_json

        print(as_json(training, device, _asked(options)))
    elif options.quiet:
        print(training.comparison.explanation())
    else:
        from compare.report.terminal import print_example, print_training

        if options.command == "example":
            print_example(training)
        else:
            print_training(training, device, is_lesson=_is_lesson(options), first_steps=FIRST_STEPS)


def _exit_code(training: Training) -> int:
    return EQUIVALENT if training.comparison.verdict == "equivalent" else DIFFERENT


def _asked(options: Namespace) -> dict[str, Any]:
    names = ("data", "target", "split_seed", "standardize")
    return {name: getattr(options, name) for name in names if hasattr(options, name)}


def _is_lesson(options: Namespace) -> bool:
    """Whether the lesson prints figures for just this."""
    defaults = vars(_parser().parse_args([]))
    asked = vars(options)
    return all(asked[name] == defaults[name] for name in defaults if name not in ("device", "mode", "run"))


def _parser() -> ArgumentParser:
    return arguments.parser(train=_train, example=_example, check=_check)


def _parsed(argv: Sequence[str] | None) -> Namespace:
    try:
        return arguments.parsed(_parser(), argv)
    except SystemExit:      # after --help, which is a report too, or bad usage
        with _Writing():
            sys.stdout.flush()
        raise


def _say(text: str) -> None:
    if sys.stderr is not None:
        print(f"backprop-compare: {text}", file=sys.stderr)
