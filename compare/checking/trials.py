"""Trials: steps that go farther than the probes in one respect each, so that a limit in a program shows.

A program may be right on the probes and clip a score at 300, use the first 200 records alone, or stop where the loss hardly moves. So there
are batches of one record and of many, the same batch again, targets of every sign, and, layer by layer, pre-activations, weights and
biases that are large where all else is moderate; and at last problems with one of these drawn at random.

With few records the weights of a layer can be solved for, so that its z is what a trial wants it to be.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from typing import Any

import numpy as np

from ..diagnosis.formulas import activated
from ..diagnosis.graph import Run, kinds, parameter_name, place_of, places
from ..diagnosis.mistake import layers_named
from ..diagnosis.probes import Probe, are_binary, drawn_batches, drawn_masks, drawn_parameters, steps_of
from ..problem.pieces import LOSSES
from ..problem.problem import Problem
from ..rounding.arithmetic import Bounded
from ..support.arrays import Array, Batch

ALL_FAR: tuple[float, ...] = (3.0, 12.0, 40.0, 600.0, 1000.0)      # |z| of every record and unit,
ONE_HOT, SATURATED = 380.0, 40.0      # ± of scores whose softmax is exactly 0 and 1, and of one whose sigmoid is
NO_STEP = 1e-30      # a learning rate by which no number moves, and momentum begins
_ZERO_AT_ZERO = ("identity", "relu", "leaky_relu", "tanh", "elu", "gelu", "gelu_tanh", "silu")
ONE_FAR: tuple[float, ...] = (12.0, 600.0, 1000.0)      # or of one: with 1000 taken off, e^z of all others is 0
FAR_BCE, LEAST_BCE_DIVISOR = 24.0, 1e-11      # of z and p(1 − p): PyTorch keeps it at 1e-12 or more, and farther out it is no judge
OVERFLOWS = 50.0    # |z| from which on a textbook form may overflow to what is no number,
LOSES_DIGITS = 650.0      # and to numbers that have lost their digits, as e^−720 has
LARGE, SMALL = 1000.0, (1e-2, 1e-4)
NEAR = (1e-3, 1e-7)      # |z|, about
PIXEL = 255.0
RECORDS = (1, 2, 3, 33, 151)
ROUND = (64, 100, 128, 200, 256, 512)      # which parts of a usual size fill
MOST_RECORDS, LEAST_MOST = 1031, 64      # primes, which parts of no size fill
MOST_PRODUCTS, MOST_NUMBERS = 1e8, 1.5e6      # of records and weights, and of records and units: large networks end too, and have room
DRAWN = 10
MOST_LAYERS = 6      # that are far out one at a time, of a deeper network evenly spaced from the first to the last
_SOLVED = 3      # records of a trial whose z is solved for,
_RANK = 1e-6      # where inputs of a layer are told apart by more than this, relative

Pattern = Callable[[np.random.Generator, tuple[int, int]], Array]      # of z, (n, units)


@dataclass(frozen=True)
class Direction:
    """One respect in which trials go farther than the probes: `at(value)` is the trial that goes so far, or None where there is none.

    `where` says it, with the value in the place of "{}", and `beyond` from where on, if the value is a measure. `question` is what a
    program may do that differs there. It differs too if it raises there and `must_answer`. From `overflows` on a formula, that of `layer`,
    may end in NaN, and from `loses_digits` on in any number. Where all is `drawn`, z has to be
    looked at for that.
    """

    where: str
    question: str
    values: tuple[float, ...]
    at: Callable[[float], Probe | None]
    must_answer: bool = False
    overflows: float = inf
    loses_digits: float = inf
    layer: int = 0
    beyond: str = ""
    is_count: bool = False
    drawn: bool = False

    def said(self, value: float) -> str:
        """Where the trial is."""
        return "with one record" if self.is_count and value == 1 else self.where.format(f"{value:g}")

    def beyond_about(self, value: float) -> str:
        """From where on, given the largest value that agrees."""
        return self.beyond.format(f"{value:.0f}" if self.is_count else f"{float(f'{value:.2g}'):g}")

    def between(self, less: float, more: float) -> float:
        """A value half-way."""
        return float(int(less + more) // 2) if self.is_count else (less * more) ** 0.5


def directions(problem: Problem, seed: int, data: Batch | None) -> Iterator[Direction]:
    """Every direction for the problem, what is drawn from the seed, and records and targets from the data if it is given."""
    draw = _Draw(problem, seed, data)
    yield from draw.of_records()
    yield from draw.of_batches()
    yield from draw.of_rates()
    yield from draw.of_targets()
    yield from draw.of_zeros()
    yield from draw.of_alike()
    yield from draw.of_masks()
    depth = len(problem.layers)
    for layer in sorted({int(number) for number in np.linspace(1, depth, min(depth, MOST_LAYERS))}):
        yield from draw.of_z(layer)
        yield from draw.of_parameters(layer)
    yield from draw.of_inputs()
    yield from draw.of_no_gradients()
    yield from draw.of_chance()


class _Draw:
    """The directions of one problem."""

    def __init__(self, problem: Problem, seed: int, data: Batch | None) -> None:
        self.problem, self.seed, self.data = problem, seed, data
        self.depth = len(problem.layers)
        self.weights = sum(array.size for array in problem.initial_parameters.values())
        self.units = sum(problem.sizes)
        self.most = int(np.clip(min(MOST_PRODUCTS / self.weights, MOST_NUMBERS / self.units), LEAST_MOST, MOST_RECORDS))
        self.is_free = LOSSES[problem.loss].targets == "regression" and data is None      # targets may be any number
        self.least = 3 if problem.normalization == "batch_norm" else 1      # which of two records makes gradients of 0

    def generator(self, *of: int) -> np.random.Generator:
        """The same for every value of a direction, so that nothing but the value differs."""
        return np.random.default_rng((self.seed, *of))

    def probe(self, generator: np.random.Generator, records: tuple[int, ...], lrs: tuple[float, ...]) -> Probe:
        """As the probes are, with so many records in each step."""
        batches = tuple(drawn_batches(self.problem, generator, records, self.data))
        return Probe(batches, lrs, drawn_parameters(self.problem, generator), drawn_masks(self.problem, generator, batches))

    # Which records, and how many.

    def of_records(self) -> Iterator[Direction]:
        """Batches of one record, of two, of as many as a layer has units, and of many: more than the data has, if there is time."""
        counts = {n for n in (*RECORDS, *self.problem.sizes, self.most) if self.least <= n <= self.most} | self._more_than_the_data()
        yield Direction(
            "with {} records",
            "are records left out?",
            tuple(map(float, sorted(counts))),
            lambda n: self.probe(self.generator(1), (int(n),), (0.3,)),
            must_answer=True,
            beyond="with more than {} records",
            is_count=True,
        )

        counts = {n for n in ROUND if n <= self.most}
        said = f"in batches of {', '.join(map(str, sorted(counts)))} records"
        at = lambda _: self.probe(self.generator(26), tuple(sorted(counts)), (0.1,) * len(counts))      # noqa: E731
        yield Direction(said, "are records left out?", (1.0,), at, must_answer=True)

    def _more_than_the_data(self) -> set[int]:
        n = 0 if self.data is None else len(self.data[0])
        more = n + n // 10 + 1
        return {more} if n and more * self.weights <= MOST_PRODUCTS and more * self.units <= MOST_NUMBERS else set()

    def of_batches(self) -> Iterator[Direction]:
        """The same batch again, by steps so small that the loss hardly moves; records that are there twice, or all alike."""
        once = (1.0,)
        for number, lrs in enumerate(((0.3, 0.3, 0.3, 0.2, 0.2), (1e-2, 1e-4, 1e-6, 1e-6, 1e-6))):
            at = self._again(number, lrs)
            yield Direction("on a batch that comes again", "does it remember the step before?", once, at, must_answer=True)
        said = "on a batch that comes a dozen times, where the loss hardly moves"
        yield Direction(said, "is the learning rate changed?", once, self._a_dozen_times, must_answer=True)
        at = lambda _: self.probe(self.generator(27), (6,) * 4, (0.1, 0.2, 0.3, 0.3))      # noqa: E731
        yield Direction("where the learning rate rises", "does it begin again?", once, at, must_answer=True)
        if self.depth > 1:
            said = "on a batch that comes again, from first weights that have not moved"
            yield Direction(said, "does it remember the step before?", once, self._first_weights_still, must_answer=True)
        yield Direction("where a record is there twice", "are records left out?", once, self._twice, must_answer=True)
        if self.least == 1:
            yield Direction("where all records are alike", "are records left out?", once, self._alike, must_answer=True)

    def _again(self, number: int, lrs: tuple[float, ...]) -> Callable[[float], Probe]:
        def at(_: float) -> Probe:
            generator = self.generator(2, number)
            (x, y), (_, other) = batches = tuple(drawn_batches(self.problem, generator, (7, 7), self.data))
            turned = np.arange(len(x))[::-1]
            taken = (x, y), (x, y), (x, other), (x[turned], y[turned]), (x.copy(), y.copy())
            masks = drawn_masks(self.problem, generator, batches[:1]) * len(taken)
            return Probe(taken, lrs, drawn_parameters(self.problem, generator), masks)

        return at

    def _a_dozen_times(self, _: float) -> Probe:
        probe = self.probe(self.generator(17), (7,), (1e-7,))
        return replace(probe, batches=probe.batches * 12, lrs=probe.lrs * 12, masks=probe.masks * 12)

    def _first_weights_still(self, _: float) -> Probe:
        """No error is sent back at first, through weights of 0: so the first layer's stay as they are."""
        generator = self.generator(3)
        batch, parameters = next(drawn_batches(self.problem, generator, (7,), self.data)), drawn_parameters(self.problem, generator)
        last = parameter_name(self.problem, "weight", self.depth)
        parameters[last] = np.zeros_like(parameters[last])
        masks = drawn_masks(self.problem, generator, (batch,))
        return Probe((batch, batch), (0.3, 0.3), parameters, masks * 2)

    def _twice(self, _: float) -> Probe:
        """With its target, and right after itself with another."""
        probe = self.probe(self.generator(4), (6,), (0.3,))
        return replace(probe, batches=tuple((x[[0, 1, 1, 3, 4, 1]], y[[0, 1, 2, 3, 4, 1]]) for x, y in probe.batches))

    def _alike(self, _: float) -> Probe:
        probe = self.probe(self.generator(5), (3,), (0.3,))
        return replace(probe, batches=tuple((np.repeat(x[:1], 3, axis=0), np.repeat(y[:1], 3, axis=0)) for x, y in probe.batches))

    # Targets.

    def of_targets(self) -> Iterator[Direction]:
        """Targets of both signs, large ones, those at the ends of their range, and those that are nearly met or missed altogether."""
        kind = LOSSES[self.problem.loss].targets
        if self.is_free:
            yield Direction("with negative targets", "is their sign lost?", (1.0,), partial(self._with_targets, -1.0), must_answer=True)
            for sign in (1.0, -1.0):
                said = "targets" if sign > 0 else "targets below 0,"
                yield self._measured(said, (2.0, LARGE), partial(self._with_targets, sign))
            said = "where the loss is large for one step"
            yield Direction(said, "does it start again?", (1.0,), self._loss_jumps, must_answer=True)
            said = "with targets of 0 and 1 alone"
            yield Direction(said, "are they taken for classes?", (1.0,), self._halves, must_answer=True)
        elif kind == "binary" and self.data is None and not are_binary(self.problem):
            said = "with targets of 0 and 1"
            yield Direction(said, "are they moved or clipped?", (1.0,), self._at_the_ends, must_answer=True)
        if self.data is None:
            said = "where all records have the same target"
            yield Direction(said, "is the step left out?", (0.0, 1.0), self._same_targets, must_answer=True)
            if kind == "regression":
                said = "where targets are met up to {}"
                yield Direction(said, "are small gradients left out?", (1e-2, 1e-4, 1e-6, 1e-9, 1e-12), self._nearly_met, must_answer=True)
            else:
                for said, is_met in (("right", 1.0), ("wrong", 0.0)):
                    said = f"where every class is {said} by far"
                    yield Direction(said, "are such gradients left out, or clipped?", (is_met,), self._by_far, must_answer=True)

    def _with_targets(self, sign: float, larger: float) -> Probe:
        times = sign * larger
        probe = self.probe(self.generator(6), (6,), (0.3 / abs(times),))
        return replace(probe, batches=tuple((x, times * y) for x, y in probe.batches))

    def _loss_jumps(self, _: float) -> Probe:
        probe = self.probe(self.generator(18), (6,) * 5, (1e-2,) * 5)
        batches = tuple((x, times * y) for (x, y), times in zip(probe.batches, (1, 1, 100, 1, 1), strict=True))
        return replace(probe, batches=batches)

    def _at_the_ends(self, _: float) -> Probe:
        probe = self.probe(self.generator(7), (6,), (0.3,))
        return replace(probe, batches=tuple((x, np.round(y)) for x, y in probe.batches))

    def _halves(self, _: float) -> Probe:
        """Half of the targets 0, half of them 1."""
        probe = self.probe(self.generator(28), (6,), (0.3,))
        return replace(probe, batches=tuple((x, (y > np.median(y)).astype(np.float64)) for x, y in probe.batches))

    def _same_targets(self, share: float) -> Probe:
        """The first of all classes, or the last; 0 or 1; of a regression, those of a record."""
        probe = self.probe(self.generator(29), (6,), (0.3,))
        k = self.problem.sizes[-1]
        (x, y), = probe.batches
        if LOSSES[self.problem.loss].targets == "classes":
            classes = np.full(len(x), int(share * (k - 1)))
            return replace(probe, batches=((x, classes if y.ndim == 1 else np.eye(k)[classes]),))
        is_binary = LOSSES[self.problem.loss].targets == "binary"
        return replace(probe, batches=((x, np.full_like(y, share) if is_binary else np.repeat(y[int(share):][:1], len(y), axis=0)),))

    def _output(self, probe: Probe) -> Array:
        value: Array = Run(self.problem, steps_of((probe,), [probe.parameters]))("output", 0).value
        return value

    def _nearly_met(self, distance: float) -> Probe:
        generator = self.generator(8)
        probe = self.probe(generator, (5,), (1.0,))
        (x, _), output = probe.batches[0], self._output(probe)
        near = output + distance * generator.choice([-1.0, 1.0], size=output.shape)
        return self._moving(replace(probe, batches=((x, near),)))

    def _by_far(self, is_met: float) -> Probe | None:
        is_binary = LOSSES[self.problem.loss].targets == "binary"
        probe = self._solved(self.generator(9), {self.depth: self._decided if is_binary else self._one_class})
        if probe is None:
            return None
        (x, y), output = probe.batches[0], self._output(probe)
        if is_binary:
            is_high = output > (0 if self.problem.loss.endswith("with_logits") else 0.5)
            targets = (is_high == is_met).astype(np.float64)
        else:
            classes = output.argmax(axis=-1) if is_met else output.argmin(axis=-1)
            targets = classes if y.ndim == 1 else np.eye(output.shape[-1])[classes]
        return self._moving(replace(probe, batches=((x, targets),)))

    @staticmethod
    def _decided(generator: np.random.Generator, shape: tuple[int, int]) -> Array:
        return 9 * generator.choice([-1.0, 1.0], size=shape)

    @staticmethod
    def _one_class(generator: np.random.Generator, shape: tuple[int, int]) -> Array:
        """In each record one unit far above the others."""
        return 9 * (2 * np.eye(shape[1])[generator.integers(shape[1], size=shape[0])] - 1)

    # Zeros.

    def of_zeros(self) -> Iterator[Direction]:
        """An input that is 0 in every record, for a step; units whose z is 0; targets of 0, met exactly or not, or of a class not there."""
        once = (1.0,)
        said = "where an input is 0 in every record"
        yield Direction(said, "are zeros left out?", once, partial(self._inputs_of_zeros, 1), must_answer=True)
        if self.least == 1:
            said = "where all inputs of a step are 0"
            yield Direction(said, "is the step left out?", once, partial(self._inputs_of_zeros, self.problem.sizes[0]), must_answer=True)
        if self.depth > 1:
            yield Direction("where a unit's z is 0 in every record", "what is f′(0)?", once, self._units_of_zeros, must_answer=True)
        if self.data is None:
            if LOSSES[self.problem.loss].targets in ("regression", "binary"):
                yield Direction("where a record's targets are 0", "is it left out?", once, self._targets_of_zeros, must_answer=True)
            elif self.problem.sizes[-1] > 1:
                for said, missing in (("first", 0), ("last", self.problem.sizes[-1] - 1)):
                    at = partial(self._without_a_class, missing)
                    yield Direction(f"where the {said} class does not occur", "is it left out?", once, at, must_answer=True)
        if self.is_free and not self.problem.normalization and self.problem.layers[-1].function in _ZERO_AT_ZERO:
            said = "where targets are met exactly"
            yield Direction(said, "what is the derivative of the loss there?", once, self._met_exactly, must_answer=True)

    def _inputs_of_zeros(self, count: int, _: float) -> Probe:
        """The first so many, in the second of three steps."""
        probe = self.probe(self.generator(19), (6,) * 3, (0.3,) * 3)
        first, (x, y), last = probe.batches
        return replace(probe, batches=(first, (x * (np.arange(x.shape[1]) >= count), y), last))

    def _units_of_zeros(self, _: float) -> Probe:
        """The first unit of each hidden layer."""
        probe = self.probe(self.generator(20), (6,), (0.3,))
        parameters = {name: array.copy() for name, array in probe.parameters.items()}
        for layer in range(1, self.depth):
            for kind in kinds(self.problem, layer):
                parameters[parameter_name(self.problem, kind, layer)][0] = 0
        return replace(probe, parameters=parameters)

    def _targets_of_zeros(self, _: float) -> Probe:
        probe = self.probe(self.generator(21), (7,), (0.3,))
        return replace(probe, batches=tuple((x, y * (np.arange(len(y)) % 2)[:, None]) for x, y in probe.batches))

    def _without_a_class(self, missing: int, _: float) -> Probe:
        probe = self.probe(self.generator(22), (7,), (0.3,))
        k = self.problem.sizes[-1]
        classes = np.delete(np.arange(k), missing)[np.arange(7) % (k - 1)]
        return replace(probe, batches=tuple((x, classes if y.ndim == 1 else np.eye(k)[classes]) for x, y in probe.batches))

    def _met_exactly(self, _: float) -> Probe:
        """Every other record's, at an output of 0."""
        probe = self._targets_of_zeros(0.0)
        last = {parameter_name(self.problem, kind, self.depth) for kind in kinds(self.problem, self.depth)}
        return replace(probe, parameters={n: array * (n not in last) for n, array in probe.parameters.items()})

    def of_no_gradients(self) -> Iterator[Direction]:
        """A step whose gradients are all exactly 0, in which momentum goes on."""
        if self._without_gradients(0.0) is not None:
            said = "where all gradients of a step are 0"
            yield Direction(said, "is the step left out?", (1.0,), self._without_gradients, must_answer=True, overflows=0.0)

    def _without_gradients(self, _: float) -> Probe | None:
        """In the second of three steps: the output is its bias's alone, and is the target; the first step is too small to change that.

        Where no bias makes it, but inputs of 0 make an output of 0, these are taken.
        """
        probe = self.probe(self.generator(24), (6,) * 3, (0.3,) * 3)
        first, (x, y), last = probe.batches
        met = self._exactly_met()
        if met is not None:
            z, target = met
            parameters = {name: array.copy() for name, array in probe.parameters.items()}
            for kind in kinds(self.problem, self.depth):
                parameters[parameter_name(self.problem, kind, self.depth)][:] = z if kind == "bias" else 0.0
            targets = np.broadcast_to(target, y.shape).astype(y.dtype)
            return Probe((first, (x, targets), last), (NO_STEP, NO_STEP, 0.3), parameters, probe.masks)
        is_zero = all(layer.function in _ZERO_AT_ZERO for layer in self.problem.layers)
        if self.problem.bias or not self.is_free or not is_zero or self.problem.normalization:
            return None
        return replace(probe, batches=(first, (0 * x, 0 * y), last))

    def _exactly_met(self) -> tuple[Any, Any] | None:
        """z of the output layer, and the target that it meets without any rounding; None where there is none."""
        if self.problem.normalization or self.data is not None:
            return None
        k, loss, function = self.problem.sizes[-1], self.problem.loss, self.problem.layers[-1].function
        kind = LOSSES[loss].targets
        if kind != "classes" and function == "sigmoid" and loss != "bce_with_logits" and not are_binary(self.problem):
            return 0.0, 0.5
        if not self.problem.bias or function != "identity":
            return None
        if kind == "regression":
            return 0.5, 0.5
        if loss == "bce_with_logits":
            return SATURATED, 1.0
        is_index = next(drawn_batches(self.problem, self.generator(24), (2,), None))[1].ndim == 1
        return ONE_HOT * (2 * np.eye(k)[0] - 1), 0 if is_index else np.eye(k)[0]

    # Dropout.

    def of_masks(self) -> Iterator[Direction]:
        """Masks that keep all units, in the second of three steps, or none of a record's."""
        if self.problem.dropout:
            for said, is_kept in (("every unit is kept", True), ("no unit of a record is kept", False)):
                yield Direction(f"where {said}", "is dropout left out?", (1.0,), partial(self._masked, is_kept), must_answer=True)

    def _masked(self, is_kept: bool, _: float) -> Probe:
        probe = self.probe(self.generator(31), (6,) * 3, (0.3,) * 3)
        first, masks, last = probe.masks
        changed = {layer: mask | True if is_kept else mask & (np.arange(len(mask)) > 0)[:, None] for layer, mask in masks.items()}
        return replace(probe, masks=(first, changed, last))

    # The update.

    def of_rates(self) -> Iterator[Direction]:
        """Learning rates, large and small, and steps that are large beside the weights."""
        yield self._measured("a learning rate", (1.0, 3.0, 30.0, 1e4), lambda lr: self.probe(self.generator(10), (6,), (lr,)))
        at = lambda lr: self.probe(self.generator(11), (6,), (lr,))      # noqa: E731
        yield Direction("with a learning rate of {}", "is it held from below?", (1e-2, 1e-5, 0.0), at)
        at = lambda times: self._moving(self.probe(self.generator(12), (6,), (1.0,)), times)      # noqa: E731
        yield self._measured("a step beside its weight", (2.0, LARGE), at)

    def _moving(self, probe: Probe, times: float = 1.0) -> Probe:
        """The probe's first step, with the learning rate by which the step of each parameter is at least about as large as it is itself."""
        first = replace(probe, batches=probe.batches[:1], lrs=(1.0,), masks=probe.masks[:1])
        run = Run(self.problem, steps_of((first,), [first.parameters]))
        rates = [1e-3]
        with np.errstate(all="ignore"):
            for kind, layer in places(self.problem):
                step, weight = np.abs(run(f"{kind}_step", 0, layer).value).max(), np.abs(run(kind, 0, layer).value).max()
                rates += [weight / step] if step > 0 and np.isfinite(weight / step) else []
        decay = self.problem.optimizer_options.get("weight_decay", 0.0)
        most = 0.5 / decay if decay else 1e9
        return replace(first, lrs=(float(min(times * max(rates), most)),))

    # One layer, all others moderate.

    def of_z(self, layer: int) -> Iterator[Direction]:
        """z of one layer, far out on either side: for every record and unit, or for one."""
        limit = FAR_BCE if self.problem.loss == "bce" and layer == self.depth else inf
        said = f"z of {layers_named(self.problem, (layer,))}"
        for sign in (1, -1):
            for pattern, far in ((self._all_far, ALL_FAR), (self._one_far, ONE_FAR)):
                values = tuple(sorted({min(z, limit) for z in far}))
                at = self._solving_for(layer, pattern, sign)
                name = said if sign > 0 else f"z below 0 of {layers_named(self.problem, (layer,))}"
                yield self._measured(name, values, at, overflows=OVERFLOWS, loses_digits=LOSES_DIGITS, layer=layer)
        yield Direction(f"for {said} of about {{}}", "are small numbers taken for 0?", NEAR, self._solving_for(layer, self._near, 1))

    def _solving_for(self, layer: int, pattern: Callable[[float], Pattern], sign: int) -> Callable[[float], Probe | None]:
        def at(far: float) -> Probe | None:
            probe = self._solved(self.generator(13, layer), {layer: pattern(sign * far)})
            return probe and self._moving(probe)

        return at

    @staticmethod
    def _all_far(far: float) -> Pattern:
        def pattern(generator: np.random.Generator, shape: tuple[int, int]) -> Array:
            z = generator.uniform(0.5, 0.95, size=shape)
            z.flat[generator.integers(z.size)] = 1.0
            return far * z

        return pattern

    @staticmethod
    def _one_far(far: float) -> Pattern:
        def pattern(generator: np.random.Generator, shape: tuple[int, int]) -> Array:
            z = generator.uniform(-1, 1, size=shape)
            z[generator.integers(shape[0])] = far * generator.uniform(0.5, 1, size=shape[1])
            z.flat[np.argmax(np.sign(far) * z)] = far
            return z

        return pattern

    @staticmethod
    def _near(size: float) -> Pattern:
        return lambda generator, shape: size * generator.normal(size=shape)

    def of_alike(self) -> Iterator[Direction]:
        """First weights that are the same throughout each layer."""
        if not self.problem.normalization:
            said = "where each layer has weights all alike"
            yield Direction(said, "are they left as they are?", (1.0,), self._alike_parameters, must_answer=True)

    def _alike_parameters(self, _: float) -> Probe:
        probe = self.probe(self.generator(25), (6,), (0.3,))
        return replace(probe, parameters={name: np.full_like(array, array.flat[0]) for name, array in probe.parameters.items()})

    def of_parameters(self, layer: int) -> Iterator[Direction]:
        """Large weights, and large biases, of one layer whose z stays moderate."""
        name = layers_named(self.problem, (layer,))
        at = lambda v: self._solved_and_moving(layer, weights=v)      # noqa: E731
        yield self._measured(f"weights of {name}", (LARGE,), at, overflows=LARGE, layer=layer)
        if self.problem.bias:
            at = lambda v: self._solved_and_moving(layer, biases=v)      # noqa: E731
            yield self._measured(f"biases of {name}", (LARGE,), at, overflows=LARGE, layer=layer)

    def _solved_and_moving(self, layer: int, weights: float = 0.0, biases: float = 0.0) -> Probe | None:
        large_weights, large_biases = {layer: weights} if weights else {}, {layer: biases} if biases else {}
        probe = self._solved(self.generator(14, layer), {}, large_weights, large_biases)
        return probe and self._moving(probe)

    def of_inputs(self) -> Iterator[Direction]:
        """Large inputs and small ones, whose z stays as it is."""
        yield self._measured("inputs", (LARGE,), self._with_inputs, overflows=LARGE, layer=1)
        yield Direction("with inputs of about {}", "are small numbers taken for 0?", SMALL, self._with_inputs)
        at = lambda times: self._with_inputs(times, np.abs)      # noqa: E731
        yield Direction("where no input is below 0, and all are up to about {}", "are they taken for pixels?", (1.0, PIXEL), at)
        at = lambda _: self._with_inputs(-1.0, np.abs)      # noqa: E731
        yield Direction("where no input is above 0", "is their sign lost?", (1.0,), at)
        yield Direction("where an input is the same in every record", "is it left out?", (1.0,), self._constant_input, must_answer=True)

    def _with_inputs(self, times: float, of: Callable[[Array], Array] = np.asarray) -> Probe:
        probe, name = self.probe(self.generator(15), (5,), (0.3,)), parameter_name(self.problem, "weight", 1)
        parameters = {**probe.parameters, name: probe.parameters[name] / times}
        return self._moving(replace(probe, batches=tuple((of(x) * times, y) for x, y in probe.batches), parameters=parameters))

    def _constant_input(self, _: float) -> Probe:
        """The first, in the second of three steps."""
        probe = self.probe(self.generator(30), (6,) * 3, (0.3,) * 3)
        first, (x, y), last = probe.batches
        return replace(probe, batches=(first, (np.hstack([np.full((len(x), 1), 0.75), x[:, 1:]]), y), last))

    def _solved(
        self,
        generator: np.random.Generator,
        patterns: dict[int, Pattern],
        large_weights: dict[int, float] | None = None,
        large_biases: dict[int, float] | None = None,
    ) -> Probe | None:
        """Weights by which each layer's z is as its pattern says, else moderate; None where there are too few weights for that.

        Large weights are ones that cancel out in z. Where inputs of a layer are alike, a single record may still do.
        """
        most = max(self.least, min(_SOLVED, *self.problem.sizes[:-1]))
        large = large_weights or {}, large_biases or {}
        ways = (self._solved_for(n, generator, patterns, *large) for n in sorted({most, self.least}, reverse=True))
        return next(filter(None, ways), None)

    def _solved_for(
        self,
        n: int,
        generator: np.random.Generator,
        patterns: dict[int, Pattern],
        large_weights: dict[int, float],
        large_biases: dict[int, float],
    ) -> Probe | None:
        """The same for so many records."""
        probe = self.probe(generator, (n,), (0.3,))
        parameters, z = dict(probe.parameters), probe.batches[0][0]
        for layer in range(1, self.depth + 1):
            a = self._input(probe, parameters, layer, z)
            shape = n, self.problem.sizes[layer]
            z = patterns[layer](generator, shape) if layer in patterns else generator.normal(size=shape)
            weight, bias = (parameter_name(self.problem, kind, layer) for kind in ("weight", "bias"))
            own = generator.normal(size=parameters[weight].shape) * a.shape[1] ** -0.5
            if layer in large_weights:
                own = large_weights[layer] * generator.uniform(-1, 1, size=own.shape)
            if layer in large_biases:
                signs = generator.choice([-1.0, 1.0], size=shape[1])
                parameters[bias] = large_biases[layer] * signs * generator.uniform(0.5, 1, size=shape[1])
            without_bias = z - parameters[bias] if "bias" in kinds(self.problem, layer) else z
            solved = own + np.linalg.lstsq(a, without_bias - a @ own.T, rcond=_RANK)[0].T      # the nearest of those by which a Wᵀ + b = z
            is_asked = layer in {**patterns, **large_weights, **large_biases}      # of others, behind what is saturated, z is near enough
            reached = a @ solved.T + z - without_bias
            if is_asked and not np.allclose(reached, z, rtol=1e-6, atol=1e-6 * (1 + np.abs(z).max())):
                return None
            if layer in large_weights and np.abs(solved).max() < large_weights[layer] / 10:
                return None
            parameters[weight], z = solved, reached
        return replace(probe, parameters=parameters)

    def _input(self, probe: Probe, parameters: dict[str, Array], layer: int, z: Array) -> Array:
        """The layer's input (n, in), from z of the layer before it or, where that is normalised or dropped out, from the start."""
        if layer == 1:
            return np.asarray(probe.batches[0][0])
        run = Run(self.problem, steps_of((replace(probe, parameters=parameters),), [parameters]))
        if self.problem.normalization or self.problem.dropout:
            value: Array = run("input", 0, layer).value
            return value
        return activated(self.problem.layers[layer - 2].function, Bounded(z, run.precision))[0].value

    # At random.

    def of_chance(self) -> Iterator[Direction]:
        """Problems with any of this drawn at random: the same batch twice, and one of the tensors larger or smaller."""
        count = int(np.clip(MOST_PRODUCTS // (self.weights * 30), 4, DRAWN))
        for number in range(count):
            n = int(self.generator(16, number).choice([each for each in (self.least, 2, 3, 5, 17, 64) if each >= self.least]))
            said = f"on a problem of {n} record{'s' * (n > 1)} drawn at random, with one of its tensors scaled by 0.001 to 1000"
            yield Direction(said, "has it a limit?", (number + 1.0,), partial(self._by_chance, n), overflows=0.0, drawn=True)

    def _by_chance(self, n: int, number: float) -> Probe:
        generator = self.generator(23, int(number))
        probe = self.probe(generator, (n,), (float(10 ** generator.uniform(-4, 0.3)),))
        parameters = dict(probe.parameters)
        names = [name for name in parameters if self.problem.loss != "bce" or place_of(self.problem, name)[1] < self.depth]
        if names and generator.random() < 0.75:
            name = names[int(generator.integers(len(names)))]
            parameters[name] = parameters[name] * 10 ** generator.uniform(-3, 3)
        times = 10 ** generator.uniform(-2, 1) if generator.random() < 0.3 else 1.0
        times_y = 10 ** generator.uniform(-1, 2) * generator.choice([-1, 1]) if self.is_free and generator.random() < 0.5 else None
        batches = tuple((x * times, y if times_y is None else y * times_y) for x, y in probe.batches)
        return Probe(batches * 2, probe.lrs * 2, parameters, probe.masks * 2)

    def _measured(self, said: str, values: tuple[float, ...], at: Callable[[float], Probe | None], **more: float | int) -> Direction:
        return Direction(f"for {said} up to {{}}", "is something clipped?", values, at, beyond=f"for {said} beyond about {{}}", **more)  # type: ignore[arg-type]

