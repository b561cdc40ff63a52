"""The PyTorch side as an `Implementation`. Importing this module imports torch."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import torch_ref
from compare.implementation import PHASES, Array, Batch, InBlocks, StepRecord
from compare.problem import Problem


class TorchRef(InBlocks):
    """`torch_ref.Network` on `device`, trained with `torch_ref.SGD`; with `stages`, it shows activations and errors too."""

    @torch.inference_mode(False)
    def __init__(self, problem: Problem, *, device: str | torch.device = "cpu", stages: bool = False) -> None:
        self.network = torch_ref.Network(
            problem.sizes, problem.activations, bias=problem.bias, dtype=problem.dtype, device=device
        )
        self.sgd = torch_ref.SGD(problem.lr)
        self._flat = _flattened(dict(self.network.named_parameters()))
        self.loss = problem.loss
        self._batch: Batch | None = None
        self._tensors: tuple[Tensor, Tensor]
        self._activations: dict[str, Tensor] = {}
        self._errors: dict[str, Tensor] = {}
        self._order = [linear for linear, _, _ in problem.layers]      # errors come last layer first, and are shown first layer first
        if stages:
            for index, layer in self.network.named_children():
                layer.register_forward_hook(partial(self._look, index))

    @torch.inference_mode(False)
    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        """Take over these parameters, by copy."""
        self.network.load_state_dict({name: torch.tensor(array, device="cpu") for name, array in params.items()})

    def state_dict(self) -> dict[str, Array]:
        """Copies of the parameters by name."""
        return {name: tensor.numpy(force=True).copy() for name, tensor in self.network.named_parameters()}

    def step(self, x: Array, y: Array) -> StepRecord:
        """One step of training on inputs x (n, in) and targets y (n, k)."""
        return self.steps([(x, y)]).at(0)

    def steps(self, batches: Sequence[Batch], before: Mapping[str, Array] | None = None) -> StepRecord:
        """A step of training on each batch, each from the parameters in `before`, if given; the records are stacked."""
        if next(self.network.parameters()).data_ptr() != self._flat.data_ptr():      # this is a copy, and its parameters no longer views
            self._flat = _flattened(dict(self.network.named_parameters()))
        starts = None if before is None else self._flat.new_tensor(self._flat_rows(before))
        array = self._flat.numpy() if self._flat.device.type == "cpu" else None      # the same memory, copied faster
        columns: dict[str, list[Any]] = {phase: [] for phase in PHASES}
        with torch_ref.exact_settings(self.network.device):
            for i, batch in enumerate(batches):
                if starts is not None:
                    self._flat.copy_(starts[i])
                output, loss, grads = self.network.gradients(*self._on_device(batch), self.loss)
                columns["output"].append(output)
                columns["loss"].append(loss)
                columns["grads"].append(grads)
                columns["deltas"].append(self.sgd.step(self.network, grads))
                columns["params"].append(self._flat.clone() if array is None else array.copy())
                if self._errors:
                    columns["activations"].append(dict(self._activations))
                    columns["errors"].append({index: self._errors[index] for index in self._order})
            fields = {phase: _stacked(column) for phase, column in columns.items() if column}
        fields["params"] = self._by_name(fields["params"])
        return StepRecord(**fields)

    @torch.inference_mode(False)
    def evaluate(self, x: Array, y: Array) -> tuple[Array, float]:
        """The output (n, k) for inputs x (n, in), and its loss against y (n, k)."""
        inputs, targets = self._on_device((x, y))
        output = self.network.predict(inputs)
        return output.cpu().numpy(), float(torch_ref.LOSSES[self.loss](output, targets))

    def predict(self, x: Array) -> Array:
        """The output (n, k) for inputs x (n, in)."""
        outputs: Array = self.network.predict(x).cpu().numpy()
        return outputs

    def _flat_rows(self, params: Mapping[str, Array]) -> Array:
        """Parameters (steps, …) by name as rows of one array, in the order of the flat tensor."""
        return np.concatenate([params[name].reshape(len(params[name]), -1) for name, _ in self.network.named_parameters()], axis=1)

    def _by_name(self, flat: Array) -> dict[str, Array]:
        """Parameters (steps, …) by name, given them flat (steps, number of parameters)."""
        shapes = {name: tensor.shape for name, tensor in self.network.named_parameters()}
        ends = np.cumsum([shape.numel() for shape in shapes.values()])
        parts = np.split(flat, ends[:-1], axis=1)
        return {name: part.reshape(-1, *shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}

    def _look(self, index: str, layer: nn.Module, inputs: Any, output: Tensor) -> None:
        """Keep an activation's output, and have autograd hand over the error that reaches a linear layer's."""
        if isinstance(layer, torch_ref.Linear):
            if output.requires_grad:
                output.register_hook(partial(self._errors.__setitem__, index))  # type: ignore[no-untyped-call]
        else:
            self._activations[index] = output.detach()

    def _on_device(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The batch as tensors; the last one's are kept, since full-batch training asks for the same every time."""
        if self._batch is None or batch[0] is not self._batch[0] or batch[1] is not self._batch[1]:
            self._batch, self._tensors = batch, (self.network.as_tensor(batch[0]), self.network.as_tensor(batch[1]))
        return self._tensors


def _flattened(params: Mapping[str, nn.Parameter]) -> Tensor:
    """All parameters in one tensor, of which they become views: a copy of it is a copy of them all."""
    flat = torch.cat([param.detach().reshape(-1) for param in params.values()])
    start = 0
    for param in params.values():
        param.data = flat[start : start + param.numel()].view_as(param)
        start += param.numel()
    return flat


def _stacked(values: Sequence[Any]) -> Any:
    if isinstance(values[0], dict):
        return {name: _stacked([value[name] for value in values]) for name in values[0]}
    if isinstance(values[0], np.ndarray):
        return np.array(values)
    if values[0].ndim == 0:
        return torch.stack(list(values)).cpu().numpy()
    return torch.cat(list(values)).reshape(len(values), *values[0].shape).cpu().numpy()      # `stack`, twice as fast
