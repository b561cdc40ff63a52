"""Hand-written trainers in plain NumPy, independent of both backends: honest ones in many forms, and faulty ones.

An honest `Variant` computes what the problem says, with its own choice of formula and of the order of summation. A fault changes
one line of it, at and after one step.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from compare import Problem, StepRecord
from compare.implementation import Array

Fault = Callable[[dict[str, Array]], None]


def naive_sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def exponential_sigmoid(z: Array) -> Array:
    return np.exp(z) / (1 + np.exp(z))


def tanh_sigmoid(z: Array) -> Array:
    return (1 + np.tanh(z / 2)) / 2


def quotient_tanh(z: Array) -> Array:
    return (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z))


def sigmoid_tanh(z: Array) -> Array:
    return 2 / (1 + np.exp(-2 * z)) - 1


FORMS: dict[str, tuple[Callable[[Array], Array], ...]] = {
    "sigmoid": (naive_sigmoid, exponential_sigmoid, tanh_sigmoid),
    "tanh": (np.tanh, quotient_tanh, sigmoid_tanh),
    "relu": (lambda z: np.maximum(z, 0), lambda z: z * (z > 0), lambda z: np.where(z > 0, z, 0).astype(z.dtype)),
    "identity": (lambda z: z, lambda z: z.copy(), lambda z: z + 0),
}

SLOPES: dict[str, tuple[Callable[[Array, Array], Array], ...]] = {
    "sigmoid": (lambda z, a: a * (1 - a), lambda z, a: a - a * a, lambda z, a: np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))) ** 2),
    "tanh": (lambda z, a: 1 - a * a, lambda z, a: (1 - a) * (1 + a), lambda z, a: 1 / np.cosh(z) ** 2),
    "relu": (lambda z, a: (z > 0) * np.ones_like(z), lambda z, a: (a > 0).astype(z.dtype), lambda z, a: np.heaviside(z, 0)),
    "identity": (lambda z, a: np.ones_like(z),) * 3,
}


def matmul_loops(a: Array, b: Array) -> Array:
    """The terms added one after the other."""
    out = np.zeros((a.shape[0], b.shape[1]), dtype=a.dtype)
    for i in range(a.shape[1]):
        out += np.outer(a[:, i], b[i])
    return out


def matmul_backwards(a: Array, b: Array) -> Array:
    return a[:, ::-1] @ b[::-1]


def matmul_chunks(a: Array, b: Array) -> Array:
    half = (a.shape[1] + 1) // 2
    return a[:, :half] @ b[:half] + a[:, half:] @ b[half:]


def matmul_einsum(a: Array, b: Array) -> Array:
    return np.einsum("ij,jk->ik", a, b)


PRODUCTS = (np.matmul, matmul_loops, matmul_backwards, matmul_chunks, matmul_einsum)


@dataclass
class Variant:
    """A trainer for the problem. `form`, `slope` and `product` choose among the equal ways, `mean_in` where 1/N goes.

    `fault` is called in every step from `fault_at` on, with the step's arrays by name: "error" (∂L/∂ŷ), then for each linear layer
    "delta i", then its gradients "i.weight" and "i.bias"; it may change them in place.
    """

    problem: Problem
    form: int = 0
    slope: int = 0
    product: int = 0
    mean_in: str = "error"
    stages: bool = False
    fault: Fault | None = None
    fault_at: int = 1
    fault_until: float = np.inf
    params: dict[str, Array] = field(default_factory=dict)
    steps_taken: int = 0

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        self.params = {name: array.copy() for name, array in params.items()}

    def forward(self, x: Array) -> tuple[list[Array], list[Array]]:
        product = PRODUCTS[self.product]
        activations, sums = [x], []
        for linear, _, name in self.problem.layers:
            z = product(activations[-1], self.params[f"{linear}.weight"].T)
            if self.problem.bias:
                z = z + self.params[f"{linear}.bias"]
            sums.append(z)
            activations.append(FORMS[name][self.form](z))
        return activations, sums

    def step(self, x: Array, y: Array) -> StepRecord:
        self.steps_taken += 1
        problem, product = self.problem, PRODUCTS[self.product]
        activations, sums = self.forward(x)
        output = activations[-1]
        half = 0.5 if problem.loss == "half_mse" else 1.0
        n = output.size
        loss = np.asarray(half * np.mean((output - y) ** 2), dtype=output.dtype)

        in_error = n if self.mean_in == "error" else 1
        in_grads = n if self.mean_in == "grads" else 1
        in_update = n if self.mean_in == "update" else 1
        arrays = {"error": (output - y) * (2 * half) / in_error}
        self._spoil(arrays, "error")
        error = arrays["error"]
        errors, grads = {}, {}
        for index in reversed(range(len(problem.layers))):
            linear, _, name = problem.layers[index]
            arrays[f"delta {linear}"] = error * SLOPES[name][self.slope](sums[index], activations[index + 1])
            self._spoil(arrays, f"delta {linear}")
            delta = arrays[f"delta {linear}"]
            errors[linear] = delta if self.mean_in == "error" else delta / n
            arrays[f"{linear}.weight"] = product(delta.T, activations[index]) / in_grads
            self._spoil(arrays, f"{linear}.weight")
            if problem.bias:
                arrays[f"{linear}.bias"] = delta.sum(axis=0) / in_grads
                self._spoil(arrays, f"{linear}.bias")
            error = product(delta, self.params[f"{linear}.weight"])
        for name in problem.shapes():
            grads[name] = arrays[name]

        deltas = {name: -(problem.lr / in_update) * grad for name, grad in grads.items()}
        for name, delta in deltas.items():
            self.params[name] = self.params[name] + delta
        shown = {name: activations[i + 1] for i, (_, name, _) in enumerate(problem.layers)}
        return StepRecord(
            activations=shown if self.stages else None,
            output=output,
            loss=loss,
            errors={linear: errors[linear] for linear, _, _ in problem.layers} if self.stages else None,
            grads=None if self.mean_in == "update" else grads,      # without 1/N they are another convention's
            deltas=deltas,
            params=self.params,
        )

    def predict(self, x: Array) -> Array:
        return self.forward(x)[0][-1]

    def _spoil(self, arrays: dict[str, Array], name: str) -> None:
        if self.fault is not None and self.fault_at <= self.steps_taken <= self.fault_until:
            one = {name: arrays[name]}
            self.fault(one)
            arrays[name] = one[name]
