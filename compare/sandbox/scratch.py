"""The folder that a process writes in, watched from outside, since landlock bounds no sizes: one that fills it is ended."""

import os
import signal
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MOST_FILES = 1000
_EVERY = 0.02      # seconds; what is written in between is the part that nothing bounds
_UNSEEN = 10      # times in a row that nobody may look at what the process holds open
_BLOCK = 512      # bytes, what st_blocks counts


@contextmanager
def bounded(folder: Path, most: int, pid: int) -> Iterator[None]:
    """Watch the folder, in which there are only files: the process is killed where these have more than `most` bytes, or are too many."""
    process = os.pidfd_open(pid)      # not its number, which may be another's by then
    ended = threading.Event()

    def watch() -> None:
        unseen = 0
        while not ended.wait(_EVERY):
            try:
                is_too_much, unseen = used(folder, pid) > most, 0
            except PermissionError:      # as of one that is about to end; not for long
                unseen += 1
                is_too_much = unseen > _UNSEEN
            if is_too_much:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(process, signal.SIGKILL)
                return

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        ended.set()
        watching.join()
        os.close(process)


def used(folder: Path, pid: int) -> float:
    """Bytes on disk in the folder, and in files that the process has removed and holds open; infinite where there are too many files.

    Raises PermissionError for another user's process, and for one that has ended where we are not root.
    """
    total = 0
    with os.scandir(folder) as entries:
        for number, entry in enumerate(entries):
            if number >= MOST_FILES:
                return float("inf")
            with suppress(FileNotFoundError):
                total += entry.stat(follow_symlinks=False).st_blocks * _BLOCK
    held: dict[int, int] = {}
    with suppress(FileNotFoundError, ProcessLookupError), os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in entries:
            with suppress(FileNotFoundError, ProcessLookupError):
                found = entry.stat()
                if stat.S_ISREG(found.st_mode) and not found.st_nlink:
                    held[found.st_ino] = found.st_blocks * _BLOCK
    return total + sum(held.values())
