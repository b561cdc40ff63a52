"""The words for what explains every wrong number of an array: one factor, and what that is in the shapes of the inputs."""

from collections.abc import Sequence

import numpy as np

from .layer_draws import Case


def factor_said(name: str, ratios: Sequence[tuple[float | None, Case]]) -> str | None:
    """Say the one factor that explains an array in every case, None where there is none."""
    if not ratios or any(ratio is None for ratio, _ in ratios):
        return None
    known = [(ratio, case) for ratio, case in ratios if ratio is not None]
    factors = [ratio for ratio, _ in known]
    if (said := factor_of(name, factors)) is not None:
        return said
    records = np.array([case.arrays[next(iter(case.arrays))].shape[0] for _, case in known])
    for said, values in (("n times what it should be", records), ("what it should be, divided by n", 1 / records)):
        if np.allclose(factors, values, 1e-9, 0):
            return f"every number of {name} is {said}, n being the number of records"
    return None


def factor_of(name: str, factors: Sequence[float | None]) -> str | None:
    """Say the factor by which an array is off, the same one each time, None where there is none."""
    known = [each for each in factors if each is not None]
    if not known or len(known) < len(factors) or not np.allclose(known, known[0], 1e-9, 0):
        return None
    words = {0.0: "is 0", -1.0: "has the wrong sign"}
    return f"every number of {name} {words.get(round(known[0], 9), f'is {known[0]:.6g} times what it should be')}"
