"""The table of pieces: every activation, loss, normalisation and optimiser that both backends have, a row for each.

The command line, the tests and the documentation are made from it. The definition of a row is under its name in `manual`, its counterpart
in `torch_ref`, and how it rounds in `compare.formulas`; docs/adding-a-piece.md walks through adding one. Importing this module loads
neither NumPy nor torch.
"""

from __future__ import annotations

TYPE_CHECKING = False      # as `typing` has it; it and `dataclasses` take longer to import than the command line's help to print
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal

    Targets = Literal["regression", "binary", "classes"]


class Piece:
    """One row: a name, an equation, and PyTorch's counterpart."""

    def __init__(self, name: str, equation: str, torch: str) -> None:
        self.name, self.equation, self.torch = name, equation, torch


class LossPiece(Piece):
    """A loss, with the equation of one term ℓ. `over` is what the mean divides by: the number of the output's elements, or of its records.

    `targets`: numbers ("regression"), numbers from 0 to 1 ("binary"), or class indices or probabilities of classes ("classes").
    `output` is the output layer's default activation; `only` are the activations that it may have, or empty for any.
    """

    def __init__(
        self, name: str, equation: str, torch: str, *, over: Literal["elements", "records"] = "elements",
        targets: Targets = "regression", output: str = "identity", only: tuple[str, ...] = (),
    ) -> None:
        super().__init__(name, equation, torch)
        self.over, self.targets, self.output, self.only = over, targets, output, only


class OptimizerPiece(Piece):
    """An optimiser; `options` are its hyperparameters beside the learning rate, with PyTorch's defaults.

    PyTorch has no option `decay`: "weights" is its two parameter groups, the weights with `weight_decay` and the rest without.
    `slots` are the names in PyTorch of each parameter's state, each with the option that has to be set for it, or None if there always is
    one. State starts from zeros, or from the option that `starts` names.
    """

    def __init__(
        self, name: str, equation: str, torch: str, *, options: Mapping[str, Any], slots: Mapping[str, str | None],
        starts: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(name, equation, torch)
        self.options, self.slots, self.starts = options, slots, starts or {}

    def slots_with(self, options: Mapping[str, Any]) -> dict[str, float]:
        """Return the slots of the optimiser with these options, and the number that each starts from."""
        chosen = (slot for slot, option in self.slots.items() if option is None or options[option])
        return {slot: options[self.starts[slot]] if slot in self.starts else 0.0 for slot in chosen}


def _by_name(*rows: Any) -> dict[str, Any]:
    return {row.name: row for row in rows}


ACTIVATIONS: dict[str, Piece] = _by_name(
    Piece("sigmoid", "1 / (1 + e⁻ᶻ)", "torch.sigmoid"),
    Piece("tanh", "(eᶻ − e⁻ᶻ) / (eᶻ + e⁻ᶻ)", "torch.tanh"),
    Piece("relu", "max(z, 0)", "torch.relu"),
    Piece("leaky_relu", "z for z > 0, else 0.01 z", "F.leaky_relu"),
    Piece("elu", "z for z > 0, else eᶻ − 1", "F.elu"),
    Piece("gelu", "z Φ(z), Φ(z) = ½ (1 + erf(z/√2))", "F.gelu"),
    Piece("gelu_tanh", "½ z (1 + tanh(√(2/π) (z + 0.044715 z³)))", 'F.gelu(approximate="tanh")'),
    Piece("silu", "z σ(z)", "F.silu"),
    Piece("softplus", "log(1 + eᶻ)", "F.softplus(threshold=40)"),
    Piece("softmax", "e^zᵢ / Σⱼ e^zⱼ over the units", "F.softmax(dim=-1)"),
    Piece("log_softmax", "zᵢ − log Σⱼ e^zⱼ over the units", "F.log_softmax(dim=-1)"),
    Piece("identity", "z", "nn.Identity"),
)

LOSSES: dict[str, LossPiece] = _by_name(
    LossPiece("half_mse", "½ (ŷ − y)²", "0.5 * F.mse_loss"),
    LossPiece("mse", "(ŷ − y)²", "F.mse_loss"),
    LossPiece("sse", "Σₖ (ŷ − y)²", 'F.mse_loss(reduction="sum") / n', over="records"),
    LossPiece("l1", "|ŷ − y|", "F.l1_loss"),
    LossPiece("huber", "½ d² for |d| ≤ 1, else |d| − ½, d = ŷ − y", "F.huber_loss"),
    LossPiece("smooth_l1", "½ d² for |d| < 1, else |d| − ½, d = ŷ − y", "F.smooth_l1_loss"),
    LossPiece("hinge", "max(0, 1 − y ŷ), y = ±1", "F.relu(1 - y * output)"),
    LossPiece(
        "bce", "−y log ŷ − (1 − y) log(1 − ŷ)", "F.binary_cross_entropy", targets="binary", output="sigmoid", only=("sigmoid", "softmax")
    ),
    LossPiece("bce_with_logits", "log(1 + e^ŷ) − y ŷ", "F.binary_cross_entropy_with_logits", targets="binary"),
    LossPiece("cross_entropy", "−Σₖ yₖ log softmax(ŷ)ₖ", "F.cross_entropy", over="records", targets="classes"),
)

REDUCTIONS = ("mean", "sum", "batchmean")      # of the terms; the last is their sum over the number of records

TARGETS = ("classes", "one_hot", "binary")      # kinds that a file may declare: class indices, one 1 in each row, or only 0 and 1

NORMALIZATIONS: dict[str, Piece] = _by_name(
    Piece("layer_norm", "γ (z − μ) / √(v + ε) + β, μ and v of each record over its units", "F.layer_norm"),
    Piece("batch_norm", "γ (z − μ) / √(v + ε) + β, μ and v of each unit over the batch", "F.batch_norm"),
)

DECAYS = ("all", "weights")      # the parameters with weight decay: every one, or the weights without biases, γ and β

_SLOTS = {"exp_avg": None, "exp_avg_sq": None}
_DECAY = {"weight_decay": 0.0, "decay": "all"}
_ADAM = {"betas": (0.9, 0.999), "eps": 1e-8, **_DECAY}

OPTIMIZERS: dict[str, OptimizerPiece] = _by_name(
    OptimizerPiece(
        "sgd",
        "g ← g + λ w; b ← μ b + (1 − dampening) g; Δw = −lr b",
        "torch.optim.SGD",
        options={"momentum": 0.0, "dampening": 0.0, "nesterov": False, **_DECAY},
        slots={"momentum_buffer": "momentum"},
    ),
    OptimizerPiece("adam", "g ← g + λ w; Δw = −lr m̂ / (√v̂ + ε)", "torch.optim.Adam", options=_ADAM, slots=_SLOTS),
    OptimizerPiece("adamw", "Δw = −lr λ w − lr m̂ / (√v̂ + ε)", "torch.optim.AdamW", options=_ADAM | {"weight_decay": 0.01}, slots=_SLOTS),
    OptimizerPiece(
        "rmsprop",
        "g ← g + λ w; v ← α v + (1 − α) g²; Δw = −lr g / (√v + ε)",
        "torch.optim.RMSprop",
        options={"alpha": 0.99, "eps": 1e-8, "momentum": 0.0, "centered": False, **_DECAY},
        slots={"square_avg": None, "momentum_buffer": "momentum", "grad_avg": "centered"},
    ),
    OptimizerPiece(
        "adagrad",
        "g ← g + λ w; s ← s + g²; Δw = −lr / (1 + (t − 1) lr_decay) · g / (√s + ε)",
        "torch.optim.Adagrad",
        options={"lr_decay": 0.0, "eps": 1e-10, "initial_accumulator_value": 0.0, **_DECAY},
        slots={"sum": None},
        starts={"sum": "initial_accumulator_value"},
    ),
)
