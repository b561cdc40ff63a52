"""Measuring a work: its rows are checked against each other, then timed in turns.

On one thread all rows share one process, pinned to one CPU. On more, each row has its own process, since two thread pools in one
process wait for each other.
"""

import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import sleep

from benchmarks import agreement
from benchmarks.work import Work
from benchmarks.worker import Worker, WorkerError

PAUSE = 0.1      # seconds in which the threads of the previous process come to rest


@dataclass
class Measurement:
    """A work's values by row, one for each round, and the reason for each row that has none."""

    work: Work
    values: dict[str, list[float]] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Return whether every bar is met."""
        return all(bar.verdict(self.values) in ("met", "no bar") for bar in self.work.bars)


def measured(work: Work, rounds: int | None = None) -> Measurement:
    """Start the work's processes and measure it, in `rounds` rounds or in its own number."""
    result = Measurement(work)
    names = [row.name for row in work.rows]
    if work.threads > cpus():
        result.faults = dict.fromkeys(names, f"not measured: {work.threads} threads need as many CPUs, of which there is {cpus()}")
        return result
    with ExitStack() as stack:
        workers: dict[str, Worker] = {}
        for group in [names] if work.threads == 1 else [[name] for name in names]:
            worker = Worker(work, group)
            stack.callback(worker.close)
            result.faults |= worker.faults
            workers |= {name: worker for name in group if name not in worker.faults}
        check(result, workers)
        take_turns(result, workers, work.rounds if rounds is None else rounds, pause=0 if work.threads == 1 else PAUSE)
    return result


def check(result: Measurement, workers: Mapping[str, Worker]) -> None:
    """Train the rows that must agree with another; those that disagree or fail become faults."""
    work = result.work
    for reference in dict.fromkeys(row.agrees_with for row in work.rows if row.agrees_with is not None):
        rows = [row for row in work.rows if row.agrees_with == reference and row.name in workers]
        if reference not in workers:
            result.faults |= {row.name: f"not measured: nothing to check it against, {reference!r} failed" for row in rows}
            continue
        with tempfile.TemporaryDirectory() as folder:
            expected: dict[int, agreement.Movement] = {}
            for row in rows:
                steps = row.check_steps or row.steps
                try:
                    if steps not in expected:
                        expected[steps] = _movement(workers[reference], reference, steps, folder)
                    agreement.check(_movement(workers[row.name], row.name, steps, folder), expected[steps], work.rtol, steps)
                except agreement.DisagreementError as error:
                    result.faults[row.name] = f"wrong: {error}"
                except WorkerError as error:
                    result.faults[row.name] = str(error)


def take_turns(result: Measurement, workers: Mapping[str, Worker], rounds: int, pause: float = 0) -> None:
    """Time the rows without fault in turns, after a warm-up round; every other round runs them in reverse."""
    rows = [row for row in result.work.rows if row.name in workers]
    for number in range(rounds + 1):
        for row in rows if number % 2 == 0 else reversed(rows):
            if row.name in result.faults or (row.once and number != 1):
                continue
            sleep(pause)
            try:
                value = workers[row.name].value(row.name)
            except WorkerError as error:
                result.faults[row.name] = str(error)
                result.values.pop(row.name, None)
                continue
            if number > 0:
                result.values.setdefault(row.name, []).append(value)


def cpus() -> int:
    """Return how many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def say(text: str) -> None:
    """Print progress to standard error."""
    print(text, file=sys.stderr, flush=True)


def _movement(worker: Worker, name: str, steps: int, folder: str) -> agreement.Movement:
    path = Path(folder) / "movement.npz"
    if not worker.train(name, steps, str(path)):
        raise agreement.DisagreementError("it shows no weights")
    return agreement.load(str(path))
