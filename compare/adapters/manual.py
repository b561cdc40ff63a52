"""The hand-written side as an `Implementation`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import manual
from compare.implementation import Array, Batch, InBlocks, StepRecord, stack
from compare.problem import Problem


class Manual(InBlocks):
    """`manual.Network`, trained with the problem's optimiser of `manual` on its loss; with `stages`, it shows activations and errors too.

    Where gradients are accumulated over parts of a batch, there are no stages of the whole batch to show.
    """

    def __init__(self, problem: Problem, *, stages: bool = False) -> None:
        self.problem = problem
        self.network = manual.Network(
            problem.sizes,
            problem.activations,
            bias=problem.bias,
            normalization=problem.normalization,
            dropout=problem.dropout,
            dtype=problem.dtype,
        )
        self.stages = stages and problem.accumulate == 1
        self.optimizer = self._fresh_optimizer()

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        """Take over these parameters and buffers, by copy, and start afresh."""
        self.network.load_state_dict(params)
        self.optimizer = self._fresh_optimizer()

    def state_dict(self) -> dict[str, Array]:
        """Copies of the parameters and buffers by name."""
        return self.network.state_dict()

    def step(self, x: Array, y: Array, masks: Mapping[str, Any] | None = None) -> StepRecord:
        """One step of training on inputs x (n, in) and targets y, (n, k) or class indices (n,)."""
        problem, network = self.problem, self.network
        if problem.accumulate > 1:
            output, loss, grads = manual.accumulated_gradients(
                network, x, y, problem.loss, parts=problem.accumulate, reduction=problem.reduction, masks=masks
            )
        else:
            output, loss, grads = network.gradients(x, y, problem.loss, reduction=problem.reduction, masks=masks)
        activations, errors = self._stages() if self.stages else (None, None)
        deltas = self.optimizer.step(network, grads)
        return StepRecord(
            activations,
            _copies(network.buffers(), problem.buffer_shapes()) or None,
            output,
            loss,
            errors,
            grads,
            _copies(self.optimizer.state_dict(), problem.state_shapes()) or None,
            deltas,
            _copies(network.parameters(), problem.initial_parameters),
        )

    def steps(self, batches: Sequence[Batch], before: Mapping[str, Array] | None = None) -> StepRecord:
        """A step of training on each batch, all of one shape, each from the parameters in `before`, if given; the records are stacked."""
        records = []
        for i, batch in enumerate(batches):
            if before is not None:
                for name, array in self.network.parameters().items():
                    array[...] = before[name][i]
            records.append(self.step(*batch))
        return stack(records)

    def checkpoint(self) -> Callable[[], None]:
        """A function that puts the side back to where it stands now."""
        network, optimizer = self.network.state_dict(), self.optimizer.state_dict()

        def restore() -> None:
            self.network.load_state_dict(network)
            self.optimizer.load_state_dict(optimizer, self.network)

        return restore

    def evaluate(self, x: Array, y: Array) -> tuple[Array, float]:
        """The output (n, k) for inputs x (n, in) in evaluation, and its loss against y."""
        output = self.network.predict(x)
        return output, float(manual.LOSSES[self.problem.loss].value(output, y, self.problem.reduction))

    def predict(self, x: Array) -> Array:
        """The output (n, k) for inputs x (n, in) in evaluation."""
        return self.network.predict(x)

    def _fresh_optimizer(self) -> manual.Optimizer:
        optimizer: manual.Optimizer = manual.OPTIMIZERS[self.problem.optimizer](self.problem.lr, **self.problem.optimizer_options)
        return optimizer

    def _stages(self) -> tuple[dict[str, Array], dict[str, Array]]:
        """Each activation and each δ of the last step, by the index of its layer."""
        activations, errors = {}, {}
        for index, layer in enumerate(self.network.layers):
            if isinstance(layer, manual.Linear):
                errors[str(index)] = layer.delta
            elif isinstance(layer, manual.Activate):
                activations[str(index)] = layer.a
        return activations, errors


def _copies(arrays: Mapping[str, Array], names: Mapping[str, Any]) -> dict[str, Array]:
    return {name: arrays[name].copy() for name in names}
