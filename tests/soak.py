"""A long soak: `python -m tests.soak` trains honest sides beside PyTorch on drawn problems, and counts false alarms by kind.

Of the perceptrons' sides half are `manual`, half the tests' own `Variant` in one of its forms; problems are drawn over every row of the
table of pieces, with mini-batches, dropout, accumulation, both dtypes and both modes. The networks are the tests' own trainers of
convolutional, recurrent, attention and normalising networks, each place in one of its forms. A run whose numbers overflow, or whose
textbook formula does, says nothing and is counted by itself. Exit code 0 without a false alarm, else 1.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
import torch

from compare import Comparison, Manual, Problem, StepRecord, TorchRef, train_in_lockstep
from compare.support.arrays import Array
from tests.compare.numpy_networks.runs import drawn
from tests.compare.problems import drawn_problem
from tests.compare.variants import PRODUCTS, Variant

KINDS = ("perceptrons", "networks", "all")
EVERY = 15      # of so many runs one is a network's, which takes some 25 times as long as a perceptron's


@dataclass
class Watched:
    """A side that notes whether one of its formulas comes to NaN, as inf/inf does, also where a mask hides it."""

    side: Any
    overflows: int = 0

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        self.side.load_state_dict(params)

    def step(self, *batch: Any) -> StepRecord:
        with np.errstate(invalid="call", call=self._note):
            record: StepRecord = self.side.step(*batch)
            return record

    def predict(self, x: Array) -> Array:
        out: Array = self.side.predict(x)
        return out

    def _note(self, what: str, flag: int) -> None:
        self.overflows += 1


@dataclass
class Tally:
    """What came of the runs of one kind."""

    counts: Counter[str] = field(default_factory=Counter)
    steps: int = 0
    numbers: int = 0
    followed: int = 0
    worst: float = 0.0

    def add(self, comparison: Comparison, result: str) -> None:
        self.counts[result] += 1
        self.steps += comparison.steps
        self.numbers += comparison.compared
        self.followed += comparison.followed_from is not None
        if result == "equivalent" and comparison.worst is not None:
            self.worst = max(self.worst, comparison.worst.share)

    def __str__(self) -> str:
        counts = ", ".join(f"{self.counts[result]} {result}" for result in ("equivalent", "overflowed"))
        return (
            f"{sum(self.counts.values())} runs, {self.steps} steps, {self.numbers} numbers: {counts}, {self.counts['false alarm']} false "
            f"alarms; {self.followed} went over to follow mode; nearest to its bound: {self.worst:.1%} of it"
        )


def perceptron_run(seed: int) -> tuple[str, str, Comparison, bool]:
    """The kind, what was compared, in words, the comparison, and whether a textbook formula came to NaN in it."""
    generator = np.random.default_rng((seed, 1))
    is_variant, stages = bool(generator.integers(2)), bool(generator.integers(2))
    mode: Any = ("free", "follow")[generator.integers(2)]
    steps = int(generator.integers(1, 25))
    problem = drawn_problem(seed, **({"accumulate": 1} if is_variant else {}))
    side: Any = Watched(variant(problem, generator, stages)) if is_variant else Manual(problem, stages=stages)
    with np.errstate(all="ignore"):
        comparison = train_in_lockstep(side, TorchRef(problem, stages=stages), problem, steps=steps, mode=mode)
    what = f"{'Variant' if is_variant else 'Manual'}, {mode}\n{problem}"
    return "perceptrons", what, comparison, is_variant and side.overflows > 0


def variant(problem: Problem, generator: np.random.Generator, stages: bool) -> Variant:
    """An honest trainer in one of its forms."""
    form, slope, update = (int(generator.integers(n)) for n in (3, 3, 2))
    product, mean_in = int(generator.integers(len(PRODUCTS))), ("error", "grads", "update")[generator.integers(3)]
    return Variant(problem, form, slope, product, mean_in, update, stages=stages, shows_state=bool(generator.integers(2)))


def network_run(seed: int) -> tuple[str, str, Comparison, bool]:
    """The same of a network in plain NumPy."""
    run = drawn(seed)
    side = Watched(run.trainer)
    comparison = run.compared(side)
    return run.kind, str(run), comparison, side.overflows > 0


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
    parser.add_argument("--kind", choices=KINDS, default="all", help=f"what is trained (default all: one run in {EVERY} is a network's)")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    tallies: dict[str, Tally] = {}
    alarms = 0
    started = perf_counter()
    for seed in range(options.seed, options.seed + options.runs):
        is_network = options.kind == "networks" or (options.kind == "all" and seed % EVERY == EVERY - 1)
        kind, what, comparison, has_overflowed = network_run(seed) if is_network else perceptron_run(seed)
        result = outcome(comparison, has_overflowed)
        tallies.setdefault(kind, Tally()).add(comparison, result)
        if result == "false alarm":
            alarms += 1
            print(f"seed {seed}, {what}\n{comparison.explanation()}", flush=True)
        if sys.stderr.isatty() and seed % 100 == 99:
            print(f"\r{seed + 1 - options.seed} runs, {alarms} false alarms", end="", file=sys.stderr)
    print(f"{options.runs} honest runs from seed {options.seed}, {alarms} false alarms; {perf_counter() - started:.0f} s")
    for kind, tally in sorted(tallies.items()):
        print(f"{kind}: {tally}")
    return 1 if alarms else 0


if __name__ == "__main__":
    sys.exit(main())
