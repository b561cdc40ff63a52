"""The update that a layer makes of the gradients that it keeps: each weight goes against its gradient, and all at one rate."""

import re
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...support.arrays import Array
from ...userfile.file import AttemptError
from ...userfile.shapes.spellings import UPDATE, rank
from ..result import Part
from .methods import own_methods, required
from .objects import Objects
from .spellings import is_rate
from .weights import weights

_RATE = 0.3
_CLIPS = re.compile(r"clip|norm\b", re.IGNORECASE)      # then a weight may go less far than its gradient says
_BESIDE = "the gradients that agree, at one rate for all weights"
_UPHILL = "adds its gradients, which is right where the gradient from above has the other sign"


@dataclass(frozen=True)
class OwnUpdate:
    """A method that changes the weights, by how many times its gradient each goes; none where that is not one number for each."""

    name: str
    lines: tuple[int, int] | None
    shares: dict[str, float]
    compared: int

    def part(self, *, has_loss: bool) -> Part:
        """Return the part of the method; without a loss in the file it is not known which sign the gradient from above has."""
        (first, share), *_ = sorted(self.shares.items(), key=lambda each: -np.nan_to_num(abs(each[1])))
        others = {name: each / share for name, each in self.shares.items() if not abs(each / share - 1) <= 1e-6}
        why = next((_fault(name, first, ratio) for name, ratio in others.items()), None)
        if why is None and share > 0 and has_loss:
            why = "it adds its gradients: the weights go uphill"
        if why is not None:
            return Part(self.name, "wrong", _BESIDE, self.compared, lines=self.lines, why=why)
        return Part(self.name, "agrees", _BESIDE, self.compared, lines=self.lines, caveat=_UPHILL if share > 0 else "")


def _fault(name: str, first: str, ratio: float) -> str:
    if np.isnan(ratio):
        return f"{name} does not go along its gradient, as {first} does"
    if abs(ratio) < 1e-9:
        return f"it leaves {name} as it is"
    return f"{name} goes {ratio:.6g} times as far along its gradient as {first}"


def own_updates(objects: Objects) -> list[OwnUpdate]:
    """Return the methods of a class that are updates by their names or their rate, and that run after its backward method."""
    methods, name = own_methods(objects.file.tree)[objects.methods.name], objects.methods.name
    found = []
    for each, node in methods.items():
        takes = required(node)[1:]
        is_update = (rank(each, UPDATE) >= 0 and not takes) or (len(takes) == 1 and is_rate(takes[0]))
        if is_update and not each.startswith("_") and each not in (objects.methods.forward, objects.methods.backward):
            try:
                shares, compared = objects.file.run(name, lambda each=each, takes=takes: _shares(objects, each, [_RATE] * len(takes)))
            except AttemptError:      # it needs something else
                continue
            if any(shares.values()) or not compared:
                found.append(OwnUpdate(f"{name}.{each}", objects.file.lines_of(f"{name}.{each}"), shares, compared))
    return found


def _shares(objects: Objects, method: str, given: list[float]) -> tuple[dict[str, float], int]:
    """Return by how many times its gradient each weight goes, and how many numbers these are; none where one goes elsewhere."""
    made = next(iter(objects.running()), None)
    if made is None:
        return {}, 0
    *_, above, layer = objects.backward(made)
    before = weights(made.layer)
    if any(not np.array_equal(value, weights(layer)[name]) for name, value in before.items()):      # it has made its step
        return {}, 0
    out, leaves = objects.on_tensors(made.layer, made.x)
    own = [name for name in leaves if name != "x"]
    grads = torch.autograd.grad(out, [leaves[name] for name in own], torch.from_numpy(above), allow_unused=True)
    getattr(layer, method)(*given)
    after, shares, compared = weights(layer), dict[str, float](), 0
    for name, grad in zip(own, grads, strict=True):
        if grad is None or not grad.any():
            continue
        slope, gone = grad.numpy(), np.asarray(after[name] - before[name])
        share = float(np.sum(gone * slope) / np.sum(slope * slope))
        is_along = gone.shape == slope.shape and np.allclose(gone, share * slope, rtol=1e-6, atol=1e-9 * float(np.max(abs(slope))))
        shares[name], compared = share if is_along else np.nan, compared + gone.size
    elsewhere = [name for name, share in shares.items() if np.isnan(share)]
    is_more = len(elsewhere) == len(shares) or any(_decays(before[name], after[name], grads[own.index(name)]) for name in elsewhere)
    return ({}, 0) if is_more or _CLIPS.search(objects.file.text) else (shares, compared)


def _decays(before: Array, after: Array, grad: Tensor) -> bool:
    """Return whether a weight goes along its gradient and towards 0, by one number each."""
    both = np.stack([grad.numpy().ravel(), before.ravel()], axis=1)
    shares = np.linalg.lstsq(both, (after - before).ravel(), rcond=None)[0]
    return bool(np.allclose(both @ shares, (after - before).ravel(), rtol=1e-6, atol=1e-9))
