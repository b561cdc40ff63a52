"""What is usual in a tensor: of a large one some numbers are drawn, from all of its columns."""

import numpy as np
import pytest

from compare.rounding.spread import spread


@pytest.mark.parametrize("rows", [64, 1 << 14])
def test_what_is_usual_is_that_of_all_columns(rows: int) -> None:
    """One column of sixteen is off by much more; a stride of sixteen would see it alone."""
    off = np.ones((rows, 16)) * 1e-15
    off[:, 0] = 1e-10
    plain = {"w": np.ones((rows, 16))}
    usual = spread(plain, {"w": 32 * off * off}, {"w": off}, 32, (2.0**-53, 2.0**-53)).usual["w"]
    assert usual[1] < 1e-14
