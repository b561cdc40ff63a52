"""Attempts that kill whoever runs them, unconfined: once, or always; and right ones beside them; and workers that are this process."""

from collections.abc import Iterator
from pathlib import Path

from compare.grading.run import Key
from compare.grading.worker import work

ROOT = Path(__file__).parents[3]
RIGHT = (ROOT / "examples" / "right_hidden_error.py").read_text()
_KILL = "import os\nif not os.path.exists({marker!r}):\n    open({marker!r}, 'w').close()\n    os.kill(os.getpid(), 9)\n"
ALWAYS = "import os\nos.kill(os.getpid(), 9)\n"


def here(parcels: Iterator[tuple[Key, bytes]]) -> Iterator[tuple[Key, bytes]]:
    """Workers that are this process, which is quicker than to start one."""
    for key, parcel in parcels:
        yield key, work(parcel)


def starved(parcel: bytes) -> bytes:
    """What a worker does that for one of the attempts has no memory left to answer."""
    if b"right0" in parcel:
        raise MemoryError
    return work(parcel)


def folder_of(root: Path, *, once: bool = False, always: bool = False, right: int = 2) -> Path:
    """A folder with so many right attempts, and with those that kill."""
    folder = root / "attempts"
    folder.mkdir()
    for n in range(right):
        (folder / f"right{n}.py").write_text(f"{RIGHT}\n# {n}\n")
    if once:
        (folder / "once.py").write_text(_KILL.format(marker=str(root / "killed")) + RIGHT)
    if always:
        (folder / "always.py").write_text(ALWAYS + RIGHT)
    return folder
