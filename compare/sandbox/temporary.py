"""Temporary folders: one for each run, which contains all its others; the next run removes the folders of runs that were killed."""

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX, _UNLOCKED = "lockstep-run-", "lockstep-new-"
_own: list[str] = []      # at most one: the folder of the run that this process belongs to


@contextmanager
def run_folder() -> Iterator[str]:
    """Remove dead runs' folders, and make one for this run, in which `temporary_folder` makes its folders while this context is entered."""
    with _locked_folder() as folder:
        belong_to(folder)
        try:
            yield folder
        finally:
            belong_to(None)


def belong_to(folder: str | None) -> None:
    """Have this process make its temporary folders in that of the run which started it, or, with None, on their own."""
    _own[:] = [folder] if folder else []


def own_folder() -> str | None:
    """Return the folder of the run that this process belongs to, or None."""
    return _own[0] if _own else None


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder, in the run's if there is a run, and remove it afterwards with all its contents."""
    if not _own:
        with _locked_folder() as folder:
            yield Path(folder)
        return
    made = tempfile.mkdtemp(prefix="lockstep-", dir=_own[0])
    try:
        yield Path(made)
    finally:
        remove(made)


@contextmanager
def _locked_folder() -> Iterator[str]:
    """Make a folder that stays locked until this process ends or leaves; it gets its final name only once it is locked."""
    place = tempfile.gettempdir()
    sweep(place)
    folder = tempfile.mkdtemp(prefix=_UNLOCKED, dir=place)
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):      # on a disk without locks, where nobody sweeps the folder
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            named = os.path.join(place, PREFIX + os.path.basename(folder).removeprefix(_UNLOCKED))
            os.rename(folder, named)
            folder = named
        yield folder
    finally:
        remove(folder)
        os.close(lock)


def sweep(place: str) -> None:
    """Remove the folders of this user's runs whose locks no process holds."""
    with os.scandir(place) as entries:
        names = [entry.path for entry in entries if entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False)]
    for name in names:
        with suppress(OSError):
            lock = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(lock).st_uid == os.geteuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    remove(name)
            finally:
                os.close(lock)


def remove(folder: str | os.PathLike[str]) -> None:
    """Remove a folder and its contents without following links; what cannot be removed stays.

    Nested folders are moved to the top first, so no path gets too long and nothing recurses.
    """
    with suppress(OSError):
        top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            moved = 0
            left = _emptied(top)
            while left:
                name = left.pop()
                with suppress(OSError):
                    os.chmod(name, 0o700, dir_fd=top)
                    within = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
                    try:
                        for inner in _emptied(within):
                            with suppress(OSError):
                                os.chmod(inner, 0o700, dir_fd=within)
                                moved += 1
                                os.rename(inner, to := f".moved-{os.getpid()}-{moved}", src_dir_fd=within, dst_dir_fd=top)
                                left.append(to)
                    finally:
                        os.close(within)
                    os.rmdir(name, dir_fd=top)
        finally:
            os.close(top)
        os.rmdir(folder)


def _emptied(folder: int) -> list[str]:
    """Remove all but the folders from the folder, and return the names of these."""
    inner = []
    with os.scandir(folder) as entries:
        for entry in list(entries):
            with suppress(OSError):
                if stat.S_ISDIR(os.lstat(entry.name, dir_fd=folder).st_mode):
                    inner.append(entry.name)
                else:
                    os.unlink(entry.name, dir_fd=folder)
    return inner
