"""The command line: arguments in, a report out, and the exit code.

0 equivalent, 1 different, 2 bad usage or input, 3 internal fault, 130 interrupted, 141 standard output closed.
"""

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from compare.lesson import Training

# Said here, and held to the tables by a test, so that --help need not import them.
ACTIVATIONS = ("sigmoid", "tanh", "relu", "identity")
LOSSES = ("half_mse", "mse")

FIRST_STEPS = 3
MOST = 10**9      # of epochs or units: more than anyone has memory or time for
EQUIVALENT, DIFFERENT, UNUSABLE, FAULT, INTERRUPTED, CLOSED_PIPE = 0, 1, 2, 3, 130, 141


def run() -> NoReturn:
    """The process: `main` on its arguments, then exit.

    An interrupt may arrive while torch is being imported, which then fails in its own ways, or leaves the interpreter sure that the
    interrupt was not handled. So it is noted, and the process left without further ado.
    """
    interrupted = False

    def note(number: int, frame: object) -> None:
        nonlocal interrupted
        interrupted = True
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, note)
    code = main(was_interrupted=lambda: interrupted)
    if code == INTERRUPTED:
        os._exit(code)
    sys.exit(code)


def main(argv: Sequence[str] | None = None, *, was_interrupted: Callable[[], bool] = lambda: False) -> int:
    """Run the command line with these arguments, or with the process's own; returns the exit code."""
    try:
        if sys.stdout is None:
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - it lives as long as the process
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")
        options = _parsed(argv)
        code = _guarded(options, was_interrupted)
        with _writing():
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


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _ReportNotWrittenError(error.strerror) from error


def _discard_output() -> None:
    """What is still buffered goes nowhere, or the interpreter's last flush would fail again."""
    with suppress(OSError):      # of an output that is no file of the system's
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _guarded(options: argparse.Namespace, was_interrupted: Callable[[], bool]) -> int:
    try:
        command: Callable[[argparse.Namespace], int] = options.run
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
        if was_interrupted():
            raise KeyboardInterrupt from error
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


def _lesson(options: argparse.Namespace) -> int:
    """Train the lesson's network on both sides and report."""
    from compare.devices import checked_device
    from compare.lesson import lesson_problem, reported_epochs, train
    from compare.report.terminal import progress_bar

    problem = lesson_problem(
        options.data,
        hidden=options.hidden,
        activations=_activations(options),
        bias=options.bias,
        loss=options.loss,
        lr=options.lr,
        seed=options.seed,
        split_seed=options.split_seed,
        standardize=options.standardize,
        dtype=options.dtype,
    )
    device = checked_device(options.device)
    spaced = [epoch + 1 for epoch in reported_epochs(options.epochs, options.every)]
    first = list(range(1, min(FIRST_STEPS, options.epochs) + 1))
    keep = [] if options.json or options.quiet else [*first, *spaced, options.epochs]
    with progress_bar(options.epochs) as progress:
        training = train(
            problem,
            epochs=options.epochs,
            every=options.every,
            mode=options.mode,
            device=device,
            keep=keep,
            progress=progress,
        )
    with _writing():
        _report(options, training, device)
    return _exit_code(training)


def _example(options: argparse.Namespace) -> int:
    """Take the worked example's one step on both sides and report."""
    from compare.devices import checked_device
    from compare.lesson import example_problem, train

    problem = example_problem(options.dtype)
    device = checked_device(options.device)
    training = train(problem, epochs=1, device=device, keep=[1])
    with _writing():
        _report(options, training, device)
    return _exit_code(training)


def _report(options: argparse.Namespace, training: "Training", device: str) -> None:
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


def _exit_code(training: "Training") -> int:
    return EQUIVALENT if training.comparison.verdict == "equivalent" else DIFFERENT


def _asked(options: argparse.Namespace) -> dict[str, Any]:
    names = ("data", "split_seed", "standardize")
    return {name: getattr(options, name) for name in names if hasattr(options, name)}


def _is_lesson(options: argparse.Namespace) -> bool:
    """Whether the lesson prints figures for just this."""
    defaults = vars(_parser().parse_args([]))
    asked = vars(options)
    return all(asked[name] == defaults[name] for name in defaults if name not in ("device", "mode", "run"))


def _activations(options: argparse.Namespace) -> tuple[str, ...]:
    """One name is for all hidden layers, as many as there are hidden layers for each, one more for the output too."""
    names: tuple[str, ...] = options.activation
    layers = len(options.hidden)
    if len(names) == 1:
        names = names * layers
    if len(names) == layers:
        names = (*names, "sigmoid")
    return names


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    try:
        options = parser.parse_args(argv)
    except SystemExit:      # after --help, which is a report too, or bad usage
        with _writing():
            sys.stdout.flush()
        raise
    if options.command is not None:
        defaults = vars(parser.parse_args([]))
        for name in sorted(set(defaults) - {"run", "command", *COMMON}):
            if getattr(options, name) != defaults[name]:
                parser.error(f"--{name.replace('_', '-')} is no option of {options.command}")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m compare",
        description="Train a hand-written NumPy network and its PyTorch twin side by side, and compare every step to rounding.",
        epilog="exit codes: 0 equivalent, 1 different, 2 bad usage or input, 3 internal fault, 130 interrupted",
        allow_abbrev=False,
    )
    parser.set_defaults(run=_lesson, command=None)
    what = parser.add_argument_group("what is trained (by default the lesson: 6-2-1, sigmoid, 900 epochs)")
    what.add_argument("--epochs", type=_count, default=900, metavar="N", help="full-batch steps (default 900)")
    what.add_argument("--hidden", type=_counts, default=(2,), metavar="N[,N...]", help="units of each hidden layer (default 2)")
    what.add_argument(
        "--activation",
        type=_activation_names,
        default=("sigmoid",),
        metavar="NAME[,NAME...]",
        help=f"one for all hidden layers, or one for each; one more for the output, else sigmoid: {', '.join(ACTIVATIONS)}",
    )
    what.add_argument("--bias", action="store_true", help="give each layer a bias (the lesson has none)")
    what.add_argument("--loss", choices=LOSSES, default="half_mse", help="mean of ½(y − ŷ)², the lesson's, or of (y − ŷ)²")
    what.add_argument("--lr", type=float, default=0.005, metavar="LR", help="learning rate (default 0.005)")
    what.add_argument("--seed", type=_seed, default=21, metavar="N", help="draws the initial weights (default 21)")
    what.add_argument("--split-seed", type=_seed, default=21, metavar="N", help="draws the training records (default 21)")
    what.add_argument("--data", metavar="FILE", help="a CSV of the lesson's columns: admit,gre,gpa,rank")
    what.add_argument(
        "--standardize",
        choices=("all", "train"),
        default="all",
        help="gre and gpa by mean and deviation of all records, as the lesson does, or of the training records",
    )
    how = _add_common(parser)
    how.add_argument(
        "--mode", choices=("free", "follow"), default="free", help="each side keeps its own weights, or PyTorch follows manual's"
    )
    how.add_argument("--every", type=_count, metavar="N", help="report every N-th epoch (default: ten evenly spaced ones)")

    commands = parser.add_subparsers(title="other commands", metavar="")
    example = commands.add_parser(
        "example",
        help="the lesson's worked example: one record, one step, entry by entry",
        description="Take the lesson's worked example through both sides, beside the figures that the lesson prints.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    example.set_defaults(run=_example, command="example")
    _add_common(example)
    return parser


COMMON = ("dtype", "device", "json", "quiet")


def _add_common(parser: argparse.ArgumentParser) -> Any:
    """The options of every command. A command's own leave alone what was given before it."""

    def default(value: object) -> object:
        return argparse.SUPPRESS if parser.argument_default is argparse.SUPPRESS else value

    group = parser.add_argument_group("how")
    group.add_argument("--dtype", choices=("float64", "float32"), default=default("float64"), help="precision of both sides")
    group.add_argument("--device", default=default("cpu"), metavar="NAME", help="PyTorch's: cpu, cuda or cuda:N (default cpu)")
    group.add_argument("--json", action="store_true", default=default(False), help="print one JSON object and nothing else")
    group.add_argument("--quiet", action="store_true", default=default(False), help="print the verdict alone")
    return group


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MOST)) and 0 < int(text) <= MOST):
        raise argparse.ArgumentTypeError(f"{text!r} is not a count; expected a whole number from 1 to {MOST}")
    return int(text)


def _counts(text: str) -> tuple[int, ...]:
    return tuple(_count(part) for part in text.split(","))


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) < 2**32):
        raise argparse.ArgumentTypeError(f"{text!r} is not a seed; expected a whole number from 0 to {2**32 - 1}")
    return int(text)


def _activation_names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if name not in ACTIVATIONS:
            raise argparse.ArgumentTypeError(f"{name!r} is no activation; expected one of {', '.join(ACTIVATIONS)}")
    return names


def _say(text: str) -> None:
    if sys.stderr is not None:
        print(f"backprop-compare: {text}", file=sys.stderr)
