"""Negative controls: what people get wrong in an activation, on its way back, or in a loss is more than rounding allows."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

import manual
from compare.formulas.activations import ACTIVATIONS
from compare.formulas.losses import LOSSES
from compare.support.arrays import Array
from tests.compare import forms, loss_forms
from tests.compare.forms import Pullback
from tests.compare.formulas.test_pieces import errors_like, exactly
from tests.pieces import loss_arguments

LossForm = Callable[[Array, Array], tuple[Array, Array]]

MISTAKEN_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "leaky_relu": lambda z: np.where(z > 0, z, np.float32(0.01) * z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0)).astype("float32")),
    "gelu": manual.ACTIVATIONS["gelu_tanh"].function,
    "gelu_tanh": manual.ACTIVATIONS["gelu"].function,
    "silu": lambda z: z * manual.ACTIVATIONS["sigmoid"].function(1.0000001 * z),
    "softplus": lambda z: torch.nn.functional.softplus(torch.tensor(z)).numpy(),      # with PyTorch's own threshold
    "softmax": lambda z: np.exp(z - z.max()) / (np.exp(z - z.max()).sum(axis=-1, keepdims=True) + 1e-9),
    "log_softmax": lambda z: np.log(manual.ACTIVATIONS["softmax"].function(z) + 1e-12),
}

MISTAKEN_WAYS_BACK: dict[str, Pullback] = {
    "leaky_relu": lambda error, z, a: error * np.where(z >= 0, 1, 0.01),
    "elu": lambda error, z, a: error * np.where(z > 0, 1, a),
    "gelu": lambda error, z, a: error * forms.erfc(-z * 0.5**0.5) / 2,
    "gelu_tanh": manual.ACTIVATIONS["gelu"].backward,
    "silu": lambda error, z, a: error * a * (1 - a),
    "softplus": lambda error, z, a: error * (z > 0),
    "softmax": lambda error, z, a: error * a * (1 - a),
    "log_softmax": lambda error, z, a: error * (1 - np.exp(a)),
}

MISTAKEN_LOSSES: dict[str, LossForm] = {
    "sse": lambda output, y: (((output - y) ** 2).mean(), 2 * (output - y) / output.size),
    "l1": lambda output, y: (np.abs(output - y).sum() / len(y), np.where(output >= y, 1, -1) / output.size),
    "huber": lambda output, y: (np.minimum((output - y) ** 2 / 2, 1).mean(), (output - y) / output.size),
    "smooth_l1": lambda output, y: (np.abs(output - y).mean(), np.sign(output - y) / output.size),
    "hinge": lambda output, y: (np.maximum(-y * output, 0).mean(), -y * (y * output < 0) / output.size),      # without a margin
    "bce": lambda output, y: (
        -(y * np.log(output + 1e-12) + (1 - y) * np.log(1 - output + 1e-12)).mean(),
        (output - y) / (output * (1 - output) + 1e-12) / output.size,
    ),
    "bce_with_logits": lambda output, y: (
        -(y * np.log(forms.stable_sigmoid(output) + 1e-12)).mean(),
        (forms.stable_sigmoid(output) - y) * forms.stable_sigmoid(output) * forms.stable_sigmoid(-output) / output.size,
    ),
    "cross_entropy": lambda output, y: (
        loss_forms.picked(np.log(forms.shifted_softmax(output) + 1e-12), y).mean(),
        (forms.shifted_softmax(output) - loss_forms.one_hot(output, y)) / output.size,
    ),
}


@pytest.mark.parametrize("name", MISTAKEN_ACTIVATIONS)
def test_a_mistake_in_an_activation_is_seen(name: str) -> None:
    z = np.append(np.random.default_rng(0).normal(size=(50, 3)) * 4, [[0.0, 22.0, -6.0]], axis=0)
    a, _ = ACTIVATIONS[name](exactly(z))
    assert (np.abs(MISTAKEN_ACTIVATIONS[name](z) - a.value) > a.error).any()


@pytest.mark.parametrize("name", MISTAKEN_WAYS_BACK)
def test_a_mistake_on_the_way_back_is_seen(name: str) -> None:
    z = np.append(np.random.default_rng(0).normal(size=(50, 3)) * 4, [[0.0, 22.0, -6.0]], axis=0)
    error = errors_like(z)
    a, pullback = ACTIVATIONS[name](exactly(z))
    delta = pullback(exactly(error))
    assert (np.abs(MISTAKEN_WAYS_BACK[name](error, z, a.value) - delta.value) > delta.error).any()


@pytest.mark.parametrize("name", MISTAKEN_LOSSES)
def test_a_mistake_in_a_loss_or_its_gradient_is_seen(name: str) -> None:
    for output, y in loss_arguments(name, np.random.default_rng(0)):
        output[0] = y[0]      # an exact 0 for l1
        right = LOSSES[name].of(exactly(output), y)
        for wrong, sampled in zip(MISTAKEN_LOSSES[name](output, y), right, strict=True):
            assert (np.abs(wrong - sampled.value) > sampled.error).any()
