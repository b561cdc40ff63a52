"""The digits: what the file holds, how it is split, and what is refused."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from data import ALICE_TXT, DIGITS_CSV, DataError, load_digits
from data.digits import COLUMNS

RECORD = ",".join(["0", "5", "16", *["3"] * 61, "7"])
HEADER = ",".join(COLUMNS)


def test_the_file_is_the_repositorys() -> None:
    """Its counts of digits and its sum are those of the UCI repository's test set; the hash is data/README.md's."""
    digits = load_digits()
    images, labels = np.concatenate([digits.images, digits.images_test]), np.concatenate([digits.digits, digits.digits_test])
    assert images.shape == (1797, 8, 8)
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert images.sum() * 16 == 561718
    for path in (DIGITS_CSV, ALICE_TXT):
        assert hashlib.sha256(path.read_bytes()).hexdigest() in (DIGITS_CSV.parent / "README.md").read_text(encoding="utf-8")


def test_it_is_split_as_the_lesson_splits() -> None:
    digits = load_digits(split_seed=5)
    drawn = np.random.RandomState(5).choice(1797, size=1617, replace=False)
    every = np.loadtxt(DIGITS_CSV, delimiter=",", skiprows=1, dtype=int)
    np.testing.assert_array_equal(digits.digits, every[drawn, 64])
    np.testing.assert_array_equal(digits.images, every[drawn, :64].reshape(-1, 8, 8) / 16)
    others = np.setdiff1d(np.arange(1797), drawn)
    np.testing.assert_array_equal(digits.digits_test, every[others, 64])


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([HEADER, RECORD, RECORD.replace("16", "17")], "line 3, column p02: '17'; expected a whole number from 0 to 16"),
        ([HEADER, RECORD[:-1] + "10"], "line 2, column digit: '10'; expected a whole number from 0 to 9"),
        ([HEADER, RECORD.replace("5", "5.0", 1)], "line 2, column p01: '5.0'; expected a whole number from 0 to 16"),
        ([HEADER, RECORD.replace("5", "", 1)], "line 2, column p01: ''; expected a whole number"),
        ([HEADER.replace("p01", "pixel"), RECORD], "line 1: the column pixel; expected the 65 columns"),
        (["p00,digit", "1,2"], "line 1: the column digit; expected the 65 columns"),
        ([HEADER, RECORD], "1 record(s) are too few to split"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, lines: list[str], said: str) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(DataError) as refused:
        load_digits(path)
    assert said in str(refused.value)
