"""A comparison on a terminal, or as plain text in a pipe: the problem, the deltas side by side, the losses, the verdict."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
from rich.table import Table
from rich.text import Text

from ..checking.result import Check
from ..lockstep.difference import ComparedStep, Difference, largest_share
from ..lockstep.result import Comparison
from ..lockstep.training import Training
from ..problem.lesson import EXAMPLE_DELTAS, EXAMPLE_OUTPUT, PRINTED_ACCURACY, PRINTED_LOSSES
from ..problem.pieces import OPTIMIZERS
from ..problem.problem import Problem
from ..support.environment import environment
from .console import Output, make_console, print_summary, print_verdict
from .words import MARKS, headline, probes, sides, step_and_index, summary_of_check, summary_of_training, why

FIRST_STEPS = 3      # steps of which every entry of the deltas is shown
_SHOWN_ENTRIES = 16      # of a parameter, that are shown one by one in the first steps
_DIGITS = {"float64": 14, "float32": 8}      # after the point, in exponent notation: as many as fit side by side
_STYLES = {"agrees": "green", "wrong": "bold red", "inherits": "yellow"}


def print_training(training: Training, device: str, command: str, report: str | None, *, is_lesson: bool, steps: Collection[int]) -> None:
    """Print a training with the deltas of `steps`; with `is_lesson`, beside the figures that the lesson prints; `command` repeats it."""
    console = make_console()
    comparison = training.comparison
    _print_problem(console, comparison, device)
    print_deltas(console, comparison, steps)
    _print_losses(console, training, PRINTED_LOSSES if is_lesson else ())
    if comparison.accuracies is not None:
        manual, torch_ref = comparison.accuracies
        lesson = f"; the lesson: {PRINTED_ACCURACY}" if is_lesson else ""
        console.print(f"Accuracy on the test records: manual {manual:.3f}, torch_ref {torch_ref:.3f}{lesson}\n")
    elif comparison.predictions is not None and comparison.problem.test is not None:
        errors = [f"{float(np.mean((outputs - comparison.problem.test[1]) ** 2)):.12g}" for outputs in comparison.predictions]
        console.print(f"MSE on the test records: manual {errors[0]}, torch_ref {errors[1]}\n")
    print_comparison_verdict(console, comparison, command, report)


def print_example(training: Training, command: str, report: str | None) -> None:
    """Print the worked example, entry by entry, beside the lesson's figures."""
    console = make_console()
    comparison = training.comparison
    kept = comparison.kept[1]
    digits = _DIGITS[comparison.problem.dtype]
    console.print("The lesson's worked example: one record, a 3-2-1 sigmoid network, lr 0.5.")
    console.print("Entries are [to unit, from unit] as in PyTorch; the lesson has them transposed.\n")

    assert kept.actual.output is not None
    assert kept.expected.output is not None
    rows = [("output", EXAMPLE_OUTPUT, kept.actual.output[0, 0], kept.expected.output[0, 0])]
    for name, actual, expected, _ in kept.deltas():
        for index in np.ndindex(actual.shape):
            rows.append((f"Δ {name}{_index(index)}", EXAMPLE_DELTAS[name][index[0]][index[1]], actual[index], expected[index]))
    table = table_of("", "the lesson", "manual", "torch_ref", "")
    agree = 0
    for label, printed, actual, expected in rows:
        same = all(_like(printed, float(value)) == printed for value in (actual, expected))
        agree += same
        table.add_row(label, printed, f"{actual:.{digits}e}", f"{expected:.{digits}e}", "=" if same else "≠")
    console.print(table)
    console.print(f"=: both sides, rounded to its digits, are the lesson's figure: {agree} of {len(rows)}\n")
    print_comparison_verdict(console, comparison, command, report)


def _print_problem(console: Output, comparison: Comparison, device: str) -> None:
    problem = comparison.problem
    ran = environment(device)
    sizes, biases = "-".join(map(str, problem.sizes)), "biases" if problem.bias else "no biases"
    dropout = f"dropout {problem.dropout:g}" if problem.dropout else None
    network = ", ".join(filter(None, (sizes, " ".join(problem.activations), biases, problem.normalization, dropout)))
    console.say(f"Network  {network}; loss {_loss(problem)}, {_update(problem)}")
    tests = 0 if problem.test is None else len(problem.test[0])
    batches = f"; mini-batches of {problem.batch_size}" if problem.batch_size else ""
    batches += f" in {problem.accumulate} parts" if problem.accumulate > 1 else ""
    seed = f"initial weights{', batches' if problem.batch_size else ''}{', masks' if problem.dropout else ''} from seed {problem.seed}"
    console.say(f"Data     {problem.records} training records, {tests} test records{batches}; {seed}")
    console.say(f"Sides    manual: NumPy {ran['numpy']}; torch_ref: PyTorch {ran['torch']} on {device}")
    console.say(f"Mode     {comparison.mode}, {comparison.steps} steps in {problem.dtype}")
    console.print()


def _loss(problem: Problem) -> str:
    return problem.loss + {"mean": "", "sum": ", summed", "batchmean": ", summed over outputs"}[problem.reduction]


def _update(problem: Problem) -> str:
    """Say the optimiser, unless it is plain gradient descent, the learning rate, and options that are not the defaults."""
    defaults = OPTIMIZERS[problem.optimizer].options
    own = [f"{name} {value}" for name, value in problem.optimizer_options.items() if value != defaults[name]]
    name = [problem.optimizer] if problem.optimizer != "sgd" or own else []
    return ", ".join([*name, f"lr {problem.lr:g}", *own])


def print_deltas(console: Output, comparison: Comparison, steps: Collection[int], *, every_entry: int = FIRST_STEPS) -> None:
    """Print the deltas of `steps` side by side: in the first `every_entry` of them each entry of small tensors, else the largest alone."""
    digits = _DIGITS[comparison.problem.dtype]
    console.print(Text("Weight deltas, side by side", style="bold"))
    table = table_of("", "manual", "torch_ref", "differ", "ulp", "share")
    for step in sorted(comparison.kept.keys() & {*steps}):
        kept = comparison.kept[step]
        table.add_row(f"step {step}")
        for difference, is_largest in _shown(kept, every_entry=step <= every_entry):
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
    which = f"After step {every_entry}, and of large tensors," if every_entry else "Of each tensor"
    console.print(f"{which} the largest alone is shown.\n")


def _shown(kept: ComparedStep, *, every_entry: bool) -> Iterator[tuple[Difference, bool]]:
    """Yield a step's deltas that are shown, and whether each has its tensor's largest share."""
    for name, actual, expected, allowed in kept.deltas():
        key = ("deltas", name)
        largest = largest_share(kept.step, key, actual, expected, allowed)
        if every_entry and actual.size <= _SHOWN_ENTRIES:
            for index in np.ndindex(actual.shape):
                yield Difference.at(kept.step, *key, index, actual, expected, allowed), index == largest.index
        else:
            yield largest, True


def _print_losses(console: Output, training: Training, printed: Sequence[float]) -> None:
    if not training.epochs:
        return
    console.print(Text("Losses after the update of each epoch", style="bold"))
    manual, torch_ref = training.manual, training.torch_ref
    if printed:
        columns = {"the lesson's": printed, "manual": manual.lesson_loss, "torch_ref": torch_ref.lesson_loss}
    else:
        columns = {"manual": manual.loss, "torch_ref": torch_ref.loss}
    if manual.mse:
        columns |= {"MSE manual": manual.mse, "MSE torch_ref": torch_ref.mse}
    table = table_of("epoch", *columns)
    for i, epoch in enumerate(training.epochs):
        table.add_row(str(epoch), *(f"{values[i]:.12f}" for values in columns.values()))
    console.print(table)
    if printed:
        console.print(
            "manual, torch_ref: what the lesson prints as its training loss: its prediction\n"
            "for the last record held against all targets. MSE: the true mean squared error.\n"
        )
    else:
        about = f"manual, torch_ref: {_loss(training.comparison.problem)} over the training records, in evaluation."
        console.print(about + (" MSE: the mean squared error.\n" if manual.mse else "\n"))


def print_comparison_verdict(console: Output, comparison: Comparison, command: str, report: str | None) -> None:
    """Print how near both sides are to each other, how that was judged, and the verdict; `command` repeats it."""
    first, *rest = comparison.explanation(method=False).split("\n")
    if comparison.stopped:
        console.say(f"Stopped at step {comparison.steps}: {comparison.stopped}")
    elif comparison.worst is not None and comparison.first_divergence is None:
        worst = comparison.worst
        where = worst.phase if worst.phase == worst.tensor else f"{worst.phase} {worst.tensor}"
        how_near = f"{worst.ulps:.1f} ulp, {worst.share:.1%} of it"
        console.say(f"Nearest to its bound: step {worst.step}, {where}{_index(worst.index)}, {how_near}")
        console.say(f"Drift between the two sides' weights: {comparison.drift:.1e} before step {comparison.steps}")
    for line in comparison.method():
        console.say(line[0].upper() + line[1:])
    print_verdict(console, first, report)
    for line in rest:
        console.say(line)
    print_summary(console, summary_of_training(comparison, command))


def table_of(*columns: str) -> Table:
    """Return an empty table with these columns, the first aligned to the left."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for position, column in enumerate(columns):
        table.add_column(column, justify="left" if position == 0 else "right", no_wrap=True)
    return table


def _index(index: tuple[int, ...] | None) -> str:
    return f"[{','.join(map(str, index))}]" if index else ""


def _like(printed: str, value: float) -> str:
    """Write the value with the digits and in the notation of the printed figure."""
    mantissa, _, exponent = printed.partition("e")
    places = len(mantissa.partition(".")[2])
    return f"{value:.{places}{'e' if exponent else 'f'}}"


def print_check(check: Check, command: str, hint: Mapping[str, str] | None = None, report: str | None = None) -> None:
    """Print a check; with a hint, only what the hint says."""
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
        text = {"agrees": "agrees", "wrong": "wrong here", "inherits": "follows from what is wrong before it"}[stage.mark]
        found = stage.difference if stage.mark == "wrong" else None
        where = f": {step_and_index(found)}" if found is not None else ""
        console.say(Text(f"{MARKS[stage.mark]} {stage.name:{width}}  {text}{where}", style=_STYLES[stage.mark]), hang=width + 4)
    console.print()
    for line in check.comparison.method() if check.comparison else ():
        console.say(line[0].upper() + line[1:])
    print_verdict(console, headline(check), report)
    for line in why(check, hint):
        console.say(line)
    if check.verdict != "equivalent":
        print_summary(console, summary_of_check(check, command, hint))
