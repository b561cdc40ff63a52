"""The mistakes of docs/residuals.md, each planted in a network of residual blocks and a layer used twice, and trained beside PyTorch.

`python docs/residuals_mistakes.py` prints the table on that page.
"""

from collections.abc import Iterable

import numpy as np
import torch
from planted import table
from torch import Tensor, nn

import torch_ref
from compare import ByHand, Problem
from compare.problem.of_module import ModuleProblem
from manual import ACTIVATIONS, SGD, Activate, Layer, Linear, Residual, Sequential
from manual.arrays import Array

UNITS, BLOCKS, LR = 4, 6, 0.02


class WithoutShortcut(Residual):
    """The error does not go straight back."""

    def backward(self, error: Array) -> Array:
        """Return what comes back through f alone."""
        return self.layer.backward(error)


class ShortcutAlone(Residual):
    """The error goes straight back, and not through f."""

    def backward(self, error: Array) -> Array:
        """Return the error."""
        return error


class InPlace(Residual):
    """The sum is written over the input, which f's first layer has stored for its gradient."""

    def forward(self, a: Array) -> Array:
        """Return y, which is right."""
        a += self.layer.forward(a)
        return a


class FirstToLast(Sequential):
    """The layers' gradients are made in the order of the forward pass: all their shapes are alike."""

    def gradients(self, error: Array) -> dict[str, Array]:
        """Return gradients of the right shapes."""
        grads: dict[str, Array] = {}
        for index, layer in enumerate(self.layers):
            grads |= {f"{index}.{name}": grad for name, grad in layer.gradients(error).items()}
            error = layer.backward(error)
        self.error = error
        return grads

    def backward(self, error: Array) -> Array:
        """Return what came out last."""
        return self.error


class Twice(Layer):
    """y = f(f(a)) with f(a) = tanh(a Wᵀ): weight W (units, units)."""

    def __init__(self, weight: Array) -> None:
        self.weight = weight
        self.uses = [Sequential(Linear(weight), Activate(ACTIVATIONS["tanh"])) for _ in range(2)]

    def parameters(self) -> dict[str, Array]:
        """Return the weight."""
        return {"weight": self.weight}

    def forward(self, a: Array) -> Array:
        """Return y (n, units)."""
        for use in self.uses:
            a = use.forward(a)
        return a

    def gradients(self, error: Array) -> dict[str, Array]:
        """Return ∂L/∂W, the sum over both uses."""
        gradient = np.zeros_like(self.weight)
        for use in reversed(self.uses):
            gradient = self.added(gradient, use.gradients(error)["0.weight"])
            error = use.backward(error)
        self.error = error
        return {"weight": gradient}

    def added(self, gradient: Array, of_use: Array) -> Array:
        """Return the gradient of the uses so far and of one more."""
        return gradient + of_use

    def backward(self, error: Array) -> Array:
        """Return ∂L/∂a (n, units), which `gradients` has made."""
        return self.error


class Replaced(Twice):
    """The gradient of one use replaces that of the other."""

    def added(self, gradient: Array, of_use: Array) -> Array:
        """Return the gradient of the last one made."""
        return of_use


class OneMemory(Twice):
    """Both uses are one layer object, which stores what it needs in one place."""

    def __init__(self, weight: Array) -> None:
        super().__init__(weight)
        self.uses = self.uses[:1] * 2


class TwiceModule(nn.Module):
    """PyTorch's."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(UNITS, UNITS))

    def forward(self, a: Tensor) -> Tensor:
        """Return y."""
        return torch.tanh(torch.tanh(a @ self.weight.T) @ self.weight.T)


def problem() -> ModuleProblem:
    """Return the module and its training: the sine of a sum is to be learned."""
    blocks = [torch_ref.Residual(nn.Sequential(nn.Linear(UNITS, UNITS), nn.Tanh())) for _ in range(BLOCKS)]
    module = nn.Sequential(nn.Linear(3, UNITS), nn.Sequential(*blocks), TwiceModule(), nn.Linear(UNITS, 1))
    drawn = np.random.default_rng(0)
    start = {name: drawn.normal(size=each.shape) / 2 for name, each in module.named_parameters()}
    x = drawn.normal(size=(32, 3))
    batches = [(x, np.sin(x.sum(axis=1, keepdims=True)))]
    return Problem.of(module, batches=batches, loss="mse", lr=LR, dtype="float64", initial_parameters=start)


def side(residual: type[Residual] = Residual, stack: type[Sequential] = Sequential, twice: type[Twice] = Twice) -> ByHand:
    """Return the network by hand, with other residuals, another loop through the blocks, or another layer used twice."""
    blocks = []
    for _ in range(BLOCKS):
        linear = Linear(np.zeros((UNITS, UNITS)), np.zeros(UNITS))
        blocks.append(residual(Sequential(linear, Activate(ACTIVATIONS["tanh"]))))
    ends = Linear(np.zeros((UNITS, 3)), np.zeros(UNITS)), Linear(np.zeros((1, UNITS)), np.zeros(1))
    return ByHand(Sequential(ends[0], stack(*blocks), twice(np.zeros((UNITS, UNITS))), ends[1]), "mse", SGD(LR))


def lines() -> Iterable[str]:
    """Yield the table's lines."""
    sides = {
        "none": side(),
        "f′ for 1 + f′": side(WithoutShortcut),
        "1 for 1 + f′": side(ShortcutAlone),
        "a += f(a)": side(InPlace),
        "forward order": side(stack=FirstToLast),
        "= for +=": side(twice=Replaced),
        "one memory": side(twice=OneMemory),
    }
    deltas = {"0.weight": "Δ first layer", "1.2.layer.0.weight": "Δ block 2", "2.weight": "Δ shared"}
    return table(sides, problem(), deltas, steps=300)


if __name__ == "__main__":
    print("\n".join(lines()))
