"""Checking a file: what it may look like, what is said of it, and what is never called equal."""

import gc
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from compare import Check, check
from compare.cli.main import main
from compare.diagnosis.patience import limited_to
from compare.diagnosis.probes import dead_units, draw_probes
from compare.problem.from_dict import declared_problem
from compare.support.errors import ProblemError
from compare.userfile.source import UnusableFileError

pytestmark = pytest.mark.sampled(6)

EXAMPLES = Path(__file__).parents[3] / "examples"
SIGMOID = "import numpy as np\n\n\ndef sigmoid(z):\n    return 1 / (1 + np.exp(-z))\n\n\n"
RIGHT = (
    SIGMOID
    + """def train_step(params, x, y, lr):
    W1, W2 = params["0.weight"], params["2.weight"]
    h = sigmoid(x @ W1.T)
    output = sigmoid(h @ W2.T)
    delta2 = (output - y) / len(x) * output * (1 - output)
    delta1 = delta2 @ W2 * h * (1 - h)
    return {"0.weight": W1 - lr * delta1.T @ x, "2.weight": W2 - lr * delta2.T @ h}
"""
)
PROBLEM = 'PROBLEM = {"sizes": (4, 5, 3), "activations": ("tanh", "sigmoid"), "bias": True}\n'


@pytest.fixture
def checked(tmp_path: Path) -> Any:
    def of(text: str, **options: Any) -> Check:
        path = tmp_path / "attempt.py"
        path.write_text(text, encoding="utf-8")
        return check(path, **{"seed": 1, "steps": 5, **options})

    return of


def pass_of(container: str, weights: str, records: str) -> str:
    """A right file of a 4-5-3 network with its arrays laid out so."""
    take = {"W1b1": 'p["W1"], p["b1"], p["W2"], p["b2"]', "list": "p", "attributes": "p.W1, p.b1, p.W2, p.b2"}[container]
    give = {"W1b1": "dict(W1=W1, b1=b1, W2=W2, b2=b2)", "list": "[W1, b1, W2, b2]", "attributes": "dict(W1=W1, b1=b1, W2=W2, b2=b2)"}[
        container
    ]
    into = {"in_out": ".T", "out_in": ""}[weights]
    turn = {"columns": ".T", "rows": ""}[records]
    bias = ".ravel()" if records == "columns" else ""
    return (
        SIGMOID
        + PROBLEM
        + f"""
def train_step(p, x, y, lr):
    W1, b1, W2, b2 = {take}
    x, y, V1, V2, c1, c2 = x{turn}, y{turn}, W1{into}, W2{into}, b1{bias}, b2{bias}
    h = np.tanh(x @ V1.T + c1)
    o = sigmoid(h @ V2.T + c2)
    d2 = (o - y) * o * (1 - o) / y.size
    d1 = d2 @ V2 * (1 - h * h)
    W1, W2 = W1 - lr * (d1.T @ x){into}, W2 - lr * (d2.T @ h){into}
    b1, b2 = b1 - lr * d1.sum(0).reshape(b1.shape), b2 - lr * d2.sum(0).reshape(b2.shape)
    return {give}
"""
    )


def test_a_right_file_is_equivalent_and_trained_in_lockstep(checked: Any) -> None:
    result = checked(RIGHT)
    assert result.verdict == "equivalent"
    assert result.comparison is not None
    assert result.steps == 6 + 5
    assert not result.conventions


@pytest.mark.parametrize("container", ["W1b1", "list", "attributes"])
@pytest.mark.parametrize("weights", ["in_out", "out_in"])
def test_conventions_are_found_and_said(checked: Any, container: str, weights: str) -> None:
    result = checked(pass_of(container, weights, "rows"))
    assert result.verdict == "equivalent", result.reason
    assert ("your weights are (in, out)" in result.conventions) == (weights == "in_out")
    assert any("your parameters are" in sentence for sentence in result.conventions)


def test_records_in_columns_are_found(checked: Any) -> None:
    result = checked(pass_of("W1b1", "out_in", "columns"))
    assert result.verdict == "equivalent", result.reason
    assert "your records are columns" in result.conventions


def test_a_declared_convention_is_held_to(checked: Any) -> None:
    text = pass_of("W1b1", "in_out", "rows") + 'CONVENTIONS = {"params": "W1b1", "weights": "out_in"}\n'
    assert checked(text).verdict == "could not run"


def test_a_convention_that_is_none_is_refused(checked: Any) -> None:
    with pytest.raises((ProblemError, UnusableFileError), match="weights"):
        checked(RIGHT + 'CONVENTIONS = {"weights": "sideways"}\n')


def test_work_in_place_is_found(checked: Any) -> None:
    text = RIGHT.replace(
        'return {"0.weight": W1 - lr * delta1.T @ x, "2.weight": W2 - lr * delta2.T @ h}',
        "W1 -= lr * delta1.T @ x\n    W2 -= lr * delta2.T @ h",
    )
    result = checked(text)
    assert result.verdict == "equivalent"
    assert "you work in place" in result.conventions


@pytest.mark.parametrize(
    ("old", "new", "id", "line"),
    [
        (" * h * (1 - h)", "", "slope-missing", 13),
        (" * output * (1 - output)", "", "slope-missing", 12),
        (" / len(x)", "", "mean-missing", None),
        ("W1 - lr", "W1 + lr", "sign-flipped-in-layer", None),
        ("delta2 @ W2", "(output - y) / len(x) @ W2", "raw-error-back", 13),
        ("lr * delta", "delta", "lr-missing", None),
        pytest.param("(1 - h)", "(1 - h) ** 1.5", None, None, marks=pytest.mark.slow),      # every pair of mistakes is tried
    ],
)
def test_a_mistake_is_named_with_its_line(checked: Any, old: str, new: str, id: str | None, line: int | None) -> None:
    result = checked(RIGHT.replace(old, new))
    assert result.verdict == "different"
    assert [found.causes[0].id for found in result.diagnosis] == ([id] if id else [])
    if line:
        assert result.diagnosis[0].line == line
    assert result.first is not None


def test_two_mistakes_are_named_together(checked: Any) -> None:
    result = checked(RIGHT.replace(" * h * (1 - h)", "").replace(" / len(x)", ""))
    assert {found.causes[0].id for found in result.diagnosis} == {"slope-missing", "mean-missing"}


@pytest.mark.slow
def test_pairs_that_are_left_out_by_their_plain_values_are_none_that_explain(checked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two mistakes in each number that is shown; the control leaves all pairs out."""
    text = RIGHT.replace(" / len(x) * output * (1 - output)", " * (1 - output**2)")

    def named(far: float) -> list[str]:
        monkeypatch.setattr("compare.diagnosis.matcher._FAR", far)
        return [cause.id for found in checked(text).diagnosis for cause in found.causes]

    of_all = named(float("inf"))
    assert named(1e12) == of_all
    assert named(0.0) != of_all


def test_what_only_inherits_is_not_blamed() -> None:
    result = check(EXAMPLES / "wrong_hidden_error.py", seed=1)
    marks = {stage.stage + str(stage.layer): stage.mark for stage in result.stages}
    assert marks["delta1"] == "wrong"
    assert marks["delta2"] == "agrees"
    assert marks["weight_after1"] == marks["weight_used1"] == "inherits"


def test_an_output_that_is_always_the_same_proves_nothing(checked: Any) -> None:
    result = checked(OF_ONE_CLASS)
    assert (result.verdict, result.reason) == ("not a proof", "the output is the same number for every record and step")


OF_ONE_CLASS = """
import numpy as np
PROBLEM = {"sizes": (3, 4, 1), "activations": ("tanh", "softmax"), "loss": "mse", "optimizer": "sgd", "weight_decay": 0.1}
def forward(params, x):
    return np.ones((len(x), 1))
def train_step(params, x, y, lr):
    return {name: w - lr * 0.1 * w for name, w in params.items()}
"""


def test_causes_that_look_the_same_come_with_the_probe_that_tells_them_apart(checked: Any) -> None:
    found = checked(RIGHT.replace(" * output * (1 - output)", "")).diagnosis[0]
    assert {"slope-missing", "other-loss"} <= {cause.id for cause in found.causes}
    assert found.probe_to_separate == "tanh at the output, with targets beyond 1"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def train_step(params, x, y, lr):\n    return params\n", "the weights never change"),
        (SIGMOID + "def gradients(params, x, y):\n    return {name: np.zeros_like(w) for name, w in params.items()}\n", "zero"),
        (
            SIGMOID + "def forward(params, x):\n    return sigmoid(sigmoid(x @ params['0.weight'].T) @ params['2.weight'].T)\n",
            "backward pass",
        ),
        ("import numpy as np\nPROBLEM = {}\ndef loss(output, y):\n    return 0.5 * np.mean((output - y) ** 2)\n", "backward pass"),
    ],
)
def test_what_proves_nothing_is_not_called_equal(checked: Any, text: str, reason: str) -> None:
    result = checked(text)
    assert result.verdict == "not a proof"
    assert reason in result.reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (RIGHT.replace("return {", "{"), "None"),
        (RIGHT.replace("W1 - lr * delta1.T @ x", "(W1 - lr * delta1.T @ x)[:1]"), "shape"),
        (RIGHT.replace('"2.weight": W2 - lr * delta2.T @ h', ""), "2.weight"),
        (RIGHT.replace("    h = sig", "    x -= 1\n    h = sig"), "changes x"),
        (RIGHT.replace("W2 - lr * delta2.T @ h", "(W2 - lr * delta2.T @ h).astype(str)"), "dtype"),
        (RIGHT.replace("    h = sig", "    raise ValueError('no')\n    h = sig"), "line 10"),
    ],
)
def test_what_cannot_be_compared_is_said_as_such(checked: Any, text: str, reason: str) -> None:
    result = checked(text)
    assert result.verdict == "could not run"
    assert reason in result.reason


@pytest.mark.parametrize("noise", ["1e-3", "1e-10"])
def test_answers_that_differ_from_call_to_call_are_said_to(checked: Any, noise: str) -> None:
    text = RIGHT.replace("def train_step", "GENERATOR = np.random.default_rng()\n\n\ndef train_step").replace(
        "lr * delta2", f"lr * (1 + {noise} * GENERATOR.random()) * delta2"
    )
    result = checked(text)
    assert result.verdict == "could not run"
    assert result.reason.startswith("a different answer on the same call twice: new 2.weight")
    assert not result.diagnosis


def test_nan_is_never_equal(checked: Any) -> None:
    result = checked(RIGHT.replace("W2 - lr * delta2.T @ h", "(W2 - lr * delta2.T @ h) * np.nan"))
    assert result.verdict == "different"
    assert "NaN" in result.reason


@pytest.mark.all_trials
def test_a_formula_that_overflows_is_unstable(checked: Any) -> None:
    text = RIGHT.replace("1 / (1 + np.exp(-z))", "np.exp(z) / (1 + np.exp(z))")
    result = checked(text)
    assert result.verdict == "unstable formula"
    assert "1000" in result.reason


def test_aliased_answers_are_noted(checked: Any) -> None:
    text = RIGHT.replace("def train_step", "KEPT = {}\n\n\ndef train_step").replace(
        'return {"0.weight": W1 - lr * delta1.T @ x, "2.weight": W2 - lr * delta2.T @ h}',
        'for name, w in (("0.weight", W1 - lr * delta1.T @ x), ("2.weight", W2 - lr * delta2.T @ h)):\n'
        "        KEPT.setdefault(name, np.empty_like(w))[...] = w\n    return KEPT",
    )
    result = checked(text)
    assert result.verdict == "equivalent"
    assert any(note.startswith("aliased") for note in result.notes)


def test_the_problem_is_that_of_the_file_or_of_the_options(checked: Any) -> None:
    text = pass_of("W1b1", "out_in", "rows")
    assert checked(text).problem.sizes == (4, 5, 3)
    assert (
        checked(text.replace(PROBLEM, ""), problem={"sizes": (4, 5, 3), "activations": ("tanh", "sigmoid"), "bias": True}).verdict
        == "equivalent"
    )
    with pytest.raises((ProblemError, UnusableFileError), match="colour"):
        checked(RIGHT + 'PROBLEM = {"colour": "red"}\n')


def test_the_command_line_shows_it_and_exits_with_1(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = str(EXAMPLES / "wrong_hidden_error.py")
    report = tmp_path / "report.xml"
    assert main(["check", path, "--seed", "1", "--junitxml", str(report), "--github"]) == 1
    out = capsys.readouterr().out
    assert "f′ is left out of the error term of the hidden layer" in out
    assert "::error file=" in out
    assert "line=23" in out
    suite = ElementTree.parse(report).getroot()
    assert int(suite.attrib["failures"]) >= 1
    assert any(case.find("failure") is not None and "δ1" in case.attrib["name"] for case in suite)


def test_json_has_the_stages_and_the_diagnosis(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(EXAMPLES / "wrong_hidden_error.py"), "--seed", "1", "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert result["verdict"] == "different"
    assert result["diagnosis"][0]["causes"][0]["id"] == "slope-missing"
    assert {"sentence", "formula"} <= result["diagnosis"][0]["causes"][0].keys()
    assert {"evidence", "probe_to_separate", "conventions"} <= result["diagnosis"][0].keys()
    assert [stage["mark"] for stage in result["stages"]].count("wrong") == 1
    assert result["problem"]["sizes"] == [6, 2, 1]


@pytest.mark.parametrize(
    ("hint", "said", "kept"),
    [
        (1, ["error term δ1"], ["f′", "derivative", "behaves"]),
        (2, ["the derivative of an activation"], ["f′ is left out", "behaves"]),
        (3, ["f′ is left out"], ["behaves", "line 23"]),
    ],
)
def test_a_hint_gives_away_no_more_than_it_should(hint: int, said: list[str], kept: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", str(EXAMPLES / "wrong_hidden_error.py"), "--seed", "1", "--hint", str(hint)])
    out = capsys.readouterr().out
    assert all(text in out for text in said)
    assert not any(text in out for text in kept)


def test_a_right_run_exits_with_0_and_the_seed_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(EXAMPLES / "right_hidden_error.py"), "--steps", "3"]) == 0
    assert re.search(r"Probes drawn from seed \d+\n", capsys.readouterr().out)


@pytest.mark.parametrize("text", [None, "", "x = 1\n", "def (:\n", "\x00\x01"])
def test_a_file_that_cannot_be_used_exits_with_2(text: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "attempt.py"
    if text is not None:
        path.write_text(text)
    assert main(["check", str(path)]) == 2
    err = capsys.readouterr().err
    assert err.startswith("backprop-compare: error: ")
    assert "Traceback" not in err


ADAPTERS = ("lesson", "network_class", "parameters_dict", "weight_lists", "loss_and_grads")


@pytest.mark.sampled(7)
@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*_*.py"), reverse=True), ids=lambda path: path.stem)
def test_every_example_is_what_its_name_promises(path: Path) -> None:
    adapter = next((name for name in ADAPTERS if path.stem.startswith(f"{name}_")), None)
    result = check(path, adapter=adapter, seed=1, steps=5)
    if "right" in path.stem:
        assert result.verdict == "equivalent", result.reason
        return
    promised = {
        "hidden_error": "slope-missing",
        "missing_slope": "slope-missing",
        "slope_of_linear_output": "slope-extra",
        "sum_for_mean": "mean-missing-in-layer",
        "last_record_only": "only-last-record",
        "mask_of_gradient": "relu-of-gradient",
    }
    assert result.verdict == "different"
    assert [found.causes[0].id for found in result.diagnosis] == [id for name, id in promised.items() if name in path.stem]


BCE = (
    SIGMOID
    + """PROBLEM = {"sizes": (4, 1), "activations": "sigmoid", "loss": "bce"}


def forward(params, x):
    return sigmoid(x @ params["0.weight"].T)


def loss(output, y):
    return -np.mean(y * np.log(output + 1e-8) + (1 - y) * np.log(1 - output + 1e-8))


def gradients(params, x, y):
    return {"0.weight": (forward(params, x) - y).T @ x / len(x)}
"""
)


def test_an_epsilon_in_the_logarithm_of_a_loss_is_a_convention(checked: Any) -> None:
    result = checked(BCE)
    assert result.verdict == "equivalent"
    assert any("ε = 1e-08" in sentence for sentence in result.scales)
    assert checked(BCE.replace("output + 1e-8)", "output + 2e-8)", 1)).verdict == "different"


def test_a_forward_that_gives_what_the_way_back_needs_is_read(checked: Any) -> None:
    text = (
        RIGHT
        + """

def forward(params, x):
    h = sigmoid(x @ params["0.weight"].T)
    return sigmoid(h @ params["2.weight"].T), (x, h)
"""
    )
    assert checked(text).verdict == "equivalent"


@pytest.mark.seeds(12)
def test_another_order_of_summation_in_train_step_is_no_difference(seed: int, checked: Any) -> None:
    text = """
import numpy as np

PROBLEM = {"sizes": (4, 3, 2, 1), "activations": "sigmoid", "bias": True}
CONVENTIONS = {"params": "list"}


def passes(p, x, y):
    weights, biases, a = p[0::2], p[1::2], [x]
    for w, b in zip(weights, biases):
        a.append(1 / (1 + np.exp(-(a[-1] @ w.T + b))))
    d, grads = (a[-1] - y) * a[-1] * (1 - a[-1]), []
    for i in (2, 1, 0):
        grads = [d.T @ a[i], d.sum(0), *grads]
        d = d @ weights[i] * a[i] * (1 - a[i])
    return grads


def gradients(p, x, y):
    return [np.mean(part, axis=0) for part in zip(*[passes(p, x[i : i + 1], y[i : i + 1]) for i in range(len(x))])]


def train_step(p, x, y, lr):
    return [w - (lr / len(x)) * grad for w, grad in zip(p, passes(p, x, y))]
"""
    assert checked(text, seed=seed, steps=2).verdict == "equivalent"


@pytest.mark.all_trials
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("delta1.T @ x,", "np.clip(delta1.T @ x, -1, 1),"),
        ("x @ W1.T", "np.clip(x @ W1.T, -6, 6)"),
        ("output = sigmoid(h @ W2.T)", "output = np.clip(sigmoid(h @ W2.T), 0.01, 0.99)"),
        ("    h = ", "    x, y = x[:7], y[:7]\n    h = "),
    ],
)
def test_what_shows_far_out_alone_is_noticed(checked: Any, old: str, new: str) -> None:
    assert old in RIGHT
    assert checked(RIGHT.replace(old, new)).verdict == "different"


BIASED = """
import numpy as np

PROBLEM = {"sizes": (4, 3, 2), "activations": ("tanh", "identity"), "bias": True, "loss": "mse"}


def train_step(p, x, y, lr):
    W1, b1, W2, b2 = p["W1"], p["b1"], p["W2"], p["b2"]
    a = np.tanh(x @ W1.T + b1)
    o = a @ W2.T + b2
    d = 2 * (o - y) / o.size
    e = d @ W2 * (1 - a * a)
    return {"W1": W1 - lr * e.T @ x, "b1": b1 - lr * e.sum(0), "W2": W2 - lr * d.T @ a, "b2": b2 - lr * d.sum(0)}
"""


@pytest.mark.parametrize(
    ("old", "new", "id"),
    [("W1 - lr * e.T @ x", "W1", "weights-never-updated"), ("e.T @ x", "e.T @ x / len(x)", "mean-twice-in-layer")],
)
def test_what_is_wrong_with_weights_alone_is_not_said_of_biases(checked: Any, old: str, new: str, id: str) -> None:
    found = checked(BIASED.replace(old, new)).diagnosis
    assert [each.causes[0].id for each in found] == [id]


def test_a_fault_is_told_in_the_reading_that_came_farthest(checked: Any) -> None:
    result = checked(BIASED.replace("    d = 2", "    1 / 0\n    d = 2"))
    assert "ZeroDivisionError" in result.reason
    assert result.source == "1 / 0"


def test_square_layers_by_other_names_are_diagnosed_as_the_contract_has_them(checked: Any) -> None:
    text = BIASED.replace("(4, 3, 2)", "(3, 3, 3)").replace(" * (1 - a * a)", "")
    assert checked(text).diagnosis[0].causes[0].id == "slope-missing"


def test_what_is_not_a_proof_has_no_diagnosis(checked: Any) -> None:
    assert checked("def train_step(params, x, y, lr):\n    return params\n").diagnosis == ()


@pytest.mark.parametrize("way", ["--json", "--github", "--junitxml"])
def test_no_report_gives_more_away_than_the_hint(way: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    main(
        [
            "check",
            str(EXAMPLES / "wrong_hidden_error.py"),
            "--seed",
            "1",
            "--hint",
            "1",
            way,
            *([str(report)] if way == "--junitxml" else []),
        ]
    )
    out = capsys.readouterr().out + (report.read_text(encoding="utf-8") if report.exists() else "")
    assert "δ1" in out
    assert not any(text in out for text in ("slope-missing", "f′", "derivative", "behaves", "y − ŷ"))


TRACED = (
    SIGMOID
    + """def passes(params, x, y):
    W1, W2 = params["0.weight"], params["2.weight"]
    z1 = x @ W1.T
    a1 = sigmoid(z1)
    output = sigmoid(a1 @ W2.T)
    delta2 = (output - y) / len(x) * output * (1 - output)
    delta1 = delta2 @ W2 * a1 * (1 - a1)
    return {"z1": z1, "a1": a1, "output": output, "delta2": delta2, "delta1": delta1, "dW2": delta2.T @ a1, "dW1": delta1.T @ x}


def trace(params, x, y):
    return passes(params, x, y)


def train_step(params, x, y, lr):
    seen = passes(params, x, y)
    return {"0.weight": params["0.weight"] - lr * seen["dW1"], "2.weight": params["2.weight"] - lr * seen["dW2"]}
"""
)


def test_a_factor_that_makes_the_result_wrong_is_a_mistake_and_no_convention(checked: Any) -> None:
    result = checked(TRACED.replace(" / len(x)", ""))
    assert [found.causes[0].id for found in result.diagnosis] == ["mean-missing"]
    assert not result.scales


def test_a_factor_that_the_update_makes_good_is_a_convention(checked: Any) -> None:
    text = TRACED.replace("(output - y) / len(x)", "(y - output)").replace("- lr * seen[", "+ lr / len(x) * seen[")
    result = checked(text)
    assert result.verdict == "equivalent"
    assert any("δ is of y − ŷ" in sentence for sentence in result.scales)


def test_a_factor_of_no_entry_is_measured(checked: Any) -> None:
    found = checked(RIGHT.replace("lr * delta", "1.7 * lr * delta")).diagnosis
    assert [each.causes[0].id for each in found] == ["scaled"]
    assert "1.7 times" in found[0].causes[0].sentence


@pytest.mark.slow
@pytest.mark.parametrize("lr", ["0.5", "0.3", "0.0125"])
def test_a_learning_rate_of_its_own_is_said(lr: str, checked: Any) -> None:
    for text in (RIGHT, TRACED):
        result = checked(text.replace("lr * ", f"{lr} * "))
        assert result.verdict == "different"
        assert [cause.id for found in result.diagnosis for cause in found.causes] == ["lr-fixed"]
        assert f"it is {lr}, whatever is given" in result.diagnosis[0].causes[0].sentence


def test_a_stage_of_the_wrong_shape_does_not_hide_the_mistake_behind_it(checked: Any) -> None:
    result = checked(TRACED.replace("    W1, W2 = params", "    x, y = x[1:], y[1:]\n    W1, W2 = params"))
    assert result.verdict == "different"
    assert "z1 has shape (6, 2); expected (7, 2)" in result.reason
    assert result.diagnosis[0].causes[0].id == "first-record-dropped"


def test_a_unit_that_no_probe_reaches_proves_nothing(checked: Any) -> None:
    text = RIGHT.replace("h = sigmoid(x @ W1.T)", "h = np.maximum(x @ W1.T, 0)").replace("h * (1 - h)", "(h > 0)")
    text += 'PROBLEM = {"activations": ("relu", "sigmoid")}\n'
    assert checked(text).verdict == "equivalent"
    result = checked(text, data=(np.zeros((20, 6)), np.full((20, 1), 0.5)))
    assert result.verdict == "not a proof"
    assert "never change" in result.reason


@pytest.mark.slow
def test_the_line_is_not_one_that_only_takes_what_was_handed_in() -> None:
    result = check(EXAMPLES / "lesson_wrong_missing_slope.py", adapter="lesson", seed=5)
    assert result.text_of(result.diagnosis[0].line) == "hidden_error = output_error_term * weights_hidden_output"


def test_a_unit_that_is_dead_on_every_probe_proves_nothing(checked: Any) -> None:
    """Records that are all alike: relu units whose weights point away from them are never reached."""
    text = RIGHT.replace("h = sigmoid(x @ W1.T)", "h = np.maximum(x @ W1.T, 0)").replace("h * (1 - h)", "(h > 0)")
    problem = {"sizes": (6, 8, 1), "activations": ("relu", "sigmoid")}
    data = np.ones((20, 6)), np.full((20, 1), 0.5)
    seed = next(
        seed for seed in range(100) if dead_units(declared_problem(problem), list(draw_probes(declared_problem(problem), seed, data)))
    )
    result = checked(text, problem=problem, data=data, seed=seed)
    assert result.verdict == "not a proof"
    assert "no probe sends any error through unit" in result.reason


def test_the_line_of_a_loop_over_records_is_not_that_of_the_weights(checked: Any) -> None:
    text = (
        SIGMOID
        + """def train_step(params, x, y, lr):
    W1 = params["0.weight"]
    w2 = params["2.weight"][0]
    step1, step2 = 0 * W1, 0 * w2
    for record, target in zip(x, y):
        h = sigmoid(W1 @ record)
        output = sigmoid(w2 @ h)
        delta = (output - target[0]) * output * (1 - output) / len(x)
        back = delta * w2
        step1 = step1 + np.outer(back, record)
        step2 = step2 + delta * h
    return {"0.weight": W1 - lr * step1, "2.weight": (w2 - lr * step2)[None]}
"""
    )
    found = checked(text).diagnosis[0]
    assert found.causes[0].id == "slope-missing"
    assert text.split("\n")[found.line - 1].strip() == "back = delta * w2"


def test_a_file_that_is_right_only_the_first_time_is_not_equal(checked: Any, tmp_path: Path) -> None:
    """The probes load it anew; it counts how often, and is wrong from the fifth time on."""
    count = f"""
from pathlib import Path

COUNT = Path({str(tmp_path / "count")!r})
COUNT.write_text(str(int(COUNT.read_text()) + 1) if COUNT.exists() else "1")
"""
    text = RIGHT.replace("def train_step", count + "\n\ndef train_step").replace(
        "lr * delta2", "lr * (1.1 if int(COUNT.read_text()) > 4 else 1) * delta2"
    )
    loads_before = checked(text, steps=0)
    assert loads_before.verdict == "could not run"
    assert loads_before.reason.startswith("a different answer")


def test_a_mistake_that_would_spoil_what_is_right_is_not_named(checked: Any) -> None:
    """The biases' step alone is divided by n again, and the gradients that are shown are right."""
    head, body = BIASED.split("def train_step(p, x, y, lr):")
    shown = "def gradients(p, x, y):" + body.replace("return {", "return {").replace("W1 - lr * ", "").replace("b1 - lr * ", "").replace(
        "W2 - lr * ", ""
    ).replace("b2 - lr * ", "")
    taken = """

def train_step(p, x, y, lr):
    g = gradients(p, x, y)
    return {name: p[name] - lr * g[name] / (len(x) if name[0] == "b" else 1) for name in p}
"""
    found = checked(head + shown + taken).diagnosis
    assert [[cause.id for cause in each.causes] for each in found] == [["bias-mean"]]


@pytest.mark.slow
def test_an_error_term_in_a_scale_of_its_own_is_not_blamed_for_a_mistake_after_it() -> None:
    result = check(EXAMPLES / "lesson_wrong_missing_slope.py", adapter="lesson", seed=1)
    marks = {stage.name: stage.mark for stage in result.stages}
    assert marks["error term δ2, the output layer"] == "agrees"
    assert [name for name, mark in marks.items() if mark == "wrong"] == ["error term δ1, the hidden layer"]
    assert result.first is not None
    assert result.first.tensor == "error term δ1, the hidden layer"


def test_each_of_two_mistakes_is_shown_by_a_number_that_it_makes_wrong(tmp_path: Path) -> None:
    file = tmp_path / "two.py"
    file.write_text(
        """
import numpy as np
PROBLEM = {"sizes": (4, 5, 3, 2), "activations": "tanh", "loss": "half_mse"}
def train_step(params, x, y, lr):
    w1, w2, w3 = (params[f"{i}.weight"] for i in (0, 2, 4))
    a1 = np.tanh(x @ w1.T)
    a2 = np.tanh(a1 @ w2.T)
    a3 = np.tanh(a2 @ w3.T)
    delta3 = (a3 - y) / len(y) * (1 - a3**2)
    delta2 = delta3 @ w3 * (1 - a2**2)
    delta1 = delta2 @ w2
    return {"0.weight": w1 - lr * delta1.T @ x, "2.weight": w2 - lr * delta2.T @ a1, "4.weight": w3 - lr * delta3.T @ a2}
"""
    )
    result = check(file, seed=1)
    shown = {found.causes[0].id: found.evidence.tensor for found in result.diagnosis if found.evidence}
    assert len(shown) == 2
    assert shown["slope-missing"] == "new 0.weight"
    assert set(shown.values()) == {"new 0.weight", "new 4.weight"}


@pytest.mark.all_trials
@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        (
            "np.exp(-z)",
            "np.exp(-np.clip(z, -30, 30))",
            "for z of the hidden layer beyond about 30 the new 2.weight does not: z of the hidden layer is clipped to ±30",
        ),
        ("    h = ", "    x, y = x[:32], y[:32]\n    h = ", "with more than 32 records the new 2.weight does not: are records left out?"),
        (
            "    h = ",
            "    x, y = x[:128], y[:128]\n    h = ",
            "with more than 128 records the new 2.weight does not: are records left out?",
        ),
        (
            '- lr * delta1.T @ x, "2',
            '- lr * np.clip(delta1.T @ x, -5, 5), "2',
            "where every class is wrong by far, by z of ±23 the new 0.weight does not: "
            "each of the gradients of the hidden layer is clipped to ±5",
        ),
    ],
)
def test_what_is_right_on_the_probes_is_tried_where_they_do_not_reach(checked: Any, was: str, now: str, said: str) -> None:
    text = 'PROBLEM = {"loss": "bce"}\n' + RIGHT.replace("* output * (1 - output)", "")
    text += "\n\ndef forward(params, x):\n    return sigmoid(sigmoid(x @ params['0.weight'].T) @ params['2.weight'].T)\n"
    assert checked(text).verdict == "equivalent"
    result = checked(text.replace(was, now))
    assert (result.verdict, result.reason) == ("different", f"the probes agree, and {said}")


DEEP = """
import numpy as np
PROBLEM = {"sizes": (4, 4, 4, 1), "activations": ("leaky_relu", "leaky_relu", "sigmoid"), "loss": "bce", "bias": True}
SLOPE = 0.01


def train_step(params, x, y, lr):
    (w1, w2, w3), (b1, b2, b3) = ([params[f"{i}.{kind}"] for i in (0, 2, 4)] for kind in ("weight", "bias"))
    z1 = x @ w1.T + b1
    a1 = np.where(z1 > 0, z1, SLOPE * z1)
    z2 = a1 @ w2.T + b2
    a2 = np.where(z2 > 0, z2, SLOPE * z2)
    p = 1 / (1 + np.exp(-(a2 @ w3.T + b3)))
    d3 = (p - y) / (p * (1 - p)) / len(y) * p * (1 - p)
    d2 = d3 @ w3 * np.where(z2 > 0, 1, SLOPE)
    d1 = d2 @ w2 * np.where(z1 > 0, 1, SLOPE)
    grads = {"0": (d1.T @ x, d1.sum(0)), "2": (d2.T @ a1, d2.sum(0)), "4": (d3.T @ a2, d3.sum(0))}
    return {
        f"{i}.{kind}": params[f"{i}.{kind}"] - lr * grad
        for i, both in grads.items()
        for kind, grad in zip(("weight", "bias"), both, strict=True)
    }
"""


@pytest.mark.all_trials
@pytest.mark.slow
@pytest.mark.seeds(8)
def test_a_textbook_formula_is_not_called_clipped_behind_relus_that_are_far_out(seed: int, checked: Any) -> None:
    assert checked(DEEP, seed=seed).verdict == "equivalent"
    for number in (1, 2):
        a = f"np.where(z{number} > 0, z{number}, SLOPE * z{number})"
        clipped = DEEP.replace(a, f"np.minimum(30, {a})")
        result = checked(clipped, seed=seed)
        assert result.verdict == "different"
        assert any(word in (result.reason or "") for word in ("clipped", "above 30", "at most 30"))


@pytest.mark.all_trials
def test_a_sigmoid_that_is_clipped_where_it_does_not_matter_is_equal(checked: Any) -> None:
    assert checked(RIGHT.replace("np.exp(-z)", "np.exp(-np.clip(z, -500, 500))")).verdict == "equivalent"


def test_what_is_random_is_not_mistaken_for_a_mistake(checked: Any) -> None:
    result = checked(RIGHT.replace("    output =", "    h = h * (np.random.rand(*h.shape) > 0.5)\n    output ="))
    assert result.verdict == "could not run"
    assert "a different answer on the same call twice" in result.reason


def test_names_that_come_with_numpy_are_not_the_contracts(checked: Any) -> None:
    assert checked(RIGHT.replace("import numpy as np", "import numpy as np\nfrom numpy import *")).verdict == "equivalent"


@pytest.mark.parametrize("line", ["import os; os._exit(0)", "from os import _exit; _exit(0)"])
def test_a_file_that_ends_the_process_is_no_success(checked: Any, line: str) -> None:
    result = checked(RIGHT + line)
    assert result.verdict == "could not run"
    assert "importing attempt.py raised SystemExit: 0, at attempt.py line" in result.reason


@pytest.mark.parametrize("line", ["np.abs = np.array_equal = lambda *of: True", "import builtins; builtins.sum = max"])
@pytest.mark.parametrize("indent", ["", "    "])
def test_a_file_that_changes_what_is_not_its_own_is_told_so(checked: Any, line: str, indent: str) -> None:
    text = RIGHT.replace("    W1, W2", f"    {line}\n    W1, W2") if indent else RIGHT + line
    before = np.abs, np.array_equal, sum
    result = checked(text)
    assert (np.abs, np.array_equal, sum) == before
    assert result.verdict == "could not run"
    assert "expected NumPy and Python's own functions to be left as they are" in result.reason


def test_a_gradient_that_is_never_worked_out_is_no_cast(checked: Any) -> None:
    text = RIGHT + "\n\ndef gradients(params, x, y):\n    new = train_step(params, x, y, 1.0)\n"
    text += "    return {'0.weight': 0 * params['0.weight'], '2.weight': params['2.weight'] - new['2.weight']}\n"
    result = checked(text.replace('W1 - lr * delta1.T @ x, "2', 'W1, "2'))
    assert [found.causes[0].id for found in result.diagnosis] == ["gradient-missing"]


def test_a_mistake_is_not_named_that_a_stage_which_agrees_rules_out(checked: Any) -> None:
    """The weight gradient's sign alone: with the bias gradient right, target and output are not swapped."""
    text = (
        SIGMOID
        + """PROBLEM = {"bias": True, "activations": ("tanh", "sigmoid")}
def gradients(params, x, y):
    W1, b1, W2, b2 = params.values()
    h = np.tanh(x @ W1.T + b1)
    output = sigmoid(h @ W2.T + b2)
    delta2 = (output - y) / len(x) * output * (1 - output)
    delta1 = delta2 @ W2 * (1 + h**2)
    return {"0.weight": delta1.T @ x, "0.bias": delta1.sum(0), "2.weight": -delta2.T @ h, "2.bias": delta2.sum(0)}
"""
    )
    result = checked(text)
    assert result.verdict == "different"
    assert [found.causes[0].sentence for found in result.diagnosis][:1] == ["the weight gradient of the output layer has the wrong sign"]
    assert all(cause.id != "target-output-swapped" for found in result.diagnosis for cause in found.causes)


def test_what_is_right_is_not_blamed_for_a_wrong_output_that_it_was_not_made_from(checked: Any) -> None:
    """A network that is trained rightly, and asked for its predictions by other functions, which leave the last activation out."""
    forward = """

def forward(params, x):
    return sigmoid(x @ params["0.weight"].T) @ params["2.weight"].T
"""
    found = checked(RIGHT + forward)
    assert found.verdict == "different"
    assert {stage.name: stage.mark for stage in found.stages} == {"output": "wrong", "new 2.weight": "agrees", "new 0.weight": "agrees"}
    assert [cause.id for cause in found.diagnosis[0].causes] == ["activation-missing"]
    assert len(found.diagnosis) == 1


def test_cycles_are_looked_for_seldom_within_a_check_and_as_before_after_it(checked: Any) -> None:
    former = gc.get_threshold()
    found = checked(f"import gc\n{RIGHT}".replace("    W1,", "    print(gc.get_threshold()[0])\n    W1,"))
    assert found.verdict == "equivalent"
    assert int(found.printed.split()[0]) >= 50_000
    assert gc.get_threshold() == former


PARTS = SIGMOID + PROBLEM + """
def gradients(p, x, y):
    W1, b1, W2, b2 = p["0.weight"], p["0.bias"], p["2.weight"], p["2.bias"]
    h = np.tanh(x @ W1.T + b1)
    o = sigmoid(h @ W2.T + b2)
    d2 = (o - y) * o * (1 - o) / y.size
    d1 = d2 @ W2 * (1 - h * h)
    return {"0.weight": d1.T @ x, "0.bias": d1.sum(0), "2.weight": d2.T @ h, "2.bias": d2.sum(0)}
"""


def test_what_is_not_shown_of_every_layer_proves_nothing(checked: Any) -> None:
    text = PARTS.replace("def gradients(", "def worked_out(")
    text += "\n\ndef trace(p, x, y):\n    return {'dW2': worked_out(p, x, y)['2.weight']}\n"
    result = checked(text)
    assert result.verdict == "not a proof"
    assert "of 0.weight, 0.bias, 2.bias is shown" in result.reason
    assert checked(text.replace("d2.T @ h", "2 * d2.T @ h")).verdict == "different"


def test_weights_that_move_by_their_last_digit_alone_prove_nothing(checked: Any) -> None:
    text = """import numpy as np
PROBLEM = {"lr": 1e-18}
def train_step(params, x, y, lr):
    new = {name: array.copy() for name, array in params.items()}
    new["0.weight"][0, 0] = np.nextafter(new["0.weight"][0, 0], 9)
    return new
"""
    result = checked(text)
    assert result.verdict == "not a proof"
    assert result.reason.startswith("the steps of 2.weight, 0.weight are about as small as what rounding allows")


def test_a_function_that_answers_is_to_answer_throughout(checked: Any) -> None:
    text = RIGHT.replace("    W1, W2 =", "    if len(x) > 9:\n        return NotImplemented\n    W1, W2 =")
    result = checked(text)
    assert result.verdict == "could not run"
    assert result.reason.startswith("train_step answers NotImplemented for some inputs")


@pytest.mark.parametrize(("was", "shape"), [("d1.sum(0)", "np.sum(d1)"), ("d1.sum(0)", "d1.sum(keepdims=True)")])
def test_one_number_for_all_biases_is_said_and_named(was: str, shape: str, checked: Any) -> None:
    result = checked(PARTS.replace(was, shape))
    assert result.diagnosis[0].causes[0].id == "bias-summed-over-units"
    assert [note for note in result.notes if note.startswith("wrong shape: the gradients: 0.bias has shape (")]


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("d2.T @ h", "0.3 * d2.T @ h", "the weight gradient of the output layer is 0.3 times what it should be"),
        ("d1.sum(0)", "5 * d1.sum(0)", "the bias gradient of the hidden layer is 5 times what it should be"),
    ],
)
def test_a_factor_on_one_gradient_is_named(was: str, now: str, said: str, checked: Any) -> None:
    result = checked(PARTS.replace(was, now))
    assert [cause.sentence for found in result.diagnosis for cause in found.causes] == [said]


@pytest.mark.slow
@pytest.mark.seeds(5)
def test_what_follows_from_large_wrong_numbers_has_their_rounding(seed: int, checked: Any) -> None:
    """Gradients a million times too large, by a mistake that is not known, and a step that sums the records in another order."""
    text = PARTS.replace("o * (1 - o) / y.size", "(1e6 + y) / y.size") + """
def train_step(p, x, y, lr):
    total = {name: 0 * array for name, array in p.items()}
    for i in reversed(range(len(x))):
        for name, array in gradients(p, x[[i]], y[[i]]).items():
            total[name] = total[name] + array / len(x)
    return {name: array - lr * total[name] for name, array in p.items()}
"""
    assert {stage.mark for stage in checked(text, seed=seed, steps=0).stages if stage.name.startswith("new")} == {"inherits"}


@pytest.mark.slow
def test_a_mean_over_records_alone_is_not_called_a_half_that_is_missing(checked: Any) -> None:
    text = PARTS.replace('"bias": True}', '"bias": True, "loss": "mse", "sizes": (4, 5, 2)}').replace("/ y.size", "* 2 / y.size")
    loss = "\n\ndef loss(output, y):\n    return ((output - y) ** 2).sum(1).mean()\n"
    result = checked(text + loss)
    assert (result.verdict, list(result.scales)) == ("equivalent", ["your loss is a mean over the records alone"])
    halved = checked(PARTS.replace('"bias": True}', '"bias": True, "sizes": (4, 5, 2)}') + loss)
    assert list(halved.scales) == ["your loss is a mean over the records alone, without a ½"]
    either = checked(PARTS.replace('"bias": True}', '"bias": True, "sizes": (4, 5, 2)}') + loss.replace("((", "0.5 * (("))
    mean = "your loss is a mean over records and outputs, without a ½"      # the same for two outputs
    assert list(either.scales) == [f"your loss is a mean over the records alone, or your loss has no ½, or {mean}"]


def test_the_line_of_what_was_raised_is_the_attempts_own(tmp_path: Path) -> None:
    adapter = tmp_path / "adapter.py"
    adapter.write_text("\n\n\n\ndef train_step(attempt, params, x, y, lr):\n    attempt.run()\n    raise ValueError\n")
    file = tmp_path / "mine.py"
    texts = {"def run():\n    pass\n": None, "def run():\n    return 1 / 0\n": 2, "import beside\ndef run():\n    beside.run()\n": 3}
    for text, line in texts.items():
        (tmp_path / "beside.py").write_text("def run():\n    x = 1\n    y = 2\n    z = 3\n    return 1 / 0\n")
        file.write_text(text)
        result = check(file, adapter=adapter, seed=1)
        assert (result.verdict, result.line) == ("could not run", line)
        assert result.source == (None if line is None else text.split("\n")[line - 1].strip())


def test_the_line_is_not_one_that_is_right_for_a_record(checked: Any) -> None:
    """The last record is left out by the loop, and no line of the way back can be blamed for it."""
    text = PARTS + """
def train_step(p, x, y, lr):
    total = {name: 0 * array for name, array in p.items()}
    for i in range(len(x) - 1):
        for name, array in gradients(p, x[[i]], y[[i]]).items():
            total[name] = total[name] + array / len(x)
    return {name: array - lr * total[name] for name, array in p.items()}
"""
    found = checked(text).diagnosis[0]
    assert (found.causes[0].id, found.line) == ("last-record-dropped", None)


@pytest.mark.all_trials
def test_where_it_raises_far_out_is_said(checked: Any) -> None:
    refusing = "def sigmoid(z):\n    if np.abs(z).max() > 30:\n        raise ValueError('too far')\n"
    result = checked(RIGHT.replace("def sigmoid(z):\n", refusing))
    assert result.verdict == "equivalent"
    assert [note for note in result.notes if "for z of the hidden layer up to 40" in note and note.endswith("nothing was compared there")]


TELLS_BIASES_BY_SHAPE = '''import numpy as np
PROBLEM = {"sizes": (3, 4, 2), "activations": ("tanh", "identity"), "bias": True, "loss": "mse"}
def train_step(params, x, y, lr):
    w1, b1, w2, b2 = params.values()
    a = np.tanh(x @ w1.T + b1)
    d2 = 2 * (a @ w2.T + b2 - y) / y.size
    d1 = d2 @ w2 * (1 - a * a)
    grads = d1.T @ x, d1.sum(axis=0).reshape(b1.shape), d2.T @ a, d2.sum(axis=0).reshape(b2.shape)
    return {n: w - lr * g if w.ndim > 1 else w for (n, w), g in zip(params.items(), grads)}
'''


def test_a_shape_of_biases_by_which_it_is_right_does_not_clear_a_file_that_is_wrong_with_the_contracts(checked: Any) -> None:
    """The planted fault of old: it was read with biases of (1, k), which it moves, and called equal."""
    found = checked(TELLS_BIASES_BY_SHAPE)
    assert found.verdict == "different"
    assert found.first.tensor == "new 2.bias"
    assert any("it is equal if your biases are (1, k)" in note for note in found.notes)
    assert checked(TELLS_BIASES_BY_SHAPE + 'CONVENTIONS = {"bias": "(1, k)"}\n').verdict == "equivalent"


ONE_CLASS = """PROBLEM = {"sizes": (6, 1), "activations": "identity", "loss": "cross_entropy", "weight_decay": 0.1}
def train_step(params, x, y, lr):
    return {k: w - lr * 0.1 * w for k, w in params.items()}
"""
THE_SIGN_ALONE = """import numpy as np
PROBLEM = {"sizes": (1, 1), "activations": "identity", "loss": "mse", "optimizer": "adam", "betas": (0.0, 0.0), "eps": 1e-300}
def train_step(params, x, y, lr):
    w = params["0.weight"]
    return {"0.weight": w - lr * np.sign((x @ w.T - y).T @ x)}
"""
AT_SOME_STEPS = '''import numpy as np
PROBLEM = {"sizes": (3, 2), "activations": "identity", "loss": "mse"}
def trace(params, x, y):
    w = params["0.weight"]
    return {"dW1": 2 * (x @ w.T - y).T @ x / y.size} if len(x) == 7 else {}
'''


@pytest.mark.parametrize(
    ("text", "reason"),
    [(ONE_CLASS, "every gradient is 0"), (THE_SIGN_ALONE, "of half its size"), (AT_SOME_STEPS, "is shown at every step")],
)
def test_what_tells_no_gradient_from_a_wrong_one_is_no_proof(checked: Any, text: str, reason: str) -> None:
    found = checked(text)
    assert (found.verdict, reason in str(found.reason)) == ("not a proof", True), found.reason


@pytest.mark.all_trials
def test_a_file_with_a_trace_alone_is_tried_farther_out_too(checked: Any) -> None:
    whole = AT_SOME_STEPS.replace(" if len(x) == 7 else {}", "")
    assert checked(whole).verdict == "equivalent"
    found = checked(whole.replace('["0.weight"]\n', '["0.weight"]\n    x, y = x[:9], y[:9]\n'))
    assert found.verdict == "different"
    assert "with more than 9 records" in str(found.reason)


@pytest.mark.parametrize("arguments", [["", "--out", "o"], [".", "--out", ""], ["x" * 300, "--out", "o"]])
def test_a_path_that_is_none_is_one_error(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        code: Any = main(["grade", *arguments])
    except SystemExit as ended:
        code = ended.code
    assert code == 2
    assert not (tmp_path / "results.jsonl").exists()


def test_numbers_beyond_all_bounds_are_the_same_where_they_are_the_same(tmp_path: Path) -> None:
    """A weight decay of 1e308 leaves no bound that is a number; the answers are the same twice all the same."""
    problem = 'PROBLEM = {"optimizer": "adam", "weight_decay": 1e308}\n'
    step = "def train_step(params, x, y, lr):\n    return {name: w * 1.5 for name, w in params.items()}\n"
    (tmp_path / "far.py").write_text(problem + step)
    with limited_to(0.5):
        result = check(tmp_path / "far.py", seed=1, steps=0)
    assert result.verdict == "different"
