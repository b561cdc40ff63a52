"""An attention block by hand at top level, whose weights begin so small that the scores hardly matter, with a mask of −∞."""

from pathlib import Path

import pytest

from compare.parts.check import check_parts

from .checking import first

TEXT = """
import numpy as np

rng = np.random.default_rng(0)
words, d = 5, 4
E, Wq, Wk, Wv, Wo = (rng.normal(0, 0.02, size) for size in ((words, d), (d, d), (d, d), (d, d), (d, words)))
lr, tokens, wanted = 0.001, [0, 2, 1], 3

for step in range(100):
    X = np.array([E[each] for each in tokens])
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    mask = np.triu(np.full((3, 3), -np.inf), 1)
    scores = Q @ K.T / np.sqrt(d) + mask
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    A = p @ V
    logits = A[-1] @ Wo
    probs = np.exp(logits - logits.max())
    probs /= probs.sum()
    loss = -np.log(probs[wanted])

    target = np.zeros(words)
    target[wanted] = 1
    dlogits = probs - target
    dWo = np.outer(A[-1], dlogits)
    dA = np.zeros_like(A)
    dA[-1] = dlogits @ Wo.T
    dV, dp = p.T @ dA, dA @ V.T
    dscores = p * (dp - (dp * p).sum(axis=1, keepdims=True)) / np.sqrt(d)
    dQ, dK = dscores @ K, dscores.T @ Q
    dX = dQ @ Wq.T + dK @ Wk.T + dV @ Wv.T
    dE = np.zeros_like(E)
    for i, each in enumerate(tokens):
        dE[each] += dX[i]
    E -= lr * dE
    Wq -= lr * X.T @ dQ
    Wk -= lr * X.T @ dK
    Wv -= lr * X.T @ dV
    Wo -= lr * dWo
"""


@pytest.mark.sampled(7)
@pytest.mark.parametrize(
    ("was", "now", "wrong"),
    [
        ("", "", set()),
        ("dscores.T @ Q", "dscores @ Q", {"E", "Wk"}),
        (" + dK @ Wk.T", "", {"E"}),
        ("(dp - (dp * p).sum(axis=1, keepdims=True))", "dp", {"E", "Wq", "Wk"}),
        ("Wq -= lr * X.T @ dQ", "Wq += lr * X.T @ dQ", {"Wq"}),
    ],
)
def test_each_weight_is_compared(tmp_path: Path, was: str, now: str, wrong: set[str]) -> None:
    path = tmp_path / "mine.py"
    path.write_text(TEXT.replace(was, now) if was else TEXT)
    result = check_parts(path, "training", 1)
    assert {part.name for part in result.parts} == {"E", "Wq", "Wk", "Wv", "Wo"}, first(result)
    assert {part.name for part in result.parts if part.mark == "wrong"} == wrong
    assert {part.mark for part in result.parts} <= {"agrees", "wrong"}
