"""Classes of losses: the gradient at the prediction beside autograd of the class's own forward."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...userfile.file import AttemptError
from ..binding import plain
from ..loss_cases import Case, Compared, cases, judged_part, other_case, wide_case
from ..result import Part
from .objects import Objects
from .spellings import TARGETS

_OUTPUTS = ("output", "out", "probs", "a")
_BESIDE = "autograd of its own forward, which is not compared"
_NEVER_RUNS = "no predictions and targets were found with which it runs, as it is and on PyTorch's tensors"
_SMALL = "the small number in its logarithm"


def check_losses(losses: Mapping[str, Objects]) -> dict[str, Part]:
    """Return the part of each class of losses."""
    return {name: exact(_part, objects) for name, objects in losses.items()}


def exact(part_of: Callable[[Objects], Part | None], objects: Objects) -> Any:
    """Return the part of a loss, or that without the small number that keeps a logarithm from 0, if it agrees only so."""
    part = part_of(objects)
    if part is None or part.mark == "agrees":
        return part
    other = part_of(objects.without_small_numbers())
    return part if other is None or other.mark != "agrees" else replace(other, beside=f"{other.beside}; but for {_SMALL}")


def _part(objects: Objects) -> Part:
    label = objects.label
    lines = objects.file.lines_of(label) or objects.file.lines_of(objects.methods.name)
    try:
        found = objects.file.run(objects.methods.name, running, objects)
        if found is None:
            return Part(label, "not compared", lines=lines, reason=_NEVER_RUNS)
        layer, case = found

        def of(case: Case) -> Compared:
            return _compared(objects, label, layer, case)

        part = Part(label, "agrees", _BESIDE, lines=lines, on=case.on)
        part = judged_part(objects.file, objects.seed, part, of(case), lambda: of(other_case(objects.seed, case)))
        wide = wide_case(objects.seed, case)
        if part.mark != "wrong" and runs(objects, layer, wide):
            other = judged_part(objects.file, objects.seed, replace(part, on=wide.on), of(wide), lambda: None)
            return other if other.mark == "wrong" else part
        return part
    except AttemptError as error:
        return Part(label, "could not run", _BESIDE, lines=lines, line=error.line, reason=str(error))


def _compared(objects: Objects, label: str, layer: Any, case: Case) -> Compared:
    """Return the gradient of a case, with that of the class's own forward."""

    def reference(reduce: Callable[[Tensor], Tensor]) -> Tensor:
        leaf = torch.from_numpy(case.prediction.copy()).requires_grad_()
        return torch.autograd.grad(reduce(objects.of_tensors(layer, {}, leaf, case.target)), leaf)[0]

    return Compared(objects.file.run(label, gradient_of, objects, layer, case), reference, case.sizes)


def running(objects: Objects) -> tuple[Any, Case] | None:
    """Return an object and a case on which it runs, the first on which its gradient has the prediction's shape; None for none."""
    first = None
    for layer, _ in objects.all():
        for case in (each for each in cases(objects.seed) if runs(objects, layer, each)):
            first = first or (layer, case)
            with suppress(Exception):      # whatever the class raises
                if np.shape(gradient_of(objects, layer, case)) == case.prediction.shape:
                    return layer, case
    return first


def runs(objects: Objects, layer: Any, case: Case) -> bool:
    """Return whether the loss is the same on tensors, and no number of each of a vector, with a gradient at the prediction."""
    try:
        with np.errstate(all="ignore"):      # as of a logarithm
            loss = objects.forward(copied(layer), case.prediction.copy(), case.target.copy())
        same = objects.of_tensors(layer, {}, torch.from_numpy(case.prediction.copy()).requires_grad_(), case.target)
        is_same = same.requires_grad and np.allclose(np.asarray(loss, float), same.detach().numpy())
    except Exception:      # whatever the class raises
        return False
    return is_same and np.shape(loss) == tuple(same.shape) and not np.shape(loss) == case.prediction.shape == (6,)


def copied(layer: Any) -> Any:
    """Return another object with the same attributes."""
    other = object.__new__(type(layer))
    vars(other).update(vars(layer))
    return other


def gradient_of(objects: Objects, layer: Any, case: Case) -> Any:
    """Return the gradient that the class makes at the prediction."""
    layer = copied(layer)
    objects.forward(layer, case.prediction.copy(), case.target.copy())
    takes, inputs = ([plain(each) for each in names] for names in (objects.methods.takes, objects.methods.inputs))
    kept = [vars(layer)[name] for name in _OUTPUTS if np.shape(vars(layer).get(name)) == case.prediction.shape]
    of_output = kept and not {*takes} & {*inputs} - {*TARGETS}      # backward(dvalues, y), whose dvalues are what it put out
    first = kept[0] if of_output else case.prediction
    values = [np.copy(case.target) if each in TARGETS else np.copy(first) if len(takes) > 1 else 1.0 for each in takes]
    returned = getattr(layer, objects.methods.backward)(*values)
    made = [vars(layer)[name] for name in objects.gradients if name in vars(layer)]
    return next((each for each in made if np.shape(each) == case.prediction.shape), None) if returned is None else returned
