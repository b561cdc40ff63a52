"""Mistakes with a number of their own, a penalty's strength or a clip's threshold: the number is measured at the first wrong stage.

With that number the mistake then has to explain every number that is shown, as any mistake of the catalogue has to.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from ..formulas.sampled import Sampled
from ..problem.problem import Problem
from ..support.arrays import Array
from .formulas import Formula
from .graph import Node, Run
from .mistake import Cause, Mistake, Where, anywhere

_TRIES = 12          # steps of the secant method
_DIGITS = 6          # significant ones, of numbers that people write
_WELL_KNOWN = 0.05   # the largest relative error of a measured number


@dataclass(frozen=True, eq=False)
class Family:
    """A mistake for each number that it can be made with.

    `sentence` and `actual` may name "{number}", and `formulas` are those of a mistake which take `number=` too. `usual` is a common
    value. The number is measured by the secant method from `start`, and is at least `least`; if stages after its own are not
    `smooth` in it, it is measured at its own stage only. The numbers `among` which it mostly is are tried if it cannot be measured. The
    family is searched only if the stage `beside` is shown: without it another family makes the same numbers.
    """

    id: str
    sentence: str
    expected: str
    actual: str
    formulas: Mapping[str, Formula] = field(repr=False)
    usual: float
    where: Where = "once"
    applies: Callable[[Problem, int], bool] = field(default=anywhere, repr=False)
    start: float = 1e-3
    smooth: bool = True
    among: tuple[float, ...] = ()
    beside: str = ""
    least: float = -np.inf

    def at(self, number: float) -> Mistake:
        """Return the mistake with that number."""
        name = f"{number:.6g}".replace("e-0", "e-")
        sentence, actual = self.sentence.replace("{number}", name), self.actual.replace("{number}", name)
        formulas = {stage: partial(formula, number=number) for stage, formula in self.formulas.items()}
        return Mistake(self.id, sentence, self.expected, actual, formulas, self.where, self.applies, alone=True, slow=True)


def measured_causes(families: Iterable[Family], run: Run, node: Node, actual: Array) -> Iterator[Cause]:
    """Yield the mistakes of these families that make these numbers of the node, each in every place where it can be made."""
    right = run.worked_out(*node)
    if not isinstance(right, Sampled) or right.value.shape != actual.shape:
        return
    gap = np.abs(actual - right.value)
    if not np.isfinite(gap).all():
        return
    at = np.unravel_index(int(np.argmax(gap)), gap.shape)
    for family in families:
        if family.beside and not run.shown(family.beside, node[2]):
            continue
        for place in family.at(family.start).causes(run.problem):
            if run.is_made_from(node, place.formulas) and (cause := _with_number(family, place, run, node, actual, at)):
                yield cause


def _with_number(family: Family, place: Cause, run: Run, node: Node, actual: Array, at: tuple[np.intp, ...]) -> Cause | None:
    """Return the family's mistake in that place with a number, measured at that index, that makes the node's numbers; or None."""

    def cause(number: float) -> Cause:
        return Cause(family.at(number), place.layers, run.problem)

    numbers = None
    if family.smooth or (node[0], node[2]) in place.formulas or node[0] == "output":
        numbers = _measured(lambda number: _predicted(run, node, cause(number)), at, float(actual[at]), family.start)
    for each in map(cause, family.among if numbers is None else [number for number in numbers if number >= family.least]):
        bounded = _predicted(run, node, each)
        if bounded is not None and (np.abs(actual - bounded.value) <= bounded.error).all():
            return each
    return None


def _predicted(run: Run, node: Node, cause: Cause) -> Sampled | None:
    """Return the node under that mistake; None if it gives no number."""
    with np.errstate(all="ignore"):
        try:
            value = run.with_formulas(cause.formulas).worked_out(*node)
        except (ValueError, IndexError, ZeroDivisionError, OverflowError):
            return None
    return value if isinstance(value, Sampled) and value.value.shape == run.worked_out(*node).value.shape else None


def _measured(
    predicted: Callable[[float], Sampled | None], at: tuple[np.intp, ...], wanted: float, start: float
) -> list[float] | None:
    """Return the numbers of few digits that predict the wanted number at that index, found by the secant method; None if that fails."""

    def value(number: float) -> tuple[float, float] | None:
        bounded = predicted(number)
        if bounded is None or not np.isfinite(bounded.value[at]):
            return None
        return float(bounded.value[at]), float(np.broadcast_to(bounded.error, bounded.value.shape)[at])

    last, number = start / 2, start
    before, now = value(last), value(number)
    for _ in range(_TRIES):
        if before is None or now is None or now[0] == before[0]:
            return None
        slope = (now[0] - before[0]) / (number - last)
        if not slope or not np.isfinite(slope):
            return None
        last, number = number, number + (wanted - now[0]) / slope
        if not np.isfinite(number) or number == last:
            break
        before, now = now, value(number)
        if now is not None and abs(now[0] - wanted) <= now[1]:
            break
    else:
        return None
    if now is None:
        return None
    off = 2 * now[1] / abs(slope) + 1e-15 * abs(number)
    if off > _WELL_KNOWN * abs(number):
        return None
    short = [float(f"{number:.{digits}e}") for digits in range(_DIGITS)]
    return [each for each in dict.fromkeys(short) if abs(each - number) <= off]

