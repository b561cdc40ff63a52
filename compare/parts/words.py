"""The words for what explains every number of an array that is off: one factor, and what that is in the shapes of the inputs."""

from collections.abc import Sequence

import numpy as np

from .layers.draws import Case


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


def multiple_of(ratios: Sequence[tuple[float | None, int, int]]) -> str | None:
    """Say which multiple of a loss's gradient another convention gives, by ratios with the records and outputs of each.

    It is n, k, n·k or 1, or one of n, k or n·k parts, once, twice or half; None for any other, for the gradient itself, and for sizes of
    one kind, in which a number may be n by chance.
    """
    for said in _multiples(1, 1) if len(ratios) > 1 else ():
        if all(ratio is not None and np.isclose(ratio, _multiples(n, k)[said], 1e-9, 0) for ratio, n, k in ratios):
            sizes = [f", {name} being the number of {what}" for name, what in (("n", "records"), ("k", "outputs")) if name in said]
            return f"is {said} times the gradient of the loss that it returns{''.join(sizes)}"
    return None


def _multiples(n: int, k: int) -> dict[str, float]:
    """Return the multiples by their words, the simplest first."""
    found = {"2": 2.0, "½": 0.5}
    for name, size in (("n", n), ("k", k), ("n·k", n * k)):
        for words, times in (("", 1.0), ("2", 2.0), ("½", 0.5)):
            found |= {f"{words}{name}": times * size, f"{words or 1}/{name}": times / size}
    return found
