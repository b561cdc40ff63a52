"""The hand-written side as an `Implementation`."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

import manual
from compare.implementation import PHASES, Array, Batch, InBlocks, StepRecord
from compare.problem import Problem


class Manual(InBlocks):
    """`manual.Network`, trained as it reads, with the problem's optimiser of `manual` on its loss.

    It shows the phases in `show`, with `stages` activations and errors too. Where gradients are accumulated over parts of a batch, there
    are no stages of the whole batch to show.
    """

    def __init__(self, problem: Problem, *, stages: bool = False, show: Collection[str] = PHASES) -> None:
        self.problem = problem
        self.show = frozenset(show)
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

    def parameter(self, name: str) -> Array:
        """The parameter of that name as it stands; the side's own."""
        return self.network.parameters()[name]

    def step(self, x: Array, y: Array, masks: Mapping[str, Any] | None = None) -> StepRecord:
        """One step of training on inputs x (n, in) and targets y, (n, k) or class indices (n,)."""
        return self.steps([(x, y) if masks is None else (x, y, masks)]).at(0)

    def steps(self, batches: Sequence[Batch], before: Mapping[str, Array] | None = None) -> StepRecord:
        """A step of training on each batch, all of one shape, each from the parameters in `before`, if given; the records are stacked."""
        own = self.network.parameters()
        columns: dict[str, Any] = {}
        for i, batch in enumerate(batches):
            if before is not None:
                for name, array in own.items():
                    array[...] = before[name][i]
            for phase, shown in self._step(*batch).items():
                if i == 0:
                    columns[phase] = _rows(shown, len(batches), phase in CARRIED)
                _put(columns[phase], i, shown)
        return StepRecord(**columns)

    def _step(self, x: Array, y: Array, masks: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One step; what is shown of it, by phase: arrays that are fresh, but for those that are carried on."""
        problem, network = self.problem, self.network
        if problem.accumulate > 1:
            output, loss, grads = manual.accumulated_gradients(
                network, x, y, problem.loss, parts=problem.accumulate, reduction=problem.reduction, masks=masks
            )
        else:
            output, loss, grads = network.gradients(x, y, problem.loss, reduction=problem.reduction, masks=masks)
        shown = {"output": output, "loss": loss, "grads": grads}
        if self.stages:
            shown["activations"], shown["errors"] = self._stages()
        shown["deltas"] = self.optimizer.step(network, grads)
        shown = {phase: array for phase, array in shown.items() if phase in self.show}
        if "params" in self.show:
            shown["params"] = network.parameters()
        if problem.slots:
            shown["state"] = self.optimizer.kept()
        if problem.buffer_shapes():
            shown["buffers"] = {name: array for name, array in network.buffers().items() if array.ndim}
        return shown

    def evaluate(self, x: Array, y: Array) -> tuple[Array, float]:
        """The output (n, k) for inputs x (n, in) in evaluation, and its loss against y."""
        output = self.network.predict(x)
        return output, float(manual.LOSSES[self.problem.loss].value(output, y, self.problem.reduction))

    def checkpoint(self) -> Callable[[], None]:
        """A function that puts the side back to where it stands now."""
        network, optimizer = self.network.state_dict(), self.optimizer.state_dict()

        def restore() -> None:
            self.network.load_state_dict(network)
            self.optimizer.load_state_dict(optimizer, self.network)

        return restore

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
                errors[str(index)] = layer.delta.copy()
            elif isinstance(layer, manual.Activate):
                activations[str(index)] = layer.a.copy()
        return activations, errors


CARRIED = ("params", "state", "buffers")      # of which the side's own arrays are shown, and change with the next step


def _rows(shown: Any, n: int, is_carried: bool) -> Any:
    """Room for n steps of such arrays; for one step of fresh ones they are it."""
    if isinstance(shown, Mapping):
        return {name: _rows(array, n, is_carried) for name, array in shown.items()}
    return np.asarray(shown)[None] if n == 1 and not is_carried else np.empty((n, *np.shape(shown)), shown.dtype)


def _put(rows: Any, i: int, shown: Any) -> None:
    if isinstance(shown, Mapping):
        for name, array in shown.items():
            rows[name][i] = array
    elif len(rows) > 1 or rows.base is not shown:
        rows[i] = shown
