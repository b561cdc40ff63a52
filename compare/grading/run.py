"""A run over a folder of attempts: a repeated run resumes, and no attempt is lost when a worker dies."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

from ..support.errors import ProblemError
from .attempts import AttemptFilesError, Submitted, submitted
from .one import Graded, Settings, ungraded
from .parcel import Packer, checked_answer
from .results import Lines, Results

MOST_DEATHS = MOST_STARTS = 3
Key = TypeVar("Key")


@dataclass(frozen=True)
class Died:
    """In place of an answer: the worker died that many times; with a `reason`, the attempt is not tried again."""

    times: int
    reason: str | None = None


class Workers(Protocol):
    """Workers answer parcels, each identified by its key, and take only as many at a time as they can work on."""

    def __call__(self, parcels: Iterator[tuple[Key, bytes]]) -> Iterator[tuple[Key, bytes | Died]]:
        """Yield the answers as they arrive."""


def grade(
    folder: Path,
    out: Path,
    settings: Settings,
    workers: Workers,
    shard: tuple[int, int] = (1, 1),
    page: Callable[[Lines], Iterable[str]] | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Lines:
    """Grade the attempts of the folder that are not finished yet, write the results into `out`, and return all lines, by name.

    `shard` is (i, n) for the i-th of n parts. Raises ProblemError, SandboxError, ResultsError, ParcelError, and what the workers raise.
    """
    attempts = submitted(folder, out)[shard[0] - 1 :: shard[1]]
    if not attempts:
        raise ProblemError(f"shard {shard[0]} of {shard[1]} has no attempts; expected fewer shards")
    with Results(out) as results:
        settings = replace(settings, seed=results.begin(folder, shard, settings.seed))
        finished = results.finished(settings.digest)
        left = [attempt for attempt in attempts if (attempt.name, attempt.digest) not in finished]
        done = len(attempts) - len(left)
        try:
            for graded in _each(left, settings, workers):
                done += 1
                results.add(*graded)
                progress(done, len(attempts))
        except KeyboardInterrupt as interrupt:
            raise KeyboardInterrupt(f"{done} of {len(attempts)} attempts are graded; the same command goes on with the rest") from interrupt
        return results.close_with({(attempt.name, attempt.digest) for attempt in attempts}, settings.digest, page)


def _each(attempts: Iterable[Submitted], settings: Settings, workers: Workers) -> Iterator[Graded]:
    """Yield each graded attempt as it is finished.

    Try again, alone, every attempt that was under way when a worker died, for any of them may be the cause, and every attempt whose process
    did not start, which another attempt may have prevented.
    """
    packer, run = Packer(settings), settings.digest
    unusable: list[Graded] = []
    suspects: list[tuple[Submitted, bytes, int, int]] = []      # with the times that its worker died, and that its process did not start

    def parcels() -> Iterator[tuple[tuple[Submitted, bytes], bytes]]:
        for attempt in attempts:
            try:
                parcel = packer.parcel(attempt.carried())
            except AttemptFilesError as error:
                unusable.append(Graded(ungraded(attempt, settings, str(error))))
            else:
                yield (attempt, parcel), parcel

    for (attempt, parcel), answer in workers(parcels()):
        if isinstance(answer, Died) and answer.reason:
            yield Graded(ungraded(attempt, settings, answer.reason))
        elif isinstance(answer, Died):
            suspects.append((attempt, parcel, answer.times, 0))
        elif (graded := checked_answer(answer, attempt, settings, run)).line["final"]:
            yield graded
        else:
            suspects.append((attempt, parcel, 0, 1))
        while unusable:
            yield unusable.pop(0)
    yield from unusable
    for attempt, parcel, deaths, failed_starts in suspects:
        while True:
            ((_, answer),) = workers(iter([(attempt, parcel)]))
            if isinstance(answer, Died):
                deaths += answer.times
                is_last = bool(answer.reason) or deaths >= MOST_DEATHS
                graded = Graded(ungraded(attempt, settings, answer.reason or f"the worker that checked it died {deaths} times"))
            else:
                failed_starts += 1
                graded = checked_answer(answer, attempt, settings, run)
                is_last = graded.line["final"] or failed_starts >= MOST_STARTS
            if is_last:
                yield graded
                break
