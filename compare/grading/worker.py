"""A worker's part: from the bytes of an attempt to the bytes of what comes of it, one attempt at a time."""

import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from compare.grading.one import graded
from compare.grading.parcel import answered, opened

_one_at_a_time = threading.Lock()      # matplotlib and the tracing of a file's lines have one state for the whole process


def work(parcel: bytes) -> bytes:
    """The answer to that parcel. Raises ParcelError."""
    with _one_at_a_time, TemporaryDirectory(prefix="lockstep-") as folder:
        return answered(graded(*opened(parcel, Path(folder))))
