"""A layer by hand beside its twin of `torch_ref`, trained in lockstep; and against central differences and complex steps."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from hypothesis import reject, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import manual
import torch_ref
from compare import Comparison, Problem
from compare.lockstep.difference import Mode
from compare.lockstep.of_module import train_beside_module
from compare.sides.by_hand import ByHand
from manual import Layer
from manual.arrays import Array
from tests.manual.test_derivatives import central_differences

Build = Callable[[Any, Callable[..., Any]], Any]      # of a package, and a function that draws an array of a shape
DTYPES = ("float64", "float32")
FAULT = 1 + 1e-6
TINY = 1e-30
few = settings(max_examples=1 + settings.default.max_examples // 5)      # of trainings, each of which takes a third of a second
fewer = settings(max_examples=1 + settings.default.max_examples // 15)      # of those that take seconds, or of each of several kinds
IS_FAST = settings.default.max_examples < 60      # the fast lane: what takes seconds is in the slow one
STEPS = st.integers(3, 8) if IS_FAST else st.integers(10, 200)
LONG = 10 if IS_FAST else 30      # steps of a training whose every step takes long
RECORDS = 16 if IS_FAST else 64      # in a batch, at most


@st.composite
def trainings(draw: st.DrawFn, *options: dict[str, Any]) -> dict[str, Any]:
    """How two sides are trained: in which precision and mode, for how long, and by which of several optimisers, with these options."""
    optimizers = [("sgd", {"momentum": 0.9}), *((name, each) for name in ("sgd", "adam", "adamw") for each in options or ({},))]
    optimizer, chosen = draw(st.sampled_from(optimizers))
    return {
        "dtype": draw(st.sampled_from(DTYPES)), "mode": draw(st.sampled_from(["free", "follow"])), "steps": draw(STEPS),
        "optimizer": optimizer, "optimizer_options": chosen, "lr": 0.01,
    }


@dataclass(frozen=True)
class Case:
    """A layer, built alike of both packages, and the shape of its inputs; or how many words there are, if these are words."""

    build: Build
    shape: tuple[int, ...]
    seed: int = 0
    words: int = 0

    def layer(self, dtype: str = "float64") -> Layer:
        """The layer by hand."""
        layer: Layer = self.build(manual, self._drawing(dtype, np.array))
        return layer

    def inputs(self, number: int) -> Array:
        """The inputs of that batch; few of them have the same absolute value, and no two of a window are equal."""
        generator = np.random.default_rng((self.seed, number))
        inputs: Array = generator.integers(self.words, size=self.shape) if self.words else generator.normal(size=self.shape)
        return inputs

    def compared(
        self, plant: tuple[str, str] | None = None, dtype: str = "float64", steps: int = 10, mode: Mode = "free", lr_by_hand: Any = None,
        **options: Any,
    ) -> Comparison:
        """The comparison of both in training, with a fault in the layer of that path at that gradient, if given, or at "input"."""
        layer, twin = self.layer(dtype), self.build(torch_ref, self._drawing(dtype, torch.tensor))
        generator = np.random.default_rng((self.seed, 99))
        shape = layer.forward(self.inputs(0) if self.words else self.inputs(0).astype(dtype)).shape
        batches = [(self.inputs(number), generator.normal(size=shape)) for number in range(3)]
        options = {"loss": "mse", "optimizer": "sgd", "optimizer_options": {"momentum": 0.9}, "lr": 0.05} | options
        problem = Problem.of(twin, batches=batches, dtype=dtype, seed=self.seed, **options)
        lr = options["lr"] if lr_by_hand is None else lr_by_hand
        optimizer = manual.OPTIMIZERS[options["optimizer"]](lr, **options["optimizer_options"])
        if plant is not None:
            spoil(layer, *plant)
        return train_beside_module(ByHand(layer, options["loss"], optimizer), problem, steps=steps, mode=mode)

    def held_to_pytorch(self, dtype: str = "float64", steps: int = 10, **options: Any) -> None:
        """Both are equal in every number of every step, and there is something to see; what overflows on both sides says nothing."""
        comparison = self.compared(dtype=dtype, steps=steps, **options)
        first = comparison.first_divergence
        if first is not None and "both sides are no longer finite" in (first.reason or ""):
            reject()
        assert comparison.verdict == "equivalent", comparison.explanation()
        assert comparison.steps == steps

    def held_to_slopes(self) -> None:
        """Gradients and error are those of Σ r · output, by central differences."""
        layer, x = self.layer(), self.inputs(0)

        def total() -> float:
            output = layer.forward(x)
            return float((self._weights(output) * output).sum())

        self._held_to({name: central_differences(total, array) for name, array in self._arrays(layer, x).items()}, rtol=1e-6, atol=1e-8)

    def held_to_complex_steps(self) -> None:
        """Gradients and error are those of Σ r · output, by complex steps, which lose no digits; the layer has to take complex numbers."""
        layer, x = self.layer("complex128"), self.inputs(0)
        x = x if self.words else x.astype("complex128")

        def total() -> complex:
            output = layer.forward(x)
            return complex((self._weights(output) * output).sum())

        self._held_to({name: complex_steps(total, array) for name, array in self._arrays(layer, x).items()}, rtol=1e-10, atol=1e-12)

    def _held_to(self, slopes: dict[str, Array], rtol: float, atol: float) -> None:
        layer, x = self.layer(), self.inputs(0)
        r = self._weights(layer.forward(x))
        found = layer.gradients(r)
        if not self.words:
            found["input"] = layer.backward(r)
        assert set(found) == set(slopes)
        for name, slope in slopes.items():
            np.testing.assert_allclose(found[name], slope, rtol=rtol, atol=atol, err_msg=name)

    def _arrays(self, layer: Layer, x: Array) -> dict[str, Array]:
        return layer.parameters() | ({} if self.words else {"input": x})

    def _weights(self, output: Array) -> Array:
        return np.random.default_rng(self.seed).normal(size=output.shape)

    def _drawing(self, dtype: str, into: Callable[[Array], Any]) -> Callable[..., Any]:
        generator = np.random.default_rng((self.seed, 7))
        return lambda *shape: into(generator.normal(size=shape).astype(dtype))


def complex_steps(function: Callable[[], complex], array: NDArray[Any]) -> Array:
    """The derivative of the function with respect to each element of the complex array: Im f(x + iε) / ε (Squire and Trapp, 1998)."""
    slopes = np.empty(array.shape)
    for index in np.ndindex(array.shape):
        array[index] += TINY * 1j
        slopes[index] = function().imag / TINY
        array[index] -= TINY * 1j
    return slopes


def spoil(layer: Any, path: str, what: str) -> None:
    """Multiply by a little more than 1 what the layer of that path returns: a gradient by its name, or the error at its input."""
    for name in path.split(".") if path else ():
        layer = layer.children()[name]
    gradients, backward = layer.gradients, layer.backward
    if what == "input":
        layer.backward = lambda error: backward(error) * FAULT
    else:
        layer.gradients = lambda error: {name: grad * FAULT if name == what else grad for name, grad in gradients(error).items()}
