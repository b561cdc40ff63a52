"""Trials: stress tests that go farther than the probes in one respect each, so that a limit in a program shows.

A program may be right on the probes and clip a score at 300, use the first 200 records alone, or stop where the loss hardly moves. So there
are batches of one record and of many, the same batch again, targets of every sign, and, layer by layer, pre-activations, weights and
biases that are large where all else is moderate; and at last problems with one of these drawn at random.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import chain
from math import inf
from typing import Any

import numpy as np

from ..diagnosis.graph import place_of
from ..diagnosis.mistake import layers_named
from ..diagnosis.probes import Probe, drawn_batches, drawn_masks, drawn_parameters
from ..problem.problem import Problem
from ..support.arrays import Array, Batch
from .direction import Direction, measured, once
from .trial_probes import LARGE, LONG, MOST_NUMBERS, MOST_PRODUCTS, TrialProbes, repeated, with_state
from .trials_of_data import of_inputs, of_targets, of_zeros
from .trials_of_tables import of_tables

ALL_FAR: tuple[float, ...] = (3.0, 12.0, 40.0, 600.0, 1000.0)      # |z| of every record and unit
ONE_FAR: tuple[float, ...] = (12.0, 600.0, 1000.0)      # |z| of one: with 1000 taken off, e^z of all others is 0
FAR_BCE, LEAST_BCE_DIVISOR = 24.0, 1e-11      # |z| and p(1 − p): PyTorch clamps p(1 − p) at 1e-12, and is no reference beyond
OVERFLOWS = 50.0    # |z| from which on a textbook form may overflow to NaN
LOSES_DIGITS = 650.0      # |z| from which on e^z, as e^−720, may have lost its digits
SCALES = (8.0, 30.0, 1000.0)      # γ and β of a normalisation
NEAR = (1e-3, 1e-7)      # |z|, about
RECORDS = (1, 2, 3, 12, 20, 33, 50, 100, 151)
ROUND = (64, 100, 128, 200, 256, 512)      # usual sizes of a batch, or of the parts into which a file splits one
DRAWN = 10
MOST_LAYERS = 6      # that are tried one at a time; in a deeper network, evenly spaced ones


def directions(problem: Problem, seed: int, data: Batch | None) -> Iterator[Direction]:
    """Yield every direction for the problem, drawn from the seed; records and targets come from the data, an (x, y), if there is any."""
    draw = TrialProbes(problem, seed, data)
    layers = sorted({int(number) for number in np.linspace(1, draw.depth, min(draw.depth, MOST_LAYERS))})
    every = (
        *(_of_batches(draw), _of_rates(draw), of_targets(draw), of_zeros(draw), _of_weights_and_masks(draw)),
        *(_of_layer(draw, layer) for layer in layers),
        *(of_inputs(draw), of_tables(draw), _of_chance(draw)),
    )
    for direction in chain.from_iterable(every):
        yield replace(direction, at=partial(_with_state, direction.at)) if problem.slots else direction


def _with_state(at: Callable[[float], Probe | None], value: float) -> Probe | None:
    """Return the trial at that value with what the optimiser keeps: a single step shows none of it."""
    probe = at(value)
    return with_state(probe) if probe and len(probe.batches) == 1 else probe


def _of_batches(draw: TrialProbes) -> Iterator[Direction]:
    """Yield batches of one record, of many, and of more than the data has; the same batch again; records that come twice, or all alike."""
    n = 0 if draw.data is None else len(draw.data[0])
    more = n + n // 10 + 1
    counts = {n for n in (*RECORDS, *draw.problem.sizes, draw.most) if draw.least <= n <= draw.most}
    counts |= {more} if n and more * draw.weights <= MOST_PRODUCTS and more * draw.units <= MOST_NUMBERS else set()
    values = tuple(map(float, sorted(counts)))
    beyond, left_out = "with more than {} records", "are records left out?"
    yield Direction("with {} records", left_out, lambda n: draw.probe(1, (int(n),)), values, beyond=beyond, is_count=True)
    filled = (*(n for n in ROUND if n <= draw.most), 5)      # and a short last batch
    yield once(f"in batches of {', '.join(map(str, filled[:-1]))} and {filled[-1]} records", left_out, lambda: draw.probe(26, filled, 0.1))
    for number, lrs in enumerate(((0.3, 0.3, 0.3, 0.2, 0.2), (1e-2, 1e-4, 1e-6, 1e-6, 1e-6))):
        yield once("on a batch that comes again", "does it remember the step before?", partial(_again, draw, number, lrs))
    where = f"on a batch that comes {LONG} times, where the loss hardly moves"
    yield once(where, "is the learning rate changed?", lambda: repeated(draw.probe(17, (7,), 1e-7), LONG))
    yield once("where the loss rises from step to step", "is the learning rate changed?", lambda: draw.by_loss(54, LONG))
    rising = (0.1, 0.2, 0.3, 0.3)
    yield once("where the learning rate rises", "does it begin again?", lambda: replace(draw.probe(27, (6,) * 4), lrs=rising))
    if draw.problem.slots:
        first = replace(draw.probe(45, (6, 6)), lrs=(0.0, 0.3))
        yield once("where the learning rate is 0 in the first step", "is the step left out?", lambda: first, may_refuse=True)
    if draw.depth > 1:      # last weights of 0 send no error back, so the first step leaves the first weights as they are
        where, last = "on a batch that comes again, from first weights that have not moved", ("weight", draw.depth)
        still = partial(draw.probe, 3, (7,), parameters=lambda kind, layer, a: np.zeros_like(a) if (kind, layer) == last else a)
        yield once(where, "does it remember the step before?", lambda: repeated(still(), 2))
    twice = partial(draw.probe, 4, inputs=lambda x: x[[0, 1, 1, 3, 4, 1]], targets=lambda y: y[[0, 1, 2, 3, 4, 1]])
    yield once("where a record is there twice", left_out, twice)      # with its target, and right after itself with another
    if draw.least == 1:
        alike = partial(draw.probe, 5, (3,), inputs=lambda x: np.repeat(x[:1], 3, axis=0), targets=lambda y: np.repeat(y[:1], 3, axis=0))
        yield once("where all records are alike", left_out, alike)


def _again(draw: TrialProbes, number: int, lrs: tuple[float, ...]) -> Probe:
    """Draw a batch that comes twice, with other targets, in reverse order, and as a copy."""
    generator = draw.generator(2, number)
    (x, y), (_, other) = batches = tuple(drawn_batches(draw.problem, generator, (7, 7), draw.data))
    taken = (x, y), (x, y), (x, other), (x[::-1].copy(), y[::-1].copy()), (x.copy(), y.copy())
    masks = drawn_masks(draw.problem, generator, batches[:1]) * len(taken)
    return Probe(taken, lrs, drawn_parameters(draw.problem, generator), masks)


def _of_rates(draw: TrialProbes) -> Iterator[Direction]:
    """Yield learning rates, large and small, and steps that are large beside the weights."""
    yield measured("a learning rate", (1.0, 3.0, 30.0, 1e4), lambda lr: draw.probe(10, lr=lr))
    small = (1e-2, 1e-5, 0.0)
    yield Direction("with a learning rate of {}", "is it held from below?", lambda lr: draw.probe(11, lr=lr), small, may_refuse=True)
    yield measured("a step beside its weight", (2.0, LARGE), lambda times: draw.moving(draw.probe(12, lr=1.0), times))


def _of_weights_and_masks(draw: TrialProbes) -> Iterator[Direction]:
    """Yield first weights that are alike throughout each layer, or all 0; dropout's masks that keep all, or nothing of a record."""
    if not draw.problem.normalization:
        alike = partial(draw.probe, 25, parameters=lambda kind, layer, array: np.full_like(array, array.flat[0]))
        yield once("where each layer has weights all alike", "are they left as they are?", alike)
        nothing = partial(draw.probe, 46, parameters=lambda kind, layer, array: np.zeros_like(array))
        yield once("where all weights and biases are 0", "are they drawn anew?", nothing)

    def masked(change: Callable[[Any], Any]) -> Probe:
        probe = draw.probe(31, (6,) * 3)
        first, masks, last = probe.masks
        return replace(probe, masks=(first, {layer: change(mask) for layer, mask in masks.items()}, last))

    if draw.problem.dropout:
        yield once("where every unit is kept", "is dropout left out?", lambda: masked(np.ones_like))
        without_first = partial(masked, lambda mask: mask & (np.arange(len(mask)) > 0)[:, None])
        yield once("where no unit of a record is kept", "is dropout left out?", without_first)


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
            yield measured(f"{what} of {name}", values, at, overflows=OVERFLOWS, loses_digits=LOSES_DIGITS, layer=layer)
    where = f"for z of {name} of about {{}}"
    near = partial(far_out, lambda size, generator, shape: size * generator.normal(size=shape), 1)
    yield Direction(where, "are small numbers taken for 0, or large steps clipped?", near, NEAR, may_refuse=True)
    yield measured(f"weights of {name}", (LARGE,), lambda value: solved(14, weights=value), overflows=LARGE, layer=layer)
    if draw.problem.bias:
        yield measured(f"biases of {name}", (LARGE,), lambda value: solved(14, biases=value), overflows=LARGE, layer=layer)
    if draw.problem.layers[layer - 1].norm:
        if draw.problem.bias:
            shifted = partial(draw.probe, 49, parameters=lambda kind, of, array: array + LARGE * ((kind, of) == ("bias", layer)))
            yield once(f"where z of {name} has a mean of about 1000", "is the mean taken off?", shifted)
        for kind, stream in (("gamma", 47), ("beta", 48)):
            scaled = partial(_of_normalization, draw, stream, kind, layer)
            yield measured(f"{kind} of {name}", SCALES, scaled, overflows=OVERFLOWS, loses_digits=LOSES_DIGITS, layer=layer)


def _of_normalization(draw: TrialProbes, stream: int, name: str, chosen: int, value: float) -> Probe:
    """Draw γ or β of one layer up to about that value, of both signs."""

    def parameters(kind: str, layer: int, array: Array) -> Array:
        return value * np.linspace(-1, 1, len(array)) if (kind, layer) == (name, chosen) else array

    return draw.moving(draw.probe(stream, parameters=parameters))


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


def _of_chance(draw: TrialProbes) -> Iterator[Direction]:
    """Yield problems drawn at random: the same batch twice, and a parameter, the inputs or the targets larger or smaller."""
    for number in range(int(np.clip(MOST_PRODUCTS // (draw.weights * 30), 4, DRAWN))):
        generator = draw.generator(16, number)
        n = int(generator.choice([each for each in (draw.least, 2, 3, 5, 17, 64) if each >= draw.least]))
        scales = _scales(draw, generator)
        scaled = ", ".join(f"{what} times {float(f'{factor:.2g}'):g}" for what, factor in scales.items())
        where = f"on a problem of {n} record{'s' * (n > 1)} drawn at random{', with ' * bool(scales)}{scaled}"
        at = partial(_by_chance, draw, n, scales)
        yield Direction(where, "has it a limit?", at, (number + 1.0,), may_refuse=True, overflows=0.0, drawn=True)


def _scales(draw: TrialProbes, generator: np.random.Generator) -> dict[str, float]:
    """Draw by what a parameter, the inputs and the targets are multiplied, where they are."""
    names = [name for name in draw.problem.shapes() if draw.problem.loss != "bce" or place_of(draw.problem, name)[1] < draw.depth]
    scales = {}
    if names and generator.random() < 0.75:
        scales[names[int(generator.integers(len(names)))]] = float(10 ** generator.uniform(-3, 3))
    if generator.random() < 0.3:
        scales["inputs"] = float(10 ** generator.uniform(-2, 1))
    if draw.is_free and generator.random() < 0.5:
        scales["targets"] = float(10 ** generator.uniform(-1, 2) * generator.choice([-1, 1]))
    return scales


def _by_chance(draw: TrialProbes, n: int, scales: Mapping[str, float], number: float) -> Probe:
    """Draw a problem of n records with these scales, and its learning rate."""
    generator = draw.generator(23, int(number))
    probe = draw.drawn(generator, (n,), float(10 ** generator.uniform(-4, 0.3)))
    parameters = {name: array * scales.get(name, 1.0) for name, array in probe.parameters.items()}
    batches = tuple((x * scales.get("inputs", 1.0), y * scales["targets"] if "targets" in scales else y) for x, y in probe.batches)
    return repeated(replace(probe, batches=batches, parameters=parameters), 2)
