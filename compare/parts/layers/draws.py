"""What is drawn for each layer: inputs of several shapes, and its options."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.random import Generator

Arrays = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """The inputs of one call: arrays by role, and options by name."""

    arrays: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)

    def said(self) -> str:
        """Say the shapes and the options."""
        shapes = [f"{role} {tuple(array.shape)}" for role, array in self.arrays.items()]
        options = [f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in self.options.items()]
        return ", ".join([*shapes, *options])


def _normal(random: Generator, **shapes: Any) -> Arrays:
    return {role: random.standard_normal(shape) for role, shape in shapes.items()}




def affine(random: Generator) -> Iterator[Case]:
    """Yield records of several axes, weights and biases."""
    for x, units in (((5, 3), 4), ((3, 2, 4), 6), ((2, 3, 2, 2), 5), ((1, 6), 3)):
        yield Case(_normal(random, x=x, w=(int(np.prod(x[1:])), units), b=units))


def elementwise(random: Generator) -> Iterator[Case]:
    """Yield arrays of several axes."""
    for shape, size in (((4, 6), 1.0), ((2, 3, 2, 3), 1.0), ((7, 1), 4.0)):
        yield Case({"x": size * random.standard_normal(shape)})


def rows(random: Generator) -> Iterator[Case]:
    """Yield rows of numbers."""
    for shape in ((4, 6), (7, 3)):
        yield Case(_normal(random, x=shape))


def scores(random: Generator) -> Iterator[Case]:
    """Yield scores and the right class of each record."""
    for (records, classes), size in (((6, 4), 1.0), ((9, 3), 3.0), ((1, 5), 1.0)):
        yield Case({"x": size * random.standard_normal((records, classes)), "y": random.integers(0, classes, records)})


def targets(random: Generator) -> Iterator[Case]:
    """Yield outputs and their targets."""
    for shape in ((6, 4), (9, 1)):
        yield Case(_normal(random, x=shape, y=shape))


def batch_norm(random: Generator, shapes: tuple[Any, ...] = ((6, 4), (9, 3), (5, 7))) -> Iterator[Case]:
    """Yield inputs in training and in evaluation, without and with running averages."""
    for number, shape in enumerate(shapes):
        channels = shape[1]
        drawn = _normal(random, x=shape, gamma=channels, beta=channels)
        drawn["x"] = 2 * drawn["x"] + random.standard_normal(channels).reshape(-1, *[1] * (len(shape) - 2))
        running = {"running_mean": random.standard_normal(channels), "running_var": random.uniform(0.5, 2, channels)}
        options = {"eps": 10.0 ** random.uniform(-4, -2), "momentum": random.uniform(0.5, 0.95)}
        yield Case(drawn, {"mode": "train", **options, **(running if number else {})})
        yield Case(drawn, {"mode": "test", **options, **running})


def layer_norm(random: Generator) -> Iterator[Case]:
    """Yield rows with a scale and a shift."""
    for shape in ((4, 6), (7, 3)):
        yield Case(_normal(random, x=shape, gamma=shape[1], beta=shape[1]), {"eps": 10.0 ** random.uniform(-4, -2)})


def group_norm(random: Generator) -> Iterator[Case]:
    """Yield images and groups of their channels."""
    for shape, groups in (((2, 6, 3, 4), 2), ((3, 4, 2, 2), 4), ((2, 6, 2, 3), 3)):
        drawn = _normal(random, x=shape, gamma=(1, shape[1], 1, 1), beta=(1, shape[1], 1, 1))
        yield Case(drawn, {"G": groups, "eps": 10.0 ** random.uniform(-4, -2)})


def images(random: Generator) -> Iterator[Case]:
    """Yield images and filters, with strides and pads that fit."""
    small, wide = ((2, 3, 5, 6), (4, 3, 3, 3)), ((2, 2, 6, 8), (3, 2, 2, 4))
    odd, long = ((1, 3, 7, 5), (2, 3, 3, 3)), ((3, 2, 4, 5), (5, 2, 2, 3))
    for (x, w), stride, pad in ((small, 1, 1), (wide, 2, 1), (odd, 2, 0), (long, 1, 2)):
        yield Case(_normal(random, x=x, w=w, b=w[0]), {"stride": stride, "pad": pad})


def pools(random: Generator) -> Iterator[Case]:
    """Yield images and windows, which may overlap."""
    for x, height, width, stride in (((2, 3, 4, 6), 2, 2, 2), ((3, 2, 5, 7), 3, 3, 2), ((2, 2, 4, 5), 2, 3, 1)):
        yield Case(_normal(random, x=x), {"pool_height": height, "pool_width": width, "stride": stride})


def lone_images(random: Generator) -> Iterator[Case]:
    """Yield images and filters, with a stride and a pad along each axis, for a function that does not say which it takes."""
    square, uneven = ((3, 3, 5, 6), (4, 3, 3, 3)), ((2, 3, 7, 6), (4, 3, 3, 2))
    small, wide = ((2, 2, 5, 6), (3, 2, 3, 3)), ((2, 2, 6, 5), (4, 2, 5, 3))
    for x, w, stride, pad in (
        (*square, (1, 1), (0, 0)), (*uneven, (2, 2), (0, 0)), (*small, (2, 1), (0, 0)), (*small, (1, 2), (0, 0)),
        (*small, (1, 1), (1, 1)), (*small, (2, 2), (1, 1)), (*wide, (1, 1), (2, 1)),
    ):      # fmt: skip
        yield Case(_normal(random, x=x, w=w, b=w[0]), {"stride": stride, "pad": pad})


def lone_pools(random: Generator) -> Iterator[Case]:
    """Yield images and windows, which may overlap, with a stride along each axis."""
    for x, (height, width), stride in (
        ((3, 2, 4, 6), (2, 2), (2, 2)), ((2, 3, 5, 7), (3, 3), (2, 2)), ((2, 3, 7, 6), (3, 2), (2, 1)), ((2, 3, 6, 5), (2, 2), (1, 2)),
    ):      # fmt: skip
        yield Case(_normal(random, x=x), {"pool_height": height, "pool_width": width, "stride": stride})


def steps(random: Generator, gates: int = 1) -> Iterator[Case]:
    """Yield one step of a cell with so many gates."""
    cell = {"prev_c": True} if gates > 1 else {}
    for records, features, units in ((3, 4, 5), (2, 6, 3), (1, 2, 2)):
        states = _normal(random, **dict.fromkeys(("prev_h", *cell), (records, units)))
        weights = _normal(random, Wx=(features, gates * units), Wh=(units, gates * units), b=gates * units)
        yield Case({**_normal(random, x=(records, features)), **states, **weights})


def sequences(random: Generator, gates: int = 1) -> Iterator[Case]:
    """Yield sequences for a cell with so many gates."""
    for records, length, features, units in ((3, 4, 2, 5), (2, 6, 3, 4), (2, 1, 3, 2), (1, 4, 3, 2), (1, 5, 2, 3)):
        weights = _normal(random, Wx=(features, gates * units), Wh=(units, gates * units), b=gates * units)
        yield Case({**_normal(random, x=(records, length, features), h0=(records, units)), **{k: 0.7 * v for k, v in weights.items()}})


def words(random: Generator) -> Iterator[Case]:
    """Yield words, of which some come more than once, and their vectors."""
    for records, length, words, features in ((3, 4, 5, 2), (2, 7, 3, 4)):      # a word comes more than once
        yield Case({"x": random.integers(0, words, (records, length)), "W": random.standard_normal((words, features))})


def temporal(random: Generator) -> Iterator[Case]:
    """Yield a vector at each time, weights and biases."""
    for records, length, features, units in ((2, 3, 4, 5), (3, 2, 5, 3)):
        yield Case(_normal(random, x=(records, length, features), w=(features, units), b=units))


def temporal_scores(random: Generator) -> Iterator[Case]:
    """Yield scores and words at each time, and which of them count."""
    for records, length, words in ((3, 4, 5), (2, 6, 3)):
        mask = random.random((records, length)) < 0.7
        mask[0, 0] = True
        scores = {"x": random.standard_normal((records, length, words)), "y": random.integers(0, words, (records, length))}
        yield Case({**scores, "mask": mask})


def dropout(random: Generator) -> Iterator[Case]:
    """Yield many numbers, with another probability each time, in training and in evaluation."""
    for shape, p, seed in (((50, 40), 0.3, 7), ((30, 4, 9), 0.8, 8)):
        for mode in ("train", "test"):
            yield Case({"x": 1 + random.random(shape)}, {"mode": mode, "p": p, "seed": seed})


def normalized_affine(random: Generator) -> Iterator[Case]:
    """Yield records, weights, biases, a scale and a shift."""
    for x, units in (((6, 3), 4), ((7, 2, 3), 5)):
        yield Case(_normal(random, x=x, w=(int(np.prod(x[1:])), units), b=units, gamma=units, beta=units), {"mode": "train", "eps": 1e-3})


def normalized_images(random: Generator) -> Iterator[Case]:
    """Yield images, filters, biases, a scale and a shift."""
    for x, w in (((2, 3, 5, 6), (4, 3, 3, 3)), ((3, 2, 4, 4), (3, 2, 3, 3))):
        drawn = _normal(random, x=x, w=w, b=w[0], gamma=w[0], beta=w[0])
        yield Case(drawn, {"stride": 1, "pad": 1, "mode": "train", "eps": 1e-3})


def pooled_images(random: Generator) -> Iterator[Case]:
    """Yield images, filters and biases, whose outputs are pooled by windows of 2 × 2."""
    for x, w in (((2, 3, 4, 6), (4, 3, 3, 3)), ((3, 2, 4, 4), (3, 2, 3, 3))):
        yield Case(_normal(random, x=x, w=w, b=w[0]), {"stride": {"conv": 1, "pool": 2}, "pad": 1, "pool_height": 2, "pool_width": 2})
