"""Programs whose verdict is easily wrong, each the least that shows it, at ten seeds; beside each the honest program, which is equal.

They lie in tests/cases. `right` are the edits that make the honest one of it; `said` is in the reason or a note.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from compare import Check, check

pytestmark = [pytest.mark.sampled(12), pytest.mark.all_trials]

CASES = Path(__file__).parents[2] / "cases"
Edit = tuple[str, str]


@dataclass(frozen=True)
class Case:
    """What must come out: a verdict, the mistakes of which these are the ids, and the first wrong stage."""

    verdict: str
    mistakes: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    stage: str = ""
    right: tuple[Edit, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


PENALTY = (" + 1e-3 * np.sign(p[k])", "")
CASES_AS_ASKED = {
    "adds_each_record": Case("equivalent"),
    "axes3d_first": Case("equivalent"),
    "in_columns": Case("equivalent"),
    "gradients_summed_step_divided": Case("equivalent"),
    "decay_in_gradients": Case("equivalent"),
    "helper_named_loss": Case("equivalent", said=("loss takes w1, w2, x, y",)),
    "loss_raises": Case("equivalent", said=("loss raised AssertionError", "line")),
    "binary_targets_only": Case(
        "different", said=("soft targets", '"targets": "binary"'), right=(("np.where(y == 1, o - 1, o)", "(o - y)"),)
    ),
    "decay_of_weights_alone": Case("different", ("decay-on-weights-only",), said=()),
    "scores_not_shifted": Case("unstable formula", said=("softmax", "line 11", "e^(z − max z)", "do not clip")),
    "output_clipped": Case(
        "different", said=("clipped", "z of the output layer", "beyond about 5"), right=(("np.clip(h @ w2.T, -5.0, 5.0)", "h @ w2.T"),)
    ),
    "scores_clipped": Case(
        "different",
        said=("clipped", "z of the output layer", "beyond about 3"),
        right=(("np.exp(np.minimum(z, 300))", "np.exp(z - z.max(axis=1, keepdims=True))"),),
    ),
    "one_record_raises": Case(
        "different",
        said=("with one record", "raised TypeError"),
        right=(("sig(h @ w2.T).squeeze()", "sig(h @ w2.T)[:, 0]"), ("t = y.squeeze()", "t = y[:, 0]")),
    ),
    "one_record_wrong": Case("different", said=("with one record",), right=(("np.squeeze(x)", "x"),)),
    "stops_early": Case("different", said=("a batch that comes again",), right=(("        return p\n", "        pass\n"),)),
    "half_cost": Case(
        "different",
        ("loss-term-lost",),
        stage="loss",
        right=(("-np.sum(y * np.log(output))", "-np.mean(y * np.log(output) + (1 - y) * np.log(1 - output))"),),
    ),
    "loss_is_nan": Case("different", ("softmax-without-exp", "bias-mean-missing"), said=("loss is NaN",), stage="loss"),
    "l1_penalty": Case("different", ("penalty-l1",), stage="new 2.weight", right=(PENALTY,)),
    "l1_penalty_per_record": Case("different", ("penalty-l1",), stage="new 2.weight", right=(PENALTY,)),
    "l1_penalty_reversed": Case("different", ("penalty-l1",), stage="new 2.weight", right=((" - 1e-3 * np.sign(p[k])", ""),)),
    "hidden_mean_missing_per_record": Case(
        "different", ("mean-missing-in-layer",), stage="gradient of 0.weight", right=(('"dW1": d1.T @ x', '"dW1": d1.T @ x / len(x)'),)
    ),
    "flat_spot_per_record": Case("different", ("slope-raised",), stage="error term δ1, the hidden layer", right=((" + 0.1)", ")"),)),
    "bias_mean_missing_in_columns": Case(
        "different", ("bias-mean-missing",), stage="gradient of 0.bias", right=(("db1 = np.sum", "db1 = 1 / m * np.sum"),)
    ),
    "bias_gradients_zero": Case(
        "different", ("gradient-missing",), stage="gradient of 2.bias", right=(("np.zeros(3)", "d2.sum(0)"), ("np.zeros(5)", "d1.sum(0)"))
    ),
    "output_bias_gradient_zero": Case(
        "different", ("gradient-missing",), stage="gradient of 2.bias", right=(("np.zeros(3)", "d2.sum(0)"),)
    ),
    "one_record_updated": Case(
        "different",
        ("updated-weights-back",),
        right=(("delta1 = delta2 @ w2 *", 'delta1 = delta2 @ params["2.weight"] *'),),
    ),
    "slope_again_on_the_way_back": Case(
        "different", ("slope-again-back",), stage="gradient of 0.weight", right=(("(d2 * p * (1 - p))", "d2"),)
    ),
    "uphill_and_slope": Case(
        "different",
        ("target-output-swapped", "slope-of-activation"),
        right=(
            ("delta2 @ w2 * sigmoid(a1) * (1 - sigmoid(a1))", "delta2 @ w2 * a1 * (1 - a1)"),
            ("w1 + lr *", "w1 - lr *"),
            ("w2 + lr *", "w2 - lr *"),
        ),
    ),
}


def checked(name: str, folder: Path, edits: tuple[Edit, ...] = (), **options: Any) -> Check:
    text = (CASES / f"{name}.py").read_text(encoding="utf-8")
    for old, new in edits:
        assert text.count(old) == 1, (old, text.count(old))
        text = text.replace(old, new)
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    if "scores_clipped" in text:
        (folder / "scores_clipped.py").write_text((CASES / "scores_clipped.py").read_text(encoding="utf-8"), encoding="utf-8")
    return check(folder / f"{name}.py", **{"steps": 5, **options})


def test_every_case_is_asked_for() -> None:
    assert {path.stem for path in CASES.glob("*.py")} == CASES_AS_ASKED.keys()


@pytest.mark.seeds(10)
@pytest.mark.parametrize("name", CASES_AS_ASKED)
def test_it_comes_out_as_it_should(name: str, seed: int, tmp_path: Path) -> None:
    case = CASES_AS_ASKED[name]
    result = checked(name, tmp_path, seed=seed, **case.options)
    said = " ".join((result.reason or "", *result.notes))
    assert (result.verdict, [text for text in case.said if text not in said]) == (case.verdict, []), said
    found = tuple(each.causes[0].id for each in result.diagnosis)
    assert found in ({(), ("forward-clipped",)} if name in ("output_clipped", "scores_clipped") else {case.mistakes})
    if case.stage:
        assert next(stage.name for stage in result.stages if stage.mark == "wrong") == case.stage


@pytest.mark.parametrize("name", [name for name, case in CASES_AS_ASKED.items() if case.right])
def test_the_honest_file_beside_it_is_equal(name: str, tmp_path: Path) -> None:
    result = checked(name, tmp_path, CASES_AS_ASKED[name].right, seed=1)
    assert (result.verdict, result.reason) == ("equivalent", None)


@pytest.mark.slow
@pytest.mark.seeds(10)
def test_what_is_declared_makes_it_equal(seed: int, tmp_path: Path) -> None:
    binary = checked("binary_targets_only", tmp_path, seed=seed, problem={"targets": "binary"})
    alone = checked("decay_of_weights_alone", tmp_path, seed=seed, problem={"decay": "weights"})
    assert (binary.verdict, alone.verdict) == ("equivalent", "equivalent")


def test_no_alternative_is_named_that_a_later_stage_refutes(tmp_path: Path) -> None:
    """Both layers go uphill: a sign in the output layer alone would leave the hidden one as it is."""
    result = checked("uphill_and_slope", tmp_path, seed=1)
    assert "sign-flipped-in-layer" not in {cause.id for found in result.diagnosis for cause in found.causes}


def test_a_name_is_given_for_no_part_of_what_is_wrong(tmp_path: Path) -> None:
    """Beside a known mistake one that is in no list: the first stage is said, and no name."""
    unknown = ('"dW1": d1.T @ x', '"dW1": (d1.T @ x) ** 3 + np.abs(d1.T @ x) ** 0.7')
    result = checked("flat_spot_per_record", tmp_path, (unknown,), seed=1)
    assert (result.verdict, result.diagnosis) == ("different", ())
    assert next(stage.name for stage in result.stages if stage.mark == "wrong") == "error term δ1, the hidden layer"
