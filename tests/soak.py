"""A long soak: `python -m tests.soak` trains honest sides beside PyTorch on drawn problems, and counts false alarms.

Half of the sides are `manual`, half the tests' own `Variant` in one of its forms; problems are drawn over every row of the table of pieces,
with mini-batches, dropout, accumulation, both dtypes and both modes. A run whose numbers overflow, or whose textbook formula does, says
nothing and is counted by itself. Exit code 0 without a false alarm, else 1.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np
import torch

from compare import Comparison, Manual, Problem, StepRecord, TorchRef, train_in_lockstep
from tests.compare.problems import drawn_problem
from tests.compare.variants import PRODUCTS, Variant


class Watched(Variant):
    """A variant that notes whether one of its formulas comes to NaN, as inf/inf does, also where a mask hides it."""

    overflows = 0

    def step(self, *batch: Any) -> StepRecord:
        with np.errstate(invalid="call", call=self._note):
            return super().step(*batch)

    def _note(self, what: str, flag: int) -> None:
        self.overflows += 1


def drawn_run(seed: int) -> tuple[str, Comparison, bool]:
    """What was compared, in words, the comparison, and whether a textbook formula came to NaN in it."""
    generator = np.random.default_rng((seed, 1))
    is_variant, stages = bool(generator.integers(2)), bool(generator.integers(2))
    mode: Any = ("free", "follow")[generator.integers(2)]
    steps = int(generator.integers(1, 25))
    problem = drawn_problem(seed, **({"accumulate": 1} if is_variant else {}))
    side: Any = variant(problem, generator, stages) if is_variant else Manual(problem, stages=stages)
    with np.errstate(all="ignore"):
        comparison = train_in_lockstep(side, TorchRef(problem, stages=stages), problem, steps=steps, mode=mode)
    return f"seed {seed}, {type(side).__name__}, {mode}", comparison, isinstance(side, Watched) and side.overflows > 0


def variant(problem: Problem, generator: np.random.Generator, stages: bool) -> Watched:
    """An honest trainer in one of its forms."""
    form, slope, update = (int(generator.integers(n)) for n in (3, 3, 2))
    product, mean_in = int(generator.integers(len(PRODUCTS))), ("error", "grads", "update")[generator.integers(3)]
    return Watched(problem, form, slope, product, mean_in, update, stages=stages, shows_state=bool(generator.integers(2)))


def outcome(comparison: Comparison, has_overflowed: bool) -> str:
    """Equivalent, overflowed, or a false alarm."""
    if comparison.verdict == "equivalent":
        return "equivalent"
    found = comparison.first_divergence
    has_no_bound = found is not None and found.reason is not None and ("no longer finite" in found.reason or "no bound" in found.reason)
    return "overflowed" if has_no_bound or has_overflowed else "false alarm"


def main(argv: Sequence[str] | None = None) -> int:
    """Run with the command line's options; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Honest runs: none may be called different.")
    parser.add_argument("--runs", type=int, default=10_000, metavar="N", help="how many (default 10000)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the first; the others count on from it (default 0)")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    counts: Counter[str] = Counter()
    steps = numbers = followed = 0
    worst = 0.0
    started = perf_counter()
    for seed in range(options.seed, options.seed + options.runs):
        what, comparison, has_overflowed = drawn_run(seed)
        result = outcome(comparison, has_overflowed)
        counts[result] += 1
        steps, numbers = steps + comparison.steps, numbers + comparison.compared
        followed += comparison.followed_from is not None
        if result == "false alarm":
            print(f"{what}\n{comparison.problem}\n{comparison.explanation()}", flush=True)
        elif result == "equivalent" and comparison.worst is not None:
            worst = max(worst, comparison.worst.share)
        if sys.stderr.isatty() and seed % 100 == 99:
            print(f"\r{sum(counts.values())} runs, {counts['false alarm']} false alarms", end="", file=sys.stderr)
    print(
        f"{options.runs} honest runs from seed {options.seed}, {steps} steps, {numbers} numbers: {counts['equivalent']} equivalent, "
        f"{counts['overflowed']} overflowed, {counts['false alarm']} false alarms"
    )
    print(f"{followed} went over to follow mode; nearest to its bound: {worst:.1%} of it; {perf_counter() - started:.0f} s")
    return 1 if counts["false alarm"] else 0


if __name__ == "__main__":
    sys.exit(main())
