"""Programs of many forms are checked by their own steps: each has a right text, and faults that are found in it."""

from pathlib import Path

import pytest

from compare.parts.check import check_parts
from compare.parts.result import PartsCheck

TUPLES = """
import math, random

class Node:
    def __init__(self, below):
        self.value, self.delta = 0.0, 0.0
        self.edges = [(node, random.uniform(-1, 1)) for node in below]

    def go(self):
        self.value = 1 / (1 + math.exp(-sum(w * node.value for node, w in self.edges)))

    def learn(self, rate):
        self.edges = [(node, w + rate * self.delta * node.value) for node, w in self.edges]

inputs = [Node([]), Node([])]
hidden = [Node(inputs) for _ in range(3)]
out = Node(hidden)
for epoch in range(100):
    for a, b, t in [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)]:
        inputs[0].value, inputs[1].value = a + 0.1, b + 0.2
        for node in hidden + [out]:
            node.go()
        out.delta = (t - out.value) * out.value * (1 - out.value)
        for node, (_, w) in zip(hidden, out.edges):
            node.delta = w * out.delta * node.value * (1 - node.value)
        for node in hidden + [out]:
            node.learn(0.4)
"""
SUMS = """
import numpy as np
random = np.random.default_rng(0)
x, t = random.normal(size=(12, 2)), random.normal(size=12)
W, v, b = random.normal(size=(4, 2)), random.normal(size=4), np.zeros(4)
for epoch in range(300):
    gW, gv, gb = np.zeros((4, 2)), np.zeros(4), np.zeros(4)
    for n in range(12):
        h = np.zeros(4)
        for i in range(4):
            for j in range(2):
                h[i] += W[i, j] * x[n, j]
        h = np.tanh(h + b)
        e = h @ v - t[n]
        for i in range(4):
            gv[i] += e * h[i]
            gb[i] += e * v[i] * (1 - h[i] ** 2)
            for j in range(2):
                gW[i, j] += e * v[i] * (1 - h[i] ** 2) * x[n, j]
    W -= 0.1 / 12 * gW
    v -= 0.1 / 12 * gv
    b -= 0.1 / 12 * gb
"""
HEADS = """
import math
i1, i2, t1, t2 = 0.05, 0.10, 0.01, 0.99
w1, w2, w3, w4, w5, w6, w7, w8 = 0.15, 0.20, 0.25, 0.30, 0.40, 0.45, 0.50, 0.55
b1, b2 = 0.35, 0.60

def s(z):
    return 1 / (1 + math.exp(-z))

for epoch in range(1000):
    h1, h2 = s(w1 * i1 + w2 * i2 + b1), s(w3 * i1 + w4 * i2 + b1)
    o1, o2 = s(w5 * h1 + w6 * h2 + b2), s(w7 * h1 + w8 * h2 + b2)
    d1 = (o1 - t1) * o1 * (1 - o1)
    d2 = (o2 - t2) * o2 * (1 - o2)
    e1 = (d1 * w5 + d2 * w7) * h1 * (1 - h1)
    e2 = (d1 * w6 + d2 * w8) * h2 * (1 - h2)
    w5, w6, w7, w8 = w5 - 0.5 * d1 * h1, w6 - 0.5 * d1 * h2, w7 - 0.5 * d2 * h1, w8 - 0.5 * d2 * h2
    w1, w2, w3, w4 = w1 - 0.5 * e1 * i1, w2 - 0.5 * e1 * i2, w3 - 0.5 * e2 * i1, w4 - 0.5 * e2 * i2
    b1, b2 = b1 - 0.5 * (e1 + e2), b2 - 0.5 * (d1 + d2)
"""
TERMS = """
import numpy as np
random = np.random.default_rng(0)
places, sides = random.normal(size=(5, 3)), random.normal(size=(5, 3))

def losing(place, near, far):
    good, bad = 1 / (1 + np.exp(-sides[near] @ place)), 1 / (1 + np.exp(sides[far] @ place))
    cost = -np.log(good) - np.log(bad).sum()
    of_place = (good - 1) * sides[near] + (1 - bad) @ sides[far]
    of_sides = np.zeros_like(sides)
    of_sides[near] += (good - 1) * place
    for each, share in zip(far, 1 - bad):
        of_sides[each] += share * place
    return cost, of_place, of_sides

for epoch in range(3):
    for at, near in [(0, 1), (1, 2), (2, 4), (4, 3), (3, 0)]:
        if at == epoch % 5:
            continue
        far = random.choice([each for each in range(5) if each != near], size=4)
        value, down, others = losing(places[at], near, far)
        places[at] -= 0.1 * down
        sides -= 0.1 * others
"""

FORMS = {
    "a loss of two terms, in which no output meets a target": (TERMS, [
        ("of_sides[each] += share", "of_sides[each] = share"),
        ("(1 - bad) @ sides[far]", "bad @ sides[far]"),
        ("of_place = (good - 1)", "of_place = good"),
        ("sides -= 0.1", "sides += 0.1"),
    ]),
    "two outputs of weights of their own, and no loss": (HEADS, [
        ("(d1 * w5 + d2 * w7)", "(d1 * w5)"),
        ("0.5 * (d1 + d2)", "0.25 * (d1 + d2)"),
        ("d2 = (o2 - t2)", "d2 = 2 * (o2 - t2)"),
        ("w5 - 0.5 * d1 * h1", "w5 + 0.5 * d1 * h1"),
    ]),
    "weights in tuples beside their nodes": (TUPLES, [
        ("w * out.delta * node.value * (1 - node.value)", "w * out.delta"),
        ("w + rate", "w - rate"),
        ("zip(hidden, out.edges)", "zip(hidden[::-1], out.edges)"),
        ("in hidden + [out]:\n            node.learn", "in hidden:\n            node.learn"),
    ]),
    "a step after thousands of rounds": (SUMS, [
        ("gb[i] += e * v[i]", "gb[i] = e * v[i]"),
        ("* (1 - h[i] ** 2) * x[n, j]", "* x[n, j]"),
        ("v -= 0.1", "v += 0.1"),
        ("gv[i] += e * h[i]", "gv[i] += e"),
    ]),
}


@pytest.fixture(autouse=True)
def _few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a step of some rounds be one of thousands."""
    monkeypatch.setattr("compare.parts.training.survey._MOST_BEGUN", 200)


def checked(folder: Path, text: str) -> PartsCheck:
    path = folder / "mine.py"
    path.write_text(text)
    return check_parts(path, "training", 1)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", FORMS)
def test_a_right_program_agrees(name: str, tmp_path: Path) -> None:
    result = checked(tmp_path, FORMS[name][0])
    assert (result.verdict, {part.mark for part in result.parts}) == ("equivalent", {"agrees"})


@pytest.mark.sampled(13)
@pytest.mark.parametrize(("name", "old", "new"), [(name, old, new) for name, (_, faults) in FORMS.items() for old, new in faults])
def test_a_fault_is_found(name: str, old: str, new: str, tmp_path: Path) -> None:
    text, _ = FORMS[name]
    assert text.count(old) == 1
    assert checked(tmp_path, text.replace(old, new)).verdict == "different"
