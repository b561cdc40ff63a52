"""A prediction that differs after steps that agree: the part is what is otherwise in evaluation."""

from typing import Any

import numpy as np
import pytest
from torch import nn

import manual
from compare import ByHand, Problem
from compare.lockstep.of_module import train_beside_module
from compare.support.arrays import Array


def linear() -> manual.Linear:
    return manual.Linear(np.zeros((2, 3)), np.zeros(2))


class Other(ByHand):
    """Its outputs in evaluation are a little too large."""

    def predict(self, x: Array) -> Array:
        """Return the output, off by 1e-6 of it."""
        return super().predict(x) * (1 + 1e-6)


@pytest.mark.parametrize(
    ("module", "by_hand", "part"),
    [
        (nn.Sequential(nn.Linear(3, 2)), lambda: manual.Sequential(linear()), "what the candidate does in evaluation alone"),
        (
            nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)),
            lambda: manual.Sequential(linear(), manual.BatchNorm(np.ones(2), np.zeros(2))),
            "1 (BatchNorm1d) or what the candidate does in evaluation alone",
        ),
    ],
)
def test_a_prediction_that_differs_names_its_part(module: nn.Module, by_hand: Any, part: str) -> None:
    x, y = np.random.default_rng(0).normal(size=(6, 3)), np.random.default_rng(1).normal(size=(6, 2))
    problem = Problem.of(module, batches=[(x, y)], loss="mse", lr=0.1, dtype="float64")
    comparison = train_beside_module(Other(by_hand(), "mse", manual.SGD(0.1)), problem, steps=3)
    assert comparison.first_divergence is not None
    assert comparison.first_divergence.phase == "prediction"
    assert comparison.part == part
    assert f"part        {part}" in comparison.explanation()
    assert train_beside_module(ByHand(by_hand(), "mse", manual.SGD(0.1)), problem, steps=3).part is None      # the control
