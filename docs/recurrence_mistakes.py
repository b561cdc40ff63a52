"""The mistakes of docs/recurrence.md, each in a small network that reads digits two rows at a time, measured beside PyTorch.

`python docs/recurrence_mistakes.py` prints the tables.
"""

from typing import Any

import numpy as np
import torch
from deltas_off import table

import manual
import torch_ref
from compare import ByHand, Problem
from data import DIGITS_CSV, load_digits
from manual import GRU, LSTM, SGD
from manual.arrays import Array
from manual.networks import drawing
from manual.recurrence import Recurrent

NAMES = "0.weight", "1.weight_ih_l0", "1.weight_hh_l0", "1.bias_hh_l0"      # the parameters that are shown


class Steps(LSTM):
    """The layer, with a method for each line in which a mistake is made."""

    def gradients(self, error: Array) -> dict[str, Array]:
        """Return the gradients of the parameters."""
        errors, weight = self.from_outside(error), self.by_gate(self.weight_hh_l0)
        f, o, tanh_c = self.squashed[1], self.squashed[3], self.tanh_c[1:]
        delta = self.slopes(*self.squashed)
        dh = dc = np.zeros_like(self.h[0])
        for t in reversed(range(len(errors))):
            dh = dh + errors[t]
            dc = dc + dh * o[t] * (1 - tanh_c[t] ** 2)
            delta[:3, t] *= dc
            delta[3, t] *= dh
            dh, dc = self.carried((delta[:, t] @ weight).sum(axis=0), dc * f[t])
        return self.weight_gradients(delta, delta)

    def slopes(self, i: Array, f: Array, g: Array, o: Array) -> Array:
        """Return ∂c/∂z of i, f and g, and ∂h/∂z of o, of all steps."""
        return np.stack([g * i * (1 - i), self.c[:-1] * f * (1 - f), i * (1 - g * g), self.tanh_c[1:] * o * (1 - o)])

    def carried(self, dh: Array, dc: Array) -> tuple[Array, Array]:
        """Return what goes back to the step before."""
        return dh, dc


class OneStep(Steps):
    """No error goes back to the step before."""

    def carried(self, dh: Array, dc: Array) -> tuple[Array, Array]:
        """Return none."""
        return 0 * dh, 0 * dc


class NoCell(Steps):
    """The error goes back through the state, and not through the cell."""

    def carried(self, dh: Array, dc: Array) -> tuple[Array, Array]:
        """Return one of two."""
        return dh, 0 * dc


class CellAfter(Steps):
    """The gradient of f is taken with the cell after the step."""

    def slopes(self, i: Array, f: Array, g: Array, o: Array) -> Array:
        """Return c_t in place of c_{t−1}."""
        slopes = super().slopes(i, f, g, o)
        slopes[1] = self.c[1:] * f * (1 - f)
        return slopes


class FirstStepOnly(Steps):
    """In the loop over the steps the weights' gradients are replaced, and not added up: that of the first step is left."""

    def weight_gradients(self, delta: Array, delta_h: Array) -> dict[str, Array]:
        """Return the gradients of the first step, and leave the δ of all."""
        super().weight_gradients(delta, delta_h)
        right, x, h = self.delta, self.x, self.h
        self.x, self.h = x[: h.shape[1]], h[:2]
        grads = super().weight_gradients(delta[:, :1], delta_h[:, :1])
        self.delta, self.x, self.h = right, x, h
        return grads


class StateAfter(Steps):
    """The gradient of W_hh is taken with the state after the step."""

    def weight_gradients(self, delta: Array, delta_h: Array) -> dict[str, Array]:
        """Return δᵀ h_t in place of δᵀ h_{t−1}."""
        h, self.h = self.h, np.concatenate([self.h[1:], self.h[-1:]])
        grads = super().weight_gradients(delta, delta_h)
        self.h = h
        return grads


class StateKept(LSTM):
    """A batch begins with the last state of the batch before, and not with 0."""

    def from_inputs(self, x: Array, *biases: Array | None) -> Array:
        """Return the sums over the inputs, and set h₀."""
        before = self.h[-1].copy() if hasattr(self, "h") else 0
        z = super().from_inputs(x, *biases)
        self.h[0] = before
        return z


class ResetForgotten(GRU):
    """The gradients of the state's weights and bias are taken with δ, in which r is missing at n."""

    def gradients(self, error: Array) -> dict[str, Array]:
        """Return two that are right, and two of δ in place of δʰ."""
        grads, h = super().gradients(error), self.h[:-1].reshape(-1, self.h.shape[2])
        weight = (self.delta.swapaxes(1, 2) @ h).reshape(self.weight_hh_l0.shape)
        return grads | {"weight_hh_l0": weight, "bias_hh_l0": self.delta.sum(axis=1).ravel()}


def layers(package: Any, array: Any, kind: Any) -> Any:
    """Return the network of one of the two packages: a linear layer of the pixels, one that reads, and the scores."""
    rows = 10 * (3 if issubclass(kind, GRU | torch_ref.GRU) else 4)
    recurrent = kind(array(rows, 8), array(rows, 10), array(rows), array(rows), last=True)
    return package.Sequential(package.Linear(array(8, 16), array(8)), recurrent, package.Linear(array(10, 10), array(10)))


def network(kind: type[Recurrent]) -> ByHand:
    """Return the network by hand, with this layer."""
    return ByHand(layers(manual, drawing(seed=3), kind), "cross_entropy", SGD(0.5))


def main() -> None:
    """Print what is seen in the first two steps, of the LSTM and of the GRU."""
    digits = load_digits(DIGITS_CSV)
    x, y = digits.images.reshape(-1, 4, 16), digits.digits      # four steps of two rows
    batches = [(x[at : at + 16], y[at : at + 16]) for at in (0, 16, 32)]
    mistakes: dict[str, tuple[type[Recurrent], ...]] = {
        "LSTM": (OneStep, NoCell, CellAfter, FirstStepOnly, StateAfter, StateKept),
        "GRU": (ResetForgotten,),
    }
    tables = []
    for name, kinds in mistakes.items():
        draw = drawing(seed=3)
        module = layers(torch_ref, lambda *shape, draw=draw: torch.tensor(draw(*shape)), getattr(torch_ref, name))
        problem = Problem.of(module, batches=batches, loss="cross_entropy", lr=0.5, dtype="float64")
        sides = {f"{name}, right": network(getattr(manual, name))} | {each.__name__: network(each) for each in kinds}
        tables.append(table(sides, problem, NAMES, steps=2))
    print("\n\n".join(tables))


if __name__ == "__main__":
    main()
