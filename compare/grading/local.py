"""Workers of this machine: processes that check one attempt after the other, and are all restarted when one of them dies or hangs."""

import os
import resource
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from math import inf
from multiprocessing import active_children, get_context, parent_process

from ..sandbox.temporary import belong_to, own_folder
from .run import Died, Key
from .worker import work

MEMORY = 4 << 30      # bytes of a worker; an attempt's process has a lower limit
_ROOMS = __package__.rpartition(".")[0]
_CONTEXT = get_context("forkserver")      # a worker is a copy of one process that has imported PyTorch: 16 of them start as fast as one
_CONTEXT.set_forkserver_preload([f"{_ROOMS}.grading.worker", f"{_ROOMS}.sides.torch_ref"])


@dataclass(frozen=True)
class Local:
    """Grade with `jobs` processes, each with `longest` seconds for an attempt."""

    jobs: int = 1
    longest: float = inf

    def __call__(self, parcels: Iterator[tuple[Key, bytes]]) -> Iterator[tuple[Key, bytes | Died]]:
        """Yield the answer to each parcel as it arrives, and `Died` for all under way if a worker dies, or hangs and so is killed."""
        for first in parcels:      # a new pool for it and all that follow, until one worker dies
            others = {*active_children()}
            with _safe_path(), ProcessPoolExecutor(self.jobs, _CONTEXT, _begin, (own_folder(),)) as pool:
                wait([pool.submit(int)])      # until a worker has started, which does not count for an attempt
                left, is_broken = chain([first], parcels), False
                under_way: dict[Future[bytes], tuple[Key, float]] = {}
                while True:
                    for key, parcel in islice(left, 0 if is_broken else self.jobs - len(under_way)):
                        try:
                            under_way[pool.submit(work, parcel)] = key, time.monotonic() + self.longest
                        except BrokenProcessPool:
                            is_broken = True
                            yield key, Died(1)
                            break
                    if not under_way:
                        break
                    deadline = min(until for _, until in under_way.values())
                    done = wait(under_way, None if deadline == inf else max(0.0, deadline - time.monotonic()), FIRST_COMPLETED).done
                    if not done:
                        hangs = next(future for future, (_, until) in under_way.items() if until == deadline)
                        yield under_way.pop(hangs)[0], Died(1, f"checking it took longer than {self.longest:g} s")
                        is_broken = True
                        for process in {*active_children()} - others:
                            process.kill()
                    for future in done:
                        key, _ = under_way.pop(future)
                        try:
                            answer = future.result()
                        except BrokenProcessPool:
                            is_broken = True
                            yield key, Died(1)
                        except MemoryError:      # too little memory for the worker to make even an error line
                            yield key, Died(1, "checking it took more memory than a worker has")
                        else:
                            yield key, answer


@contextmanager
def _safe_path() -> Iterator[None]:
    """Let processes that are started import nothing from the current folder: a numpy.py may lie there, and the folder may go away."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before


def _begin(folder: str | None) -> None:
    """Set up a worker: its folders are in the run's, its memory is limited, and an interrupt or the end of its parent ends it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    belong_to(folder)
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard), hard))
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGKILL)      # the processes that it started die with it
