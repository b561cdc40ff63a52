"""A run over a folder of attempts: so many at once, what is finished is kept, and a worker that dies costs no attempt."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

from compare.errors import ProblemError
from compare.grading.attempts import Submitted, submitted
from compare.grading.one import Settings, graded, ungraded
from compare.grading.results import Line, Results

MOST_DEATHS = 3


def grade(
    folder: Path,
    out: Path,
    settings: Settings,
    jobs: int = 1,
    shard: tuple[int, int] = (1, 1),
    page: Callable[[Sequence[Line]], str] | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[Line]:
    """Grade every attempt of the folder that is not finished yet, and write the results into `out`; returns all lines, by name.

    `shard` is (i, n) for the i-th of n parts. Raises ProblemError, SandboxError, ResultsError.
    """
    attempts = submitted(folder)[shard[0] - 1 :: shard[1]]
    if not attempts:
        raise ProblemError(f"shard {shard[0]} of {shard[1]} has no attempts; expected fewer shards")
    with Results(out) as results:
        settings = replace(settings, seed=results.run(settings.seed))
        if settings.reports is not None:
            settings.reports.mkdir(exist_ok=True)
        finished = results.finished(settings.digest)
        lines = [finished[key] for attempt in attempts if (key := (attempt.name, attempt.digest)) in finished]
        left = [attempt for attempt in attempts if (attempt.name, attempt.digest) not in finished]
        for line in _each(left, settings, jobs):
            results.add(line)
            lines.append(line)
            progress(len(lines), len(attempts))
        lines.sort(key=lambda line: str(line["attempt"]))
        results.close_with(lines, None if page is None else page(lines))
    return lines


def _each(attempts: Sequence[Submitted], settings: Settings, jobs: int) -> Iterator[Line]:
    """The line of each attempt, as it is finished; no more are under way than there are workers.

    Where a worker dies, whatever was under way may have been the cause: each of these is tried again, alone.
    """
    waiting, suspects = list(reversed(attempts)), list[Submitted]()
    while waiting:
        with _workers(min(jobs, len(waiting))) as pool:
            under_way: dict[Future[Line], Submitted] = {}
            is_broken = False
            while under_way or (waiting and not is_broken):
                while waiting and not is_broken and len(under_way) < jobs:
                    attempt = waiting.pop()
                    under_way[pool.submit(graded, attempt, settings)] = attempt
                done, _ = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    attempt = under_way.pop(future)
                    try:
                        line = future.result()
                    except BrokenProcessPool:
                        is_broken = True
                        suspects.append(attempt)
                    else:
                        yield line
    for attempt in suspects:
        yield _alone(attempt, settings)


def _alone(attempt: Submitted, settings: Settings) -> Line:
    """The line of one attempt in a worker of its own, or in another, where that dies."""
    for _ in range(MOST_DEATHS - 1):
        with _workers(1) as pool, suppress(BrokenProcessPool):
            return pool.submit(graded, attempt, settings).result()
    return ungraded(attempt, settings, f"the worker that checked it died {MOST_DEATHS} times")


def _workers(number: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(number, mp_context=get_context("spawn"))
