"""Functions beside their derivatives, alone in a file: activations, losses, and pairs of several arrays."""

from pathlib import Path

import pytest

from compare.parts.check import check_parts
from compare.parts.shapes import shape_of

from .checking import first, right

TEXT = right("derivatives")


def checked(folder: Path, text: str) -> tuple[str, str]:

    path = folder / "mine.py"
    path.write_text(text)
    assert shape_of(path) is None
    assert shape_of(path, is_last=True) == "derivatives"
    result = check_parts(path, "derivatives", 1)
    return result.verdict, "" if result.worst is None else first(result).name


def test_the_right_ones_agree(tmp_path: Path) -> None:
    assert checked(tmp_path, TEXT) == ("equivalent", "")


@pytest.mark.sampled(23)
@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("np.where(z > 0, 1.0, slope)", "np.where(z > 0, 1.0, 0.1)", "leaky_relu_prime"),
        ("np.where(z > 0, 1.0, slope)", "np.where(z > 0, slope, 1.0)", "leaky_relu_prime"),
        ("return a * (1 - a)", "return a * (1 - a * a)", "sigmoid_prime"),
        ("np.clip(r, -delta, delta)", "r", "d_huber"),
        ("np.clip(r, -delta, delta)", "np.clip(r, -1.0, 1.0)", "d_huber"),
        ("np.clip(r, -delta, delta)", "np.clip(np.abs(r), -delta, delta)", "d_huber"),
        ("labels] -= 1\n", "0] -= 1\n", "cross_entropy_backward"),
        ("    d = np.exp(log_p)\n", "    d = log_p\n", "cross_entropy_backward"),
        ("dscores @ k, dscores.transpose(0, 2, 1) @ q", "dscores @ k, dscores @ q", "attention_backward"),
        ("- (dweights * weights).sum(axis=-1, keepdims=True)", "- dweights.sum(axis=-1, keepdims=True)", "attention_backward"),
        ("dv = weights.transpose(0, 2, 1) @ dout", "dv = weights @ dout", "attention_backward"),
    ],
)
def test_a_planted_mistake_is_found(tmp_path: Path, old: str, new: str, name: str) -> None:
    assert TEXT.count(old) == 1
    assert checked(tmp_path, TEXT.replace(old, new)) == ("different", name)


def test_a_file_that_computes_something_else_is_none_of_these(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(TEXT + "\n\ndef train(w, x, y):\n    return w - 0.1 * x.T @ d_huber(x @ w, y)\n")
    assert shape_of(path, is_last=True) != "derivatives"


LOSSES = '''
import numpy as np

class SmoothL1:
    def __call__(self, prediction, target):
        self.r = prediction - target
        return np.where(np.abs(self.r) < 1, 0.5 * self.r**2, np.abs(self.r) - 0.5).mean()

    def backward(self):
        return np.where(np.abs(self.r) < 1, self.r, np.sign(self.r)) / self.r.size
'''


def test_classes_of_losses_alone(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"

    for old, new, verdict in (
        ("", "", "equivalent"), ("np.sign(self.r)) /", "1.0) /", "different"), ("self.r, np.sign", "self.r**2, np.sign", "different"),
    ):      # fmt: skip
        path.write_text(LOSSES.replace(old, new) if old else LOSSES)
        assert shape_of(path, is_last=True) == "layer_classes"
        assert check_parts(path, "layer_classes", 1).verdict == verdict
    path.write_text(LOSSES + "\n\ndef train(w, x, y):\n    return w - 0.1 * x.T @ (x @ w - y)\n")
    assert shape_of(path, is_last=True) is None
