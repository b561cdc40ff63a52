"""Functions beside their derivatives, as tanh and tanh_prime, or mse and mse_prime, in a file of classes of layers."""

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..as_tensors import array_module
from ..binding import plain
from ..file import PartsFile
from ..repeatable import repeatable
from ..result import Part
from ..several_inputs import Code, judged_on, part_of, running
from ..words import multiple_of
from .objects import own_nodes
from .spellings import TARGETS

_PRIME = re.compile(r"(\w+?)_?(?:prime|deriv|derivative|grad|gradient|dx)|(?:d|grad|gradient)_(\w+)")


def prime_parts(file: PartsFile, seed: int) -> Iterator[Part]:
    """Yield a part for each derivative of a function of the file, of one argument or of a prediction and its target."""
    own = {name: each for name, each in file.own().items() if inspect.isfunction(each)}
    space = {name: array_module() if value is np else value for name, value in vars(file.module).items()}
    exec(compile(repeatable(own_nodes(file)), str(file.path), "exec", dont_inherit=True), space)
    for name, prime in own.items():
        found = _PRIME.fullmatch(name)
        base = next((text for text in found.groups() if text), "") if found else ""
        if base in own and [*inspect.signature(prime).parameters] == [*inspect.signature(own[base]).parameters]:
            code = _code(name, own[base], prime, space[base])
            if code is not None:
                yield _part(file, code, own[base], prime, seed)


def _part(file: PartsFile, code: Code, function: Callable[..., Any], prime: Callable[..., Any], seed: int) -> Part:
    """Return the part of a derivative, which may be one of the function's output, as a(1 − a) is; a factor to a loss may be meant."""
    part = part_of(file, code, file.lines_of(code.label), seed)
    if part.mark == "wrong" and len(inspect.signature(prime).parameters) == 1:
        of_output = replace(code, backward=lambda arrays, above: [above * prime(function(np.array(arrays[0])))])
        other = part_of(file, of_output, part.lines, seed)
        return replace(other, beside=f"{other.beside}; it takes the function's output") if other.mark == "agrees" else part
    if part.mark == "wrong" and part.why is not None and "times what" in part.why and "is -" not in part.why:
        times = multiple_of(_ratios(file, code, seed)) if len(inspect.signature(prime).parameters) > 1 else None
        agreed = replace(part, first=None, why=None, on="")
        if times is not None:
            return replace(agreed, mark="agrees", caveat=times)
        return replace(agreed, mark="not compared", reason=f"{part.why}, which may be meant")
    return part


def _ratios(file: PartsFile, code: Code, seed: int) -> list[tuple[float | None, int, int]]:
    """Return by which factor the derivative of a loss is off in two sizes, with the numbers of records and outputs."""
    found = file.run(code.label, lambda: [arrays for arrays in running(code, seed) if np.ndim(arrays[0])][:2])
    judged = [judged_on(file, code, arrays, seed)[0] for arrays in found]
    sizes = [(*np.shape(arrays[0]), 1)[:2] for arrays in found]
    return [(next(iter(each.ratios.values()), None), n, k) for each, (n, k) in zip(judged, sizes, strict=True)]


def _code(label: str, function: Callable[..., Any], prime: Callable[..., Any], on_tensors: Callable[..., Any]) -> Code | None:
    names = [*inspect.signature(function).parameters]
    targets = [at for at, name in enumerate(names) if plain(name) in TARGETS]
    at = 0 if len(names) == 1 else 1 - targets[0] if len(names) == 2 and len(targets) == 1 else None      # of the prediction
    if at is None:
        return None

    def arguments(x: Any, shape: tuple[int, ...], turn: Callable[[Any], Any]) -> list[Any]:
        other = turn(np.random.default_rng(9).uniform(0.1, 0.9, shape))
        return [x] if len(names) == 1 else [x, other] if at == 0 else [other, x]

    def back(arrays: Sequence[Any], above: Any) -> list[Any]:
        return [above * prime(*arguments(np.array(arrays[0]), np.shape(arrays[0]), np.array))]

    return Code(
        label, [names[at]], lambda arrays: function(*arguments(np.array(arrays[0]), np.shape(arrays[0]), np.array)), back,
        lambda values: on_tensors(*arguments(values[0], tuple(values[0].shape), array_module().asarray)),
    )      # fmt: skip

