"""The findings of a run: the first divergence, the steps that the envelope still has to decide about, and the steps kept for reports."""

from collections.abc import Collection

import numpy as np

from ..problem.problem import Problem
from ..rounding.block import Block
from ..rounding.difference import ComparedStep, Difference, Key
from ..support.arrays import Array
from .blocks import most_steps
from .judge import Screening, first_divergence, nearest_to_bounds, with_envelope

_ENVELOPES_AT_ONCE = 32


class Findings:
    """The findings of a run; `kept` holds the steps in `keep`, and the first step that differs."""

    def __init__(self, problem: Problem, keep: Collection[int]) -> None:
        self.problem, self.keep = problem, frozenset(keep)
        self.at_once = min(_ENVELOPES_AT_ONCE, most_steps(problem))
        self.divergence: Difference | None = None
        self.agreed: tuple[Key, ...] = ()
        self.series: dict[Key, list[Array]] = {}
        self.kept: dict[int, ComparedStep] = {}
        self.compared = 0
        self._suspects: list[Block] = []
        self._nearest: dict[Key, tuple[float, int, Block]] = {}      # the largest share of the screen's bound, and where

    def suspect(self, block: Block, settle: bool) -> None:
        """Add steps that the screen did not clear; the envelope decides with `settle` at once, else when they are many, or at the end."""
        if self.divergence is None:
            self._suspects.append(block)
            self.settle(unless_fewer_than=1 if settle else self.at_once)

    def settle(self, unless_fewer_than: int = 1) -> None:
        """Have the envelope decide about the steps that the screen did not clear, if there are at least that many of them."""
        if self.divergence is None and sum(len(block.steps) for block in self._suspects) >= unless_fewer_than:
            found = first_divergence(self.problem, self._suspects)
            if found is not None:
                self.divergence, self.agreed = found
                if self.keep:
                    self._keep(self._suspects, {self.divergence.step})
            self._suspects = []

    def differ(self, difference: Difference) -> None:
        """Record the difference as the first divergence, unless there is one before it."""
        self.settle()
        self.divergence = self.divergence or difference

    def add(self, block: Block, screening: Screening, n: int) -> None:
        """Add the first n steps of a block: their largest differences, shares of the bounds, and the records to keep."""
        for key, largest in screening.differences.items():
            self.series.setdefault(key, []).append(largest[:n])
        self.compared += n * sum(expected[0].size for _, expected in block.pairs.values())
        if self.keep:
            self._keep([block], self.keep.intersection(int(step) for step in block.steps[:n]))
        if self.divergence is None and not self.problem.is_large:
            for key, shares in screening.shares.items():
                position = int(np.argmax(shares))
                if key not in self._nearest or shares[position] > self._nearest[key][0]:
                    self._nearest[key] = (float(shares[position]), position, block)

    def worst(self) -> Difference | None:
        """Return the difference with the largest share of its bound, among the steps that the screen found nearest to theirs."""
        worst = [self.divergence] if self.divergence else []
        nearest = {int(block.steps[position]): block.at(np.array([position])) for _, position, block in self._nearest.values()}
        blocks = list(nearest.values())
        for start in range(0, len(blocks), self.at_once):
            nearest_ones = nearest_to_bounds(self.problem, blocks[start : start + self.at_once])
            worst += [each for each in nearest_ones if each.reason is None]      # of numbers too large for a bound there is no share
        return max(worst, key=lambda difference: difference.share, default=None)

    def _keep(self, blocks: list[Block], numbers: Collection[int]) -> None:
        """Keep the records of the steps of those numbers, with their envelopes."""
        for block in blocks:
            chosen = np.flatnonzero(np.isin(block.steps, list(numbers)))
            if len(chosen):
                self.kept |= {kept.step: kept for kept in with_envelope(self.problem, block.at(chosen))}
