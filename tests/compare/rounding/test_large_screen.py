"""The screen for the gradients and deltas of large weights: what it clears, and that it clears nothing that the envelope refuses."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import compare.lockstep.loop
import compare.problem.problem
from compare import Manual, Problem, StepRecord, TorchRef, train_in_lockstep
from compare.lockstep.judge import Screening, screened
from compare.rounding.block import Block, tensors_by_key
from compare.rounding.envelope import decay, envelope
from compare.rounding.large_screen import LargeScreen
from compare.support.arrays import Batch
from tests.compare.problems import DTYPES, problems

PLAIN = {"optimizer": "sgd", "optimizer_options": {}, "accumulate": 1, "dropout": 0.0}
SHOWN = ("activations", "errors", "deltas", "params")


def block_of(problem: Problem, side: TorchRef, step: int) -> Block:
    """The side's step as a block, in which both sides show the same."""
    before = {name: array[None] for name, array in side.state_dict().items() if array.ndim}
    x, y = problem.batch(step)
    expected = side.steps([(x, y)])
    drift = {name: np.zeros_like(array) for name, array in before.items()}
    return Block(np.array([step]), x, y, {}, before, drift, {}, decay(problem), expected, expected)


@given(problem=st.one_of(problems(**PLAIN), problems(**PLAIN, activation="relu")), data=st.data())
def test_it_clears_nothing_that_the_envelope_refuses(problem: Problem, data: st.DataObject) -> None:
    """Any one number of any weight and bias, put just outside its envelope, is not within the screen's bounds either."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare.problem.problem, "LARGE", 1)
        side = TorchRef(problem, stages=True)
        side.load_state_dict({**problem.initial_parameters, **problem.initial_buffers()})
        block = block_of(problem, side, 1)
        large = LargeScreen(problem)
        bounds = tensors_by_key(envelope(problem, block))
        with np.errstate(all="ignore"):
            for key, product in large.of(block).items():
                expected = block.pairs[key][1]
                assert product.screened(expected, expected)[1].all() or not np.isfinite(expected).all(), key
                place = tuple(data.draw(st.integers(0, n - 1)) for n in expected.shape)
                actual = expected.copy()
                actual[place] += actual.dtype.type(bounds[key][place] * 1.01)
                if abs(float(actual[place]) - float(expected[place])) > bounds[key][place] * 1.005:
                    assert not product.screened(actual, expected)[1].any(), (key, place)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("hidden", ["sigmoid", "relu"])
def test_honest_steps_of_large_networks_need_no_envelope(hidden: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    suspects: list[int] = []

    def noted(problem: Problem, block: Block, large: LargeScreen) -> Screening:
        screening = screened(problem, block, large)
        shares = {key: share for key, share in screening.shares.items() if key[0] in ("grads", "deltas")}
        suspects.extend(block.steps[Screening(screening.differences, shares).suspects()].tolist())
        return screening

    monkeypatch.setattr(compare.lockstep.loop, "screened", noted)
    problem = Problem.draw((300, 128, 64, 5), records=(64,), activations=(hidden, hidden, "sigmoid"), bias=True, lr=0.5, dtype=dtype)
    comparison = train_in_lockstep(Manual(problem, show=SHOWN), TorchRef(problem, show=SHOWN), problem, steps=20)
    assert comparison.verdict == "equivalent", comparison.explanation()
    assert len(suspects) <= 1


def test_inputs_that_are_always_zero_are_cleared_and_faults_in_their_weights_found() -> None:
    x = np.random.default_rng(3).normal(size=(32, 400))
    x[:, ::3] = 0
    problem = Problem(sizes=(400, 100, 2), batches=((x, np.full((32, 2), 0.3)),), lr=0.5)
    sides = [side(problem, show=SHOWN) for side in (Manual, TorchRef)]
    assert train_in_lockstep(*sides, problem, steps=5).verdict == "equivalent"
    found = train_in_lockstep(Off(problem, 4, "0.weight", (7, 3), 1e-30), sides[1], problem, steps=5).first_divergence
    assert found is not None
    assert (found.step, found.phase, found.tensor, found.index) == (4, "deltas", "0.weight", (7, 3))


class Off(Manual):
    """Adds to one number of the deltas that it shows at one step."""

    def __init__(self, problem: Problem, step: int, name: str, place: tuple[int, ...], amount: float) -> None:
        super().__init__(problem, show=SHOWN)
        self.taken, self.at, self.name, self.place, self.amount = 0, step, name, place, amount

    def steps(self, batches: list[Batch], before: Any = None) -> StepRecord:  # type: ignore[override]
        record = super().steps(batches, before)
        i = self.at - self.taken - 1
        self.taken += len(batches)
        if 0 <= i < len(batches):
            assert record.deltas is not None
            record.deltas[self.name][(i, *self.place)] += self.amount
        return record


@pytest.mark.parametrize("amount", [1e-12, -1e-12, np.inf, np.nan])
@pytest.mark.parametrize(("name", "place"), [("0.weight", (99, 299)), ("0.bias", (5,)), ("2.weight", (0, 50)), ("4.weight", (2, 1))])
@pytest.mark.parametrize("hidden", ["sigmoid", "relu"])
def test_one_number_that_is_off_is_found(hidden: str, name: str, place: tuple[int, ...], amount: float) -> None:
    problem = Problem.draw((300, 128, 64, 5), records=(64, 64), activations=(hidden, hidden, "sigmoid"), bias=True, lr=0.5)
    found = train_in_lockstep(Off(problem, 3, name, place, amount), TorchRef(problem, show=SHOWN), problem, steps=6).first_divergence
    assert found is not None
    assert (found.step, found.phase, found.tensor, found.index) == (3, "deltas", name, place)


@pytest.mark.parametrize(("dtype", "tiny"), [("float32", 1e-24), ("float64", 1e-163)])
def test_squares_that_underflow_clear_nothing(dtype: str, tiny: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare.problem.problem, "LARGE", 1)
    x = np.full((100, 4), tiny)
    x[0] = tiny / 1e3
    y = np.zeros((100, 1))
    y[0] = 1
    problem = Problem(
        sizes=(4, 1), activations="identity", batches=((x, y),), lr=1.0, dtype=dtype, initial_parameters={"0.weight": np.zeros((1, 4))}
    )
    side = TorchRef(problem, stages=True)
    side.load_state_dict(problem.initial_parameters)
    block = block_of(problem, side, 1)
    bounds = tensors_by_key(envelope(problem, block))["deltas", "0.weight"]
    expected = block.pairs["deltas", "0.weight"][1]
    actual = (expected + 10 * bounds).astype(dtype)
    assert not LargeScreen(problem).of(block)["deltas", "0.weight"].screened(actual, expected)[1].any()


def test_a_bound_that_overflows_clears_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare.problem.problem, "LARGE", 1)
    x = np.array([[1e4, 1e4, 1e4], [-1e4, -1e4, -1e4]])
    weights = {"0.weight": np.zeros((1, 3))}
    batches = ((x, np.full((2, 1), 1e8)),)
    problem = Problem(sizes=(3, 1), activations="identity", batches=batches, lr=3e38, dtype="float32", initial_parameters=weights)
    side = TorchRef(problem, stages=True)
    side.load_state_dict(problem.initial_parameters)
    block = block_of(problem, side, 1)
    expected = block.pairs["deltas", "0.weight"][1]
    with np.errstate(all="ignore"):
        assert not LargeScreen(problem).of(block)["deltas", "0.weight"].screened(np.full_like(expected, np.inf), expected)[1].any()


def test_a_relu_whose_sum_is_an_exact_0_is_in_no_doubt() -> None:
    weights = dict(Problem.draw((400, 100, 2)).initial_parameters)
    weights["0.weight"] = weights["0.weight"].copy()
    weights["0.weight"][17] = 0
    problem = Problem.draw((400, 100, 2), records=(16,), activations=("relu", "identity"), lr=0.01, initial_parameters=weights)
    side = TorchRef(problem, stages=True)
    side.load_state_dict(problem.initial_parameters)
    block = block_of(problem, side, 1)
    expected = block.pairs["deltas", "0.weight"][1]
    actual = expected.copy()
    actual[0, 17, 3] += 1e-7
    assert not LargeScreen(problem).of(block)["deltas", "0.weight"].screened(actual, expected)[1].any()
