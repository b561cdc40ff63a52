"""PyTorch's devices: the check that one can be used. Importing this module imports torch."""

import torch

from ..support.errors import ProblemError


def checked_device(name: str) -> str:
    """Return the name if PyTorch can compute on that device here; else raise ProblemError, which says what to do."""
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ProblemError(f"device is {name!r}; expected cpu, cuda or cuda:N") from None
    if device.type not in ("cpu", "cuda") or (device.type == "cpu" and device.index not in (None, 0)):
        raise ProblemError(f"device is {name!r}; expected cpu, cuda or cuda:N")
    if device.type == "cuda" and not torch.cuda.is_available():
        what_to_do = "expected --device cpu, or a machine with a CUDA device and a CUDA build of PyTorch"
        raise ProblemError(f"device is {name!r}, but PyTorch {torch.__version__} sees no CUDA device here; {what_to_do}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ProblemError(f"device is {name!r}, expected one of the {torch.cuda.device_count()} CUDA devices from cuda:0 on")
    return name
