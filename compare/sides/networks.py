"""A network of the table by hand, and the problem of its twin in PyTorch, from the same drawn weights."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from ..problem.networks import NETWORKS, Records
from ..problem.of_module import ModuleProblem, module_problem
from ..support.arrays import Array
from ..support.packages import beside
from .by_hand import ByHand

if TYPE_CHECKING:
    import manual
    import torch_ref
else:
    manual, torch_ref = beside("manual"), beside("torch_ref")


def network_sides(
    name: str, records: Records, *, epochs: int, batch_size: int, optimizer: str, optimizer_options: Mapping[str, Any], lr: float,
    dtype: str = "float64", seed: int = 21, device: str = "cpu", stages: bool = True,
) -> tuple[ByHand, ModuleProblem]:
    """Return both sides, with weights and mini-batches drawn from `seed`; with `stages` the one by hand shows its layers.

    Raises ProblemError for what cannot be trained.
    """
    row = NETWORKS[name]
    layer = manual.NETWORKS[row.network](manual.networks.drawing(seed, dtype), **records.sizes)
    twin = torch_ref.NETWORKS[row.network](lambda *shape: torch.zeros(shape, dtype=getattr(torch, dtype)), **records.sizes)
    ours, theirs = (manual.CrossEntropy(), torch_ref.CrossEntropy()) if row.loss == "cross_entropy" else (row.loss, row.loss)
    problem = module_problem(
        twin.to(device),
        batches=row.batches(records, epochs, batch_size, seed),
        loss=theirs,
        optimizer=optimizer,
        optimizer_options=optimizer_options,
        lr=lr,
        dtype=dtype,
        seed=seed,
        initial_parameters=layer.parameters(),
    )
    return ByHand(layer, ours, manual.OPTIMIZERS[optimizer](lr, **problem.optimizer_options), stages=stages), problem


def attention_of(layer: manual.Layer, path: str = "") -> dict[str, Array]:
    """Return the weights (n, heads, T, T) of each attention in the layer's last forward pass, by path."""
    found = {path: layer.weights} if isinstance(layer, manual.MultiheadAttention) else {}
    for name, child in layer.children().items():
        found |= attention_of(child, f"{path}.{name}" if path else name)
    return found
