"""Training fast and training as it reads: the same, to rounding; and what has no fast way takes the other."""

import copy
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare import Problem, StepRecord, TorchRef, train_in_lockstep
from compare.support.arrays import Array, Batch
from manual import ACTIVATIONS, SGD, Network, fast, train

ELEMENTWISE = sorted(name for name, activation in ACTIVATIONS.items() if activation.derivative is not None)


def trained_as_it_reads(network: Network, x: Array, y: Array, lr: float, epochs: int, loss: str) -> list[float]:
    sgd, losses = SGD(lr), []
    for _ in range(epochs):
        _, value, grads = network.gradients(x, y, loss)
        sgd.step(network, grads)
        losses.append(float(value))
    return losses


@given(
    sizes=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    names=st.lists(st.sampled_from(ELEMENTWISE), min_size=3, max_size=3),
    bias=st.booleans(),
    loss=st.sampled_from(sorted(fast.FACTORS)),
    dtype=st.sampled_from(["float64", "float32"]),
    records=st.sampled_from([1, 2, 7, 300]),
    seed=st.integers(0, 2**32 - 1),
)
def test_it_ends_where_the_readable_way_ends(
    sizes: list[int], names: list[str], bias: bool, loss: str, dtype: str, records: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    x, y = generator.normal(size=(records, sizes[0])).astype(dtype), generator.random(size=(records, sizes[-1])).astype(dtype)
    one, other = (Network(sizes, names[: len(sizes) - 1], bias=bias, seed=seed, dtype=dtype) for _ in range(2))
    assert fast.program(one, loss, 0.1, records) is not None
    losses = train(one, x, y, lr=0.1, epochs=5, loss=loss)
    tolerance = 1e4 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(losses, trained_as_it_reads(other, x, y, 0.1, 5, loss), rtol=tolerance, atol=tolerance)
    for name, array in one.state_dict().items():
        np.testing.assert_allclose(array, other.state_dict()[name], rtol=tolerance, atol=tolerance, err_msg=name)


class Fast:
    """The fast way as an implementation, a step at a time."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.network = Network(problem.sizes, problem.activations, bias=problem.bias, dtype=problem.dtype)

    def load_state_dict(self, params: Any) -> None:
        self.network.load_state_dict(params)

    def step(self, *batch: Any) -> StepRecord:
        x, y = batch
        program = fast.program(self.network, self.problem.loss, self.problem.lr, len(x), with_grads=True)
        assert program is not None
        assert program.grads is not None
        program.step(x, y)
        return StepRecord(
            output=program.output,
            loss=np.asarray(program.loss, x.dtype),
            grads=program.by_name(program.grads),
            deltas=program.by_name(program.deltas),
            params=self.network.parameters(),
        )

    def predict(self, x: Array) -> Array:
        return self.network.predict(x)


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("loss", sorted(fast.FACTORS))
def test_each_of_its_steps_is_within_the_envelope_of_pytorchs(name: str, dtype: str, loss: str) -> None:
    problem = Problem.draw((5, 8, 4, 3), activations=(name, "sigmoid", name), bias=True, lr=0.1, loss=loss, dtype=dtype, records=(40, 11))
    comparison = train_in_lockstep(Fast(problem), TorchRef(problem), problem, steps=30)
    assert comparison.verdict == "equivalent", comparison.explanation()


def test_a_wrong_call_in_it_is_outside_the_envelope(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: tanh's slope 1 − tanh² taken a little too large."""
    calls = fast._tanh

    def wrong(a: Array, spare: Array, slope: Array, one: Array) -> Any:
        function, derivative = calls(a, spare, slope, one)
        return function, [*derivative, (np.multiply, (slope, np.array(1 + 1e-9), slope))]

    monkeypatch.setitem(fast._KERNELS, "tanh", wrong)
    problem = Problem.draw((5, 8, 3), activations="tanh", lr=0.1)
    found = train_in_lockstep(Fast(problem), TorchRef(problem), problem, steps=3).first_divergence
    assert found is not None
    assert (found.step, found.phase) == (1, "grads")


@pytest.mark.parametrize("records", [9_000, 20_001])
def test_blocks_of_records_are_the_whole(records: int, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(records, 6)), generator.random(size=(records, 1))
    one, other = Network((6, 2, 1), bias=True), Network((6, 2, 1), bias=True)
    losses = train(one, x, y, lr=0.5, epochs=4)
    np.testing.assert_allclose(losses, trained_as_it_reads(other, x, y, 0.5, 4, "half_mse"), rtol=1e-12)
    np.testing.assert_allclose(one.flat, other.flat, rtol=1e-12)


def test_memory_does_not_grow_with_the_records() -> None:
    peaks = []
    for records in (50_000, 400_000):
        x, y = np.ones((records, 6)), np.ones((records, 1))
        network = Network((6, 2, 1))
        tracemalloc.start()
        train(network, x, y, lr=0.1, epochs=1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2 < 32 * 2**20


def test_weights_loaded_between_two_trainings_are_the_ones_that_are_trained() -> None:
    x, y = np.eye(3), np.ones((3, 1))
    one, other = Network((3, 2, 1), seed=1), Network((3, 2, 1), seed=1)
    first = train(one, x, y, lr=0.5, epochs=3)
    one.load_state_dict(other.state_dict())
    assert train(one, x, y, lr=0.5, epochs=3) == first


def test_data_changed_between_two_trainings_are_the_ones_that_are_trained_on() -> None:
    x, y = np.eye(3), np.ones((3, 1))
    network = Network((3, 2, 1), seed=1)
    train(network, x, y, lr=0.5, epochs=1)
    x *= 2
    other = copy.deepcopy(network)
    assert train(network, x, y, lr=0.5, epochs=2) == pytest.approx(trained_as_it_reads(other, x, y, 0.5, 2, "half_mse"), rel=1e-14)


def test_a_copy_trains_on_its_own() -> None:
    x, y = np.eye(3), np.ones((3, 1))
    network = Network((3, 2, 1), bias=True)
    train(network, x, y, lr=0.5, epochs=1)
    before = network.state_dict()
    copied = copy.deepcopy(network)
    train(copied, x, y, lr=0.5, epochs=2)
    assert all((array == before[name]).all() for name, array in network.state_dict().items())
    assert not (copied.state_dict()["0.weight"] == before["0.weight"]).all()


@pytest.mark.parametrize(("dtype", "huge"), [("float64", 1e4), ("float32", 1e3)])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_huge_sums_give_no_warning_and_no_nan(name: str, dtype: str, huge: float) -> None:
    x = np.array([[huge], [-huge], [0.0]], dtype)
    network = Network((1, 1, 1), (name, "sigmoid"), dtype=dtype)
    network.load_state_dict({name: np.ones_like(array) for name, array in network.state_dict().items()})
    losses = train(network, x, np.zeros((3, 1), dtype), lr=1e-3, epochs=2)
    assert np.isfinite(losses).all()
    assert np.isfinite(network.flat).all()


@pytest.mark.parametrize(
    ("network", "loss"),
    [
        (Network((3, 2, 1), ("softmax", "sigmoid")), "mse"),
        (Network((3, 2, 1), normalization="layer_norm"), "mse"),
        (Network((3, 2, 1), dropout=0.5), "mse"),
        (Network((3, 2, 1)), "l1"),
    ],
)
def test_what_has_no_program_trains_as_it_reads(network: Network, loss: str) -> None:
    assert fast.program(network, loss, 0.1, 3) is None
    assert len(train(network, np.eye(3), np.ones((3, 1)), lr=0.1, epochs=2, loss=loss)) == 2


def test_an_activation_of_ones_own_under_a_known_name_is_the_one_that_is_run() -> None:
    """A kernel is used only for the definition that it was written for."""
    network = Network((3, 2, 1), "tanh")
    other = copy.deepcopy(network)
    for net in (network, other):
        for layer in net.layers[1::2]:
            layer.activation = ACTIVATIONS["sigmoid"].__class__("tanh", ACTIVATIONS["sigmoid"].function, ACTIVATIONS["sigmoid"].derivative)
    x, y = np.eye(3), np.ones((3, 1))
    assert train(network, x, y, lr=0.5, epochs=3) == pytest.approx(trained_as_it_reads(other, x, y, 0.5, 3, "half_mse"), rel=1e-14)


def test_misshapen_data_are_refused_as_ever() -> None:
    for batch in ((np.ones((3, 2)), np.ones((3, 1))), (np.ones((3, 3)), np.ones(3))):
        wrong: Batch = batch
        with pytest.raises(ValueError, match="has shape"):
            train(Network((3, 2, 1)), *wrong, lr=0.1, epochs=1)
