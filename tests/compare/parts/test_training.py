"""A program that trains something is checked by its own steps: right ones agree, and each fault is found in what it reaches."""

import re
from pathlib import Path

import pytest

from compare.parts.check import check_parts
from compare.parts.result import PartsCheck
from compare.support.errors import ProblemError

SCRIPT = """
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
wanted = np.array([[0], [1], [1], [0]])
np.random.seed(3)
first, second = np.random.randn(2, 3), np.random.randn(3, 1)
offset = np.zeros((1, 3))
for epoch in range(5000):
    hidden = sigmoid(inputs @ first + offset)
    output = sigmoid(hidden @ second)
    error = output - wanted
    delta = error * output * (1 - output)
    back = (delta @ second.T) * hidden * (1 - hidden)
    second -= 0.5 * hidden.T @ delta
    first -= 0.5 * inputs.T @ back
    offset -= 0.5 * back.sum(axis=0, keepdims=True)
    if epoch % 1000 == 0:
        print("mean squared error", (error ** 2).mean())
"""
SCALARS = """
import math
import random

def squash(x):
    return 1 / (1 + math.exp(-x))

class Cell:
    def __init__(self, n):
        self.weights = [random.uniform(-1, 1) for _ in range(n)]
        self.bias = random.uniform(-1, 1)

    def answer(self, x):
        return squash(sum(w * v for w, v in zip(self.weights, x)) + self.bias)

class Net:
    def __init__(self):
        self.hidden = [Cell(2), Cell(2)]
        self.out = Cell(2)

    def learn(self, x, t, rate=0.4):
        h = [cell.answer(x) for cell in self.hidden]
        o = self.out.answer(h)
        d = (t - o) * o * (1 - o)
        ds = [d * w * v * (1 - v) for w, v in zip(self.out.weights, h)]
        for i in range(2):
            self.out.weights[i] += rate * d * h[i]
        self.out.bias += rate * d
        for cell, e in zip(self.hidden, ds):
            for i in range(2):
                cell.weights[i] += rate * e * x[i]
            cell.bias += rate * e

if __name__ == "__main__":
    net = Net()
    for _ in range(3000):
        for x, t in [([0, 0], 0), ([0, 1], 1), ([1, 0], 1), ([1, 1], 0)]:
            net.learn(x, t)
"""
CLASSES = """
import numpy as np

def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)

class Model:
    def __init__(self):
        rng = np.random.default_rng(1)
        self.p = {"W1": rng.normal(size=(4, 5)), "b1": np.zeros(5), "W2": rng.normal(size=(5, 3)), "b2": np.zeros(3)}
        self.v = {name: np.zeros_like(value) for name, value in self.p.items()}

    def gradients(self, x, labels):
        z = x @ self.p["W1"] + self.p["b1"]
        h = np.maximum(z, 0)
        p = softmax(h @ self.p["W2"] + self.p["b2"])
        loss = -np.log(p[range(len(x)), labels]).mean()
        d = p.copy()
        d[range(len(x)), labels] -= 1
        d /= len(x)
        back = d @ self.p["W2"].T
        back[z <= 0] = 0
        grads = {"W1": x.T @ back, "b1": back.sum(axis=0), "W2": h.T @ d, "b2": d.sum(axis=0)}
        return loss, grads

    def fit(self, x, labels, steps):
        for t in range(steps):
            loss, grads = self.gradients(x, labels)
            for name in self.p:
                UPDATE

rng = np.random.default_rng(0)
Model().fit(rng.normal(size=(12, 4)), rng.integers(0, 3, size=12), 200)
"""
TIED = (
    SCRIPT.replace("hidden @ second)", "hidden @ first.T)")
    .replace("wanted = np.array([[0], [1], [1], [0]])", "wanted = inputs * 1.0")
    .replace("    second -= 0.5 * hidden.T @ delta\n", "")
    .replace("delta @ second.T", "delta @ first")
    .replace("inputs.T @ back", "(inputs.T @ back + delta.T @ hidden)")
)
MOMENTUM = "self.v[name] = 0.9 * self.v[name] - 0.1 * grads[name]; self.p[name] += self.v[name]"
ADAM = "self.v[name] = 0.999 * self.v[name] + 0.001 * grads[name] ** 2; self.p[name] -= 0.01 * grads[name] / (np.sqrt(self.v[name]) + 1e-8)"
MODEL = CLASSES.replace("UPDATE", "self.p[name] -= 0.1 * grads[name]")


def checked(folder: Path, text: str, seed: int = 1) -> PartsCheck:
    path = folder / "mine.py"
    path.write_text(text)
    return check_parts(path, "training", seed)


def changed(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1
    return text.replace(old, new)


RIGHT = {
    "a script": SCRIPT,
    "objects of numbers": SCALARS,
    "a class": MODEL,
    "momentum": CLASSES.replace("UPDATE", MOMENTUM),
    "decay": CLASSES.replace("UPDATE", "self.p[name] -= 0.1 * (grads[name] + (0.01 * self.p[name] if name[0] == 'W' else 0))"),
    "tied weights": TIED,
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", RIGHT)
def test_a_right_program_agrees(name: str, tmp_path: Path) -> None:
    result = checked(tmp_path, RIGHT[name])
    assert (result.verdict, {part.mark for part in result.parts}, result.caveats) == ("equivalent", {"agrees"}, ())
    assert result.reference == "differences of its own loss"


@pytest.mark.slow
def test_an_update_that_is_no_multiple_of_the_gradient_follows_a_rule(tmp_path: Path) -> None:
    result = checked(tmp_path, CLASSES.replace("UPDATE", ADAM))
    assert (result.verdict, result.left_out) == ("equivalent", ())
    wrong = checked(tmp_path, changed(CLASSES, "back[z <= 0] = 0", "back[z <= 0.5] = 0").replace("UPDATE", ADAM))
    assert wrong.verdict == "different"


WRONG = [
    (SCRIPT, "* hidden * (1 - hidden)", "", {"first", "offset"}),
    (SCRIPT, "error * output * (1 - output)", "error", None),
    (SCRIPT, "(delta @ second.T)", "(error @ second.T)", {"first", "offset"}),
    (SCRIPT, "first -= 0.5", "first += 0.5", {"first"}),
    (SCRIPT, "offset -= 0.5 * back.sum(axis=0, keepdims=True)", "offset -= 0.5 * back.mean(axis=0, keepdims=True)", {"offset"}),
    (SCRIPT, "back = (delta @ second.T) * hidden * (1 - hidden)\n    second -= 0.5 * hidden.T @ delta\n",
     "second -= 0.5 * hidden.T @ delta\n    back = (delta @ second.T) * hidden * (1 - hidden)\n", {"first", "offset"}),
    (SCALARS, "d * w * v * (1 - v)", "d * w * v", {f"self.hidden[{cell}].{name}" for cell in (0, 1) for name in ("weights", "bias")}),
    (SCALARS, "self.out.bias += rate * d\n", "self.out.bias -= rate * d\n", {"self.out.bias"}),
    (SCALARS, "            cell.bias += rate * e\n", "", None),
    (MODEL, "back[z <= 0] = 0", "back[h < 0] = 0", {"W1", "b1"}),
    (MODEL, "x.T @ back", "x.T @ back / len(x)", {"W1"}),
    (MODEL, '"b2": d.sum(axis=0)', '"b2": d[0]', {"b2"}),
    (MODEL, "d[range(len(x)), labels] -= 1", "d = d * (1 - d)", None),
]


@pytest.mark.sampled(9)
@pytest.mark.parametrize(("text", "old", "new", "wrong"), WRONG)
def test_a_fault_is_found_in_what_it_reaches(text: str, old: str, new: str, wrong: set[str] | None, tmp_path: Path) -> None:
    result = checked(tmp_path, changed(text, old, new))
    assert result.verdict == "different"
    if wrong is not None:
        assert {re.sub(r"^self\.p\['|'\]$", "", part.name) for part in result.parts if part.mark == "wrong"} == wrong


UNUSED = MODEL.split("\nrng =")[0].replace("self, x, labels, steps", "self, x, labels, epochs").replace("range(steps)", "range(epochs)")
OF_LISTS = SCALARS.split("\nif __name__")[0]
OF_PAIRS = (
    OF_LISTS.replace("learn(self, x, t, rate=0.4)", "learn(self, rows, epochs=1)").replace("rate *", "0.4 *")
    .replace("        h = ", "      for x, t in rows:\n        h = ")
)


@pytest.mark.slow
@pytest.mark.parametrize("text", [UNUSED, OF_LISTS, OF_PAIRS], ids=["arrays", "lists", "pairs"])
def test_a_class_that_nothing_trains_is_trained_here(text: str, tmp_path: Path) -> None:
    result = checked(tmp_path, text)
    assert (result.verdict, {part.mark for part in result.parts}) == ("equivalent", {"agrees"})
    assert any(note.startswith("trained here: a class") for note in result.notes)
    old, new = ("back[z <= 0] = 0", "back[h < 0] = 0") if "back[" in text else ("d * w * v * (1 - v)", "d * w * v")
    assert checked(tmp_path, changed(text, old, new)).verdict == "different"


def test_clipping_by_norm_is_no_training(tmp_path: Path) -> None:
    """Along ½ (‖g‖ − most)² it would be a step of its own, of the gradients."""
    clipped = """            loss, grads = self.gradients(x, labels)
            norm = np.sqrt(sum((g ** 2).sum() for g in grads.values()))
            most = 0.01
            grads = {name: g * (most / norm) for name, g in grads.items()}
"""
    text = changed(MODEL, "            loss, grads = self.gradients(x, labels)\n", clipped)
    assert {part.name.split("[")[0] for part in checked(tmp_path, text).parts} <= {"self.p"}


def test_a_program_that_takes_too_long_to_be_run_again_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compare.parts.training.running._SECONDS", 0.05)
    with pytest.raises(ProblemError, match=r"mine.py could not be run often enough in 0.05 s .*; expected fewer records"):
        checked(tmp_path, SCRIPT)
