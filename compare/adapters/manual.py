"""The hand-written side as an `Implementation`."""

from collections.abc import Mapping, Sequence

import numpy as np

import manual
from compare.implementation import Array, Batch, InBlocks, StepRecord, stack
from compare.problem import Problem


class Manual(InBlocks):
    """`manual.Network`, trained with `manual.SGD` on the problem's loss; with `stages`, it shows activations and errors too."""

    def __init__(self, problem: Problem, *, stages: bool = False) -> None:
        self.network = manual.Network(problem.sizes, problem.activations, bias=problem.bias, dtype=problem.dtype)
        self.sgd = manual.SGD(problem.lr)
        self.loss = problem.loss
        self.stages = stages
        self._parameters = self.network.parameters()      # the network's own: they change with it

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        """Take over these parameters, by copy."""
        self.network.load_state_dict(params)

    def state_dict(self) -> dict[str, Array]:
        """Copies of the parameters by name."""
        return self.network.state_dict()

    def step(self, x: Array, y: Array) -> StepRecord:
        """One step of training on inputs x (n, in) and targets y (n, k)."""
        output, loss, grads = self.network.gradients(x, y, self.loss)
        deltas = self.sgd.step(self.network, grads)
        activations, errors = self._stages() if self.stages else (None, None)
        params = {name: array.copy() for name, array in self._parameters.items()}
        return StepRecord(activations, output, loss, errors, grads, deltas, params)

    def steps(self, batches: Sequence[Batch], before: Mapping[str, Array] | None = None) -> StepRecord:
        """A step of training on each batch, all of one shape, each from the parameters in `before`, if given; the records are stacked."""
        if self.stages or before is not None:
            return stack([self._step_from(before, i, *batch) for i, batch in enumerate(batches)])
        own, dtype = self._parameters, self.network.dtype
        output = np.empty((len(batches), *batches[0][1].shape), dtype)
        loss = np.empty(len(batches), dtype)
        grads, deltas, params = ({name: np.empty((len(batches), *array.shape), dtype) for name, array in own.items()} for _ in range(3))
        for i, (x, y) in enumerate(batches):
            output[i], loss[i], step_grads = self.network.gradients(x, y, self.loss)
            step_deltas = self.sgd.step(self.network, step_grads)
            for name, array in own.items():
                grads[name][i], deltas[name][i], params[name][i] = step_grads[name], step_deltas[name], array
        return StepRecord(output=output, loss=loss, grads=grads, deltas=deltas, params=params)

    def evaluate(self, x: Array, y: Array) -> tuple[Array, float]:
        """The output (n, k) for inputs x (n, in), and its loss against y (n, k)."""
        output = self.network.predict(x)
        return output, float(manual.LOSSES[self.loss].function(output, y))

    def predict(self, x: Array) -> Array:
        """The output (n, k) for inputs x (n, in)."""
        return self.network.predict(x)

    def _step_from(self, before: Mapping[str, Array] | None, i: int, x: Array, y: Array) -> StepRecord:
        if before is not None:
            self.load_state_dict({name: array[i] for name, array in before.items()})
        return self.step(x, y)

    def _stages(self) -> tuple[dict[str, Array], dict[str, Array]]:
        activations, errors = {}, {}
        for index, layer in enumerate(self.network.layers):
            if isinstance(layer, manual.Linear):
                errors[str(index)] = layer.delta
            else:
                activations[str(index)] = layer.a
        return activations, errors
