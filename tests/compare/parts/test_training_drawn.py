"""What an object draws as it does its weights, and no step changes, is no proof, whatever its name is."""

from pathlib import Path

import pytest

from compare.parts.check import check_parts

TEXT = """
import numpy as np

class Siec:
    def __init__(self, wejscia, ukryte, wyjscia, tempo):
        self.tempo = tempo
        self.A = np.random.uniform(-0.5, 0.5, (ukryte, wejscia))
        self.B = np.random.uniform(-0.5, 0.5, (wyjscia, ukryte))
        self.p = DRAWN

    def sig(self, z):
        return 1.0 / (1.0 + np.exp(-z))

    def zapytaj(self, lista):
        x = np.array(lista, ndmin=2).T
        return self.sig(self.B @ self.sig(self.A @ x + self.p))

    def trenuj(self, lista, cele):
        x, t = np.array(lista, ndmin=2).T, np.array(cele, ndmin=2).T
        h = self.sig(self.A @ x + self.p)
        o = self.sig(self.B @ h)
        blad_o = (t - o) * o * (1 - o)
        blad_h = (self.B.T @ blad_o) * h * (1 - h)
        self.B += self.tempo * blad_o @ h.T
        self.A += self.tempo * blad_h @ x.T
        self.p += self.tempo * blad_h
"""
UPDATE = "        self.p += self.tempo * blad_h\n"


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    ("drawn", "update", "verdict"),
    [
        ("np.zeros((ukryte, 1))", UPDATE, "equivalent"),
        ("np.zeros((ukryte, 1))", "", "not a proof"),
        ("np.random.randn(ukryte, 1)", "", "not a proof"),
        ("np.arange(ukryte)[:, None] / 9.0", "", "equivalent"),
        ("np.zeros((ukryte, 1))", UPDATE.replace("+=", "-="), "different"),
    ],
)
def test_what_is_drawn_has_to_be_trained(tmp_path: Path, drawn: str, update: str, verdict: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(TEXT.replace("DRAWN", drawn).replace(UPDATE, update))
    result = check_parts(path, "training", 1)
    assert result.verdict == verdict
    assert [part.name for part in result.parts if part.mark == "not compared"] == (["self.p"] if verdict == "not a proof" else [])


SCRIPT = """
import numpy as np
np.random.seed(4)
dane = np.random.rand(25, 3)
cele = (dane.sum(axis=1, keepdims=True) > 1.5).astype(float)
A, B = np.random.randn(3, 5), np.random.randn(5, 1)
p = np.random.randn(5)
q = np.zeros(1)
sig = lambda z: 1 / (1 + np.exp(-z))
for epoka in range(300):
    u = sig(dane @ A + p)
    o = sig(u @ B + q)
    strata = -np.mean(cele * np.log(o) + (1 - cele) * np.log(1 - o))
    d = (o - cele) / len(dane)
    e = d @ B.T * u * (1 - u)
    B -= 0.5 * u.T @ d
    q -= 0.5 * d.sum(axis=0)
    A -= 0.5 * dane.T @ e
    p -= 0.5 * e.sum(axis=0)
"""


@pytest.mark.parametrize(
    ("was", "now", "left"),
    [
        ("", "", []),
        ("    p -= 0.5 * e.sum(axis=0)\n", "", ["p"]),
        ("    q -= 0.5 * d.sum(axis=0)\n", "", ["q"]),
        ("    A -= 0.5 * dane.T @ e\n", "", ["A"]),
        ("q = np.zeros(1)", "q = np.zeros(1)\ndane = dane * scale", []),
    ],
)
def test_a_drawn_variable_of_all_records_has_to_be_trained(tmp_path: Path, was: str, now: str, left: list[str]) -> None:
    path = tmp_path / "mine.py"
    path.write_text(SCRIPT.replace(was, now).replace("cele =", "scale = np.random.rand(25, 1)\ncele =") if was else SCRIPT)
    result = check_parts(path, "training", 1)
    assert [part.name for part in result.parts if part.mark == "not compared"] == left
    assert result.verdict == ("not a proof" if left else "equivalent")


ALONE = """
import numpy as np

X, T = np.random.randn(20, 4), np.random.uniform(0.1, 0.9, (20, 2))
lower, lower_b = np.random.randn(4, 5), np.zeros(5)
upper, upper_b = np.random.randn(5, 2), np.zeros(2)
for k in range(20):
    h = np.tanh(X[k] @ lower + lower_b)
    e = h @ upper + upper_b - T[k]
    d = (upper @ e) * (1 - h ** 2)
    upper -= 0.05 * np.outer(h, e)
    upper_b -= 0.05 * e
    lower -= 0.05 * np.outer(X[k], d)
    lower_b -= 0.05 * d
"""


def test_a_bias_by_its_name_is_told_from_one_record(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(ALONE)
    assert check_parts(path, "training", 1).verdict == "equivalent"
    path.write_text(ALONE.replace("    upper_b -= 0.05 * e\n", ""))
    result = check_parts(path, "training", 1)
    assert (result.verdict, result.worst and result.worst.name) == ("not a proof", "upper_b")
