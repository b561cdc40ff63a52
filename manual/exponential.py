"""eᶻ, σ and tanh, written out for the compiled loops: the processor computes several at once, which it cannot with a library's.

`loops` is cached compiled until its own file changes: after a change here, delete `__pycache__`.
"""

import math

import numba
import numpy as np

LN2_HIGH, LN2_LOW = float.fromhex("0x1.62e42feep-1"), float.fromhex("0x1.a39ef35793c76p-33")      # their sum is ln 2; from fdlibm
TAYLOR = tuple(1 / math.factorial(n) for n in range(13, 0, -1))      # of eʳ − 1 = r + r²/2! + … + r¹³/13!, the last term first
WHOLE = 1.5 * 2.0**52      # z + WHOLE has no binary places, and its last bits are those of z rounded

# A product and a sum may be rounded as one, but the order of sums stays: in another one, the rounding that they take away cancels.
_as_written = numba.njit(error_model="numpy", fastmath={"contract"})


@_as_written
def power(z: float) -> tuple[float, float]:
    """Return q and s, with eᶻ = (1 + q) s."""
    z = 710.0 if z > 710 else -709.0 if z < -709 else z      # there s is ∞, or 0
    shifted = z * (1 / math.log(2)) + WHOLE
    k = shifted - WHOLE
    r = z - k * LN2_HIGH - k * LN2_LOW                       # z = k ln 2 + r, |r| ≤ ½ ln 2
    q = 0.0
    for coefficient in TAYLOR:
        q = (q + coefficient) * r                            # q = eʳ − 1
    bits = (np.float64(shifted).view(np.int64) + 1023) << 52
    return q, np.int64(bits).view(np.float64)                # s = 2ᵏ, whose exponent's bits are those of k + 1023


@_as_written
def sigmoid(z: float) -> float:
    """σ(z) = 1 / (1 + e⁻ᶻ)."""
    q, s = power(-z)
    return 1 / (1 + (1 + q) * s)


@_as_written
def tanh(z: float) -> float:
    """tanh(|z|) = −m / (2 + m), with m = e^(−2|z|) − 1, which loses no digits where z is small."""
    q, s = power(-2 * abs(z))
    m = q * s + (s - 1)
    return math.copysign(m / (2 + m), z)
