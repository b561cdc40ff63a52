"""Classes whose static forward returns its outputs and a cache for its backward: such a pair is checked as an autograd.Function is."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import torch

from ..support.kinds import kind_of
from .classes.methods import Methods
from .file import PartsFile
from .functions.check import check_function
from .pairs import Pair
from .result import Part


def static_pair(file: PartsFile, methods: Methods, seed: int) -> Part:
    """Return the part of a class's backward method."""
    kind = vars(file.module)[methods.name]
    is_function = isinstance(kind, type) and issubclass(kind, torch.autograd.Function)      # by a class of another file
    made = kind if is_function else function_of(getattr(kind, methods.forward), getattr(kind, methods.backward))
    return check_function(file, methods.name, f"{methods.name}.{methods.backward}", made, seed)


def pair_of_tensors(file: PartsFile, pair: Pair, seed: int) -> Iterator[Part]:
    """Yield the part of each backward function of a pair in a file of PyTorch's tensors."""
    own = vars(file.module)
    for name in pair.backwards:
        yield check_function(file, pair.name, name, function_of(own[pair.forward], own[name]), seed)


def function_of(forward: Callable[..., Any], backward: Callable[..., Any]) -> Any:
    """Return an autograd.Function of two functions: the first returns (output, cache), the second takes a gradient and the cache."""

    class Made(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *arguments: Any) -> Any:
            answer = forward(*arguments)
            if not isinstance(answer, (tuple, list)):      # a tensor of two rows could be unpacked, too
                raise TypeError(f"forward returned {kind_of(answer)}; expected (output, cache)")
            out, ctx.cache = answer
            return out

        @staticmethod
        def backward(ctx: Any, *above: Any) -> Any:
            return backward(*above, ctx.cache)

    Made.forward.__signature__ = _signature(forward)      # type: ignore[attr-defined]
    return Made


def _signature(forward: Callable[..., Any]) -> Any:
    own = inspect.signature(forward)
    context = inspect.Parameter("_".join(("ctx", *own.parameters)), inspect.Parameter.POSITIONAL_OR_KEYWORD)      # no name of its own
    return own.replace(parameters=[context, *own.parameters.values()])
