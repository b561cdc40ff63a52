"""The environment of a comparison: versions, threads, device. Importing this module does not import torch."""

import platform
import sys
from importlib.metadata import version
from typing import Any

from . import __version__


def environment(device: str | None = "cpu") -> dict[str, Any]:
    """Return the versions and the machine; with a torch device also torch's version and threads, if torch is imported."""
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "backprop-compare": __version__,
        **{name: version(name) for name in ("numpy", "pandas", "safetensors")},
        "platform": platform.platform(),
        "device_name": platform.processor() or platform.machine(),
    }
    torch = sys.modules.get("torch")
    if torch is not None and device is not None:
        found |= {"torch": torch.__version__, "threads": torch.get_num_threads()}
        if torch.device(device).type == "cuda":
            found["device_name"] = torch.cuda.get_device_name(device)
    return found
