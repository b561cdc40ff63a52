"""Drawn runs of networks in plain NumPy beside PyTorch's modules."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from compare import Comparison, Problem
from compare.lockstep.of_module import train_beside_module
from tests.compare.numpy_networks.modules import over_positions
from tests.compare.numpy_networks.networks import NETWORKS, drawn_network, pick
from tests.compare.numpy_networks.passes import Ways
from tests.compare.numpy_networks.trainer import Trainer
from tests.compare.numpy_networks.updates import KINDS, MOMENTUM, Update


@dataclass(frozen=True)
class DrawnRun:
    """A run that is drawn, and not yet made: its kind of network, the honest side and the problem, mode and number of steps."""

    kind: str
    trainer: Trainer
    problem: Any
    mode: Any
    steps: int

    def __str__(self) -> str:
        update, module = self.trainer.update, str(self.problem.module)
        return (
            f"{self.kind}, {self.problem.dtype}, {self.mode}, {self.steps} steps, {self.trainer.loss}, {update}\n{module}\n"
            f"ways: {self.trainer.ways.chosen}"
        )

    def compared(self, side: Any = None) -> Comparison:
        """Make the run with the honest side, or another in its place."""
        return train_beside_module(side or self.trainer, self.problem, steps=self.steps, mode=self.mode)


def drawn(seed: int, *, ways: Mapping[str, int] | None = None, **given: Any) -> DrawnRun:
    """The run of that seed: kind, shapes, forms, dtype, mode, optimiser, steps and what is shown, unless given."""
    draw = np.random.default_rng((seed, 3))

    def choose(name: str, *choices: Any) -> Any:
        picked = pick(draw, *choices)      # also where it is not used, so that all others stay
        return given.get(name, picked)

    kind, dtype, mode = choose("kind", *NETWORKS), choose("dtype", "float64", "float32"), choose("mode", "free", "follow")
    network = drawn_network(kind, seed)
    update = Update(
        choose("update", *KINDS), choose("lr", 0.1, 0.01, 0.001), choose("decay", 0.0, 0.0, 0.01, 0.1), choose("form", 0, 1)
    )
    sizes = [int(n) for n in draw.integers(2, 13, size=draw.integers(1, 4))]
    problem = Problem.of(
        network.module,
        batches=[network.batch(draw, n) for n in sizes],
        loss=over_positions if network.positions else network.loss,
        dtype=dtype,
        seed=seed,
        **optimizer_of(update),
    )
    paths = [path for path, _ in network.module.named_modules()]
    trainer = Trainer(
        network.forward,
        network.loss,
        update,
        Ways(seed, ways),
        stages=choose("stages", paths, ()),
        shows_state=choose("shows_state", True, False),
        shows_deltas=choose("shows_deltas", True, False),
        apart=network.apart,
    )
    steps = given.get("steps", int(draw.integers(2, 26)))
    return DrawnRun(kind, trainer, problem, mode, steps)


def optimizer_of(update: Update) -> dict[str, Any]:
    """The problem's options for that update."""
    if update.kind == "rmsprop":
        return {"optimizer": lambda parameters: torch.optim.RMSprop(parameters, lr=update.lr, weight_decay=update.decay)}
    options: dict[str, Any] = {"weight_decay": update.decay}
    if update.kind in ("momentum", "nesterov"):
        options |= {"momentum": MOMENTUM, "nesterov": update.kind == "nesterov"}
    return {"optimizer": update.kind if update.kind.startswith("adam") else "sgd", "optimizer_options": options, "lr": update.lr}


def drawn_run(seed: int) -> Comparison:
    """The comparison of the run of that seed."""
    return drawn(seed).compared()
