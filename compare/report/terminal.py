"""A comparison on a terminal, or as plain text in a pipe: the problem, the deltas side by side, the losses, the verdict."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from rich.cells import cell_len
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from ..checking.result import Check
from ..lockstep.result import Comparison
from ..lockstep.training import Training
from ..problem.lesson import EXAMPLE_DELTAS, EXAMPLE_OUTPUT, PRINTED_ACCURACY, PRINTED_LOSSES
from ..problem.pieces import OPTIMIZERS
from ..problem.problem import Problem
from ..rounding.difference import ComparedStep, Difference, largest_share
from ..support.arrays import Array
from ..support.environment import environment
from .words import MARKS, Line, headline, probes, sides, summary_of_check, summary_of_training, why

WIDTH = 80
SHOWN_ENTRIES = 16
_LABEL = 16      # columns that a label may take
PATIENCE = 1.0      # seconds before a progress bar appears

_DIGITS = {"float64": 14, "float32": 8}      # after the point, in exponent notation: as many as fit side by side


@contextmanager
def progress_bar(steps: int, of: str = "steps") -> Iterator[Callable[..., None]]:
    """A function to be told the step reached, and of how many: it shows a bar once a run lasts, on a standard error that is a terminal."""
    console = Console(stderr=True)
    bar = Progress(console=console, transient=True, disable=not console.is_terminal)
    started = time.monotonic()
    task = bar.add_task(of, total=steps)

    def advance(step: int, total: int = steps) -> None:
        if not bar.live.is_started and time.monotonic() - started > PATIENCE:
            bar.start()
        bar.update(task, completed=step, total=total)

    try:
        yield advance
    finally:
        bar.stop()


class Ending(NamedTuple):
    """What the output ends with: the command that repeats it, and the report's path, if there is one."""

    command: str
    report: str | None


def print_training(
    training: Training, device: str, ending: Ending, *, is_lesson: bool, first_steps: int, steps: Collection[int]
) -> None:
    """Everything about a training run, and the deltas of those steps; with `is_lesson`, beside the figures that the lesson prints."""
    console = make_console()
    comparison = training.comparison
    _print_problem(console, comparison, device)
    _print_deltas(console, comparison, first_steps, steps)
    _print_losses(console, training, PRINTED_LOSSES if is_lesson else ())
    if comparison.accuracies is not None:
        manual, torch_ref = comparison.accuracies
        lesson = f"; the lesson: {PRINTED_ACCURACY}" if is_lesson else ""
        console.print(f"Accuracy on the test records: manual {manual:.3f}, torch_ref {torch_ref:.3f}{lesson}\n")
    elif comparison.predictions is not None and comparison.problem.test is not None:
        errors = [f"{float(np.mean((outputs - comparison.problem.test[1]) ** 2)):.12g}" for outputs in comparison.predictions]
        console.print(f"MSE on the test records: manual {errors[0]}, torch_ref {errors[1]}\n")
    _print_verdict(console, comparison, ending)


def print_example(training: Training, ending: Ending) -> None:
    """The worked example, entry by entry, beside the lesson's figures."""
    console = make_console()
    comparison = training.comparison
    kept = comparison.kept[1]
    digits = _DIGITS[comparison.problem.dtype]
    console.print("The lesson's worked example: one record, a 3-2-1 sigmoid network, lr 0.5.")
    console.print("Entries are [to unit, from unit] as in PyTorch; the lesson has them transposed.\n")

    assert kept.actual.output is not None
    assert kept.expected.output is not None
    rows = [("output", EXAMPLE_OUTPUT, kept.actual.output[0, 0], kept.expected.output[0, 0])]
    for name, actual, expected in _deltas(kept):
        for index in np.ndindex(actual.shape):
            rows.append((f"Δ {name}{_index(index)}", EXAMPLE_DELTAS[name][index[0]][index[1]], actual[index], expected[index]))
    table = _table("", "the lesson", "manual", "torch_ref", "")
    agree = 0
    for label, printed, actual, expected in rows:
        same = all(_like(printed, float(value)) == printed for value in (actual, expected))
        agree += same
        table.add_row(label, printed, f"{actual:.{digits}e}", f"{expected:.{digits}e}", "=" if same else "≠")
    console.print(table)
    console.print(f"=: both sides, rounded to its digits, are the lesson's figure: {agree} of {len(rows)}\n")
    _print_verdict(console, comparison, ending)


def _print_problem(console: Output, comparison: Comparison, device: str) -> None:
    problem = comparison.problem
    ran = environment(device)
    parts = [" ".join(problem.activations), "biases" if problem.bias else "no biases"]
    parts += [problem.normalization] if problem.normalization else []
    parts += [f"dropout {problem.dropout:g}"] if problem.dropout else []
    console.say(f"Network  {'-'.join(map(str, problem.sizes))}, {', '.join(parts)}; loss {_loss(problem)}, {_update(problem)}")
    tests = 0 if problem.test is None else len(problem.test[0])
    batches = f"; mini-batches of {problem.batch_size}" if problem.batch_size else ""
    batches += f" in {problem.accumulate} parts" if problem.accumulate > 1 else ""
    seed = f"initial weights{', batches' if problem.batch_size else ''}{', masks' if problem.dropout else ''} from seed {problem.seed}"
    console.say(f"Data     {problem.records} training records, {tests} test records{batches}; {seed}")
    console.say(f"Sides    manual: NumPy {ran['numpy']}; torch_ref: PyTorch {ran['torch']} on {device}; both {problem.dtype}")
    console.say(f"Mode     {comparison.mode}, {comparison.steps} steps")
    console.print()


def _loss(problem: Problem) -> str:
    return problem.loss + (", summed" if problem.reduction == "sum" else "")


def _update(problem: Problem) -> str:
    """The optimiser, where it is not plain gradient descent, with what is not its default."""
    defaults = OPTIMIZERS[problem.optimizer].options
    own = [f"{name} {value}" for name, value in problem.optimizer_options.items() if value != defaults[name]]
    name = [problem.optimizer] if problem.optimizer != "sgd" or own else []
    return ", ".join([*name, f"lr {problem.lr:g}", *own])


def _print_deltas(console: Output, comparison: Comparison, first_steps: int, steps: Collection[int]) -> None:
    digits = _DIGITS[comparison.problem.dtype]
    console.print(Text("Weight deltas, side by side", style="bold"))
    table = _table("", "manual", "torch_ref", "differ", "ulp", "share")
    for step in sorted(comparison.kept.keys() & {*steps}):
        kept = comparison.kept[step]
        table.add_row(f"step {step}")
        for difference, is_largest in _shown(kept, every_entry=step <= first_steps):
            table.add_row(
                f"{difference.tensor}{_index(difference.index)}",
                f"{difference.actual:.{digits}e}",
                f"{difference.expected:.{digits}e}",
                f"{difference.difference:.1e}",
                f"{difference.ulps:.1f}",
                f"{difference.share:.1%}" + ("*" if is_largest else " "),
            )
    console.print(table)
    console.print("differ: |manual − torch_ref|; share: of what rounding allows; *: largest share.")
    console.print(f"After step {first_steps}, and of large tensors, the largest alone is shown.\n")


def _shown(kept: ComparedStep, *, every_entry: bool) -> Iterator[tuple[Difference, bool]]:
    """The deltas to show of a step, and whether each is the one with its tensor's largest share."""
    assert kept.allowed.deltas is not None
    for name, actual, expected in _deltas(kept):
        key, allowed = ("deltas", name), kept.allowed.deltas[name]
        largest = largest_share(kept.step, key, actual, expected, allowed)
        if every_entry and actual.size <= SHOWN_ENTRIES:
            for index in np.ndindex(actual.shape):
                yield Difference.at(kept.step, *key, index, actual, expected, allowed), index == largest.index
        else:
            yield largest, True


def _print_losses(console: Output, training: Training, printed: tuple[float, ...]) -> None:
    if not training.epochs:
        return
    console.print(Text("Losses after the update of each epoch", style="bold"))
    sides = (training.manual, training.torch_ref)
    columns: list[tuple[str, Sequence[float]]] = []
    if printed:
        columns += [("the lesson's", printed)]
        columns += [(name, side.lesson_loss) for name, side in zip(("manual", "torch_ref"), sides, strict=True)]
    else:
        columns += [(name, side.loss) for name, side in zip(("manual", "torch_ref"), sides, strict=True)]
    if training.manual.mse:
        columns += [(name, side.mse) for name, side in zip(("MSE manual", "MSE torch_ref"), sides, strict=True)]
    table = _table("epoch", *(name for name, _ in columns))
    for i, epoch in enumerate(training.epochs):
        table.add_row(str(epoch), *(f"{values[i]:.12f}" for _, values in columns))
    console.print(table)
    if printed:
        console.print(
            "manual, torch_ref: what the lesson prints as its training loss: its prediction\n"
            "for the last record held against all targets. MSE: the true mean squared error.\n"
        )
    else:
        about = f"manual, torch_ref: {_loss(training.comparison.problem)} over the training records, in evaluation."
        console.print(about + (" MSE: the mean squared error.\n" if training.manual.mse else "\n"))


def _print_verdict(console: Output, comparison: Comparison, ending: Ending) -> None:
    first, *rest = comparison.explanation().split("\n")
    verdict, _, text = first.partition(":")
    style = "bold green" if comparison.verdict == "equivalent" else "bold red"
    if comparison.stopped:
        console.say(f"Stopped at step {comparison.steps}: {comparison.stopped}")
    elif comparison.worst is not None and comparison.first_divergence is None:
        worst = comparison.worst
        where = worst.phase if worst.phase == worst.tensor else f"{worst.phase} {worst.tensor}"
        how_near = f"{worst.ulps:.1f} ulp, {worst.share:.1%} of it"
        console.say(f"Nearest to its bound: step {worst.step}, {where}{_index(worst.index)}, {how_near}")
        console.say(f"Drift between the two sides' weights: {comparison.drift:.1e} before step {comparison.steps}")
    if ending.report:
        console.print(Text(f"Report: {ending.report}"))
    console.say(Text(verdict.upper(), style=style) + Text(f":{text}"), hang=2)
    for line in rest:
        console.say(line)
    print_summary(console, summary_of_training(comparison, ending.command))


def print_summary(console: Output, lines: Iterable[Line]) -> None:
    """The lines that matter of what differs, last."""
    for line in lines:
        console.say(Text(f"{line.of:5}  ", style="bold") + Text(line.text), hang=7, whole=line.text.partition("repeat: ")[2])


def make_console() -> Output:
    """Standard output. A terminal wraps what is wider than it; a pipe has its lines whole, and tables of 80 columns."""
    console = Output(highlight=False, markup=False, soft_wrap=True)
    console.room = console.width
    console.width = max(console.width, WIDTH)
    return console


class Output(Console):
    """A console that says a line with its further rows below its text, where it is a terminal."""

    room = WIDTH

    def say(self, text: Text | str, hang: int | None = None, whole: str = "") -> None:
        """Print a line; its further rows begin at column `hang`, by default below what follows its label.

        What it ends with and is to stay `whole`, so that it can be copied, has a row of its own where it does not fit.
        """
        text = text if isinstance(text, Text) else Text(text)
        hang = _hang(text.plain) if hang is None else hang
        if not self.is_terminal or cell_len(text.plain) <= self.room:
            self.print(text)
            return
        cut = len(text) - len(whole)
        rows = [*text[hang:cut].wrap(self, max(self.room - hang, 20)), *([text[cut:]] if whole else [])]
        for n, row in enumerate(rows):
            row.rstrip()
            self.print((text[:hang] if n == 0 else Text(" " * hang)) + row)

    def on_broken_pipe(self) -> None:
        """Leave a closed pipe to the caller, instead of exiting with 1, which would say "different"."""
        raise BrokenPipeError


def _hang(line: str) -> int:
    """Where the text of a line begins: after its indentation, and after a label with two spaces behind it."""
    label = re.match(r" *[^ ]+( [^ ]+)* {2,}", line)
    return label.end() if label and label.end() <= _LABEL else len(line) - len(line.lstrip(" "))


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for position, column in enumerate(columns):
        table.add_column(column, justify="left" if position == 0 else "right", no_wrap=True)
    return table


def _deltas(kept: ComparedStep) -> Iterator[tuple[str, Array, Array]]:
    assert kept.actual.deltas is not None
    assert kept.expected.deltas is not None
    for name, actual in kept.actual.deltas.items():
        yield name, actual, kept.expected.deltas[name]


def _index(index: tuple[int, ...] | None) -> str:
    return f"[{','.join(map(str, index))}]" if index else ""


def _like(printed: str, value: float) -> str:
    """The value, written with as many digits, and in the notation, of the printed figure."""
    mantissa, _, exponent = printed.partition("e")
    places = len(mantissa.partition(".")[2])
    return f"{value:.{places}{'e' if exponent else 'f'}}"


_STYLES = {"agrees": "green", "wrong": "bold red", "inherits": "yellow"}


def print_check(check: Check, command: str, hint: Mapping[str, str] | None = None, report: str | None = None) -> None:
    """The whole check; with a hint, only what the hint says."""
    console = make_console()
    for side in sides(check):
        console.say(side, hang=2)
    if probes(check):
        console.print(Text(f"Probes {probes(check)}"))
    for sentence in (*check.conventions, *check.scales):
        console.say(f"Found: {sentence}", hang=7)
    for note in check.notes:
        console.say(f"Note: {note}", hang=6)
    if check.printed:
        console.print(Text("It printed:", style="dim"))
        for line in check.printed.rstrip("\n").split("\n"):
            console.say(f"  | {line}", hang=4)
    if check.stages:
        console.print()
    width = max((len(stage.name) for stage in check.stages), default=0)
    for stage in check.stages:
        said = {"agrees": "agrees", "wrong": "wrong here", "inherits": "follows from what is wrong before it"}[stage.mark]
        where = ""
        if stage.mark == "wrong" and stage.difference is not None:
            index = f" {list(stage.difference.index)}" if stage.difference.index else ""
            where = f": step {stage.difference.step}{index}"
        console.say(Text(f"{MARKS[stage.mark]} {stage.name:{width}}  {said}{where}", style=_STYLES[stage.mark]), hang=width + 4)
    console.print()
    if report:
        console.print(Text(f"Report: {report}"))
    verdict, _, rest = headline(check).partition(":")
    style = "bold green" if check.verdict == "equivalent" else "bold red"
    console.say(Text(verdict.upper(), style=style) + Text(f":{rest}"), hang=2)
    for line in why(check, hint):
        console.say(line)
    if check.verdict != "equivalent":
        print_summary(console, summary_of_check(check, command, hint))
