"""The PyTorch side as an `Implementation`. Importing this module imports torch."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import torch_ref
from compare.implementation import PHASES, Array, Batch, InBlocks, StepRecord
from compare.problem import Problem


class TorchRef(InBlocks):
    """`torch_ref.Network` on `device`, trained with the problem's optimiser of `torch_ref`.

    It shows the phases in `show`; with `stages`, activations and errors too, and also for large networks, since they make comparing cheap.
    Where gradients are accumulated over parts of a batch, there are no stages of the whole batch to show.
    """

    @torch.inference_mode(False)
    def __init__(
        self, problem: Problem, *, device: str | torch.device = "cpu", stages: bool = False, show: Collection[str] = PHASES
    ) -> None:
        self.problem = problem
        self.show = frozenset(show)
        self.network = torch_ref.Network(
            problem.sizes,
            problem.activations,
            bias=problem.bias,
            normalization=problem.normalization,
            dropout=problem.dropout,
            dtype=problem.dtype,
            device=device,
        )
        self.optimizer = self._fresh_optimizer()
        self._flat = _flattened(self.network.parameters_by_name())
        self._batch: Batch | None = None
        self._tensors: tuple[Tensor, Tensor]
        self.stages = (stages or problem.is_large) and problem.accumulate == 1

    @torch.inference_mode(False)
    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        """Take over these parameters and buffers, by copy, and start afresh."""
        self.network.load_state_dict({name: torch.tensor(array, device="cpu") for name, array in params.items()})
        self.optimizer = self._fresh_optimizer()

    def state_dict(self) -> dict[str, Array]:
        """Copies of the parameters and buffers by name."""
        return {name: tensor.numpy(force=True).copy() for name, tensor in self.network.state_dict().items()}

    def parameter(self, name: str) -> Array:
        """The parameter of that name as it stands; on the CPU the side's own."""
        array: Array = self.network.parameters_by_name()[name].numpy(force=True)
        return array

    def step(self, x: Array, y: Array, masks: Mapping[str, Any] | None = None) -> StepRecord:
        """One step of training on inputs x (n, in) and targets y, (n, k) or class indices (n,)."""
        return self.steps([(x, y) if masks is None else (x, y, masks)]).at(0)

    def steps(self, batches: Sequence[Batch], before: Mapping[str, Array] | None = None) -> StepRecord:
        """A step of training on each batch, each from the parameters in `before`, if given; the records are stacked."""
        if next(self.network.parameters()).data_ptr() != self._flat.data_ptr():      # this is a copy, and its parameters no longer views
            self._flat = _flattened(self.network.parameters_by_name())
        problem, show = self.problem, self.show
        starts = None if before is None else self._flat.new_tensor(self._flat_rows(before))
        array = self._flat.numpy() if self._flat.device.type == "cpu" else None      # the same memory, copied faster
        columns: dict[str, list[Any]] = {phase: [] for phase in PHASES}
        with torch_ref.exact_settings(self.network.device):
            for i, batch in enumerate(batches):
                if starts is not None:
                    self._flat.copy_(starts[i])
                stages: dict[str, Any] = {}
                output, loss, grads = self._gradients(batch, stages if self.stages else None)
                deltas = self.optimizer.step(self.network, grads)
                for phase, shown in ("output", output), ("loss", loss), ("grads", grads), ("deltas", deltas), *stages.items():
                    if phase in show:
                        columns[phase].append(shown)
                if "params" in show:
                    columns["params"].append(self._flat.clone() if array is None else array.copy())
                if problem.slots:
                    state = self.optimizer.state_dict()
                    columns["state"].append({name: state[name] for name in problem.state_shapes()})
                if problem.buffer_shapes():
                    columns["buffers"].append({name: self.network.get_buffer(name).clone() for name in problem.buffer_shapes()})
            fields = {phase: _stacked(column) for phase, column in columns.items() if column}
        if "params" in fields:
            fields["params"] = self._by_name(fields["params"])
        return StepRecord(**fields)

    @torch.inference_mode(False)
    def checkpoint(self) -> Callable[[], None]:
        """A function that puts the side back to where it stands now."""
        network = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
        optimizer = self.optimizer.state_dict()

        @torch.inference_mode(False)
        def restore() -> None:
            self.network.load_state_dict(network)
            self.optimizer.load_state_dict(optimizer, self.network)

        return restore

    @torch.inference_mode(False)
    def evaluate(self, x: Array, y: Array) -> tuple[Array, float]:
        """The output (n, k) for inputs x (n, in) in evaluation, and its loss against y."""
        inputs, targets = self._on_device((x, y))
        output = self.network.predict(inputs)
        return output.cpu().numpy(), float(torch_ref.LOSSES[self.problem.loss](output, targets, self.problem.reduction))

    def predict(self, x: Array) -> Array:
        """The output (n, k) for inputs x (n, in) in evaluation."""
        outputs: Array = self.network.predict(x).cpu().numpy()
        return outputs

    def _gradients(self, batch: Batch, stages: dict[str, Any] | None) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        problem = self.problem
        x, y = self._on_device(batch)
        options: dict[str, Any] = {"reduction": problem.reduction, "masks": batch[2] if len(batch) > 2 else None}
        if problem.accumulate > 1:
            return torch_ref.accumulated_gradients(self.network, x, y, problem.loss, parts=problem.accumulate, **options)
        return self.network.gradients(x, y, problem.loss, **options, stages=stages)

    def _fresh_optimizer(self) -> torch_ref.Optimizer:
        optimizer: torch_ref.Optimizer = torch_ref.OPTIMIZERS[self.problem.optimizer](self.problem.lr, **self.problem.optimizer_options)
        return optimizer

    def _flat_rows(self, params: Mapping[str, Array]) -> Array:
        """Parameters (steps, …) by name as rows of one array, in the order of the flat tensor."""
        return np.concatenate([params[name].reshape(len(params[name]), -1) for name in self.network.parameters_by_name()], axis=1)

    def _by_name(self, flat: Array) -> dict[str, Array]:
        """Parameters (steps, …) by name, given them flat (steps, number of parameters)."""
        shapes = {name: tensor.shape for name, tensor in self.network.parameters_by_name().items()}
        ends = np.cumsum([shape.numel() for shape in shapes.values()])
        parts = np.split(flat, ends[:-1], axis=1)
        return {name: part.reshape(-1, *shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}

    def _on_device(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The batch as tensors; the last one's are kept, since full-batch training asks for the same every time."""
        if self._batch is None or batch[0] is not self._batch[0] or batch[1] is not self._batch[1]:
            self._batch, self._tensors = batch, (self.network.as_tensor(batch[0]), self.network.as_targets(batch[1]))
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
    if len(values) == 1:
        return values[0].cpu().numpy()[None] if isinstance(values[0], Tensor) else values[0][None]
    if isinstance(values[0], np.ndarray):
        return np.array(values)
    if values[0].ndim == 0:
        return torch.stack(list(values)).cpu().numpy()
    return torch.cat(list(values)).reshape(len(values), *values[0].shape).cpu().numpy()      # `stack`, twice as fast
