"""The hand-written side as an `Implementation`."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..problem.problem import Problem
from ..support.arrays import Array, Batch
from ..support.boundary import public_methods
from ..support.packages import beside
from .interface import PHASES, InBlocks, StepRecord, made_anew, stacked

if TYPE_CHECKING:
    import manual
else:
    manual = beside("manual")


@public_methods
class Manual(InBlocks):
    """`manual.Network`, trained with the problem's optimiser of `manual` on its loss.

    It shows the phases in `show`, activations and errors only with `stages`. Where gradients are accumulated over parts of a batch, it
    shows no stages, since there are none of the whole batch.
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
        self._buffers = list(problem.buffer_shapes())
        self.stages = stages and problem.accumulate == 1
        self._made = made_anew(self.show, self.stages)
        self.optimizer = self._fresh_optimizer()

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        """Copy these parameters and buffers, and start a fresh optimiser."""
        self.network.load_state_dict(params)
        self.optimizer = self._fresh_optimizer()

    def state_dict(self) -> dict[str, Array]:
        """Return copies of the parameters and buffers by name."""
        return self.network.state_dict()

    def step(self, x: Array, y: Array, masks: Mapping[str, Any] | None = None) -> StepRecord:
        """Make one step of training on inputs x (n, in) and targets y, (n, k) or class indices (n,)."""
        return self.steps([(x, y) if masks is None else (x, y, masks)]).at(0)

    def steps(self, batches: Sequence[Batch], before: Mapping[str, Array] | None = None) -> StepRecord:
        """Make a step on each batch, all of one shape, each from the parameters stacked in `before`, if any; return the records stacked."""
        own = self.network.parameters()
        columns: dict[str, list[Any]] = {}
        for i, batch in enumerate(batches):
            if before is not None:
                for name, array in own.items():
                    array[...] = before[name][i]
            for phase, shown in self._step(*batch).items():
                columns.setdefault(phase, []).append(shown)
        return StepRecord(**{phase: stacked(column) for phase, column in columns.items()})

    def _step(self, x: Array, y: Array, masks: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Make one step, and return what is shown of it, by phase."""
        problem, network = self.problem, self.network
        if problem.accumulate == 1:
            output, loss, grads = network.gradients(x, y, problem.loss, reduction=problem.reduction, masks=masks)
        else:
            options: dict[str, Any] = {"reduction": problem.reduction, "masks": masks, "parts": problem.accumulate}
            output, loss, grads = manual.accumulated_gradients(network, x, y, problem.loss, **options)
        made = {"output": output, "loss": loss, "grads": grads, "deltas": self.optimizer.step(network, grads)}
        if self.stages:
            made["activations"], made["errors"] = self._stages()
        shown = {phase: made[phase] for phase in self._made}
        if "params" in self.show:
            shown["params"] = {name: array.copy() for name, array in network.parameters().items()}
        if problem.slots:
            shown["state"] = {name: array.copy() for name, array in self.optimizer.flat_state().items()}
        if self._buffers:
            buffers = network.buffers()
            shown["buffers"] = {name: buffers[name].copy() for name in self._buffers}
        return shown

    def evaluate(self, x: Array, y: Array) -> tuple[Array, float]:
        """Return the output (n, k) for inputs x (n, in) in evaluation, and its loss against y."""
        output = self.network.predict(x)
        return output, float(manual.LOSSES[self.problem.loss].value(output, y, self.problem.reduction))

    def predict(self, x: Array) -> Array:
        """Return the output (n, k) for inputs x (n, in) in evaluation."""
        return self.network.predict(x)

    def _fresh_optimizer(self) -> manual.Optimizer:
        optimizer: manual.Optimizer = manual.OPTIMIZERS[self.problem.optimizer](self.problem.lr, **self.problem.optimizer_options)
        return optimizer

    def _stages(self) -> tuple[dict[str, Array], dict[str, Array]]:
        """Return each activation and each δ of the last step, by the index of its layer."""
        layers = [(str(index), layer) for index, layer in enumerate(self.network.layers)]
        activations = {index: layer.a.copy() for index, layer in layers if isinstance(layer, manual.Activate)}
        return activations, {index: layer.delta.copy() for index, layer in layers if isinstance(layer, manual.Linear)}
