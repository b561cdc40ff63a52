"""The network: an `nn.Module` of stacked layers."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .dropout import Dropout
from .layers import Activate, Linear
from .losses import LOSSES, TAKES_CLASSES
from .perceptron import perceptron
from .settings import exact_settings
from .state import check_entries

DTYPES = {"float64": torch.float64, "float32": torch.float32}


class Network(nn.Module):
    """Linear layers of the given sizes, each followed by an activation.

        network = Network((6, 2, 1), "sigmoid")        # the lesson's: 6 features, 2 hidden units, 1 output

    `sizes` are the numbers of units, input first. `activations` is one name for all layers or one for each. Each hidden layer may have a
    `normalization` before its activation ("layer_norm", "batch_norm"), and a `dropout` after it with that probability.
    Weights and biases are drawn from a normal distribution with deviation in^-½ by a `torch.Generator` of `seed`, on the CPU;
    `load_state_dict` replaces them. All arithmetic is in `dtype`, "float64" or "float32", on `device`. Raises ValueError for an invalid
    argument.
    """

    @torch.inference_mode(False)
    def __init__(
        self,
        sizes: Sequence[int],
        activations: str | Sequence[str] = "sigmoid",
        *,
        bias: bool = False,
        normalization: str | None = None,
        dropout: float = 0.0,
        seed: int = 0,
        dtype: str | torch.dtype = "float64",
        device: str | torch.device = "cpu",
    ) -> None:
        super().__init__()
        self.sizes = tuple(sizes)
        self.device = torch.device(device)
        if str(dtype).removeprefix("torch.") not in DTYPES:
            raise ValueError(f"dtype is {dtype}; expected float64 or float32")
        self.dtype = DTYPES[str(dtype).removeprefix("torch.")]
        layers = perceptron(
            self.sizes, activations, bias=bias, normalization=normalization, dropout=dropout, seed=seed, dtype=self.dtype,
            device=self.device,
        )
        for index, layer in enumerate(layers):
            self.add_module(str(index), layer)

    def forward(self, x: Any, masks: Mapping[str, Any] | None = None, outputs: dict[str, Tensor] | None = None) -> Tensor:
        """Return the output ŷ (n, k) for inputs x (n, in), a tensor or an array, in training or evaluation by `train()` and `eval()`.

        `masks`, by the index of dropout's layer, replace drawn ones. Each layer's output is put into `outputs`, if given, by its index.
        """
        a = self.as_tensor(x)
        if a.ndim != 2 or a.shape[1] != self.sizes[0]:
            raise ValueError(f"x has shape {tuple(a.shape)}; expected (records, {self.sizes[0]})")
        for index, layer in self._modules.items():
            if masks is not None and isinstance(layer, Dropout):
                if index not in masks:
                    raise ValueError(f"masks are of the layers {', '.join(masks) or 'none'}; expected one of layer {index} too")
                layer.mask = self.as_mask(masks[index])
            a = layer(a)  # type: ignore[misc]    # no layer is None
            if outputs is not None:
                outputs[index] = a
        return a

    def gradients(
        self,
        x: Any,
        y: Any,
        loss: str = "half_mse",
        *,
        reduction: str = "mean",
        masks: Mapping[str, Any] | None = None,
        weight: float = 1.0,
        stages: dict[str, dict[str, Tensor]] | None = None,
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Run forward and backward over inputs x (n, in) and targets y; return the output, the loss and the gradients by name.

        Targets are (n, k), or class indices (n,) where the loss takes them. The loss is multiplied by `weight`. Into `stages`, if given, go
        "activations", a of each activation, and "errors", δ = ∂L/∂z of each linear layer's z, by the index of the layer.
        """
        outputs: dict[str, Tensor] = {}
        output = self.forward(x, masks, None if stages is None else outputs)
        targets = self.as_targets(y)
        if targets.shape != output.shape and not (loss in TAKES_CLASSES and targets.shape == output.shape[:1]):
            raise ValueError(f"y has shape {tuple(targets.shape)}; expected {tuple(output.shape)}, that of the output")
        value = LOSSES[loss](output, targets, reduction)
        if weight != 1:
            value = value * weight
        params = self.parameters_by_name()
        sums = {index: z for index, z in outputs.items() if isinstance(self._modules[index], Linear)}
        grads = torch.autograd.grad(value, [*params.values(), *sums.values()])
        if stages is not None:
            stages["activations"] = {index: a.detach() for index, a in outputs.items() if isinstance(self._modules[index], Activate)}
            stages["errors"] = dict(zip(sums, grads[len(params) :], strict=True))
        shown = output.detach() if stages is None else output.detach().clone()      # the last activation is shown too
        return shown, value.detach(), dict(zip(params, grads, strict=False))

    def predict(self, x: Any) -> Tensor:
        """Return the output ŷ (n, k) for inputs x (n, in), in evaluation and without a graph; running statistics stay unchanged."""
        was_training = self.training
        self.eval()
        try:
            with exact_settings(self.device), torch.no_grad():
                return self.forward(x)
        finally:
            self.train(was_training)

    def parameters_by_name(self) -> dict[str, nn.Parameter]:
        """Return the parameters by name, in order, as `named_parameters` does, but several times faster."""
        return {
            f"{index}.{name}": param
            for index, layer in self._modules.items()
            for name, param in layer._parameters.items()  # type: ignore[union-attr]
            if param is not None
        }

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Copy tensors in, as `nn.Module` does; raises ValueError that names a missing, unknown or misshapen entry."""
        if strict:
            check_entries("parameters", state_dict, self.state_dict())
        return super().load_state_dict(state_dict, strict=strict, assign=assign)

    def as_tensor(self, values: Any) -> Tensor:
        """Return a tensor, or an array copied into one, in the network's dtype and on its device."""
        tensor: Tensor = values if isinstance(values, Tensor) else torch.tensor(values, device=self.device)
        return tensor.to(self.device, self.dtype)

    def as_mask(self, values: Any) -> Tensor:
        """Return a mask, or an array copied into one, on the network's device."""
        return values.to(self.device) if isinstance(values, Tensor) else torch.tensor(values, device=self.device)

    def as_targets(self, y: Any) -> Tensor:
        """Return targets (n, k) in the network's dtype, or class indices (n,) as int64, on its device."""
        targets: Tensor = y if isinstance(y, Tensor) else torch.tensor(y, device=self.device)
        is_classes = targets.ndim == 1 and not targets.is_floating_point()
        return targets.to(self.device, torch.int64 if is_classes else self.dtype)
