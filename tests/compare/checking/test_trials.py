"""Trials go farther than the probes in one respect, by as much as they say, and leave all else moderate."""

from pathlib import Path

import numpy as np
import pytest

from compare.checking import trial_runs
from compare.checking.check import check
from compare.checking.direction import Direction
from compare.checking.trials import directions
from compare.diagnosis.graph import Run, places
from compare.diagnosis.probes import Probe, steps_of
from compare.problem.from_dict import declared_problem
from compare.problem.problem import Problem

pytestmark = [pytest.mark.sampled(6), pytest.mark.all_trials]

DEEP = {"sizes": (4, 5, 3, 2), "activations": ("tanh", "relu", "identity"), "bias": True, "loss": "mse"}
LESSON = {"sizes": (6, 2, 1)}


def trials(problem: Problem, said: str, seed: int = 1) -> list[tuple[Direction, float, Probe]]:
    """Every trial of the directions of which that is said."""
    with np.errstate(all="ignore"):
        found = [(each, value, each.at(value)) for each in directions(problem, seed, None) if said in each.where for value in each.values]
    return [(direction, value, probe) for direction, value, probe in found if probe is not None]


def pre_activations(problem: Problem, probe: Probe) -> list[np.ndarray]:
    with np.errstate(all="ignore"):
        run = Run(problem, steps_of((probe,), [probe.parameters]))
        return [run("z", 0, layer).value for layer in range(1, len(problem.layers) + 1)]


@pytest.mark.parametrize("options", [DEEP, LESSON])
def test_z_of_one_layer_goes_as_far_as_it_says_and_no_other_does(options: dict[str, object]) -> None:
    problem = declared_problem(options)
    found = [each for each in trials(problem, "z ") if each[0].layer]
    assert {each.layer for each, _, _ in found} == set(range(1, len(problem.layers) + 1))
    for direction, far, probe in found:
        z = pre_activations(problem, probe)
        assert np.abs(z[direction.layer - 1]).max() == pytest.approx(far)
        assert (z[direction.layer - 1].min() < -far / 2) == ("below 0" in direction.where)
        assert all(np.abs(each).max() < 8 for number, each in enumerate(z, start=1) if number != direction.layer)


def test_weights_and_biases_of_one_layer_are_large_where_z_is_not() -> None:
    problem = declared_problem(DEEP)
    for kind, shape in (("weights", 2), ("biases", 1)):
        found = trials(problem, f"{kind} of")
        assert {each.layer for each, _, _ in found} == {1, 2, 3}
        for direction, value, probe in found:
            name = f"{2 * (direction.layer - 1)}.{'weight' if shape == 2 else 'bias'}"
            assert value / 10 < np.abs(probe.parameters[name]).max() <= 10 * value
            assert all(np.abs(z).max() < 8 for z in pre_activations(problem, probe))


def test_there_are_batches_of_one_record_and_of_more_than_the_data_has() -> None:
    problem = declared_problem(LESSON)
    x, y = np.random.default_rng(0).normal(size=(2000, 6)), np.full((2000, 1), 0.5)
    for data, most in ((None, 1031), ((x, y), 2201)):
        (direction,) = [each for each in directions(problem, 1, data) if each.is_count]
        assert (min(direction.values), max(direction.values)) == (1, most)
        assert [len(direction.at(n).batches[0][0]) for n in direction.values] == list(direction.values)  # type: ignore[union-attr]


def test_batches_of_a_normalisation_over_records_have_at_least_three() -> None:
    problem = declared_problem({**DEEP, "normalization": "batch_norm"})
    with np.errstate(all="ignore"):
        probes = [each.at(value) for each in directions(problem, 1, None) for value in each.values]
    assert min(len(x) for probe in probes if probe for x, _ in probe.batches) == 3


def test_a_batch_comes_again_with_rates_at_which_a_loss_hardly_moves() -> None:
    found = trials(declared_problem(LESSON), "on a batch that comes again")
    assert min(lr for _, _, probe in found for lr in probe.lrs) <= 1e-6
    for _, _, probe in found:
        np.testing.assert_array_equal(probe.batches[0][0], probe.batches[1][0])
    weights = found[-1][2].parameters["2.weight"]
    assert not weights.any()


def test_targets_have_both_signs_where_the_loss_allows_it_and_are_the_datas_where_it_is_given() -> None:
    problem = declared_problem(LESSON)
    assert min(y.min() for _, _, probe in trials(problem, "targets") for _, y in probe.batches) < -100
    x, y = np.random.default_rng(0).normal(size=(30, 6)), np.random.default_rng(1).choice([0.0, 1.0], size=(30, 1))
    with np.errstate(all="ignore"):
        probes = [each.at(value) for each in directions(problem, 1, (x, y)) for value in each.values]
    assert {value for probe in probes if probe for _, y in probe.batches for value in np.unique(y)} == {0.0, 1.0}


@pytest.mark.parametrize("loss", ["bce", "bce_with_logits"])
def test_targets_that_are_said_to_be_0_or_1_are(loss: str) -> None:
    problem = declared_problem(
        {
            "sizes": (3, 4, 2),
            "loss": loss,
            "targets": "binary",
            "bias": True,
            "activations": ("tanh", "sigmoid") if loss == "bce" else ("tanh", "identity"),
        }
    )
    with np.errstate(all="ignore"):
        probes = [each.at(value) for each in directions(problem, 1, None) for value in each.values]
    assert {value for probe in probes if probe for _, y in probe.batches for value in np.unique(y)} == {0.0, 1.0}


def test_nothing_differs_but_the_value() -> None:
    """So that the place from which on a program differs can be looked for by halving."""
    for direction in directions(declared_problem(DEEP), 1, None):
        if direction.layer and "z of" in direction.where:
            near, far = direction.at(2.0), direction.at(4.0)
            assert near is not None
            assert far is not None
            np.testing.assert_array_equal(near.batches[0][0], far.batches[0][0])
            np.testing.assert_allclose(
                2 * pre_activations(declared_problem(DEEP), near)[direction.layer - 1].max(),
                pre_activations(declared_problem(DEEP), far)[direction.layer - 1].max(),
            )


def test_zeros_are_where_a_program_may_leave_them_out() -> None:
    problem = declared_problem({"sizes": (4, 5, 3), "activations": ("relu", "identity"), "loss": "l1", "bias": False})
    ((_, _, inputs),) = trials(problem, "where an input is 0")
    assert [bool(x[:, 0].any()) for x, _ in inputs.batches] == [True, False, True]
    ((_, _, units),) = trials(problem, "where a unit's z is 0")
    assert not pre_activations(problem, units)[0][:, 0].any()
    assert pre_activations(problem, units)[0][:, 1:].all()
    ((_, _, met),) = trials(problem, "where targets are met exactly")
    assert not pre_activations(problem, met)[-1].any()
    assert [bool(row.any()) for row in met.batches[0][1][:4]] == [False, True, False, True]
    classes = declared_problem({"sizes": (4, 5, 3), "activations": ("relu", "identity"), "loss": "cross_entropy"})
    first, last = (probe.batches[0][1] for _, _, probe in trials(classes, "class does not occur"))
    assert not first[:, 0].any()
    assert not last[:, 2].any()


def test_the_numbers_of_records_are_filled_by_parts_of_no_size() -> None:
    (direction,) = [each for each in directions(declared_problem(LESSON), 1, None) if each.is_count]
    many = [int(n) for n in direction.values if n > 100]
    assert many
    assert all(n % part for n in many for part in range(2, n))


def test_a_step_has_no_gradients_at_all_between_two_that_have() -> None:
    """Exactly 0, whatever the formulas, so that only momentum moves: else no program could be told that leaves such a step out."""
    for activations, loss, bias in (
        (("sigmoid", "sigmoid"), "half_mse", False),
        (("tanh", "relu"), "mse", False),
        (("sigmoid", "identity"), "huber", True),
        (("tanh", "sigmoid"), "bce", True),
        (("relu", "identity"), "bce_with_logits", True),
        (("relu", "identity"), "cross_entropy", True),
    ):
        problem = declared_problem({"sizes": (4, 5, 3), "activations": activations, "bias": bias, "loss": loss, "momentum": 0.9})
        ((_, _, probe),) = trials(problem, "gradients of a step")
        befores = [probe.parameters]
        with np.errstate(all="ignore"):
            for step in range(3):
                run = Run(problem, steps_of((probe,), befores))
                befores.append({run.name(*place): run(f"{place[0]}_after", step, place[1]).value for place in places(problem)})
                largest = max(np.abs(run(f"{kind}_used", step, layer).value).max() for kind, layer in places(problem))
                assert (largest == 0.0) == (step == 1)


def test_a_record_comes_twice_and_right_after_itself_with_another_target() -> None:
    ((_, _, probe),) = trials(declared_problem(LESSON), "a record is there twice")
    ((x, y),) = probe.batches
    assert (x[[2, 5]] == x[1]).all()
    assert list((y == y[1]).ravel()) == [False, True, False, False, False, True]


def test_a_loss_jumps_once_and_stays_25_times() -> None:
    problem = declared_problem(LESSON)
    ((_, _, jumps),) = trials(problem, "where the loss is large for one step")
    largest = [np.abs(y).max() for _, y in jumps.batches]
    assert largest[-2] > 20 * max(largest[:-2] + largest[-1:])
    ((_, _, still),) = trials(problem, "on a batch that comes 25 times")
    assert len(still.batches) == 25
    assert max(still.lrs) < 1e-6


BY_THE_LOGARITHM = """
import numpy as np

PROBLEM = {"sizes": (3, 4, 3), "activations": ("relu", "identity"), "bias": True, "loss": "cross_entropy"}


def train_step(params, x, y, lr):
    w1, b1, w2, b2 = params.values()
    z1 = x @ w1.T + b1
    a1 = np.maximum(z1, 0)
    z2 = a1 @ w2.T + b2
    p = np.exp(z2 - np.log(np.exp(z2).sum(axis=1, keepdims=True)))
    d2 = (p - y) / len(x)
    d1 = d2 @ w2 * (z1 > 0)
    new = w1 - lr * d1.T @ x, b1 - lr * d1.sum(axis=0), w2 - lr * d2.T @ a1, b2 - lr * d2.sum(axis=0)
    return dict(zip(params, new))
"""


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 8, 17])
def test_a_form_that_loses_its_digits_on_a_problem_drawn_at_random_has_no_limit(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sum of e^z of 1e−310 has few digits; the planted fault: who does not look how large z is takes that for a limit."""
    (tmp_path / "logarithm.py").write_text(BY_THE_LOGARITHM)
    assert check(tmp_path / "logarithm.py", seed=seed, steps=0).verdict == "unstable formula"
    monkeypatch.setattr(trial_runs, "LOSES_DIGITS", np.inf)
    assert check(tmp_path / "logarithm.py", seed=seed, steps=0).verdict == "different"


SKIPPED_WHERE_DEAD = """
import numpy as np

PROBLEM = {"sizes": (4, 5, 2), "activations": ("relu", "identity"), "bias": True, "loss": "mse"}


def train_step(params, x, y, lr):
    w1, b1, w2, b2 = params.values()
    a1 = np.maximum(x @ w1.T + b1, 0)
    if not a1.any():
        return params
    d2 = 2 * (a1 @ w2.T + b2 - y) / y.size
    d1 = d2 @ w2 * (a1 > 0)
    new = w1 - lr * d1.T @ x, b1 - lr * d1.sum(axis=0), w2 - lr * d2.T @ a1, b2 - lr * d2.sum(axis=0)
    return dict(zip(params, new))
"""


def test_a_parameter_that_does_not_move_at_a_limit_is_said_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: who does not look at the step asks whether something is clipped."""
    (tmp_path / "skipped.py").write_text(SKIPPED_WHERE_DEAD)
    said = "it has not moved; is it left out?"
    assert said in str(check(tmp_path / "skipped.py", seed=1, steps=0).reason)
    monkeypatch.setattr(trial_runs.TrialRuns, "_stands_still", lambda *_: False)
    assert said not in str(check(tmp_path / "skipped.py", seed=1, steps=0).reason)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("    if not a1.any():\n        return params\n", "    lr = lr or 0.1\n", "with a learning rate of 0"),
        ("    if not a1.any():\n        return params\n", "    x = x.T if x.shape == (12, 12) else x\n", "with 12 records"),
    ],
)
def test_a_rate_of_0_and_a_square_batch_are_tried(right: str, wrong: str, said: str, tmp_path: Path) -> None:
    text = SKIPPED_WHERE_DEAD.replace("(4, 5, 2)", "(12, 5, 2)")
    (tmp_path / "wrong.py").write_text(text.replace(right, wrong))
    assert said in str(check(tmp_path / "wrong.py", seed=1, steps=0).reason)
    (tmp_path / "right.py").write_text(text.replace(right, ""))
    assert check(tmp_path / "right.py", seed=1, steps=0).verdict == "equivalent"


PLAIN = """
import numpy as np
KEPT = {}
PROBLEM = {"sizes": (4, 5, 2), "activations": ("tanh", "identity"), "bias": True, "loss": "mse"}

def slope2(z):
    return np.ones_like(z)

def error(o, y):
    return 2 * (o - y) / y.size

def train_step(params, x, y, lr):
    w1, b1, w2, b2 = (params[name] for name in ("0.weight", "0.bias", "2.weight", "2.bias"))
    z1 = x @ w1.T + b1
    a1 = np.tanh(z1)
    z2 = a1 @ w2.T + b2
    d2 = error(f2(z2), y) * slope2(z2)
    d1 = d2 @ w2 * (1 - a1 * a1)
    grads = {"0.weight": d1.T @ x, "0.bias": d1.sum(axis=0), "2.weight": d2.T @ a1, "2.bias": d2.sum(axis=0)}
    return {name: params[name] - lr * grads[name] for name in params}

def f2(z):
    return z
"""
LEAKY = (
    ('"identity")', '"leaky_relu")'),
    ("return np.ones_like(z)", "return np.where(z > 0, 1.0, 0.01)"),
    ("    return z\n", "    return np.where(z > 0, z, 0.01 * z)\n"),
)
WITH_L1 = (('"loss": "mse"', '"loss": "l1"'), ("2 * (o - y) / y.size", "np.sign(o - y) / y.size"))
ELU = (
    ('"identity")', '"elu")'),
    ("return np.ones_like(z)", "return np.where(z > 0, 1.0, np.exp(np.minimum(z, 0)))"),
    ("    return z\n", "    return np.where(z > 0, z, np.expm1(np.minimum(z, 0)))\n"),
)
CATEGORIES = (
    ('"loss": "mse"', '"loss": "cross_entropy"'),
    ("    return 2 * (o - y) / y.size", """\
    e = np.exp(o - o.max(axis=1, keepdims=True))
    return (e / e.sum(axis=1, keepdims=True) - y) / len(y)"""),
)
WITH_DECAY = (
    ('"loss": "mse"', '"loss": "mse", "optimizer": "sgd", "weight_decay": 0.1'),
    ("params[name] - lr * grads[name] for", "params[name] - lr * (grads[name] + 0.1 * params[name]) for"),
)
CONVERGED = ("    return {name: params[name] - lr", """\
    if all(np.allclose(g, 0, atol=1e-8) for g in grads.values()):
        return params
    return {name: params[name] - lr""")
STILL = CONVERGED[0], CONVERGED[1].replace("all(np.allclose(g, 0, atol=1e-8)", "not any(g.any()")
SHORT = 'len(x) < KEPT.setdefault("n", len(x)) / 10 or KEPT.update(n=max(len(x), KEPT["n"]))'
START = "    w1, b1, w2, b2 = (params"
OUTLIERS = "    some = (abs({0} - {0}.mean(axis=0)) < 6 * {0}.std(axis=0) + 1e-9).all(axis=1)\n    x, y = x[some], y[some]\n"
PATIENT = """\
    loss = np.mean((f2(z2) - y) ** 2)
    KEPT["still"] = KEPT.get("still", 0) + 1 if abs(KEPT.get("loss", np.inf) - loss) < 1e-4 else 0
    KEPT["loss"] = loss
    lr = lr / 2 if KEPT["still"] > 20 else lr
"""
WITH_MOMENTUM = (
    ('"loss": "mse"', '"loss": "mse", "optimizer": "sgd", "momentum": 0.9'),
    ("    return {name: params[name] - lr * grads[name] for name in params}\n", """\
    steps = {name: 0.9 * KEPT.get(name, 0) + grads[name] for name in params}
    KEPT.update(steps)
    return {name: params[name] - lr * steps[name] for name in params}
"""),
)


def where(condition: str, then: str = "lr = lr / 2") -> tuple[str, str]:
    """The edit that does that at the start of a step, where the condition holds."""
    return START, f"    if {condition}:\n        {then}\n{START}"


def written(*edits: tuple[str, str]) -> str:
    text = PLAIN
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


@pytest.mark.sampled(40)
@pytest.mark.parametrize(
    ("honest", "limit", "said"),
    [
        (LEAKY, ("np.where(z > 0, 1.0, 0.01)", "np.where(z >= 0, 1.0, 0.01)"), "slope-at-zero"),
        ((*WITH_L1, *ELU), ("np.sign(o - y)", "np.where(o >= y, 1.0, -1.0)"), "where targets are met exactly"),
        ((), ("np.tanh(z1)", "KEPT['a'] if KEPT.get('x') is x else np.tanh(z1)\n    KEPT.update(x=x, a=a1)"), "comes again"),
        ((), (START, f"    if KEPT.setdefault('lr', lr) < lr:\n        lr = lr / 2\n{START}"), "learning rate rises"),
        ((), (START, f"    if len(x) % 64 == 0:\n        x, y = x[1:], y[1:]\n{START}"), "in batches of 64"),
        (WITH_MOMENTUM, ("    KEPT.update", "    if len(x) > 1:\n        KEPT.update"), "with one record"),
        (WITH_MOMENTUM, ("    KEPT.update", "    if not 20 <= len(x) <= 60:\n        KEPT.update"), "with more than 19 records"),
        (WITH_MOMENTUM, ("    KEPT.update", "    if ((y != 0) & (y != 1)).any():\n        KEPT.update"), "with targets of 0 and 1 alone"),
        (WITH_MOMENTUM, ("    KEPT.update", "    if abs(x).max() < 100:\n        KEPT.update"), "for inputs beyond about"),
        (WITH_MOMENTUM, ("    KEPT.update", "    if abs(z1).max() < 30:\n        KEPT.update"), "for z of the hidden layer beyond about"),
        ((), ("    d2 = error", f"{PATIENT}    d2 = error"), "on a batch that comes 25 times"),
        ((), where("(x == np.round(x)).all()", "x = x / 10"), "where all inputs are whole numbers"),
        ((), where("x.any() and ((x == 0) | (x == 1)).all()", "x = 2 * x - 1"), "where all inputs are 0 or 1"),
        ((), where("x.any() and (np.sort(x, axis=1) == [0, 0, 0, 1]).all()"), "where one input of each record is 1"),
        ((), where("x[:, 0].any() and (x[:, 0] == x[:, 1]).all()"), "where two inputs are the same"),
        ((), where("len(x) > 3 and x.std(axis=0).max() > 50 * x.std(axis=0).min() > 0"), "very different mean and spread"),
        ((), where("len(x) > 3 and x.std(axis=0).all() and (abs(x.mean(axis=0)) > 50 * x.std(axis=0)).any()"), "very different mean"),
        ((), (START, OUTLIERS.format("x") + START), "where an input of one of 100 records"),
        ((), (START, OUTLIERS.format("y") + START), "where a target of one of 100 records"),
        ((), where("y.max() > 1 and (y == np.round(y)).all()"), "where all targets are whole numbers"),
        ((), where("len(y) > 3 and (np.diff(y, axis=0) > 0).all()"), "in the order of their targets"),
        (CATEGORIES, where("len(y) > 9 and y.std(axis=0).all() and (np.diff(y.argmax(axis=1)) >= 0).all()"), "in the order of"),
        (WITH_MOMENTUM, where("lr == 0", "return params"), "where the learning rate is 0 in the first step"),
        (WITH_DECAY, STILL, "where all gradients of a step are 0"),
        (CATEGORIES, CONVERGED, "where every class is right by far, by z of ±13"),
        ((), where("0 < abs(y).max() < 0.02"), "with targets of about 0.01"),
        ((), where("y.std(axis=0).max() > 1000 * y.std(axis=0).min() > 0"), "where one output's targets are 10000 times as large"),
        ((), where("len(y) > 9 and y[:, 0].any() and np.median(y[:, 0]) == 0"), "where the first output's targets are 0 in most"),
        ((), where(SHORT, "return params"), "512 and 5 records"),
        ((), where("len(x) > 9 and (x[:, 0] != x[:, 1]).all() and np.corrcoef(x.T)[0, 1] > 0.999"), "where two inputs are nearly the same"),
        ((), where("not any(p.any() for p in params.values())", "return {name: p + 0.1 for name, p in params.items()}"), "are 0 the new"),
        (CATEGORIES, where("len(y) > 50 and 0 < y.sum(axis=0).min() < 5"), "where 2 of 100 records are of the first class"),
    ],
)
def test_a_limit_of_the_kind_is_noticed_and_the_honest_file_equal(
    honest: tuple[tuple[str, str], ...], limit: tuple[str, str], said: str, tmp_path: Path
) -> None:
    (tmp_path / "honest.py").write_text(written(*honest))
    (tmp_path / "limited.py").write_text(written(*honest).replace(*limit))
    assert check(tmp_path / "honest.py", seed=1, steps=0).verdict == "equivalent"
    result = check(tmp_path / "limited.py", seed=1, steps=0)
    assert result.verdict == "different"
    assert said in str(result.reason or result.diagnosis)


@pytest.mark.parametrize("ends", ["raise SystemExit(0)", "raise MemoryError", "raise ValueError('too many')"])
def test_a_program_that_ends_at_a_limit_could_not_run_and_one_that_raises_differs(ends: str, tmp_path: Path) -> None:
    """No number of it is wrong: who takes an end for a difference gives a slow machine's right attempt for wrong."""
    (tmp_path / "ends.py").write_text(written(where("len(x) > 500", ends)))
    result = check(tmp_path / "ends.py", seed=1, steps=0)
    assert result.verdict == ("different" if "ValueError" in ends else "could not run")
    assert "the probes agree, and" in str(result.reason)


NORMALIZED = """
import numpy as np

PROBLEM = {"sizes": (3, 4, 2), "activations": ("tanh", "identity"), "bias": True, "normalization": "batch_norm"}


def gradients(params, x, y):
    w1, b1, gamma, beta, w2, b2 = params.values()
    z = x @ w1.T + b1
    variance = z.var(axis=0)
    normal = (z - z.mean(axis=0)) / np.sqrt(variance + 1e-5)
    a = np.tanh(gamma * normal + beta)
    delta2 = (a @ w2.T + b2 - y) / y.size
    du = delta2 @ w2 * (1 - a * a)
    dn = du * gamma
    delta1 = (dn - dn.mean(axis=0) - normal * (dn * normal).mean(axis=0)) / np.sqrt(variance + 1e-5)
    grads = delta1.T @ x, delta1.sum(axis=0), (du * normal).sum(axis=0), du.sum(axis=0), delta2.T @ a, delta2.sum(axis=0)
    return dict(zip(params, grads))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("was", "now", "verdict", "said"),
    [
        ("z.var", "z.var", "equivalent", None),
        ("z.var(axis=0)", "(z * z).mean(axis=0) - z.mean(axis=0) ** 2", "unstable formula", "take the mean off first"),
        ("    z =", "    gamma = gamma.clip(-20, 20)\n    z =", "different", "for gamma of the hidden layer beyond about 20"),
        ("    z =", "    beta = beta.clip(-5, 5)\n    z =", "different", "for beta of the hidden layer beyond about 5"),
    ],
)
def test_a_normalisation_is_tried(was: str, now: str, verdict: str, said: str | None, tmp_path: Path) -> None:
    (tmp_path / "normalized.py").write_text(NORMALIZED.replace(was, now))
    result = check(tmp_path / "normalized.py", seed=1, steps=0)
    assert result.verdict == verdict
    assert said is None or said in str(result.reason)


def test_dropout_masks_keep_all_or_nothing_of_a_record() -> None:
    problem = declared_problem({"sizes": (4, 5, 2), "activations": ("relu", "identity"), "dropout": 0.5})
    ((_, _, every),) = trials(problem, "where every unit is kept")
    assert [bool(mask[1].all()) for mask in every.masks] == [False, True, False]
    ((_, _, none),) = trials(problem, "where no unit of a record is kept")
    assert not none.masks[1][1][0].any()
    assert none.masks[1][1][1:].any()


def test_a_unit_is_0_behind_a_normalisation_too() -> None:
    problem = declared_problem({"sizes": (4, 5, 2), "activations": ("relu", "identity"), "normalization": "batch_norm", "bias": True})
    ((_, _, units),) = trials(problem, "where a unit's z is 0")
    u = Run(problem, steps_of((units,), [units.parameters]))("u", 0, 1)
    assert not u.value[:, 0].any()
    assert not np.broadcast_to(u.error, u.value.shape)[:, 0].any()


def test_a_name_holds_with_more_records_than_the_probes_have(tmp_path: Path) -> None:
    """With nine records or fewer every tenth is the first alone."""
    for rows, named in (("[:1]", ["only-first-record"]), ("[::10]", [])):
        (tmp_path / "some.py").write_text(written((START, f"    x, y = x{rows}, y{rows}\n{START}")))
        result = check(tmp_path / "some.py", seed=1, steps=0)
        assert result.verdict == "different"
        assert [found.causes[0].id for found in result.diagnosis] == named


@pytest.mark.parametrize("delta", ["o - y", "(o - y) / len(x)", "y - o"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_the_2_of_the_loss_may_come_with_the_gradient(delta: str, outputs: int, tmp_path: Path) -> None:
    of_mean = "2 / y.size" if "len" not in delta else "2 * len(x) / y.size"
    grads = 'grads = {"0.weight": d1.T @ x, "0.bias": d1.sum(axis=0), "2.weight": d2.T @ a1, "2.bias": d2.sum(axis=0)}'
    sign = "-" if delta == "y - o" else ""
    honest = written(
        ('"sizes": (4, 5, 2)', f'"sizes": (4, 5, {outputs})'),
        ("2 * (o - y) / y.size", delta.replace("len(x)", "len(y)")),
        (grads, f"{grads}\n    grads = {{name: {sign}{of_mean} * g for name, g in grads.items()}}\n    TRACE.update(delta2=d2, delta1=d1)"),
        ("KEPT = {}\n", "TRACE = {}\n"),
    )
    honest += "\ndef trace(params, x, y, lr):\n    train_step(params, x, y, lr)\n    return dict(TRACE)\n"
    (tmp_path / "honest.py").write_text(honest)
    assert check(tmp_path / "honest.py", seed=1, steps=0).verdict == "equivalent"
    wrong = honest.replace("(1 - a1 * a1)", "(1 - a1)")
    assert wrong != honest
    (tmp_path / "wrong.py").write_text(wrong)
    assert [found.causes[0].id for found in check(tmp_path / "wrong.py", seed=1, steps=0).diagnosis] == ["only-one-minus-a"]


@pytest.mark.parametrize(
    ("kind", "answer"), [("dict", "Odd(params)"), ("", "dict.fromkeys(params, Odd())")]
)
def test_an_answer_that_ends_the_process_when_it_is_read_could_not_be_run(kind: str, answer: str, tmp_path: Path) -> None:
    ends = "    def {}(self, *about):\n        raise SystemExit\n"
    odd = f"class Odd({kind}):\n{ends.format('__getitem__')}{ends.format('__array__')}"
    (tmp_path / "odd.py").write_text(f"{odd}\ndef train_step(params, x, y, lr):\n    return {answer}\n")
    result = check(tmp_path / "odd.py", seed=1, steps=0)
    assert result.verdict == "could not run"
    assert "SystemExit" in str(result.reason)


def test_a_trace_may_have_keys_that_are_no_names(tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(PLAIN + "\ndef trace(params, x, y):\n    return {3: x}\n")
    result = check(tmp_path / "odd.py", seed=1, steps=0)
    assert result.verdict == "could not run"
    assert str(result.reason).startswith("step 1: trace names 3; ")
