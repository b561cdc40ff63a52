"""The state that the two sides carry from step to step, parameters, buffers and the optimiser's state, and how far apart it is."""


import numpy as np

from ..problem.problem import Problem
from ..sides.interface import StepRecord
from ..support.arrays import Array
from ..support.errors import ProblemError
from .judge import Judged, State


class Carried:
    """The state of both sides between two blocks.

    `now` is the state of the actual and the expected side, by name. What the actual side does not show of its own is as the formulas have
    it, and `hidden` says how far that may be off.
    """

    def __init__(self, problem: Problem, own: tuple[State, State]) -> None:
        start = initial_state(problem)
        self.problem = problem
        self.now: tuple[State, State] = ({**start, **own[0]}, {**start, **own[1]})
        self.hidden: dict[str, Array] = {name: np.zeros(array.shape) for name, array in start.items()}
        self.unshown: frozenset[str] = frozenset()      # what the actual side does not show
        self.drift = 0.0      # the largest gap between the two sides' parameters before the last step

    @property
    def has_state(self) -> bool:
        """Whether buffers or optimiser state are carried, and not only parameters."""
        return len(self.hidden) > len(self.problem.initial_parameters)

    def into(self, side: int, record: StepRecord, n: int) -> dict[str, Array]:
        """Return the state before each of n steps, by name, of side 0, the actual one, or 1, the expected one; raise if it is not shown.

        It is the state at the end of the block before, then the state that the record shows after each step.
        """
        after = record.carried
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

    def carry_on(self, judged: Judged, position: int) -> None:
        """Take over the state after the step at that position of the block."""
        block = judged.block
        names = self.problem.initial_parameters
        self.drift = max(float(np.abs(block.starts[0][name][position] - block.starts[1][name][position]).max()) for name in names)
        expected = block.expected.carried
        self.now = judged.state_after(position), {name: expected[name][position] for name in self.now[1] if name in expected}
        self.hidden |= judged.hidden_after(position)
        self.unshown = frozenset(block.hidden)

    def final(self, side: int) -> dict[str, Array] | None:
        """Return the side's parameters and buffers that are shown, or None."""
        names = [*self.problem.initial_parameters, *self.problem.buffer_shapes()]
        return {name: self.now[side][name] for name in names if name in self.now[side] and (side or name not in self.unshown)} or None


def initial_state(problem: Problem) -> dict[str, Array]:
    """Return the state before step 1, by name: parameters, running statistics, and the optimiser's state."""
    statistics = {name: array for name, array in problem.initial_buffers().items() if name in problem.buffer_shapes()}
    starts = problem.slot_starts
    slots = {name: np.full(shape, starts[name.rpartition(".")[2]], problem.dtype) for name, shape in problem.state_shapes().items()}
    return {**problem.initial_parameters, **statistics, **slots}
