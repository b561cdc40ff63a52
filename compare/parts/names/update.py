"""The update that follows gradients under the names of tensors: each parameter's change from one round to the next, beside its gradient."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...userfile.shapes.spellings import fits_parameter, role
from ..judged import as_numbers
from ..result import Mark, Part
from .tree import Cluster, stored

_LOST = 1e-9      # of a parameter's largest number
_CLOSE = 1e-6      # of a change, relative to its largest number: what is rounded off a weight is below, where steps are not minute


def update_parts(cluster: Cluster, first: Mapping[str, Any], grads: Sequence[tuple[str, Any]], second: Mapping[str, Any]) -> Iterator[Part]:
    """Yield a part for each parameter that a loop at top level changes: its step from `first` to `second` is a multiple of the gradient.

    A parameter whose step is none has another update, such as Adam's, and no part.
    """
    gradients = trained_in(cluster, first, grads, second)
    rates = {tensor: _rate(first.get(tensor), second.get(tensor), grad) for tensor, grad in gradients.items()}
    moved = [rate for rate in rates.values() if rate]
    if not moved:
        return
    downhill = [rate for rate in moved if rate > 0] or moved
    usual = max(downhill, key=lambda rate: sum(abs(rate - other) <= 1e-3 * abs(rate) for other in downhill))
    names = {tensor: name for name, tensor in cluster.names.items()}
    for tensor, rate in rates.items():
        if rate is None and (other := _of_another(cluster, tensor, first, dict(grads), second)) is not None:
            line = cluster.lines[names[tensor]]
            yield Part(f"update of {tensor}", "wrong", line=line, why=f"{tensor} goes along {other}, and not {names[tensor]}")
        if rate is None or (rate == 0 and (tensor in _changed_in(cluster) or _is_lost(usual, gradients[tensor], first[tensor]))):
            continue
        part, line = f"update of {tensor}", cluster.lines[names[tensor]]
        size = int(np.size(as_numbers(first[tensor])))
        if rate == 0:
            yield Part(part, "wrong", line=line, why=f"{tensor} is never updated: no statement of the loop changes it by {names[tensor]}")
        elif rate < 0:
            yield Part(part, "wrong", line=line, why=f"{tensor} goes uphill: its step is +{-rate:.4g} {names[tensor]}")
        elif abs(rate - usual) > 1e-3 * usual:
            said = f"its step is −{rate:.4g} {names[tensor]}, and that of others −{usual:.4g} times theirs"
            mark: Mark = "agrees" if _rates_of(cluster) > 1 else "wrong"
            yield Part(part, mark, f"its gradient: {said}", size, line=line, why=said)
        else:
            yield Part(part, "agrees", f"its gradient: its step is −{rate:.4g} {names[tensor]}", size, line=line)


def parameters_of(cluster: Cluster) -> list[str]:
    """Return the names of the parameters that have gradients."""
    return [tensor for tensor in dict.fromkeys(cluster.names.values()) if tensor in cluster.roots and _is_parameter(tensor)]


def trained_in(cluster: Cluster, first: Mapping[str, Any], grads: Sequence[tuple[str, Any]], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a loop at top level starts from with the gradient: parameters by their names, or as it has drawn or changes them."""
    last, changed, found = dict(grads), _changed_in(cluster), dict[str, Any]()
    for name, tensor in cluster.names.items():
        if tensor not in cluster.roots or name not in last:
            continue
        is_other = role(tensor) not in ("x", "y") and (tensor in changed or _is_drawn(first.get(tensor)))
        if _is_parameter(tensor) or is_other or _rate(first.get(tensor), second.get(tensor), last[name]):
            found[tensor] = last[name]
    return found


def _is_parameter(tensor: str) -> bool:
    return fits_parameter(tensor.removeprefix("self.")) == 2


def _is_drawn(value: Any) -> bool:
    """Return whether the numbers are all different, as those of a state that begins with 0 are not."""
    numbers = as_numbers(value) if value is not None else None
    return isinstance(numbers, np.ndarray) and numbers.size > 1 and len(np.unique(numbers)) == numbers.size


def _rate(before: Any, after: Any, grad: Any) -> float | None:
    """Return by what multiple of the gradient the parameter was reduced, 0 where it is the same; None where it is no multiple."""
    flat = [each.reshape(-1) for each in map(as_numbers, (before, after, grad)) if isinstance(each, np.ndarray)]
    if len({each.size for each in flat}) != 1 or len(flat) != 3 or not flat[2].any():
        return None
    change, g = flat[1] - flat[0], flat[2]
    rate = -float(change @ g / (g @ g))
    is_multiple = np.abs(change + rate * g).max() <= _CLOSE * np.abs(change).max(initial=0.0)
    return rate if is_multiple else None


def _of_another(
    cluster: Cluster, tensor: str, first: Mapping[str, Any], grads: Mapping[str, Any], second: Mapping[str, Any]
) -> str | None:
    """Return the name of the gradient of another along which a parameter goes, or its own transposed; None where it goes along none."""
    arrays = [(name, of == tensor, as_numbers(grads[name])) for name, of in cluster.names.items() if name in grads]
    known = [(name, is_own, grad) for name, is_own, grad in arrays if isinstance(grad, np.ndarray)]
    known.sort(key=lambda each: not each[1])      # it may have several names of its own
    ways = known + [(f"{name} transposed", False, grad.T) for name, _, grad in known]
    found = next((each for each in ways if _rate(first.get(tensor), second.get(tensor), each[2])), None)
    return None if found is None or found[1] else found[0]


def _is_lost(rate: float, grad: Any, parameter: Any) -> bool:
    """Return whether a step at that rate would be lost in rounding, as that of a bias before a normalisation."""
    return abs(rate) * float(np.abs(as_numbers(grad)).max()) <= _LOST * float(np.abs(as_numbers(parameter)).max())


def _rates_of(cluster: Cluster) -> int:
    """Return how many names of learning rates the loops around the gradients read."""
    return len({node.id for loop in cluster.outer for node in ast.walk(loop) if isinstance(node, ast.Name) and role(node.id) == "lr"})


def _changed_in(cluster: Cluster) -> set[str]:
    """Return the names that the loops around the gradients assign."""
    loops: list[ast.AST] = [each for each in cluster.outer if isinstance(each, (ast.For, ast.While))]
    return stored(loops)
