"""The honest ways to compute each activation, in plain NumPy: what people write, and what libraries do.

`FORMS` are of a = f(z); `SLOPES` of f′(z), from z and a; `PULLBACKS` of δ = ∂L/∂z, given ∂L/∂a, z and a, where f has a whole Jacobian.
None is shared with either backend; a name that has none here falls back on manual's.
"""

import math
from collections.abc import Callable
from functools import partial

import numpy as np

import manual
from compare.support.arrays import Array

Form = Callable[[Array], Array]
Slope = Callable[[Array, Array], Array]
Pullback = Callable[[Array, Array, Array], Array]

_erf, _erfc = np.frompyfunc(math.erf, 1, 1), np.frompyfunc(math.erfc, 1, 1)


def naive_sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def exponential_sigmoid(z: Array) -> Array:
    return np.exp(z) / (1 + np.exp(z))


def stable_sigmoid(z: Array) -> Array:
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1 / (1 + e), e / (1 + e))


def tanh_sigmoid(z: Array) -> Array:
    return (1 + np.tanh(z / 2)) / 2


def quotient_tanh(z: Array) -> Array:
    return (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z))


def sigmoid_tanh(z: Array) -> Array:
    return 2 / (1 + np.exp(-2 * z)) - 1


def erf(z: Array) -> Array:
    return np.asarray(_erf(z)).astype(z.dtype)


def erfc(z: Array) -> Array:
    return np.asarray(_erfc(z)).astype(z.dtype)


def stable_softplus(z: Array) -> Array:
    return np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0)


def logarithm_softplus(z: Array) -> Array:
    return np.where(z > 40, z, np.log(1 + np.exp(np.minimum(z, 40))))


def cubic(z: Array) -> Array:
    return math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)


def cubic_slope(z: Array) -> Array:
    return math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * z**2)


def shifted_softmax(z: Array) -> Array:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def plain_softmax(z: Array) -> Array:
    return np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)


def log_sum_exp(z: Array) -> Array:
    largest = z.max(axis=-1, keepdims=True)
    return largest + np.log(np.exp(z - largest).sum(axis=-1, keepdims=True))


def shifted_log_softmax(z: Array) -> Array:
    shifted = z - z.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def logarithm_of_softmax(z: Array) -> Array:
    p = shifted_softmax(z)
    return np.where(p > 1e-30, np.log(np.maximum(p, 1e-30)), z - log_sum_exp(z))


def by_jacobian(error: Array, jacobian: Array) -> Array:
    """δᵢ = Σⱼ ∂L/∂aⱼ ∂aⱼ/∂zᵢ, for a Jacobian (…, k, k) of rows j and columns i."""
    return np.einsum("...j,...ji->...i", error, jacobian)


FORMS: dict[str, tuple[Form, ...]] = {
    "sigmoid": (naive_sigmoid, exponential_sigmoid, tanh_sigmoid, stable_sigmoid),
    "tanh": (np.tanh, quotient_tanh, sigmoid_tanh),
    "relu": (lambda z: np.maximum(z, 0), lambda z: z * (z > 0), lambda z: np.where(z > 0, z, 0).astype(z.dtype)),
    "leaky_relu": (
        lambda z: np.where(z > 0, z, 0.01 * z),
        lambda z: np.maximum(z, 0.01 * z),
        lambda z: np.maximum(z, 0) + 0.01 * np.minimum(z, 0),
    ),
    "elu": (
        lambda z: np.where(z > 0, z, np.exp(np.minimum(z, 0)) - 1),
        lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
        lambda z: np.maximum(z, 0) + np.expm1(np.minimum(z, 0)),
    ),
    "gelu": (
        lambda z: 0.5 * z * (1 + erf(z / math.sqrt(2))),
        lambda z: 0.5 * z * erfc(-z * math.sqrt(0.5)),
        lambda z: z / 2 + z / 2 * erf(z * math.sqrt(0.5)),
    ),
    "gelu_tanh": (
        lambda z: 0.5 * z * (1 + np.tanh(cubic(z))),
        lambda z: z * stable_sigmoid(2 * cubic(z)),
        lambda z: z * ((1 + sigmoid_tanh(cubic(z))) / 2),
        lambda z: z / (1 + np.exp(-2 * cubic(z))),
    ),
    "silu": (
        lambda z: z * naive_sigmoid(z),
        lambda z: z / (1 + np.exp(-z)),
        lambda z: z * tanh_sigmoid(z),
        lambda z: z * stable_sigmoid(z),
    ),
    "softplus": (
        stable_softplus,
        lambda z: np.logaddexp(0, z).astype(z.dtype),
        logarithm_softplus,
        lambda z: np.where(z > 0, z - np.log(naive_sigmoid(z)), -np.log(1 - naive_sigmoid(np.minimum(z, 0)))),
    ),
    "softmax": (plain_softmax, shifted_softmax, lambda z: np.exp(shifted_log_softmax(z)), lambda z: np.exp(z - log_sum_exp(z))),
    "log_softmax": (
        shifted_log_softmax,
        lambda z: z - log_sum_exp(z),
        logarithm_of_softmax,
        lambda z: z - np.log(np.exp(z).sum(axis=-1, keepdims=True)),
    ),
    "identity": (lambda z: z, lambda z: z.copy(), lambda z: z + 0),
}

SLOPES: dict[str, tuple[Slope, ...]] = {
    "sigmoid": (lambda z, a: a * (1 - a), lambda z, a: a - a * a, lambda z, a: np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))) ** 2),
    "tanh": (lambda z, a: 1 - a * a, lambda z, a: (1 - a) * (1 + a), lambda z, a: 1 / np.cosh(z) ** 2),
    "relu": (lambda z, a: (z > 0) * np.ones_like(z), lambda z, a: (a > 0).astype(z.dtype), lambda z, a: np.heaviside(z, 0)),
    "leaky_relu": (
        lambda z, a: np.where(z > 0, 1, 0.01).astype(z.dtype),
        lambda z, a: np.where(a > 0, 1, 0.01).astype(z.dtype),
        lambda z, a: (z > 0) + z.dtype.type(0.01) * (z <= 0),
    ),
    "elu": (
        lambda z, a: np.exp(np.minimum(z, 0)),
        lambda z, a: np.where(z > 0, 1, a + 1),
        lambda z, a: np.where(z >= 0, 1, np.exp(np.minimum(z, 0))),
    ),
    "gelu": (
        lambda z, a: 0.5 * (1 + erf(z / math.sqrt(2))) + z * np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi),
        lambda z, a: 0.5 * erfc(-z * math.sqrt(0.5)) + z * (np.exp(-((z * math.sqrt(0.5)) ** 2)) / math.sqrt(2 * math.pi)),
        lambda z, a: 0.5 + erf(z * math.sqrt(0.5)) / 2 + (1 / math.sqrt(2 * math.pi)) * z * np.exp(z**2 / -2),
    ),
    "gelu_tanh": (
        lambda z, a: 0.5 * (1 + np.tanh(cubic(z))) + 0.5 * z * (1 - np.tanh(cubic(z)) ** 2) * cubic_slope(z),
        lambda z, a: (
            stable_sigmoid(2 * cubic(z)) + 2 * z * cubic_slope(z) * stable_sigmoid(2 * cubic(z)) * (1 - stable_sigmoid(2 * cubic(z)))
        ),
        lambda z, a: 0.5 * (1 + np.tanh(cubic(z))) + 0.5 * z * cubic_slope(z) / np.cosh(cubic(z)) ** 2,
    ),
    "silu": (
        lambda z, a: naive_sigmoid(z) * (1 + z * (1 - naive_sigmoid(z))),
        lambda z, a: a + stable_sigmoid(z) * (1 - a),
        lambda z, a: tanh_sigmoid(z) + a * (1 - tanh_sigmoid(z)),
        lambda z, a: stable_sigmoid(z) + z * stable_sigmoid(z) * stable_sigmoid(-z),
    ),
    "softplus": (
        lambda z, a: naive_sigmoid(z),
        lambda z, a: tanh_sigmoid(z),
        lambda z, a: 1 - np.exp(-a),
        lambda z, a: -np.expm1(-a),
    ),
    "identity": (lambda z, a: np.ones_like(z),) * 3,
}

PULLBACKS: dict[str, tuple[Pullback, ...]] = {
    "softmax": (
        lambda error, z, a: a * (error - (error * a).sum(axis=-1, keepdims=True)),
        lambda error, z, a: error * a - a * (error * a).sum(axis=-1, keepdims=True),
        lambda error, z, a: by_jacobian(error, a[..., None] * np.eye(a.shape[-1], dtype=a.dtype) - a[..., None] * a[..., None, :]),
        lambda error, z, a: by_jacobian(error, a[..., None] * (np.eye(a.shape[-1], dtype=a.dtype) - a[..., None, :])),
    ),
    "log_softmax": (
        lambda error, z, a: error - np.exp(a) * error.sum(axis=-1, keepdims=True),
        lambda error, z, a: error - shifted_softmax(z) * error.sum(axis=-1, keepdims=True),
        lambda error, z, a: by_jacobian(error, np.eye(a.shape[-1], dtype=a.dtype) - np.exp(a)[..., None, :]),
    ),
}


def forms(name: str) -> tuple[Form, ...]:
    """The forms of that activation."""
    return FORMS.get(name) or (manual.ACTIVATIONS[name].function,)


def pullbacks(name: str) -> tuple[Pullback, ...]:
    """The ways back of that activation: from ∂L/∂a, z and a to δ = ∂L/∂z."""
    by_slope = tuple(partial(_by_slope, slope) for slope in SLOPES.get(name, ()))
    return PULLBACKS.get(name) or by_slope or (manual.ACTIVATIONS[name].backward,)


def _by_slope(slope: Slope, error: Array, z: Array, a: Array) -> Array:
    return error * slope(z, a)
