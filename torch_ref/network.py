"""The network: an `nn.Module` of stacked layers."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn

from torch_ref.activations import ACTIVATIONS
from torch_ref.layers import Elementwise, Linear
from torch_ref.losses import LOSSES
from torch_ref.settings import exact_settings

DTYPES = {"float64": torch.float64, "float32": torch.float32}


class Network(nn.Module):
    """Linear layers of the given sizes, each followed by an activation.

        network = Network((6, 2, 1), "sigmoid")        # the lesson's: 6 features, 2 hidden units, 1 output

    `sizes` are the numbers of units, input first. `activations` is one name for all layers or one for each. Weights and biases
    are drawn from a normal distribution with deviation in^-½ by a `torch.Generator` of `seed`, on the CPU; `load_state_dict`
    replaces them. All arithmetic is in `dtype`, "float64" or "float32", on `device`. Raises ValueError for a size, an activation or
    a dtype that is none.
    """

    @torch.inference_mode(False)
    def __init__(
        self,
        sizes: Sequence[int],
        activations: str | Sequence[str] = "sigmoid",
        *,
        bias: bool = False,
        seed: int = 0,
        dtype: str | torch.dtype = "float64",
        device: str | torch.device = "cpu",
    ) -> None:
        super().__init__()
        self.sizes = tuple(sizes)
        self.device = torch.device(device)
        if len(self.sizes) < 2 or min(self.sizes) < 1:
            raise ValueError(f"sizes are {self.sizes}; expected at least two numbers of units, each at least 1")
        names = [activations] * (len(self.sizes) - 1) if isinstance(activations, str) else list(activations)
        if len(names) != len(self.sizes) - 1 or not set(names) <= set(ACTIVATIONS):
            raise ValueError(f"activations are {names}; expected {len(self.sizes) - 1} of {', '.join(ACTIVATIONS)}")
        if str(dtype).removeprefix("torch.") not in DTYPES:
            raise ValueError(f"dtype is {dtype}; expected float64 or float32")
        self.dtype = DTYPES[str(dtype).removeprefix("torch.")]

        generator = torch.Generator("cpu").manual_seed(seed)

        def drawn(n_in: int, *shape: int) -> Tensor:
            values = torch.randn(*shape, generator=generator, dtype=torch.float64, device="cpu") / math.sqrt(n_in)
            return values.to(self.device, self.dtype)

        for (n_in, n_out), name in zip(pairwise(self.sizes), names, strict=True):
            for layer in (
                Linear(drawn(n_in, n_out, n_in), drawn(n_in, n_out) if bias else None),
                Elementwise(ACTIVATIONS[name]),
            ):
                self.add_module(str(len(self._modules)), layer)

    def forward(self, x: Any) -> Tensor:
        """The output ŷ (n, k) for inputs x (n, in), a tensor or an array."""
        a = self.as_tensor(x)
        if a.ndim != 2 or a.shape[1] != self.sizes[0]:
            raise ValueError(f"x has shape {tuple(a.shape)}; expected (records, {self.sizes[0]})")
        for layer in self.children():
            a = cast(Tensor, layer(a))
        return a

    def gradients(self, x: Any, y: Any, loss: str = "half_mse") -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """One forward and backward pass over inputs x (n, in) and targets y (n, k): the output, the loss, the gradients by name."""
        output = self.forward(x)
        targets = self.as_tensor(y)
        if targets.shape != output.shape:
            raise ValueError(f"y has shape {tuple(targets.shape)}; expected {tuple(output.shape)}, that of the output")
        value = LOSSES[loss](output, targets)
        params = dict(self.named_parameters())
        grads = torch.autograd.grad(value, list(params.values()))
        return output.detach(), value.detach(), dict(zip(params, grads, strict=True))

    def predict(self, x: Any) -> Tensor:
        """The output ŷ (n, k) for inputs x (n, in), without a graph."""
        with exact_settings(self.device), torch.no_grad():
            return self.forward(x)

    def as_tensor(self, values: Any) -> Tensor:
        """A tensor as it is, or an array copied into one, in the network's dtype and on its device."""
        tensor: Tensor = values if isinstance(values, Tensor) else torch.tensor(values, device=self.device)
        return tensor.to(self.device, self.dtype)
