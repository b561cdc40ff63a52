"""Compute small networks on one BLAS thread: several only wait for one another, and longer on a busy machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


@cache
def _libraries() -> Any:
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController()


@contextmanager
def one_blas_thread(is_small: bool = True) -> Iterator[None]:
    """Limit NumPy's matrix products to one thread and restore the number afterwards; does nothing unless `is_small`."""
    if not is_small:
        yield
        return
    with _libraries().limit(limits=1, user_api="blas"):
        yield
