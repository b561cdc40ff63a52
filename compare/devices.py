"""PyTorch's devices: whether the one asked for is there, and what this machine is. Importing this module imports torch."""

import platform
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

from compare.errors import ProblemError


def checked_device(name: str) -> str:
    """The name, if PyTorch can compute on that device here; raises ProblemError that says what to do otherwise."""
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ProblemError(f"device is {name!r}; expected cpu, cuda or cuda:N") from None
    if device.type not in ("cpu", "cuda") or (device.type == "cpu" and device.index not in (None, 0)):
        raise ProblemError(f"device is {name!r}; expected cpu, cuda or cuda:N")
    if device.type == "cuda" and not torch.cuda.is_available():
        what_to_do = "use --device cpu, or a machine with a CUDA device and a CUDA build of PyTorch"
        raise ProblemError(f"device is {name!r}, but PyTorch {torch.__version__} sees no CUDA device here; {what_to_do}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ProblemError(f"device is {name!r}, but there are only {torch.cuda.device_count()} CUDA devices, from cuda:0")
    return name


def environment(device: str) -> dict[str, Any]:
    """The versions, threads and device that a comparison ran with."""
    is_cuda = torch.device(device).type == "cuda"
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "pandas": version("pandas"),
        "platform": platform.platform(),
        "threads": torch.get_num_threads(),
        "device_name": torch.cuda.get_device_name(device) if is_cuda else platform.processor() or platform.machine(),
    }
