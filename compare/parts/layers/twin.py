"""The reference of one layer on a case: PyTorch's numbers, its gradients by autograd, in the layout of the file's arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...sides.interface import Key
from ...support.arrays import Array
from .draws import Case
from .layouts import Layout
from .table import Convention, Layer

_RUNNING = ("running_mean", "running_var")


@dataclass(frozen=True)
class LayerTwin:
    """A layer's reference in one layout and by one convention."""

    row: Layer
    layout: Layout
    convention: Convention

    @property
    def said(self) -> str:
        """The layer's title, and the layout and convention where they have words."""
        return "; ".join(filter(None, (self.row.title, self.layout.said, self.convention[0])))

    @property
    def running(self) -> tuple[str, ...]:
        """The names of running averages, if the layer has them."""
        return _RUNNING if self.row.is_running else ()

    def numbers(self, case: Case, roles: Sequence[str], above: Sequence[Array], outs: Sequence[Any]) -> dict[Key, Tensor]:
        """Return the outputs, and the gradients of those roles from the gradients `above` of the outputs, or of a loss."""
        tensors = {role: torch.from_numpy(array.copy()) for role, array in case.arrays.items()}
        leaves = [tensors[role].requires_grad_() for role in roles]
        results = self._outputs(tensors, case.options, outs)
        numbers = {("outputs", name): self._turned("out", each) for name, each in results.items()}
        if not leaves:
            return numbers
        ends = [results[name] for name in self.row.outputs]
        ahead = [torch.from_numpy(each) for each in above] if above else [torch.ones_like(each) for each in ends]
        found = torch.autograd.grad(ends, leaves, ahead)
        return numbers | {("gradients", f"d{role}"): self._turned(role, grad) for role, grad in zip(roles, found, strict=True)}

    def shapes(self, case: Case, outs: Sequence[Any], *, is_turned: bool = False) -> list[tuple[int, ...]]:
        """Return the shapes of the outputs, as drawn or in the file's layout."""
        tensors = {role: torch.from_numpy(array.copy()) for role, array in case.arrays.items()}
        results = self._outputs(tensors, case.options, outs)
        ends = [results[name] for name in self.row.outputs]
        return [tuple((self._turned("out", each) if is_turned else each).shape) for each in ends]

    def _outputs(self, tensors: Mapping[str, Tensor], options: Mapping[str, Any], outs: Sequence[Any]) -> dict[str, Tensor]:
        seen = {"out": outs[0]} if self.row.sees_output else {}
        results = self.row.reference(*tensors.values(), **options, **self.convention[1], **seen)
        return dict(zip((*self.row.outputs, *self.running), results if isinstance(results, tuple) else (results,), strict=False))

    def _turned(self, role: str, tensor: Tensor) -> Tensor:
        return torch.from_numpy(self.layout.turn(role, tensor.numpy(force=True))) if role in self.layout.turns else tensor


def in_shape(value: Any, shape: tuple[int, ...]) -> Any:
    """Return a gradient in the shape of its array, if it has that but for axes of one entry; else the gradient itself."""
    own = np.shape(value) if isinstance(value, np.ndarray) else shape
    is_as_long = own != shape and [n for n in own if n > 1] == [n for n in shape if n > 1]
    return np.reshape(value, shape) if is_as_long else value
