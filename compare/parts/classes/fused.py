"""A loss and the activation before it, where they are right only together: the one returns p − y, and the other passes it on."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...support.arrays import Array
from ..loss_cases import OF_INPUT, Case, Compared, is_difference, judged_part, wide_case
from ..result import Part
from .losses import copied, exact, gradient_of, running, runs
from .objects import Made, Objects

_PASSED = "it passes the gradient on, which is right only where the loss's gradient is already that at its input; no such class is found"


def taken_together(parts: Mapping[str, Part], layers: Mapping[str, Objects], losses: Mapping[str, Objects]) -> Iterator[Part]:
    """Yield the parts; a loss and an activation that are right only together are compared together.

    Many files let the loss return p − y, the gradient at the activation's input, and the activation pass it on.
    """
    found, has_activation = dict(parts), False
    for name, objects in layers.items():
        made = next(iter(objects.running()), None) if _may_be_last(parts[name]) else None
        if made is None or (out := _probabilities(objects, made)) is None:
            continue
        has_activation = True
        if parts[name].mark != "wrong" or not _passes_on(objects, made):
            continue
        others = [each for each in losses if parts[each].mark in ("wrong", "not compared")]
        tried = {each: exact(lambda loss: _together(objects, loss, made), losses[each]) for each in others}      # noqa: B023
        together = {each: part for each, part in tried.items() if part is not None}
        if (right := next((each for each, part in together.items() if part.mark == "agrees"), None)) is not None:
            both = f"autograd of {right} of {name}: its derivative is that of both{together[right].beside}"
            found[right] = replace(together[right], beside=both, lines=parts[right].lines)
            found[name] = replace(parts[name], mark="agrees", beside=f"{right}, whose gradient it passes on", first=None, why=None)
        elif not losses and _is_softmax(out):
            found[name] = replace(parts[name], mark="not compared", first=None, why=None, reason=_PASSED)
    for name, objects in losses.items():
        if found[name].mark == "wrong" and not has_activation and _is_fused(objects):
            found[name] = replace(found[name], mark="not compared", first=None, why=None, reason=OF_INPUT.format("class"))
    yield from found.values()


def _may_be_last(part: Part) -> bool:
    return part.mark in ("agrees", "wrong")


def _probabilities(objects: Objects, made: Made) -> Array | None:
    """Return the output of an activation between 0 and 1, None for any other layer."""
    out = _out(objects, made)
    return out if out.shape == made.x.shape and bool(((out > 0) & (out < 1)).all()) else None


def _out(objects: Objects, made: Made) -> Array:
    return np.asarray(objects.forward(copied(made.layer), made.x.copy()))


def _is_softmax(out: Array) -> bool:
    return any(np.allclose(out.sum(axis), 1) for axis in range(out.ndim))


def _passes_on(objects: Objects, made: Made) -> bool:
    """Return whether the backward method returns the gradient from above as it is."""
    returned, _, above, _ = objects.backward(made)
    return np.shape(returned) == above.shape and np.array_equal(returned, above)


def _together(objects: Objects, loss: Objects, made: Made) -> Part | None:
    """Return the part of a loss of an activation, None if they do not run one after the other."""
    label = loss.label
    other = objects.again(made, tuple(n + 1 for n in made.x.shape))
    for layer, _ in loss.all():
        for number, _ in enumerate(_targets(_out(objects, made), objects.seed)):

            def elsewhere(layer: Any = layer, number: int = number) -> Compared | None:
                return None if other is None else objects.file.run(label, _compared, objects, loss, layer, other, number)

            try:
                return judged_part(loss.file, loss.seed, Part(label, "agrees"), _compared(objects, loss, layer, made, number), elsewhere)
            except Exception:      # whatever the classes raise
                continue
    return None


def _compared(objects: Objects, loss: Objects, layer: Any, made: Made, number: int) -> Compared:
    """Return the gradient at the activation's input, with that of the loss's own forward after it, of the target of that number."""
    out = _out(objects, made)
    target, sizes = _targets(out, objects.seed)[number]

    def reference(reduce: Callable[[Tensor], Tensor]) -> Tensor:
        leaf = torch.from_numpy(made.x.copy()).requires_grad_()
        return torch.autograd.grad(reduce(loss.of_tensors(layer, {}, objects.of_tensors(made.layer, {}, leaf), target)), leaf)[0]

    above = np.asarray(gradient_of(loss, layer, Case(out, target, sizes)))
    return Compared(objects.backward(made, above)[0], reference, sizes)


def _targets(out: Array, seed: int) -> list[tuple[Any, tuple[int, int]]]:
    """Return targets for these probabilities, with the numbers of records and outputs: classes one-hot and by number, or any of two."""
    random = np.random.default_rng((seed, 6))
    axis = 1 if out.ndim != 2 or np.allclose(out.sum(1), 1) else 0
    n, k = (out.shape[1 - axis], out.shape[axis]) if out.ndim == 2 else (1, out.size)
    one_hot = np.eye(k)[labels := random.integers(0, k, n)]
    any_of_two = random.integers(0, 2, out.shape).astype(float)
    targets = (one_hot if axis else one_hot.T, labels) if _is_softmax(out) else (any_of_two,)
    return [(each, (n, k)) for each in targets]


def _is_fused(objects: Objects) -> bool:
    """Return whether a loss's gradient is the prediction less the target, but for a factor."""
    found = running(objects)
    if found is None:
        return False
    layer, case = found
    wide = wide_case(objects.seed, case)
    tried = [case, wide] if runs(objects, layer, wide) else [case]
    return all(is_difference(gradient_of(objects, layer, each), each) for each in tried)
