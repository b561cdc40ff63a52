"""The lesson's competitors: each side alone, both compared at every step, and the lesson's own loop.

All train the same network on the same records from the same weights.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np

import manual
import torch_ref
from benchmarks.record_loop import record_loop
from benchmarks.timing import Competitor, Ratio
from compare.adapters.manual import Manual
from compare.adapters.torch_ref import TorchRef
from compare.comparison import Mode
from compare.implementation import Array
from compare.lesson import EPOCHS
from compare.lockstep import train_in_lockstep
from compare.problem import Problem

PART = 30      # the record loop runs 1/30 of the epochs

MANUAL = "manual.train"
TORCH_REF = "torch_ref.train"
FREE = "lockstep, free"
FOLLOW = "lockstep, follow"
RECORD_LOOP = f"record loop (1/{PART} of the epochs, times {PART})"

RATIOS = (
    Ratio(
        f"comparing all {EPOCHS} steps (free) over running both sides one after the other without comparing",
        FREE,
        (MANUAL, TORCH_REF),
        bar=1.15,
    ),
    Ratio(
        f"comparing all {EPOCHS} steps (follow) over running both sides one after the other without comparing",
        FOLLOW,
        (MANUAL, TORCH_REF),
    ),
    Ratio("torch_ref over manual", TORCH_REF, (MANUAL,)),
    Ratio("the record loop over manual", RECORD_LOOP, (MANUAL,)),
)


def description(problem: Problem) -> str:
    """What is trained, in a line."""
    network = "-".join(map(str, problem.sizes))
    return f"the lesson: {network} {problem.activations[0]}, {problem.records} records, {EPOCHS} epochs, {problem.dtype}"


def competitors(problem: Problem) -> list[Competitor]:
    """All of them, with their networks built. Raises AssertionError where the three ways to train reach different weights."""
    x, y = problem.batch(1)
    hand, torch_side = Manual(problem), TorchRef(problem)
    loop = RecordLoop(problem)

    def reset() -> None:
        for side in (hand, torch_side, loop):
            side.load_state_dict(problem.initial_parameters)

    def compared(mode: Mode) -> None:
        comparison = train_in_lockstep(hand, torch_side, problem, steps=EPOCHS, mode=mode)
        if comparison.verdict != "equivalent" or comparison.steps != EPOCHS:
            raise AssertionError(f"lockstep in {mode} mode after {comparison.steps} steps: {comparison.explanation()}")

    train_manual = partial(manual.train, hand.network, x, y, lr=problem.lr, loss=problem.loss)
    train_torch_ref = partial(torch_ref.train, torch_side.network, x, y, lr=problem.lr, loss=problem.loss)

    reset()
    for train in (train_manual, train_torch_ref, loop.train):
        train(epochs=EPOCHS // PART)
    for side in (torch_side, loop):
        for name, array in side.state_dict().items():
            np.testing.assert_allclose(array, hand.state_dict()[name], rtol=1e-12, err_msg=f"{type(side).__name__}, {name}")

    return [
        Competitor(MANUAL, reset, partial(train_manual, epochs=EPOCHS)),
        Competitor(TORCH_REF, reset, partial(train_torch_ref, epochs=EPOCHS)),
        Competitor(FREE, reset, partial(compared, "free")),
        Competitor(FOLLOW, reset, partial(compared, "follow")),
        Competitor(RECORD_LOOP, reset, partial(loop.train, epochs=EPOCHS // PART), scale=PART),
    ]


class RecordLoop:
    """The lesson's loop on the problem's records, its arrays in the lesson's layout."""

    def __init__(self, problem: Problem) -> None:
        self.features, y = problem.batch(1)
        self.targets = y[:, 0].copy()
        self.learnrate = problem.lr

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        """Take over these parameters, by copy."""
        self.weights_input_hidden = params["0.weight"].T.copy()      # (in, hidden)
        self.weights_hidden_output = params["2.weight"][0].copy()    # (hidden,)

    def state_dict(self) -> dict[str, Array]:
        """The weights by PyTorch's names and in its layout."""
        return {"0.weight": self.weights_input_hidden.T, "2.weight": self.weights_hidden_output[None]}

    def train(self, *, epochs: int) -> None:
        """Run the loop for that many epochs."""
        record_loop(
            self.features,
            self.targets,
            self.weights_input_hidden,
            self.weights_hidden_output,
            epochs=epochs,
            learnrate=self.learnrate,
        )
