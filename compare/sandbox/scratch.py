"""Watch a process's scratch folder from outside, since Landlock limits no sizes, and kill a process that fills it."""

import os
import signal
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MOST_FILES = 1000
_EVERY = 0.02      # seconds between two looks; what is written in between is not limited
_UNSEEN = 10      # times in a row that the process's open files may be unreadable
_BLOCK = 512      # bytes, what st_blocks counts


@contextmanager
def bounded(folder: Path, most: int, pid: int) -> Iterator[None]:
    """Kill the process, while this context is entered, if the files in the folder have more than `most` bytes, or are too many."""
    process = os.pidfd_open(pid)      # a process id may be reused by another process
    ended = threading.Event()

    def watch() -> None:
        unseen = 0
        while not ended.wait(_EVERY):
            try:
                is_too_much, unseen = used(folder, pid) > most, 0
            except PermissionError:      # as for a process that is about to end
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
    """Return the bytes in the folder and in removed files that the process holds open; raises PermissionError if it may not look."""
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
