"""A text as characters to predict: windows of it, each with the character that follows each of its characters."""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .faults import fail, public
from .reading import read_text

ALICE_TXT = Path(__file__).parent / "alice.txt"
TRAINING_SHARE = 0.9
STRIDE = 4


@dataclass(frozen=True)
class Text:
    """Windows (n, length) of a text's characters, by their index in `characters`, and the characters (n, length) that follow each.

    Windows for training begin at every fourth character of the first nine tenths; those of the test follow one another in the last tenth.
    """

    characters: str
    windows: NDArray[np.int64]
    following: NDArray[np.int64]
    windows_test: NDArray[np.int64]
    following_test: NDArray[np.int64]


@public
def load_text(path: str | PathLike[str] = ALICE_TXT, *, length: int = 32) -> Text:
    """Read the text in UTF-8; raise `DataError` if it cannot be read, or if its last tenth has no window of that length."""
    text = read_text(path, "a text file").replace("\r\n", "\n")
    characters = "".join(sorted(set(text)))
    indices = np.array([characters.index(each) for each in text], np.int64)
    first = int(len(text) * TRAINING_SHARE)
    if len(text) - first <= length:
        fail(path, f"{len(text)} characters are too few; expected at least {10 * (length + 1)}, for windows of {length} in the last tenth")
    starts, starts_test = np.arange(0, first - length, STRIDE), np.arange(first, len(text) - length, length)
    (x, y), (x_test, y_test) = (_windows(indices, each, length) for each in (starts, starts_test))
    return Text(characters, x, y, x_test, y_test)


def _windows(indices: NDArray[np.int64], starts: NDArray[np.int64], length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    places = starts[:, None] + np.arange(length)
    return indices[places], indices[places + 1]
