"""A worker's part: turn the bytes of an attempt into the bytes of its grade, one attempt at a time."""

import threading

from ..sandbox.temporary import temporary_folder
from .one import Graded, graded, internal_error, ungraded
from .parcel import ParcelError, answered, checked_answer, opened

_one_at_a_time = threading.Lock()      # matplotlib and the line tracing keep global state


def work(parcel: bytes) -> bytes:
    """Return the answer to the parcel, an internal error in place of an answer that the run would refuse. Raises ParcelError."""
    with _one_at_a_time, temporary_folder() as folder:
        attempt, settings = opened(parcel, folder)
        answer = answered(graded(attempt, settings))
        try:
            checked_answer(answer, attempt, settings, settings.digest)
        except ParcelError as error:
            return answered(Graded(ungraded(attempt, settings, internal_error(error))))
        return answer
