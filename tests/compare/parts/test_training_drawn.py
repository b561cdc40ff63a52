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
