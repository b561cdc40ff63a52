"""The weight deltas of some steps as a table, the two sides side by side: in full, or so short that it fits on a screen."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
from rich.table import Table
from rich.text import Text

from ..lockstep.difference import ComparedStep, Difference, largest_share
from ..lockstep.result import Comparison
from .console import Output

FIRST_STEPS = 3      # steps of which every entry of the deltas is shown
DIGITS = {"float64": 14, "float32": 8}      # after the point, in exponent notation: as many as fit side by side
_SHOWN_ENTRIES = 16      # of a parameter, that are shown one by one in the first steps
_SHOWN_TENSORS = 4      # of a step, in the short table
_ROOM = 13      # columns for a name beside two numbers with all digits
_LEAST_DIGITS = 5
_LARGE = 1000      # ulps, and shares: from here on written as powers of ten
Row = tuple[Difference, str]      # and a mark behind its share


def print_deltas(console: Output, comparison: Comparison, steps: Collection[int], *, every_entry: int = FIRST_STEPS) -> None:
    """Print the deltas of `steps`: in the first `every_entry` of them each entry of small tensors, else the largest share alone."""
    rows: dict[int, list[Row]] = {}
    for step in sorted(comparison.kept.keys() & {*steps}):
        found = _entries(comparison.kept[step], every_entry=step <= every_entry)
        rows[step] = [(difference, "*" if is_largest else " ") for difference, is_largest in found]
    which = f"After step {every_entry}, and of large tensors," if every_entry else "Of each tensor"
    _print(console, comparison, rows, "; *: largest share", f"{which} the largest alone is shown.")


def print_few_deltas(console: Output, comparison: Comparison, steps: Collection[int]) -> None:
    """Print the deltas of the first and the last of `steps`, or of the one where the two sides part, in a line for each of few tensors."""
    first = comparison.first_divergence
    shown = sorted(comparison.kept.keys() & {*steps})
    shown = [first.step] if first is not None and first.step in comparison.kept else [*dict.fromkeys((*shown[:1], *shown[-1:]))]
    rows: dict[int, list[Row]] = {}
    about = "Of each tensor the entry with the largest share is shown."
    for step in shown:
        found = [difference for difference, _ in _entries(comparison.kept[step], every_entry=False)]
        farthest = sorted(found, key=lambda each: -each.share if each.share >= 0 else -np.inf)[:_SHOWN_TENSORS]
        rows[step] = [(each, "") for each in found if each in farthest]
        if len(found) > _SHOWN_TENSORS:
            about = f"The entry with the largest share of each tensor is shown, for {_SHOWN_TENSORS} tensors."
    _print(console, comparison, rows, "", about)


def table_of(*columns: str) -> Table:
    """Return an empty table with these columns, the first aligned to the left."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for position, column in enumerate(columns):
        table.add_column(column, justify="left" if position == 0 else "right", no_wrap=True)
    return table


def index_text(index: tuple[int, ...] | None) -> str:
    """Write an index as it stands after its tensor's name."""
    return f"[{','.join(map(str, index))}]" if index else ""


def _print(console: Output, comparison: Comparison, rows: Mapping[int, Sequence[Row]], marks: str, about: str) -> None:
    """Print a table of these rows by step, with so many digits that both sides fit beside the longest name."""
    labels = {id(each): f"{each.tensor}{index_text(each.index)}" for shown in rows.values() for each, _ in shown}
    too_long = max(0, max(map(len, labels.values()), default=0) - _ROOM)
    digits = max(_LEAST_DIGITS, DIGITS[comparison.problem.dtype] - (too_long + 1) // 2)
    table = table_of("", "manual", "torch_ref", "differ", "ulp", "share")
    for step, shown in rows.items():
        table.add_row(f"step {step}")
        for each, mark in shown:
            both = (f"{each.actual:.{digits}e}", f"{each.expected:.{digits}e}")
            apart = (f"{each.difference:.1e}", _short(each.ulps or 0.0, "{:.1f}"), _short(each.share, "{:.1%}") + mark)
            table.add_row(labels[id(each)], *both, *apart)
    console.print(Text("Weight deltas, side by side", style="bold"))
    console.print(table)
    console.print(f"differ: |manual − torch_ref|; share: of what rounding allows{marks}.\n{about}\n")


def _short(value: float, form: str) -> str:
    """Write ulps or a share in this form, or a large one, as a number, in exponent notation."""
    return form.format(value) if value < _LARGE else f"{value:.0e}"


def _entries(kept: ComparedStep, *, every_entry: bool) -> Iterator[tuple[Difference, bool]]:
    """Yield a step's deltas that are shown, and whether each has its tensor's largest share."""
    for name, actual, expected, allowed in kept.deltas():
        key = ("deltas", name)
        largest = largest_share(kept.step, key, actual, expected, allowed)
        if every_entry and actual.size <= _SHOWN_ENTRIES:
            for index in np.ndindex(actual.shape):
                yield Difference.at(kept.step, *key, index, actual, expected, allowed), index == largest.index
        else:
            yield largest, True
