"""Classes of losses: the gradient at the prediction beside autograd of the class's own forward, alone or with the activation before it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..sides.interface import Key
from ..support.arrays import Array
from ..userfile.file import AttemptError
from .binding import plain
from .class_methods import TARGETS
from .class_objects import Made, Objects
from .judged import Judged, judged
from .result import Part
from .words import factor_of

_OUTPUTS = ("output", "out", "probs", "a")
_BESIDE = "autograd of its own forward, which is not compared"
_NEVER_RUNS = "no predictions and targets were found with which it runs, as it is and on PyTorch's tensors"
_SMALL = "the small number in its logarithm"
_FUSED = "its gradient is the prediction less the target, which is that at the input of a softmax or sigmoid, and no such class is found"
_PASSED = "it passes the gradient on, which is right only where the loss's gradient is already that at its input; no such class is found"


@dataclass(frozen=True)
class _Case:
    """A prediction and its target."""

    prediction: Array
    target: Any

    @property
    def on(self) -> str:
        """The shapes, in words."""
        return f"prediction {self.prediction.shape}, target {self.target.shape}"


def check_losses(losses: Mapping[str, Objects]) -> dict[str, Part]:
    """Return the part of each class of losses."""
    return {name: _exact(_part, objects) for name, objects in losses.items()}


def _exact(part_of: Callable[[Objects], Part | None], objects: Objects) -> Any:
    """Return the part of a loss, or that without the small number that keeps a logarithm from 0, if it agrees only so."""
    part = part_of(objects)
    if part is None or part.mark == "agrees":
        return part
    other = part_of(objects.without_small_numbers())
    return part if other is None or other.mark != "agrees" else replace(other, beside=f"{other.beside}; but for {_SMALL}")


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
        tried = {each: _exact(lambda loss: _together(objects, loss, made, out), losses[each]) for each in others}      # noqa: B023
        together = {each: part for each, part in tried.items() if part is not None}
        if (right := next((each for each, part in together.items() if part.mark == "agrees"), None)) is not None:
            both = f"autograd of {right} of {name}: its derivative is that of both{together[right].beside}"
            found[right] = replace(together[right], beside=both, lines=parts[right].lines)
            found[name] = replace(parts[name], mark="agrees", beside=f"{right}, whose gradient it passes on", first=None, why=None)
        elif not losses and _is_softmax(out):
            found[name] = replace(parts[name], mark="not compared", first=None, why=None, reason=_PASSED)
    for name, objects in losses.items():
        if found[name].mark == "wrong" and not has_activation and _is_fused(objects):
            found[name] = replace(found[name], mark="not compared", first=None, why=None, reason=_FUSED)
    yield from found.values()


def _may_be_last(part: Part) -> bool:
    return part.mark in ("agrees", "wrong")


def _part(objects: Objects) -> Part:
    label = f"{objects.methods.name}.{objects.methods.backward}"
    lines = objects.file.lines_of(label) or objects.file.lines_of(objects.methods.name)
    try:
        found = objects.file.run(objects.methods.name, _running, objects)
        if found is None:
            return Part(label, "not compared", lines=lines, reason=_NEVER_RUNS)
        layer, case = found
        shown = objects.file.run(label, _gradient, objects, layer, case)

        def reference(reduce: Callable[[Tensor], Tensor]) -> Tensor:
            leaf = torch.from_numpy(case.prediction.copy()).requires_grad_()
            return torch.autograd.grad(reduce(objects.of_tensors(layer, {}, leaf, case.target)), leaf)[0]

        return _judged(objects, Part(label, "agrees", _BESIDE, lines=lines, on=case.on), shown, reference)
    except AttemptError as error:
        return Part(label, "could not run", _BESIDE, lines=lines, line=error.line, reason=str(error))


def _judged(objects: Objects, part: Part, shown: Any, reference: Callable[[Callable[[Tensor], Tensor]], Tensor]) -> Part:
    """Return the part with its mark, by the gradient of the loss; of a loss of each record that of their sum, or of their mean."""
    results: list[Judged] = []
    for said, reduce in (("", torch.sum), ("; of the mean over what it returns", torch.mean)):
        numbers: dict[Key, Any] = {("gradients", "the gradient"): shown}
        result = objects.file.run(part.name, judged, numbers, lambda r=reduce: {("gradients", "the gradient"): reference(r)}, objects.seed)
        results.append(result)
        if result.first is None:
            return replace(part, beside=f"{part.beside}{said}", compared=sum(result.sizes.values()), on="")
    result = results[0]
    ratio = result.ratios.get("the gradient")
    if ratio is not None and ratio > 0:
        reason = f"its gradient is {ratio:.6g} times that of the loss that it returns, which may be meant"
        return replace(part, mark="not compared", compared=sum(result.sizes.values()), reason=reason)
    why = factor_of("the gradient", [ratio]) if ratio is not None else None
    return replace(part, mark="wrong", compared=sum(result.sizes.values()), first=result.first, why=why)


def _cases(seed: int) -> Iterator[_Case]:
    """Yield predictions and targets: probabilities in rows and in columns, of one number each, and any numbers."""
    random = np.random.default_rng((seed, 4))
    for axis, shape in ((1, (4, 6)), (0, (6, 4))):
        scores = np.exp(random.standard_normal(shape))
        labels: Any = random.integers(0, 6, 4)
        yield from (_Case(scores / scores.sum(axis, keepdims=True), target) for target in _targets(labels, axis))
    yield _Case(random.uniform(0.1, 0.9, 6), np.eye(6)[2])
    for other in ((5, 1), (1, 5), (5,)):
        yield _Case(random.uniform(0.1, 0.9, other), random.integers(0, 2, other).astype(float))


def _targets(labels: Any, axis: int) -> Iterator[Any]:
    """Yield the targets of those labels: in rows or columns, or as numbers of classes."""
    yield np.eye(6)[labels] if axis else np.eye(6)[labels].T
    yield labels


def _running(objects: Objects) -> tuple[Any, _Case] | None:
    """Return an object and a case on which it runs, the first on which its gradient has the prediction's shape; None for none."""
    first = None
    for layer, _ in objects.all():
        for case in _cases(objects.seed):
            try:
                loss = objects.forward(_copied(layer), case.prediction.copy(), case.target.copy())
                same = objects.of_tensors(layer, {}, torch.from_numpy(case.prediction.copy()).requires_grad_(), case.target)
                is_same = same.requires_grad and np.allclose(np.asarray(loss, float), same.detach().numpy())
                if not is_same or np.shape(loss) != tuple(same.shape) or np.shape(loss) == case.prediction.shape == (6,):
                    continue
                first = first or (layer, case)
                if np.shape(_gradient(objects, layer, case)) == case.prediction.shape:
                    return layer, case
            except Exception:      # whatever the class raises
                continue
    return first


def _copied(layer: Any) -> Any:
    other = object.__new__(type(layer))
    vars(other).update(vars(layer))
    return other


def _gradient(objects: Objects, layer: Any, case: _Case) -> Any:
    """Return the gradient that the class makes at the prediction."""
    layer = _copied(layer)
    objects.forward(layer, case.prediction.copy(), case.target.copy())
    takes, inputs = ([plain(each) for each in names] for names in (objects.methods.takes, objects.methods.inputs))
    kept = [vars(layer)[name] for name in _OUTPUTS if np.shape(vars(layer).get(name)) == case.prediction.shape]
    of_output = kept and not {*takes} & {*inputs} - {*TARGETS}      # backward(dvalues, y), whose dvalues are what it put out
    first = kept[0] if of_output else case.prediction
    values = [np.copy(case.target) if each in TARGETS else np.copy(first) if len(takes) > 1 else 1.0 for each in takes]
    returned = getattr(layer, objects.methods.backward)(*values)
    made = [vars(layer)[name] for name in objects.gradients if name in vars(layer)]
    return next((each for each in made if np.shape(each) == case.prediction.shape), None) if returned is None else returned


def _probabilities(objects: Objects, made: Made) -> Array | None:
    """Return the output of an activation between 0 and 1, None for any other layer."""
    out = np.asarray(objects.forward(_copied(made.layer), made.x.copy()))
    return out if out.shape == made.x.shape and bool(((out > 0) & (out < 1)).all()) else None


def _is_softmax(out: Array) -> bool:
    return any(np.allclose(out.sum(axis), 1) for axis in range(out.ndim))


def _passes_on(objects: Objects, made: Made) -> bool:
    """Return whether the backward method returns the gradient from above as it is."""
    returned, _, above, _ = objects.backward(made)
    return np.shape(returned) == above.shape and np.array_equal(returned, above)


def _together(objects: Objects, loss: Objects, made: Made, out: Array) -> Part | None:
    """Return the part of a loss of an activation, None if they do not run one after the other."""
    axis = 1 if out.ndim != 2 or np.allclose(out.sum(1), 1) else 0
    random = np.random.default_rng((objects.seed, 6))
    records, classes = out.shape[1 - axis] if out.ndim == 2 else 1, out.shape[axis] if out.ndim == 2 else out.size
    one_hot = np.eye(classes)[labels := random.integers(0, classes, records)]
    any_of_two = random.integers(0, 2, out.shape).astype(float)
    for target in (one_hot if axis else one_hot.T, labels) if _is_softmax(out) else (any_of_two,):
        for layer, _ in loss.all():
            case = _Case(out, target)

            def reference(reduce: Callable[[Tensor], Tensor], layer: Any = layer, target: Any = target) -> Tensor:
                leaf = torch.from_numpy(made.x.copy()).requires_grad_()
                prediction = objects.of_tensors(made.layer, {}, leaf)
                return torch.autograd.grad(reduce(loss.of_tensors(layer, {}, prediction, target)), leaf)[0]

            try:
                shown = objects.backward(made, np.asarray(_gradient(loss, layer, case)))[0]
                return _judged(loss, Part(f"{loss.methods.name}.{loss.methods.backward}", "agrees"), shown, reference)
            except Exception:      # whatever the classes raise
                continue
    return None


def _is_fused(objects: Objects) -> bool:
    """Return whether a loss's gradient is the prediction less the target, but for a factor."""
    found = _running(objects)
    if found is None:
        return False
    layer, case = found
    target = np.eye(case.prediction.shape[-1])[case.target] if case.target.dtype.kind == "i" else case.target
    if target.shape != case.prediction.shape:
        return False
    ratios = np.asarray(_gradient(objects, layer, case), float) / (case.prediction - target)
    return ratios.shape == target.shape and bool(np.allclose(ratios, ratios.flat[0])) and float(ratios.flat[0]) > 0
