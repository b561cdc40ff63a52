"""The operators that an engine may have, each as code that runs on its objects and on PyTorch's tensors alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

Shapes = tuple[tuple[int, ...], ...]
_C = 1.7      # a constant beside an object


@dataclass(frozen=True)
class Operator:
    """An operator of so many operands: the method that it needs, the code, and PyTorch's code where that is another.

    `is_positive` draws numbers above 0 alone. `shapes` are those of the operands in an engine of arrays; () is a scalar. One of the file's
    own has the path of its method or function, `is_own` where it is held to the slope of its own forward; `parents` says of each argument
    whether a gradient is due to it.
    """

    method: str
    said: str
    apply: Callable[..., Any]
    count: int = 1
    reference: Callable[..., Any] | None = None
    is_positive: bool = False
    shapes: tuple[Shapes, ...] = ()
    path: str = ""
    is_own: bool = False
    parents: tuple[bool, ...] = ()

    def expected(self, *operands: Any) -> Any:
        """Apply PyTorch's code."""
        return (self.reference or self.apply)(*operands)


_ONE: tuple[Shapes, ...] = (((3, 4),), ((5,),))
_SAME: Shapes = ((3, 4), (3, 4))
BROADCAST: tuple[Shapes, ...] = (_SAME, ((3, 4), (4,)), ((3, 4), (3, 1)), ((4,), (3, 4)), ((1, 4), (3, 1)), ((2, 3, 4), (3, 1)))
ROWS: tuple[Shapes, ...] = (_SAME, ((3, 4), (1, 4)))


def _unary(method: str, said: str, apply: Callable[..., Any], reference: Any = None, *, is_positive: bool = False) -> Operator:
    return Operator(method, said, apply, 1, reference, is_positive, _ONE)


def _binary(method: str, said: str, apply: Callable[..., Any], *, is_positive: bool = False) -> Operator:
    return Operator(method, said, apply, 2, None, is_positive, BROADCAST)


def _calls(name: str, *arguments: Any, **named: Any) -> Callable[..., Any]:
    return lambda a: getattr(a, name)(*arguments, **named)


def _named(name: str, reference: Callable[..., Any], *, is_positive: bool = False) -> Operator:
    return _unary(name, f"a.{name}()", _calls(name), reference, is_positive=is_positive)


SCALAR: Sequence[Operator] = (
    _binary("__add__", "a + b", lambda a, b: a + b),
    _binary("__mul__", "a * b", lambda a, b: a * b),
    _unary("__neg__", "-a", lambda a: -a),
    _binary("__sub__", "a - b", lambda a, b: a - b),
    _binary("__truediv__", "a / b", lambda a, b: a / b, is_positive=True),
    _unary("__pow__", "a ** 3", lambda a: a**3),
    _unary("__pow__", "a ** 2", lambda a: a**2),
    _unary("__pow__", "a ** 0.5", lambda a: a**0.5, is_positive=True),
    _unary("__pow__", "a ** -1", lambda a: a**-1, is_positive=True),
    _unary("__add__", "a + 1.7", lambda a: a + _C),
    _unary("__radd__", "1.7 + a", lambda a: _C + a),
    _unary("__sub__", "a - 1.7", lambda a: a - _C),
    _unary("__rsub__", "1.7 - a", lambda a: _C - a),
    _unary("__mul__", "a * 1.7", lambda a: a * _C),
    _unary("__rmul__", "1.7 * a", lambda a: _C * a),
    _unary("__truediv__", "a / 1.7", lambda a: a / _C),
    _unary("__rtruediv__", "1.7 / a", lambda a: _C / a, is_positive=True),
    *(_named(name, getattr(torch, name)) for name in ("exp", "tanh", "sigmoid", "relu", "sin", "cos", "abs")),
    *(_named(name, getattr(torch, name), is_positive=True) for name in ("log", "sqrt")),
    *(_named(name, getattr(F, name)) for name in ("softplus", "gelu", "silu")),
    *(_named(name, torch.relu) for name in ("ReLU", "Relu")),
    _named("square", torch.square),
    _named("logistic", torch.sigmoid),
)
_MATRICES: tuple[Shapes, ...] = (((3, 4), (4, 2)), ((1, 5), (5, 3)))
ARRAY: Sequence[Operator] = (
    *SCALAR,
    *(
        Operator(method, said, apply, 2, lambda a, b: a @ b, shapes=_MATRICES)
        for method, said, apply in (
            ("__matmul__", "a @ b", lambda a, b: a @ b),
            ("matmul", "a.matmul(b)", lambda a, b: a.matmul(b)),
            ("dot", "a.dot(b)", lambda a, b: a.dot(b)),
            ("mm", "a.mm(b)", lambda a, b: a.mm(b)),
        )
    ),
    _named("sum", torch.sum),
    _unary("sum", "a.sum(0)", _calls("sum", 0), lambda a: a.sum(0)),
    _unary("sum", "a.sum(axis=0, keepdims=True)", _calls("sum", axis=0, keepdims=True), lambda a: a.sum(0, keepdim=True)),
    _named("mean", torch.mean),
    _unary("mean", "a.mean(0)", _calls("mean", 0), lambda a: a.mean(0)),
    _unary("reshape", "a.reshape(-1)", _calls("reshape", -1), lambda a: a.reshape(-1)),
    _unary("T", "a.T", lambda a: a.T, lambda a: a.t()),
    _named("transpose", lambda a: a.t()),
    _named("max", torch.max),
)
