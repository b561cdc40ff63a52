"""Blocks of steps: which steps are run together, and a side's records of them, stacked."""

from collections.abc import Collection, Iterator, Mapping

import numpy as np

from ..problem.problem import Problem
from ..sides.interface import Implementation, InBlocks, StepRecord, abilities_of, combined, stacked
from ..sides.validation import LayoutError, checked_record
from ..support.arrays import Array, Batch

_BLOCK_STEPS = 256
_BLOCK_BYTES = 1 << 23

Phases = tuple[str, ...]


def blocks(problem: Problem, steps: int, ends: Collection[int] = (), most: int | None = None) -> Iterator[list[int]]:
    """Yield the steps 1 … `steps` in blocks of at most `most`, with batches of one shape in each, so that one ends at each of `ends`."""
    most = most_steps(problem) if most is None else most
    block: list[int] = []
    lengths = problem.batch_lengths(steps + 1)
    length = next(lengths)
    for number, following in enumerate(lengths, start=1):
        block.append(number)
        if number == steps or following != length or len(block) == most or number in ends:
            yield block
            block = []
        length = following


def most_steps(problem: Problem) -> int:
    """Return how many steps are run at once."""
    parameters = sum(array.size for array in problem.initial_parameters.values()) * (1 + len(problem.slots))
    records = max(problem.batch_lengths(problem.steps_per_epoch))
    bytes_per_step = 16 * (3 * parameters + records * sum(problem.sizes[1:]))      # of both sides, and of their differences
    return min(_BLOCK_STEPS, max(1, _BLOCK_BYTES // bytes_per_step))


def records_of(
    side: Implementation, problem: Problem, batches: list[Batch], before: Mapping[str, Array] | None = None, phases: Phases | None = None
) -> StepRecord:
    """Return the records of the side's steps on the batches, stacked; each step starts from the parameters in `before`, if there are any.

    Every step must show the `phases` that earlier steps showed, if any. Raises LayoutError at the first record that cannot be compared.
    """
    abilities = abilities_of(side)
    if isinstance(side, InBlocks) and abilities.in_blocks:
        return side.steps(batches, before)
    records: list[StepRecord] = []
    for position, batch in enumerate(batches):
        if before is not None:
            side.load_state_dict({name: array[position] for name, array in before.items()})
        try:
            records.append(checked_record(side.step(*copied(batch)), problem, batch, phases, abilities.dtype or problem.dtype))
            phases = records[0].phases
        except LayoutError as error:
            error.position, error.before = len(records), combined(records, stacked) if records else None
            raise
    return combined(records, stacked)


def copied(batch: Batch) -> Batch:
    """Return a copy of the batch, so that what a side does to its inputs does not reach the other side."""
    return tuple({name: _copy(mask) for name, mask in each.items()} if isinstance(each, dict) else _copy(each) for each in batch)


def _copy(array: Array) -> Array:
    own = array.copy()
    own.setflags(write=array.flags.writeable)
    return own


def stacked_inputs(batches: list[Batch]) -> tuple[Array, Array]:
    """Return the inputs and targets of the steps, stacked unless all steps have the same."""
    x, y = batches[0][:2]
    if all(batch[0] is x for batch in batches):
        return x, y
    return np.array([batch[0] for batch in batches]), np.array([batch[1] for batch in batches])
