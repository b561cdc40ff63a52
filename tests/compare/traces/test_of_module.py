"""Traces beside any module: a recorded run is judged as the candidate itself would be, and a run of another problem is refused."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from compare import NotEquivalentError, Problem, ProblemError, StepRecord, assert_equivalent, differences, record, replay, train_in_lockstep
from compare.cli.main import main
from compare.problem.of_module import ModuleProblem
from compare.sides import by_hand as layers
from compare.sides.interface import Abilities
from compare.traces import record as recording
from compare.traces.manifest import MANIFEST, TraceError
from compare.traces.trace import Trace
from manual import ACTIVATIONS, SGD, Activate, Linear, Sequential
from tests.compare.sides.test_candidates import ByHand
from tests.compare.sides.test_candidates import problem as by_hand_problem
from tests.compare.traces.test_traces import ROOT, SEGMENT, contents, resave, rewrite

STEPS = 20
GENERATOR = np.random.default_rng(0)
BATCHES = [(GENERATOR.integers(0, 9, (n, 2, 4)), GENERATOR.normal(size=(n, 3))) for n in (4, 6, 5)]


class Scale(nn.Module):
    """A factor for each channel of (n, channels, units), with buffers of whole numbers and of truth values.

    Its gradient is off by a fault at one step; with a negative one the output in evaluation is, too.
    """

    def __init__(self, fault: float = 0.0, at: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(0.5, 1.5, 6))
        self.fault, self.at = fault, at
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self.register_buffer("kept", torch.tensor([True] * 5 + [False]))

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight[:, None]
        if self.training:
            self.calls += 1
            weight = weight + self.fault * (self.calls == self.at) * (weight - weight.detach())
        return x * weight * self.kept[:, None] if self.training or self.fault >= 0 else x * 2


class Network(nn.Module):
    """Tokens through an embedding, a convolution and batch normalisation: arrays of up to four dimensions, two outputs, dotted names."""

    def __init__(self, scale: nn.Module, dropout: float = 0.0) -> None:
        super().__init__()
        self.words = nn.Embedding(9, 5)
        self.body = nn.ModuleDict({"conv": nn.Conv2d(2, 6, (4, 2)), "norm": nn.BatchNorm1d(6), "scale": scale, "drop": nn.Dropout(dropout)})
        self.head = nn.Linear(24, 3)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        h = self.body["scale"](self.body["norm"](self.body["conv"](self.words(tokens)).flatten(2)))
        return self.head(self.body["drop"](h).flatten(1)), h


def loss(outputs: tuple[Tensor, Tensor], target: Tensor) -> Tensor:
    return F.mse_loss(outputs[0], target)


def network(fault: float = 0.0, at: int = 1, dropout: float = 0.0) -> Network:
    torch.manual_seed(0)
    return Network(Scale(fault, at), dropout)


def problem(*, dropout: float = 0.0, module: nn.Module | None = None, **options: Any) -> ModuleProblem:
    given = {"batches": BATCHES, "loss": loss, "optimizer": "adam", "lr": 0.01, "dtype": "float64"} | options
    own: ModuleProblem = Problem.of(network(dropout=dropout) if module is None else module, **given)  # type: ignore[assignment]
    return own


@pytest.fixture(autouse=True)
def _short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "_SEGMENT_STEPS", 6)


def stopping(step: int) -> None:
    if step >= 12:
        raise KeyboardInterrupt


# ---- A recorded run is judged as the candidate itself.


@pytest.mark.sampled(11)
@pytest.mark.parametrize("fault", [0.0, 0.01, -0.01])
@pytest.mark.parametrize(("dtype", "dropout"), [("float64", 0.0), ("float32", 0.3), ("bfloat16", 0.0)])
def test_a_recorded_module_is_compared_as_the_module_itself(tmp_path: Path, dtype: str, dropout: float, fault: float) -> None:
    p = problem(dtype=dtype, dropout=dropout)
    candidate = network(fault=fault, at=14, dropout=dropout)
    live = train_in_lockstep(candidate, None, p, steps=STEPS)
    trace = record(p, tmp_path / "t", steps=STEPS, side=candidate)
    trace.verify()
    assert [part.last for part in trace.manifest.segments] == [6, 12, 18, 20]
    found = train_in_lockstep(Trace(tmp_path / "t"), None, p, steps=STEPS)
    for name in ("verdict", "steps", "compared", "first_divergence", "agreed", "part", "drift", "rounding"):
        assert getattr(found, name) == getattr(live, name), name
    assert found.series.keys() == live.series.keys()
    assert all(np.array_equal(found.series[key], live.series[key]) for key in found.series)
    if fault and dtype != "bfloat16":      # where it is a few ulp
        assert (found.steps, found.part) == (14, "body.scale (Scale)")
    else:
        assert found.verdict == ("different" if fault < 0 else "equivalent")      # in evaluation


def test_what_a_module_shows_in_evaluation_is_compared_too(tmp_path: Path) -> None:
    class Other(Scale):
        def forward(self, x: Tensor) -> Tensor:
            out = super().forward(x)
            return out if self.training else out * 1.001

    torch.manual_seed(0)
    candidate = Network(Other())
    torch.nn.init.zeros_(candidate.head.weight)      # so that the second output alone differs
    p = problem(lr=1e-300, module=candidate)
    reference = problem(lr=1e-300, module=Network(Scale()), initial_parameters=record(p, tmp_path / "t", steps=2).start)
    found = train_in_lockstep(Trace(tmp_path / "t"), None, reference, steps=2).first_divergence
    assert found is not None
    assert (found.phase, found.tensor) == ("prediction", "prediction[1]")


class InPlace(ByHand):
    """Shows views of arrays that it changes in the next step, and its loss as a number."""

    def step(self, x: Any, y: Any) -> Any:
        before = self.params
        shown = super().step(x, y)
        for name, array in before.items():
            array[...] = self.params[name]
        self.params = before
        return StepRecord(output=shown.output, loss=float(shown.loss), grads=shown.grads, params=before)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("make", [ByHand, InPlace, lambda **fault: ByHand(shows_state=False, **fault)])
def test_a_side_by_hand_is_recorded(tmp_path: Path, make: Callable[..., Any]) -> None:
    p = by_hand_problem()
    trace = record(p, tmp_path / "right", steps=STEPS, side=make())
    right, live = assert_equivalent(trace, p), assert_equivalent(make(), p)
    assert (right.steps, right.compared) == (STEPS, live.compared)
    record(p, tmp_path / "wrong", steps=STEPS, side=make(fault="0.weight", at=13))
    with pytest.raises(NotEquivalentError, match=r"first at step 13, grads 0\.weight"):
        assert_equivalent(Trace(tmp_path / "wrong"), p)


def gradients(params: Mapping[str, Any], x: Any, y: Any) -> Any:
    a = np.tanh(x @ params["first"].T + params["0.bias"])
    delta = 2 * (a @ params["2.weight"].T + params["2.bias"] - y) / y.size
    inner = delta @ params["2.weight"] * (1 - a * a)
    return {"first": inner.T @ x, "0.bias": inner.sum(0), "2.weight": delta.T @ a, "2.bias": delta.sum(0)}


@pytest.mark.parametrize("stages", [True, False])
def test_the_layers_of_a_side_by_hand_are_recorded_with_the_stages_alone(tmp_path: Path, stages: bool) -> None:
    side = layers.ByHand(Sequential(Linear(np.ones((2, 3))), Activate(ACTIVATIONS["tanh"])), "mse", SGD(0.1))
    module = nn.Sequential(nn.Linear(3, 2, bias=False), nn.Tanh())
    problem = Problem.of(module, batches=[(np.eye(3), np.ones((3, 2)))], loss="mse", optimizer="sgd", lr=0.1, dtype="float64")
    trace = record(problem, tmp_path / "run", steps=2, side=side, stages=stages)
    comparison = assert_equivalent(trace, problem)
    assert any(key[0] == "activations" for key in comparison.series) is stages


def test_a_function_of_gradients_is_recorded_under_the_references_names(tmp_path: Path) -> None:
    p, names = by_hand_problem(), {"first": "0.weight"}
    trace = record(p, tmp_path / "t", steps=STEPS, side=gradients, names=names)
    comparison = assert_equivalent(trace, p)
    assert comparison.steps == STEPS
    assert comparison.rounding is not None
    assert any(note.startswith("the candidate predicts nothing") for note in comparison.rounding.notes)
    for options in ({"names": names}, {"stages": False}):
        with pytest.raises(ProblemError, match="are given with a recorded run; expected them in the call of record"):
            assert_equivalent(trace, p, **options)  # type: ignore[arg-type]


def test_a_run_of_other_submodules_is_recorded_elsewhere(tmp_path: Path) -> None:
    """Where the module is its own reference, and has a part more than the one that it is compared with later."""

    class More(Scale):
        def __init__(self) -> None:
            super().__init__()
            self.more = nn.Identity()

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(self.more(x))

    torch.manual_seed(0)
    trace = record(problem(module=Network(More())), tmp_path / "t", steps=STEPS)
    assert assert_equivalent(trace, problem()).steps == STEPS


def test_a_run_is_compared_as_far_as_it_goes(tmp_path: Path) -> None:
    p = problem()
    with pytest.raises(KeyboardInterrupt):
        record(p, tmp_path / "t", steps=STEPS, progress=stopping)
    comparison = assert_equivalent(Trace(tmp_path / "t"), p)
    assert comparison.steps == 12
    assert comparison.rounding is not None
    assert any("was cut off at step 12 of 20" in note for note in comparison.rounding.notes)
    with pytest.raises(TraceError, match="t has 12 steps; expected at least as many as are compared"):
        assert_equivalent(Trace(tmp_path / "t"), p, steps=13)


# ---- A run that is cut off goes on.


@pytest.mark.parametrize("side", [network(), gradients])
def test_a_run_that_is_cut_off_goes_on_to_the_same_end(tmp_path: Path, side: Any) -> None:
    p: Any = by_hand_problem() if side is gradients else problem()
    names = {"first": "0.weight"} if side is gradients else None
    record(p, tmp_path / "whole", steps=STEPS, side=side, names=names)
    with pytest.raises(KeyboardInterrupt):
        record(p, tmp_path / "t", steps=STEPS, side=side, names=names, progress=stopping)
    record(p, tmp_path / "t", steps=STEPS, side=side, names=names)
    assert contents(tmp_path / "t") == contents(tmp_path / "whole")
    with pytest.raises(TraceError, match="holds this run already, whole"):
        record(p, tmp_path / "t", steps=STEPS, side=side, names=names)
    with pytest.raises(TraceError, match=r"problem lr is 0\.01, and now it is 0\.02"):
        record(by_hand_problem(lr=0.02) if names else problem(lr=0.02), tmp_path / "t", steps=STEPS, side=side, names=names)


def test_a_side_that_trains_itself_begins_anew(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        record(by_hand_problem(), tmp_path / "t", steps=STEPS, side=ByHand(), progress=stopping)
    with pytest.raises(TraceError, match="a run of a ByHand, which trains itself, does not go on where it was cut off"):
        record(by_hand_problem(), tmp_path / "t", steps=STEPS, side=ByHand())


# ---- What is refused.


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (lambda: problem(lr=0.02), r"was recorded with lr 0\.01, and now it is 0\.02; expected the problem of that run"),
        (lambda: problem(dtype="float32"), "recorded with dtype 'float64', and now it is 'float32'"),
        (lambda: problem(seed=3), "recorded with seed 21, and now it is 3"),
        (lambda: problem(optimizer="sgd"), "recorded with optimizer 'adam', and now it is 'sgd'"),
        (lambda: problem(loss=_another_loss), "recorded with loss 'loss', and now it is 'another_loss'"),
        (lambda: problem(clip_grad_norm=1.0), "recorded with clip_grad_norm None"),
        (lambda: problem(clip_grad_value=1.0), "recorded with clip_grad_value None"),
        (lambda: problem(batches=BATCHES[:2]), "was recorded of other inputs than these"),
        (lambda: problem(batches=[(x, y + 1e-9) for x, y in BATCHES]), "was recorded of other inputs than these"),
        (lambda: problem(batches=[(x.astype(np.int32), y) for x, y in BATCHES]), "was recorded of other inputs than these"),
        (lambda: problem(initial_parameters={"head.bias": np.ones(3)}), r"start\.safetensors .* its 'head\.bias' has other numbers"),
        (lambda: problem(initial_parameters={"body.scale.kept": [False] * 6}), r"its 'body\.scale\.kept' has other numbers"),
        (lambda: problem(module=Network(nn.Identity())), r"start\.safetensors .* an unknown 'body\.scale\.calls'"),
        (by_hand_problem, "was recorded with loss 'loss', and now it is 'mse'"),
    ],
)
def test_the_run_of_another_problem_is_refused(tmp_path: Path, other: Callable[[], Any], said: str) -> None:
    trace = record(problem(), tmp_path / "t", steps=2)
    with pytest.raises(TraceError, match=said) as refused:
        assert_equivalent(trace, other())
    assert str(tmp_path / "t") in str(refused.value)


def _another_loss(outputs: Any, target: Tensor) -> Tensor:
    return loss(outputs, target)


def test_functions_without_a_name_are_told_by_their_numbers(tmp_path: Path) -> None:
    trace = record(problem(loss=lambda outputs, target: loss(outputs, target)), tmp_path / "t", steps=2)
    assert trace.manifest.problem["loss"] == "a function"
    assert_equivalent(trace, problem())


def test_of_a_module_and_of_a_perceptron_are_two_kinds(tmp_path: Path) -> None:
    ours = record(problem(), tmp_path / "t", steps=2)
    for call in (lambda: replay(ours, {"train_step": len}), lambda: differences(ours, ours)):
        with pytest.raises(TraceError, match="is a run beside a module; expected assert_equivalent"):
            call()
    perceptron = record(Problem.draw((3, 4, 2)), tmp_path / "p", steps=2)
    with pytest.raises(TraceError, match="is the run of a perceptron"):
        assert_equivalent(perceptron, problem())


def _renamed(arrays: dict[str, Any], was: str, now: str) -> None:
    arrays[now] = arrays.pop(was)


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (lambda folder: (folder / SEGMENT).write_bytes((folder / SEGMENT).read_bytes()[:-1]), "it was cut off"),
        (lambda folder: (folder / "end.safetensors").unlink(), "cannot be read"),
        (lambda folder: rewrite(folder, lambda fields: fields.update(version=2)), "is of version 2; expected 1"),
        (lambda folder: rewrite(folder, lambda fields: fields.update(side="torch_ref")), "expected --data"),
        (lambda folder: rewrite(folder, lambda fields: fields["parts"][1].update(last=2)), "expected steps-00000003"),
        (lambda folder: resave(folder, SEGMENT, lambda arrays: arrays.update(more=arrays["1/0/activations/words"])), "unknown 'more'"),
        (lambda folder: resave(folder, SEGMENT, lambda a: _renamed(a, "1/0/activations/words", "9/0/activations/words")), "unknown '9/0"),
        (lambda folder: resave(folder, SEGMENT, lambda a: _renamed(a, "1/0/activations/words", "1/0/__class__/words")), "unknown '1/0/__"),
        (lambda folder: resave(folder, SEGMENT, lambda a: [a.pop(name) for name in list(a) if name[0] == "2"]), "it has 5 steps"),
    ],
)
def test_what_is_not_as_it_was_written_is_refused(tmp_path: Path, tamper: Callable[[Path], object], said: str) -> None:
    record(problem(), tmp_path / "t", steps=8)
    tamper(tmp_path / "t")
    with pytest.raises(TraceError, match=said) as refused:
        Trace(tmp_path / "t").verify()
    assert str(tmp_path / "t") in str(refused.value)
    with pytest.raises(TraceError):
        assert_equivalent(Trace(tmp_path / "t"), problem())


def test_steps_without_number_are_refused_at_once(tmp_path: Path) -> None:
    record(problem(), tmp_path / "t", steps=2)
    (tmp_path / "t" / "end.safetensors").unlink()

    def many(fields: dict[str, Any]) -> None:
        fields.update(steps=10**12, parts=fields["parts"][:2])
        fields["parts"][1].update(last=10**12)

    rewrite(tmp_path / "t", many)
    with pytest.raises(TraceError, match="it has 2 steps; expected steps 1 to 1000000000000"):
        Trace(tmp_path / "t").verify()


def test_numbers_changed_in_a_run_that_is_sealed_again_are_a_difference(tmp_path: Path) -> None:
    record(problem(), tmp_path / "t", steps=8)
    resave(tmp_path / "t", SEGMENT, lambda arrays: _change(arrays, "3/", "/grads/head.weight", lambda array: array[:, 1:].copy()))
    with pytest.raises(NotEquivalentError, match=r"first at step 3, grads head\.weight\n.*expected an array of shape \[3, 24\]"):
        assert_equivalent(Trace(tmp_path / "t"), problem())


def _change(arrays: dict[str, Any], step: str, tensor: str, change: Callable[[Any], Any]) -> None:
    name = next(name for name in arrays if name.startswith(step) and name.endswith(tensor))
    arrays[name] = change(arrays[name])


class Shows:
    """Shows what it is given."""

    abilities = Abilities()

    def __init__(self, shown: Any) -> None:
        self.shown = shown

    def load_state_dict(self, params: Mapping[str, Any]) -> None: ...

    def step(self, *batch: Any) -> Any:
        return self.shown

    def predict(self, *inputs: Any) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"side": Shows(3)}, "step 1 returned an int; expected a StepRecord of what it shows"),
        ({"side": Shows(StepRecord())}, "step 1 returned nothing; expected a StepRecord"),
        ({"side": Shows(StepRecord(grads={"0.weight": "x"}))}, "step 1 shows a str as grads/0.weight; expected an array of numbers"),  # type: ignore[dict-item]
        ({"side": Shows(StepRecord(loss=np.array(1j)))}, "shows an array of dtype complex128 as loss"),
        ({"side": "manual"}, "the candidate is a str; expected a torch.nn.Module"),
        ({"side": ByHand(), "device": "cuda"}, "expected no device, as a candidate has its own"),
        ({"device": "xpu9"}, "expected cpu, cuda or cuda:N"),
        ({"side": nn.Linear(5, 3)}, "the parameters do not match"),
        ({"problem": 5}, "expected a Problem, or what Problem.of returns"),
        ({"problem": Problem.draw((3, 4, 2)), "names": {}}, "names are given with a Problem"),
    ],
)
def test_what_cannot_be_recorded_is_one_clear_error(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ProblemError, match=said):
        record(**{"problem": by_hand_problem(), "out": tmp_path / "t", "steps": 2, **options})


# ---- From the command line, and without torch.

REFERENCE = """
import torch
from torch import nn
from compare import Problem
def linear(seed=0, inputs=(4, 5)):
    torch.manual_seed(seed)
    return Problem.of(nn.Linear(5, 3), inputs=inputs)
def started_elsewhere():
    return linear(seed=1)
def of_other_inputs():
    return linear(inputs=(5, 5))
def bare():
    return nn.Linear(5, 3)
"""


def test_a_run_is_checked_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "reference.py").write_text(REFERENCE, encoding="utf-8")
    torch.manual_seed(0)
    linear: Any = Problem.of(nn.Linear(5, 3), inputs=(4, 5))
    record(linear, tmp_path / "t", steps=30)
    command = ["check", str(tmp_path / "t"), "--reference"]
    assert main([*command, f"{tmp_path}/reference.py:linear", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["steps"], found["file"]) == ("equivalent", 30, str(tmp_path / "t"))
    for name, said in (
        ("started_elsewhere", "start.safetensors is of another problem: its 'weight' has other numbers; expected the same start"),
        ("of_other_inputs", "was recorded of other inputs than these"),
        ("bare", "returned a module, without batches, and the candidate has no fitting PROBLEM"),
    ):
        assert main([*command, f"{tmp_path}/reference.py:{name}"]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
    resave(tmp_path / "t", SEGMENT, lambda arrays: _change(arrays, "3/", "/loss", lambda array: np.array(array * np.float32(1.001))))
    assert main([*command, f"{tmp_path}/reference.py:linear"]) == 1
    assert "different: first at step 3, loss" in capsys.readouterr().out
    (tmp_path / "t" / MANIFEST).unlink()
    assert main([*command, f"{tmp_path}/reference.py:linear"]) == 2
    assert "manifest.json cannot be read" in capsys.readouterr().err


def test_a_run_beside_a_module_is_verified_without_torch(tmp_path: Path) -> None:
    record(problem(), tmp_path / "t", steps=8)
    code = f"""
import sys
sys.modules["torch"] = None
from compare.cli.main import main
assert main(["verify", {str(tmp_path / "t")!r}]) == 0
assert main(["info", {str(tmp_path / "t")!r}, "--json"]) == 0
assert main(["diff", {str(tmp_path / "t")!r}, {str(tmp_path / "t")!r}]) == 2
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "Module   Network, loss, adam, float64" in ran.stdout
    assert "VERIFIED: 4 parts, 8 steps" in ran.stdout
