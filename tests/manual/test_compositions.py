"""Networks of all layers by hand, nested, beside the same of PyTorch's."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.manual.beside import RECORDS, Case, fewer, trainings


def drawn(seed: int) -> Case:
    """A network of images: convolution, a normalisation, one beside what passes straight through, pooling, a linear layer."""
    draw = np.random.default_rng(seed)
    pool, norm = draw.choice(["MaxPool2d", "AvgPool2d"]), draw.choice(["GroupNorm", "BatchNorm2d"])
    activation, stride, padding = draw.choice(["relu", "tanh", "silu", "gelu"]), int(draw.integers(1, 3)), int(draw.integers(2))
    groups, n, has_bias = int(draw.integers(1, 3)), int(draw.integers(2, RECORDS + 1)), draw.random() < 0.5
    width = 4 * ((7 + 2 * padding - 3) // stride) ** 2

    def build(package: Any, array: Any) -> Any:
        def activate() -> Any:
            return package.Activate(package.ACTIVATIONS[activation])

        first = package.Conv2d(array(4, 2, 3, 3), array(4) if has_bias else None, stride=stride, padding=padding)
        normalization = getattr(package, norm)(*((2,) if norm == "GroupNorm" else ()), array(4), array(4))
        inner = package.Sequential(package.Conv2d(array(4, 4 // groups, 3, 3), array(4), padding=1, groups=groups), activate())
        images = package.Sequential(first, normalization, activate(), package.Residual(inner), getattr(package, pool)(2, 1))
        return package.Sequential(images, package.Flatten(), package.RMSNorm(array(width)), package.Linear(array(3, width), array(3)))

    return Case(build, (n, 2, 7, 7), seed)


@fewer
@given(seed=st.integers(0, 2**32 - 1), training=trainings({"weight_decay": 0.1, "decay": "weights"}))
def test_they_train_as_pytorchs(seed: int, training: dict[str, Any]) -> None:
    drawn(seed).held_to_pytorch(**training)


@pytest.mark.seeds(24)
def test_a_fault_on_the_way_back_is_found_in_its_layer(seed: int) -> None:
    draw = np.random.default_rng((seed, 1))
    before = {      # by layer, whose output it makes the error at
        "0.1": "0.0", "0.2": "0.1", "0.3": "0.2", "0.3.layer": "0.2", "0.3.layer.0": "0.2", "0.3.layer.1": "0.3.layer.0", "0.4": "0.3",
        "1": "0", "2": "1", "3": "2",
    }
    path = str(draw.choice(list(before)))
    comparison = drawn(seed).compared((path, "input"), steps=1)
    first = comparison.first_divergence
    assert first is not None
    assert (first.phase, first.tensor) == ("errors", before[path]), comparison.explanation()
