"""Where one function of several raises, or answers what cannot be compared, the others are judged and explained all the same."""

from pathlib import Path
from typing import Any

import pytest

from compare import Check, check

pytestmark = pytest.mark.sampled(8)

# A right file with every function of the contract, none of which calls another.
FILE = """
import numpy as np
PROBLEM = {"sizes": (4, 3, 2), "activations": "sigmoid", "bias": True, "loss": "bce"}

def s(z):
    return 1 / (1 + np.exp(-z))

def everything(params, x, y):
    a1 = s(x @ params["0.weight"].T + params["0.bias"])
    output = s(a1 @ params["2.weight"].T + params["2.bias"])
    cost = -(y * np.log(output) + (1 - y) * np.log(1 - output)).mean()
    delta2 = (output - y) / y.size
    delta1 = delta2 @ params["2.weight"] * a1 * (1 - a1)
    seen = {"a1": a1, "output": output, "loss": cost, "delta2": delta2, "delta1": delta1}
    return seen, {"0.weight": delta1.T @ x, "0.bias": delta1.sum(0), "2.weight": delta2.T @ a1, "2.bias": delta2.sum(0)}

def forward(params, x):
    return everything(params, x, np.ones((len(x), 2)))[0]["output"]

def loss(output, y):
    return -(y * np.log(output) + (1 - y) * np.log(1 - output)).mean()

def trace(params, x, y):
    return everything(params, x, y)[0]

def gradients(params, x, y):
    return everything(params, x, y)[1]

def train_step(params, x, y, lr):
    return {name: params[name] - lr * gradient for name, gradient in everything(params, x, y)[1].items()}
"""
GRADIENTS_ALONE = FILE.partition("def trace")[0] + "def gradients(params, x, y):\n    return everything(params, x, y)[1]\n"
PARAMETERS = ("2.weight", "2.bias", "0.weight", "0.bias")
SLOPE_MISSING = ("* a1 * (1 - a1)", "")
ASSERTS = ("def loss(output, y):", "def loss(output, y):\n    assert isinstance(np.squeeze(output.sum()), list)")
HEADS = {"forward": "def forward(params, x):", "trace": "def trace(params, x, y):", "gradients": "def gradients(params, x, y):"}

# p is the score itself for its exponential, so that its logarithm is NaN; and a bias gradient is not divided by n.
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
SOFTMAX = ("    q = scores(params, x)[1]\n", "    z = scores(params, x)[1]\n    q = np.exp(z - z.max(1, keepdims=True))\n")
DIVIDED = ("back.sum(0) * len(x)", "back.sum(0)")
STABLE = ("-np.mean(np.log(probs(params, x)[range(len(x)), y]))", "-np.mean(np.log(1e-300 + probs(params, x)[range(len(x)), y]))")


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


def raising(function: str) -> tuple[str, str]:
    return HEADS[function], HEADS[function] + "\n    raise ValueError('mine')"


@pytest.mark.slow
def test_the_file_is_right(checked: Any) -> None:
    result = checked(FILE)
    assert (result.verdict, result.notes, len(result.stages)) == ("equivalent", (), 13)
    assert (checked(GRADIENTS_ALONE).verdict, checked(GRADIENTS_ALONE).notes) == ("equivalent", ())


# ---- The loss.


@pytest.mark.seeds(10)
def test_a_loss_that_raises_is_said_and_all_else_is_judged(checked: Any, seed: int) -> None:
    result = checked(GRADIENTS_ALONE, ASSERTS, seed=seed)
    assert result.verdict == "equivalent"
    (note,) = result.notes
    assert note.startswith("loss raised AssertionError, at attempt.py line 21: `assert")
    assert note.endswith(": the loss was not compared")
    assert marks(result) == dict.fromkeys(("output", *(f"gradient of {name}" for name in PARAMETERS)), "agrees")


def test_a_mistake_behind_a_loss_that_raises_is_named(checked: Any) -> None:
    result = checked(GRADIENTS_ALONE, ASSERTS, SLOPE_MISSING)
    assert (result.verdict, ids(result)) == ("different", ["slope-missing"])
    assert any(note.endswith("the loss was not compared") for note in result.notes)


@pytest.mark.parametrize(
    ("answer", "said"),
    [("-np.log(output).mean(axis=1)", "the loss has shape (7,); expected one number"), ("None", "is None"), ("'0.3'", "is a str;")],
)
@pytest.mark.parametrize("is_right", [True, False])
def test_a_loss_that_is_no_number_is_none(checked: Any, answer: str, said: str, is_right: bool) -> None:
    text = GRADIENTS_ALONE.partition("def loss")[0] + f"def loss(output, y):\n    return {answer}\n\n" + HEADS["gradients"]
    result = checked(text + "\n    return everything(params, x, y)[1]\n", *([] if is_right else [SLOPE_MISSING]))
    assert result.verdict == ("could not run" if is_right else "different")
    assert said in result.reason
    assert ids(result) == ([] if is_right else ["slope-missing"])


# ---- Helpers of the contract's names.


@pytest.mark.seeds(10)
def test_a_helper_of_that_name_is_not_asked(checked: Any, seed: int) -> None:
    result = checked(FILE, ("def loss(output, y):", "def loss(w1, w2, x, y):"), seed=seed)
    assert result.verdict == "equivalent"
    (note,) = result.notes
    assert note.startswith("loss takes w1, w2, x, y; expected loss(output, y), at attempt.py line 20:")
    assert note.endswith(": it is taken for a helper and not asked")


@pytest.mark.parametrize("function", ["forward", "trace", "gradients"])
def test_so_is_any_other_but_the_one_that_answers(checked: Any, function: str) -> None:
    result = checked(FILE, (HEADS[function], f"def {function}(a):"))
    assert result.verdict == "equivalent", result.reason
    assert [note for note in result.notes if note.startswith(f"{function} takes a; expected ") and note.endswith("not asked")]
    alone = checked(GRADIENTS_ALONE, (HEADS["gradients"], "def gradients(params, x, y, n):"))
    assert alone.verdict == "could not run"
    assert alone.reason.startswith("gradients takes params, x, y, n; expected gradients(params, x, y), at")


def test_a_loss_with_an_argument_more_that_it_does_not_need_is_the_contracts(checked: Any) -> None:
    more = "def loss(output, y)", "def loss(output, y, eps=0.0)"
    assert checked(GRADIENTS_ALONE, more).verdict == "equivalent"
    wrong = checked(GRADIENTS_ALONE, more, ("    return -(y", "    return -2.5 * (y"))
    assert (wrong.verdict, marks(wrong)["loss"]) == ("different", "wrong")


# ---- What is not a number.


@pytest.mark.parametrize("number", ["np.nan", "np.inf"])
@pytest.mark.parametrize("function", ["loss", "trace"])
def test_a_loss_that_is_not_finite_is_different_and_all_else_is_judged(checked: Any, function: str, number: str) -> None:
    text = GRADIENTS_ALONE if function == "loss" else FILE.replace("def loss", "def loss_of")
    edit = ("    return -(y", f"    return {number} + (y") if function == "loss" else ('"loss": cost', f'"loss": {number}')
    result = checked(text, edit)
    assert result.verdict == "different"
    assert "loss is " + {"np.nan": "NaN", "np.inf": "infinite"}[number] in result.reason
    assert marks(result) == {**marks(checked(text)), "loss": "wrong"}
    assert (result.first.step, result.first.tensor) == (1, "loss")
    slope = checked(text, edit, SLOPE_MISSING)
    assert (slope.verdict, ids(slope)) == ("different", ["slope-missing"])
    assert "loss is " in slope.reason


@pytest.mark.seeds(10)
def test_a_loss_that_is_not_a_number_hides_no_mistake(checked: Any, seed: int) -> None:
    """Where the second probe's zeros make the gradients not a number either, those before them are explained."""
    result = checked(SCORES, seed=seed)
    assert result.verdict == "different"
    assert "trace: loss is NaN" in result.reason
    assert "step 4: the gradients: 0.weight is NaN" in result.reason
    assert ids(result) == ["softmax-without-exp", "bias-mean-missing"]


@pytest.mark.seeds(10)
def test_without_these_mistakes_it_is_right(checked: Any, seed: int) -> None:
    assert checked(SCORES, SOFTMAX, DIVIDED, STABLE, seed=seed, steps=0).verdict == "equivalent"


# ---- Any other function.


@pytest.mark.parametrize("function", HEADS)
def test_another_function_that_raises_could_not_run_and_all_else_is_judged(checked: Any, function: str) -> None:
    result = checked(FILE, raising(function))
    assert result.verdict == "could not run"
    assert f"{function} raised ValueError: mine, at attempt.py line" in result.reason
    assert result.source == "raise ValueError('mine')"
    assert marks(result)["new 0.weight"] == "agrees"
    wrong = checked(FILE, raising(function), SLOPE_MISSING)
    assert (wrong.verdict, ids(wrong)) == ("different", ["slope-missing"])
    assert "raised ValueError: mine" in wrong.reason


def test_what_a_trace_has_beside_an_entry_that_cannot_be_compared_is_judged(checked: Any) -> None:
    result = checked(FILE, ('"delta2": delta2,', '"delta2": delta2[:1],'))
    assert result.verdict == "could not run"
    assert "trace: delta2 has shape (1, 2); expected (7, 2)" in result.reason
    assert marks(result)["error term δ1, the hidden layer"] == "agrees"
    unknown = checked(FILE, ('"delta2": delta2,', '"delta2": delta2, "cost": 1.0,'))
    assert "trace names cost; expected names such as z1" in unknown.reason
    assert (unknown.verdict, marks(unknown)) == ("could not run", marks(checked(FILE)))


def test_what_the_answer_comes_from_has_to_run(checked: Any) -> None:
    result = checked(FILE, ASSERTS, ("    return {name: params", "    raise ValueError('mine')\n    return {name: params"))
    assert result.verdict == "could not run"
    assert "train_step raised ValueError: mine" in result.reason


def test_all_functions_that_fail_are_said(checked: Any) -> None:
    result = checked(FILE, ASSERTS, ('"loss": cost', '"loss": np.nan'), raising("forward"))
    assert result.verdict == "different"
    assert "trace: loss is NaN" in result.reason
    assert "forward raised ValueError: mine" in result.reason
    assert any(note.endswith("the loss was not compared") for note in result.notes)
