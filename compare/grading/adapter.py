"""The adapter that a teacher gives for all attempts, and the Python files beside it, which it may import: they travel with it."""

from pathlib import Path

from ..support.errors import ProblemError
from ..userfile.source import Source
from .attempts import MOST_BYTES


def checked_adapter(path: Path) -> Path:
    """Where it lies; raises ProblemError where there is none, UnusableFileError for one that is not Python."""
    if not path.is_file():
        raise ProblemError(f"{path} is no file; expected an adapter")
    Source.read(path)
    return path.resolve()


def beside(adapter: Path) -> dict[str, bytes]:
    """The Python files of its folder, by name, and itself; raises ProblemError for what cannot be read, or is too large."""
    try:
        files = {each.name: each.read_bytes() for each in sorted(adapter.parent.glob("*.py")) if each.is_file() or each == adapter}
        files.setdefault(adapter.name, adapter.read_bytes())
    except OSError as error:
        raise ProblemError(f"{adapter} cannot be read, or a file beside it: {error.strerror}; expected an adapter") from None
    if sum(map(len, files.values())) > MOST_BYTES:
        raise ProblemError(f"the Python files beside {adapter} have more than {MOST_BYTES} bytes; expected one in a folder of its own")
    return files
