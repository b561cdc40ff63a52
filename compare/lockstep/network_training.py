"""The training of a network of the table, by hand and by PyTorch in lockstep, with what each reaches on the test records."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..problem.networks import NETWORKS, Records
from ..sides.module import ModuleSide
from ..sides.networks import attention_of, network_sides
from ..support.arrays import Array
from .difference import Mode
from .of_module import train_beside_module
from .result import Comparison
from .training import reported_epochs


@dataclass(frozen=True)
class NetworkTraining:
    """The comparison, and each side's measure on the test records after the reported epochs.

    The measure's name is in the network's row of `compare.problem.networks`. `outputs` are those of the side by hand for the test records,
    after the last step, and `attention` is how its places weigh each other in the first, by path, (heads, T, T).
    """

    network: str
    records: Records
    comparison: Comparison
    steps_per_epoch: int
    epochs: list[int]
    manual: list[float]
    torch_ref: list[float]
    outputs: Array
    attention: Mapping[str, Array]


def train_network(
    name: str,
    *,
    data: str | None = None,
    split_seed: int = 21,
    epochs: int,
    batch_size: int,
    every: int | None = None,
    mode: Mode = "free",
    keep: Callable[[int], Collection[int]] = lambda steps: (),
    progress: Callable[[int, int], None] = lambda step, steps: None,
    **training: Any,
) -> NetworkTraining:
    """Train it for that many epochs; further options are those of `network_sides`.

    `keep` returns which steps to keep of how many, and `progress` is called with each step and how many there are.
    """
    row = NETWORKS[name]
    records = row.read(data, split_seed)
    by_hand, problem = network_sides(name, records, epochs=epochs, batch_size=batch_size, **training)
    steps, (x, y) = len(problem.batches), records.test
    per_epoch = steps // epochs
    x = x.astype(problem.array_dtype) if x.dtype.kind == "f" else x
    after = {(epoch + 1) * per_epoch for epoch in reported_epochs(epochs, every)} | {steps}
    reached: list[int] = []
    measures: tuple[list[float], list[float]] = ([], [])

    def observe(step: int, reference: ModuleSide) -> None:
        progress(step, steps)
        if step in after:
            reached.append(step // per_epoch)
            for measured, output in zip(measures, (by_hand.predict(x), reference.predict(x)), strict=True):
                measured.append(row.measured(output, y))

    comparison = train_beside_module(by_hand, problem, steps=steps, mode=mode, keep=keep(steps), observe=observe)
    with np.errstate(all="ignore"):
        outputs = by_hand.predict(x)
        by_hand.predict(x[:1])
    attention = {path: weights[0] for path, weights in attention_of(by_hand.layer).items()}
    return NetworkTraining(name, records, comparison, per_epoch, reached, *measures, outputs, attention)
