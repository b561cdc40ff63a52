"""Weight decay in a gradient or a loss that is shown on the way is a convention; in what is answered in the end it is a mistake."""

from pathlib import Path
from typing import Any

import pytest

from compare import Check, check

pytestmark = pytest.mark.sampled(5)

GRADIENTS, LOSS = "your gradients have the weight decay in them", "your loss has the penalty of the weight decay"

# A right file: the decay is in what it calls dW and db, and its step has no other.
FILE = """
import numpy as np
PROBLEM = {"sizes": (4, 5, 2), "activations": ("tanh", "sigmoid"), "bias": True, "weight_decay": 0.1, "decay": "weights"}
KEPT = {}

def everything(p, x, y):
    w1, b1, w2, b2 = (p[name] for name in ("0.weight", "0.bias", "2.weight", "2.bias"))
    h = np.tanh(x @ w1.T + b1)
    o = 1 / (1 + np.exp(-(h @ w2.T + b2)))
    d2 = (o - y) * o * (1 - o) / y.size
    d1 = d2 @ w2 * (1 - h * h)
    penalty = 0.1 / 2 * ((w1 ** 2).sum() + (w2 ** 2).sum())
    loss = 0.5 * ((o - y) ** 2).mean() + penalty
    dW2, db2 = d2.T @ h + 0.1 * w2, d2.sum(0)
    dW1, db1 = d1.T @ x + 0.1 * w1, d1.sum(0)
    return {"a1": h, "output": o, "loss": loss, "delta2": d2, "delta1": d1, "dW2": dW2, "db2": db2, "dW1": dW1, "db1": db1}

def trace(p, x, y):
    return everything(p, x, y)

def train_step(p, x, y, lr):
    t = everything(p, x, y)
    names = {"0.weight": "dW1", "0.bias": "db1", "2.weight": "dW2", "2.bias": "db2"}
    return {name: p[name] - lr * t[short] for name, short in names.items()}
"""
OF_ALL = (
    (', "decay": "weights"', ""),
    ("(w2 ** 2).sum())", "(w2 ** 2).sum() + (b1 ** 2).sum() + (b2 ** 2).sum())"),
    ("d2.sum(0)\n", "d2.sum(0) + 0.1 * b2\n"),
    ("d1.sum(0)\n", "d1.sum(0) + 0.1 * b1\n"),
)
MOMENTUM = (
    ('"decay"', '"momentum": 0.9, "decay"'),
    ("p[name] - lr * t[short] for", "p[name] - lr * kept(name, p, t[short]) for"),
    ("def trace", "def kept(name, p, g):\n    KEPT[name] = 0.9 * KEPT.get(name, 0) + g\n    return KEPT[name]\n\ndef trace"),
)
UNDIVIDED = (
    ("o * (1 - o) / y.size", "o * (1 - o)"),
    ("d2.T @ h +", "d2.T @ h / y.size +"),
    ("d1.T @ x +", "d1.T @ x / y.size +"),
    ("d2.sum(0)\n", "d2.sum(0) / y.size\n"),
    ("d1.sum(0)\n", "d1.sum(0) / y.size\n"),
)
DOUBLED = (("0.5 * ((o - y) ** 2).mean() + penalty", "((o - y) ** 2).mean() + 2 * penalty"),)
FIRST_LAYER_ALONE = (("+ 0.1 * w2", ""), ("t[short] for", "(t[short] + (0.1 * p[name] if name == '2.weight' else 0)) for"))

RIGHT: dict[str, tuple[tuple[str, str], ...]] = {
    "of the weights": (),
    "of every parameter": OF_ALL,
    "with momentum": MOMENTUM,
    "with δ of the sum": UNDIVIDED,
    "of a loss without its half": DOUBLED,
}


def edited(*edits: tuple[str, str]) -> str:
    text = FILE
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


@pytest.fixture
def checked(tmp_path: Path) -> Any:
    def of(text: str, **options: Any) -> Check:
        path = tmp_path / "attempt.py"
        path.write_text(text, encoding="utf-8")
        return check(path, **{"seed": 1, "steps": 3, **options})

    return of


def ids(result: Check) -> list[str]:
    return [cause.id for found in result.diagnosis for cause in found.causes]


@pytest.mark.seeds(10)
def test_decay_in_gradients_and_loss_is_a_convention(checked: Any, seed: int) -> None:
    result = checked(FILE, seed=seed)
    assert result.verdict == "equivalent", result.first
    assert {GRADIENTS, LOSS} <= set(result.scales)


@pytest.mark.parametrize("name", RIGHT)
def test_whatever_else_they_are(checked: Any, name: str) -> None:
    result = checked(edited(*RIGHT[name]))
    assert result.verdict == "equivalent", result.first
    assert {GRADIENTS, LOSS} <= set(result.scales)


def test_each_is_found_by_itself(checked: Any) -> None:
    assert checked(edited((".mean() + penalty", ".mean()"))).scales == (GRADIENTS,)
    plain = edited(("+ 0.1 * w2", ""), ("+ 0.1 * w1", ""), ("t[short] for", "(t[short] + (0.1 * p[name] if 'weight' in name else 0)) for"))
    assert checked(plain).scales == (LOSS,)
    assert checked(plain).verdict == "equivalent"


@pytest.mark.parametrize(
    ("edits", "first", "named"),
    [
        ((("0.1 * w2,", "0.2 * w2,"),), "gradient of 2.weight", None),      # more than the decay
        (FIRST_LAYER_ALONE, "gradient of 0.weight", None),      # of one layer alone
        ((("penalty = 0.1 / 2", "penalty = 0.1"),), "loss", None),      # λΣw²
        ((("* (1 - h * h)", ""),), "error term δ1, the hidden layer", "slope-missing"),
        ((("d2.T @ h +", "d2.T @ h * len(x) +"),), "gradient of 2.weight", None),
        ((("t[short] for", "(t[short] + (0.1 * p[name] if 'weight' in name else 0)) for"),), "new 2.weight", "decay-doubled"),
        ((("p[name] - lr", "p[name] + lr"),), "new 2.weight", "sign-flipped"),
    ],
)
def test_what_is_wrong_beside_it_is_seen(checked: Any, edits: tuple[tuple[str, str], ...], first: str, named: str | None) -> None:
    result = checked(edited(*edits))
    assert result.verdict == "different"
    assert next(stage.name for stage in result.stages if stage.mark == "wrong") == first
    assert named is None or named in ids(result)
    assert "decay-in-gradients" not in ids(result)


@pytest.mark.seeds(3)
def test_a_slope_that_is_missing_is_named_from_the_gradients_alone(checked: Any, seed: int) -> None:
    edits = ("* (1 - h * h)", ""), ('return {"a1": h, "output": o, "loss": loss, "delta2": d2, "delta1": d1, "dW2"', 'return {"dW2"')
    result = checked(edited(*edits), seed=seed)
    assert GRADIENTS in result.scales
    assert ids(result) == ["slope-missing"]


def test_nothing_is_taken_off_where_no_decay_is_declared(checked: Any) -> None:
    result = checked(edited((', "weight_decay": 0.1, "decay": "weights"', "")))
    assert result.verdict == "different"
    assert not {GRADIENTS, LOSS} & set(result.scales)


ALONE = FILE.partition("def trace")[0] + """
def gradients(p, x, y):
    t = everything(p, x, y)
    return {"0.weight": t["dW1"], "0.bias": t["db1"], "2.weight": t["dW2"], "2.bias": t["db2"]}
"""


@pytest.mark.seeds(3)
def test_gradients_that_are_all_that_is_answered_have_no_decay(checked: Any, seed: int) -> None:
    result = checked(ALONE, seed=seed)
    assert result.verdict == "different"
    assert ids(result) == ["decay-in-gradients"]
    assert checked(ALONE.replace("+ 0.1 * w2", "").replace("+ 0.1 * w1", ""), seed=seed).verdict == "equivalent"
