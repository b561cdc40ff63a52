"""Hand-written trainers in plain NumPy, independent of both backends: honest ones in many forms, and faulty ones.

An honest `Variant` computes what the problem says, with its own choice of formula and of the order of summation. A fault changes
one line of it, at and after one step.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compare import Problem, StepRecord
from compare.formulas.losses import LOSSES
from compare.lockstep.carried import initial_state
from compare.problem.problem import Layer
from compare.support.arrays import Array
from tests.compare.forms import forms, pullbacks
from tests.compare.loss_forms import loss_forms
from tests.compare.sums import PLAIN_PRODUCTS as PRODUCTS

Fault = Callable[[dict[str, Array]], None]


def chosen(ways: tuple[Any, ...], index: int) -> Any:
    """The way of that index; where there are fewer, they are counted round."""
    return ways[index % len(ways)]


def normalized(form: int, axis: int, z: Array, gamma: Array, beta: Array) -> tuple[Array, Any]:
    """γ (z − μ) / √(v + ε) + β in one of three forms, and what its way back needs."""
    mean = (z.mean(axis=axis, keepdims=True), z.sum(axis=axis, keepdims=True) / z.shape[axis])[form % 2]
    variance = (((z - mean) ** 2).mean(axis=axis, keepdims=True), z.var(axis=axis, keepdims=True))[form % 2]
    scale = (1 / np.sqrt(variance + 1e-5), (variance + 1e-5) ** -0.5)[form % 2]
    if form == 2:
        alpha = scale * gamma
        output = z * alpha + (beta - mean * alpha)
    elif form == 1:
        output = (z - mean) / np.sqrt(variance + 1e-5) * gamma + beta
    else:
        output = gamma * ((z - mean) * scale) + beta
    return output, (z, mean, variance, scale)


def normalized_back(form: int, axis: int, error: Array, gamma: Array, kept: Any) -> tuple[Array, Array, Array]:
    """The error at z, and the gradients of γ and β."""
    z, mean, _, scale = kept
    normal = (z - mean) * scale
    g = error * gamma
    n = z.shape[axis]
    if form == 2:
        inner = n * g - g.sum(axis=axis, keepdims=True) - normal * (g * normal).sum(axis=axis, keepdims=True)
        delta = scale / n * inner
    elif form == 1:
        k = ((z - mean) * g).sum(axis=axis, keepdims=True) * scale * scale / n
        delta = (g - g.mean(axis=axis, keepdims=True) - (z - mean) * k) * scale
    else:
        through_variance = (g * (z - mean)).sum(axis=axis, keepdims=True) * -0.5 * scale**3
        through_mean = -(g * scale).sum(axis=axis, keepdims=True)
        delta = g * scale + through_variance * 2 * (z - mean) / n + through_mean / n
    return delta, (error * normal).sum(axis=0), error.sum(axis=0)


@dataclass
class Variant:
    """A trainer for the problem. `form`, `slope`, `product` and `update` choose among the equal ways, `mean_in` where 1/N goes.

    `fault` is called in every step from `fault_at` on, with the step's arrays by name: "error" (∂L/∂ŷ), then for each linear layer
    "delta i", then its gradients "i.weight" and "i.bias"; it may change them in place.
    """

    problem: Problem
    form: int = 0
    slope: int = 0
    product: int = 0
    mean_in: str = "error"
    update: int = 0
    stages: bool = False
    shows_state: bool = True
    fault: Fault | None = None
    fault_at: int = 1
    fault_until: float = np.inf
    params: dict[str, Array] = field(default_factory=dict)
    state: dict[str, Array] = field(default_factory=dict)
    steps_taken: int = 0

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        """The parameters; buffers and what an optimiser keeps start afresh."""
        start = initial_state(self.problem)
        self.params = {name: params[name].copy() for name in self.problem.shapes()}
        self.state = {name: array.copy() for name, array in start.items() if name not in self.params}
        self.steps_taken = 0

    def forward(self, x: Array, masks: Mapping[str, Any] | None = None, training: bool = True) -> tuple[list[Any], list[Array]]:
        """Each layer's (input, z before its activation, activation, what normalisation keeps), and the outputs."""
        product, p = PRODUCTS[self.product], self.problem.dropout
        a, passes = x, []
        for layer in self.problem.layers:
            z = product(a, self.params[f"{layer.linear}.weight"].T)
            if self.problem.bias:
                z = z + self.params[f"{layer.linear}.bias"]
            kept = None
            if layer.norm:
                z, kept = self.normalize(layer, z, training)
            activation = chosen(forms(layer.function), self.form)(z)
            passes.append((a, z, activation, kept))
            a = activation
            if layer.dropout and training and masks is not None:
                a = np.where(masks[layer.dropout], a, 0).astype(a.dtype) / a.dtype.type(1 - p)
        return passes, a

    def normalize(self, layer: Layer, z: Array, training: bool) -> tuple[Array, Any]:
        gamma, beta = self.params[f"{layer.norm}.weight"], self.params[f"{layer.norm}.bias"]
        axis = 1 if self.problem.normalization == "layer_norm" else 0
        if axis == 1 or training:
            output, kept = normalized(self.form, axis, z, gamma, beta)
            if axis == 0:
                n = len(z)
                for name, batch in (("running_mean", kept[1][0]), ("running_var", kept[2][0] * (n / (n - 1)))):
                    r = self.state[f"{layer.norm}.{name}"]
                    self.state[f"{layer.norm}.{name}"] = 0.9 * r + 0.1 * batch if self.form == 0 else r + 0.1 * (batch - r)
            return output, kept
        mean, variance = self.state[f"{layer.norm}.running_mean"], self.state[f"{layer.norm}.running_var"]
        return gamma * (z - mean) / np.sqrt(variance + 1e-5) + beta, None

    def step(self, x: Array, y: Array, masks: Mapping[str, Any] | None = None) -> StepRecord:
        self.steps_taken += 1
        problem, product = self.problem, PRODUCTS[self.product]
        passes, output = self.forward(x, masks)
        terms, derivative = chosen(loss_forms(problem.loss), self.form)
        n = round(1 / LOSSES[problem.loss].share(*output.shape, problem.reduction))
        loss = np.asarray(terms(output, y).sum() / n, dtype=output.dtype)

        in_error = n if self.mean_in == "error" else 1
        in_grads = n if self.mean_in == "grads" else 1
        in_update = n if self.mean_in == "update" else 1
        arrays = {"error": derivative(output, y) / in_error}
        self._spoil(arrays, "error")
        error = arrays["error"]
        errors = {}
        for layer, (a, z, activation, kept) in reversed(list(zip(problem.layers, passes, strict=True))):
            linear = layer.linear
            if layer.dropout and masks is not None:
                error = error * (masks[layer.dropout] / error.dtype.type(1 - problem.dropout))
            delta = chosen(pullbacks(layer.function), self.slope)(error, z, activation)
            if layer.norm:
                axis = 1 if problem.normalization == "layer_norm" else 0
                gamma = self.params[f"{layer.norm}.weight"]
                delta, in_gamma, in_beta = normalized_back(self.form, axis, delta, gamma, kept)
                arrays |= {f"{layer.norm}.weight": in_gamma / in_grads, f"{layer.norm}.bias": in_beta / in_grads}
            arrays[f"delta {linear}"] = delta
            self._spoil(arrays, f"delta {linear}")
            delta = arrays[f"delta {linear}"]
            errors[linear] = delta if self.mean_in == "error" else delta / n
            arrays[f"{linear}.weight"] = product(delta.T, a) / in_grads
            self._spoil(arrays, f"{linear}.weight")
            if problem.bias:
                arrays[f"{linear}.bias"] = delta.sum(axis=0) / in_grads
                self._spoil(arrays, f"{linear}.bias")
            error = product(delta, self.params[f"{linear}.weight"])
        grads = {name: arrays[name] for name in problem.shapes()}
        deltas = self._updated({name: grad / in_update for name, grad in grads.items()} if in_update != 1 else grads)
        shown = {layer.activation: passed[2] for layer, passed in zip(problem.layers, passes, strict=True)}
        state = {name: array for name, array in self.state.items() if name in problem.state_shapes()}
        buffers = {name: array for name, array in self.state.items() if name in problem.buffer_shapes()}
        return StepRecord(
            activations=shown if self.stages else None,
            buffers=(buffers or None) if self.shows_state else None,
            output=output,
            loss=loss,
            errors={layer.linear: errors[layer.linear] for layer in problem.layers} if self.stages else None,
            grads=None if self.mean_in == "update" else grads,      # without 1/N they are another convention's
            state=(state or None) if self.shows_state else None,
            deltas=deltas,
            params=self.params,
        )

    def predict(self, x: Array) -> Array:
        return self.forward(x, training=False)[1]

    def _updated(self, grads: dict[str, Array]) -> dict[str, Array] | None:
        """Take the optimiser's step; its deltas, where the form has any."""
        update = getattr(self, f"_{self.problem.optimizer}")
        deltas = {}
        for name, g in grads.items():
            before = self.params[name]
            deltas[name] = update(name, before, g)
            if deltas[name] is not None:
                self.params = self.params | {name: before + deltas[name]}
        return None if any(delta is None for delta in deltas.values()) else deltas

    def _decay(self, w: Array) -> float:
        o = self.problem.optimizer_options
        return float(o["weight_decay"]) if o["decay"] == "all" or len(w.shape) > 1 else 0.0

    def _sgd(self, name: str, w: Array, g: Array) -> Array:
        o, decay = self.problem.optimizer_options, self._decay(w)
        if decay:
            g = g + decay * w if self.update == 0 else decay * w + g
        if o["momentum"]:
            b = self.state[f"{name}.momentum_buffer"]
            b = g if self.steps_taken == 1 else (1 - o["dampening"]) * g + o["momentum"] * b
            self.state = self.state | {f"{name}.momentum_buffer": b}
            g = g + o["momentum"] * b if o["nesterov"] else b
        return g * -self.problem.lr

    def _adam(self, name: str, w: Array, g: Array) -> Array:
        decay = self._decay(w)
        return self._adaptive(name, g + decay * w if decay else g)

    def _adamw(self, name: str, w: Array, g: Array) -> Array | None:
        decay, lr = self._decay(w), self.problem.lr
        if self.update == 0:
            return self._adaptive(name, g) - lr * decay * w
        self.params = self.params | {name: w * (1 - lr * decay) + self._adaptive(name, g)}      # as PyTorch does: decay first
        return None

    def _rmsprop(self, name: str, w: Array, g: Array) -> Array:
        o, decay, alpha = self.problem.optimizer_options, self._decay(w), self.problem.optimizer_options["alpha"]
        g = g + decay * w if decay else g
        v = self.state[f"{name}.square_avg"]
        v = alpha * v + (1 - alpha) * g**2 if self.update == 0 else v + (1 - alpha) * (g * g - v)
        self.state = self.state | {f"{name}.square_avg": v}
        if o["centered"]:
            mean = self.state[f"{name}.grad_avg"]
            mean = alpha * mean + (1 - alpha) * g if self.update == 0 else mean + (1 - alpha) * (g - mean)
            self.state = self.state | {f"{name}.grad_avg": mean}
            v = v - mean**2
        step = g / (np.sqrt(v) + o["eps"])
        if o["momentum"]:
            step = o["momentum"] * self.state[f"{name}.momentum_buffer"] + step
            self.state = self.state | {f"{name}.momentum_buffer": step}
        return step * -self.problem.lr

    def _adagrad(self, name: str, w: Array, g: Array) -> Array:
        o, decay = self.problem.optimizer_options, self._decay(w)
        g = g + decay * w if decay else g
        s = self.state[f"{name}.sum"] + g * g
        self.state = self.state | {f"{name}.sum": s}
        rate = self.problem.lr / (1 + (self.steps_taken - 1) * o["lr_decay"])
        return -rate * g / (np.sqrt(s) + o["eps"]) if self.update == 0 else -g * (rate / (np.sqrt(s) + o["eps"]))

    def _adaptive(self, name: str, g: Array) -> Array:
        o, t = self.problem.optimizer_options, self.steps_taken
        (beta1, beta2), eps, lr = o["betas"], o["eps"], self.problem.lr
        m, v = self.state[f"{name}.exp_avg"], self.state[f"{name}.exp_avg_sq"]
        if self.update == 0:
            m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * (g * g)
            delta = -lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)
        else:
            m, v = m + (1 - beta1) * (g - m), v + (1 - beta2) * (g * g - v)
            root = (1 - beta2**t) ** 0.5
            delta = -(lr * root / (1 - beta1**t)) * m / (np.sqrt(v) + eps * root)
        self.state = self.state | {f"{name}.exp_avg": m, f"{name}.exp_avg_sq": v}
        return delta.astype(g.dtype)

    def _spoil(self, arrays: dict[str, Array], name: str) -> None:
        if self.fault is not None and self.fault_at <= self.steps_taken <= self.fault_until:
            one = {name: arrays[name]}
            self.fault(one)
            arrays[name] = one[name]
