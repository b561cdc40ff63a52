"""The reference of a module problem, before the run: that it makes the same step again, and in which precision its rounding is sampled."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ..problem.of_module import ModuleProblem
from ..rounding.table import listed, rounds, row_of
from ..sides.interface import Key
from ..sides.module import ModuleSide
from ..support.errors import ProblemError


def first_step(problem: ModuleProblem) -> Mapping[Key, Tensor]:
    """Make the first step again, from another copy and from the same one; raise where it is not the same."""
    sides, batch = [ModuleSide(problem, plain=True) for _ in range(2)], problem.batch(1)
    start = sides[0].state()
    shown, again = (side.numbers(1, batch) for side in sides)
    expected = "a module that draws from PyTorch's generators alone, or from none"
    _check_same(shown, again, "when the same step is made by a copy", expected)
    sides[0].load(start)
    expected = "a module, and an optimiser, that keep what they change in parameters, buffers and the optimiser's state"
    _check_same(shown, sides[0].numbers(1, batch), "when it makes the same step again", expected)
    return shown


def in_float64(problem: ModuleProblem) -> tuple[ModuleSide, list[str]]:
    """Return the reference in float64, or in its own dtype where that says more, and in words why."""
    batch, own = problem.batch(1), ModuleSide(problem, plain=True)
    precisions, draws = [], False
    for dtype in (None, "float64"):
        side = ModuleSide(problem, plain=True, dtype=dtype)
        try:
            with _Precisions() as seen:
                side.numbers(1, batch)
            draws |= seen.draws
        except ProblemError:
            if dtype is None or problem.dtype == "float64":
                raise
            return own, [f"the reference does not run in float64; its rounding is sampled in {problem.dtype}"]
        precisions.append({each for each in seen.dtypes if torch.finfo(each).eps > torch.finfo(own.dtype).eps})
    if not precisions[0] <= precisions[1]:
        less = ", ".join(sorted(str(each).removeprefix("torch.") for each in precisions[0] - precisions[1]))
        return own, [f"the reference computes in {less} in places; its rounding is sampled in {problem.dtype}"]
    if draws and problem.dtype != "float64":
        return own, [f"the reference draws numbers, other ones in float64; its rounding is sampled in {problem.dtype}"]
    return side, []


def _check_same(shown: Mapping[Key, Tensor], again: Mapping[Key, Tensor], when: str, expected: str) -> None:
    differs = next((key for key in shown if not torch.equal(shown[key].nan_to_num(), again[key].nan_to_num())), None)
    if differs is not None:
        where = differs[1] if differs[0] == differs[1] else f"{differs[0]} {differs[1]}"
        raise ProblemError(f"the reference gives another {where} {when}; expected {expected}")


class _Precisions(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The mode that notes the dtypes of floating point of all results, and whether numbers are drawn."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.dtypes: set[torch.dtype] = set()
        self.draws = False      # of numbers that depend on the dtype

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        self.draws |= row_of(func).name.startswith(("rand", "normal", "uniform"))
        self.dtypes |= {each.dtype for each in listed(out) if rounds(each) and each.dim() > 0}
        return out
