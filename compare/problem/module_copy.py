"""Copies of modules that share nothing with them, in another precision, and of tensors as arrays. Importing this module imports torch."""

import copy
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedTensorMixin  # type: ignore[attr-defined]

from ..support.arrays import Array
from ..support.errors import ProblemError


def copied_module(module: nn.Module, whose: str) -> nn.Module:
    """Return a copy of the module that shares nothing with it, with the hooks of its parameters.

    Raises ProblemError for a module that cannot be copied or trained, or whose copy would still use the module itself.
    """
    who = f"{whose} ({type(module).__name__})"
    if isinstance(module, torch.jit.ScriptModule):
        raise ProblemError(f"{who} is compiled by torch.jit; expected the module that it was made from")
    for name, each in (*module.named_parameters(), *module.named_buffers()):
        if isinstance(each, UninitializedTensorMixin):
            raise ProblemError(f"{name} of {who} has no shape yet; expected a module that has been called once")
        if each.is_meta:
            raise ProblemError(f"{name} of {who} is on the meta device; expected numbers")
        if each.is_complex() and isinstance(each, nn.Parameter):
            raise ProblemError(f"{name} of {who} is complex; expected parameters of real numbers")
    own = {id(each) for each in (*module.modules(), *module.parameters(), *module.buffers())}
    for path, part in module.named_modules():
        for name, value in vars(part).items():
            if name not in ("_parameters", "_buffers", "_modules") and _keeps_hold(value, own):
                where = f"{path}.{name}".lstrip(".")
                said = f"{where} of {who} is or has a function that keeps hold of the module itself, and so would its copy"
                raise ProblemError(f"{said}; expected a method")
    try:
        copied = copy.deepcopy(module)
        for original, other in zip(module.parameters(), copied.parameters(), strict=True):
            for hook in (original._backward_hooks or {}).values():
                other.register_hook(hook)  # type: ignore[no-untyped-call]
            for hook in (getattr(original, "_post_accumulate_grad_hooks", None) or {}).values():
                other.register_post_accumulate_grad_hook(hook)  # type: ignore[no-untyped-call]
        return copied
    except Exception as error:
        said = f"{whose} ({type(module).__name__}) cannot be copied: {error}"
        raise ProblemError(f"{said}; expected a module that copy.deepcopy takes") from None


def in_dtype(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    """Convert the module's parameters and buffers of floating point in place, complex buffers to the complex dtype, and return it."""
    complex_dtype = torch.complex128 if dtype == torch.float64 else torch.complex64

    def convert(tensor: Tensor) -> Tensor:
        return tensor.to(dtype) if tensor.is_floating_point() else tensor.to(complex_dtype) if tensor.is_complex() else tensor

    module._apply(convert)  # type: ignore[no-untyped-call]
    return module


def as_array(tensor: Tensor) -> Array:
    """Return the tensor as an array, which shares its memory on the CPU; of bfloat16 as float32."""
    tensor = tensor.detach().to_dense() if tensor.layout is not torch.strided else tensor.detach()
    return (tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor).numpy(force=True)


def _keeps_hold(value: Any, own: set[int], depth: int = 4) -> bool:
    """Return whether a function, by itself or in containers, has one of these objects in its closure or its defaults."""
    if depth == 0:
        return False
    if isinstance(value, FunctionType):
        held = [*map(_contents, value.__closure__ or ()), *(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
        return any(id(each) in own or _keeps_hold(each, own, depth - 1) for each in held)
    if isinstance(value, (list, tuple, set, dict)):
        return any(_keeps_hold(each, own, depth - 1) for each in (value.values() if isinstance(value, dict) else value))
    return False


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:      # it is empty
        return None
