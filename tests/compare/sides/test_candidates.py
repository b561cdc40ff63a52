"""Candidates beside a module: functions, NumPy sides, other names, programs, files, other layouts and precisions."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from compare import NotEquivalentError, Problem, ProblemError, Program, StepRecord, assert_equivalent, train_in_lockstep
from compare.cli.main import main
from compare.sides.interface import Abilities
from compare.support.arrays import Array
from compare.userfile.source import UnusableFileError

GENERATOR = np.random.default_rng(0)
BATCHES = [(GENERATOR.normal(size=(7, 5)), GENERATOR.normal(size=(7, 3))) for _ in range(3)]
PROGRAM = Path(__file__).parent / "linear_program.py"


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3))


def problem(**options: Any) -> Any:
    return Problem.of(network(), **({"batches": BATCHES, "loss": "mse", "optimizer": "adam", "lr": 0.01, "dtype": "float64"} | options))


class ByHand:
    """The network and Adam in NumPy; `fault` scales one gradient, or one part of the state, at the step `at`."""

    def __init__(self, *, shows_state: bool = True, fault: str = "", at: int = 1, factor: float = 1 - 1e-11) -> None:
        self.shows_state, self.fault, self.at, self.factor = shows_state, fault, at, factor

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        self.params = {name: array.copy() for name, array in params.items()}
        self.m, self.v = ({name: np.zeros_like(array) for name, array in params.items()} for _ in range(2))
        self.t = 0

    def predict(self, x: Array) -> Array:
        return np.tanh(x @ self.params["0.weight"].T + self.params["0.bias"]) @ self.params["2.weight"].T + self.params["2.bias"]

    def step(self, x: Array, y: Array) -> Any:
        self.t += 1
        p = self.params
        a = np.tanh(x @ p["0.weight"].T + p["0.bias"])
        output = a @ p["2.weight"].T + p["2.bias"]
        delta2 = 2 * (output - y) / output.size
        delta1 = delta2 @ p["2.weight"] * (1 - a * a)
        grads = {"0.weight": delta1.T @ x, "0.bias": delta1.sum(0), "2.weight": delta2.T @ a, "2.bias": delta2.sum(0)}
        if self.t >= self.at and self.fault in grads:
            grads[self.fault] = grads[self.fault] * self.factor
        state = {}
        for name, g in grads.items():
            self.m[name] = 0.9 * self.m[name] + 0.1 * g
            self.v[name] = 0.999 * self.v[name] + 0.001 * g * g
            step = self.m[name] / (1 - 0.9**self.t) / (np.sqrt(self.v[name] / (1 - 0.999**self.t)) + 1e-8)
            p[name] = p[name] - 0.01 * step * (self.factor if self.fault == "update" and self.t >= self.at else 1.0)
            state |= {f"{name}.exp_avg": self.m[name].copy(), f"{name}.exp_avg_sq": self.v[name].copy()}
        activations, errors = {"1": a, "2": output}, {"0": delta1, "2": delta2}
        shown = {"activations": activations, "errors": errors, "state": state} if self.shows_state else {}
        return StepRecord(output=output, loss=np.mean((output - y) ** 2), grads=grads, params=dict(p), **shown)


@pytest.mark.sampled(7)
@pytest.mark.parametrize("mode", ["free", "follow"])
@pytest.mark.parametrize("shows_state", [True, False])
def test_a_side_by_hand_is_equal_with_and_without_its_state(mode: Any, shows_state: bool) -> None:
    comparison = assert_equivalent(ByHand(shows_state=shows_state), problem(), steps=150, mode=mode)
    assert comparison.worst is not None
    assert comparison.worst.share <= 0.5
    assert comparison.rounding is not None
    assert comparison.rounding.unknown == ()


@pytest.mark.sampled(5)
@pytest.mark.parametrize("shows_state", [True, False])
@pytest.mark.parametrize(("fault", "at"), [("0.weight", 1), ("2.bias", 90), ("0.bias", 149)])
def test_a_gradient_that_is_off_by_1e_11_is_seen_whenever_it_comes(fault: str, at: int, shows_state: bool) -> None:
    with pytest.raises(NotEquivalentError, match=f"first at step {at}, grads {fault}"):
        assert_equivalent(ByHand(shows_state=shows_state, fault=fault, at=at), problem(), steps=150)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("shows_state", [True, False])
def test_a_wrong_update_is_seen_though_its_state_is_hidden(shows_state: bool) -> None:
    with pytest.raises(NotEquivalentError, match="first at step 60, params"):
        assert_equivalent(ByHand(shows_state=shows_state, fault="update", at=60, factor=1 - 1e-6), problem(), steps=100)


def gradients(params: Mapping[str, Array], x: Array, y: Array) -> tuple[Any, dict[str, Array]]:
    a = np.tanh(x @ params["w1"].T + params["0.bias"])
    output = a @ params["2.weight"].T + params["2.bias"]
    delta2 = 2 * (output - y) / output.size
    delta1 = delta2 @ params["2.weight"] * (1 - a * a)
    return np.mean((output - y) ** 2), {"w1": delta1.T @ x, "0.bias": delta1.sum(0), "2.weight": delta2.T @ a, "2.bias": delta2.sum(0)}


def test_functions_of_gradients_with_other_names() -> None:
    names = {"w1": "0.weight"}
    for candidate in (gradients, {"gradients": gradients}, lambda *args: gradients(*args)[1]):
        assert_equivalent(candidate, problem(optimizer=lambda ps: torch.optim.RMSprop(ps, lr=1e-3)), names=names)
    with pytest.raises(NotEquivalentError, match=r"first at step 1, grads 0\.weight"):
        assert_equivalent(lambda p, x, y: {**gradients(p, x, y)[1], "w1": gradients(p, 2 * x, y)[1]["w1"]}, problem(), names=names)


def test_a_side_with_other_names() -> None:
    class Renamed(ByHand):
        def load_state_dict(self, params: Mapping[str, Array]) -> None:
            super().load_state_dict({name.replace("w.in", "0.weight"): array for name, array in params.items()})

        def step(self, x: Array, y: Array) -> Any:
            record = super().step(x, y)
            fields = {phase: self._theirs(getattr(record, phase)) for phase in ("grads", "params", "state")}
            return StepRecord(output=record.output, **fields)

        @staticmethod
        def _theirs(arrays: Mapping[str, Array]) -> dict[str, Array]:
            return {name.replace("0.weight", "w.in"): array for name, array in arrays.items()}

    assert_equivalent(Renamed(), problem(), names={"w.in": "0.weight"})
    with pytest.raises(NotEquivalentError, match=r"grads shows w\.in"):
        assert_equivalent(Renamed(), problem())


def test_what_a_side_does_not_show_is_not_compared_and_params_are_needed() -> None:
    class Silent(ByHand):
        def step(self, x: Array, y: Array) -> Any:
            record = super().step(x, y)
            return StepRecord(output=record.output)

    with pytest.raises(ProblemError, match="params are not shown after each step"):
        assert_equivalent(Silent(), problem())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda record: {"output": record.output.astype(np.float32)}, "it is of dtype float32; expected float64"),
        (lambda record: {"output": record.output[:1]}, r"it is of shape \[1, 3\]; expected an array of shape \[7, 3\]"),
        (lambda record: {"grads": {"0.weight": record.grads["0.weight"]}}, "grads shows 0.weight; expected 0.weight, 0.bias"),
        (lambda record: {"activations": {"9": record.output}}, "activations shows 9; expected 0, 1, 2"),
        (lambda record: {"output": record.output * np.nan}, "the actual side is no longer finite"),
        (lambda record: {"grads": record.output}, "grads is an array of dtype float64; expected arrays by name"),
    ],
)
def test_a_record_that_cannot_be_compared_is_different(change: Any, said: str) -> None:
    class Changed(ByHand):
        def step(self, x: Array, y: Array) -> Any:
            record = super().step(x, y)
            return StepRecord(**{"output": record.output, "params": record.params, **change(record)})

    with pytest.raises(NotEquivalentError, match=said):
        assert_equivalent(Changed(), problem())


def test_the_lessons_network_is_a_module_like_any_other() -> None:
    from compare import lesson_problem
    from torch_ref import Network

    lesson = lesson_problem()
    options: Any = {"loss": "half_mse", "lr": lesson.lr, "initial_parameters": lesson.initial_parameters}
    reference = Problem.of(Network((6, 2, 1)), batches=[lesson.batch(1)], **options)

    def by_hand(params: Mapping[str, Array], x: Array, y: Array) -> dict[str, Array]:
        hidden = 1 / (1 + np.exp(-x @ params["0.weight"].T))
        output = 1 / (1 + np.exp(-hidden @ params["2.weight"].T))
        delta2 = (output - y) / len(x) * output * (1 - output)
        delta1 = delta2 @ params["2.weight"] * hidden * (1 - hidden)
        return {"0.weight": delta1.T @ x, "2.weight": delta2.T @ hidden}

    assert train_in_lockstep(by_hand, None, reference, steps=100).verdict == "equivalent"


class Scaled(nn.Sequential):
    def __init__(self, factor: float) -> None:
        super().__init__(*network())
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * self.factor


@pytest.mark.sampled(3)
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_each_precision_has_its_own_rounding(dtype: str) -> None:
    unit = {"float64": 2.0**-53, "float32": 2.0**-24, "bfloat16": 2.0**-9}[dtype]
    options: Any = {"batches": BATCHES, "loss": "mse", "lr": 0.1, "dtype": dtype}
    assert assert_equivalent(Scaled(1 + 0.2 * unit), network(), **options).verdict == "equivalent"
    with pytest.raises(NotEquivalentError):
        assert_equivalent(Scaled(1 + 200 * unit), network(), **options)


def test_a_module_in_another_memory_layout() -> None:
    reference = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Conv2d(4, 2, 3))
    candidate = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert_equivalent(candidate, reference, inputs=(4, 3, 8, 8), dtype="float32")


def test_a_side_that_draws_gets_the_same_generators() -> None:
    class Drawing(ByHand):
        abilities = Abilities(draws=True)

        def step(self, x: Array, y: Array) -> Any:
            mask = torch.empty(x.shape, dtype=torch.float64).bernoulli_(0.5).numpy() * 2
            record = super().step(x * mask, y)
            return StepRecord(output=record.output, params=record.params)

    class Dropping(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(nn.functional.dropout(x, 0.5, self.training))

    reference = Problem.of(Dropping(*network()), batches=BATCHES, loss="mse", optimizer="adam", lr=0.01, dtype="float64")
    assert_equivalent(Drawing(), reference)
    with pytest.raises(ProblemError, match="the reference draws random numbers"):
        assert_equivalent(ByHand(), reference)


REFERENCE = """
import numpy as np
from torch import nn
from backprop_compare import Problem
def linear():
    generator = np.random.default_rng(0)
    batches = [(generator.normal(size=(4, 7, 5)), generator.normal(size=(4, 7, 3)))]
    return Problem.of(nn.Linear(5, 3), batches=batches, loss="mse", lr=0.1, dtype="float64")
def norm():
    return nn.LayerNorm(6)
def wrong():
    return 3
"""
NORM = """
from torch import nn
PROBLEM = {"inputs": (4, 6), "dtype": "float64"}
class Part(nn.Module):
    pass
class Whole(nn.LayerNorm):
    def __init__(self):
        super().__init__(6)
        self.part = Part()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "reference.py").write_text(REFERENCE, encoding="utf-8")
    (tmp_path / "norm.py").write_text(NORM, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(("factor", "code"), [("1", 0), ("0.999", 1)])
def test_a_program_on_a_pipe_beside_a_module(folder: Path, factor: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    command = f"{sys.executable} {PROGRAM} {factor}"
    assert main(["check", "--command", command, "--reference", f"{folder}/reference.py:linear", "--quiet"]) == code
    assert capsys.readouterr().out.endswith("different\n" if code else "equivalent\n")


def test_a_file_beside_a_module(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", f"{folder}/norm.py", "--reference", f"{folder}/reference.py:norm", "--json"]) == 0
    assert '"verdict": "equivalent"' in capsys.readouterr().out
    for reference, said in (
        ("reference.py:nothing", "has no function nothing; expected one of its functions: Problem, linear, norm, wrong"),
        ("reference.py:wrong", "returned an int; expected a torch.nn.Module, or what Problem.of returns"),
        ("reference.py", "expected FILE.py:NAME"),
        ("missing.py:norm", "missing.py is no file"),
    ):
        assert main(["check", f"{folder}/norm.py", "--reference", f"{folder}/{reference}"]) == 2
        assert said in capsys.readouterr().err


def test_a_program_that_cannot_be_started_or_speaks_something_else() -> None:
    linear = Problem.of(nn.Linear(5, 3), inputs=(4, 5))
    for command in ("no-such-program", "echo hello"):
        with pytest.raises((ProblemError, UnusableFileError), match=command.split()[0]):
            assert_equivalent(Program(command), linear)


def test_a_comparison_beside_a_module_shows_itself() -> None:
    pytest.importorskip("jinja2")
    comparison = assert_equivalent(nn.Linear(4, 3), nn.Linear(4, 3), inputs=(5, 4))
    assert "Linear" in comparison.to_html()
    assert "iframe" in comparison._repr_html_()
