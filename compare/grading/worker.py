"""A worker's part: from the bytes of an attempt to the bytes of what comes of it, one attempt at a time."""

import threading

from ..sandbox.temporary import temporary_folder
from .one import Graded, fault_of_ours, graded, ungraded
from .parcel import ParcelError, answered, checked_answer, opened

_one_at_a_time = threading.Lock()      # matplotlib and the tracing of a file's lines have one state for the whole process


def work(parcel: bytes) -> bytes:
    """The answer to that parcel; one that the run would refuse is told as a fault of ours. Raises ParcelError."""
    with _one_at_a_time, temporary_folder() as folder:
        attempt, settings = opened(parcel, folder)
        answer = answered(graded(attempt, settings))
        try:
            checked_answer(answer, attempt, settings, settings.digest)
        except ParcelError as error:
            return answered(Graded(ungraded(attempt, settings, fault_of_ours(error))))
        return answer
