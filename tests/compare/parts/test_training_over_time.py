"""A loop that trains back through time, from errors y − out at each step."""

from pathlib import Path

import pytest

from compare.parts.check import check_parts
from compare.parts.result import PartsCheck
from compare.parts.shapes import shape_of

from .checking import first, right

RIGHT = right("training_over_time")


def checked(folder: Path, text: str) -> PartsCheck:
    path = folder / "mine.py"
    path.write_text(text)
    assert shape_of(path, is_last=True) is None
    return check_parts(path, "training", 1)


def test_a_right_loop_is_equivalent_and_its_loss_is_said(tmp_path: Path) -> None:
    result = checked(tmp_path, RIGHT)
    assert result.verdict == "equivalent", first(result)
    assert {part.name for part in result.parts} == {"w_in", "w_out", "w_back"}
    assert all("½ Σ (output − target)²" in part.beside for part in result.parts)


def test_the_error_itself_at_the_output_is_that_of_cross_entropy(tmp_path: Path) -> None:
    result = checked(tmp_path, RIGHT.replace("deltas.append(error * slope(out))", "deltas.append(error)"))
    assert result.verdict == "equivalent", first(result)
    assert "cross-entropy" in result.parts[0].beside


@pytest.mark.sampled(7)
@pytest.mark.parametrize(
    ("line", "wrong", "weights"),
    [
        ("later.dot(w_back.T)", "later.dot(w_back)", {"w_in", "w_back"}),
        ("* slope(h)\n", "\n", {"w_in", "w_back"}),
        ("before.T.dot(delta)", "h.T.dot(delta)", {"w_back"}),
        ("w_out += w_out_update", "w_out -= w_out_update", {"w_out"}),
        ("w_in_update * alpha", "w_in_update * alpha * 2", {"w_in"}),
        ("        later = delta\n", "", {"w_in", "w_back"}),
    ],
)
def test_a_planted_mistake_is_found(tmp_path: Path, line: str, wrong: str, weights: set[str]) -> None:
    assert RIGHT.count(line) == 1
    result = checked(tmp_path, RIGHT.replace(line, wrong))
    assert result.verdict == "different"
    assert {part.name for part in result.parts if part.mark == "wrong"} == weights
