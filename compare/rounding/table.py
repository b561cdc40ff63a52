"""The noise table: how far honest programs may be apart in the result of one call of PyTorch's, a row for each kind of call.

- It moves, copies, chooses or draws numbers, and rounds nothing: `EXACT`.
- It is a sum of n terms, in any order: √n u Σ|terms| (Higham and Mary, *A new approach to probabilistic rounding error analysis*, 2019,
  λ = 1). A sum of two is one, so that a(b + c) may be ab + ac. Of many terms 0.3 √n u (Σ|terms| + |sum|), since whatever the order no
  partial sum is more than half of that bracket, their root mean square 1/√3 of the largest if they grow evenly, and so is that of noise:
  `SUMS`.
- It is a function with several honest forms: as far as these are apart, relative and absolute: `FORMS`.
- PyTorch itself can write it by simpler calls, as normalisations, losses and most activations: it runs as these.
- Anything else has its inputs and its result moved, by 2u relative each.

All is in units u, the unit roundoff of the precision that is compared.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._decomp import decomposition_table
from torch.utils._pytree import tree_map_only

from .spread import repeats

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
    **dict.fromkeys(("mm", "bmm", "mv", "dot", "vdot"), lambda a, *_: a.size(-1)),
    **dict.fromkeys(("addmm", "baddbmm", "addmv"), lambda start, a, *_: a.size(-1) + 1),
    "addbmm": lambda start, a, *_: a.size(0) * a.size(-1) + 1,
    **dict.fromkeys(("sum", "mean", "nansum", "trace"), ALL),
    **dict.fromkeys(("avg_pool2d", "avg_pool3d", "_adaptive_avg_pool2d", "_adaptive_avg_pool3d"), ALL),
    "cumsum": lambda a, dim, *_: a.size(dim) if a.dim() else 1,
    "convolution": _of_convolution,
    "convolution_backward": _of_convolution_backward,
    **dict.fromkeys(("avg_pool2d_backward", "avg_pool3d_backward", "col2im"), lambda g, x, kernel, *_: math.prod(kernel)),
    **dict.fromkeys(("max_pool2d_with_indices_backward", "max_pool3d_with_indices_backward"), lambda g, x, kernel, *_: math.prod(kernel)),
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
ELSE = Form(2)
_LOOKED_AT, _SELDOM = 4, 64      # rows, and terms


class Row(NamedTuple):
    """What the table says of one call: its name, whether it works in place, whether it rounds nothing, and its form or simpler calls."""

    name: str
    in_place: bool
    is_exact: bool
    form: Form | None
    simpler: Callable[..., Any] | None


@cache
def row_of(func: Any) -> Row:
    """Return what the table says of one of PyTorch's calls."""
    in_place = func._schema.is_mutable
    name = func._schema.name.split("::")[1]
    name = name.rstrip("_") if in_place else name
    form = FORMS.get(name)
    simpler = None if form is not None or in_place or name in SUMS else _simpler(name, func)
    return Row(name, in_place, func.is_view or name in EXACT, form, simpler)


def scales_of_sum(name: str, func: Any, args: Any, kwargs: Any) -> list[tuple[Tensor | None, Any]]:
    """Return Σ|terms| and √n of each result: the call on the magnitudes of its arguments, before it changes any of them in place."""
    if name in ("add", "sub", "rsub", "lerp"):      # with signs of their own
        first, second, *weight = map(_magnitude, args)
        most = first + second * abs(kwargs.get("alpha", 1)) if name != "lerp" else first + weight[0] * (first + second)
    else:
        positive = {key: abs(value) if key in _FACTORS else value for key, value in kwargs.items()}
        arguments = [_magnitude(each) if isinstance(each, Tensor) else each for each in args]
        most = func(*arguments, **positive)
    outs = listed(most)
    terms = SUMS[name]
    if terms == COUNTED:
        return [(most, func(*tree_map_only(Tensor, lambda a: torch.ones_like(a) if rounds(a) else a, args), **kwargs).sqrt())]
    n = args[0].numel() // max(1, outs[0].numel()) if terms == ALL else terms(*args)  # type: ignore[operator]
    counts = n if isinstance(n, tuple) else (n,) * len(outs)
    return [(out, math.sqrt(max(1, k))) for out, k in zip(outs, counts, strict=True)]


def equal_terms(name: str, args: Any, unit: float) -> int:
    """Return about how many equal terms a long sum has, as seen in some of its results; terms are noisy, and 2¹² u apart still equal."""
    if name in ("mm", "addmm"):
        a, b = args[-2:]
        return min(_repeats(a[:_LOOKED_AT], unit), _repeats(b.t()[:_LOOKED_AT], unit))
    if name in ("sum", "mean", "nansum"):
        a = args[0]
        kept = set(range(a.dim())) - {d % a.dim() for d in _dims(args[1] if len(args) > 1 else None, a.dim())}
        terms = a.permute(*sorted(kept), *(d for d in range(a.dim()) if d not in kept))
        return _repeats(terms.reshape(math.prod(a.shape[d] for d in kept), -1)[:_LOOKED_AT], unit)
    return 0


def bias_of(name: str, args: Any) -> Tensor | None:
    """Return what a product adds to its sums as its last argument but the factors: a bias, which broadcasts to the result."""
    if name in ("addmm", "addmv", "baddbmm"):
        return args[0]  # type: ignore[no-any-return]
    if name == "convolution" and args[2] is not None:
        return args[2].view(-1, *[1] * (args[0].dim() - 2))  # type: ignore[no-any-return]
    return None


def _dims(dim: Any, axes: int) -> Sequence[int]:
    return range(axes) if dim is None or dim == [] else (dim if isinstance(dim, (list, tuple)) else (dim,))


def _repeats(rows: Tensor, unit: float) -> int:
    return int(repeats(rows.double().numpy(force=True), -1, _SELDOM, 2.0**12 * unit).max(initial=0)) if rounds(rows) else 0


def _simpler(name: str, func: Any) -> Any:
    """Return the function that writes that call by simpler ones, or None."""
    return _variance if name == "var" else decomposition_table.get(func) or (func.decompose if func._can_decompose() else None)


def _variance(x: Tensor, dim: Any = None, correction: float | None = None, *, keepdim: bool = False) -> Tensor:
    """Σ(x − mean)² / (n − correction)."""
    dims = list(dim or range(x.dim()))
    away = x - x.mean(dims, keepdim=True)
    squares = (away * away).sum(dims, keepdim=keepdim)
    return squares / (x.numel() / max(1, squares.numel()) - (1 if correction is None else correction))


def _magnitude(a: Any) -> Any:
    """Return |a| of a number or of a tensor that rounds; any other tensor as it is."""
    return abs(a) if rounds(a) or not isinstance(a, Tensor) else a


def listed(out: Any) -> Sequence[Any]:
    """Return the results of a call as a sequence."""
    return out if isinstance(out, (tuple, list)) else (out,)


def rounds(a: Any) -> bool:
    """Return whether it is a dense tensor of floating point."""
    return isinstance(a, Tensor) and a.is_floating_point() and a.layout is torch.strided
