"""Where one function of several raises, or answers what cannot be compared, the others are judged and explained all the same."""

from pathlib import Path
from typing import Any

import pytest

from compare import Check, check

# A right file with every function of the contract.
FILE = """
import numpy as np
PROBLEM = {"sizes": (4, 3, 2), "activations": "sigmoid", "bias": True, "loss": "bce"}

def s(z):
    return 1 / (1 + np.exp(-z))

def forward(params, x):
    return s(s(x @ params["0.weight"].T + params["0.bias"]) @ params["2.weight"].T + params["2.bias"])

def loss(output, y):
    return -(y * np.log(output) + (1 - y) * np.log(1 - output)).mean()

def trace(params, x, y):
    a1 = s(x @ params["0.weight"].T + params["0.bias"])
    output = s(a1 @ params["2.weight"].T + params["2.bias"])
    delta2 = (output - y) / y.size
    delta1 = delta2 @ params["2.weight"] * a1 * (1 - a1)
    return {"a1": a1, "output": output, "loss": loss(output, y), "delta2": delta2, "delta1": delta1}

def gradients(params, x, y):
    t = trace(params, x, y)
    d1, d2 = t["delta1"], t["delta2"]
    return {"0.weight": d1.T @ x, "0.bias": d1.sum(0), "2.weight": d2.T @ t["a1"], "2.bias": d2.sum(0)}

def train_step(params, x, y, lr):
    return {name: params[name] - lr * gradient for name, gradient in gradients(params, x, y).items()}
"""
SLOPE = "* a1 * (1 - a1)"
STEP_OF_ITS_OWN = (
    FILE.replace("in gradients(params, x, y)", "in worked_out(params, x, y)")
    + """
def worked_out(params, x, y):
    a1 = s(x @ params["0.weight"].T + params["0.bias"])
    d2 = (s(a1 @ params["2.weight"].T + params["2.bias"]) - y) / y.size
    d1 = d2 @ params["2.weight"] * a1 * (1 - a1)
    return {"0.weight": d1.T @ x, "0.bias": d1.sum(0), "2.weight": d2.T @ a1, "2.bias": d2.sum(0)}
"""
)
GRADIENTS_ALONE = (
    FILE.partition("def trace")[0]
    + """
def gradients(params, x, y):
    a = s(x @ params["0.weight"].T + params["0.bias"])
    p = s(a @ params["2.weight"].T + params["2.bias"])
    d2 = (p - y) / y.size
    d1 = d2 @ params["2.weight"] * a * (1 - a)
    return {"0.weight": d1.T @ x, "0.bias": d1.sum(0), "2.weight": d2.T @ a, "2.bias": d2.sum(0)}
"""
)
ASSERTS = ("    return -(y", "    assert isinstance(np.squeeze(output.sum()), list)\n    return -(y")


@pytest.fixture
def checked(tmp_path: Path) -> Any:
    def of(text: str, *edits: tuple[str, str], **options: Any) -> Check:
        for old, new in edits:
            assert text.count(old) == 1, (old, text.count(old))
            text = text.replace(old, new)
        path = tmp_path / "attempt.py"
        path.write_text(text, encoding="utf-8")
        return check(path, **{"seed": 1, "steps": 3, **options})

    return of


def ids(result: Check) -> list[str]:
    return [cause.id for found in result.diagnosis for cause in found.causes]


def marks(result: Check) -> dict[str, str]:
    return {stage.name: stage.mark for stage in result.stages}


# ---- The loss.


@pytest.mark.parametrize("seed", range(10))
def test_a_loss_that_raises_is_said_and_all_else_is_judged(checked: Any, seed: int) -> None:
    assert checked(GRADIENTS_ALONE, seed=seed).notes == ()
    result = checked(GRADIENTS_ALONE, ASSERTS, seed=seed)
    assert result.verdict == "equivalent"
    (note,) = result.notes
    assert note.startswith("loss raised AssertionError, at attempt.py line 12: `assert")
    assert note.endswith(": the loss was not compared")
    assert "loss" not in marks(result)


def test_a_mistake_behind_a_loss_that_raises_is_named(checked: Any) -> None:
    result = checked(GRADIENTS_ALONE, ASSERTS, ("* a * (1 - a)", ""))
    assert (result.verdict, ids(result)) == ("different", ["slope-missing"])
    assert any(note.endswith("the loss was not compared") for note in result.notes)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("(-np.log(output)).mean(axis=1)", "the loss has shape (7,); expected one number"),
        ("None", "None; expected an array"),
        ("'0.3'", "dtype"),
    ],
)
@pytest.mark.parametrize("is_right", [True, False])
def test_a_loss_that_is_no_number_is_none(checked: Any, answer: str, said: str, is_right: bool) -> None:
    edits = ("return -(y * np.log(output) + (1 - y) * np.log(1 - output)).mean()", f"return {answer}")
    result = checked(GRADIENTS_ALONE, edits, *([] if is_right else [("* a * (1 - a)", "")]))
    assert result.verdict == ("could not run" if is_right else "different")
    assert said in result.reason
    assert ids(result) == ([] if is_right else ["slope-missing"])


# ---- Helpers of the contract's names.


@pytest.mark.parametrize("seed", range(10))
def test_a_helper_of_that_name_is_not_asked(checked: Any, seed: int) -> None:
    text = STEP_OF_ITS_OWN.replace("def loss(output, y):", "def loss(w1, w2, x, y):").replace('"loss": loss(output, y), ', "")
    result = checked(text, seed=seed)
    assert result.verdict == "equivalent"
    (note,) = result.notes
    assert note.startswith("loss takes w1, w2, x, y; expected loss(output, y), at attempt.py line 11:")
    assert note.endswith(": it is taken for a helper and not asked")


@pytest.mark.parametrize("function", ["forward(w1, b1, x)", "trace(a)", "gradients(z, a, delta, w)"])
def test_so_is_any_other_but_the_one_that_answers(checked: Any, function: str) -> None:
    name = function.partition("(")[0]
    start = STEP_OF_ITS_OWN.index(f"def {name}(")
    ours = STEP_OF_ITS_OWN[start : STEP_OF_ITS_OWN.index(":", start)]
    lines = STEP_OF_ITS_OWN.replace(ours, f"def {function}")
    if name == "trace":  # which the gradients are made of
        lines = lines.replace("def gradients", "def others")
    result = checked(lines)
    assert result.verdict == "equivalent", result.reason
    assert any(note.startswith(f"{name} takes ") and note.endswith("not asked") for note in result.notes)
    alone = checked(GRADIENTS_ALONE, ("def gradients(params, x, y)", "def gradients(params, x, y, n)"))
    assert alone.verdict == "could not run"
    assert alone.reason.startswith("gradients takes params, x, y, n; expected gradients(params, x, y), at")


def test_a_loss_with_an_argument_more_that_it_does_not_need_is_the_contracts(checked: Any) -> None:
    more = "def loss(output, y)", "def loss(output, y, eps=0.0)"
    assert checked(GRADIENTS_ALONE, more).verdict == "equivalent"
    wrong = checked(GRADIENTS_ALONE, more, ("(1 - y) * np.log(1 - output)", "(1 - y) * np.log(output)"))
    assert (wrong.verdict, marks(wrong)["loss"]) == ("different", "wrong")


# ---- What is not a number.


@pytest.mark.parametrize("number", ["np.nan", "np.inf"])
@pytest.mark.parametrize("where", ["loss", "trace"])
def test_a_loss_that_is_not_finite_is_different_and_all_else_is_judged(checked: Any, where: str, number: str) -> None:
    edit = ('"loss": loss(output, y)', f'"loss": {number}') if where == "trace" else ("return -(y", f"return {number} * -(y")
    text = (
        STEP_OF_ITS_OWN.replace("def loss", "def cost").replace("loss(output, y), ", "cost(output, y), ")
        if where == "trace"
        else GRADIENTS_ALONE
    )
    if where == "trace":
        edit = ('"loss": cost(output, y)', f'"loss": {number}')
    result = checked(text, edit)
    assert result.verdict == "different"
    assert "loss is " + {"np.nan": "NaN", "np.inf": "infinite"}[number] in result.reason
    assert {name for name, mark in marks(result).items() if mark == "wrong"} == {"loss"}
    assert len(result.stages) > 4
    assert result.first is not None
    assert (result.first.step, result.first.tensor) == (1, "loss")
    slope = checked(
        text, edit, ("* a * (1 - a)", "") if where == "loss" else ('* a1 * (1 - a1)\n    return {"0.weight"', '\n    return {"0.weight"')
    )
    assert slope.verdict == "different"
    assert ids(slope) == ([] if where == "trace" else ["slope-missing"])      # which would not explain a trace of right error terms
    assert "loss is " in slope.reason


# p is the score itself for its exponential, so that its logarithm is NaN; and a bias gradient that is not divided by n.
SCORES = """
import numpy as np
PROBLEM = {"sizes": (4, 6, 3), "activations": ("relu", "identity"), "bias": True, "loss": "cross_entropy", "targets": "classes"}

def scores(params, x):
    h = np.maximum(0, x @ params["0.weight"].T + params["0.bias"])
    return h, h @ params["2.weight"].T + params["2.bias"]

def forward(params, x):
    return scores(params, x)[1]

def probs(params, x):
    q = scores(params, x)[1]
    return q / q.sum(1, keepdims=True)

def trace(params, x, y):
    return {"loss": -np.mean(np.log(probs(params, x)[range(len(x)), y]))}

def gradients(params, x, y):
    h, d = scores(params, x)[0], probs(params, x)
    d[range(len(x)), y] -= 1
    d /= len(x)
    back = d @ params["2.weight"] * (h > 0)
    return {"0.weight": back.T @ x, "0.bias": back.sum(0) * len(x), "2.weight": d.T @ h, "2.bias": d.sum(0)}
"""


@pytest.mark.parametrize("seed", range(10))
def test_a_loss_that_is_not_a_number_hides_no_mistake(checked: Any, seed: int) -> None:
    """Where the second probe's zeros make the gradients not a number either, those before them are explained."""
    result = checked(SCORES, seed=seed)
    assert result.verdict == "different"
    assert "trace: loss is NaN" in result.reason
    assert "step 4: the gradients: 0.weight is NaN" in result.reason
    assert ids(result) == ["softmax-without-exp", "bias-mean-missing"]
    right = SCORES.replace("q = scores(params, x)[1]", "q = np.exp(scores(params, x)[1])").replace("back.sum(0) * len(x)", "back.sum(0)")
    assert checked(right.replace("q = np.exp(", "q = softened("), seed=seed).verdict == "could not run"
    stable = right.replace("q = np.exp(scores(params, x)[1])", "z = scores(params, x)[1]\n    q = np.exp(z - z.max(1, keepdims=True))")
    honest = stable.replace("probs(params, x)[range(len(x)), y]", "probs(params, x)[range(len(x)), y] + 0.0")
    assert checked(honest, seed=seed).verdict == "equivalent"


# ---- Any other function.


@pytest.mark.parametrize("function", ["forward", "trace", "gradients"])
@pytest.mark.parametrize("is_right", [True, False])
def test_another_function_that_raises_could_not_run_and_all_else_is_judged(checked: Any, function: str, is_right: bool) -> None:
    start = STEP_OF_ITS_OWN.index(f"def {function}(")
    line = STEP_OF_ITS_OWN[start : STEP_OF_ITS_OWN.index("\n", start)]
    own = "def s(z)" if is_right else '    d1 = d2 @ params["2.weight"] * a1 * (1 - a1)'
    text = (
        STEP_OF_ITS_OWN
        if function != "trace"
        else STEP_OF_ITS_OWN.replace('"0.weight": d1.T @ x, "0.bias"', '"0.weight": d1.T @ x, "0.bias"')
    )
    assert own in text
    edits = [(line, f"{line}\n    raise ValueError('mine')")]
    edits += [] if is_right else [(own, '    d1 = d2 @ params["2.weight"]')]
    result = checked(text, *edits)
    assert result.verdict == ("could not run" if is_right else "different")
    assert "raised ValueError: mine, at attempt.py line" in result.reason
    assert marks(result)["new 0.weight"] == ("agrees" if is_right else "wrong")
    assert ids(result) == ([] if is_right else ["slope-missing"])
    if is_right:
        assert result.source == "raise ValueError('mine')"


def test_what_a_trace_has_beside_an_entry_that_cannot_be_compared_is_judged(checked: Any) -> None:
    shape = ('"delta2": delta2,', '"delta2": delta2[:1],')
    text = STEP_OF_ITS_OWN.replace('d1, d2 = t["delta1"], t["delta2"]', "return worked_out(params, x, y)")
    result = checked(text, shape)
    assert result.verdict == "could not run"
    assert "trace: delta2 has shape (1, 2); expected (7, 2)" in result.reason
    assert marks(result)["error term δ1, the hidden layer"] == "agrees"
    unknown = checked(text, ('"delta2": delta2,', '"delta2": delta2, "cost": 1.0,'))
    assert "trace names cost; expected names such as z1" in unknown.reason
    assert (unknown.verdict, len(unknown.stages)) == ("could not run", len(checked(text).stages))


def test_what_the_answer_comes_from_has_to_run(checked: Any) -> None:
    result = checked(
        STEP_OF_ITS_OWN, ASSERTS, ("    return {name: params[name]", "    raise ValueError('mine')\n    return {name: params[name]")
    )
    assert result.verdict == "could not run"
    assert "train_step raised ValueError: mine" in result.reason


def test_two_functions_that_fail_are_both_said(checked: Any) -> None:
    nan = ('"loss": loss(output, y)', '"loss": np.nan')
    result = checked(STEP_OF_ITS_OWN, ASSERTS, nan, ("def forward(params, x):", "def forward(params, x):\n    raise ValueError('mine')"))
    assert result.verdict == "different"
    assert "trace: loss is NaN" in result.reason
    assert "forward raised ValueError: mine" in result.reason
    assert any(note.endswith("the loss was not compared") for note in result.notes)
