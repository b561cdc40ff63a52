"""The noise table: by how much honest programs may be apart in the result of one call of PyTorch's, and the mode that moves results so far.

Under `Noise` every call of a step on tensors has its result moved at random, by as much as honest rounding may move it. It sees calls and
no networks, so that a module may be anything. A call is one of these, in this order:

- it moves, copies, chooses or draws numbers, and rounds nothing: `EXACT`;
- a sum of n terms, in any order: √n u Σ|terms| (Higham and Mary, *A new approach to probabilistic rounding error analysis*, 2019, λ = 1).
  A sum of two is one, so that a(b + c) may be ab + ac. Of many terms 0.3 √n u (Σ|terms| + |sum|), since whatever the order no partial
  sum is more than half of that bracket, their root mean square 1/√3 of the largest if they grow evenly, and so is that of noise: `SUMS`;
- a function with several honest forms: as far as these are apart, relative and absolute: `FORMS`;
- what PyTorch itself can write by simpler calls runs as these: normalisations, losses, softmax, most activations;
- anything else has its inputs and its result moved, by 2u relative each, and its name is noted in `Noise.unknown`.

Noise never leaves a function's range: a sigmoid stays in [0, 1]. All rounding is in units u, the unit roundoff of the precision that is
compared; the calls themselves run in whatever precision their tensors have, by which `u` may be larger than theirs.
"""

import math
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._decomp import decomposition_table
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

# fmt: off
EXACT = frozenset((
    "_local_scalar_dense", "_to_copy", "_unsafe_view", "abs", "alias", "amax", "amin", "argmax", "argmin", "as_strided_scatter",
    "bernoulli", "cat", "ceil", "clamp", "clamp_max", "clamp_min", "clone", "conj", "constant_pad_nd", "convert_element_type", "copy",
    "copysign", "detach", "diag_embed", "diagonal_backward", "diagonal_scatter", "embedding", "empty_like", "eq", "expand_copy",
    "exponential", "fill", "flip", "floor", "full_like", "gather", "ge", "gt", "hardtanh", "hardtanh_backward", "index", "index_copy",
    "index_fill", "index_select", "isfinite", "isinf", "isnan", "item", "le", "lift_fresh", "lt", "masked_fill", "masked_scatter",
    "masked_select", "max", "max_pool1d_with_indices", "max_pool2d_with_indices", "max_pool3d_with_indices", "maximum", "median", "min",
    "minimum", "ne", "neg", "new_empty", "new_empty_strided", "new_full", "new_ones", "new_zeros", "normal", "ones_like", "pad",
    "pin_memory", "pixel_shuffle", "pixel_unshuffle", "positive", "put", "rand_like", "randint_like", "randn_like", "random", "relu",
    "repeat", "resize", "resize_as", "roll", "round", "scatter", "select_backward", "select_scatter", "set", "sign", "slice_backward",
    "slice_scatter", "softshrink", "softshrink_backward", "sort", "split_with_sizes_copy", "squeeze", "stack", "swapaxes", "t", "take",
    "threshold", "threshold_backward", "topk", "transpose", "tril", "triu", "trunc", "unfold_copy", "uniform", "unsafe_chunk",
    "unsafe_split", "unsafe_split_with_sizes", "unsqueeze", "upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "where",
    "zero", "zeros_like",
))
# fmt: on


def _inner(a: Tensor, *_: Any) -> int:
    return a.size(-1)


def _inner_and_start(start: Tensor, a: Tensor, *_: Any) -> int:
    return a.size(-1) + 1


def _window(grad: Tensor, x: Any, kernel: Sequence[int], *_: Any) -> int:
    return math.prod(kernel)


def _of_convolution(x: Tensor, weight: Tensor, *_: Any) -> int:
    return weight[0].numel() + 1


def _of_convolution_backward(grad: Tensor, x: Tensor, weight: Tensor, *_: Any) -> tuple[int, int, int]:
    places = grad.numel() // grad.size(1)
    return weight.size(0) * weight[0, 0].numel(), places, places


# How many terms a call sums, from its arguments; ALL: as many as its first argument has numbers for each of the result's; COUNTED: what
# the same call makes of ones.
ALL, COUNTED = "all", "counted"
SUMS: Mapping[str, Callable[..., Any] | str] = {
    **dict.fromkeys(("add", "sub", "rsub", "addr"), lambda *_: 2),
    **dict.fromkeys(("addcmul", "addcdiv", "lerp"), lambda *_: 3),
    **dict.fromkeys(("mm", "bmm", "mv", "dot", "vdot"), _inner),
    **dict.fromkeys(("addmm", "baddbmm", "addmv"), _inner_and_start),
    "addbmm": lambda start, a, *_: a.size(0) * a.size(-1) + 1,
    **dict.fromkeys(("sum", "mean", "nansum", "trace"), ALL),
    **dict.fromkeys(("avg_pool2d", "avg_pool3d", "_adaptive_avg_pool2d", "_adaptive_avg_pool3d"), ALL),
    "cumsum": lambda a, dim, *_: a.size(dim) if a.dim() else 1,
    "convolution": _of_convolution,
    "convolution_backward": _of_convolution_backward,
    **dict.fromkeys(("avg_pool2d_backward", "avg_pool3d_backward", "col2im"), _window),
    **dict.fromkeys(("max_pool2d_with_indices_backward", "max_pool3d_with_indices_backward"), _window),
    **dict.fromkeys(("_adaptive_avg_pool2d_backward", "_adaptive_avg_pool3d_backward"), lambda *_: 4),
    **dict.fromkeys(("upsample_nearest2d_backward", "upsample_bilinear2d", "upsample_bilinear2d_backward"), lambda *_: 4),
    **dict.fromkeys(("upsample_bicubic2d", "upsample_bicubic2d_backward", "upsample_trilinear3d"), lambda *_: 16),
    **dict.fromkeys(("embedding_dense_backward", "index_add", "scatter_add", "index_put", "_index_put_impl", "_unsafe_index_put"), COUNTED),
}


class Form(NamedTuple):
    """How far the honest forms of a function are apart, in units of u, relative and absolute; and the function's range."""

    relative: float
    absolute: float = 0.0
    low: float = -math.inf
    high: float = math.inf


# A library's exp, log, tanh and erf are taken to be off by up to 4 ulp, 8u relative: the loosest that NumPy tests its SIMD kernels against.
FORMS = {
    # 1/(1 + e⁻ᶻ), eᶻ/(1 + eᶻ): 8u for each exp, 2u for sum and quotient; ½(1 + tanh(z/2)): half of 8u for tanh and of 2u for the sum
    "sigmoid": Form(18, 5, low=0, high=1),
    # (eᶻ − e⁻ᶻ)/(eᶻ + e⁻ᶻ), 2σ(2z) − 1: 8u for each exp against a sum no smaller, and the roundings of the sums and the quotient
    "tanh": Form(8, 20, low=-1, high=1),
    **dict.fromkeys(("exp", "exp2"), Form(8, low=0)),
    "expm1": Form(8, 9, low=-1),      # eᶻ − 1: 8 for exp, 1 for the difference
    **dict.fromkeys(("log", "log2", "log10"), Form(8)),
    "log1p": Form(8, 1),              # ln(1 + z): 1 for the sum
    "erf": Form(8, 8, low=-1, high=1),
    **dict.fromkeys(("erfc", "special_erfcx", "lgamma", "digamma", "erfinv", "special_ndtr"), Form(16)),
    **dict.fromkeys(("sin", "cos"), Form(8, 8, low=-1, high=1)),
    **dict.fromkeys(("tan", "sinh", "cosh", "asin", "acos", "atan", "atan2", "asinh", "acosh", "atanh", "pow", "hypot"), Form(8, 8)),
    # the product and the quotient also by a reciprocal
    **dict.fromkeys(("mul", "div", "true_divide", "square", "sqrt", "reciprocal", "rsqrt"), Form(2)),
    **dict.fromkeys(("fmod", "remainder", "cumprod", "prod"), Form(8)),
}
FORMS["pow"] = Form(8)

_FACTORS = ("alpha", "beta", "value")      # the arguments that are factors of a sum's terms
_ELSE = Form(2)


class Row(NamedTuple):
    """What the table says of one call: its name, whether it works in place, whether it rounds nothing, and its form or simpler calls."""

    name: str
    in_place: bool
    is_exact: bool
    form: Form | None
    simpler: Callable[..., Any] | None


@cache
def _row(func: Any) -> Row:
    in_place = func._schema.is_mutable
    name = func._schema.name.split("::")[1]
    name = name.rstrip("_") if in_place else name
    form = FORMS.get(name)
    simpler = None if form is not None or in_place or name in SUMS else _simpler(name, func)
    return Row(name, in_place, func.is_view or name in EXACT, form, simpler)


class Noise(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The mode under which each call's result is moved at random, with `unit` as u, and `accumulation` as that of sums.

    It is moved by `amplitude` times as much as honest rounding may move it.
    """

    def __init__(self, unit: float, seed: int, accumulation: float | None = None, amplitude: float = 1.0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.unit, self.accumulation = unit, unit if accumulation is None else accumulation
        self.amplitude = amplitude
        self.unknown: set[str] = set()
        self._random = random.Random(seed)
        self._products: deque[tuple[Tensor, Tensor]] = deque(maxlen=4)      # the last products, with the scale of their rounding

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        row = _row(func)
        if row.is_exact or not _any_rounds(args, kwargs) or (row.name == "add" and _counts(args)):
            out = func(*args, **kwargs)
            if row.name == "_to_copy" and _rounds(args[0]) and _rounds(out) and torch.finfo(out.dtype).eps > torch.finfo(args[0].dtype).eps:
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
            scales = _scales_of_sum(row.name, func, args, kwargs)
            out = func(*args, **kwargs)
            for each, (most, root) in zip(_listed(out), scales, strict=True):
                if most is not None and _rounds(each):
                    is_long = isinstance(root, float) and root > _LONG
                    scale = root * (_PARTIAL * (most + each.abs()) if is_long else most)
                    if row.name in ("mm", "bmm", "baddbmm"):
                        self._products.append((each, scale.clone()))
                    self._move(each, scale, self._at_least(self.accumulation, each))
                    if self.unit != self.accumulation:      # the result of a sum in a higher precision rounds once more
                        self._move_by_form(each, Form(1))
            return out
        form = row.form
        if form is None:
            self.unknown.add(row.name)
            form = _ELSE
            if not row.in_place:
                args, kwargs = tree_map_only(Tensor, self._moved_input, (args, kwargs))
        out = func(*args, **kwargs)
        for each in _listed(out):
            if _rounds(each):
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
        z = args[0].abs()
        z = torch.where(z < math.inf, z, 0.0)
        most = z.amax(dim, keepdim=True) + 8
        shift = (self._drawn(out) * (z + most)).add_(self._drawn(most) * most).mul_(unit)
        return out.mul_(shift.add_(1)) if name == "_softmax" else out.add_(shift)

    def _scale_of_product(self, a: Tensor) -> Tensor:
        """Return how far the terms of a product may move it, if a is one of the last products, or a view of one; else of its size."""
        for product, scale in self._products:
            if product.data_ptr() == a.data_ptr() and product.numel() == a.numel() and a.is_contiguous():
                return scale.view(a.shape)
        return 8 * a.abs()

    def _moved_input(self, a: Tensor) -> Tensor:
        if _rounds(a):
            a = a.clone()
            self._move_by_form(a, _ELSE)
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
_CALLS = 4      # calls of a formula that round in low precision
_ROW = 1 << 20


@lru_cache(maxsize=8)
def _uniform(dtype: torch.dtype, device: torch.device, around_one: float | None) -> Tensor:
    generator = torch.Generator(device).manual_seed(0)
    row = torch.empty(_ROW, dtype=torch.float64, device=device).uniform_(-1, 1, generator=generator)
    return (row if around_one is None else row.mul_(around_one).add_(1)).to(dtype)


class Precisions(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The mode that notes the dtypes of floating point of all results, and whether numbers are drawn."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.dtypes: set[torch.dtype] = set()
        self.draws = False      # of numbers that depend on the dtype

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        self.draws |= _row(func).name.startswith(("rand", "normal", "uniform"))
        self.dtypes |= {each.dtype for each in _listed(out) if _rounds(each) and each.dim() > 0}
        return out


def _scales_of_sum(name: str, func: Any, args: Any, kwargs: Any) -> list[tuple[Tensor | None, Any]]:
    """Return Σ|terms| and √n of each result: the call on the magnitudes of its arguments, before it changes any of them in place."""
    if name in ("add", "sub", "rsub", "lerp"):      # with signs of their own
        first, second, *weight = map(_magnitude, args)
        most = first + second * abs(kwargs.get("alpha", 1)) if name != "lerp" else first + weight[0] * (first + second)
    else:
        positive = {key: abs(value) if key in _FACTORS else value for key, value in kwargs.items()}
        arguments = [_magnitude(each) if isinstance(each, Tensor) else each for each in args]
        most = func(*arguments, **positive)
    outs = _listed(most)
    terms = SUMS[name]
    if terms == COUNTED:
        return [(most, func(*tree_map_only(Tensor, lambda a: torch.ones_like(a) if _rounds(a) else a, args), **kwargs).sqrt())]
    n = args[0].numel() // max(1, outs[0].numel()) if terms == ALL else terms(*args)  # type: ignore[operator]
    counts = n if isinstance(n, tuple) else (n,) * len(outs)
    return [(out, math.sqrt(max(1, k))) for out, k in zip(outs, counts, strict=True)]


def _simpler(name: str, func: Any) -> Any:
    """Return the function that writes that call by simpler ones, or None."""
    return _variance if name == "var" else decomposition_table.get(func) or (func.decompose if func._can_decompose() else None)


def _variance(x: Tensor, dim: Any = None, correction: float | None = None, *, keepdim: bool = False) -> Tensor:
    """Σ(x − mean)² / (n − correction)."""
    dims = list(dim or range(x.dim()))
    away = x - x.mean(dims, keepdim=True)
    squares = (away * away).sum(dims, keepdim=keepdim)
    return squares / (x.numel() / max(1, squares.numel()) - (1 if correction is None else correction))


def _one_by_one(func: Any, args: Any, kwargs: Any) -> Any:
    """Make a call on lists of tensors one by one."""
    plain = getattr(torch.ops.aten, func._schema.name.split("::_foreach_")[1])

    def at(i: int, value: Any) -> Any:
        return value[i] if isinstance(value, (list, tuple)) else value

    if len(args) > 3:      # addcmul and addcdiv, whose factor has a name on one tensor
        args, kwargs = args[:3], {**kwargs, "value": args[3]}
    results = [plain(*(at(i, a) for a in args), **{key: at(i, a) for key, a in kwargs.items()}) for i in range(len(args[0]))]
    return None if func._schema.is_mutable else results


def _magnitude(a: Any) -> Any:
    """Return |a| of a number or of a tensor that rounds; any other tensor as it is."""
    return abs(a) if _rounds(a) or not isinstance(a, Tensor) else a


@contextmanager
def _constants_of(args: Any) -> Iterator[None]:
    """Make constants in the precision of the first tensor that rounds, as the call itself does, and not in float32."""
    dtypes = [a.dtype for a in tree_flatten(args)[0] if _rounds(a)]
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtypes[0] if dtypes else before)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _listed(out: Any) -> Sequence[Any]:
    return out if isinstance(out, (tuple, list)) else (out,)


def _any_rounds(args: Any, kwargs: Any) -> bool:
    """Return whether there is a tensor that rounds among the arguments, or in a list among them."""
    for each in (*args, *kwargs.values()) if kwargs else args:
        if _rounds(each) or (isinstance(each, (tuple, list)) and any(map(_rounds, each))):
            return True
    return False


def _counts(args: Any) -> bool:
    """Return whether a whole number is added to a tensor of one, as an optimiser counts its steps."""
    return all(isinstance(each, (int, float)) or each.dim() == 0 for each in args) and all(_number(each).is_integer() for each in args)


def _number(value: Any) -> float:
    return float(value.detach() if isinstance(value, Tensor) else value)


def _rounds(a: Any) -> bool:
    return isinstance(a, Tensor) and a.is_floating_point() and a.layout is torch.strided
