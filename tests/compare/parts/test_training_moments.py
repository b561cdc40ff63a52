"""Updates that divide by the root of a sum of squares: one rule for all arrays, or none that is known."""

from pathlib import Path

import pytest

from compare import check
from compare.parts.check import check_parts

SCRIPT = """
import numpy as np

rng = np.random.default_rng(0)
X = rng.standard_normal((30, 3))
y = np.sin(X[:, :1]) * X[:, 1:2]
p = {"W1": rng.standard_normal((3, 5)) * 0.5, "b1": np.zeros((1, 5)), "W2": rng.standard_normal((5, 1)) * 0.5, "b2": np.zeros((1, 1))}
m = {k: np.zeros_like(each) for k, each in p.items()}
v = {k: np.zeros_like(each) for k, each in p.items()}

def gradients(p):
    h = np.tanh(X @ p["W1"] + p["b1"])
    out = h @ p["W2"] + p["b2"]
    d = 2 * (out - y) / len(X)
    back = d @ p["W2"].T * (1 - h**2)
    return {"W1": X.T @ back, "b1": back.sum(axis=0, keepdims=True), "W2": h.T @ d, "b2": d.sum(axis=0, keepdims=True)}

for t in range(1, 40):
    g = gradients(p)
    for k in p:
        UPDATE
"""
FIRST, SECOND = "m[k] = 0.9 * m[k] + 0.1 * g[k]; ", "v[k] = 0.99 * v[k] + 0.01 * g[k] ** 2; "
CORRECTED = FIRST + SECOND + "p[k] -= 0.02 * m[k] / (1 - 0.9**t) / (np.sqrt(v[k] / (1 - 0.99**t)) + 1e-8)"
RULES = {
    "Adam": CORRECTED,
    "Adam without a correction": FIRST + SECOND + "p[k] = p[k] - 0.02 * m[k] / (np.sqrt(v[k]) + 1e-8)",
    "Adam, ε within": FIRST + SECOND + "p[k] -= 0.02 * m[k] / np.sqrt(v[k] + 1e-6)",
    "AdamW": CORRECTED + "; p[k] -= 0.002 * p[k]",
    "RMSProp": SECOND + "p[k] -= 0.02 * g[k] / (np.sqrt(v[k]) + 1e-4)",
    "AdaGrad": "v[k] += g[k] ** 2; p[k] -= 0.1 * g[k] / (np.sqrt(v[k]) + 1e-8)",
}
FAULTS = {
    "no root": CORRECTED.replace("np.sqrt(v[k] / (1 - 0.99**t))", "v[k] / (1 - 0.99**t)"),
    "no square": CORRECTED.replace("g[k] ** 2", "abs(g[k])"),
    "another share": CORRECTED.replace("0.99 * v[k]", "0.9 * v[k]"),
    "another rate": CORRECTED.replace("0.02 *", "(0.0201 if k == 'W2' else 0.02) *"),
    "the gradient for the moment": CORRECTED.replace("0.02 * m[k]", "0.02 * (m[k] if k == 'W1' else g[k])"),
    "the moments of another": CORRECTED.replace("np.sqrt(v[k] /", "np.sqrt(v['b2'] /"),
}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_known(name: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(SCRIPT.replace("UPDATE", RULES[name]))
    result = check_parts(path, "training", 1)
    assert (result.verdict, result.left_out) == ("equivalent", ())
    assert "first steps is not compared" in str(result.caveat)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", FAULTS)
def test_another_is_no_proof(name: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(SCRIPT.replace("UPDATE", FAULTS[name]))
    assert check_parts(path, "training", 1).verdict != "equivalent"


@pytest.mark.slow
def test_the_whole_check_asks_for_it_where_no_step_is_a_multiple_of_the_gradient(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    for old, new, verdict in (("", "", "equivalent"), ("(1 - h**2)", "(1 - h)", "different"), ("h.T @ d,", "2 * h.T @ d,", "different")):
        path.write_text(SCRIPT.replace("UPDATE", CORRECTED).replace(old, new) if old else SCRIPT.replace("UPDATE", CORRECTED))
        assert check(path, seed=1).verdict == verdict
