"""The state that the two sides carry from step to step, parameters, buffers and the optimiser's state, and how far apart it is."""

from collections.abc import Mapping

import numpy as np

from ..problem.problem import Problem
from ..rounding.block import Block
from ..rounding.envelope import envelope
from ..sides.interface import StepRecord
from ..support.arrays import Array
from ..support.errors import ProblemError

Parameters = Mapping[str, Array]


class Carried:
    """The state of both sides between two blocks.

    `now` is the state of the actual and the expected side, by name; `gaps` are bounds on how far apart the state is that only the expected
    side shows.
    """

    def __init__(self, problem: Problem, own: tuple[Parameters, Parameters]) -> None:
        start = initial_state(problem)
        self.problem = problem
        self.now: tuple[Parameters, Parameters] = ({**start, **own[0]}, {**start, **own[1]})
        self.gaps = {name: np.zeros(array.shape) for name, array in start.items() if name not in problem.initial_parameters}
        self.drift = 0.0      # the largest gap between the two sides' parameters before the last step

    @property
    def has_state(self) -> bool:
        """Whether buffers or optimiser state are carried, and not only parameters."""
        return bool(self.gaps)

    def into(self, side: int, record: StepRecord, n: int) -> dict[str, Array]:
        """Return the state before each of n steps, by name, of side 0, the actual one, or 1, the expected one; raise if it is not shown.

        It is the state at the end of the block before, then the state that the record shows after each step.
        """
        after = shown_state(record)
        before: dict[str, Array] = {}
        for name, array in self.now[side].items():
            if name in after:
                before[name] = np.concatenate([array[None], after[name][:-1]])
            elif n == 1:
                before[name] = array[None]
            else:
                raise ProblemError(f"{name} is not shown after each step; expected it, to know where the next step starts")
            before[name].flags.writeable = False
        return before

    def carry_on(self, block: Block, position: int) -> None:
        """Take over the state after the step at that position of the block."""
        self.drift = max(float(np.abs(block.drift[name][position]).max()) for name in self.problem.initial_parameters)
        records = block.actual, block.expected
        self.now = tuple(  # type: ignore[assignment]
            {name: array[position] for name, array in shown_state(record).items() if name in now}
            for now, record in zip(self.now, records, strict=True)
        )
        if self.gaps.keys() - self.now[0].keys():
            bounds = envelope(self.problem, block)
            self.gaps = {name: gap[position] for name, gap in ((bounds.buffers or {}) | (bounds.state or {})).items()}  # type: ignore[operator]

    def gaps_between(self) -> dict[str, Array]:
        """Return a bound on the difference of the two sides' states, by name."""
        actual, expected = self.now
        return {name: np.abs(actual[name] - expected[name]) if name in actual else self.gaps[name] for name in expected}

    def final(self, side: int) -> dict[str, Array] | None:
        """Return the side's parameters and buffers that are shown, or None."""
        names = [*self.problem.initial_parameters, *self.problem.buffer_shapes()]
        return {name: self.now[side][name] for name in names if name in self.now[side]} or None


def initial_state(problem: Problem) -> dict[str, Array]:
    """Return the state before step 1, by name: parameters, running statistics, and an optimiser's state of zeros."""
    statistics = {name: array for name, array in problem.initial_buffers().items() if name in problem.buffer_shapes()}
    zeros = {name: np.zeros(shape, problem.dtype) for name, shape in problem.state_shapes().items()}
    return {**problem.initial_parameters, **statistics, **zeros}


def shown_state(record: StepRecord) -> dict[str, Array]:
    """Return the state that the record shows: parameters, buffers and optimiser state, by name."""
    return {**(record.params or {}), **(record.buffers or {}), **(record.state or {})}
