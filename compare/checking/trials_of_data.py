"""Trials of what is in a batch: targets, zeros and inputs."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..diagnosis.probes import Probe, are_binary
from ..support.arrays import Array
from .direction import Direction, measured, once
from .trial_probes import LARGE, LONG, NO_STEP, PIXEL, SOME, TrialProbes, repeated, unchanged

ONE_HOT, SATURATED = 450.0, 40.0      # scores of about ± this have a softmax of exactly 1 and 0; this one has a sigmoid of exactly 1
SMALL = 1e-2, 1e-4
FAR = {"binary": (9.0, 23.0), "classes": (9.0, 13.0)}      # |z| of an output that is sure of its class: down to 1e-11 is left of 1
_ZERO_AT_ZERO = ("identity", "relu", "leaky_relu", "tanh", "elu", "gelu", "gelu_tanh", "silu")


def of_targets(draw: TrialProbes) -> Iterator[Direction]:
    """Yield targets of both signs, large ones, those at the ends of their range, and those that are nearly met or missed altogether."""
    if draw.data is not None:
        return

    def scaled(sign: float, times: float) -> Probe:
        return draw.probe(6, lr=0.3 / max(times, 1.0), targets=lambda y: sign * times * y)

    def up_to(sign: float, largest: float) -> Probe:
        return draw.probe(6, lr=0.3 / max(largest, 1.0), targets=lambda y: sign * largest / np.abs(y).max() * y)

    def same(share: float) -> Probe:      # the first class or the last, 0 or 1, or the targets of the first record or the last
        def targets(y: Array) -> Any:
            if draw.targets == "classes":
                return draw.class_targets(np.full(len(y), int(share * (draw.problem.sizes[-1] - 1))))
            return np.full_like(y, share) if draw.targets == "binary" else np.repeat(y[int(share):][:1], len(y), axis=0)

        return draw.probe(29, targets=targets)

    if draw.is_free:
        yield once("with negative targets", "is their sign lost?", lambda: scaled(-1.0, 1.0))
        for sign, what in ((1.0, "targets"), (-1.0, "targets below 0,")):
            yield measured(what, (2.0, LARGE), partial(up_to, sign))
        yield Direction("with targets of about {}", "are small numbers taken for 0?", partial(scaled, 1.0), SMALL)
        jumping = partial(draw.probe, 18, (6,) * LONG, 1e-2, targets=lambda y: 100 * y, only=LONG - 1)
        yield once("where the loss is large for one step", "does it start again?", jumping)
        halves = partial(draw.probe, 28, targets=lambda y: (y > np.median(y)).astype(np.float64))
        yield once("with targets of 0 and 1 alone", "are they taken for classes?", halves)
        signs = partial(draw.probe, 50, targets=lambda y: np.where(y > np.median(y), 1.0, -1.0))
        yield once("with targets of -1 and 1 alone", "are they taken for classes?", signs)
    elif draw.targets == "binary" and not are_binary(draw.problem):
        yield once("with targets of 0 and 1", "are they moved or clipped?", lambda: draw.probe(7, targets=np.round))
    yield Direction("where all records have the same target", "is the step left out?", same, (0.0, 1.0))
    if draw.is_free:
        distances = (1e-2, 1e-4, 1e-6, 1e-9, 1e-12)
        yield Direction("where targets are met up to {}", "are small gradients left out?", partial(_nearly_met, draw), distances)
    else:
        question = "are such gradients left out, or clipped?"
        for is_met, what in ((True, "right"), (False, "wrong")):
            far = partial(_by_far, draw, is_met)
            yield Direction(f"where every class is {what} by far, by z of ±{{}}", question, far, FAR[draw.targets])
        yield once("where all of 40 records have the right class", "is the step left out?", partial(_all_right, draw))
        where = "where every class is right by far, and wrong for one step"
        yield once(where, "are the gradients held back?", partial(_jump, draw), overflows=0.0)


def _nearly_met(draw: TrialProbes, distance: float) -> Probe:
    """Draw targets that the output misses by this distance, on either side."""
    generator = draw.generator(8)
    probe = draw.drawn(generator, (5,), 1.0)
    output = draw.output(probe)
    near = output + distance * generator.choice([-1.0, 1.0], size=output.shape)
    return draw.moving(replace(probe, batches=((probe.batches[0][0], near),)))


def _by_far(draw: TrialProbes, is_met: bool, far: float) -> Probe | None:
    """Draw outputs that are sure of every class, from z of ± `far`, with targets that agree with all of them, or with none."""
    is_binary = draw.targets == "binary"

    def pattern(generator: np.random.Generator, shape: tuple[int, int]) -> Array:
        if is_binary:
            return far * generator.choice([-1.0, 1.0], size=shape)
        return far * (2 * np.eye(shape[1])[generator.integers(shape[1], size=shape[0])] - 1)      # one unit of each record is high

    probe = draw.solved(draw.generator(9), draw.depth, pattern)
    if probe is None:
        return None
    targets = draw.targets_of(draw.output(probe), is_met)
    return draw.moving(replace(probe, batches=((probe.batches[0][0], targets),)))


def _jump(draw: TrialProbes) -> Probe | None:
    """Draw steps of which the last but one has every class wrong, and all others right, at a rate by which z hardly moves."""
    far = FAR[draw.targets][0]
    right, wrong = _by_far(draw, True, far), _by_far(draw, False, far)
    if right is None or wrong is None:
        return None
    steps = repeated(right, LONG)
    return replace(steps, batches=(*right.batches * (LONG - 2), *wrong.batches, *right.batches), lrs=(1e-6,) * LONG)


def _all_right(draw: TrialProbes) -> Probe:
    """Draw many records, each with the class that the output gives it, some by far."""
    last = ("weight", draw.depth), ("bias", draw.depth)
    probe = draw.probe(55, (40,), parameters=lambda kind, layer, array: array * (4 if (kind, layer) in last else 1))
    return draw.moving(replace(probe, batches=((probe.batches[0][0], draw.targets_of(draw.output(probe), True)),)))


def of_zeros(draw: TrialProbes) -> Iterator[Direction]:
    """Yield an input that is 0 in every record; units whose z is 0; targets of 0, met exactly or not; a class that does not occur."""
    k, depth = draw.problem.sizes[-1], draw.depth

    def without_inputs(count: int) -> Probe:
        return draw.probe(19, (6,) * 3, inputs=lambda x: x * (np.arange(x.shape[1]) >= count), only=2)

    def without_class(missing: int) -> Probe:
        classes = np.delete(np.arange(k), missing)[np.arange(7) % (k - 1)]
        return draw.probe(22, (7,), targets=lambda _: draw.class_targets(classes))

    def without_unit(kind: str, layer: int, array: Array) -> Array:      # the first unit of each hidden layer
        return np.concatenate([np.zeros_like(array[:1]), array[1:]]) if layer < depth else array

    yield once("where an input is 0 in every record", "are zeros left out?", lambda: without_inputs(1))
    if draw.least == 1:
        yield once("where all inputs of a step are 0", "is the step left out?", lambda: without_inputs(draw.problem.sizes[0]))
    if depth > 1:
        yield once("where a unit's z is 0 in every record", "what is f′(0)?", lambda: draw.probe(20, parameters=without_unit))
    every_other = partial(draw.probe, 21, (7,), targets=lambda y: y * (np.arange(len(y)) % 2)[:, None])
    if draw.data is None and draw.targets != "classes":
        yield once("where a record's targets are 0", "is it left out?", every_other)
        most = partial(draw.probe, 44, SOME, targets=lambda y: y * ((np.arange(len(y)) == 0)[:, None] | (np.arange(y.shape[1]) > 0)))
        yield once("where the first output's targets are 0 in most records", "are they left out?", most)
    elif draw.data is None and k > 1:
        yield once("where the first class does not occur", "is it left out?", lambda: without_class(0))
        yield once("where the last class does not occur", "is it left out?", lambda: without_class(k - 1))
    if draw.is_free and not draw.problem.normalization and draw.problem.layers[-1].function in _ZERO_AT_ZERO:
        met = partial(every_other, parameters=lambda kind, layer, array: array * (layer < depth))      # at an output of 0
        yield once("where targets are met exactly", "what is the derivative of the loss there?", met)


def of_inputs(draw: TrialProbes) -> Iterator[Direction]:
    """Yield large and small inputs, whose z stays moderate; inputs of one sign, and a constant one; a step without gradients."""

    def scaled(times: float, of: Callable[[Array], Array] = unchanged) -> Probe:
        def parameters(kind: str, layer: int, array: Array) -> Array:
            return array / times if (kind, layer) == ("weight", 1) else array

        return draw.moving(draw.probe(15, (5,), inputs=lambda x: of(x) * times, parameters=parameters))

    def up_to(largest: float) -> Probe:
        return scaled(largest, lambda x: x / np.abs(x).max())

    yield measured("inputs", (3 * LARGE,), up_to, "are they clipped, or scaled?", overflows=LARGE, layer=1)
    yield Direction("with inputs of about {}", "are small numbers taken for 0?", scaled, SMALL, may_refuse=True)
    where = "where no input is below 0, and all are up to about {}"
    yield Direction(where, "are they taken for pixels?", partial(scaled, of=np.abs), (1.0, PIXEL), may_refuse=True)
    yield once("where no input is above 0", "is their sign lost?", lambda: scaled(-1.0, np.abs), may_refuse=True)
    constant = partial(draw.probe, 30, (6,) * 3, inputs=lambda x: np.hstack([np.full((len(x), 1), 0.75), x[:, 1:]]), only=2)
    yield once("where an input is the same in every record", "is it left out?", constant)
    if _without_gradients(draw) is not None:
        where = "where all gradients of a step are 0"
        of_classes = draw.targets == "classes"      # whose gradients of e^-900 may be held from below: no new weight shows it
        yield once(where, "is the step left out?", partial(_without_gradients, draw), overflows=0.0, of_weights=of_classes)


def _without_gradients(draw: TrialProbes) -> Probe | None:
    """Draw three steps: in the second all gradients are exactly 0, while momentum goes on; None where there are no such steps.

    With a bias, the last weights are 0 and the bias makes the output the target; the first step is too small to change that. So it is with
    any weights where the target is a class, as the bias makes its score by far the largest. Without a bias, inputs of 0 make an output of
    0, which is the target.
    """
    problem, met = draw.problem, _exactly_met(draw)
    if met is not None:
        z, target = met

        def parameters(kind: str, layer: int, array: Array) -> Array:
            if layer == draw.depth and kind == "bias":
                return np.full_like(array, z)
            return array if layer < draw.depth or draw.targets == "classes" else np.zeros_like(array)

        def targets(y: Array) -> Array:
            return np.broadcast_to(target, y.shape).astype(y.dtype)

        return replace(draw.probe(24, (6,) * 3, targets=targets, parameters=parameters, only=2), lrs=(NO_STEP, 0.3, 0.3))
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
