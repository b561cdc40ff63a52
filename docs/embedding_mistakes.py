"""The mistakes of docs/embedding.md, each planted in its language model and trained beside PyTorch.

`python docs/embedding_mistakes.py` prints the table on that page.
"""

from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np
from planted import table
from torch import nn

from compare import ByHand, Problem
from compare.problem.of_module import ModuleProblem
from manual import ACTIVATIONS, SGD, Activate, Embedding, Flatten, Linear, Loss, Sequential
from manual.arrays import Array, Targets
from manual.likelihoods import cross_entropy, cross_entropy_derivative
from manual.softmax import softmax, softmax_pullback

TEXT = "the cat saw the dog . the dog saw the cat . the cat ran and the dog slept ."
NAMES = sorted(set(TEXT.split()))
K = len(NAMES)


class CountsOnce(Embedding):
    """`+=` in place of `np.add.at`."""

    def gradients(self, error: Array) -> dict[str, Array]:
        """Return ∂L/∂W with the error of one place for each word."""
        gradient = np.zeros_like(self.weight)
        gradient[self.words] += error
        return {"weight": gradient}


def opposite(z: Array, y: Targets) -> Array:
    """y − p."""
    return -cross_entropy_derivative(z, y)


def with_slope(z: Array, y: Targets) -> Array:
    """p − y times the slope of a sigmoid."""
    p = softmax(z)
    return cross_entropy_derivative(z, y) * p * (1 - p)


def twice(z: Array, y: Targets) -> Array:
    """The loss of softmax(softmax(z))."""
    return cross_entropy(softmax(z), y)


def twice_derivative(z: Array, y: Targets) -> Array:
    """Its derivative, which is right."""
    return softmax_pullback(cross_entropy_derivative(softmax(z), y), softmax(z))


def over_records(z: Array, y: Targets) -> Array:
    """p − y with p that sums to 1 over the records of each word."""
    return softmax(z.T).T - np.eye(K)[y]


def from_1(z: Array, y: Targets) -> Array:
    """p − y with the one-hot rows of y − 1, of word 0 the last one."""
    return cross_entropy_derivative(z, y - 1)


def problem() -> ModuleProblem:
    """Return the module and its training, as on the page."""
    t = np.array([NAMES.index(word) for word in TEXT.split()])
    module = nn.Sequential(nn.Embedding(K, 4), nn.Flatten(), nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, K))
    drawn = np.random.default_rng(1)
    start = {name: drawn.normal(size=each.shape) / 2 for name, each in module.named_parameters()}
    batches = [(np.stack([t[:-2], t[1:-1]], axis=1), t[2:])]
    return Problem.of(module, batches=batches, loss="cross_entropy", lr=0.2, dtype="float64", initial_parameters=start)


def side(
    derivative: Callable[..., Array] = cross_entropy_derivative, terms: Callable[..., Array] = cross_entropy, *,
    embedding: type[Embedding] = Embedding, over: Literal["records", "elements"] = "records", reduction: str = "mean",
) -> ByHand:
    """Return the model by hand, with another embedding or another loss."""
    layers = Sequential(
        embedding(np.zeros((K, 4))), Flatten(), Linear(np.zeros((6, 8)), np.zeros(6)), Activate(ACTIVATIONS["tanh"]),
        Linear(np.zeros((K, 6)), np.zeros(K)),
    )
    found = ByHand(layers, "cross_entropy", SGD(0.2), reduction=reduction)
    found.loss = Loss("changed", terms, derivative, over)
    return found


def lines() -> Iterable[str]:
    """Yield the table's lines."""
    sides = {
        "none": side(),
        "+= for np.add.at": side(embedding=CountsOnce),
        "1/n forgotten": side(reduction="sum"),
        "1/(n k) for 1/n": side(over="elements"),
        "y − p for p − y": side(opposite),
        "(p − y) p (1 − p)": side(with_slope),
        "softmax of softmax": side(twice_derivative, twice),
        "softmax over the records": side(over_records),
        "words counted from 1": side(from_1),
    }
    return table(sides, problem(), {"0.weight": "Δ of the table", "4.weight": "Δ of the scores"}, steps=500)


if __name__ == "__main__":
    print("\n".join(lines()))
