"""Classes of losses: the gradient at the prediction beside autograd of the class's own forward."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...sides.interface import Key
from ...support.arrays import Array
from ...userfile.file import AttemptError
from ..binding import plain
from ..judged import Judged, judged
from ..result import Part
from ..words import factor_of, multiple_of
from .methods import TARGETS
from .objects import Objects

_OUTPUTS = ("output", "out", "probs", "a")
_BESIDE = "autograd of its own forward, which is not compared"
_NEVER_RUNS = "no predictions and targets were found with which it runs, as it is and on PyTorch's tensors"
_SMALL = "the small number in its logarithm"


@dataclass(frozen=True)
class Case:
    """A prediction and its target, of n records with k outputs; `number` is its place among all that are tried."""

    prediction: Array
    target: Any
    sizes: tuple[int, int]
    number: int = 0

    @property
    def on(self) -> str:
        """The shapes, in words."""
        return f"prediction {self.prediction.shape}, target {self.target.shape}"


@dataclass(frozen=True)
class Compared:
    """A gradient, the right one of what a loss returns in sum or in mean, and the numbers of records and outputs."""

    shown: Any
    reference: Callable[[Callable[[Tensor], Tensor]], Tensor]
    sizes: tuple[int, int]

    def judged(self, objects: Objects, label: str, reduce: Callable[[Tensor], Tensor] = torch.sum) -> Judged:
        """Judge the gradient."""
        key: Key = ("gradients", "the gradient")
        found: Judged = objects.file.run(label, judged, {key: self.shown}, lambda: {key: self.reference(reduce)}, objects.seed)
        return found


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
        return judged_part(objects, part, of(case), lambda: of([*_cases(objects.seed, 3, 7)][case.number]))
    except AttemptError as error:
        return Part(label, "could not run", _BESIDE, lines=lines, line=error.line, reason=str(error))


def _compared(objects: Objects, label: str, layer: Any, case: Case) -> Compared:
    """Return the gradient of a case, with that of the class's own forward."""

    def reference(reduce: Callable[[Tensor], Tensor]) -> Tensor:
        leaf = torch.from_numpy(case.prediction.copy()).requires_grad_()
        return torch.autograd.grad(reduce(objects.of_tensors(layer, {}, leaf, case.target)), leaf)[0]

    return Compared(objects.file.run(label, gradient_of, objects, layer, case), reference, case.sizes)


def judged_part(objects: Objects, part: Part, compared: Compared, elsewhere: Callable[[], Compared | None]) -> Part:
    """Return the part with its mark, by the gradient of the loss; of a loss of each record that of their sum, or of their mean.

    A multiple that conventions have agrees, if it is one in other sizes, too, which are run `elsewhere`; another may be meant.
    """
    results: list[Judged] = []
    for said, reduce in (("", torch.sum), ("; of the mean over what it returns", torch.mean)):
        result = compared.judged(objects, part.name, reduce)
        results.append(result)
        if result.first is None:
            return replace(part, beside=f"{part.beside}{said}", compared=sum(result.sizes.values()), on="")
    result = results[0]
    ratio = result.ratios.get("the gradient")
    part = replace(part, compared=sum(result.sizes.values()))
    if ratio is not None and ratio > 0:
        with suppress(AttemptError):
            other = elsewhere()
            found = None if other is None else other.judged(objects, part.name).ratios.get("the gradient")
            times = None if other is None else multiple_of([(ratio, *compared.sizes), (found, *other.sizes)])
            if times is not None:
                return replace(part, caveat=times, on="")
        reason = f"its gradient is {ratio:.6g} times that of the loss that it returns, which may be meant"
        return replace(part, mark="not compared", reason=reason)
    why = factor_of("the gradient", [ratio]) if ratio is not None else None
    return replace(part, mark="wrong", first=result.first, why=why)


def _cases(seed: int, n: int = 4, k: int = 6) -> Iterator[Case]:
    """Yield predictions and targets: probabilities in rows and in columns, of one number each, and any numbers."""
    yield from (replace(case, number=number) for number, case in enumerate(_drawn(np.random.default_rng((seed, 4)), n, k)))


def _drawn(random: np.random.Generator, n: int, k: int) -> Iterator[Case]:
    for axis, shape in ((1, (n, k)), (0, (k, n))):
        scores = np.exp(random.standard_normal(shape))
        labels: Any = random.integers(0, k, n)
        one_hot = np.eye(k)[labels] if axis else np.eye(k)[labels].T
        yield from (Case(scores / scores.sum(axis, keepdims=True), target, (n, k)) for target in (one_hot, labels))
    yield Case(random.uniform(0.1, 0.9, k), np.eye(k)[2], (1, k))
    for other in ((n + 1, 1), (1, n + 1), (n + 1,)):
        yield Case(random.uniform(0.1, 0.9, other), random.integers(0, 2, other).astype(float), (n + 1, 1))


def running(objects: Objects) -> tuple[Any, Case] | None:
    """Return an object and a case on which it runs, the first on which its gradient has the prediction's shape; None for none."""
    first = None
    for layer, _ in objects.all():
        for case in _cases(objects.seed):
            try:
                loss = objects.forward(copied(layer), case.prediction.copy(), case.target.copy())
                same = objects.of_tensors(layer, {}, torch.from_numpy(case.prediction.copy()).requires_grad_(), case.target)
                is_same = same.requires_grad and np.allclose(np.asarray(loss, float), same.detach().numpy())
                if not is_same or np.shape(loss) != tuple(same.shape) or np.shape(loss) == case.prediction.shape == (6,):
                    continue
                first = first or (layer, case)
                if np.shape(gradient_of(objects, layer, case)) == case.prediction.shape:
                    return layer, case
            except Exception:      # whatever the class raises
                continue
    return first


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
