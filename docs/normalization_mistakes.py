"""The mistakes of docs/normalization.md, each in the batch normalisation of a small network, measured beside PyTorch.

`python docs/normalization_mistakes.py` prints the table.
"""

import numpy as np
from deltas_off import table
from torch import nn

from compare import ByHand, Problem
from data import DIGITS_CSV, load_digits
from manual import ACTIVATIONS, SGD, Activate, BatchNorm, Linear, Sequential
from manual.arrays import Array
from manual.networks import drawing

MODULE = nn.Sequential(nn.Linear(64, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 10))
NAMES = "0.weight", "1.weight", "1.bias"      # the parameters that are shown


class NoMeanTerm(BatchNorm):
    """The error goes back as if μ did not depend on z."""

    def through(self, g: Array) -> Array:
        """Return two of the three terms."""
        error: Array = self.scale * (g - self.normal * (g * self.normal).mean(axis=0))
        return error


class NoVarianceTerm(BatchNorm):
    """The error goes back as if v did not depend on z."""

    def through(self, g: Array) -> Array:
        """Return two of the three terms."""
        error: Array = self.scale * (g - g.mean(axis=0))
        return error


class OneTerm(BatchNorm):
    """The error goes back as if μ and v were constants."""

    def through(self, g: Array) -> Array:
        """Return one of the three terms."""
        error: Array = self.scale * g
        return error


class NoGamma(BatchNorm):
    """On the way back, γ is left out."""

    def backward(self, error: Array) -> Array:
        """Return ∂L/∂z from the error, taken for ∂L/∂ẑ."""
        return self.through(error)


class GammaOfZ(BatchNorm):
    """The gradient of γ is taken with z in place of ẑ."""

    def forward(self, z: Array) -> Array:
        """Return γ ∘ ẑ + β, and keep z."""
        self.z = z
        return super().forward(z)

    def gradients(self, error: Array) -> dict[str, Array]:
        """Return Σ error ∘ z, and the right gradient of β."""
        return super().gradients(error) | {"weight": (error * self.z).sum(axis=0)}


class Unbiased(BatchNorm):
    """It divides by the root of the unbiased variance, n/(n − 1) v."""

    def normalized(self, z: Array) -> Array:
        """Return ẑ, smaller than it should be."""
        super().normalized(z)
        self.scale = 1 / np.sqrt(self.variance * len(z) / (len(z) - 1) + self.eps)
        self.normal = (z - self.mean) * self.scale
        return self.normal


class EpsilonOutside(BatchNorm):
    """It divides by √v + ε, not by √(v + ε)."""

    def normalized(self, z: Array) -> Array:
        """Return ẑ, smaller than it should be."""
        super().normalized(z)
        self.scale = 1 / (np.sqrt(self.variance) + self.eps)
        self.normal = (z - self.mean) * self.scale
        return self.normal


class RunningBiased(BatchNorm):
    """The running variance is that of the biased ones."""

    def forward(self, z: Array) -> Array:
        """Return γ ∘ ẑ + β, and update the running variance with v."""
        before = self.running_var.copy()
        output = super().forward(z)
        self.running_var[:] = before + self.momentum * (self.variance[0] - before)
        return output


class MomentumTurned(BatchNorm):
    """r ← m r + (1 − m) (the batch's), with the momentum 0.1 that is meant for r ← (1 − m) r + m (the batch's)."""

    def __init__(self, weight: Array, bias: Array | None = None) -> None:
        super().__init__(weight, bias, momentum=0.9)


class EvaluatedByBatch(BatchNorm):
    """In evaluation it normalises by the mean and variance of the batch, as in training."""

    def predict(self, z: Array) -> Array:
        """Return γ ∘ ẑ + β by the batch's own mean and variance."""
        return self.scaled(self.normalized(z))


def network(norm: type[BatchNorm] = BatchNorm) -> ByHand:
    """Return the network by hand, with this normalisation."""
    draw = drawing(seed=3)
    layers = Linear(draw(16, 64)), norm(np.ones(16), np.zeros(16)), Activate(ACTIVATIONS["relu"]), Linear(draw(10, 16), draw(10))
    return ByHand(Sequential(*layers), "cross_entropy", SGD(0.3))


def main() -> None:
    """Print what is seen in the first three steps, and in evaluation after them."""
    digits = load_digits(DIGITS_CSV)
    x, y, start = digits.images.reshape(-1, 64), digits.digits, network().layer.parameters()
    batches = [(x[at : at + 16], y[at : at + 16]) for at in (0, 16, 32)]
    problem = Problem.of(MODULE, batches=batches, loss="cross_entropy", lr=0.3, dtype="float64", initial_parameters=start)
    backward = NoMeanTerm, NoVarianceTerm, OneTerm, NoGamma, GammaOfZ
    forward = Unbiased, EpsilonOutside, RunningBiased, MomentumTurned, EvaluatedByBatch
    mistakes = {each.__name__: network(each) for each in (*backward, *forward)}
    print(table({"no mistake": network()} | mistakes, problem, NAMES, steps=3))


if __name__ == "__main__":
    main()
