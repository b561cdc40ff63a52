"""A class that looks words up by their numbers is trained on words, and each of its arrays is held to its loss."""

from pathlib import Path

import pytest

from compare import check
from compare.parts.result import PartsCheck

ONE_WORD = """
import numpy as np

def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)

class Lm:
    def __init__(self, vocab, width, window, units, seed):
        rng = np.random.default_rng(seed)
        self.window = window
        self.table = 0.1 * rng.standard_normal((vocab, width))
        self.W1, self.b1 = 0.3 * rng.standard_normal((window * width, units)), np.zeros(units)
        self.W2, self.b2 = 0.3 * rng.standard_normal((units, vocab)), np.zeros(vocab)

    def forward(self, X):
        return np.tanh(self.table[X].reshape(len(X), -1) @ self.W1 + self.b1) @ self.W2 + self.b2

    def step(self, X, Y, lr):
        found = self.table[X]
        flat = found.reshape(len(X), -1)
        h = np.tanh(flat @ self.W1 + self.b1)
        p = softmax(h @ self.W2 + self.b2)
        loss = -np.log(p[np.arange(len(X)), Y]).mean()
        d = p.copy()
        d[np.arange(len(X)), Y] -= 1
        d /= len(X)
        dh = (d @ self.W2.T) * (1 - h ** 2)
        dtable = np.zeros_like(self.table)
        np.add.at(dtable, X, (dh @ self.W1.T).reshape(found.shape))
        self.table -= lr * dtable
        self.W1 -= lr * flat.T @ dh
        self.b1 -= lr * dh.sum(axis=0)
        self.W2 -= lr * h.T @ d
        self.b2 -= lr * d.sum(axis=0)
        return loss
"""
MEAN = (
    ONE_WORD.replace("found.reshape(len(X), -1)", "found.mean(axis=1)")
    .replace("self.table[X].reshape(len(X), -1)", "self.table[X].mean(axis=1)")
    .replace("(window * width, units)", "(width, units)")
    .replace("(dh @ self.W1.T).reshape(found.shape)", "(dh @ self.W1.T)[:, None, :].repeat(X.shape[1], axis=1) / X.shape[1]")
)


def _checked(folder: Path, text: str) -> PartsCheck:
    path = folder / "mine.py"
    path.write_text(text)
    result = check(path, seed=1)
    assert isinstance(result, PartsCheck)
    return result


@pytest.mark.sampled(2)
@pytest.mark.parametrize("text", [ONE_WORD, MEAN])
def test_what_looks_words_up_is_held_to_its_loss(text: str, tmp_path: Path) -> None:
    result = _checked(tmp_path, text)
    assert result.verdict == "equivalent"
    assert [part.name for part in result.parts] == ["self.W1", "self.W2", "self.b1", "self.b2", "self.table"]
    assert any("words by their numbers" in note for note in result.notes)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "was", "now", "where"),
    [
        (ONE_WORD, "np.add.at(dtable, X, ", "dtable[X] = (", "self.table"),      # a word that comes twice counts once
        (ONE_WORD, " * (1 - h ** 2)", "", "self.W1"),
        (MEAN, ", axis=1) / X.shape[1])", ", axis=1))", "self.table"),
    ],
)
def test_a_fault_is_found(text: str, was: str, now: str, where: str, tmp_path: Path) -> None:
    result = _checked(tmp_path, text.replace(was, now, 1))
    assert result.verdict == "different"
    assert result.first is not None
    assert where in {part.name for part in result.parts if part.mark == "wrong"}
