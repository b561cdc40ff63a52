"""A user's file, which mypy in strict mode finds nothing in."""

from collections.abc import Mapping
from typing import assert_type

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

import backprop_compare as bc
from backprop_compare import (
    ByHand,
    Check,
    Comparison,
    Implementation,
    Manual,
    PartsCheck,
    Problem,
    ProblemError,
    StepRecord,
    TorchRef,
    Trace,
    assert_equivalent,
    assert_same_gradients,
    check,
    data,
    differences,
    lesson_problem,
    manual,
    record,
    replay,
    torch_ref,
    train_in_lockstep,
)


class Mine:
    def load_state_dict(self, params: Mapping[str, NDArray[np.floating]]) -> None:
        self.params = dict(params)

    def step(self, x: NDArray[np.floating], y: NDArray[np.floating]) -> StepRecord:
        return StepRecord(params=self.params)

    def predict(self, x: NDArray[np.floating]) -> NDArray[np.floating]:
        return x


problem = Problem.draw((3, 2), lr=0.1)
assert_type(problem, Problem)
assert_type(train_in_lockstep(Manual(problem), TorchRef(problem), problem, steps=3), Comparison)
assert_type(check("mine.py", seed=1), Check | PartsCheck)
assert_type(assert_equivalent(Mine(), problem), Comparison)
assert_type(assert_equivalent("mine.py"), Check | PartsCheck)
assert_type(assert_equivalent(nn.Linear(2, 1), nn.Linear(2, 1), inputs=(3, 2)), Comparison)
side: Implementation = Mine()
print(assert_same_gradients(torch.sin, torch.sin, torch.ones(3)).verdict)
assert_type(lesson_problem(), Problem)
assert_type(replay("run", "mine.py"), Check)
assert_type(differences("one", Trace("two")), Comparison)
of_module = Problem.of(nn.Linear(2, 1), batches=[], loss="mse")
print(of_module.dtype, record(problem, "run", steps=3))
network = manual.Network((6, 2, 1), "sigmoid", seed=21)
losses: list[float] = manual.train(network, np.ones((3, 6)), np.ones((3, 1)), lr=0.5, epochs=1)
reference = torch_ref.Network((6, 2, 1), "sigmoid")
table = data.load_table("mine.csv", "y", kind="binary", drop=["id"], missing="drop")
print(table.names, bc.__version__, ByHand, reference, losses)
try:
    check("x", steps="many")  # type: ignore[arg-type]
except ProblemError as error:
    print(error)
