"""W7: grading a folder: the attempts that a core grades in a second, the gain of a second worker, and the memory used.

`python -m benchmarks.grading --attempts 10000` grades 10,000 attempts, and prints the peaks of memory after a tenth, half and all of them.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing import active_children
from pathlib import Path
from time import perf_counter

from benchmarks.timing import Bar
from benchmarks.work import Competitor, Row, Work
from benchmarks.worker import ROOT

FEW, STEPS = 36, 50
ONE, TWO, PAGES = "one worker", "two workers", "one worker, with pages"
MARKS = (0.1, 0.5, 1.0)


def write_attempts(folder: Path, number: int) -> None:
    """Write `number` attempts, right and wrong in turns, no two of them the same."""
    texts = [(ROOT / "examples" / f"{kind}_hidden_error.py").read_text(encoding="utf-8") for kind in ("right", "wrong")]
    for n in range(number):
        (folder / f"{n:06}.py").write_text(f"{texts[n % 2]}\n# attempt {n}\n", encoding="utf-8")


def graded(number: int, jobs: int, reports: bool, progress: Callable[[int, int], None]) -> None:
    """Grade `number` attempts, confined, by `jobs` workers; raises AssertionError for verdicts other than those expected."""
    from compare.grading.local import Local
    from compare.grading.one import Settings
    from compare.grading.run import grade

    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")      # for the workers
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "attempts"
        folder.mkdir()
        write_attempts(folder, number)
        lines = grade(folder, Path(root) / "out", Settings(seed=1, steps=STEPS, reports=reports), Local(jobs), progress=progress)
        verdicts = [line["verdict"] for line in lines]
    assert verdicts == ["equivalent" if n % 2 == 0 else "different" for n in range(number)], set(verdicts)


def rate(jobs: int, reports: bool) -> float:
    """Return the attempts graded per second and core, counted once each worker has graded two."""
    times: list[float] = []
    graded(FEW, jobs, reports, lambda done, of: times.append(perf_counter()))
    first = 2 * jobs
    return (len(times) - first) / (times[-1] - times[first - 1]) / jobs


def _row(name: str, jobs: int, reports: bool) -> Row:
    return Row(name, lambda: Competitor(read=partial(rate, jobs, reports)), unit="a second and core", once=True)


WORKS = (
    Work(
        key="W7",
        title=f"grading {FEW} attempts, confined, {STEPS} steps each",
        threads=2,
        rounds=1,
        rows=(_row(ONE, 1, False), _row(TWO, 2, False), _row(PAGES, 1, True)),
        bars=(Bar(TWO, ONE, at_least=0.7), Bar(PAGES, ONE)),
    ),
)


def peak(pid: int) -> float:
    """Return a process's peak memory so far, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def main(argv: Sequence[str] | None = None) -> int:
    """Grade many attempts and print the peaks; return 1 if one grew by more than a tenth in the second half, else 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grading", description="The memory of grading many attempts.")
    parser.add_argument("--attempts", type=int, default=10_000, metavar="N", help="how many (default 10000)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="workers (default: one for each core)")
    parser.add_argument("--reports", action="store_true", help="with a page for each")
    options = parser.parse_args(argv)
    marks = {max(options.jobs, int(options.attempts * part)): part for part in MARKS}
    peaks: list[list[float]] = []
    started = perf_counter()

    def progress(done: int, of: int) -> None:
        if done in marks:
            workers = sorted(peak(each.pid) for each in active_children() if each.pid is not None)
            peaks.append([peak(os.getpid()), *workers])
            listed = ", ".join(f"{each:.0f}" for each in workers)
            memory = f"parent {peaks[-1][0]:.0f} MiB, workers {listed} MiB"
            print(f"{marks[done]:4.0%}  {done:6} attempts  {perf_counter() - started:7.0f} s  {memory}", flush=True)

    graded(options.attempts, options.jobs, options.reports, progress)
    has_grown = any(not last <= 1.1 * half for half, last in zip(peaks[-2], peaks[-1], strict=True)) if len(peaks) > 1 else False
    print("memory grew in the second half" if has_grown else "memory stayed flat in the second half")
    return int(has_grown)


if __name__ == "__main__":
    sys.exit(main())
