"""Inputs that an `autograd.Function` takes: shapes and numbers are tried, by the names of its forward's arguments, until it runs."""

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..binding import plain
from ..file import nones_returned

_FEW, _MANY = 400, 2000      # times that a forward is tried on one shape of its first input
_LARGER = 4.0      # times the first input: kinks are often at 1, 2, 3 or 6
_IMAGE = 4      # axes: the channels are the second
_UNITS = 5      # no other size, so that nothing fits by broadcasting alone
_LEAST = 0.5      # what is positive is no less
_SHARE = 0.7      # of a mask is True
_FIRST = ((4, 6), (2, 4, 6), (2, 4, 3, 6), (7,))
_ONE = (1, 1)
_CLASSES = ("target", "targets", "label", "labels", "y", "index", "indices", "idx", "ids", "classes", "ytrue")
_TARGETS = ("target", "label", "hot", "truth")
_FLAGS = ("training", "inplace", "train", "bias", "affine")
_WHOLE = ("stride", "padding", "pad", "dim", "axis", "groups", "numgroups", "g", "k", "n", "kernelsize", "dilation", "size", "num", "bits")
_NUMBERS = (
    "eps", "epsilon", "alpha", "lambda", "lambd", "lam", "slope", "negativeslope", "p", "temperature", "tau", "threshold", "constant",
    "factor", "momentum", "scale", "beta", "c", "s", "margin", "delta", "power", "exponent", "min", "max", "low", "high", "gamma",
)      # fmt: skip
_POSITIVE = ("alpha", "lambda", "lambd", "lam", "temperature", "tau", "threshold", "max", "high", "eps", "epsilon")      # as they are meant
INPUTS = ("x", "input")      # arguments that have a gradient, but in a whole loss
_OF_UNITS = ("weight", "w", "kernel", "weights")
_OF_FEATURES = ("bias", "b", "gamma", "beta", "scale", "shift", "gain", "alpha")


@dataclass(frozen=True)
class Inputs:
    """The arguments of a forward, by name: tensors, whole numbers, flags; `wanted` are the tensors that have a gradient.

    `shares` are those whose numbers sum to 1 along an axis.
    """

    arguments: Mapping[str, Any]
    wanted: tuple[str, ...]
    shares: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The names of the arguments in their order."""
        return list(self.arguments)

    @property
    def kinds(self) -> list[bool]:
        """Which of the arguments are tensors."""
        return [isinstance(each, Tensor) for each in self.arguments.values()]

    def fresh(self) -> tuple[list[Any], dict[str, Tensor]]:
        """Return copies of the arguments, and the leaves of which those with a gradient are made, so that they may be changed in place."""
        leaves = {name: self.arguments[name].clone().requires_grad_() for name in self.wanted}
        return [leaves[name].clone() if name in leaves else _copy(value) for name, value in self.arguments.items()], leaves

    def with_first(self, change: Callable[[Tensor], Tensor]) -> "Inputs":
        """Return the inputs with the first of them changed."""
        first = next(iter(self.arguments))
        return Inputs({**self.arguments, first: change(self.arguments[first])}, self.wanted)

    def with_shares(self) -> Iterator["Inputs"]:
        """Yield the inputs with shares of 1 along an axis as data of the first's shape, as the targets of a softmax are."""
        first, *others = self.arguments.items()
        shape = first[1].shape
        data = tuple(name for name, value in others if name not in self.wanted and _is_float(value) and value.shape == shape)
        for axis in {len(shape) - 1, min(1, len(shape) - 1)} if data else ():
            yield Inputs({**self.arguments, **{name: self.arguments[name].softmax(axis) for name in data}}, self.wanted, data)

    def said(self) -> str:
        """Say the shapes and the values."""
        return ", ".join(f"{name} {tuple(value.shape) if isinstance(value, Tensor) else value}" for name, value in self.arguments.items())


def drawn_inputs(function: Any, backward: ast.AST | None, seed: int, given: int = 0) -> list[Inputs]:
    """Return inputs of several shapes and sizes on which the forward runs and is finite; none where none were found.

    Those on which the backward, whose definition is given, returns gradients of other shapes are left out, if there are others: they ran
    by broadcasting what is not meant so. So are those with a tensor for what is a number on the first, or the reverse. Where there are
    none, numbers by default that come last are left out, if the file does so too, which applies it to as many arguments as `given`.
    """
    parameters = parameters_of(function)
    if not parameters or any(each.kind is each.VAR_POSITIONAL for each in parameters):
        return []
    without = _without_gradient(backward, [each.name for each in parameters])
    kept = list(parameters)
    while kept and isinstance(kept[-1].default, (int, float, str)):
        kept.pop()
    whole, others = _running(function, parameters, without, seed, _FEW)
    if not whole and kept and given <= len(kept) < len(parameters):
        whole, _ = _running(function, kept, without, seed, _FEW)
    found = whole or _running(function, parameters, without, seed, _MANY)[0] or others[:1]
    found = [each for each in found if each.kinds == found[0].kinds]
    larger = [each.with_first(lambda x: _LARGER * x) for each in found]
    optional = [each.name for each in parameters if each.default is None and found and each.name in found[0].arguments]
    shorter = [_inputs({**found[0].arguments, **dict.fromkeys(optional)}, without)] if optional and found else []
    return found + [each for each in larger + shorter if _runs(each, function)]


def _running(
    function: Any, parameters: Sequence[inspect.Parameter], without: Sequence[str], seed: int, runs: int
) -> tuple[list[Inputs], list[Inputs]]:
    """Return inputs for these arguments on which both ways run, one for each shape, and others on which the forward runs.

    A shape of one number is tried where no other fits.
    """
    whole, others = list[Inputs](), list[Inputs]()
    for first in (*_FIRST, _ONE):
        if first == _ONE and (whole or others):
            break
        tried = islice(_combinations(parameters, first, without, torch.Generator().manual_seed(seed % 2**63)), runs)
        running = (inputs for each in tried if _runs(inputs := _inputs(each, without), function))
        for inputs in running:
            if _goes_back(inputs, function):
                whole.append(inputs)
                break
            others.append(inputs)
    return whole, others


def parameters_of(function: Any) -> list[inspect.Parameter]:
    """Return the parameters of a Function's forward without its context."""
    parameters = list(inspect.signature(function.forward).parameters.values())
    return parameters if "setup_context" in vars(function) else parameters[1:]


def _inputs(arguments: Mapping[str, Any], without: Sequence[str]) -> Inputs:
    return Inputs(arguments, tuple(name for name, value in arguments.items() if _is_float(value) and name not in without))


def _runs(inputs: Inputs, function: Any) -> bool:
    """Return whether the forward runs, and returns finite numbers."""
    try:
        outs = tensors_of(function.apply(*inputs.fresh()[0]))
    except Exception:      # whatever the forward raises
        return False
    return bool(outs) and bool(inputs.wanted) and all(bool(each.isfinite().all()) for each in outs)


def _goes_back(inputs: Inputs, function: Any) -> bool:
    """Return whether the backward returns gradients of the right shapes, of which PyTorch has to sum none to the input's."""
    arguments, leaves = inputs.fresh()
    shapes: list[Any] = []

    class Watched(function):      # type: ignore[misc]
        @staticmethod
        def backward(ctx: Any, *above: Any) -> Any:
            grads = function.backward(ctx, *above)
            shapes[:] = [np.shape(each) for each in grads] if isinstance(grads, tuple) else [np.shape(grads)]
            return grads

    try:
        ends = [each for each in tensors_of(Watched.apply(*arguments)) if each.requires_grad]
        torch.autograd.grad(ends, list(leaves.values()), [torch.ones_like(each) for each in ends], allow_unused=True)
    except Exception:      # whatever the backward raises
        return False
    places = [inputs.names.index(name) for name in leaves]
    return all(shapes[at] in ((), arguments[at].shape) for at in places)


def tensors_of(out: Any) -> list[Tensor]:
    """Return the tensors that a forward returned."""
    return [each for each in (out if isinstance(out, (tuple, list)) else [out]) if isinstance(each, Tensor)]


def _combinations(
    parameters: Sequence[inspect.Parameter], first: tuple[int, ...], without: Sequence[str], generator: torch.Generator
) -> Iterator[dict[str, Any]]:
    """Yield arguments, the likeliest first: those with the fewest departures from the first choice of each."""
    choices = [list(_choices(each, first, number == 0, each.name in without, generator)) for number, each in enumerate(parameters)]
    for total in range(sum(len(each) for each in choices)):
        for picks in _summing_to(total, [len(each) for each in choices]):
            yield {each.name: choices[i][pick] for i, (each, pick) in enumerate(zip(parameters, picks, strict=True))}


def _summing_to(total: int, sizes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    if not sizes:
        if total == 0:
            yield ()
        return
    for pick in range(min(total, sizes[0] - 1) + 1):
        yield from ((pick, *rest) for rest in _summing_to(total - pick, sizes[1:]))


def _choices(
    parameter: inspect.Parameter, first: tuple[int, ...], is_first: bool, has_no_gradient: bool, generator: torch.Generator
) -> Iterator[Any]:
    """Yield what an argument may be, the likeliest first."""
    name, annotation = plain(parameter.name), str(parameter.annotation)

    def normal(shape: tuple[int, ...]) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    if is_first:
        yield normal(first)
        yield normal(first).abs() + _LEAST
        yield torch.rand(first, generator=generator, dtype=torch.float64)
        return
    features, channels = first[-1], first[1] if len(first) > 1 else first[0]
    vectors = [(features,), (channels,), (_UNITS,), (1, channels, 1, 1)]
    if len(first) == _IMAGE:
        vectors = [(channels,), (1, channels, 1, 1), (features,)]
    matrices = [(_UNITS, features), (features, _UNITS)]
    shapes = [first, *matrices, *vectors, (1,), ()]
    if name in _OF_UNITS:
        shapes = [*matrices, *vectors, (_UNITS, channels, 2, 3), first, (1,), ()]
    elif name in _OF_FEATURES:
        shapes = [*vectors, first, (1,), ()]
    tensors = [normal(shape).abs() + _LEAST if name in _POSITIVE else normal(shape) for shape in shapes]
    numbers: list[Any] = [0.7, 2, 1, 0, 3.0, True]
    if isinstance(parameter.default, (bool, int, float, str)):
        yield parameter.default
    if "float" in annotation or "int" in annotation or "bool" in annotation or name in _NUMBERS + _WHOLE + _FLAGS:
        is_number = "Tensor" not in annotation
        ordered = [1e-3, *numbers] if "eps" in name else [2, 1, 0, *numbers] if name in _WHOLE or "int" in annotation else numbers
        ordered = [True, False, *numbers] if "bool" in annotation or name in _FLAGS else ordered
        yield from [*ordered, *tensors] if is_number and (has_no_gradient or name not in _OF_FEATURES) else [*tensors, *ordered]
        return
    classes = [torch.randint(0, first[-1], first[:-1], generator=generator), torch.randint(0, first[0], (6,), generator=generator)]
    mask = torch.rand(first, generator=generator) < _SHARE
    if has_no_gradient and "mask" in name:
        yield from [mask, mask.double(), *tensors]
    elif has_no_gradient and (name in _CLASSES or any(word in name for word in _TARGETS)):
        of_records = classes[:1] if len(first) > 1 else []
        yield from [*of_records, *tensors[:1], *classes, *tensors[1:], *numbers]
    elif has_no_gradient:
        yield from [*numbers, *tensors, *classes, mask]
    else:
        yield from [*tensors, *classes, *numbers]


def _without_gradient(node: ast.AST | None, names: Sequence[str]) -> list[str]:
    """Return the names of the arguments for which the backward returns None, unless they are those of weights, or of a layer's input.

    What takes weights and targets is a whole loss, and its input is data.
    """
    places = nones_returned(node) if isinstance(node, ast.FunctionDef) else []
    known = {plain(name) for name in names}
    inputs = () if known & {*_CLASSES} and known & {*_OF_UNITS} else INPUTS
    return [names[at] for at in places if at < len(names) and plain(names[at]) not in (*_OF_UNITS, "bias", *inputs)]


def _is_float(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


def _copy(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value
