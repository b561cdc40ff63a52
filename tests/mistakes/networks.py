"""The networks that mistakes are planted in: layers, loss and update, as an attempt's PROBLEM names them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SLOPED = ("sigmoid", "tanh", "relu", "leaky_relu")


@dataclass(frozen=True)
class Network:
    """One network and its training; `activations` are one for each layer, `options` the optimiser's beside the learning rate.

    `targets` is "classes" where they are class indices (n,).
    """

    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    bias: bool = True
    loss: str = "half_mse"
    reduction: str = "mean"
    optimizer: str = "sgd"
    options: Mapping[str, Any] = field(default_factory=dict)
    lr: float = 0.3
    targets: str | None = None

    @property
    def depth(self) -> int:
        """The number of weight layers."""
        return len(self.activations)

    @property
    def layers(self) -> range:
        """The layers' numbers, from 1."""
        return range(1, self.depth + 1)

    @property
    def outputs(self) -> int:
        """The number of output units."""
        return self.sizes[-1]

    @property
    def is_mean_over_outputs(self) -> bool:
        """Whether the loss is a mean over outputs as well as over records."""
        return self.reduction == "mean" and self.loss != "cross_entropy"

    @property
    def is_adaptive(self) -> bool:
        """Whether the update is Adam's, which hardly sees the gradient's scale."""
        return self.optimizer != "sgd"

    @property
    def errors_sum_to_zero(self) -> bool:
        """Whether the output's δ of a record add up to 0, as a softmax's do."""
        return self.loss == "cross_entropy" or self.activations[-1] == "softmax"

    @property
    def decay(self) -> float:
        """The weight decay λ, 0 if there is none."""
        return float(self.options.get("weight_decay", 0.01 if self.optimizer == "adamw" else 0.0))

    @property
    def decays_weights_alone(self) -> bool:
        """Whether its biases have no weight decay."""
        return self.options.get("decay") == "weights"

    def activation(self, layer: int) -> str:
        """The name of that layer's activation."""
        return self.activations[layer - 1]

    def is_square(self, layer: int) -> bool:
        """Whether that layer has as many units as inputs, at least 2."""
        return self.sizes[layer] == self.sizes[layer - 1] > 1

    def weight(self, layer: int) -> str:
        """The name of that layer's weights."""
        return f"{2 * (layer - 1)}.weight"

    def bias_name(self, layer: int) -> str:
        """The name of that layer's biases."""
        return f"{2 * (layer - 1)}.bias"

    def problem(self) -> dict[str, Any]:
        """It as an attempt's PROBLEM."""
        fields = {"sizes": self.sizes, "activations": self.activations, "bias": self.bias, "loss": self.loss}
        fields |= {"targets": self.targets} if self.targets else {}
        return {**fields, "reduction": self.reduction, "optimizer": self.optimizer, "lr": self.lr, **self.options}


_MOMENTUM = {"momentum": 0.9}
_SIGMOIDS = ("sigmoid", "sigmoid", "sigmoid")

NETWORKS = (
    Network((6, 2, 1), ("sigmoid", "sigmoid"), bias=False),
    Network((3, 4, 2), ("sigmoid", "sigmoid")),
    Network((4, 5, 5, 2), _SIGMOIDS),
    Network((4, 5, 5, 2), ("tanh", "tanh", "identity"), loss="mse"),
    Network((5, 4, 4, 3, 2), ("relu", "tanh", "sigmoid", "sigmoid"), loss="bce"),
    Network((4, 4, 4, 1), ("leaky_relu", "leaky_relu", "sigmoid"), loss="bce"),
    Network((3, 4, 3), ("relu", "identity"), loss="cross_entropy"),
    Network((4, 5, 5, 3), ("relu", "relu", "identity"), bias=False, loss="cross_entropy"),
    Network((3, 4, 3), ("tanh", "softmax"), loss="mse"),
    Network((3, 4, 2), ("tanh", "sigmoid"), options=_MOMENTUM),
    Network((4, 5, 5, 2), _SIGMOIDS, options={**_MOMENTUM, "weight_decay": 0.05}),
    Network((3, 4, 2), ("tanh", "identity"), loss="mse", options={**_MOMENTUM, "nesterov": True}, lr=0.1),
    Network((3, 4, 2), ("sigmoid", "sigmoid"), options={"weight_decay": 0.05}),
    Network((3, 4, 2), ("tanh", "sigmoid"), optimizer="adam"),
    Network((4, 5, 5, 2), ("relu", "tanh", "identity"), loss="mse", optimizer="adam", options={"weight_decay": 0.05}),
    Network((3, 4, 3), ("leaky_relu", "identity"), loss="cross_entropy", optimizer="adamw", options={"weight_decay": 0.1}),
    Network((3, 4, 2), ("tanh", "sigmoid"), options={**_MOMENTUM, "weight_decay": 0.05, "decay": "weights"}),
)
