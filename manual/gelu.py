"""gelu: z, weighted by the probability that a normal number is below it; and an approximation without erf.

Source: Hendrycks and Gimpel, *Gaussian error linear units*, 2016.
"""

import math

import numpy as np

from .arrays import Array
from .erf import erf

TANH_SCALE = math.sqrt(2 / math.pi)      # gelu_tanh's two constants
TANH_CUBIC = 0.044715


def gelu(z: Array) -> Array:
    """f(z) = z Φ(z), with Φ(z) = ½ (1 + erf(z / √2)) the normal distribution."""
    return z * normal_distribution(z)


def gelu_derivative(z: Array, a: Array) -> Array:
    """f′(z) = Φ(z) + z φ(z), with φ(z) = e^(−z²/2) / √(2π) the normal density, and Φ(z) = a / z, or ½ near 0."""
    distribution = np.divide(a, z, out=np.full_like(z, 0.5), where=np.abs(z) > 1e-30)
    density = np.exp(z * z / -2) / math.sqrt(2 * math.pi)
    return distribution + z * density


def normal_distribution(z: Array) -> Array:
    """Φ(z) = ½ (1 + erf(z / √2))."""
    return (1 + erf(z / math.sqrt(2))) / 2


def gelu_tanh(z: Array) -> Array:
    """f(z) = ½ z (1 + tanh(y)) with y = √(2/π) (z + 0.044715 z³): gelu to three digits, without erf."""
    a: Array = z * (1 + np.tanh(_gelu_tanh_argument(z))) / 2
    return a


def gelu_tanh_derivative(z: Array, a: Array) -> Array:
    """f′(z) = ½ (1 + tanh(y)) + ½ z (1 − tanh²(y)) y′, with y′ = √(2/π) (1 + 3 · 0.044715 z²)."""
    t = np.tanh(_gelu_tanh_argument(z))
    inner = TANH_SCALE * (1 + 3 * TANH_CUBIC * z * z)
    slope: Array = (1 + t) / 2 + z * (1 - t * t) * inner / 2
    return slope


def _gelu_tanh_argument(z: Array) -> Array:
    """y = √(2/π) (z + 0.044715 z³)."""
    return TANH_SCALE * (z + TANH_CUBIC * z * z * z)
