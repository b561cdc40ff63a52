"""The machine and the versions of the packages that were measured."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.measure import cpus

PACKAGES = ("numpy", "torch", "pandas", "scikit-learn", "jax", "jaxlib", "numba")


def environment() -> dict[str, object]:
    """Return the machine and the versions, as a dict for JSON."""
    return {
        "cpu": _cpu(),
        "cpus": cpus(),
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "platform": platform.platform(),
        "python": platform.python_version(),
        "numpy_blas": _numpy_blas(),
        "packages": {name: _version(name) for name in PACKAGES},
        "threads": "one thread: all rows in one process, pinned to one CPU; two threads: each row in a process of its own",
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _numpy_blas() -> str:
    import numpy as np

    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]  # type: ignore[call-overload]
    return f"{blas['name']} {blas['version']}"
