"""Temporary folders: one for each run, with all of its others in it; those of runs that were killed are swept away by the next."""

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX, _UNLOCKED = "lockstep-run-", "lockstep-new-"
_own: list[str] = []      # the folder of the run that this process belongs to, if there is one


@contextmanager
def run_folder() -> Iterator[str]:
    """A new folder for a run, in which `temporary_folder` makes its own from now on; first the folders of dead runs are removed."""
    with _locked_folder() as folder:
        belong_to(folder)
        try:
            yield folder
        finally:
            belong_to(None)


def belong_to(folder: str | None) -> None:
    """Have this process make its temporary folders in that of the run which has started it; or in none."""
    _own[:] = [folder] if folder else []


def own_folder() -> str | None:
    """The folder of the run that this process belongs to, if there is one."""
    return _own[0] if _own else None


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A new folder in the run's, or by itself where there is no run; it is removed, whatever was made in it."""
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
    """A new folder, locked as long as it is used, however this process ends; under its name it is locked from the first moment."""
    place = tempfile.gettempdir()
    sweep(place)
    folder = tempfile.mkdtemp(prefix=_UNLOCKED, dir=place)
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):      # as where a disk has no locks: then nobody sweeps it
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            named = os.path.join(place, PREFIX + os.path.basename(folder).removeprefix(_UNLOCKED))
            os.rename(folder, named)
            folder = named
        yield folder
    finally:
        remove(folder)
        os.close(lock)


def sweep(place: str) -> None:
    """Remove the folders of runs that are gone: those of this user, whose locks nobody holds."""
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
    """Remove it with all that is in it, through no link; what cannot be removed stays.

    Folders within folders are moved up before they are gone through: no name gets too long, and nothing is called within itself.
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
                                os.rename(inner, f".moved-{os.getpid()}-{moved}", src_dir_fd=within, dst_dir_fd=top)
                                left.append(f".moved-{os.getpid()}-{moved}")
                    finally:
                        os.close(within)
                    os.rmdir(name, dir_fd=top)
        finally:
            os.close(top)
        os.rmdir(folder)


def _emptied(folder: int) -> list[str]:
    """The names of the folders in it, once all else in it is removed."""
    inner = []
    with os.scandir(folder) as entries:
        for entry in list(entries):
            with suppress(OSError):
                if stat.S_ISDIR(os.lstat(entry.name, dir_fd=folder).st_mode):
                    inner.append(entry.name)
                else:
                    os.unlink(entry.name, dir_fd=folder)
    return inner
