"""Workers of this machine: processes that stay from attempt to attempt, and are started anew where one of them dies."""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context, parent_process

from compare.grading.run import Died, Key
from compare.grading.worker import work


@dataclass(frozen=True)
class Local:
    """So many processes."""

    jobs: int = 1

    def __call__(self, parcels: Iterator[tuple[Key, bytes]]) -> Iterator[tuple[Key, bytes | Died]]:
        """The answer to each parcel, as it comes; where one worker dies, all that were at work are taken to have died."""
        more = True
        while more:
            with ProcessPoolExecutor(self.jobs, get_context("spawn"), _begin) as pool:
                under_way: dict[Future[bytes], Key] = {}
                is_broken = False
                while True:
                    while more and not is_broken and len(under_way) < self.jobs:
                        each = next(parcels, None)
                        more = each is not None
                        if each is None:
                            break
                        try:
                            under_way[pool.submit(work, each[1])] = each[0]
                        except BrokenProcessPool:
                            is_broken = True
                            yield each[0], Died(1)
                    if not under_way:
                        break
                    for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                        key = under_way.pop(future)
                        try:
                            answer = future.result()
                        except BrokenProcessPool:
                            is_broken = True
                            yield key, Died(1)
                        else:
                            yield key, answer


def _begin() -> None:
    """Of a worker: an interrupt ends it, and so does the end of its parent, which may be killed."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGKILL)      # what it started is told to die with it
