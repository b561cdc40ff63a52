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
_BLOCK = 512      # bytes, what st_blocks counts


@contextmanager
def bounded(folder: Path, most: int, pid: int) -> Iterator[None]:
    """Watch the folder, in which there are only files: the process is killed where these have more than `most` bytes, or are too many."""
    process = os.pidfd_open(pid)      # not its number, which may be another's by then
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_EVERY):
            if used(folder, pid) > most:
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
    """Bytes on disk in the folder, and in files that the process has removed and holds open; infinite where there are too many files."""
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
