"""What the arrays here are called in annotations."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Targets = NDArray[Any]      # numbers, as the output, or class indices for the losses that take them
