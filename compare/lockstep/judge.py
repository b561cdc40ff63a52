"""The judge of a block of steps: the screen first, and the envelope for the steps that it does not clear."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..problem.problem import Problem
from ..rounding.arithmetic import Precision
from ..rounding.block import Block, Positions, tensors_by_key
from ..rounding.difference import ComparedStep, Difference, Key, largest_share, shares
from ..rounding.envelope import envelope, lost_in_drift, screen
from ..rounding.large_screen import LargeScreen
from ..sides.interface import combined
from ..support.arrays import Array


@dataclass(frozen=True)
class Screening:
    """Each step's largest difference and share of the screen's bound, by (phase, tensor); the large screen's shares are 0 or infinite."""

    differences: Mapping[Key, Array]
    shares: Mapping[Key, Array]

    def suspects(self) -> Positions:
        """Return the positions of the steps that the screen does not clear."""
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
    """Return whether the two sides' weights have drifted so far apart that in some step the bounds on some weight's gradient say nothing.

    Where every gap is within the rounding of one matrix product, that is so in no step, and no envelope is computed. A gap that is not
    finite is no drift.
    """
    gamma = Precision(problem.dtype).gamma(block.records)
    if not all(np.isfinite(gap).all() for gap in block.gaps.values()):
        return False
    if all((block.gaps[name] <= gamma * np.abs(block.before[name])).all() for name in problem.initial_parameters):
        return False
    return any(bool(steps.any()) for steps in lost_in_drift(problem, block).values())


def first_divergence(problem: Problem, blocks: Sequence[Block]) -> tuple[Difference, tuple[Key, ...]] | None:
    """Return the first number of the blocks outside its envelope, and the tensors of its step that agreed before it; or None."""
    found: list[tuple[Difference, tuple[Key, ...]]] = []
    for block in _joined(blocks):
        bounds, largest = _bounds_and_shares(problem, block)
        wrong = [position for position in np.argsort(block.steps) if any(share[position] > 1 for share in largest.values())]
        if wrong:
            keys = list(largest)
            tensor = next(key for key in keys if largest[key][wrong[0]] > 1)
            found.append((_difference(block, bounds, tensor, wrong[0]), tuple(keys[: keys.index(tensor)])))
    return min(found, key=lambda pair: pair[0].step, default=None)


def nearest_to_bounds(problem: Problem, blocks: Sequence[Block]) -> list[Difference]:
    """Return the number with the largest share of its envelope, for each (phase, tensor) of the blocks."""
    found = []
    for block in _joined(blocks):
        bounds, largest = _bounds_and_shares(problem, block)
        found += [_difference(block, bounds, key, np.argmax(share)) for key, share in largest.items()]
    return found


def _bounds_and_shares(problem: Problem, block: Block) -> tuple[Mapping[Key, Array], dict[Key, Array]]:
    """Return the block's envelope, and each step's largest share of it, by (phase, tensor)."""
    bounds = tensors_by_key(envelope(problem, block))
    return bounds, {key: shares(*pair, bounds[key]).reshape(len(block.steps), -1).max(axis=1) for key, pair in block.pairs.items()}


def _difference(block: Block, bounds: Mapping[Key, Array], key: Key, at: Any) -> Difference:
    """Return the number with the largest share of its bound in one tensor of the step at that position."""
    actual, expected = block.pairs[key]
    return largest_share(int(block.steps[at]), key, actual[at, ...], expected[at, ...], bounds[key][at, ...])


def _joined(blocks: Sequence[Block]) -> list[Block]:
    """Return the same steps in as few blocks as possible: blocks that share their inputs become one."""
    groups: dict[int, list[Block]] = {}
    for block in blocks:
        groups.setdefault(id(block.x) if block.x.ndim == 2 else id(block), []).append(block)
    return [_concatenated(group) if len(group) > 1 else group[0] for group in groups.values()]


def _concatenated(blocks: Sequence[Block]) -> Block:
    joined: dict[str, Any] = {"steps": np.concatenate([block.steps for block in blocks])}
    for name in ("actual", "expected"):
        joined[name] = combined([getattr(block, name) for block in blocks], np.concatenate)
    for name in ("masks", "before", "drift", "state_gaps"):
        columns = [getattr(block, name) for block in blocks]
        joined[name] = {key: np.concatenate([column[key] for column in columns]) for key in columns[0]}
    return replace(blocks[0], **joined)


def with_envelope(problem: Problem, block: Block) -> list[ComparedStep]:
    """Return each step of the block with its envelope."""
    allowed, kept = envelope(problem, block), []
    for i, step in enumerate(block.steps):
        drift = {name: block.decay[name] * array[i] for name, array in block.drift.items()}
        before = {name: block.before[name][i] + block.drift[name][i] for name in problem.initial_parameters}
        kept.append(ComparedStep(int(step), block.actual.at(i), block.expected.at(i), allowed.at(i), before, drift))
    return kept
