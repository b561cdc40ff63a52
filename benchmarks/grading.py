"""W7: grading a folder: how many attempts a core grades in a second, what a second worker brings, and that memory stays flat.

`python -m benchmarks.grading --attempts 10000` grades that many, and prints the peaks of memory after a tenth, half and all of them.
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
    """So many attempts, right and wrong by turns, no two of them the same."""
    texts = [(ROOT / "examples" / f"{kind}_hidden_error.py").read_text(encoding="utf-8") for kind in ("right", "wrong")]
    for n in range(number):
        (folder / f"{n:06}.py").write_text(f"{texts[n % 2]}\n# attempt {n}\n", encoding="utf-8")


def graded(number: int, jobs: int, reports: bool, progress: Callable[[int, int], None]) -> None:
    """Grade so many attempts, confined, by so many workers; raises AssertionError where the verdicts are not what they must be."""
    from compare.grading.local import Local
    from compare.grading.one import Settings
    from compare.grading.run import grade

    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")      # of the workers
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "attempts"
        folder.mkdir()
        write_attempts(folder, number)
        lines = grade(folder, Path(root) / "out", Settings(seed=1, steps=STEPS, reports=reports), Local(jobs), progress=progress)
        verdicts = [line["verdict"] for line in lines]
    assert verdicts == ["equivalent" if n % 2 == 0 else "different" for n in range(number)], set(verdicts)


def rate(jobs: int, reports: bool) -> float:
    """Attempts a second and core, once each worker has graded two."""
    times: list[float] = []
    graded(FEW, jobs, reports, lambda done, of: times.append(perf_counter()))
    first = 2 * jobs
    return (len(times) - first) / (times[-1] - times[first - 1]) / jobs


def _competitor(jobs: int, reports: bool) -> Competitor:
    return Competitor(read=partial(rate, jobs, reports))


WORKS = (
    Work(
        key="W7",
        title=f"grading {FEW} attempts, confined, {STEPS} steps each",
        threads=2,
        rounds=1,
        rows=(
            Row(ONE, partial(_competitor, 1, False), unit="a second and core", once=True),
            Row(TWO, partial(_competitor, 2, False), unit="a second and core", once=True),
            Row(PAGES, partial(_competitor, 1, True), unit="a second and core", once=True),
        ),
        bars=(Bar(TWO, ONE, at_least=0.7), Bar(PAGES, ONE)),
    ),
)


def peak(pid: int) -> float:
    """The most memory that a process has had so far, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def main(argv: Sequence[str] | None = None) -> int:
    """Grade many, and print the peaks; 1 if a worker's grew by more than a tenth in the second half, else 0."""
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
            told = ", ".join(f"{each:.0f}" for each in workers)
            seconds = perf_counter() - started
            print(f"{marks[done]:4.0%}  {done:6} attempts  {seconds:7.0f} s  parent {peaks[-1][0]:.0f} MiB, workers {told} MiB", flush=True)

    graded(options.attempts, options.jobs, options.reports, progress)
    has_grown = any(not last <= 1.1 * half for half, last in zip(peaks[-2], peaks[-1], strict=True)) if len(peaks) > 1 else False
    print("memory grew in the second half" if has_grown else "memory stayed flat in the second half")
    return int(has_grown)


if __name__ == "__main__":
    sys.exit(main())
