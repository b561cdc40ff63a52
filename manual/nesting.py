"""Layers made of layers: one after another, and beside what passes straight through.

What is made so is a layer itself, and nests to any depth. Its parameters have PyTorch's names: the layer's own path, a dot, the name
inside the layer, as in `0.weight` and `2.0.bias`. Each place needs a layer of its own, since a layer stores what its way back needs.
"""

from collections.abc import Mapping
from typing import Any

from .arrays import Array
from .checks import check_given
from .layers import Layer


class Nested(Layer):
    """A layer whose parameters and buffers are those of its `children`, after parameters of its `own`, if it has any."""

    def children(self) -> Mapping[str, Layer]:
        """Return the layers that this one is made of, by name, in PyTorch's order."""
        raise NotImplementedError

    def own(self) -> dict[str, Array]:
        """Return the parameters that are none of its children's, by name."""
        return {}

    def parameters(self) -> dict[str, Array]:
        """Return the arrays of all layers by name; changing them changes the layers."""
        return self.own() | with_paths({path: layer.parameters() for path, layer in self.children().items()})

    def buffers(self) -> dict[str, Any]:
        """Return the running statistics of all layers by name."""
        return with_paths({path: layer.buffers() for path, layer in self.children().items()})

    def entries(self) -> dict[str, Any]:
        """Return parameters and buffers, layer by layer."""
        return self.own() | with_paths({path: layer.entries() for path, layer in self.children().items()})


class Sequential(Nested):
    """Layers one after another: each takes the output of the one before."""

    def __init__(self, *layers: Layer) -> None:
        if not layers:
            raise ValueError("there are no layers; expected at least one")
        self.layers = list(layers)

    def children(self) -> dict[str, Layer]:
        """Return the layers by their index: "0", "1", …"""
        return {str(index): layer for index, layer in enumerate(self.layers)}

    def forward(self, a: Array) -> Array:
        """Return the last layer's output, in training."""
        for layer in self.layers:
            a = layer.forward(a)
        return a

    def predict(self, a: Array) -> Array:
        """Return the last layer's output, in evaluation."""
        for layer in self.layers:
            a = layer.predict(a)
        return a

    def gradients(self, error: Array) -> dict[str, Array]:
        """Return the gradients of all parameters by name, from the error ∂L/∂a at the last layer's output."""
        self.given = error
        grads: dict[str, Array] = {}
        for index, layer in reversed(list(enumerate(self.layers))):
            grads = {f"{index}.{name}": grad for name, grad in layer.gradients(error).items()} | grads
            if index > 0:
                error = layer.backward(error)
        self.error = error      # at the first layer's output
        return grads

    def backward(self, error: Array) -> Array:
        """Return the error at the first layer's input, from the one at its output that `gradients` has left for this error."""
        check_given(self, error)
        return self.layers[0].backward(self.error)


class Residual(Nested):
    """y = a + f(a), where f is a layer whose output has the shape of its input (He and others, 2015)."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    def children(self) -> dict[str, Layer]:
        """Return the layer f, as "layer"."""
        return {"layer": self.layer}

    def forward(self, a: Array) -> Array:
        """Return y, of the shape of a."""
        return a + self.layer.forward(a)                 # y = a + f(a)

    def predict(self, a: Array) -> Array:
        """Return y in evaluation."""
        return a + self.layer.predict(a)

    def gradients(self, error: Array) -> dict[str, Array]:
        """Return the gradients of f's parameters, from ∂L/∂y."""
        return with_paths({"layer": self.layer.gradients(error)})      # ∂L/∂f(a) = ∂L/∂y

    def backward(self, error: Array) -> Array:
        """Return ∂L/∂a, of the shape of a, from ∂L/∂y."""
        return error + self.layer.backward(error)        # ∂L/∂a = ∂L/∂y + (∂f/∂a)ᵀ ∂L/∂y


def with_paths(arrays: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the arrays of all layers in one mapping, each by the layer's path and its own name."""
    return {f"{path}.{name}": array for path, own in arrays.items() for name, array in own.items()}
