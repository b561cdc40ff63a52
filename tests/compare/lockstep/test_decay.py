"""Weight decay of the weights alone: on both sides, in what is recorded, in what a file declares, and in what is said without."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import manual
import torch_ref
from compare import Manual, Problem, TorchRef, check, record, train_in_lockstep
from compare.cli.main import main
from compare.problem.pieces import NORMALIZATIONS, OPTIMIZERS
from compare.traces.as_side import Recorded
from compare.traces.replay import replay
from compare.traces.trace import Trace, problem_fields
from tests.compare.lockstep.test_planted import compared, problem, step_and_phase

EVERY_OPTIMIZER: dict[str, dict[str, Any]] = {
    "sgd": {"optimizer": "sgd", "optimizer_options": {}},
    "momentum": {"optimizer": "sgd", "optimizer_options": {"momentum": 0.9, "dampening": 0.2}},
    "nesterov": {"optimizer": "sgd", "optimizer_options": {"momentum": 0.9, "nesterov": True}},
    "adam": {"optimizer": "adam", "optimizer_options": {}},
    "adamw": {"optimizer": "adamw", "optimizer_options": {}},
    "rmsprop": {"optimizer": "rmsprop", "optimizer_options": {"momentum": 0.9, "centered": True}},
    "adagrad": {"optimizer": "adagrad", "optimizer_options": {"initial_accumulator_value": 0.1}},
}
EVERY = pytest.mark.parametrize("name", EVERY_OPTIMIZER)
DECAY = {"weight_decay": 0.1, "decay": "weights"}
STEPS = 20

# The textbook's L2: its weights decay, its biases do not.
TEXTBOOK = """
import numpy as np
PROBLEM = {"sizes": (4, 3, 1), "activations": "sigmoid", "bias": True, "loss": "bce", "weight_decay": 0.1, "decay": "weights"}

def s(z):
    return 1 / (1 + np.exp(-z))

def train_step(params, x, y, lr):
    w1, b1, w2, b2 = (params[k] for k in ("0.weight", "0.bias", "2.weight", "2.bias"))
    a = s(x @ w1.T + b1)
    p = s(a @ w2.T + b2)
    d2 = (p - y) / len(x)
    d1 = d2 @ w2 * a * (1 - a)
    return {
        "0.weight": w1 - lr * (d1.T @ x + 0.1 * w1),
        "0.bias": b1 - lr * d1.sum(0),
        "2.weight": w2 - lr * (d2.T @ a + 0.1 * w2),
        "2.bias": b2 - lr * d2.sum(0),
    }
"""
UNDECLARED = TEXTBOOK.replace(', "decay": "weights"', "")
OF_BIASES_TOO = TEXTBOOK.replace("d1.sum(0)", "(d1.sum(0) + 0.1 * b1)").replace("d2.sum(0)", "(d2.sum(0) + 0.1 * b2)")


def problem_of(name: str, **about: Any) -> Problem:
    of = EVERY_OPTIMIZER[name]
    return problem(optimizer=of["optimizer"], optimizer_options={**of["optimizer_options"], **DECAY}, **about)


def file_of(folder: Path, text: str) -> Path:
    path = folder / "attempt.py"
    path.write_text(text, encoding="utf-8")
    return path


# ---- Both sides.


@pytest.mark.sampled(5)
@EVERY
@pytest.mark.parametrize("normalization", [None, *NORMALIZATIONS])
@pytest.mark.parametrize("stages", [False, True])
@pytest.mark.parametrize("mode", ["free", "follow"])
def test_both_sides_agree(name: str, normalization: str | None, stages: bool, mode: Any) -> None:
    """With every stage shown a step at a time, and in blocks without; each by its own weights, and by the other's."""
    p = problem_of(name, normalization=normalization)
    comparison = train_in_lockstep(Manual(p, stages=stages), TorchRef(p, stages=stages), p, steps=STEPS, mode=mode)
    assert comparison.verdict == "equivalent"


@EVERY
@pytest.mark.parametrize("normalization", [None, "layer_norm"])
def test_only_the_matrices_decay(name: str, normalization: str | None) -> None:
    """A step of both sides is that with decay for a weight, and that without for what is (units,)."""
    p = problem_of(name, normalization=normalization)
    given = {option: value for option, value in p.optimizer_options.items() if option not in DECAY}
    for side in (Manual, TorchRef):
        steps = []
        for options in (DECAY, {"weight_decay": 0.1}, {"weight_decay": 0.0}):
            of = problem(optimizer=p.optimizer, optimizer_options={**given, **options}, normalization=normalization)
            shown = side(of)
            shown.load_state_dict({**of.initial_parameters, **of.initial_buffers()})
            deltas = shown.step(*of.batch(1)).deltas
            assert deltas is not None
            steps.append(deltas)
        for parameter, alone in steps[0].items():
            same = [np.array_equal(alone, other[parameter]) for other in steps[1:]]
            assert same == ([True, False] if alone.ndim == 2 else [False, True]), parameter


@pytest.mark.sampled(3)
@EVERY
@pytest.mark.parametrize("spoilt", ["0.bias", "1.weight", "1.bias", "3.bias"])
def test_a_bias_that_decays_on_one_side_is_found(name: str, spoilt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    p = problem_of(name, normalization="layer_norm")
    side = Manual(p, stages=True)
    theirs = side.network.parameters()[spoilt]
    right = manual.Optimizer.decay_of
    monkeypatch.setattr(manual.Optimizer, "decay_of", lambda self, w: self.weight_decay if w is theirs else right(self, w))
    where = step_and_phase(compared(p, side))
    monkeypatch.undo()
    assert where in ((1, "state"), (1, "deltas"))
    assert compared(p).verdict == "equivalent"


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_value_that_is_none_is_refused_by_both_backends(name: str) -> None:
    for backend in (manual, torch_ref):
        with pytest.raises(ValueError, match="decay is 'weight'; expected all or weights"):
            backend.OPTIMIZERS[name](0.1, decay="weight")


# ---- Recorded and replayed.


@EVERY
def test_a_recorded_run_is_replayed_and_knows_which_decay(name: str, tmp_path: Path) -> None:
    p = problem_of(name)
    trace = record(p, tmp_path / "trace", steps=STEPS)
    assert trace.problem.optimizer_options["decay"] == "weights"
    assert train_in_lockstep(Manual(p), Recorded(trace), p, steps=STEPS).verdict == "equivalent"


def test_a_file_is_replayed(tmp_path: Path) -> None:
    options = {"activations": "sigmoid", "loss": "bce", "bias": True, "optimizer_options": DECAY}
    record(Problem.draw((4, 3, 1), **options), tmp_path / "trace", steps=STEPS)
    assert replay(tmp_path / "trace", file_of(tmp_path, TEXTBOOK)).verdict == "equivalent"
    wrong = replay(tmp_path / "trace", file_of(tmp_path, OF_BIASES_TOO))
    assert [cause.id for found in wrong.diagnosis for cause in found.causes] == ["decay-on-biases-too"]


def test_a_trace_says_nothing_of_it_where_all_decay(tmp_path: Path) -> None:
    """As one that was written before there was a choice, which is read still."""
    p = problem(optimizer_options={"weight_decay": 0.1})
    assert "decay" not in problem_fields(p)["optimizer_options"]
    record(p, tmp_path / "trace", steps=2)
    assert Trace(tmp_path / "trace").problem.optimizer_options["decay"] == "all"


# ---- A file.


@pytest.mark.seeds(10)
def test_a_file_that_declares_it_is_right(seed: int, tmp_path: Path) -> None:
    assert check(file_of(tmp_path, TEXTBOOK), seed=seed).verdict == "equivalent"
    undeclared = check(file_of(tmp_path, UNDECLARED), seed=seed)
    assert undeclared.verdict == "different"
    (found,) = undeclared.diagnosis
    assert [cause.id for cause in found.causes] == ["decay-on-weights-only"]
    assert found.causes[0].sentence == 'the weights alone are decayed; where that is meant, "decay": "weights" says so'


@pytest.mark.seeds(3)
def test_biases_that_decay_too_are_named_where_only_weights_should(seed: int, tmp_path: Path) -> None:
    (found,) = check(file_of(tmp_path, OF_BIASES_TOO), seed=seed).diagnosis
    assert [cause.id for cause in found.causes] == ["decay-on-biases-too"]
    declared = OF_BIASES_TOO.replace(', "decay": "weights"', ', "decay": "all"')
    assert check(file_of(tmp_path, declared), seed=seed).verdict == "equivalent"


def test_the_command_line_says_it_and_so_does_the_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(file_of(tmp_path, UNDECLARED))
    assert main(["check", path, "--decay", "weights", "--seed", "1", "--steps", "5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["problem"]["decay"] == "weights"
    assert main(["check", path, "--decay", "weights", "--seed", "1", "--steps", "5"]) == 0
    assert "sgd weight_decay 0.1 decay weights" in capsys.readouterr().out
    asked = ["--bias", "--weight-decay", "0.1", "--epochs", "3"]
    assert main([*asked, "--decay", "weights", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["problem"]["decay"] == "weights"
    assert main([*asked, "--decay", "weights"]) == 0
    assert "decay weights" in capsys.readouterr().out


def test_a_value_that_is_none_is_one_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(file_of(tmp_path, UNDECLARED))
    for command in (["check", path], ["grade", str(tmp_path), "--out", str(tmp_path / "results")], []):
        with pytest.raises(SystemExit) as stopped:
            main([*command, "--decay", "weight"])
        assert stopped.value.code == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "--decay: 'weight' is no choice; expected one of all, weights" in said
    wrong = str(file_of(tmp_path, TEXTBOOK.replace('"weights"', '"weight"')))
    assert main(["check", wrong]) == 2
    assert "decay is 'weight'; expected one of all, weights" in capsys.readouterr().err


def test_a_folder_is_graded_with_it(tmp_path: Path) -> None:
    folder, out = tmp_path / "attempts", tmp_path / "results"
    folder.mkdir()
    file_of(folder, UNDECLARED)
    network = ["--sizes", "4,3,1", "--activation", "sigmoid", "--bias", "--loss", "bce", "--weight-decay", "0.1", "--decay", "weights"]
    asked = [*network, "--seed", "1", "--steps", "5", "--jobs", "1", "--no-reports", "--unsafe-no-sandbox"]
    assert main(["grade", str(folder), "--out", str(out), *asked]) == 0
    (line,) = (json.loads(line) for line in (out / "results.jsonl").read_text(encoding="utf-8").splitlines())
    asked_for = "4-3-1 sigmoid, biases, bce, sgd weight_decay 0.1 decay weights"
    assert (line["verdict"], line["network"].partition(", lr")[0]) == ("equivalent", asked_for)
