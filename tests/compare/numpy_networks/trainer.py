"""A trainer in plain NumPy for any network of layers with their ways back, beside a module of PyTorch's."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compare import StepRecord
from compare.support.arrays import Array
from tests.compare.loss_forms import loss_forms
from tests.compare.numpy_networks.passes import Back, Pass, Ways
from tests.compare.numpy_networks.updates import State, Update

Forward = Callable[[Pass, Array], tuple[Array, Back]]
MEANS = ("error", "reciprocal", "grads", "update")      # where 1/N goes


@dataclass
class Trainer:
    """A trainer of a network. `ways` choose among the equal ways; what it shows beyond output, loss, gradients and parameters is drawn.

    `stages` are the paths that are shown. `apart` says whether records may pass one by one, which batch normalisation does not allow.
    `faults` are factors of gradients, by name, in every step from `fault_at` on.
    """

    forward: Forward
    loss: str
    update: Update
    ways: Ways
    stages: Collection[str] = ()
    shows_state: bool = True
    shows_deltas: bool = False
    apart: bool = True
    faults: Mapping[str, float] = field(default_factory=dict)
    fault_at: int = 1
    params: dict[str, Array] = field(default_factory=dict)
    buffers: dict[str, Any] = field(default_factory=dict)
    state: dict[str, State] = field(default_factory=dict)
    steps_taken: int = 0

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        """Copy parameters and buffers, and start the update afresh."""
        is_buffer = {name: name.rpartition(".")[2] in ("running_mean", "running_var", "num_batches_tracked") for name in params}
        self.params = {name: each.copy() for name, each in params.items() if not is_buffer[name]}
        self.buffers = {name: each.copy() for name, each in params.items() if is_buffer[name]}
        self.state, self.steps_taken = {}, 0

    def step(self, x: Array, y: Array) -> StepRecord:
        """Make one step, and show it."""
        self.steps_taken += 1
        self.buffers = dict(self.buffers)      # the last record's stay what they are
        mean_in = self.ways.choose("mean", MEANS)
        n = y.size      # of elements, or of records that have a class each
        passes, outputs, terms = [], [], []
        for rows in self._parts(len(x)):
            p = Pass(self.params, self.ways, self.buffers)
            output, back = self.forward(p, x[rows])
            # of the loss: terms ℓ, and ∂ℓ/∂ŷ
            flat, target = output.reshape(-1, output.shape[-1]), y[rows].reshape(-1, *y.shape[output.ndim - 1 :])
            term, derivative = self.ways.choose("loss", loss_forms(self.loss))
            error = derivative(flat, target).reshape(output.shape)
            back({"error": error / n, "reciprocal": error * (1 / n)}.get(mean_in, error))
            passes.append(p)
            outputs.append(output)
            terms.append(term(flat, target).reshape(-1))
        loss = self.ways.sum("loss", np.concatenate(terms), (0,))[0] / n
        grads = {name: sum((p.grads[name] for p in passes[1:]), passes[0].grads[name]) for name in self.params}
        if mean_in == "grads":
            grads = {name: grad / n for name, grad in grads.items()}
        if self.steps_taken >= self.fault_at:
            grads |= {name: grads[name] * factor for name, factor in self.faults.items()}
        deltas = self._updated(grads, n if mean_in == "update" else 1)
        is_sum = mean_in in ("grads", "update")
        errors = _together([p.errors for p in passes], self.stages)
        state = {f"{name}.{slot}": each for name, slots in self.state.items() for slot, each in slots.items()}
        return StepRecord(
            activations=_together([p.activations for p in passes], self.stages) or None,
            buffers=(self.buffers or None) if self.shows_state else None,
            output=np.concatenate(outputs),
            loss=np.asarray(loss, dtype=outputs[0].dtype),
            errors={path: each / n if is_sum else each for path, each in errors.items()} or None,
            grads=None if mean_in == "update" else grads,      # without 1/N they are another convention's
            state=(state or None) if self.shows_state else None,
            deltas=deltas if self.shows_deltas else None,
            params=self.params,
        )

    def predict(self, x: Array) -> Array:
        """Return the output in evaluation."""
        return self.forward(Pass(self.params, self.ways, dict(self.buffers), training=False), x)[0]

    def _parts(self, n: int) -> list[slice]:
        """All records at once, one by one, or in two halves."""
        size = self.ways.choose("records", (n, 1, (n + 1) // 2)) if self.apart else n
        return [slice(i, i + size) for i in range(0, n, size)]

    def _updated(self, grads: Mapping[str, Array], n: int) -> dict[str, Array]:
        deltas, params = {}, {}
        for name, g in grads.items():
            made = self.update(self.params[name], g, self.state.get(name, {}), self.steps_taken, n)
            params[name], deltas[name], self.state[name] = made
        self.params = params
        return deltas


def _together(parts: list[dict[str, Array]], paths: Collection[str]) -> dict[str, Array]:
    """The parts of all passes, record after record."""
    return {path: np.concatenate([part[path] for part in parts]) for path in parts[0] if path in paths}
