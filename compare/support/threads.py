"""How many threads small networks are worked out on: one, since several only wait for one another, the longer the busier the machine is."""

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
    """Within it NumPy's products run on one thread; the caller's number is put back afterwards. Nothing is done unless `is_small`."""
    if not is_small:
        yield
        return
    with _libraries().limit(limits=1, user_api="blas"):
        yield
