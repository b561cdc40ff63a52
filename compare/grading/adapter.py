"""The teacher's adapter for all attempts, and the Python files beside it, which it may import and which are sent with it."""

from pathlib import Path

from ..support.errors import ProblemError
from ..userfile.file import adapter_path
from ..userfile.source import Source
from .attempts import MOST_BYTES


def checked_adapter(path: Path) -> Path:
    """Return the adapter's absolute path; raises UnusableFileError if it is no file, no name and not Python."""
    path = adapter_path(path)
    Source.read(path)
    return path


def beside(adapter: Path) -> dict[str, bytes]:
    """Return the adapter and the Python files of its folder, by name; raises ProblemError for unreadable or too large ones."""
    try:
        files = {each.name: each.read_bytes() for each in sorted(adapter.parent.glob("*.py")) if each.is_file() or each == adapter}
        files.setdefault(adapter.name, adapter.read_bytes())
    except OSError as error:
        raise ProblemError(f"{adapter} cannot be read, or a file beside it: {error.strerror}; expected an adapter") from None
    if sum(map(len, files.values())) > MOST_BYTES:
        raise ProblemError(f"the Python files beside {adapter} have more than {MOST_BYTES} bytes; expected one in a folder of its own")
    return files
