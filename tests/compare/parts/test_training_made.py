"""A class that nothing trains is made by the function that makes its objects, and trained whatever error it would stop at."""

from pathlib import Path

import pytest

from compare.parts.check import check_parts
from compare.parts.result import PartsCheck

TEXT = """
import numpy as np

def squash(z):
    return z / (1 + abs(z))

class Level:
    def __init__(self, weights, offset):
        self.weights, self.offset = weights, offset

class Grid:
    def __init__(self, levels):
        self.levels = levels

    def learn(self, x, wanted, rate, error_threshold):
        kept = [np.array(x)]
        for level in self.levels:
            kept.append(squash(level.weights @ kept[-1] + level.offset))
        off = kept[-1] - wanted
        if np.abs(off).max() < error_threshold:
            return
        for level, before, after in zip(self.levels[::-1], kept[-2::-1], kept[::-1]):
            slopes = off * (1 - abs(after)) ** 2
            off = level.weights.T @ slopes
            level.weights = level.weights - rate * np.outer(slopes, before)
            level.offset = level.offset - rate * slopes

def random_grid(counts):
    levels = [Level(np.random.uniform(-1, 1, (b, a)), np.zeros(b)) for a, b in zip(counts, counts[1:])]
    return Grid(levels)

def loaded(numbers):
    level = Level(*numbers)
    return Grid([level])
"""


def checked(folder: Path, text: str) -> PartsCheck:
    path = folder / "mine.py"
    path.write_text(text)
    return check_parts(path, "training", 1)


@pytest.mark.slow
def test_it_is_trained(tmp_path: Path) -> None:
    result = checked(tmp_path, TEXT)
    assert (result.verdict, {part.mark for part in result.parts}) == ("equivalent", {"agrees"})
    assert "trained here: a class Grid, made by random_grid with learn, given one record at a time" in result.notes


@pytest.mark.slow
@pytest.mark.sampled(2)
@pytest.mark.parametrize(("old", "new", "found"), [
    ("offset - rate * slopes", "offset + rate * slopes", "level.offset = "),
    (" * (1 - abs(after)) ** 2\n", " * (1 - abs(after))\n", "level."),
])
def test_a_fault_is_found_in_its_line(old: str, new: str, found: str, tmp_path: Path) -> None:
    assert TEXT.count(old) == 1
    result = checked(tmp_path, TEXT.replace(old, new))
    assert (result.verdict, result.line is not None) == ("different", True)
    assert TEXT.splitlines()[(result.line or 0) - 1].strip().startswith(found)


ONE_COLUMN = """
import numpy as np

class Net:
    def __init__(self, n_in, hidden_sizes, n_out):
        sizes = [n_in, *hidden_sizes, n_out]
        self.weights = [np.random.randn(b, a) for a, b in zip(sizes, sizes[1:])]
        self.offsets = [np.zeros((b, 1)) for b in sizes[1:]]

    def forward(self, x):
        outs = [x]
        for w, b in zip(self.weights, self.offsets):
            outs.append(np.arctan(w @ outs[-1] + b))
        return outs, len(outs)

    def backward(self, x, y, outs, rate):
        delta = (outs[-1] - y) * np.cos(outs[-1]) ** 2
        for at in reversed(range(len(self.weights))):
            below = (self.weights[at].T @ delta) * np.cos(outs[at]) ** 2
            self.weights[at] = self.weights[at] - rate * delta @ outs[at].T
            self.offsets[at] = self.offsets[at] - rate * delta
            delta = below
"""


def test_what_several_records_widen_is_no_step(tmp_path: Path) -> None:
    """Of several records each would have offsets of its own."""
    assert checked(tmp_path, ONE_COLUMN).verdict == "equivalent"


OTHERS = """
import math, random

class Neuron:
    def __init__(self, count):
        self.weights, self.offset = [random.uniform(-1, 1) for _ in range(count)], random.uniform(-1, 1)

    def train(self, x, target, rate=0.1):
        out = math.tanh(sum(w * v for w, v in zip(self.weights, x)) + self.offset)
        d = (target - out) * (1 - out ** 2)
        self.weights = [w + rate * d * v for w, v in zip(self.weights, x)]
        self.offset += rate * d

class Pair:
    def __init__(self):
        self.lower = [[random.uniform(-1, 1) for _ in range(2)] for _ in range(2)]
        self.upper, self.base = [random.uniform(-1, 1) for _ in range(2)], random.uniform(-1, 1)

    def train(self, x, target, rate=0.1):
        h = [math.tanh(sum(w * v for w, v in zip(row, x))) for row in self.lower]
        out = math.tanh(sum(w * v for w, v in zip(self.upper, h)) + self.base)
        d = (target - out) * (1 - out ** 2)
        back = [d * w * (1 - v ** 2) for w, v in zip(self.upper, h)]
        for j in range(2):
            self.upper[j] += rate * d * h[j]
            for i in range(2):
                self.lower[j][i] += rate * back[j] * x[i]
        self.base += rate * d
"""


@pytest.mark.parametrize(("old", "new", "verdict"), [
    ("", "", "equivalent"),
    ("back[j] * x[i]", "back[0] * x[i]", "different"),
    ("self.base += rate * d\n", "self.base = rate * d\n", "not a proof"),
])
def test_another_class_that_trains_is_trained_too(old: str, new: str, verdict: str, tmp_path: Path) -> None:
    assert not old or OTHERS.count(old) == 1
    result = checked(tmp_path, OTHERS.replace(old, new))
    assert result.verdict == verdict
    assert [note.split()[4] for note in result.notes if note.startswith("trained here: ")] == ["Neuron", "Pair"]


def test_a_1_is_subtracted_from_a_column(tmp_path: Path) -> None:
    text = TEXT + "\ndef shifted(g, y):\n    g[:, y] -= 1\n    return g\n"
    assert checked(tmp_path, text).verdict == "equivalent"
