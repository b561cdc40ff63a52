"""Which of some files was saved: seen by looking at them twenty times a second, which works with every editor and file system."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

LOOK = 0.05      # seconds between two looks
_Signature = tuple[int, ...]


class Saved:
    """The files of a watch; `files` says which they are, and is asked anew at each look, as files come and go."""

    def __init__(self, files: Callable[[], Iterable[Path]]) -> None:
        self.files = files
        self._taken: dict[Path, _Signature] = {}

    def waiting(self) -> bool:
        """Return whether a file was saved that `take` has not returned yet."""
        return any(each != self._taken.get(path) for path, each in self._looked().items())

    def take(self) -> Path | None:
        """Return the file that was saved since it was last taken, of several the one saved last; None if there is none.

        At first all files are. A file that is only just being written is not returned before it has been the same at two looks.
        """
        seen = self._looked()
        changed = {path: each for path, each in seen.items() if each != self._taken.get(path)}
        if not changed:
            return None
        time.sleep(LOOK)
        if any(self._looked().get(path) != each for path, each in changed.items()):
            return None
        self._taken = seen
        return max(changed, key=lambda path: changed[path])

    def __iter__(self) -> Iterator[Path]:
        """Yield each file when it is saved, without end."""
        while True:
            path = self.take()
            if path is None:
                time.sleep(LOOK)
            else:
                yield path

    def _looked(self) -> dict[Path, _Signature]:
        """Return the files that are there; one that an editor replaces has another inode."""
        found: dict[Path, _Signature] = {}
        for path in self.files():
            with suppress(OSError):
                stat = os.stat(path)
                found[path] = (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino)
        return found
