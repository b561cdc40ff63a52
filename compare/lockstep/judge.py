"""The judge of a block of steps: the screen first, and the envelope for the steps that it does not clear."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..problem.problem import Problem
from ..rounding.arithmetic import Precision
from ..rounding.block import Block, Positions, tensors_by_key
from ..rounding.difference import ComparedStep, Difference, Key, largest_share, shares
from ..rounding.envelope import envelope, lost_in_drift, screen
from ..rounding.large_screen import LargeScreen
from ..sides.interface import StepRecord, concatenate
from ..support.arrays import Array


@dataclass(frozen=True)
class Screening:
    """Of each step and each (phase, tensor): the largest difference, and the largest share of the screen's bound.

    Of a large network's products it is only known whether they are cleared: their share is 0 or infinite.
    """

    differences: Mapping[Key, Array]
    shares: Mapping[Key, Array]

    def suspects(self) -> Positions:
        """The positions of the steps that the screen does not clear."""
        return np.flatnonzero(~(np.array(list(self.shares.values())) <= 1).all(axis=0))


def screened(problem: Problem, block: Block, large: LargeScreen) -> Screening:
    """Compare every number that both sides show with the screen's bounds; NaN is never within."""
    differences: dict[Key, Array] = {}
    shares: dict[Key, Array] = {}
    cleared = large.of(block)
    with np.errstate(all="ignore"):
        floors = {} if block.pairs.keys() <= cleared.keys() else tensors_by_key(screen(problem, block, without=cleared))
        for key, (actual, expected) in block.pairs.items():
            if key in cleared:
                differences[key], is_within = cleared[key].screened(actual, expected)
                shares[key] = np.where(is_within, 0.0, np.inf)
                continue
            gap = np.abs(actual - expected).reshape(len(block.steps), -1)
            share = (gap / floors[key].reshape(gap.shape)).max(axis=1)
            if np.isnan(share).any():      # 0/0 is a share of 0; what else is NaN stays so
                share = np.divide(gap, floors[key].reshape(gap.shape), out=np.zeros_like(gap), where=gap != 0).max(axis=1)
            differences[key], shares[key] = gap.max(axis=1), share
    return Screening(differences, shares)


def is_lost_in_drift(problem: Problem, block: Block) -> bool:
    """Whether the two sides' weights have drifted so far apart that in some step the bounds say nothing of some weight's gradient.

    Drift that is within the rounding of the products in a step cannot do that, and costs no envelope here. What is no longer finite is no
    drift.
    """
    gamma = Precision(problem.dtype).gamma(block.records)
    if not all(np.isfinite(gap).all() for gap in block.gaps.values()):
        return False
    if all((block.gaps[name] <= gamma * np.abs(block.before[name])).all() for name in problem.initial_parameters):
        return False
    lost = lost_in_drift(problem, block)
    return bool(np.logical_or.reduce([steps.any() for steps in lost.values()]))


def first_divergence(problem: Problem, blocks: Sequence[Block]) -> tuple[Difference, tuple[Key, ...]] | None:
    """The first number of the blocks outside its envelope, and the tensors of its step that agreed before it; or None."""
    found: list[tuple[Difference, tuple[Key, ...]]] = []
    for block in joined(blocks):
        bounds = tensors_by_key(envelope(problem, block))
        pairs = block.pairs
        largest = {key: shares(*pair, bounds[key]).reshape(len(block.steps), -1).max(axis=1) for key, pair in pairs.items()}
        wrong_steps = [position for position in np.argsort(block.steps) if any(share[position] > 1 for share in largest.values())]
        if wrong_steps:
            at = wrong_steps[0]
            keys = list(pairs)
            wrong = next(key for key in keys if largest[key][at] > 1)
            actual, expected = pairs[wrong]
            difference = largest_share(int(block.steps[at]), wrong, actual[at, ...], expected[at, ...], bounds[wrong][at, ...])
            found.append((difference, tuple(keys[: keys.index(wrong)])))
    return min(found, key=lambda pair: pair[0].step, default=None)


def nearest_to_bounds(problem: Problem, blocks: Sequence[Block]) -> list[Difference]:
    """For each (phase, tensor) of the blocks: the number with the largest share of its envelope."""
    found = []
    for block in joined(blocks):
        bounds = tensors_by_key(envelope(problem, block))
        for key, (actual, expected) in block.pairs.items():
            at = np.argmax(shares(actual, expected, bounds[key]).reshape(len(block.steps), -1).max(axis=1))
            found.append(largest_share(int(block.steps[at]), key, actual[at, ...], expected[at, ...], bounds[key][at, ...]))
    return found


def joined(blocks: Sequence[Block]) -> list[Block]:
    """The same steps in as few blocks as can be: those that share their inputs become one."""
    groups: dict[int, list[Block]] = {}
    for block in blocks:
        groups.setdefault(id(block.x) if block.x.ndim == 2 else id(block), []).append(block)
    return [_concatenated(group) if len(group) > 1 else group[0] for group in groups.values()]


def _concatenated(blocks: Sequence[Block]) -> Block:
    def records(side: str) -> StepRecord:
        return concatenate([getattr(block, side) for block in blocks])

    def arrays(name: str) -> dict[str, Array]:
        columns = [getattr(block, name) for block in blocks]
        return {key: np.concatenate([column[key] for column in columns]) for key in columns[0]}

    return Block(
        np.concatenate([block.steps for block in blocks]),
        blocks[0].x,
        blocks[0].y,
        arrays("masks"),
        arrays("before"),
        arrays("drift"),
        arrays("state_gaps"),
        blocks[0].decay,
        records("actual"),
        records("expected"),
    )


def with_envelope(problem: Problem, block: Block) -> list[ComparedStep]:
    """Each step of the block beside its envelope."""
    allowed, kept = envelope(problem, block), []
    for i, step in enumerate(block.steps):
        drift = {name: block.decay[name] * array[i] for name, array in block.drift.items()}
        before = {name: block.before[name][i] + block.drift[name][i] for name in problem.initial_parameters}
        kept.append(ComparedStep(int(step), block.actual.at(i), block.expected.at(i), allowed.at(i), before, drift))
    return kept


