"""How small a mistake is seen beside a module: `python -m tests.sharpness` plants many, each at a drawn place, and counts those found.

A plant is one element of one gradient that is wrong by a part of the tensor's largest, or a submodule's output that is cast to float32 and
back. Exit code 0 if every one is seen, else 1.
"""

import argparse
import copy
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks import networks
from compare import Problem, StepRecord, lesson_problem
from compare.lockstep.of_module import train_beside_module
from compare.problem.of_module import ModuleProblem
from compare.sides.module import ModuleSide
from compare.support.arrays import Array
from torch_ref import Network


class LastOutput(nn.Module):
    """An LSTM and a linear layer on its last output."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(8, 24, batch_first=True), nn.Linear(24, 5)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores (n, 5)."""
        return self.head(self.lstm(x)[0][:, -1])  # type: ignore[no-any-return]


class OneElementOff:
    """The reference's own numbers, with one element of one gradient wrong by a part of the tensor's largest."""

    def __init__(self, problem: ModuleProblem, part: float, seed: int) -> None:
        self.side, self.part, self.generator = ModuleSide(problem, plain=True), part, np.random.default_rng(seed)

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        """Load them."""
        self.side.load_state_dict(params)

    def step(self, *batch: Any) -> StepRecord:
        """Return the record with that element."""
        record = self.side.step(*batch)
        assert record.grads is not None
        grads = {name: array.copy() for name, array in record.grads.items()}
        name = self.generator.choice([name for name, array in grads.items() if array.any()])
        grads[name].flat[self.generator.integers(grads[name].size)] += self.part * np.abs(grads[name]).max()
        return replace(record, grads=grads)

    def predict(self, *inputs: Any) -> Array:
        """Return the reference's prediction."""
        return self.side.predict(*inputs)


def cast(problem: ModuleProblem, seed: int) -> nn.Module:
    """Return the reference with the output of one submodule cast to float32 and back."""
    module = copy.deepcopy(problem.module)
    paths = [path for path, each in module.named_modules() if path and not isinstance(each, (nn.ModuleList, nn.LSTM))]
    chosen = module.get_submodule(np.random.default_rng(seed).choice(paths))
    chosen.register_forward_hook(lambda each, arguments, out: out.float().to(out.dtype))
    return module


def lesson() -> ModuleProblem:
    """Return the lesson, its network a module like any other."""
    problem = lesson_problem()
    options: Any = {"loss": "half_mse", "lr": problem.lr, "initial_parameters": problem.initial_parameters}
    return Problem.of(Network((6, 2, 1)), batches=[problem.batch(1)], **options)


def lstm() -> ModuleProblem:
    """Return an LSTM on drawn sequences of 12."""
    generator = np.random.default_rng(0)
    batches = [(generator.normal(size=(16, 12, 8)), generator.integers(0, 5, 16)) for _ in range(3)]
    torch.manual_seed(0)
    return Problem.of(LastOutput(), batches=batches, loss="cross_entropy", optimizer="adam", lr=0.01, dtype="float64")


PROBLEMS: Mapping[str, tuple[Callable[[], ModuleProblem], float]] = {
    "the lesson": (lesson, 1e-12),
    "two-block GPT": (lambda: networks.gpt()[1], 1e-12),
    "LSTM": (lstm, 1e-12),
    "LeNet": (lambda: networks.lenet()[1], 1e-11),
}


def seen(make: Callable[[int], Any], problem: ModuleProblem, plants: int) -> int:
    """Return how many of so many plants are called different."""
    return sum(train_beside_module(make(seed), problem, steps=1, mode="follow").verdict == "different" for seed in range(plants))


def main(argv: Sequence[str] | None = None) -> int:
    """Plant, count and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.sharpness", description="Small mistakes beside a module: each must be seen.")
    parser.add_argument("--plants", type=int, default=100, metavar="N", help="of each kind in each network (default 100)")
    plants = parser.parse_args(argv).plants
    torch.set_num_threads(1)
    missed = 0
    for name, (make, part) in PROBLEMS.items():
        problem = make()
        found = seen(partial(OneElementOff, problem, part), problem, plants)
        casts = seen(partial(cast, problem), problem, plants)
        counts = f"one element off by {part:.0e} of the largest: {found} of {plants}; a cast to float32: {casts} of {plants}"
        print(f"{name:14} {counts}", flush=True)
        missed += 2 * plants - found - casts
    print("every one is seen" if not missed else f"{missed} are not seen")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
