"""NumPy's arrays and functions on PyTorch's tensors, so that autograd sees through code that is written for NumPy."""

import copy
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

tnp: Any = import_module("torch._numpy")      # as torch.compile has it; it has no types


class _Numpy(ModuleType):
    """NumPy's names: PyTorch's function of a name where there is one, else NumPy's own."""

    def __init__(self) -> None:
        super().__init__("numpy")
        vars(self).update(add=_Add(), array=_array, asarray=_array, random=np.random)      # which draws what it draws for NumPy

    def __getattr__(self, name: str) -> Any:
        return getattr(tnp, name) if hasattr(tnp, name) else getattr(np, name)


def _array(value: Any, *arguments: Any, **named: Any) -> Any:
    """Return an array; of a list of arrays one that keeps their gradients."""
    if isinstance(value, (list, tuple)) and any(isinstance(each, (tnp.ndarray, list, tuple)) for each in value):
        return tnp.stack([_array(each) for each in value])
    return tnp.asarray(value) if isinstance(value, Tensor) else tnp.array(value, *arguments, **named)


class _Add:
    """`np.add`, and `np.add.at` as a sum of entries."""

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return tnp.add(*arguments, **named)

    @staticmethod
    def at(array: Any, index: Any, values: Any) -> None:
        """Add values to the entries at an index, as often as each comes."""
        index = index if isinstance(index, tuple) else (index,)
        tensors = tuple(torch.as_tensor(np.asarray(each)) if not isinstance(each, tnp.ndarray) else each.tensor for each in index)
        array.tensor.index_put_(tensors, tnp.asarray(values).tensor.to(array.tensor.dtype), accumulate=True)


def array_module() -> Any:
    """Return what stands in for the module numpy."""
    return _Numpy()


def kept_as_copies() -> Any:
    """Return a context in which autograd keeps copies, so that an array may be written to after what it had was used, as states[t] is."""
    return torch.autograd.graph.saved_tensors_hooks(lambda value: value.detach().clone(), lambda kept: kept)


def as_tensors(value: Any) -> Any:
    """Return a value with its arrays as PyTorch's; of an object of the file, a copy with such attributes, if one can be made."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        return tnp.asarray(torch.from_numpy(np.array(value)))
    if type(value) in (list, tuple):
        return type(value)(as_tensors(each) for each in value)
    if type(value) is dict:
        return {key: as_tensors(each) for key, each in value.items()}
    if not hasattr(value, "__dict__") or isinstance(value, (type, ModuleType, Tensor)) or callable(value):
        return value
    try:
        other = copy.copy(value)
    except Exception:      # an open file, or an object whose own `__copy__` may raise anything
        return value
    vars(other).update({name: as_tensors(each) for name, each in vars(other).items()})
    return other


def tensor_of(value: Any) -> Tensor | None:
    """Return the tensor of an array or a tensor, None for anything else."""
    if isinstance(value, tnp.ndarray):
        tensor: Tensor = value.tensor
        return tensor
    return value if isinstance(value, Tensor) else None


def as_numbers_of(tensor: Tensor, like: Any) -> Any:
    """Return a tensor as what the other is: an array or a tensor."""
    return tnp.asarray(tensor) if isinstance(like, tnp.ndarray) else tensor


def image_functions() -> Any:
    """Return what stands in for scipy.signal: the sums of products of two images, on PyTorch's tensors."""

    def correlate2d(image: Any, kernel: Any, mode: str = "full") -> Any:
        one, other = (tnp.asarray(each).tensor for each in (image, kernel))
        high, wide = other.shape
        pads = {"valid": (0, 0, 0, 0), "full": (wide - 1, wide - 1, high - 1, high - 1)}
        same = ((wide - 1) // 2, wide // 2, (high - 1) // 2, high // 2)
        padded = functional.pad(one[None, None], pads.get(mode, same))
        return tnp.asarray(functional.conv2d(padded, other[None, None])[0, 0])

    def convolve2d(image: Any, kernel: Any, mode: str = "full") -> Any:
        return correlate2d(image, tnp.asarray(tnp.asarray(kernel).tensor.flip(0, 1)), mode)

    return SimpleNamespace(correlate2d=correlate2d, convolve2d=convolve2d)
