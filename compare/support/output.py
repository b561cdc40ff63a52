"""Writing what is reported: to standard output, or whole into a file, and what can go wrong there."""

from __future__ import annotations

from contextlib import contextmanager

TYPE_CHECKING = False      # as `typing` has it, which takes longer to import than the help to print
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from os import PathLike


class ReportNotWrittenError(Exception):
    """Standard output is closed, or its disk full."""


class Writing:
    """Within it, an error of the system's is one of writing the report."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, OSError):
            raise ReportNotWrittenError(error.strerror) from error


def check_writable(path: str | PathLike[str]) -> None:
    """Raise ProblemError where a file cannot be written, as far as that can be told beforehand."""
    import os

    from .errors import ProblemError

    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    is_there, is_file = os.path.exists(path), os.path.isfile(path)
    needed = [*([path] if is_there else []), *([folder] if is_file or not is_there else [])]      # what is written goes beside it first
    why = "it is a folder" if os.path.isdir(target) else None
    why = why or (f"{folder} is no folder" if not os.path.isdir(folder) else None)
    why = why or ("that is not permitted" if not all(os.access(place, os.W_OK) for place in needed) else None)
    if why:
        raise ProblemError(f"{os.fspath(path) or repr('')} cannot be written: {why}; expected a file in a folder that is there")


def write_file(path: str | PathLike[str], content: str | bytes | Iterable[str], through_links: bool = True) -> None:
    """Write a file whole, onto the disk; one that was there stays as it was until then. Raises ProblemError where it cannot be.

    What is so long that it should not be in memory at once may be given in parts. A link, or what is no file, is written to, or else
    replaced.
    """
    import os
    from contextlib import suppress
    from tempfile import NamedTemporaryFile

    from .errors import ProblemError

    parts = [content] if isinstance(content, (str, bytes)) else content
    data = (part.encode("utf-8", "replace") if isinstance(part, str) else part for part in parts)
    target = os.path.realpath(path) if through_links else os.path.abspath(path)
    try:
        if through_links and os.path.exists(path) and not os.path.isfile(path):      # such as /dev/stdout, nothing goes beside it
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
    """The text with nothing in it that steers a terminal, breaks a line or turns its direction; no more than so many characters of it."""
    cut = text if most is None else text[:most]
    cleaned = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
    return cleaned if most is None or len(text) <= most >= len(cleaned) else cleaned[: most - 1] + "…"


def printable_lines(text: str, most: int | None = None) -> str:
    """The same of a text of several lines, which stay."""
    return "\n".join(map(printable, text[:most].expandtabs().replace("\r\n", "\n").split("\n")))


@contextmanager
def locked(folder: str | PathLike[str]) -> Iterator[None]:
    """The folder, made if it is not there, for one run at a time; raises ProblemError where another is at it, or it cannot be made."""
    import fcntl
    import os

    from .errors import ProblemError

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
            raise ProblemError(f"{name} is in use by another run; wait for it, or choose another --out") from None
        yield
    finally:
        os.close(lock)


def _flush_folder(path: str) -> None:
    """Have the names of its files on the disk too, so that they outlast the power."""
    import os

    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _umask() -> int:
    import os

    mask = os.umask(0)
    os.umask(mask)
    return mask
