"""The PyTorch side as an `Implementation`. Importing this module imports torch."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from ..problem.problem import Problem
from ..support.arrays import Array, Batch
from ..support.boundary import public_methods
from ..support.packages import beside
from .devices import checked_device
from .interface import PHASES, InBlocks, StepRecord, made_anew

if TYPE_CHECKING:
    import torch_ref
else:
    torch_ref = beside("torch_ref")


@public_methods
class TorchRef(InBlocks):
    """`torch_ref.Network` on `device`, trained with the problem's optimiser of `torch_ref`.

    It shows the phases in `show`, activations and errors only with `stages` or for large networks, where they make comparing cheap. Where
    gradients are accumulated over parts of a batch, it shows no stages, since there are none of the whole batch. Raises ProblemError for a
    device that cannot be used.
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
            device=checked_device(str(device)),
        )
        self.optimizer = self._fresh_optimizer()
        self._flat = _flattened(self.network)
        self._buffers = list(problem.buffer_shapes())
        self._batch: Batch | None = None
        self._tensors: tuple[Tensor, Tensor]
        self.stages = (stages or problem.is_large) and problem.accumulate == 1
        self._made = made_anew(self.show, self.stages)

    @torch.inference_mode(False)
    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        """Copy these parameters and buffers, and start a fresh optimiser."""
        self.network.load_state_dict({name: torch.tensor(array, device="cpu") for name, array in params.items()})
        self.optimizer = self._fresh_optimizer()

    def state_dict(self) -> dict[str, Array]:
        """Return copies of the parameters and buffers by name."""
        return {name: tensor.numpy(force=True).copy() for name, tensor in self.network.state_dict().items()}

    def step(self, x: Array, y: Array, masks: Mapping[str, Any] | None = None) -> StepRecord:
        """Make one step of training on inputs x (n, in) and targets y, (n, k) or class indices (n,)."""
        return self.steps([(x, y) if masks is None else (x, y, masks)]).at(0)

    def steps(self, batches: Sequence[Batch], before: Mapping[str, Array] | None = None) -> StepRecord:
        """Make a step on each batch, all of one shape, each from the parameters stacked in `before`, if any; return the records stacked."""
        if next(self.network.parameters()).data_ptr() != self._flat.tensor.data_ptr():      # this is a copy, its parameters no longer views
            self._flat = _flattened(self.network)
        starts = None if before is None else self._flat.rows(before)
        room = _Flat(self.network.parameters_by_name()) if len(batches) > 1 and "deltas" in self.show else None      # for a step's deltas
        columns: dict[str, list[Any]] = {}
        last: Batch | None = None
        with torch_ref.exact_settings(self.network.device, threads=None if self.problem.is_large else 1):
            for i, batch in enumerate(batches):
                if starts is not None:
                    self._flat.tensor.copy_(starts[i])
                if batch is not last:
                    (x, y), last = self._on_device(batch), batch
                    masks = batch[2] if len(batch) > 2 else None
                for phase, shown in self._step(x, y, masks, room).items():
                    columns.setdefault(phase, []).append(shown)
            copied = {"params", "deltas"} if room is not None else {"params"}
            shown = {phase: (self._flat.by_name if phase in copied else _stacked)(column) for phase, column in columns.items()}
        return StepRecord(**shown)

    def _step(self, x: Tensor, y: Tensor, masks: Any, room: "_Flat | None") -> dict[str, Any]:
        """Make one step, and return what is shown of it, by phase; deltas are written into `room`, or over gradients that are not shown."""
        problem, network = self.problem, self.network
        stages: dict[str, Any] | None = {} if self.stages else None
        if problem.accumulate == 1:
            output, loss, grads = network.gradients(x, y, problem.loss, reduction=problem.reduction, masks=masks, stages=stages)
        else:
            options: dict[str, Any] = {"reduction": problem.reduction, "masks": masks, "parts": problem.accumulate}
            output, loss, grads = torch_ref.accumulated_gradients(network, x, y, problem.loss, **options)
        out = room.views if room is not None else None if "grads" in self.show else grads
        made: dict[str, Any] = {"output": output, "loss": loss, "grads": grads, "deltas": self.optimizer.step(network, grads, out)}
        if stages is not None:
            made |= stages
        if room is not None:
            made["deltas"] = room.copy()
        shown = {phase: made[phase] for phase in self._made}
        if "params" in self.show:
            shown["params"] = self._flat.copy()
        if problem.slots:
            state = self.optimizer.state_dict()
            shown["state"] = {name: state[name] for name in problem.state_shapes()}
        if self._buffers:
            shown["buffers"] = {name: network.get_buffer(name).clone() for name in self._buffers}
        return shown

    @torch.inference_mode(False)
    def evaluate(self, x: Array, y: Array) -> tuple[Array, float]:
        """Return the output (n, k) for inputs x (n, in) in evaluation, and its loss against y."""
        inputs, targets = self._on_device((x, y))
        output = self.network.predict(inputs)
        return output.cpu().numpy(), float(torch_ref.LOSSES[self.problem.loss](output, targets, self.problem.reduction))

    def predict(self, x: Array) -> Array:
        """Return the output (n, k) for inputs x (n, in) in evaluation."""
        return self.network.predict(x).cpu().numpy()

    def _fresh_optimizer(self) -> torch_ref.Optimizer:
        optimizer: torch_ref.Optimizer = torch_ref.OPTIMIZERS[self.problem.optimizer](self.problem.lr, **self.problem.optimizer_options)
        return optimizer

    def _on_device(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the batch as tensors; the last batch's are reused, since full-batch training has the same in every step."""
        if self._batch is None or batch[0] is not self._batch[0] or batch[1] is not self._batch[1]:
            self._batch, self._tensors = batch, (self.network.as_tensor(batch[0]), self.network.as_targets(batch[1]))
        return self._tensors


class _Flat:
    """Tensors by name, joined in one tensor with `views` of its parts, so that one copy copies them all."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.tensor = torch.cat([tensor.detach().reshape(-1) for tensor in tensors.values()])
        self.shapes = {name: tensor.shape for name, tensor in tensors.items()}
        parts = torch.split(self.tensor, [shape.numel() for shape in self.shapes.values()])
        self.views = {name: part.view(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}
        self._array: Array | None = self.tensor.numpy() if self.tensor.device.type == "cpu" else None      # is copied faster

    def copy(self) -> Any:
        """Copy all the numbers: into a tensor, or on the CPU into bytes, which is faster."""
        return self.tensor.clone() if self._array is None else self._array.tobytes()

    def rows(self, arrays: Mapping[str, Array]) -> Tensor:
        """Join arrays (steps, …) by name to one tensor with a row for each step."""
        return self.tensor.new_tensor(np.concatenate([arrays[name].reshape(len(arrays[name]), -1) for name in self.shapes], axis=1))

    def by_name(self, copies: Sequence[Any]) -> dict[str, Array]:
        """Split the steps' copies into arrays (steps, …) by name."""
        if self._array is None:
            rows = torch.stack(list(copies)).cpu().numpy()
        else:
            rows = np.frombuffer(bytearray().join(copies), self._array.dtype).reshape(len(copies), -1)
        parts = np.split(rows, np.cumsum([shape.numel() for shape in self.shapes.values()])[:-1], axis=1)
        return {name: part.reshape(-1, *shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}


def _flattened(network: nn.Module) -> _Flat:
    """Make the network's parameters views of one tensor, and return it."""
    params = dict(network.named_parameters())
    flat = _Flat(params)
    for name, param in params.items():
        param.data = flat.views[name]
    return flat


def _stacked(values: Sequence[Any]) -> Any:
    if isinstance(values[0], dict):
        return {name: _stacked([value[name] for value in values]) for name in values[0]}
    if len(values) == 1:
        return values[0].numpy(force=True)[None]
    if values[0].ndim == 0:
        return torch.stack(list(values)).numpy(force=True)
    return torch.cat(list(values)).reshape(len(values), *values[0].shape).numpy(force=True)      # `stack`, twice as fast
