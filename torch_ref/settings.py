"""PyTorch's global settings: set for arithmetic whose rounding can be bounded, and restored afterwards."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

# cuBLAS is deterministic only with a fixed workspace, which it reads from the environment:
# https://docs.nvidia.com/cuda/cublas/#results-reproducibility
_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


@contextmanager
def exact_settings(
    device: torch.device, threads: int | None = None, *, deterministic: bool = True, tf32: bool = False
) -> Iterator[None]:
    """Within it: no bfloat16 in place of float32, nor TF32 unless `tf32`, no autocast, gradients on, and `threads`, if not None.

    With `deterministic` a call that has no deterministic algorithm raises RuntimeError.

    The caller's settings are restored on exit, also after an exception.
    """
    precisions: tuple[Any, ...] = (
        torch.backends.cuda.matmul,
        torch.backends.cudnn.conv,  # type: ignore[attr-defined]    # made at run time
        torch.backends.cudnn.rnn,
        torch.backends.mkldnn.matmul,  # type: ignore[attr-defined]
    )
    precisions_before = [backend.fp32_precision for backend in precisions]
    deterministic_before = torch.get_deterministic_debug_mode()
    workspace_before, threads_before = os.environ.get(_WORKSPACE), torch.get_num_threads()
    try:
        if threads is not None:
            torch.set_num_threads(threads)
        for backend in precisions:
            backend.fp32_precision = "tf32" if tf32 else "ieee"
        if deterministic:
            torch.set_deterministic_debug_mode("error")      # use_deterministic_algorithms does the same, and imports the compiler first
        if device.type == "cuda":
            os.environ.setdefault(_WORKSPACE, ":4096:8")
        with torch.autocast(device.type, enabled=False), torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        if threads is not None:
            torch.set_num_threads(threads_before)
        for backend, precision in zip(precisions, precisions_before, strict=True):
            backend.fp32_precision = "none"      # inherits, as it may have done before; set it only if the inherited value is another
            if backend.fp32_precision != precision:
                backend.fp32_precision = precision
        torch.set_deterministic_debug_mode(deterministic_before)
        if workspace_before is None:
            os.environ.pop(_WORKSPACE, None)
