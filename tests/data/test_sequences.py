"""Characters of a text and digits to sort: what is to be predicted, and that nothing of the test is in the training."""

from pathlib import Path

import numpy as np
import pytest

from data import ALICE_TXT, DataError, draw_sorting, load_text


def test_each_character_is_followed_by_the_next() -> None:
    text = ALICE_TXT.read_text(encoding="utf-8")
    found = load_text(length=20)
    assert "".join(sorted(set(text))) == found.characters

    def words(row: np.ndarray) -> str:
        return "".join(found.characters[i] for i in row)

    assert words(found.windows[7]) == text[28:48]
    assert words(found.following[7]) == text[29:49]
    first = int(len(text) * 0.9)
    assert words(found.windows_test.ravel()) == text[first : first + found.windows_test.size]
    assert words(found.following_test[-1]) == text[first + found.windows_test.size - 19 :][:20]
    assert len(found.windows) == -(-(first - 20) // 4)      # so that the last character that follows is before the test's first


@pytest.mark.parametrize(
    ("content", "said"), [(b"too short", "9 characters are too few"), (b"\xff\xfe", "is not UTF-8"), (None, "cannot be read")]
)
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "mine.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        load_text(path)


def test_what_follows_is_sorted() -> None:
    found = draw_sorting(50, 20, length=4, seed=3)
    assert found.sequences.shape == (50, 7)
    for sequence, following in zip(found.sequences, found.following, strict=True):
        assert following[:3].tolist() == [-100] * 3
        assert following[3:].tolist() == sorted(sequence[:4])
        assert sequence[4:].tolist() == sorted(sequence[:4])[:3]
    drawn = {tuple(row[:4]) for row in found.sequences} & {tuple(row[:4]) for row in found.sequences_test}
    assert not drawn
