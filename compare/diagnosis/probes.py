"""Probes: steps of training in which two different mistakes make different numbers, wherever that can be.

A mean over one record hides 1/n, a learning rate of 1 hides itself, one step hides momentum and all other state, equal batches hide an
off-by-one. So the batches differ in their numbers of records, no two records are alike, and the learning rate changes; and another probe
has biases of zero and a record of zeros, where relu's z is exactly 0.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..problem.pieces import LOSSES
from ..problem.problem import Problem
from ..support.arrays import Array, Batch
from ..support.errors import ProblemError
from .graph import Run, Step, place_of

RECORDS = ((7, 6, 6), (5, 4), (9,))  # of each step; see `draw_probes`
MORE_RECORDS = (43, 24)
LEARNING_RATES = (0.3, 0.3, 0.2)
FAR, FAR_OUTPUT = 8.0, 5.0  # the largest |z| of hidden layers and of the output in the third probe, which must not saturate the output
FAR_TARGETS = 1000.0  # the factor of its targets, if they may be any number
_TRIES = 50


@dataclass(frozen=True)
class Probe:
    """Some steps from given parameters: (x, y), the learning rate and dropout's masks of each."""

    batches: tuple[Batch, ...]
    lrs: tuple[float, ...]
    parameters: dict[str, Array]
    masks: tuple[Mapping[int, Any], ...] = ()


@dataclass(frozen=True)
class Limits:
    """What a file leaves no choice of: `is_single`, one record in each step, a learning rate of its own, the last class as a target."""

    is_single: bool = False
    lr: float | None = None
    has_all_classes: bool = False

    def within(self, probe: Probe) -> Probe:
        """Return the probe with the first record of each batch alone, and with that learning rate, if these are limited."""
        if self.has_all_classes:      # of a loss that takes any targets, they are one-hot
            batches = tuple((x, np.eye(y.shape[-1])[np.arange(len(y)) % y.shape[-1]] if _is_free(y) else y) for x, y in probe.batches)
            probe = replace(probe, batches=batches)
        if self.is_single:
            batches = tuple((x[:1].copy(), y[:1].copy()) for x, y in probe.batches)
            masks = tuple({layer: mask[:1] for layer, mask in each.items()} for each in probe.masks)
            probe = replace(probe, batches=batches, masks=masks)
        return probe if self.lr is None else replace(probe, lrs=(self.lr,) * len(probe.lrs))

    @classmethod
    def of(cls, problem: Problem, declared: Mapping[str, Any]) -> "Limits":
        """Return the limits that a file's conventions declare, with the problem's learning rate if the file has one of its own."""
        own_rate = problem.lr if declared.get("lr") == "fixed" else None
        return cls(declared.get("batch") == 1, own_rate, declared.get("classes") == "all")

    def allow(self, probe: Probe, classes: int) -> bool:
        """Return whether the file can take the probe's targets: where it counts the classes, the last one is there, and one more."""
        if self.is_single or not self.has_all_classes:
            return True
        found = [np.unique(y if y.ndim == 1 else y.argmax(axis=-1)) for _, y in probe.batches]
        return all(len(each) > 1 and each[-1] == classes - 1 for each in found)


def _is_free(y: Any) -> bool:
    """Return whether the targets are other numbers than 0 and 1, or of several outputs other than one-hot."""
    return bool(y.ndim == 2 and (not np.isin(y, (0.0, 1.0)).all() or (y.shape[1] > 1 and (y.sum(axis=1) != 1).any())))


def draw_probes(problem: Problem, seed: int, data: Batch | None = None) -> tuple[Probe, ...]:
    """Draw the three probes of that seed, with records of `data`, if it is given.

    The first has no dead unit, if one without is found; the second has biases of zero and a record of zeros in each batch; the third has
    large z and gradients, and more records, so that clipping shows. Raises ProblemError if the data has not as many columns as inputs.
    """
    if data is not None and data[0].shape[1] != problem.sizes[0]:
        raise ProblemError(f"the data has {data[0].shape[1]} columns, and the network {problem.sizes[0]} inputs; expected as many")
    generator = np.random.default_rng(seed)
    for _ in range(_TRIES):
        first = _drawn(problem, generator, RECORDS[0], data)
        if not dead_units(problem, [first]):
            break
    zeros = {name: np.zeros_like(array) if name.endswith("bias") else array for name, array in drawn_parameters(problem, generator).items()}
    batches = tuple(_with_zeros(batch) for batch in drawn_batches(problem, generator, RECORDS[1], data))
    second = Probe(batches, LEARNING_RATES[: len(batches)], zeros, drawn_masks(problem, generator, batches))
    return first, second, _far(problem, generator, data)


def larger_probe(problem: Problem, seed: int, data: Batch | None) -> Probe:
    """Draw two steps with more records than the probes have, which a named mistake has to explain too.

    With momentum and targets that may be any number they are large, as in the third probe: what is clipped shows in two steps.
    """
    probe = _drawn(problem, np.random.default_rng((seed, len(MORE_RECORDS))), MORE_RECORDS, data)
    if data is not None or LOSSES[problem.loss].targets != "regression" or not problem.optimizer_options.get("momentum"):
        return probe
    return replace(probe, batches=tuple((x, FAR_TARGETS * y) for x, y in probe.batches), lrs=tuple(lr / FAR_TARGETS for lr in probe.lrs))


def _drawn(problem: Problem, generator: np.random.Generator, records: tuple[int, ...], data: Batch | None) -> Probe:
    batches = tuple(drawn_batches(problem, generator, records, data))
    return Probe(batches, LEARNING_RATES[: len(batches)], drawn_parameters(problem, generator), drawn_masks(problem, generator, batches))


def _far(problem: Problem, generator: np.random.Generator, data: Batch | None) -> Probe:
    """Draw a probe and scale its weights, layer by layer, until z reaches ±8 in the first batch, ±5 at the output."""
    drawn = _drawn(problem, generator, RECORDS[2], data)
    batches, parameters, masks = drawn.batches, drawn.parameters, drawn.masks
    if LOSSES[problem.loss].targets == "regression":
        batches = tuple((x, FAR_TARGETS * y) for x, y in batches)
    for layer in range(1, len(problem.layers) + 1):
        run = Run(problem, [Step(batches[0][0], batches[0][1], LEARNING_RATES[0], parameters, masks=masks[0] if masks else {})])
        largest, far = float(np.abs(run("z", 0, layer).value).max()), FAR if layer < run.depth else FAR_OUTPUT
        for kind in ("weight", "bias") if problem.bias else ("weight",):
            name = run.name(kind, layer)
            parameters[name] = parameters[name] * (far / largest if largest else 1.0)
    return Probe(batches, tuple(lr / FAR_TARGETS for lr in drawn.lrs), parameters, masks)


def steps_of(probes: tuple[Probe, ...], before: list[dict[str, Array]]) -> list[Step]:
    """Return the probes' steps one after the other, as many as `before` has parameters that they start from."""
    steps: list[Step] = []
    for probe in probes:
        for position, ((x, y), lr) in enumerate(zip(probe.batches, probe.lrs, strict=True)):
            if len(steps) == len(before):
                return steps
            masks = probe.masks[position] if probe.masks else {}
            steps.append(Step(x, y, lr, before[len(steps)], position + 1, len(steps) - 1 if position else None, masks))
    return steps


def dead_units(problem: Problem, probes: list[Probe]) -> list[tuple[int, int]]:
    """Return the hidden units (layer, unit), both from 1, whose δ is 0 for every record of every step of the probes."""
    dead: set[tuple[int, int]] | None = None
    for probe in probes:
        for step in steps_of((probe,), [probe.parameters] * len(probe.batches)):
            run = Run(problem, [replace(step, number=1, previous=None)])
            with np.errstate(all="ignore"):
                deltas = {layer: run("delta", 0, layer).value for layer in range(1, run.depth)}
            found = {(layer, int(unit) + 1) for layer, delta in deltas.items() for unit in np.flatnonzero(~delta.any(axis=0))}
            dead = found if dead is None else dead & found
            if not dead:
                return []
    return sorted(dead or ())


def drawn_masks(problem: Problem, generator: np.random.Generator, batches: tuple[Batch, ...]) -> tuple[Mapping[int, Any], ...]:
    """Draw dropout's masks for each batch, by the layer's number; none without dropout."""
    layers = [number for number, layer in enumerate(problem.layers, start=1) if layer.dropout]
    draws = [{n: generator.random((len(x), problem.sizes[n])) >= problem.dropout for n in layers} for x, _ in batches] if layers else []
    return tuple(draws)


def drawn_parameters(problem: Problem, generator: np.random.Generator) -> dict[str, Array]:
    """Draw weights of deviation 1/√inputs, so that no unit saturates, biases and β of deviation ½, and γ of ½ around 1."""
    drawn = {
        name: generator.normal(scale=0.5 if len(shape) == 1 else shape[1] ** -0.5, size=shape) for name, shape in problem.shapes().items()
    }
    return {name: array + 1 if place_of(problem, name)[0] == "gamma" else array for name, array in drawn.items()}


def drawn_batches(problem: Problem, generator: np.random.Generator, records: tuple[int, ...], data: Batch | None) -> Iterator[Batch]:
    """Draw batches of so many records each, normal ones or the data's, repeated if it has too few."""
    if data is not None:
        rows = generator.permutation(len(data[0]))
        for n in records:
            rows, chosen = np.roll(rows, -n), rows[:n]
            yield data[0][np.resize(chosen, n)], data[1][np.resize(chosen, n)]
        return
    for n in records:
        yield generator.normal(size=(n, problem.sizes[0])), targets(problem, generator, n)


def targets(problem: Problem, generator: np.random.Generator, n: int) -> Any:
    """Draw targets (n, k) between 0.05 and 0.95, or 0 and 1 if the problem's are; for classes one of k in each row, or its index (n,)."""
    k = problem.sizes[-1]
    if are_binary(problem):
        return generator.integers(2, size=(n, k)).astype(np.float64)
    if LOSSES[problem.loss].targets != "classes":
        return generator.uniform(0.05, 0.95, size=(n, k))
    classes = generator.permutation(np.resize(np.arange(k), n))
    return classes if problem.batches[0][1].ndim == 1 else np.eye(k)[classes]


def are_binary(problem: Problem) -> bool:
    """Return whether the problem's own targets are 0 and 1 and nothing between."""
    return LOSSES[problem.loss].targets == "binary" and set(np.unique(problem.batches[0][1])) == {0.0, 1.0}


def with_binary_targets(problem: Problem) -> Problem:
    """Return the same problem with targets of 0 and 1."""
    y = np.repeat([[0.0], [1.0]], problem.sizes[-1], axis=1)
    return replace(problem, batches=((np.zeros((2, problem.sizes[0])), y),))


def _with_zeros(batch: Batch) -> Batch:
    x = batch[0].copy()
    x[len(x) // 2] = 0.0
    return x, batch[1]


def with_probes(problem: Problem, probe: Probe) -> Problem:
    """Return the problem with the probe's batches and initial parameters."""
    return replace(problem, batches=probe.batches, batch_size=None, drop_last=False, test=None, initial_parameters=probe.parameters)
