"""Convolution by hand: beside PyTorch's own, and against central differences."""

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import manual
from manual.arrays import Array
from tests.manual.beside import DTYPES, RECORDS, Case, few, trainings


@st.composite
def cases(draw: st.DrawFn, records: int = 8) -> Case:
    """A convolution of drawn shape and options, at least one window to either side."""

    def whole(least: int, most: int) -> int:
        return draw(st.integers(least, most))

    axes, groups = whole(1, 2), whole(1, 3)
    n_in, n_out = groups * whole(1, 2), groups * whole(1, 2)
    pairs = {name: tuple(whole(least, 2) for _ in range(axes)) for name, least in (("stride", 1), ("padding", 0), ("dilation", 1))}
    kernel = tuple(whole(1, 3) for _ in range(axes))
    least = [d * (k - 1) + 1 - 2 * p for k, p, d in zip(kernel, pairs["padding"], pairs["dilation"], strict=True)]
    sizes = tuple(max(each, 1) + whole(0, 3) for each in least)
    bias = draw(st.booleans())
    options = pairs if axes == 2 else {name: size for name, (size,) in pairs.items()}

    def build(package: Any, array: Any) -> Any:
        kind = package.Conv2d if axes == 2 else package.Conv1d
        return kind(array(n_out, n_in // groups, *kernel), array(n_out) if bias else None, groups=groups, **options)

    return Case(build, (whole(1, records), n_in, *sizes), draw(st.integers(0, 2**32 - 1)))


def small(package: Any, array: Any) -> Any:
    """Two convolutions, one of which is of groups and of a stride that leaves a column unseen."""
    first = package.Conv2d(array(4, 2, 2, 3), array(4), stride=(1, 2), padding=(1, 0))
    second = package.Conv2d(array(2, 2, 2, 1), array(2), dilation=2, groups=2)
    return package.Sequential(first, package.Activate(package.ACTIVATIONS["tanh"]), second)


SMALL = Case(small, (3, 2, 4, 6))


@few
@given(case=cases(RECORDS), training=trainings())
def test_it_trains_as_pytorchs(case: Case, training: dict[str, Any]) -> None:
    case.held_to_pytorch(**training)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.seeds(12)
def test_two_of_them_train_as_pytorchs(dtype: str, seed: int) -> None:
    replace(SMALL, seed=seed).held_to_pytorch(dtype)


@given(case=cases())
def test_the_backward_pass_gives_the_slopes(case: Case) -> None:
    case.held_to_slopes()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("path", ["0", "2"])
@pytest.mark.parametrize("what", ["weight", "bias", "input"])
def test_a_fault_on_the_way_back_is_found(path: str, what: str) -> None:
    assert SMALL.compared((path, what), steps=1).verdict == "different"


def test_a_large_batch_in_float32_is_held_to_plain_sums() -> None:
    """PyTorch may convolve 3 × 3 kernels by a transform, which rounds far more than the sum of the definition."""

    def build(package: Any, array: Any) -> Any:
        return package.Conv2d(array(8, 1, 3, 3), array(8), padding=1)

    Case(build, (64, 1, 8, 8)).held_to_pytorch("float32", steps=2)


def test_a_batch_whose_channels_are_others_is_refused() -> None:
    layer = manual.Conv2d(np.ones((4, 3, 2, 2)))
    with pytest.raises(ValueError, match=r"x has shape \(5, 2, 6, 6\); expected \(n, 3, height, width\)"):
        layer.forward(np.ones((5, 2, 6, 6)))


def stored(layer: manual.Layer, x: Array) -> int:
    """How many bytes a forward pass leaves in use, beside its input and its output."""
    tracemalloc.start()
    try:
        output = layer.forward(x)
        return tracemalloc.get_traced_memory()[0] - output.nbytes
    finally:
        tracemalloc.stop()


def test_a_layer_stores_no_columns_for_its_way_back_and_relu_no_input() -> None:
    class WithColumns(manual.Conv2d):
        """The control."""

        def columns(self, windows: Array) -> Array:
            self.stored = super().columns(windows)
            return self.stored

    x, weight = np.ones((16, 4, 12, 12)), np.ones((4, 4, 3, 3))
    relu = manual.Activate(manual.ACTIVATIONS["relu"])
    assert stored(manual.Conv2d(weight, padding=1), x) < x.nbytes / 10
    assert stored(WithColumns(weight, padding=1), x) > 8 * x.nbytes
    assert stored(manual.Sequential(manual.Conv2d(weight, padding=1), relu), x) < x.nbytes / 10
    assert stored(manual.Sequential(relu, manual.Activate(manual.ACTIVATIONS["gelu"])), x) > x.nbytes * 9 / 10
