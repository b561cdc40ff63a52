"""A comparison on a terminal, or as plain text in a pipe: the verdict, the problem, the deltas side by side, the losses."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
from rich.text import Text

from ..checking.result import Check
from ..lockstep.result import Comparison
from ..lockstep.training import Training
from ..problem.lesson import EXAMPLE_DELTAS, EXAMPLE_OUTPUT, PRINTED_ACCURACY, PRINTED_LOSSES
from ..problem.pieces import OPTIMIZERS
from ..problem.problem import Problem
from ..support.environment import environment
from .console import Output, make_console, print_summary, print_verdict
from .deltas import DIGITS, index_text, print_deltas, print_few_deltas, table_of
from .words import MARKS, SAID, headline, probes, sides, step_and_index, summary_of_check, summary_of_training, why

_FEW = 3      # reported epochs, on a screen
_STYLES = {"agrees": "green", "wrong": "bold red", "inherits": "yellow"}


def print_training(
    training: Training, device: str, command: str, report: str | None, *, is_lesson: bool, steps: Collection[int], verbose: bool = False
) -> None:
    """Print the verdict, then the training with deltas of `steps`, on a screen, or with `verbose` all of them.

    With `is_lesson` the lesson's figures stand beside them; `command` repeats the training.
    """
    console = make_console()
    comparison = training.comparison
    print_comparison_verdict(console, comparison, command)
    _print_problem(console, comparison, device)
    print_how_near(console, comparison)
    (print_deltas if verbose else print_few_deltas)(console, comparison, steps)
    _print_losses(console, training, PRINTED_LOSSES if is_lesson else (), verbose)
    if comparison.accuracies is not None:
        manual, torch_ref = comparison.accuracies
        lesson = f"; the lesson: {PRINTED_ACCURACY}" if is_lesson else ""
        console.print(f"Accuracy on the test records: manual {manual:.3f}, torch_ref {torch_ref:.3f}{lesson}")
    elif comparison.predictions is not None and comparison.problem.test is not None:
        errors = [f"{float(np.mean((outputs - comparison.problem.test[1]) ** 2)):.12g}" for outputs in comparison.predictions]
        console.print(f"MSE on the test records: manual {errors[0]}, torch_ref {errors[1]}")
    print_where_more_is(console, report, verbose)


def print_example(training: Training, command: str, report: str | None) -> None:
    """Print the worked example, entry by entry, beside the lesson's figures."""
    console = make_console()
    comparison = training.comparison
    print_comparison_verdict(console, comparison, command)
    kept = comparison.kept[1]
    digits = DIGITS[comparison.problem.dtype]
    console.print("The lesson's worked example: one record, a 3-2-1 sigmoid network, lr 0.5.")
    console.print("Entries are [to unit, from unit] as in PyTorch; the lesson has them transposed.\n")

    assert kept.actual.output is not None
    assert kept.expected.output is not None
    rows = [("output", EXAMPLE_OUTPUT, kept.actual.output[0, 0], kept.expected.output[0, 0])]
    for name, actual, expected, _ in kept.deltas():
        for index in np.ndindex(actual.shape):
            rows.append((f"Δ {name}{index_text(index)}", EXAMPLE_DELTAS[name][index[0]][index[1]], actual[index], expected[index]))
    table = table_of("", "the lesson", "manual", "torch_ref", "")
    agree = 0
    for label, printed, actual, expected in rows:
        same = all(_like(printed, float(value)) == printed for value in (actual, expected))
        agree += same
        table.add_row(label, printed, f"{actual:.{digits}e}", f"{expected:.{digits}e}", "=" if same else "≠")
    console.print(table)
    console.print(f"=: both sides, rounded to its digits, are the lesson's figure: {agree} of {len(rows)}\n")
    print_how_near(console, comparison)
    print_where_more_is(console, report, verbose=True)


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


def _loss(problem: Problem) -> str:
    return problem.loss + {"mean": "", "sum": ", summed", "batchmean": ", summed over outputs"}[problem.reduction]


def _update(problem: Problem) -> str:
    """Say the optimiser, unless it is plain gradient descent, the learning rate, and options that are not the defaults."""
    defaults = OPTIMIZERS[problem.optimizer].options
    own = [f"{name} {value}" for name, value in problem.optimizer_options.items() if value != defaults[name]]
    name = [problem.optimizer] if problem.optimizer != "sgd" or own else []
    return ", ".join([*name, f"lr {problem.lr:g}", *own])


def few(rows: Sequence[int], verbose: bool) -> Sequence[int]:
    """Return the first, the middle and the last of the rows, or with `verbose` all of them."""
    return rows if verbose or len(rows) <= _FEW else [rows[0], rows[len(rows) // 2], rows[-1]]


def _print_losses(console: Output, training: Training, printed: Sequence[float], verbose: bool) -> None:
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
    for i in few(range(len(training.epochs)), verbose):
        table.add_row(str(training.epochs[i]), *(f"{values[i]:.12f}" for values in columns.values()))
    console.print(table)
    if printed:
        console.print(
            "manual, torch_ref: what the lesson prints as its training loss: its prediction\n"
            "for the last record held against all targets. MSE: the true mean squared error."
        )
    else:
        about = f"manual, torch_ref: {_loss(training.comparison.problem)} over the training records, in evaluation."
        console.print(about + (" MSE: the mean squared error." if manual.mse else ""))


def print_comparison_verdict(console: Output, comparison: Comparison, command: str) -> None:
    """Print the verdict, where and why the two sides part, if they do, and what to do; `command` repeats the training."""
    first, *rest = comparison.explanation(method=False).split("\n")
    print_verdict(console, first, None)
    for line in rest:
        console.say(line)
    if comparison.stopped:
        console.say(f"Stopped at step {comparison.steps}: {comparison.stopped}")
    print_summary(console, summary_of_training(comparison, command))
    console.print()


def print_how_near(console: Output, comparison: Comparison) -> None:
    """Print how near both sides are to each other, and how it was found what rounding allows."""
    if comparison.worst is not None and comparison.first_divergence is None and not comparison.stopped:
        worst = comparison.worst
        where = worst.phase if worst.phase == worst.tensor else f"{worst.phase} {worst.tensor}"
        how_near = f"{worst.ulps:.1f} ulp, {worst.share:.1%} of it"
        console.say(f"Nearest to its bound: step {worst.step}, {where}{index_text(worst.index)}, {how_near}")
        console.say(f"Drift between the two sides' weights: {comparison.drift:.1e} before step {comparison.steps}")
    for line in comparison.method():
        console.say(line[0].upper() + line[1:])
    console.print()


def print_where_more_is(console: Output, report: str | None, verbose: bool) -> None:
    """Print the report's path, if there is one, and which option prints more, if one does; a blank line before them."""
    lines = [f"Report: {report}"] if report else []
    lines += [] if verbose else ["--verbose prints more steps, more entries and more epochs."]
    if lines:
        console.print()
    for line in lines:
        console.print(Text(line))


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
        found = stage.difference if stage.mark == "wrong" else None
        where = f": {step_and_index(found)}" if found is not None else ""
        console.say(Text(f"{MARKS[stage.mark]} {stage.name:{width}}  {SAID[stage.mark]}{where}", style=_STYLES[stage.mark]), hang=width + 4)
    console.print()
    for line in check.comparison.method() if check.comparison else ():
        console.say(line[0].upper() + line[1:])
    print_verdict(console, headline(replace(check, caveat=None)), report)
    if check.caveat and check.verdict == "equivalent":
        console.say(Text(f"But {check.caveat}", style="bold yellow"), hang=4)
    for line in why(check, hint):
        console.say(line)
    if check.verdict != "equivalent":
        print_summary(console, summary_of_check(check, command, hint))
