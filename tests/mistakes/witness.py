"""Witnesses: parameters, batches and learning rates on which a limit shows in the new weights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.mistakes.networks import Network
from tests.mistakes.running import Arrays

Change = Callable[[Network, Arrays, list[Any]], None]
Given = tuple[Arrays, list[Any], tuple[float, ...]]
FORWARD: dict[str, Callable[[Any], Any]] = {
    "sigmoid": lambda z: np.exp(-np.logaddexp(0, -z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "identity": np.positive,
}


@dataclass(frozen=True)
class Witness:
    """How a step or a few are drawn: `records` of each batch; `same`: every batch is the first again.

    `z` is the largest |z| that a layer's weights and biases are scaled for, `bias` what is then added to each of its biases; `x` and `y`
    multiply inputs and targets. `change` may change the parameters and the list of batches at last.
    """

    records: tuple[int, ...] = (7,)
    z: Mapping[int, float] = field(default_factory=dict)
    bias: Mapping[int, float] = field(default_factory=dict)
    x: float = 1.0
    y: float = 1.0
    lr: float = 0.1
    same: bool = False
    change: Change | None = None

    def drawn(self, network: Network, seed: int = 3) -> Given:
        """Parameters, batches and learning rates for the network."""
        random = np.random.default_rng(seed)
        batches = [(self.x * random.normal(size=(n, network.sizes[0])), _targets(network, random, n, self.y)) for n in self.records]
        batches = [batches[0] if self.same else batch for batch in batches]
        params: Arrays = {}
        a = batches[0][0]
        for i in network.layers:
            w = params[network.weight(i)] = random.normal(size=(network.sizes[i], network.sizes[i - 1])) / network.sizes[i - 1] ** 0.5
            b = random.normal(size=network.sizes[i]) / 2 if network.bias else np.zeros(network.sizes[i])
            factor = self.z[i] / np.abs(a @ w.T + b).max() if i in self.z else 1.0
            w *= factor
            b = b * factor + self.bias.get(i, 0.0)
            if network.bias:
                params[network.bias_name(i)] = b
            a = FORWARD[network.activation(i)](a @ w.T + b)
        if self.change:
            self.change(network, params, batches)
        return params, batches, (self.lr,) * len(batches)


def answer(network: Network, params: Arrays, x: Any) -> Any:
    """The output of that network, (n, k): for cross entropy scores."""
    a = x
    for i in network.layers:
        a = FORWARD[network.activation(i)](a @ params[network.weight(i)].T + params.get(network.bias_name(i), 0.0))
    return a


def _targets(network: Network, random: np.random.Generator, n: int, times: float) -> Any:
    """Targets (n, k), or classes (n,)."""
    if network.targets:
        return random.integers(network.outputs, size=n)
    if network.activations[-1] == "sigmoid":
        return times * random.uniform(size=(n, network.outputs))
    return times * random.normal(size=(n, network.outputs))
