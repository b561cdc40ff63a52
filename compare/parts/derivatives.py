"""Functions beside their derivatives, as tanh and tanh_prime, or mse and mse_prime: alone, or in a file of classes of layers."""

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .classes.spellings import is_from_above, is_target
from .file import PartsFile
from .layers.own_losses import own_loss, required
from .own_forward import on_tensors, other_numbers
from .pairs import derivatives_among, pairs_in
from .result import Part
from .several_inputs import Code, part_of
from .uncompared import are_all


def derivatives_in(tree: ast.Module) -> list[str]:
    """Return the names of the derivatives, or backward functions, of functions beside them, if the file computes nothing else."""
    own = {node.name: [each.arg for each in node.args.args] for node in tree.body if isinstance(node, ast.FunctionDef)}
    found = [name for name, base in derivatives_among(own) if _are_of_one(own[name], own[base])]
    found += [name for pair in pairs_in(own, has_bare=True) for name in pair.backwards]
    return found if found and are_all(tree, found) else []


def _are_of_one(derivative: Sequence[str], function: Sequence[str]) -> bool:
    """Return whether the two take the same arguments, or each one number, and none from above."""
    return derivative == function or (len(derivative) == len(function) == 1 and not is_from_above(derivative[0]))


def check_derivatives(file: PartsFile, seed: int) -> Iterator[Part]:
    """Yield a part for each derivative of a function of the file, of one argument or of a prediction and its target.

    Other arguments have defaults; those that are numbers get other values too.
    """
    own = {name: each for name, each in file.own().items() if inspect.isfunction(each)}
    space = on_tensors(file)
    for name, base in derivatives_among(own):
        if not _are_of_one(*([*inspect.signature(own[each]).parameters] for each in (name, base))):
            continue
        taken = required(own[base])
        if len(taken) == 1:
            forms = [{}, numbers] if (numbers := other_numbers(own[base])) else [{}]
            parts = [_part(file, _Pair(name, own[base], own[name], space[base], named), seed) for named in forms]
            yield next((part for part in parts if part.mark != "agrees"), replace(parts[0], compared=sum(part.compared for part in parts)))
        elif len(taken) == 2 and any(is_target(each) for each in taken) and (part := own_loss(file, base, name, seed)) is not None:
            yield part


@dataclass(frozen=True)
class _Pair:
    """A function of one argument and its derivative, with the function on tensors, and values for its other arguments."""

    label: str
    function: Callable[..., Any]
    prime: Callable[..., Any]
    on_tensors: Callable[..., Any]
    named: Mapping[str, float]

    def code(self, *, is_of_output: bool = False) -> Code:
        """Return it as code that goes forward and back; `is_of_output` says that the derivative takes what the function returns."""

        def forward(arrays: Sequence[Any]) -> Any:
            return self.function(np.array(arrays[0]), **self.named)

        def backward(arrays: Sequence[Any], above: Any) -> list[Any]:
            return [above * self.prime(forward(arrays) if is_of_output else np.array(arrays[0]), **self.named)]

        name = required(self.function)[0]
        return Code(self.label, [name], forward, backward, lambda values: self.on_tensors(values[0], **self.named))


def _part(file: PartsFile, pair: _Pair, seed: int) -> Part:
    """Return the part of a derivative, which may be one of the function's output, as a(1 − a) is; a factor may be meant."""
    part = part_of(file, pair.code(), file.lines_of(pair.label), seed)
    if part.mark == "wrong":
        other = part_of(file, pair.code(is_of_output=True), part.lines, seed)
        if other.mark == "agrees":
            return replace(other, beside=f"{other.beside}; it takes the function's output")
        if part.why is not None and "times what" in part.why and "is -" not in part.why:
            return replace(part, mark="not compared", first=None, why=None, on="", reason=f"{part.why}, which may be meant")
    return part
