"""The network: layers stacked, run forward, and run backward by the chain rule."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from manual.activations import ACTIVATIONS, Array
from manual.layers import Elementwise, Linear
from manual.losses import LOSSES


class Network:
    """Linear layers of the given sizes, each followed by an activation.

        network = Network((6, 2, 1), "sigmoid")        # the lesson's: 6 features, 2 hidden units, 1 output

    `sizes` are the numbers of units, input first. `activations` is one name for all layers or one for each. Weights and biases
    are drawn from a normal distribution with deviation in^-½ by `numpy.random.default_rng(seed)`; `load_state_dict` replaces
    them. All arithmetic is in `dtype`, "float64" or "float32". Raises ValueError for a size, an activation or a dtype that is none.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activations: str | Sequence[str] = "sigmoid",
        *,
        bias: bool = False,
        seed: int = 0,
        dtype: DTypeLike = "float64",
    ) -> None:
        self.sizes = tuple(sizes)
        self.dtype = np.dtype(dtype)
        if len(self.sizes) < 2 or min(self.sizes) < 1:
            raise ValueError(f"sizes are {self.sizes}; expected at least two numbers of units, each at least 1")
        names = [activations] * (len(self.sizes) - 1) if isinstance(activations, str) else list(activations)
        if len(names) != len(self.sizes) - 1 or not set(names) <= set(ACTIVATIONS):
            raise ValueError(f"activations are {names}; expected {len(self.sizes) - 1} of {', '.join(ACTIVATIONS)}")
        if self.dtype not in (np.float64, np.float32):
            raise ValueError(f"dtype is {self.dtype}; expected float64 or float32")

        generator = np.random.default_rng(seed)
        self.layers: list[Linear | Elementwise] = []
        for (n_in, n_out), name in zip(pairwise(self.sizes), names, strict=True):
            weight = generator.normal(scale=n_in**-0.5, size=(n_out, n_in)).astype(self.dtype)
            drawn_bias = generator.normal(scale=n_in**-0.5, size=n_out).astype(self.dtype) if bias else None
            self.layers += [Linear(weight, drawn_bias), Elementwise(ACTIVATIONS[name])]

    def forward(self, x: ArrayLike) -> Array:
        """The output ŷ (n, k) for inputs x (n, in)."""
        a = np.asarray(x, dtype=self.dtype)
        if a.ndim != 2 or a.shape[1] != self.sizes[0]:
            raise ValueError(f"x has shape {a.shape}; expected (records, {self.sizes[0]})")
        for layer in self.layers:
            a = layer.forward(a)
        return a

    def backward(self, error: Array) -> dict[str, Array]:
        """The gradients of all parameters by name, given ∂L/∂ŷ (n, k) for the last forward pass."""
        grads: dict[str, Array] = {}
        for index, layer in reversed(list(enumerate(self.layers))):
            if isinstance(layer, Linear):
                grads |= {f"{index}.{name}": grad for name, grad in layer.gradients(error).items()}
            if index > 0:
                error = layer.backward(error)
        return {name: grads[name] for name in self.parameters()}

    def gradients(self, x: ArrayLike, y: ArrayLike, loss: str = "half_mse") -> tuple[Array, Array, dict[str, Array]]:
        """One forward and backward pass over inputs x (n, in) and targets y (n, k): the output, the loss, the gradients by name."""
        output = self.forward(x)
        targets = np.asarray(y, dtype=self.dtype)
        if targets.shape != output.shape:
            raise ValueError(f"y has shape {targets.shape}; expected {output.shape}, that of the output")
        return output, LOSSES[loss].function(output, targets), self.backward(LOSSES[loss].gradient(output, targets))

    def predict(self, x: ArrayLike) -> Array:
        """The output ŷ (n, k) for inputs x (n, in): the forward pass, and nothing else."""
        return self.forward(x)

    def parameters(self) -> dict[str, Array]:
        """The network's own arrays by name, in order: `0.weight`, `0.bias`, `2.weight`, …; changing them changes the network."""
        return {
            f"{index}.{name}": array
            for index, layer in enumerate(self.layers)
            if isinstance(layer, Linear)
            for name, array in layer.parameters().items()
        }

    def state_dict(self) -> dict[str, Array]:
        """Copies of the parameters by name."""
        return {name: array.copy() for name, array in self.parameters().items()}

    def load_state_dict(self, params: Mapping[str, ArrayLike]) -> None:
        """Copy arrays into the parameters; raises ValueError that names a missing, unknown or misshapen one."""
        own = self.parameters()
        if set(params) != set(own):
            raise ValueError(f"parameters are {sorted(params)}; expected {sorted(own)}")
        for name, array in own.items():
            if np.shape(params[name]) != array.shape:
                raise ValueError(f"{name} has shape {np.shape(params[name])}; expected {array.shape}")
        for name, array in own.items():
            array[...] = params[name]
