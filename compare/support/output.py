"""Write reports to standard output, or atomically into a file, and raise one error for what fails there."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress

from .errors import ProblemError

TYPE_CHECKING = False      # importing `typing` for it takes longer than printing the help
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from os import PathLike


class ReportNotWrittenError(Exception):
    """Standard output is closed, or its disk is full."""


class Writing:
    """A context that raises ReportNotWrittenError in place of an OSError."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, OSError):
            raise ReportNotWrittenError(error.strerror) from error


def check_writable(path: str | PathLike[str]) -> None:
    """Raise ProblemError if a file cannot be written, as far as that can be known beforehand."""
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    is_there, is_file = os.path.exists(path), os.path.isfile(path)
    needed = [*([path] if is_there else []), *([folder] if is_file or not is_there else [])]      # a new file beside it is written first
    why = "it is a folder" if os.path.isdir(target) else None
    why = why or (f"{folder} is no folder" if not os.path.isdir(folder) else None)
    why = why or ("that is not permitted" if not all(os.access(place, os.W_OK) for place in needed) else None)
    if why:
        raise ProblemError(f"{os.fspath(path) or repr('')} cannot be written: {why}; expected a file in a folder that is there")


def write_file(path: str | PathLike[str], content: str | bytes | Iterable[str], through_links: bool = True) -> None:
    """Write a file atomically and flush it to disk; raises ProblemError if that fails, and the old file stays.

    Long content may come in parts. With `through_links` a link's target, a device or a pipe is written to; without, it is replaced.
    """
    from tempfile import NamedTemporaryFile

    parts = [content] if isinstance(content, (str, bytes)) else content
    data = (part.encode("utf-8", "replace") if isinstance(part, str) else part for part in parts)
    target = os.path.realpath(path) if through_links else os.path.abspath(path)
    try:
        if through_links and os.path.exists(path) and not os.path.isfile(path):      # such as /dev/stdout: no file can lie beside it
            with open(path, "wb") as place:
                place.writelines(data)
            return
        temporary = NamedTemporaryFile(dir=os.path.dirname(target), prefix=".", suffix=".part", delete=False)  # noqa: SIM115 - is renamed
        try:
            with temporary as file:
                file.writelines(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary.name, os.stat(target).st_mode & 0o777 if os.path.exists(target) else 0o666 & ~_umask())
            os.replace(temporary.name, target)
            _flush_folder(os.path.dirname(target))
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary.name)
            raise
    except OSError as error:
        raise ProblemError(f"{os.fspath(path)} cannot be written: {error.strerror}; expected a file in a folder that is there") from None


def printable(text: str, most: int | None = None) -> str:
    """Return the text, at most `most` characters, with escapes for what could control a terminal, break a line or turn its direction."""
    cut = text if most is None else text[:most]
    cleaned = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
    return cleaned if most is None or len(text) <= most >= len(cleaned) else cleaned[: most - 1] + "…"


def printable_lines(text: str, most: int | None = None) -> str:
    """Return the text with each of its lines printable; line breaks stay."""
    return "\n".join(map(printable, text[:most].expandtabs().replace("\r\n", "\n").split("\n")))


@contextmanager
def locked(folder: str | PathLike[str]) -> Iterator[None]:
    """Lock the folder, made if it is missing, for one run; raises ProblemError if another run is using it, or if it cannot be made."""
    import fcntl

    name = os.fspath(folder)
    try:
        os.makedirs(name, exist_ok=True)
        lock = os.open(os.path.join(name, ".lock"), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    except OSError as error:
        raise ProblemError(f"{name} cannot be written: {error.strerror}; expected a folder for the results") from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ProblemError(f"{name} is in use by another run; expected one of its own: wait, or choose another --out") from None
        yield
    finally:
        os.close(lock)


def _flush_folder(path: str) -> None:
    """Flush the names of the folder's files to disk, so that they survive a power failure."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
