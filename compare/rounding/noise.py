"""The mode that sees each of PyTorch's calls, and moves its result at random, by as much as honest rounding may move it.

It sees calls and no networks, so that a module may be anything. What a call may be moved by is said by the table. Noise never leaves a
function's range: a sigmoid stays in [0, 1]. The calls themselves run in whatever precision their tensors have, by which u may be larger
than theirs.
"""

import math
import random
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

from .table import ELSE, SUMS, Form, bias_of, equal_terms, listed, rounds, row_of, scales_of_sum


class Noise(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The mode in which u is `unit`, `accumulation` in sums, and results move `amplitude` times as far as honest rounding moves them."""

    def __init__(self, unit: float, seed: int, accumulation: float | None = None, amplitude: float = 1.0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.unit, self.accumulation = unit, unit if accumulation is None else accumulation
        self.amplitude = amplitude
        self.unknown: set[str] = set()
        self._random = random.Random(seed)
        self._products: deque[tuple[Tensor, Tensor]] = deque(maxlen=4)      # the last products, with the scale of their rounding

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        row = row_of(func)
        if row.is_exact or not _any_rounds(args, kwargs) or (row.name in ("add", "sub") and _counts(args)):
            out = func(*args, **kwargs)
            if row.name == "_to_copy" and rounds(args[0]) and rounds(out) and torch.finfo(out.dtype).eps > torch.finfo(args[0].dtype).eps:
                self._move_by_form(out, Form(1))
            return out
        if row.name in _SOFTMAX:
            return self._softmax(row.name, func, args)
        if row.simpler is not None:
            with self, _constants_of(args):
                return row.simpler(*args, **kwargs)
        if row.name.startswith("_foreach_"):
            with self:
                return _one_by_one(func, args, kwargs)
        if row.name in SUMS:
            scales = scales_of_sum(row.name, func, args, kwargs)
            out = func(*args, **kwargs)
            for each, (most, root) in zip(listed(out), scales, strict=True):
                if most is not None and rounds(each):
                    is_long = isinstance(root, float) and root > _LONG
                    parts = _PARTIAL * root + _EQUAL * equal_terms(row.name, args, self.accumulation) if is_long else root
                    scale = parts * (most + each.abs() if is_long else most)
                    if row.name in ("mm", "bmm", "baddbmm"):
                        self._products.append((each, scale.clone()))
                    self._move(each, scale, self._at_least(self.accumulation, each))
                    if self.unit != self.accumulation:      # a sum in a higher precision rounds once more, and before its bias
                        self._move_by_form(each, Form(1))
                        if (bias := bias_of(row.name, args)) is not None:
                            self._move(each, bias.abs().expand_as(each).contiguous(), unit=self.unit)
            return out
        form = row.form
        if form is None:
            self.unknown.add(row.name)
            form = ELSE
            if not row.in_place:
                args, kwargs = tree_map_only(Tensor, self._moved_input, (args, kwargs))
        out = func(*args, **kwargs)
        for each in listed(out):
            if rounds(each):
                self._move_by_form(each, form)
        return out

    def _softmax(self, name: str, func: Any, args: Any) -> Tensor:
        """Move softmax, its logarithm or its gradient also by what other forms of a whole row have in common.

        eᶻ⁻ˢ with s = log Σeᶻ is off by u|s| in the whole row, and by u(|z| + |s|) in each. In p (g − Σ p g) the sum may be Σ δ o, of the
        error δ and the output o = p v of an attention: where g = δ vᵀ, this is a sum of other terms, whose rounding does not cancel with
        that of g.
        """
        out: Tensor = func(*args)
        unit, dim = self._at_least(self.unit, out) * self.amplitude, args[2] if name == "_softmax_backward_data" else args[1]
        if name == "_softmax_backward_data":
            grad, p = args[0], args[1]
            row = (p * self._scale_of_product(grad)).sum(dim, keepdim=True)
            out.addcmul_(self._drawn(out), p.abs() * (grad.abs() + (p * grad).abs().sum(dim, keepdim=True)), value=8 * unit)
            return out.addcmul_(p, self._drawn(row) * row, value=-unit)
        scores, most = args[0], args[0].amax(dim, keepdim=True)      # the least of a mask is in no sum
        is_lost = most.abs() * unit >= self.amplitude      # eᶻ⁻ˢ has no digit left, and other forms have all, as where all is masked
        sizes = torch.where(is_lost, scores - most, scores).abs(), torch.where(is_lost, 0.0, most.abs())
        z, s = (torch.where(each < math.inf, each, 0.0) * unit for each in sizes)
        s += 8 * unit
        z = z.clamp(max=1) if name == "_softmax" else z      # or e^z is 0
        shift = (self._drawn(out) * (z + s)).add_(self._drawn(s) * s)
        return out.mul_(shift.add_(1)).clamp_(0, 1) if name == "_softmax" else out.add_(shift).clamp_(max=0)

    def _scale_of_product(self, a: Tensor) -> Tensor:
        """Return how far the terms of a product may move it, if a is one of the last products, or a view of one; else of its size."""
        for product, scale in self._products:
            if product.data_ptr() == a.data_ptr() and product.numel() == a.numel() and a.is_contiguous():
                return scale.view(a.shape)
        return 8 * a.abs()

    def _moved_input(self, a: Tensor) -> Tensor:
        if rounds(a):
            a = a.clone()
            self._move_by_form(a, ELSE)
        return a

    @staticmethod
    def _at_least(unit: float, a: Tensor) -> float:
        """Return the unit roundoff, or that of the tensor's own precision where this is larger: some modules insist on float32."""
        return max(unit, torch.finfo(a.dtype).eps / 2)

    def _move_by_form(self, a: Tensor, form: Form) -> None:
        """Move a in place as far as the honest forms of its function are apart, but not out of the function's range."""
        unit = self._at_least(self.unit, a)
        most = _CALLS if unit > self.accumulation else math.inf      # a result in low precision is one rounding of a better one
        relative, absolute = min(form.relative, most), min(form.absolute, most)
        if absolute:
            self._move(a, a.abs().mul_(relative).add_(absolute), unit)
            if form.low > -math.inf:
                a.clamp_(form.low, form.high)
        else:
            a.mul_(self._drawn(a, unit * relative * self.amplitude))

    def _move(self, a: Tensor, scale: Tensor, unit: float) -> None:
        """Move a in place by noise of that scale, in units; −∞ of a mask stays what it is."""
        a.addcmul_(self._drawn(a), scale.nan_to_num_(0.0, 0.0, 0.0), value=unit * self.amplitude)

    def _drawn(self, a: Tensor, around_one: float | None = None) -> Tensor:
        """Return uniform numbers of the shape of a, in [−1, 1], or so far around 1: a piece of a long row, from a drawn place."""
        n = a.numel()
        if n > _ROW // 2:
            generator = torch.Generator(a.device).manual_seed(self._random.getrandbits(60))
            drawn = torch.empty_like(a).uniform_(-1, 1, generator=generator)
            return drawn if around_one is None else drawn.mul_(around_one).add_(1)
        at = self._random.randrange(_ROW - n)
        return _uniform(a.dtype, a.device, around_one)[at : at + n].view(a.shape)


_SOFTMAX = ("_softmax", "_log_softmax", "_softmax_backward_data")
_LONG, _PARTIAL = 4.0, 0.3      # √n from which on a sum is one of many terms, and what bounds its partial sums
_EQUAL = 0.05      # u for each of equal terms
_CALLS = 4      # calls of a formula that round in low precision
_ROW = 1 << 20


@lru_cache(maxsize=8)
def _uniform(dtype: torch.dtype, device: torch.device, around_one: float | None) -> Tensor:
    generator = torch.Generator(device).manual_seed(0)
    row = torch.empty(_ROW, dtype=torch.float64, device=device).uniform_(-1, 1, generator=generator)
    return (row if around_one is None else row.mul_(around_one).add_(1)).to(dtype)


def _one_by_one(func: Any, args: Any, kwargs: Any) -> Any:
    """Make a call on lists of tensors one by one."""
    plain = getattr(torch.ops.aten, func._schema.name.split("::_foreach_")[1])

    def at(i: int, value: Any) -> Any:
        return value[i] if isinstance(value, (list, tuple)) else value

    if len(args) > 3:      # addcmul and addcdiv, whose factor has a name on one tensor
        args, kwargs = args[:3], {**kwargs, "value": args[3]}
    results = [plain(*(at(i, a) for a in args), **{key: at(i, a) for key, a in kwargs.items()}) for i in range(len(args[0]))]
    return None if func._schema.is_mutable else results


@contextmanager
def _constants_of(args: Any) -> Iterator[None]:
    """Make constants in the precision of the first tensor that rounds, as the call itself does, and not in float32."""
    dtypes = [a.dtype for a in tree_flatten(args)[0] if rounds(a)]
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtypes[0] if dtypes else before)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _any_rounds(args: Any, kwargs: Any) -> bool:
    """Return whether there is a tensor that rounds among the arguments, or in a list among them."""
    for each in (*args, *kwargs.values()) if kwargs else args:
        if rounds(each) or (isinstance(each, (tuple, list)) and any(map(rounds, each))):
            return True
    return False


def _counts(args: Any) -> bool:
    """Return whether a whole number is added to a tensor of one, or taken from it: an optimiser counts its steps."""
    return all(isinstance(each, (int, float)) or each.dim() == 0 for each in args) and all(_number(each).is_integer() for each in args)


def _number(value: Any) -> float:
    return float(value.detach() if isinstance(value, Tensor) else value)
