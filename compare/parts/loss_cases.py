"""What losses are held to: predictions and targets of many kinds, and the gradient of the loss, or a multiple that conventions have."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..sides.interface import Key
from ..support.arrays import Array
from ..userfile.file import AttemptError
from .file import PartsFile
from .judged import Judged, judged
from .result import Part
from .words import factor_of, multiple_of

OF_INPUT = "its gradient is the prediction less the target, which is that at the input of a softmax or sigmoid, and no such {} is found"


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


def cases(seed: int, n: int = 4, k: int = 6) -> Iterator[Case]:
    """Yield predictions and targets: probabilities in rows and in columns, of one number each, and any numbers."""
    yield from (replace(case, number=number) for number, case in enumerate(_drawn(np.random.default_rng((seed, 4)), n, k)))


def other_case(seed: int, case: Case) -> Case:
    """Return a case of the same kind in another size."""
    return [*cases(seed, 3, 7)][case.number]


def wide_case(seed: int, case: Case) -> Case:
    """Return the case with predictions far from the target on either side, as a loss of two branches needs them."""
    return replace(case, prediction=2 * np.random.default_rng((seed, 6)).standard_normal(case.prediction.shape))


def _drawn(random: np.random.Generator, n: int, k: int) -> Iterator[Case]:
    for axis, shape in ((1, (n, k)), (0, (k, n))):
        scores = np.exp(random.standard_normal(shape))
        labels: Any = random.integers(0, k, n)
        one_hot = np.eye(k)[labels] if axis else np.eye(k)[labels].T
        yield from (Case(scores / scores.sum(axis, keepdims=True), target, (n, k)) for target in (one_hot, labels))
    yield Case(random.uniform(0.1, 0.9, k), np.eye(k)[2], (1, k))
    for other in ((n + 1, 1), (1, n + 1), (n + 1,)):
        yield Case(random.uniform(0.1, 0.9, other), random.integers(0, 2, other).astype(float), (n + 1, 1))


def is_difference(gradient: Any, case: Case) -> bool:
    """Return whether a gradient is the prediction less the target, but for a factor."""
    target = np.eye(case.prediction.shape[-1])[case.target] if case.target.dtype.kind == "i" else case.target
    if target.shape != case.prediction.shape:
        return False
    ratios = np.asarray(gradient, float) / (case.prediction - target)
    return ratios.shape == target.shape and bool(np.allclose(ratios, ratios.flat[0])) and float(ratios.flat[0]) > 0


@dataclass(frozen=True)
class Compared:
    """A gradient, the right one of what a loss returns in sum or in mean, and the numbers of records and outputs."""

    shown: Any
    reference: Callable[[Callable[[Tensor], Tensor]], Tensor]
    sizes: tuple[int, int]

    def judged(self, file: PartsFile, label: str, seed: int, reduce: Callable[[Tensor], Tensor] = torch.sum) -> Judged:
        """Judge the gradient."""
        key: Key = ("gradients", "the gradient")
        found: Judged = file.run(label, judged, {key: self.shown}, lambda: {key: self.reference(reduce)}, seed)
        return found


def judged_part(file: PartsFile, seed: int, part: Part, compared: Compared, elsewhere: Callable[[], Compared | None]) -> Part:
    """Return the part with its mark, by the gradient of the loss; of a loss of each record that of their sum, or of their mean.

    A multiple that conventions have agrees, if it is one in other sizes, too, which are run `elsewhere`; another may be meant.
    """
    results: list[Judged] = []
    for said, reduce in (("", torch.sum), ("; of the mean over what it returns", torch.mean)):
        result = compared.judged(file, part.name, seed, reduce)
        results.append(result)
        if result.first is None:
            return replace(part, beside=f"{part.beside}{said}", compared=sum(result.sizes.values()), on="")
    result = results[0]
    ratio = result.ratios.get("the gradient")
    part = replace(part, compared=sum(result.sizes.values()))
    if ratio is not None and ratio > 0:
        with suppress(AttemptError):
            other = elsewhere()
            found = None if other is None else other.judged(file, part.name, seed).ratios.get("the gradient")
            times = None if other is None else multiple_of([(ratio, *compared.sizes), (found, *other.sizes)])
            if times is not None:
                return replace(part, caveat=times, on="")
        reason = f"its gradient is {ratio:.6g} times that of the loss that it returns, which may be meant"
        return replace(part, mark="not compared", reason=reason)
    why = factor_of("the gradient", [ratio]) if ratio is not None else None
    return replace(part, mark="wrong", first=result.first, why=why)
