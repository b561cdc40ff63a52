"""PyTorch's default precision while a file's code runs: what the file makes of a plain number is then no less precise than its inputs."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def in_float64() -> Iterator[None]:
    """Make tensors of float64 where no other precision is said."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
