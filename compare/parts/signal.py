"""Stand-ins for what layers take from scipy.signal where SciPy is not installed, by NumPy."""

from types import ModuleType
from typing import Any

import numpy as np


def correlate2d(image: Any, kernel: Any, mode: str = "full") -> Any:
    """Return the sums of products of an image's windows with a kernel."""
    high, wide = kernel.shape
    pads = {"full": ((high - 1, high - 1), (wide - 1, wide - 1)), "same": (((high - 1) // 2, high // 2), ((wide - 1) // 2, wide // 2))}
    padded = np.pad(image, pads[mode]) if mode in pads else image
    return np.einsum("ijkl,kl->ij", np.lib.stride_tricks.sliding_window_view(padded, kernel.shape), kernel)


def convolve2d(image: Any, kernel: Any, mode: str = "full") -> Any:
    """Return the convolution of an image with a kernel."""
    return correlate2d(image, kernel[::-1, ::-1], mode)


SIGNAL = {"correlate2d": correlate2d, "convolve2d": convolve2d}
_module = ModuleType("scipy.signal")
vars(_module).update(SIGNAL)
MODULES: dict[str, dict[str, Any]] = {"scipy": {"signal": _module}, "scipy.signal": SIGNAL}
