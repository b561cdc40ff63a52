"""The probes of trials: drawn like all probes, with one thing changed, or with weights solved for the z that a layer is to have."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..diagnosis.formulas import activated
from ..diagnosis.graph import Run, kinds, parameter_name, place_of, places
from ..diagnosis.probes import Probe, drawn_batches, drawn_masks, drawn_parameters, steps_of
from ..formulas.sampled import Sampled
from ..problem.pieces import LOSSES
from ..problem.problem import Problem
from ..support.arrays import Array, Batch

MOST_RECORDS, LEAST_MOST = 1031, 64      # primes, so that no usual part size divides them
MOST_PRODUCTS, MOST_NUMBERS = 1e8, 1.5e6      # records × weights, and records × units: these bound the time and memory of large networks
NO_STEP = 1e-30      # a learning rate so small that no number changes, but momentum starts
LONG = 25      # steps of a long trial: more than most files are patient
LARGE = 1000.0      # what an input, a weight, a bias or a target is multiplied by, or a step beside its weight
PIXEL = 255.0
SOME = (12,)      # records, as some programs look at their columns only where there are ten
_SOLVED = 3      # records of a trial whose z is solved for
_RANK = 1e-6      # relative: inputs of a layer that differ by less count as linearly dependent

Pattern = Callable[[np.random.Generator, tuple[int, int]], Array]      # draws z (n, units)


def unchanged(array: Array) -> Array:
    """Return the array itself."""
    return array


class TrialProbes:
    """Draws probes for one problem from a seed; records and targets come from `data`, an (x, y), if there is one."""

    def __init__(self, problem: Problem, seed: int, data: Batch | None) -> None:
        self.problem, self.seed, self.data = problem, seed, data
        self.depth = len(problem.layers)
        self.targets = LOSSES[problem.loss].targets
        self.weights = sum(array.size for array in problem.initial_parameters.values())
        self.units = sum(problem.sizes)
        self.most = int(np.clip(min(MOST_PRODUCTS / self.weights, MOST_NUMBERS / self.units), LEAST_MOST, MOST_RECORDS))
        self.is_free = self.targets == "regression" and data is None      # targets may be any number
        self.least = 3 if problem.normalization == "batch_norm" else 1      # normalising two records makes all gradients 0

    def generator(self, *stream: int) -> np.random.Generator:
        """Return a generator that depends on seed and stream alone, so that the probes for two values differ in nothing but the value."""
        return np.random.default_rng((self.seed, *stream))

    def drawn(self, generator: np.random.Generator, records: tuple[int, ...], lr: float) -> Probe:
        """Draw a probe with one step for each number of records, all at the same learning rate."""
        batches = tuple(drawn_batches(self.problem, generator, records, self.data))
        parameters = drawn_parameters(self.problem, generator)
        return Probe(batches, (lr,) * len(records), parameters, drawn_masks(self.problem, generator, batches))

    def probe(
        self, stream: int, records: tuple[int, ...] = (6,), lr: float = 0.3, *, only: int | None = None,
        inputs: Callable[[Array], Array] = unchanged, targets: Callable[[Array], Any] = unchanged,
        parameters: Callable[[str, int, Array], Array] | None = None,
    ) -> Probe:
        """Draw a probe from this stream, and change inputs and targets, of all steps or the `only` one, and parameters by these functions.

        `parameters` is called with each parameter's kind, its layer and the array.
        """
        probe = self.drawn(self.generator(stream), records, lr)
        numbered = enumerate(probe.batches, start=1)
        batches = tuple((inputs(x), targets(y)) if only in (None, number) else (x, y) for number, (x, y) in numbered)
        if parameters:
            changed = {name: parameters(*place_of(self.problem, name), array) for name, array in probe.parameters.items()}
            probe = replace(probe, parameters=changed)
        return replace(probe, batches=batches)

    def class_targets(self, classes: Any) -> Any:
        """Return class indices as the problem's targets: indices (n,), or one-hot rows (n, k)."""
        return classes if self.problem.batches[0][1].ndim == 1 else np.eye(self.problem.sizes[-1])[classes]

    def targets_of(self, output: Array, is_met: bool) -> Any:
        """Return the classes that this output gives the records; without `is_met` others."""
        if self.targets == "binary":
            is_high = output > (0 if self.problem.loss.endswith("with_logits") else 0.5)
            return (is_high == is_met).astype(np.float64)
        return self.class_targets(output.argmax(axis=-1) if is_met else output.argmin(axis=-1))

    def output(self, probe: Probe) -> Array:
        """Return the right output (n, k) of the probe's first step."""
        return np.asarray(self._run(probe)("output", 0).value)

    def by_loss(self, stream: int, steps: int) -> Probe:
        """Draw a probe with steps at a rate by which the loss hardly moves, on batches in the order of their losses."""
        probe = self.probe(stream, (6,) * steps, 1e-6)
        run = Run(self.problem, steps_of((probe,), [probe.parameters] * steps))
        order = np.argsort([float(run("loss", i).value) for i in range(steps)])
        masks = probe.masks and tuple(probe.masks[i] for i in order)
        return replace(probe, batches=tuple(probe.batches[i] for i in order), masks=masks)

    def moving(self, probe: Probe, times: float = 1.0) -> Probe:
        """Return the probe's first step alone, at a learning rate by which each parameter's step is about its own size or more."""
        first = replace(probe, batches=probe.batches[:1], lrs=(1.0,), masks=probe.masks[:1])
        run, rates = self._run(first), [1e-3]
        with np.errstate(all="ignore"):
            for kind, layer in places(self.problem):
                step, weight = np.abs(run(f"{kind}_step", 0, layer).value).max(), np.abs(run(kind, 0, layer).value).max()
                rates += [weight / step] if step > 0 and np.isfinite(weight / step) else []
        decay = self.problem.optimizer_options.get("weight_decay", 0.0)
        most = 0.5 / decay if decay else 1e9
        return replace(first, lrs=(float(min(times * max(rates), most)),))

    def solved(
        self, generator: np.random.Generator, layer: int, pattern: Pattern | None = None, weights: float = 0.0, biases: float = 0.0
    ) -> Probe | None:
        """Draw a probe in whose first step z of the layer follows the pattern, or is moderate beside weights or biases of about that size.

        z of all other layers is moderate. Returns None where the layer has too few weights for that. Large weights cancel out in z. Where
        inputs of a layer are linearly dependent, a single record may still do.
        """
        most = max(self.least, min(_SOLVED, *self.problem.sizes[:-1]))
        counts = sorted({most, self.least}, reverse=True)
        return next(filter(None, (self._solved_for(n, generator, layer, pattern, weights, biases) for n in counts)), None)

    def _solved_for(
        self, n: int, generator: np.random.Generator, layer: int, pattern: Pattern | None, weights: float, biases: float
    ) -> Probe | None:
        """Draw the probe of `solved` with n records."""
        probe = self.drawn(generator, (n,), 0.3)
        parameters, z = dict(probe.parameters), probe.batches[0][0]
        for number in range(1, self.depth + 1):
            is_chosen, shape = number == layer, (n, self.problem.sizes[number])
            a = self._input(probe, parameters, number, z)
            z = pattern(generator, shape) if is_chosen and pattern else generator.normal(size=shape)
            weight, bias = (parameter_name(self.problem, kind, number) for kind in ("weight", "bias"))
            own = generator.normal(size=parameters[weight].shape) * a.shape[1] ** -0.5
            if is_chosen and weights:
                own = weights * generator.uniform(-1, 1, size=own.shape)
            if is_chosen and biases:
                signs = generator.choice([-1.0, 1.0], size=shape[1])
                parameters[bias] = biases * signs * generator.uniform(0.5, 1, size=shape[1])
            without_bias = z - parameters[bias] if "bias" in kinds(self.problem, number) else z
            solved = own + np.linalg.lstsq(a, without_bias - a @ own.T, rcond=_RANK)[0].T      # of those with a Wᵀ + b = z the nearest
            reached = a @ solved.T + z - without_bias
            if is_chosen:      # z of other layers, behind one that is saturated, need not be met exactly
                if not np.allclose(reached, z, rtol=1e-6, atol=1e-6 * (1 + np.abs(z).max())):
                    return None
                if weights and np.abs(solved).max() < weights / 10:
                    return None
            parameters[weight], z = solved, reached
        return replace(probe, parameters=parameters)

    def _input(self, probe: Probe, parameters: dict[str, Array], layer: int, z: Array) -> Array:
        """Return the layer's input (n, in), from z of the layer before it or, with normalisation or dropout, from the network's input."""
        if layer == 1:
            return np.asarray(probe.batches[0][0])
        run = self._run(replace(probe, parameters=parameters))
        if self.problem.normalization or self.problem.dropout:
            return np.asarray(run("input", 0, layer).value)
        return activated(self.problem.layers[layer - 2].function, Sampled.exact(z, run.precision))[0].value

    def _run(self, probe: Probe) -> Run:
        """Return the right numbers of the probe's first step."""
        return Run(self.problem, steps_of((probe,), [probe.parameters]))


def repeated(probe: Probe, times: int) -> Probe:
    """Return the probe with its steps several times over."""
    return Probe(probe.batches * times, probe.lrs * times, probe.parameters, probe.masks * times)


def with_state(probe: Probe) -> Probe:
    """Return the probe's one step after the same step at a rate that moves nothing, so that it starts from what an optimiser keeps."""
    return replace(repeated(probe, 2), lrs=(NO_STEP, *probe.lrs))
