"""The command line's arguments: the commands, their options, and what their help says. Importing this loads neither NumPy nor torch."""

from __future__ import annotations

import argparse
import sys

from ..problem.networks import NETWORKS
from ..problem.pieces import ACTIVATIONS, DECAYS, LOSSES, NORMALIZATIONS, OPTIMIZERS, REDUCTIONS, TARGETS
from ..support import __version__
from . import exercises, parsers
from .argparse_classes import Parser
from .completion import SHELLS, PrintCompletion

TYPE_CHECKING = False      # as `typing` has it, which takes longer to import than the help to print
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

_OTHERWISE = "2 bad usage or input, 3 internal fault, 130 interrupted"      # exit codes of all commands
_LESSONS = {"epochs": 900, "optimizer": "sgd", "lr": 0.005}      # unless --network says others
_OF_NETWORK = ("--network", "--seed", "--epochs", "--batch-size", "--optimizer", "--lr", "--mode", "--every", "--verbose")
_OF = "problem_"      # before the names of `check`'s problem options, whose defaults differ from those of the training's options
_OF_SHAPE = "shape_"      # before the names of the options that say where a network is in a file
_SHAPE = {
    "class": ("NAME", "the class of the network"),
    "weights": ("NAME[,NAME...]", "the attributes or variables that hold its weights, input first"),
    "biases": ("NAME[,NAME...]", "those that hold its biases"),
    "step": ("NAME[,NAME...]", "the method that makes a step, or the functions that go back and update"),
    "forward": ("NAME", "the method or function that returns the output"),
}
PICTURES = ("loss", "difference", "deltas", "shares", "network")
OPTIMIZER_OPTIONS = tuple(dict.fromkeys(option for row in OPTIMIZERS.values() for option in row.options))
_HOW = ("--dtype", "--device", "--json", "--quiet", "--report")
_ATTEMPT = ("file", "--command", "--timeout", "--adapter")
_CHECK_REPORT = ("--hint", "--json", "--quiet", "--report", "--junitxml", "--github")
_SHARED: dict[str, dict[str, Any]] = {      # the options of several commands
    "trace": {"metavar": "TRACE", "help": "the folder that `record` has written"},
    "file": {"nargs": "?", "metavar": "FILE", "help": "a Python file, or a notebook"},
    "--command": {"dest": "program", "metavar": "CMD", "help": "in its place, a program that speaks docs/protocol.md"},
    "--timeout": {"type": parsers.seconds, "metavar": "S", "help": "of each answer of --command (default 10 seconds)"},
    "--adapter": {"metavar": "NAME", "help": "what maps files of some other shape onto the contract: a file, or a name of those that ship"},
    "--data": {"metavar": "FILE", "help": "its inputs, which it is held against; read if it keeps only their SHA-256"},
    "--dtype": {"choices": ("float64", "float32"), "default": "float64", "help": "precision of both sides"},
    "--device": {"default": "cpu", "metavar": "NAME", "help": "PyTorch's: cpu, cuda or cuda:N (default cpu)"},
    "--mode": {"choices": ("free", "follow"), "default": "free", "help": "each side keeps its own weights, or PyTorch follows manual's"},
    "--every": {"type": parsers.count, "metavar": "N", "help": "report every N-th epoch (default: ten evenly spaced ones)"},
    "--hint": {"type": int, "choices": (1, 2, 3), "help": "give away no more than: 1 which stage, 2 which kind, 3 the mistake"},
    "--json": {"action": "store_true", "help": "print one JSON object and nothing else"},
    "--quiet": {"action": "store_true", "help": "print the verdict alone"},
    "--verbose": {"action": "store_true", "help": "print more steps, more entries and more epochs"},
    "--report": {"metavar": "FILE", "help": "write a page with pictures: one HTML file that opens offline"},
    "--junitxml": {"metavar": "FILE", "help": "write the verdict and the stages as JUnit's XML"},
    "--github": {"action": "store_true", "help": "print a GitHub annotation (by itself where GITHUB_ACTIONS is true)"},
}


def parser() -> Parser:
    """Return the parser; the option `run` names a module of `compare.cli` and its function that runs the command."""
    top = Parser(
        prog="backprop-compare",
        description="Train a hand-written NumPy network and its PyTorch reference side by side, and compare every step to rounding.",
        epilog=f"exit codes: 0 equivalent, 1 different, {_OTHERWISE}",
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    completes = "print the script that completes commands and options there: eval \"$(backprop-compare --completion bash)\""
    top.add_argument("--completion", action=PrintCompletion, choices=SHELLS, default=argparse.SUPPRESS, metavar="SHELL", help=completes)
    top.set_defaults(run="train.train", command=None)
    network, training = "the lesson's: 6-2-1, sigmoid, no biases", "the lesson's: 900 epochs of the whole data"
    _add_training(top, f" (by default {network})", f" (by default {training})", " (by default the lesson's)")
    _add_shared(top.add_argument_group("how"), *_HOW, "--verbose", "--mode", "--every")
    commands = top.add_subparsers(title="other commands", metavar="COMMAND", parser_class=Parser)
    family: dict[str, Parser] = {"": top}
    for run, fill, help_, description, codes in _COMMANDS:
        name = run.partition(".")[2]
        command = commands.add_parser(name, help=help_, description=description, epilog=f"exit codes: {codes}, {_OTHERWISE}")
        command.set_defaults(run=run, command=name)
        command.fill, family[name] = fill, command
    for each in family.values():
        each.family = family
    return top


def parsed(top: Parser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the options; exit with 2 for bad usage, also for an option that belongs to another command."""
    options = top.parse_args(argv)
    own = top.family[options.command or ""]
    options.argv = list(sys.argv[1:] if argv is None else argv)
    if options.quiet and options.verbose:
        own.error("--quiet and --verbose are given; expected one of them")
    if options.command in ("check", "replay"):
        if (options.file is None) == (options.program is None):
            own.error(f"{options.command} takes a FILE or --command CMD; expected one of them")
        name, of = ("adapter", "a FILE") if options.program else ("timeout", "--command")
        if getattr(options, name) is not None:
            own.error(f"--{name} is for {of}")
    if options.command == "check" and options.names is not None and options.reference is None:
        own.error("--names is for --reference")
    if options.command not in (None, "plot", "record"):
        defaults = vars(top.parse_args([]))
        others = {"--run", "--command", *_HOW, *(["--data"] if options.run.startswith("traces.") else [])}
        for name in sorted(defaults):
            flag = f"--{name.replace('_', '-')}"
            if flag not in others and getattr(options, name) != defaults[name]:
                own.error(f"{flag} is no option of {options.command}")
    if options.command in (None, "plot", "record"):
        _complete(top, options)
    return options


def _complete(top: Parser, options: argparse.Namespace) -> None:
    """Set what the options leave to the lesson, or to the network of --network; exit with 2 for one that such a network does not have."""
    chosen, own = _LESSONS, top.family[options.command or ""]
    if options.network is not None:
        if options.command == "plot":
            own.error("--network is no option of plot; its pictures are in --report")
        row, defaults = NETWORKS[options.network], vars(top.parse_args([]))
        taken = {*_OF_NETWORK, *_HOW, *(f"--{name.replace('_', '-')}" for name in (*OPTIMIZER_OPTIONS, *row.takes)), "--run", "--command"}
        for name in sorted(defaults):
            flag = f"--{name.replace('_', '-')}"
            if flag not in taken and getattr(options, name) != defaults[name]:
                own.error(f"{flag} is no option of --network {options.network}")
        chosen = {name: getattr(row, name) for name in (*_LESSONS, "batch_size")}
        options.run = "network." + options.run.partition(".")[2]
    for name, value in chosen.items():
        if getattr(options, name) is None:
            setattr(options, name, value)


def checked_problem(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the options of `check` or `grade` say of the problem, with the keys of a file's PROBLEM."""
    declared = {name.removeprefix(_OF): value for name, value in vars(options).items() if name.startswith(_OF) and value is not None}
    if len(declared.get("activations", ())) == 1:
        declared["activations"] = declared["activations"][0]
    return declared


def shape(options: argparse.Namespace) -> dict[str, str]:
    """Return what the options of `check` say of the file's shape."""
    return {name: value for name in _SHAPE if (value := getattr(options, f"{_OF_SHAPE}{name}", None)) is not None}


def activations(options: argparse.Namespace) -> tuple[str, ...]:
    """Return the activation of each layer: one name is for all hidden layers, else there is one for each, and maybe one for the output.

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
    """Return the hyperparameters that the command line sets."""
    return {name: getattr(options, name) for name in OPTIMIZER_OPTIONS if getattr(options, name) is not None}


def _add_training(parser: argparse.ArgumentParser, of_network: str = "", of_training: str = "", of_data: str = "") -> None:
    """Add three groups of options: the network, its training and its data; each text ends its group's title."""
    add = parser.add_argument_group(f"the network{of_network}").add_argument
    whole = f"in place of a perceptron: {', '.join(NETWORKS)}, each with its data and training"
    add("--network", choices=tuple(NETWORKS), metavar="NAME", help=whole)
    names = f"one for all hidden layers, or one for each; one more for the output, else what suits the loss: {', '.join(ACTIVATIONS)}"
    add("--hidden", type=parsers.hidden, default=(2,), metavar="N[,N...]", help="units of each hidden layer, or none (default 2)")
    add("--activation", type=parsers.activation_names, default=("sigmoid",), metavar="NAME[,NAME...]", help=names)
    add("--bias", action="store_true", help="give each layer a bias (the lesson has none)")
    add("--normalization", choices=tuple(NORMALIZATIONS), help="of each hidden layer, before its activation")
    add("--dropout", type=parsers.number, default=0.0, metavar="P", help="probability, after each hidden layer (default 0)")

    group = parser.add_argument_group(f"its training{of_training}")
    add, named = group.add_argument, f"half_mse (the lesson's) or one of: {', '.join(LOSSES)}"
    add("--epochs", type=parsers.count, metavar="N", help="times through the data (default 900)")
    add("--loss", choices=tuple(LOSSES), default="half_mse", metavar="NAME", help=named)
    add("--reduction", choices=REDUCTIONS, default="mean", help="of the loss's terms (default mean)")
    add("--optimizer", choices=tuple(OPTIMIZERS), help="the update (default sgd)")
    add("--lr", type=parsers.number, metavar="LR", help="learning rate (default 0.005)")
    _add_optimizer_options(group)
    add("--batch-size", type=parsers.count, metavar="N", help="records of a mini-batch, drawn anew each epoch (default: all)")
    add("--drop-last", action="store_true", help="leave out an epoch's last mini-batch where it is short")
    add("--accumulate", type=parsers.count, default=1, metavar="N", help="gather each step's gradients from N parts of its batch")
    add("--seed", type=parsers.seed, default=21, metavar="N", help="draws weights, mini-batches and masks (default 21)")

    add = parser.add_argument_group(f"its data{of_data}").add_argument
    of = "a CSV of the lesson's columns, admit,gre,gpa,rank, or with --target of any; or of --network's own kind"
    add("--data", metavar="FILE", help=of)
    add("--target", metavar="COLUMN", help="the column of --data to learn; the others are features, text ones one-hot")
    add("--features", type=parsers.columns, metavar="COLUMN,...", help="the columns of --data that are features (default: all others)")
    add("--drop", type=parsers.columns, metavar="COLUMN,...", help="columns of --data to leave out, such as identifiers")
    add("--missing", choices=("drop", "mean"), help="leave out records with missing cells, or fill in the column's mean (default: refuse)")
    add("--split-seed", type=parsers.seed, default=21, metavar="N", help="draws the training records (default 21)")
    of = "features by mean and deviation of all records, as the lesson does, or of the training records"
    add("--standardize", choices=("all", "train"), default="all", help=of)


def _add_optimizer_options(group: Any, prefix: str = "") -> None:
    """Add the optimisers' hyperparameters; with a `prefix` of their names in the options, they do not say their owners and defaults."""
    for name in OPTIMIZER_OPTIONS:
        owners = {row.name: row.options[name] for row in OPTIMIZERS.values() if name in row.options}
        default, of = next(iter(owners.values())), f"of {', '.join(owners)}"
        kind: dict[str, Any]
        if isinstance(default, bool):
            kind = {"action": "store_true", "default": None}
        elif isinstance(default, str):
            kind, of = {"choices": DECAYS}, "which parameters decay: all, or the weights and no bias, γ or β (default all)"
        elif isinstance(default, tuple):
            kind = {"type": parsers.pair, "metavar": "X" if prefix else "B1,B2"}
            of += f" (default {default[0]:g},{default[1]:g})"
        else:
            kind = {"type": parsers.number, "metavar": "X"}
            of += f" (default {'/'.join(dict.fromkeys(f'{value:g}' for value in owners.values()))})"
        text = "of the optimizer" if prefix and not isinstance(default, str) else of
        group.add_argument(f"--{name.replace('_', '-')}", dest=f"{prefix}{name}", help=text, **kind)


def _fill_plot(command: argparse.ArgumentParser) -> None:
    command.add_argument("picture", metavar="PICTURE", choices=PICTURES, help=f"one of {', '.join(PICTURES)}")
    command.add_argument("file", metavar="FILE", help="what it is written into: .png, .svg or .pdf")
    command.add_argument("--step", type=parsers.count, metavar="N", help="of the deltas (default: the first that differs, else the last)")
    _add_training(command)
    _add_shared(command.add_argument_group("how"), "--dtype", "--device", "--mode", "--every")
    _suppress_defaults(command, "step")


def _suppress_defaults(command: argparse.ArgumentParser, *own: str) -> None:
    """Let options before the command's name hold where they are not repeated after it; its `own` options keep their defaults."""
    for action in command._actions:
        if action.option_strings and action.dest not in own:
            action.default = argparse.SUPPRESS


def _fill_grade(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", metavar="DIR", type=parsers.path, help="Python files, notebooks, folders of them, and zip archives")
    out = "the folder of the results: lines, a table and a page"
    command.add_argument("--out", metavar="RESULTS", type=parsers.path, required=True, help=out)
    _add_shared(command, "--adapter")
    how = command.add_argument_group("how they are checked").add_argument
    how("--jobs", type=parsers.count, metavar="N", help="at once (default: one for each core)")
    how("--scheduler", metavar="ADDRESS", help="by the workers of a dask cluster: tls://HOST:PORT, or tcp:// on this machine")
    how("--shard", type=parsers.shard, default=(1, 1), metavar="i/n", help="the i-th of n parts of the folder, for batch systems")
    how("--probe-seed", "--seed", dest="probe_seed", type=parsers.seed, metavar="N", help="draws the probes (default: fresh)")
    how("--steps", type=parsers.steps, default=50, metavar="N", help="of the training in lockstep after the probes (default 50)")
    how("--timeout", type=parsers.seconds, default=20.0, metavar="S", help="of each answer (default 20 seconds)")
    confinements = ("bubblewrap", "landlock")
    how("--confinement", choices=confinements, help="what confines them (default: bubblewrap, or landlock where it fails)")
    how("--unsafe-no-sandbox", action="store_true", help="run them in this process, where they may do anything")
    _add_problem(command, "what all are compared with; whatever is not given is the lesson's (with none of these: each one's PROBLEM)")
    report = command.add_argument_group("report")
    _add_shared(report, "--hint")
    no_page = "no page for each attempt, which takes most of the time"
    report.add_argument("--no-reports", dest="reports", action="store_false", help=no_page)
    report.add_argument("--weights", type=parsers.weights, metavar="K=W[,K=W...]", help=f"of the score: {', '.join(parsers.SCORED)}")


def _fill_record(command: argparse.ArgumentParser) -> None:
    out = "the folder of the trace; a run that was cut off there goes on"
    command.add_argument("--out", metavar="TRACE", type=parsers.path, required=True, help=out)
    command.add_argument("--side", choices=("torch_ref", "manual"), default="torch_ref", help="which is trained (default torch_ref)")
    command.add_argument("--stages", action="store_true", help="keep every layer's activations and errors too")
    command.add_argument("--hash-inputs", action="store_true", help="keep the inputs' SHA-256, and not the inputs")
    _add_training(command)
    _add_shared(command.add_argument_group("how"), "--dtype", "--device", "--json")
    _suppress_defaults(command, "out", "side", "stages", "hash_inputs")


def _fill_trace(command: argparse.ArgumentParser) -> None:
    _add_shared(command, "trace", "--data", "--json")


def _fill_diff(command: argparse.ArgumentParser) -> None:
    command.add_argument("actual", metavar="TRACE", help="the folder of one run")
    command.add_argument("expected", metavar="TRACE", help="the folder of another")
    _add_shared(command, "--data", "--json", "--quiet", "--report")


def _fill_replay(command: argparse.ArgumentParser) -> None:
    _add_shared(command, "trace", *_ATTEMPT, "--data")
    _add_shared(command.add_argument_group("report"), *_CHECK_REPORT)


def _fill_check(command: argparse.ArgumentParser) -> None:
    _add_shared(command, *_ATTEMPT)
    how = command.add_argument_group("how it is checked").add_argument
    how("--probe-seed", "--seed", dest="probe_seed", type=parsers.seed, metavar="N", help="draws the probes again (default: fresh)")
    how("--steps", type=parsers.steps, metavar="N", help="of the training in lockstep after the probes (default 50)")
    how("--reference", metavar="FILE:NAME", help="its reference: a function that returns any nn.Module, or its Problem")
    how("--names", type=parsers.names, metavar="THEIRS=OURS,...", help="its names of parameters, where they are not --reference's")
    how("--watch", action="store_true", help="check again whenever the file is saved")
    how("--data", dest="probe_data", choices=("drawn", "lesson"), default="drawn", help="the probes' records (default drawn)")
    shape = command.add_argument_group("where the network is in a file without the contract's functions (default: it is found)")
    for name, (metavar, text) in _SHAPE.items():
        shape.add_argument(f"--{name}", dest=f"{_OF_SHAPE}{name}", metavar=metavar, help=text)
    _add_problem(command, "what it is compared with (default: PROBLEM, or the lesson)")
    _add_shared(command.add_argument_group("report"), *_CHECK_REPORT)


def _fill_example(command: argparse.ArgumentParser) -> None:
    _add_shared(command.add_argument_group("how"), *_HOW)
    _suppress_defaults(command)


def _add_problem(command: argparse.ArgumentParser, title: str) -> None:
    group = command.add_argument_group(title)

    def add(name: str, dest: str | None = None, **options: Any) -> None:
        group.add_argument(f"--{name}", dest=f"{_OF}{dest or name}", **options)

    names = "for all layers, or one for each"
    add("sizes", type=parsers.sizes, metavar="N,N[,N...]", help="units of each layer, inputs first")
    add("activation", "activations", type=parsers.activation_names, metavar="NAME[,NAME...]", help=names)
    add("bias", action="store_true", default=None, help="each layer has a bias")
    add("loss", choices=tuple(LOSSES), metavar="NAME", help=f"one of: {', '.join(LOSSES)}")
    add("targets", choices=TARGETS, help="classes or one_hot (default); or binary: 0 and 1 alone")
    add("reduction", choices=REDUCTIONS, help="of the loss's terms")
    add("optimizer", choices=tuple(OPTIMIZERS), help="the update")
    add("lr", type=parsers.number, metavar="LR", help="learning rate of the training in lockstep")
    _add_optimizer_options(group, _OF)


def _add_shared(group: Any, *names: str) -> None:
    for name in names:
        group.add_argument(name, **_SHARED[name])


_OF_TRAINING, _OF_ATTEMPT = "0 equivalent, 1 different", "0 equivalent, 1 any other verdict"

# The commands: module and function that run it, what adds its options, its line in the list of commands, its help's first line, exit codes.
# fmt: off
_COMMANDS: tuple[tuple[str, Callable[[argparse.ArgumentParser], None], str, str, str], ...] = (
    ("train.example", _fill_example, "the lesson's worked example: one record, one step, entry by entry",
     "Take the lesson's worked example through both sides, beside the figures that the lesson prints.", _OF_TRAINING),
    ("check.check", _fill_check, "your own file of hand-written functions: where it is wrong, and why",
     "Compare a file's forward, loss, trace, gradients or train_step with PyTorch, and name the mistake where they part.",
     _OF_ATTEMPT),
    ("exercises.exercises", exercises.fill, "the guide's exercises, or a teacher's: start one, and check what you write",
     "Learn by doing: each exercise is a file with one function left out, to be written and checked.", "0 done or solved, 1 not yet"),
    ("train.plot", _fill_plot, "a picture of a training, for slides: PNG, SVG or PDF",
     "Train on both sides, by default the lesson, and draw one picture of it.", _OF_TRAINING),
    ("grade.grade", _fill_grade, "a folder of attempts that nobody should trust",
     "Check every attempt of a folder in a confined process; one that is interrupted goes on where it stopped.",
     "0 all attempts are graded"),
    ("traces.record", _fill_record, "a training run, kept as a trace",
     "Train one side, by default PyTorch on the lesson, and keep every step in a folder.", "0 the run is kept"),
    ("traces.replay", _fill_replay, "your own file or program against a recorded run",
     "Train it as the recorded run was trained, and compare every step; torch is not needed.", _OF_ATTEMPT),
    ("traces.diff", _fill_diff, "two recorded runs: where they first part",
     "Compare two runs of one problem: of another machine, version or precision.", _OF_TRAINING),
    ("traces.info", _fill_trace, "what a trace keeps", "Say what a trace keeps.", "0 the trace is whole"),
    ("traces.verify", _fill_trace, "whether a trace is as it was written",
     "Read every part of a trace, and hold it against what its manifest says.", "0 it is as it was written"),
)
# fmt: on
