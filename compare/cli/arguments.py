"""The command line's arguments: what may be asked for, and how it is said. Importing this loads neither NumPy nor torch."""

from __future__ import annotations

import argparse
import os
import sys

from ..problem.pieces import ACTIVATIONS, DECAYS, LOSSES, NORMALIZATIONS, OPTIMIZERS, REDUCTIONS, TARGETS
from ..support import __version__

TYPE_CHECKING = False      # as `typing` has it, which takes longer to import than the help to print
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

MOST = 10**9      # of epochs or units: more than anyone has memory or time for
_OF = "problem_"      # what `check` is told of the problem, which may not look like what the training was told
COMMON = ("dtype", "device", "json", "quiet", "report")
PICTURES = ("loss", "difference", "deltas", "shares", "network")
_SCORED = ("forward", "loss", "backward", "gradients", "update")
_WHICH_DECAY = "all, or the weights and no bias, γ or β (default all)"
OPTIMIZER_OPTIONS = tuple(dict.fromkeys(option for row in OPTIMIZERS.values() for option in row.options))


def parser() -> argparse.ArgumentParser:
    """The parser; the option `run` is the module of `compare.cli` and the function that does it."""
    top = _Parser(
        prog="backprop-compare",
        description="Train a hand-written NumPy network and its PyTorch reference side by side, and compare every step to rounding.",
        epilog="exit codes: 0 equivalent, 1 different, 2 bad usage or input, 3 internal fault, 130 interrupted",
        allow_abbrev=False,
        formatter_class=_Formatter,
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    top.set_defaults(run="train.train", command=None)
    _add_network(top.add_argument_group("the network (by default the lesson's: 6-2-1, sigmoid, no biases)"))
    _add_training(top.add_argument_group("its training (by default the lesson's: 900 epochs of the whole data)"))
    _add_data(top.add_argument_group("its data (by default the lesson's)"))
    _add_mode(_add_common(top))

    commands = top.add_subparsers(title="other commands", metavar="COMMAND", parser_class=_Command)
    command = commands.add_parser(
        "example",
        help="the lesson's worked example: one record, one step, entry by entry",
        description="Take the lesson's worked example through both sides, beside the figures that the lesson prints.",
        argument_default=argparse.SUPPRESS,
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    command.set_defaults(run="train.example", command="example")
    command.fill = _add_common
    _add_check(commands)
    _add_plot(commands)
    _add_grade(commands)
    _add_traces(commands)
    return top


def parsed(top: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """The options; exits with 2 for bad usage, also for an option that is another command's."""
    options = top.parse_args(argv)
    options.argv = list(sys.argv[1:] if argv is None else argv)
    if options.command in ("check", "replay"):
        if (options.file is None) == (options.program is None):
            top.error(f"{options.command} takes a FILE or --command CMD; expected one of them")
        for name in ("adapter",) if options.program else ("timeout",):
            if getattr(options, name) is not None:
                top.error(f"--{name} is for {'a FILE' if options.program else '--command'}")
    if options.command not in (None, "plot", "record"):
        defaults = vars(top.parse_args([]))
        own = {"data"} if options.run.startswith("traces.") else set()
        for name in sorted(set(defaults) - {"run", "command", *COMMON, *own}):
            if getattr(options, name) != defaults[name]:
                top.error(f"--{name.replace('_', '-')} is no option of {options.command}")
    return options


def checked_problem(options: argparse.Namespace) -> dict[str, Any]:
    """What `check` or `grade` was told of the problem, with the keys of a file's PROBLEM."""
    given = {name.removeprefix(_OF): value for name, value in vars(options).items() if name.startswith(_OF) and value is not None}
    if len(given.get("activations", ())) == 1:
        given["activations"] = given["activations"][0]
    return given


def activations(options: argparse.Namespace) -> tuple[str, ...]:
    """One name is for all hidden layers, as many as there are hidden layers for each, one more for the output too.

    The output's own is the loss's default, but on the lesson's data a sigmoid, as the lesson has it, where the loss takes no logits.
    """
    names: tuple[str, ...] = options.activation
    layers = len(options.hidden)
    if len(names) == 1:
        names = names * layers
    if len(names) == layers:
        loss = LOSSES[options.loss]
        names = (*names, "sigmoid" if options.target is None and loss.targets == "regression" else loss.output)
    return names


def optimizer_options(options: argparse.Namespace) -> dict[str, Any]:
    """Those hyperparameters that were given."""
    return {name: getattr(options, name) for name in OPTIMIZER_OPTIONS if getattr(options, name) is not None}


def _add_network(group: Any) -> None:
    group.add_argument(
        "--hidden", type=_hidden, default=(2,), metavar="N[,N...]", help="units of each hidden layer, or none (default 2)"
    )
    group.add_argument(
        "--activation",
        type=_activation_names,
        default=("sigmoid",),
        metavar="NAME[,NAME...]",
        help=f"one for all hidden layers, or one for each; one more for the output, else what suits the loss: {', '.join(ACTIVATIONS)}",
    )
    group.add_argument("--bias", action="store_true", help="give each layer a bias (the lesson has none)")
    group.add_argument("--normalization", choices=tuple(NORMALIZATIONS), help="of each hidden layer, before its activation")
    group.add_argument("--dropout", type=float, default=0.0, metavar="P", help="probability, after each hidden layer (default 0)")


def _add_training(group: Any) -> None:
    group.add_argument("--epochs", type=_count, default=900, metavar="N", help="times through the data (default 900)")
    group.add_argument(
        "--loss", choices=tuple(LOSSES), default="half_mse", metavar="NAME", help=f"half_mse (the lesson's) or one of: {', '.join(LOSSES)}"
    )
    group.add_argument("--reduction", choices=REDUCTIONS, default="mean", help="of the loss's terms (default mean)")
    group.add_argument("--optimizer", choices=tuple(OPTIMIZERS), default="sgd", help="the update (default sgd)")
    group.add_argument("--lr", type=float, default=0.005, metavar="LR", help="learning rate (default 0.005)")
    for name in OPTIMIZER_OPTIONS:
        owners = {row.name: row.options[name] for row in OPTIMIZERS.values() if name in row.options}
        default = next(iter(owners.values()))
        flag, of = f"--{name.replace('_', '-')}", ", ".join(owners)
        if isinstance(default, bool):
            group.add_argument(flag, action="store_true", default=None, help=f"of {of}")
        elif isinstance(default, tuple):
            group.add_argument(flag, type=_pair, metavar="B1,B2", help=f"of {of} (default {default[0]:g},{default[1]:g})")
        elif isinstance(default, str):
            group.add_argument(flag, choices=DECAYS, help=f"which parameters decay: {_WHICH_DECAY}")
        else:
            values = "/".join(dict.fromkeys(f"{value:g}" for value in owners.values()))
            group.add_argument(flag, type=float, metavar="X", help=f"of {of} (default {values})")
    group.add_argument("--batch-size", type=_count, metavar="N", help="records of a mini-batch, drawn anew each epoch (default: all)")
    group.add_argument("--drop-last", action="store_true", help="leave out an epoch's last mini-batch where it is short")
    group.add_argument("--accumulate", type=_count, default=1, metavar="N", help="gather each step's gradients from N parts of its batch")
    group.add_argument("--seed", type=_seed, default=21, metavar="N", help="draws weights, mini-batches and masks (default 21)")


def _add_data(group: Any) -> None:
    group.add_argument("--data", metavar="FILE", help="a CSV of the lesson's columns, admit,gre,gpa,rank, or with --target of any")
    group.add_argument("--target", metavar="COLUMN", help="the column of --data to learn; the others are features, text ones one-hot")
    group.add_argument("--split-seed", type=_seed, default=21, metavar="N", help="draws the training records (default 21)")
    group.add_argument(
        "--standardize",
        choices=("all", "train"),
        default="all",
        help="features by mean and deviation of all records, as the lesson does, or of the training records",
    )


def _add_mode(group: Any) -> None:
    group.add_argument(
        "--mode", choices=("free", "follow"), default="free", help="each side keeps its own weights, or PyTorch follows manual's"
    )
    group.add_argument("--every", type=_count, metavar="N", help="report every N-th epoch (default: ten evenly spaced ones)")


def _add_plot(commands: Any) -> None:
    command = commands.add_parser(
        "plot",
        help="a picture of a training, for slides: PNG, SVG or PDF",
        description="Train on both sides, by default the lesson, and draw one picture of it.",
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    command.set_defaults(run="train.plot", command="plot")
    command.fill = _fill_plot


def _fill_plot(command: argparse.ArgumentParser) -> None:
    command.add_argument("picture", metavar="PICTURE", choices=PICTURES, help=f"one of {', '.join(PICTURES)}")
    command.add_argument("file", metavar="FILE", help="what it is written into: .png, .svg or .pdf")
    command.add_argument("--step", type=_count, metavar="N", help="of the deltas (default: the first that differs, else the last)")
    _add_network(command.add_argument_group("the network"))
    _add_training(command.add_argument_group("its training"))
    _add_data(command.add_argument_group("its data"))
    _add_mode(_add_device(command.add_argument_group("how")))
    _leave_what_was_said(command, "step")


def _leave_what_was_said(command: argparse.ArgumentParser, *own: str) -> None:
    """What is not said after the command may have been said before it, but for what is the command's own."""
    for action in command._actions:
        if action.option_strings and action.dest not in own:
            action.default = argparse.SUPPRESS


def _add_grade(commands: Any) -> None:
    command = commands.add_parser(
        "grade",
        help="a folder of attempts that nobody should trust",
        description="Check every attempt of a folder in a confined process; one that is interrupted goes on where it stopped.",
        epilog="exit codes: 0 all attempts are graded, 2 a folder or an option that cannot be used",
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    command.set_defaults(run="grade.grade", command="grade")
    command.fill = _fill_grade


def _fill_grade(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", metavar="DIR", type=_path, help="Python files, folders of them, and zip archives")
    command.add_argument("--out", metavar="RESULTS", type=_path, required=True, help="the folder of the results: lines, a table and a page")
    command.add_argument("--adapter", metavar="FILE", help="a small file that maps files of some other shape onto the contract")
    how = command.add_argument_group("how they are checked")
    how.add_argument("--jobs", type=_count, metavar="N", help="at once (default: one for each core)")
    how.add_argument("--scheduler", metavar="ADDRESS", help="by the workers of a dask cluster: tls://HOST:PORT, or tcp:// on this machine")
    how.add_argument("--shard", type=_shard, default=(1, 1), metavar="i/n", help="the i-th of n parts of the folder, for batch systems")
    how.add_argument("--probe-seed", "--seed", dest="probe_seed", type=_seed, metavar="N", help="draws the probes (default: fresh)")
    how.add_argument("--steps", type=_steps, default=50, metavar="N", help="of the training in lockstep after the probes (default 50)")
    how.add_argument("--timeout", type=_seconds, default=20.0, metavar="S", help="of each answer (default 20 seconds)")
    confinements = ("bubblewrap", "landlock")
    how.add_argument("--confinement", choices=confinements, help="what confines them (default: bubblewrap, or landlock where it fails)")
    how.add_argument("--unsafe-no-sandbox", action="store_true", help="run them in this process, where they may do anything")
    network = "what all are compared with; whatever is not given is the lesson's (with none of these: each one's PROBLEM)"
    _add_problem(command.add_argument_group(network))
    report = command.add_argument_group("report")
    report.add_argument("--hint", type=int, choices=(1, 2, 3), help="give away no more than: 1 which stage, 2 which kind, 3 the mistake")
    report.add_argument("--no-reports", dest="reports", action="store_false", help="no page for each attempt, which takes most of the time")
    report.add_argument("--weights", type=_weights, metavar="K=W[,K=W...]", help=f"of the score: {', '.join(_SCORED)}")


def _add_traces(commands: Any) -> None:
    said = {
        "record": (
            "a training run, kept as a trace",
            "Train one side, by default PyTorch on the lesson, and keep every step in a folder.",
        ),
        "replay": (
            "your own file or program against a recorded run",
            "Train it as the recorded run was trained, and compare every step; torch is not needed.",
        ),
        "diff": ("two recorded runs: where they first part", "Compare two runs of one problem: of another machine, version or precision."),
        "info": ("what a trace keeps", "Say what a trace keeps."),
        "verify": ("whether a trace is as it was written", "Read every part of a trace, and hold it against what its manifest says."),
    }
    fills = {"record": _fill_record, "replay": _fill_replay, "diff": _fill_diff, "info": _fill_trace, "verify": _fill_trace}
    for name, (help_, description) in said.items():
        command = commands.add_parser(name, help=help_, description=description, formatter_class=_Formatter, allow_abbrev=False)
        command.set_defaults(run=f"traces.{name}", command=name)
        command.fill = fills[name]


def _fill_record(command: argparse.ArgumentParser) -> None:
    said = "the folder of the trace; a run that was cut off there goes on"
    command.add_argument("--out", metavar="TRACE", type=_path, required=True, help=said)
    command.add_argument("--side", choices=("torch_ref", "manual"), default="torch_ref", help="which is trained (default torch_ref)")
    command.add_argument("--stages", action="store_true", help="keep every layer's activations and errors too")
    command.add_argument("--hash-inputs", action="store_true", help="keep the inputs' SHA-256, and not the inputs")
    _add_network(command.add_argument_group("the network"))
    _add_training(command.add_argument_group("its training"))
    _add_data(command.add_argument_group("its data"))
    how = _add_device(command.add_argument_group("how"))
    how.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    _leave_what_was_said(command, "out", "side", "stages", "hash_inputs")


def _fill_trace(command: argparse.ArgumentParser) -> None:
    command.add_argument("trace", metavar="TRACE", help="the folder that `record` has written")
    _add_inputs(command)
    command.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def _fill_diff(command: argparse.ArgumentParser) -> None:
    command.add_argument("actual", metavar="TRACE", help="the folder of one run")
    command.add_argument("expected", metavar="TRACE", help="the folder of another")
    _add_inputs(command)
    command.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    command.add_argument("--quiet", action="store_true", help="print the verdict alone")
    _add_report(command)


def _fill_replay(command: argparse.ArgumentParser) -> None:
    command.add_argument("trace", metavar="TRACE", help="the folder that `record` has written")
    _add_attempt(command)
    _add_inputs(command)
    _add_check_report(command.add_argument_group("report"))


def _add_inputs(command: Any) -> None:
    command.add_argument("--data", metavar="FILE", help="its inputs, which it is held against; read if it keeps only their SHA-256")


def _add_check(commands: Any) -> None:
    command = commands.add_parser(
        "check",
        help="your own file of hand-written functions: where it is wrong, and why",
        description="Compare a file's forward, loss, trace, gradients or train_step with PyTorch, and name the mistake where they part.",
        epilog="exit codes: 0 equivalent, 1 any other verdict, 2 a file or an option that cannot be used",
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    command.set_defaults(run="check.check", command="check")
    command.fill = _fill_check


def _fill_check(command: argparse.ArgumentParser) -> None:
    _add_attempt(command)
    how = command.add_argument_group("how it is checked")
    how.add_argument("--probe-seed", "--seed", dest="probe_seed", type=_seed, metavar="N", help="draws the probes again (default: fresh)")
    how.add_argument("--steps", type=_steps, metavar="N", help="of the training in lockstep after the probes (default 50)")
    how.add_argument("--data", dest="probe_data", choices=("drawn", "lesson"), default="drawn", help="the probes' records (default drawn)")
    _add_problem(command.add_argument_group("what it is compared with (default: PROBLEM, or the lesson)"))
    _add_check_report(command.add_argument_group("report"))


def _add_problem(group: Any) -> None:
    group.add_argument("--sizes", dest=f"{_OF}sizes", type=_sizes, metavar="N,N[,N...]", help="units of each layer, inputs first")
    activation_names = "for all layers, or one for each"
    group.add_argument("--activation", dest=f"{_OF}activations", type=_activation_names, metavar="NAME[,NAME...]", help=activation_names)
    group.add_argument("--bias", dest=f"{_OF}bias", action="store_true", default=None, help="each layer has a bias")
    group.add_argument("--loss", dest=f"{_OF}loss", choices=tuple(LOSSES), metavar="NAME", help=f"one of: {', '.join(LOSSES)}")
    group.add_argument("--targets", dest=f"{_OF}targets", choices=TARGETS, help="classes or one_hot (default); or binary: 0 and 1 alone")
    group.add_argument("--reduction", dest=f"{_OF}reduction", choices=REDUCTIONS, help="of the loss's terms")
    group.add_argument("--optimizer", dest=f"{_OF}optimizer", choices=tuple(OPTIMIZERS), help="the update")
    group.add_argument("--lr", dest=f"{_OF}lr", type=float, metavar="LR", help="learning rate of the training in lockstep")
    for name in OPTIMIZER_OPTIONS:
        default = next(row.options[name] for row in OPTIMIZERS.values() if name in row.options)
        flag = f"--{name.replace('_', '-')}"
        if isinstance(default, str):
            group.add_argument(flag, dest=f"{_OF}{name}", choices=DECAYS, help=f"which parameters decay: {_WHICH_DECAY}")
            continue
        kind: dict[str, Any] = {"action": "store_true"} if isinstance(default, bool) else {}
        typed: dict[str, Any] = {} if kind else {"type": _pair if isinstance(default, tuple) else float, "metavar": "X"}
        group.add_argument(flag, dest=f"{_OF}{name}", default=None, help="of the optimizer", **kind, **typed)


def _add_attempt(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", nargs="?", metavar="FILE", help="a Python file")
    command.add_argument("--command", dest="program", metavar="CMD", help="in its place, a program that speaks docs/protocol.md")
    command.add_argument("--timeout", type=_seconds, default=None, metavar="S", help="of each answer of --command (default 10 seconds)")
    command.add_argument("--adapter", metavar="FILE", help="a small file that maps files of some other shape onto the contract")


def _add_check_report(report: Any) -> None:
    report.add_argument("--hint", type=int, choices=(1, 2, 3), help="give away no more than: 1 which stage, 2 which kind, 3 the mistake")
    report.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    report.add_argument("--quiet", action="store_true", help="print the verdict alone")
    _add_report(report)
    report.add_argument("--junitxml", metavar="FILE", help="write the verdict and the stages as JUnit's XML")
    report.add_argument("--github", action="store_true", help="print a GitHub annotation (by itself where GITHUB_ACTIONS is true)")


def _add_common(command: argparse.ArgumentParser) -> Any:
    """The options of every command. A command's own leave alone what was given before it."""

    def default(value: object) -> object:
        return argparse.SUPPRESS if command.argument_default is argparse.SUPPRESS else value

    group = _add_device(command.add_argument_group("how"), default)
    group.add_argument("--json", action="store_true", default=default(False), help="print one JSON object and nothing else")
    group.add_argument("--quiet", action="store_true", default=default(False), help="print the verdict alone")
    _add_report(group, default(None))
    return group


def _add_device(group: Any, default: Callable[[object], object] = lambda value: value) -> Any:
    group.add_argument("--dtype", choices=("float64", "float32"), default=default("float64"), help="precision of both sides")
    group.add_argument("--device", default=default("cpu"), metavar="NAME", help="PyTorch's: cpu, cuda or cuda:N (default cpu)")
    return group


def _add_report(group: Any, default: object = None) -> None:
    group.add_argument("--report", default=default, metavar="FILE", help="write a page with pictures: one HTML file that opens offline")


class _Parser(argparse.ArgumentParser):
    """Bad usage is one line, and exit code 2."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and where all options are listed."""
        self.exit(2, f"{self.prog}: error: {message}; see {self.prog} --help\n")


class _Command(_Parser):
    """A command's parser, which gets its options when it is used: most runs use none."""

    fill: Callable[[argparse.ArgumentParser], object] | None = None

    def parse_known_args(self, *args: Any, **kwargs: Any) -> Any:
        """Fill in the options first."""
        fill, self.fill = self.fill, None
        if fill is not None:
            fill(self)
        return super().parse_known_args(*args, **kwargs)


class _Formatter(argparse.HelpFormatter):
    """As wide as the terminal, which the class above asks of `shutil`, a slow import."""

    def __init__(self, prog: str) -> None:
        columns = os.environ.get("COLUMNS", "")
        try:
            width = int(columns) if columns.isdecimal() and int(columns) else os.get_terminal_size(1).columns
        except OSError:
            width = 80
        super().__init__(prog, width=(width or 80) - 2)


def _path(text: str) -> str:
    """As it is: an empty one, as of a shell's variable that is not set, would be the folder that one is in."""
    if not text:
        raise argparse.ArgumentTypeError("an empty path is no folder; expected its name, or . for the folder that you are in")
    return text


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MOST)) and 0 < int(text) <= MOST):
        raise argparse.ArgumentTypeError(f"{text!r} is not a count; expected a whole number from 1 to {MOST}")
    return int(text)


def _shard(text: str) -> tuple[int, int]:
    part, slash, parts = text.partition("/")
    if not (slash and part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise argparse.ArgumentTypeError(f"{text!r} is no shard; expected i/n, such as 1/4")
    return int(part), int(parts)


def _weights(text: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        try:
            weights[name] = float(number)
        except ValueError:
            weights[name] = -1.0
        if name not in _SCORED or not 0 <= weights[name] < MOST:
            raise argparse.ArgumentTypeError(f"{part!r} is no weight; expected such as backward=2")
    if len(weights) == len(_SCORED) and not any(weights.values()):
        raise argparse.ArgumentTypeError("every weight is 0, and nothing is left to be scored; expected one above 0")
    return weights


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time; expected seconds, more than 0")
    return seconds


def _steps(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) <= MOST):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of steps; expected a whole number from 0 to {MOST}")
    return int(text)


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(_count(part) for part in text.split(","))


def _hidden(text: str) -> tuple[int, ...]:
    return () if text == "none" else tuple(_count(part) for part in text.split(","))


def _pair(text: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not a pair; expected two numbers such as 0.9,0.999")
    return numbers


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) < 2**32):
        raise argparse.ArgumentTypeError(f"{text!r} is not a seed; expected a whole number from 0 to {2**32 - 1}")
    return int(text)


def _activation_names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if name not in ACTIVATIONS:
            raise argparse.ArgumentTypeError(f"{name!r} is no activation; expected one of {', '.join(ACTIVATIONS)}")
    return names
