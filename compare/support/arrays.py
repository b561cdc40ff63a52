"""The types of arrays and batches, for annotations."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Batch = tuple[Any, ...]      # (x, y), or with dropout (x, y, masks)
