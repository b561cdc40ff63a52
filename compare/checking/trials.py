"""Trials: stress tests that go farther than the probes in one respect each, so that a limit in a program shows.

A program may be right on the probes and clip a score at 300, use the first 200 records alone, or stop where the loss hardly moves. So there
are batches of one record and of many, the same batch again, targets of every sign, and, layer by layer, pre-activations, weights and
biases that are large where all else is moderate; and at last problems with one of these drawn at random.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from typing import Any

import numpy as np

from ..diagnosis.graph import place_of
from ..diagnosis.mistake import layers_named
from ..diagnosis.probes import Probe, are_binary, drawn_batches, drawn_masks, drawn_parameters
from ..problem.problem import Problem
from ..support.arrays import Array, Batch
from .trial_probes import MOST_NUMBERS, MOST_PRODUCTS, TrialProbes, repeated, unchanged

ALL_FAR: tuple[float, ...] = (3.0, 12.0, 40.0, 600.0, 1000.0)      # |z| of every record and unit
ONE_FAR: tuple[float, ...] = (12.0, 600.0, 1000.0)      # |z| of one: with 1000 taken off, e^z of all others is 0
ONE_HOT, SATURATED = 380.0, 40.0      # scores of ± this have a softmax of exactly 1 and 0; this one has a sigmoid of exactly 1
NO_STEP = 1e-30      # a learning rate so small that no number changes, but momentum starts
FAR_BCE, LEAST_BCE_DIVISOR = 24.0, 1e-11      # |z| and p(1 − p): PyTorch clamps p(1 − p) at 1e-12, and is no reference beyond
OVERFLOWS = 50.0    # |z| from which on a textbook form may overflow to NaN
LOSES_DIGITS = 650.0      # |z| from which on e^z, as e^−720, may have lost its digits
LARGE, SMALL = 1000.0, (1e-2, 1e-4)
NEAR = (1e-3, 1e-7)      # |z|, about
PIXEL = 255.0
RECORDS = (1, 2, 3, 33, 151)
ROUND = (64, 100, 128, 200, 256, 512)      # usual sizes of a batch, or of the parts into which a file splits one
DRAWN = 10
MOST_LAYERS = 6      # that are tried one at a time; in a deeper network, evenly spaced ones
_ZERO_AT_ZERO = ("identity", "relu", "leaky_relu", "tanh", "elu", "gelu", "gelu_tanh", "silu")


@dataclass(frozen=True)
class Direction:
    """One respect in which trials go farther than the probes: `at(value)` is the trial that goes so far, or None where there is none.

    `where` is the condition, with {} for the value; `beyond` the same for all values from this one on, if the value is a measure.
    `question` asks what a program that differs there may do. A program that raises there differs too, unless it `may_refuse`.
    From `overflows` on a right textbook formula, that of `layer`, may give NaN, from `loses_digits` on any number. Where the problem is
    `drawn`, |z| does not follow from the value, and is measured.
    """

    where: str
    question: str
    at: Callable[[float], Probe | None]
    values: tuple[float, ...] = (1.0,)
    may_refuse: bool = False
    overflows: float = inf
    loses_digits: float = inf
    layer: int = 0
    beyond: str = ""
    is_count: bool = False
    drawn: bool = False

    def said(self, value: float) -> str:
        """Describe the trial at that value."""
        return "with one record" if self.is_count and value == 1 else self.where.format(f"{value:g}")

    def beyond_about(self, value: float) -> str:
        """Describe all trials beyond that value, the largest that agrees."""
        return self.beyond.format(f"{value:.0f}" if self.is_count else f"{float(f'{value:.2g}'):g}")

    def between(self, less: float, more: float) -> float:
        """Return the value half-way: of counts the arithmetic mean, else the geometric one."""
        return float(int(less + more) // 2) if self.is_count else (less * more) ** 0.5


def directions(problem: Problem, seed: int, data: Batch | None) -> Iterator[Direction]:
    """Yield every direction for the problem, drawn from the seed; records and targets come from the data, an (x, y), if there is any."""
    draw = TrialProbes(problem, seed, data)
    for group in (_of_batches, _of_rates, _of_targets, _of_zeros, _of_weights_and_masks):
        yield from group(draw)
    for layer in sorted({int(number) for number in np.linspace(1, draw.depth, min(draw.depth, MOST_LAYERS))}):
        yield from _of_layer(draw, layer)
    for group in (_of_inputs, _of_chance):
        yield from group(draw)


def _once(where: str, question: str, probe: Callable[[], Probe | None], **more: Any) -> Direction:
    """Return a direction of one trial."""
    return Direction(where, question, lambda _: probe(), **more)


def _measured(what: str, values: tuple[float, ...], at: Callable[[float], Probe | None], **more: Any) -> Direction:
    """Return a direction in which something grows until a program may clip it."""
    beyond = f"for {what} beyond about {{}}"
    return Direction(f"for {what} up to {{}}", "is something clipped?", at, values, may_refuse=True, beyond=beyond, **more)


def _of_batches(draw: TrialProbes) -> Iterator[Direction]:
    """Yield batches of one record, of many, and of more than the data has; the same batch again; records that come twice, or all alike."""
    n = 0 if draw.data is None else len(draw.data[0])
    more = n + n // 10 + 1
    counts = {n for n in (*RECORDS, *draw.problem.sizes, draw.most) if draw.least <= n <= draw.most}
    counts |= {more} if n and more * draw.weights <= MOST_PRODUCTS and more * draw.units <= MOST_NUMBERS else set()
    values = tuple(map(float, sorted(counts)))
    beyond, left_out = "with more than {} records", "are records left out?"
    yield Direction("with {} records", left_out, lambda n: draw.probe(1, draw.followed(int(n))), values, beyond=beyond, is_count=True)
    filled = tuple(n for n in ROUND if n <= draw.most)
    yield _once(f"in batches of {', '.join(map(str, filled))} records", left_out, lambda: draw.probe(26, filled, 0.1))
    for number, lrs in enumerate(((0.3, 0.3, 0.3, 0.2, 0.2), (1e-2, 1e-4, 1e-6, 1e-6, 1e-6))):
        yield _once("on a batch that comes again", "does it remember the step before?", partial(_again, draw, number, lrs))
    where = "on a batch that comes a dozen times, where the loss hardly moves"
    yield _once(where, "is the learning rate changed?", lambda: repeated(draw.probe(17, (7,), 1e-7), 12))
    rising = (0.1, 0.2, 0.3, 0.3)
    yield _once("where the learning rate rises", "does it begin again?", lambda: replace(draw.probe(27, (6,) * 4), lrs=rising))
    if draw.depth > 1:      # last weights of 0 send no error back, so the first step leaves the first weights as they are
        where, last = "on a batch that comes again, from first weights that have not moved", ("weight", draw.depth)
        still = partial(draw.probe, 3, (7,), parameters=lambda kind, layer, a: np.zeros_like(a) if (kind, layer) == last else a)
        yield _once(where, "does it remember the step before?", lambda: repeated(still(), 2))
    twice = partial(draw.probe, 4, inputs=lambda x: x[[0, 1, 1, 3, 4, 1]], targets=lambda y: y[[0, 1, 2, 3, 4, 1]])
    yield _once("where a record is there twice", left_out, twice)      # with its target, and right after itself with another
    if draw.least == 1:
        alike = partial(draw.probe, 5, (3,), inputs=lambda x: np.repeat(x[:1], 3, axis=0), targets=lambda y: np.repeat(y[:1], 3, axis=0))
        yield _once("where all records are alike", left_out, alike)


def _again(draw: TrialProbes, number: int, lrs: tuple[float, ...]) -> Probe:
    """Draw a batch that comes twice, with other targets, in reverse order, and as a copy."""
    generator = draw.generator(2, number)
    (x, y), (_, other) = batches = tuple(drawn_batches(draw.problem, generator, (7, 7), draw.data))
    taken = (x, y), (x, y), (x, other), (x[::-1].copy(), y[::-1].copy()), (x.copy(), y.copy())
    masks = drawn_masks(draw.problem, generator, batches[:1]) * len(taken)
    return Probe(taken, lrs, drawn_parameters(draw.problem, generator), masks)


def _of_rates(draw: TrialProbes) -> Iterator[Direction]:
    """Yield learning rates, large and small, and steps that are large beside the weights."""
    yield _measured("a learning rate", (1.0, 3.0, 30.0, 1e4), lambda lr: draw.probe(10, lr=lr))
    small = (1e-2, 1e-5, 0.0)
    yield Direction("with a learning rate of {}", "is it held from below?", lambda lr: draw.probe(11, lr=lr), small, may_refuse=True)
    yield _measured("a step beside its weight", (2.0, LARGE), lambda times: draw.moving(draw.probe(12, lr=1.0), times))


def _of_targets(draw: TrialProbes) -> Iterator[Direction]:
    """Yield targets of both signs, large ones, those at the ends of their range, and those that are nearly met or missed altogether."""
    if draw.data is not None:
        return

    def scaled(sign: float, larger: float) -> Probe:
        return draw.probe(6, lr=0.3 / larger, targets=lambda y: sign * larger * y)

    def same(share: float) -> Probe:      # the first class or the last, 0 or 1, or the targets of the first record or the last
        def targets(y: Array) -> Any:
            if draw.targets == "classes":
                return draw.class_targets(np.full(len(y), int(share * (draw.problem.sizes[-1] - 1))))
            return np.full_like(y, share) if draw.targets == "binary" else np.repeat(y[int(share):][:1], len(y), axis=0)

        return draw.probe(29, targets=targets)

    if draw.is_free:
        yield _once("with negative targets", "is their sign lost?", lambda: scaled(-1.0, 1.0))
        for sign, what in ((1.0, "targets"), (-1.0, "targets below 0,")):
            yield _measured(what, (2.0, LARGE), partial(scaled, sign))
        jumping = partial(draw.probe, 18, (6,) * 5, 1e-2, targets=lambda y: 100 * y, only=3)
        yield _once("where the loss is large for one step", "does it start again?", jumping)
        halves = partial(draw.probe, 28, draw.followed(6), targets=lambda y: (y > np.median(y)).astype(np.float64))
        yield _once("with targets of 0 and 1 alone", "are they taken for classes?", halves)
    elif draw.targets == "binary" and not are_binary(draw.problem):
        yield _once("with targets of 0 and 1", "are they moved or clipped?", lambda: draw.probe(7, targets=np.round))
    yield Direction("where all records have the same target", "is the step left out?", same, (0.0, 1.0))
    if draw.is_free:
        distances = (1e-2, 1e-4, 1e-6, 1e-9, 1e-12)
        yield Direction("where targets are met up to {}", "are small gradients left out?", partial(_nearly_met, draw), distances)
    else:
        question = "are such gradients left out, or clipped?"
        yield _once("where every class is right by far", question, lambda: _by_far(draw, True))
        yield _once("where every class is wrong by far", question, lambda: _by_far(draw, False))


def _nearly_met(draw: TrialProbes, distance: float) -> Probe:
    """Draw targets that the output misses by this distance, on either side."""
    generator = draw.generator(8)
    probe = draw.drawn(generator, (5,), 1.0)
    output = draw.output(probe)
    near = output + distance * generator.choice([-1.0, 1.0], size=output.shape)
    return draw.moving(replace(probe, batches=((probe.batches[0][0], near),)))


def _by_far(draw: TrialProbes, is_met: bool) -> Probe | None:
    """Draw outputs that are sure of every class, from z of ±9, with targets that agree with all of them, or with none."""
    is_binary = draw.targets == "binary"

    def pattern(generator: np.random.Generator, shape: tuple[int, int]) -> Array:
        if is_binary:
            return 9 * generator.choice([-1.0, 1.0], size=shape)
        return 9 * (2 * np.eye(shape[1])[generator.integers(shape[1], size=shape[0])] - 1)      # one unit of each record is high

    probe = draw.solved(draw.generator(9), draw.depth, pattern)
    if probe is None:
        return None
    output = draw.output(probe)
    if is_binary:
        is_high = output > (0 if draw.problem.loss.endswith("with_logits") else 0.5)
        targets = (is_high == is_met).astype(np.float64)
    else:
        targets = draw.class_targets(output.argmax(axis=-1) if is_met else output.argmin(axis=-1))
    return draw.moving(replace(probe, batches=((probe.batches[0][0], targets),)))


def _of_zeros(draw: TrialProbes) -> Iterator[Direction]:
    """Yield an input that is 0 in every record; units whose z is 0; targets of 0, met exactly or not; a class that does not occur."""
    k, depth = draw.problem.sizes[-1], draw.depth

    def without_inputs(count: int) -> Probe:
        return draw.probe(19, (6,) * 3, inputs=lambda x: x * (np.arange(x.shape[1]) >= count), only=2)

    def without_class(missing: int) -> Probe:
        classes = np.delete(np.arange(k), missing)[np.arange(7) % (k - 1)]
        return draw.probe(22, (7,), targets=lambda _: draw.class_targets(classes))

    def without_unit(kind: str, layer: int, array: Array) -> Array:      # the first unit of each hidden layer
        return np.concatenate([np.zeros_like(array[:1]), array[1:]]) if layer < depth else array

    yield _once("where an input is 0 in every record", "are zeros left out?", lambda: without_inputs(1))
    if draw.least == 1:
        yield _once("where all inputs of a step are 0", "is the step left out?", lambda: without_inputs(draw.problem.sizes[0]))
    if depth > 1:
        yield _once("where a unit's z is 0 in every record", "what is f′(0)?", lambda: draw.probe(20, parameters=without_unit))
    every_other = partial(draw.probe, 21, (7,), targets=lambda y: y * (np.arange(len(y)) % 2)[:, None])
    if draw.data is None and draw.targets != "classes":
        yield _once("where a record's targets are 0", "is it left out?", every_other)
    elif draw.data is None and k > 1:
        yield _once("where the first class does not occur", "is it left out?", lambda: without_class(0))
        yield _once("where the last class does not occur", "is it left out?", lambda: without_class(k - 1))
    if draw.is_free and not draw.problem.normalization and draw.problem.layers[-1].function in _ZERO_AT_ZERO:
        met = partial(every_other, parameters=lambda kind, layer, array: array * (layer < depth))      # at an output of 0
        yield _once("where targets are met exactly", "what is the derivative of the loss there?", met)


def _of_weights_and_masks(draw: TrialProbes) -> Iterator[Direction]:
    """Yield first weights that are alike throughout each layer; dropout's masks that keep every unit of a step, or none of a record's."""
    if not draw.problem.normalization:
        alike = partial(draw.probe, 25, parameters=lambda kind, layer, array: np.full_like(array, array.flat[0]))
        yield _once("where each layer has weights all alike", "are they left as they are?", alike)

    def masked(change: Callable[[Any], Any]) -> Probe:
        probe = draw.probe(31, (6,) * 3)
        first, masks, last = probe.masks
        return replace(probe, masks=(first, {layer: change(mask) for layer, mask in masks.items()}, last))

    if draw.problem.dropout:
        yield _once("where every unit is kept", "is dropout left out?", lambda: masked(np.ones_like))
        without_first = partial(masked, lambda mask: mask & (np.arange(len(mask)) > 0)[:, None])
        yield _once("where no unit of a record is kept", "is dropout left out?", without_first)


def _of_layer(draw: TrialProbes, layer: int) -> Iterator[Direction]:
    """Yield z of one layer far out on either side, for every record and unit or one; large weights and biases, where z stays moderate."""
    limit = FAR_BCE if draw.problem.loss == "bce" and layer == draw.depth else inf
    name = layers_named(draw.problem, (layer,))

    def solved(stream: int, **wanted: Any) -> Probe | None:
        probe = draw.solved(draw.generator(stream, layer), layer, **wanted)
        return probe and draw.moving(probe)

    def far_out(pattern: Callable[[float, np.random.Generator, tuple[int, int]], Array], sign: int, far: float) -> Probe | None:
        return solved(13, pattern=partial(pattern, sign * far))

    for sign, what in ((1, "z"), (-1, "z below 0")):
        for pattern, far in ((_all_far, ALL_FAR), (_one_far, ONE_FAR)):
            values, at = tuple(sorted({min(z, limit) for z in far})), partial(far_out, pattern, sign)
            yield _measured(f"{what} of {name}", values, at, overflows=OVERFLOWS, loses_digits=LOSES_DIGITS, layer=layer)
    where = f"for z of {name} of about {{}}"
    near = partial(far_out, lambda size, generator, shape: size * generator.normal(size=shape), 1)
    yield Direction(where, "are small numbers taken for 0?", near, NEAR, may_refuse=True)
    yield _measured(f"weights of {name}", (LARGE,), lambda value: solved(14, weights=value), overflows=LARGE, layer=layer)
    if draw.problem.bias:
        yield _measured(f"biases of {name}", (LARGE,), lambda value: solved(14, biases=value), overflows=LARGE, layer=layer)


def _all_far(far: float, generator: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Draw z between far / 2 and far."""
    z = generator.uniform(0.5, 0.95, size=shape)
    z.flat[generator.integers(z.size)] = 1.0
    return far * z


def _one_far(far: float, generator: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Draw moderate z, but for one record, whose z goes up to far."""
    z = generator.uniform(-1, 1, size=shape)
    z[generator.integers(shape[0])] = far * generator.uniform(0.5, 1, size=shape[1])
    z.flat[np.argmax(np.sign(far) * z)] = far
    return z


def _of_inputs(draw: TrialProbes) -> Iterator[Direction]:
    """Yield large and small inputs, whose z stays moderate; inputs of one sign, and a constant one; a step without gradients."""

    def scaled(times: float, of: Callable[[Array], Array] = unchanged) -> Probe:
        def parameters(kind: str, layer: int, array: Array) -> Array:
            return array / times if (kind, layer) == ("weight", 1) else array

        return draw.moving(draw.probe(15, (5,), inputs=lambda x: of(x) * times, parameters=parameters))

    yield _measured("inputs", (LARGE,), scaled, overflows=LARGE, layer=1)
    yield Direction("with inputs of about {}", "are small numbers taken for 0?", scaled, SMALL, may_refuse=True)
    where = "where no input is below 0, and all are up to about {}"
    yield Direction(where, "are they taken for pixels?", partial(scaled, of=np.abs), (1.0, PIXEL), may_refuse=True)
    yield _once("where no input is above 0", "is their sign lost?", lambda: scaled(-1.0, np.abs), may_refuse=True)
    constant = partial(draw.probe, 30, (6,) * 3, inputs=lambda x: np.hstack([np.full((len(x), 1), 0.75), x[:, 1:]]), only=2)
    yield _once("where an input is the same in every record", "is it left out?", constant)
    if _without_gradients(draw) is not None:
        where = "where all gradients of a step are 0"
        yield _once(where, "is the step left out?", partial(_without_gradients, draw), overflows=0.0)


def _without_gradients(draw: TrialProbes) -> Probe | None:
    """Draw three steps: in the second all gradients are exactly 0, while momentum goes on; None where there are no such steps.

    With a bias, the last weights are 0 and the bias makes the output the target; the first step is too small to change that. Without one,
    inputs of 0 make an output of 0, which is the target.
    """
    problem, met = draw.problem, _exactly_met(draw)
    if met is not None:
        z, target = met

        def parameters(kind: str, layer: int, array: Array) -> Array:
            return array if layer < draw.depth else np.full_like(array, z if kind == "bias" else 0.0)

        def targets(y: Array) -> Array:
            return np.broadcast_to(target, y.shape).astype(y.dtype)

        return replace(draw.probe(24, (6,) * 3, targets=targets, parameters=parameters, only=2), lrs=(NO_STEP, NO_STEP, 0.3))
    is_zero = all(layer.function in _ZERO_AT_ZERO for layer in problem.layers)
    if problem.bias or not draw.is_free or not is_zero or problem.normalization:
        return None
    return draw.probe(24, (6,) * 3, inputs=lambda x: 0 * x, targets=lambda y: 0 * y, only=2)


def _exactly_met(draw: TrialProbes) -> tuple[Any, Any] | None:
    """Return z of the output layer, and the target that it meets without any rounding; None where there is none."""
    if draw.problem.normalization or draw.data is not None:
        return None
    k, loss, function = draw.problem.sizes[-1], draw.problem.loss, draw.problem.layers[-1].function
    if draw.targets != "classes" and function == "sigmoid" and loss != "bce_with_logits" and not are_binary(draw.problem):
        return 0.0, 0.5
    if not draw.problem.bias or function != "identity":
        return None
    if draw.targets == "regression":
        return 0.5, 0.5
    if loss == "bce_with_logits":
        return SATURATED, 1.0
    return ONE_HOT * (2 * np.eye(k)[0] - 1), draw.class_targets(0)


def _of_chance(draw: TrialProbes) -> Iterator[Direction]:
    """Yield problems drawn at random: the same batch twice, and one of the tensors larger or smaller."""
    for number in range(int(np.clip(MOST_PRODUCTS // (draw.weights * 30), 4, DRAWN))):
        n = int(draw.generator(16, number).choice([each for each in (draw.least, 2, 3, 5, 17, 64) if each >= draw.least]))
        where = f"on a problem of {n} record{'s' * (n > 1)} drawn at random, with one of its tensors scaled by 0.001 to 1000"
        at = partial(_by_chance, draw, n)
        yield Direction(where, "has it a limit?", at, (number + 1.0,), may_refuse=True, overflows=0.0, drawn=True)


def _by_chance(draw: TrialProbes, n: int, number: float) -> Probe:
    """Draw a problem of n records, its learning rate, and by what one parameter, the inputs and the targets are scaled."""
    generator = draw.generator(23, int(number))
    probe = draw.drawn(generator, (n,), float(10 ** generator.uniform(-4, 0.3)))
    parameters = dict(probe.parameters)
    names = [name for name in parameters if draw.problem.loss != "bce" or place_of(draw.problem, name)[1] < draw.depth]
    if names and generator.random() < 0.75:
        name = names[int(generator.integers(len(names)))]
        parameters[name] = parameters[name] * 10 ** generator.uniform(-3, 3)
    times = 10 ** generator.uniform(-2, 1) if generator.random() < 0.3 else 1.0
    times_y = 10 ** generator.uniform(-1, 2) * generator.choice([-1, 1]) if draw.is_free and generator.random() < 0.5 else None
    batches = tuple((x * times, y if times_y is None else y * times_y) for x, y in probe.batches)
    return repeated(replace(probe, batches=batches, parameters=parameters), 2)
