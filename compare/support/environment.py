"""What a comparison runs with: versions, threads, device. Importing this loads no torch."""

import platform
import sys
from importlib.metadata import version
from typing import Any

from . import __version__


def environment(device: str | None = "cpu") -> dict[str, Any]:
    """The versions and the machine; with a device of torch's, torch's too if it is in use."""
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
