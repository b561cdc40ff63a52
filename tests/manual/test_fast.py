"""Training fast and training as it reads: the same, to rounding, in both ways; and what the fast way does not know it refuses."""

import copy
import importlib.util
import signal
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare import Problem, StepRecord, TorchRef, train_in_lockstep
from compare.support.arrays import Array, Batch
from manual import ACTIVATIONS, Activate, Activation, Linear, Network, activations, fast, train
from manual.in_place import InPlace
from manual.network import named_views

ELEMENTWISE = sorted(name for name, activation in ACTIVATIONS.items() if activation.derivative is not None)
IN_LOOPS = ("identity", "leaky_relu", "relu", "sigmoid", "tanh")
NUMBA, NUMPY = "Numba", "NumPy"
WAYS = [NUMBA, NUMPY] if importlib.util.find_spec("numba") else [NUMPY]
ALL = [(way, name) for way in WAYS for name in (IN_LOOPS if way == NUMBA else ELEMENTWISE)]      # each way's activations


@contextmanager
def going(way: str) -> Iterator[None]:
    """Take that way: NumPy's is the one without Numba."""
    with pytest.MonkeyPatch.context() as patch:
        if way == NUMPY:
            patch.setitem(sys.modules, "numba", None)
            for module in ("compiled", "loops"):
                patch.delitem(sys.modules, f"manual.{module}", raising=False)
        yield


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    with going(request.param):
        yield request.param


@given(
    sizes=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    names=st.lists(st.sampled_from(ELEMENTWISE), min_size=3, max_size=3),
    bias=st.booleans(),
    loss=st.sampled_from(sorted(fast.FACTORS)),
    dtype=st.sampled_from(["float64", "float32"]),
    records=st.sampled_from([1, 2, 7, 300]),
    seed=st.integers(0, 2**32 - 1),
    way=st.sampled_from(WAYS),
)
def test_it_ends_where_the_readable_way_ends(
    sizes: list[int], names: list[str], bias: bool, loss: str, dtype: str, records: int, seed: int, way: str
) -> None:
    generator = np.random.default_rng(seed)
    x, y = generator.normal(size=(records, sizes[0])).astype(dtype), generator.random(size=(records, sizes[-1])).astype(dtype)
    one, other = (Network(sizes, names[: len(sizes) - 1], bias=bias, seed=seed, dtype=dtype) for _ in range(2))
    with going(way):
        losses = fast.train(one, x, y, lr=0.1, epochs=5, loss=loss)
    tolerance = 1e4 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(losses, train(other, x, y, lr=0.1, epochs=5, loss=loss), rtol=tolerance, atol=tolerance)
    for name, array in one.state_dict().items():
        np.testing.assert_allclose(array, other.state_dict()[name], rtol=tolerance, atol=tolerance, err_msg=name)


class Fast:
    """The fast way as an implementation, a step at a time; its output is known by its loss only."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.network = Network(problem.sizes, problem.activations, bias=problem.bias, dtype=problem.dtype)

    def load_state_dict(self, params: Any) -> None:
        self.network.load_state_dict(params)

    def step(self, *batch: Any) -> StepRecord:
        x, y = batch
        output = self.network.predict(x)
        (loss,) = fast.train(self.network, x, y, lr=self.problem.lr, epochs=1, loss=self.problem.loss)
        deltas = fast.steps(self.network, self.problem.loss, self.problem.lr, len(x)).deltas
        shapes = {name: array.shape for name, array in self.network.parameters().items()}
        return StepRecord(
            output=output,
            loss=np.asarray(loss, x.dtype),
            grads=named_views(deltas / x.dtype.type(-self.problem.lr), shapes),
            deltas=named_views(deltas, shapes),
            params=self.network.parameters(),
        )

    def predict(self, x: Array) -> Array:
        return self.network.predict(x)


@pytest.mark.sampled(5)
@pytest.mark.parametrize(("way", "name"), ALL, indirect=["way"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("loss", sorted(fast.FACTORS))
def test_each_of_its_steps_is_pytorchs_within_rounding(way: str, name: str, dtype: str, loss: str) -> None:
    problem = Problem.draw((5, 8, 4, 3), activations=(name, "sigmoid", name), bias=True, lr=0.125, loss=loss, dtype=dtype, records=(40, 11))
    comparison = train_in_lockstep(Fast(problem), TorchRef(problem), problem, steps=30)
    assert comparison.verdict == "equivalent", comparison.explanation()


def held_to_be_wrong() -> None:
    """What is a little off with tanh is seen before the first step, and by the comparison."""
    problem = Problem.draw((5, 8, 3), activations="tanh", lr=0.125)
    with pytest.raises(ValueError, match=r"is not manual\.train's"):
        fast.train(Network((5, 8, 3), "tanh"), np.eye(5), np.ones((5, 3)), lr=0.1, epochs=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast, "_check_step", lambda network, loss: None)
        found = train_in_lockstep(Fast(problem), TorchRef(problem), problem, steps=3).first_divergence
    assert found is not None
    assert (found.step, found.phase) == (1, "grads")


@pytest.mark.slow
@pytest.mark.skipif(NUMBA not in WAYS, reason="Numba is not installed")
def test_a_wrong_loop_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: tanh's slope 1 − tanh² taken a little too large."""
    from manual import compiled, loops

    wrong = tmp_path / "loops.py"
    right = Path(loops.__file__).read_text(encoding="utf-8")
    wrong.write_text(right.replace("*= 1 - a[n] * a[n]", "*= (1 - a[n] * a[n]) * (1 + 1e-9)"), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("manual.wrong_loops", wrong)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(compiled, "descend", module.descend)
    held_to_be_wrong()


def test_a_wrong_call_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: the error ∂L/∂ŷ taken a little too large."""

    class Wrong(InPlace):
        def __init__(self, network: Network, n: int, scale: float) -> None:
            super().__init__(network, n, scale * (1 + 1e-9))

    monkeypatch.setattr(fast, "InPlace", Wrong)
    with going(NUMPY):
        held_to_be_wrong()


@pytest.mark.skipif(NUMBA not in WAYS, reason="Numba is not installed")
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_small_networks_go_through_the_loops_and_all_others_through_numpy(name: str) -> None:
    small, large = Network((6, 2, 1), (name, "sigmoid")), Network((6, 50, 1), (name, "sigmoid"))
    ways = {network: type(fast.steps(network, "mse", 0.1, 3)).__name__ for network in (small, large)}
    assert ways == {small: "Compiled" if name in IN_LOOPS else "InPlace", large: "InPlace"}


def test_without_numba_all_go_through_numpy() -> None:
    with going(NUMPY):
        assert type(fast.steps(Network((6, 2, 1)), "mse", 0.1, 3)) is InPlace


@pytest.mark.skipif(NUMBA not in WAYS, reason="Numba is not installed")
@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_the_functions_that_are_written_out_are_right_to_rounding(name: str) -> None:
    from manual import exponential

    function, readable = getattr(exponential, name), getattr(activations, name)
    tiny = np.geomspace(1e-300, 1, 301)
    z = np.concatenate([np.linspace(-700, 700, 4001), np.linspace(-3, 3, 4001), tiny, -tiny])
    np.testing.assert_array_max_ulp(np.array([function(each) for each in z]), readable(z), maxulp=4)
    ends = np.array([-np.inf, -1e300, -710.5, 0.0, 710.5, 1e300, np.inf, np.nan])
    np.testing.assert_allclose(np.array([function(each) for each in ends]), readable(ends), rtol=1e-15, atol=1e-300)


@pytest.mark.parametrize("records", [520, 521, 9_000, 20_001])
def test_blocks_of_records_are_the_whole(way: str, records: int) -> None:
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(records, 6)), generator.random(size=(records, 1))
    one, other = Network((6, 2, 1), bias=True), Network((6, 2, 1), bias=True)
    losses = fast.train(one, x, y, lr=0.5, epochs=4)
    np.testing.assert_allclose(losses, train(other, x, y, lr=0.5, epochs=4, loss="half_mse"), rtol=1e-12)
    np.testing.assert_allclose(one.flat, other.flat, rtol=1e-12)


@pytest.mark.parametrize("as_it_lies", [np.asfortranarray, lambda x: x[:, ::-1], lambda x: x.astype(np.float32), lambda x: x.astype(int)])
def test_data_may_lie_as_they_like_and_be_read_only(way: str, as_it_lies: Any) -> None:
    x = as_it_lies(np.random.default_rng(0).normal(scale=3, size=(40, 6)))
    y = np.ones((40, 1), bool)
    x.flags.writeable = y.flags.writeable = False
    one, other = Network((6, 2, 1), seed=1), Network((6, 2, 1), seed=1)
    fast.train(one, x, y, lr=0.5, epochs=3)
    train(other, x, y, lr=0.5, epochs=3)
    np.testing.assert_allclose(one.flat, other.flat, rtol=1e-12)


@pytest.mark.parametrize(("way", "name"), ALL, indirect=["way"])
def test_what_is_not_a_number_stays_so(way: str, name: str) -> None:
    x = np.array([[np.nan], [1.0]])
    one, other = Network((1, 2, 1), (name, "sigmoid")), Network((1, 2, 1), (name, "sigmoid"))
    losses = fast.train(one, x, np.ones((2, 1)), lr=0.5, epochs=2)
    assert np.isnan(losses).all()
    train(other, x, np.ones((2, 1)), lr=0.5, epochs=2)
    np.testing.assert_array_equal(np.isnan(one.flat), np.isnan(other.flat))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers here")
def test_it_is_interrupted_between_two_steps(way: str) -> None:
    """As by Ctrl-C: the weights are finite, and moved."""
    network = Network((6, 2, 1))
    x, y = np.ones((400, 6)), np.zeros((400, 1))
    fast.train(network, x, y, lr=0.5, epochs=1)
    before = network.flat.copy()
    old = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(KeyboardInterrupt):
            fast.train(network, x, y, lr=0.5, epochs=10**8)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert np.isfinite(network.flat).all()
    assert (network.flat != before).any()


def test_memory_does_not_grow_with_the_records(way: str) -> None:
    peaks = []
    for records in (50_000, 400_000):
        x, y = np.ones((records, 6)), np.ones((records, 1))
        network = Network((6, 2, 1))
        tracemalloc.start()
        fast.train(network, x, y, lr=0.1, epochs=1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2 < 32 * 2**20


def test_weights_loaded_between_two_trainings_are_the_ones_that_are_trained(way: str) -> None:
    x, y = np.eye(3), np.ones((3, 1))
    one, other = Network((3, 2, 1), seed=1), Network((3, 2, 1), seed=1)
    first = fast.train(one, x, y, lr=0.5, epochs=3)
    one.load_state_dict(other.state_dict())
    assert fast.train(one, x, y, lr=0.5, epochs=3) == first


def test_data_changed_between_two_trainings_are_the_ones_that_are_trained_on(way: str) -> None:
    x, y = np.eye(3), np.ones((3, 1))
    network = Network((3, 2, 1), seed=1)
    fast.train(network, x, y, lr=0.5, epochs=1)
    x *= 2
    other = copy.deepcopy(network)
    assert fast.train(network, x, y, lr=0.5, epochs=2) == pytest.approx(train(other, x, y, lr=0.5, epochs=2, loss="half_mse"), rel=1e-14)


def test_a_copy_trains_on_its_own(way: str) -> None:
    x, y = np.eye(3), np.ones((3, 1))
    network = Network((3, 2, 1), bias=True)
    fast.train(network, x, y, lr=0.5, epochs=1)
    before = network.state_dict()
    copied = copy.deepcopy(network)
    fast.train(copied, x, y, lr=0.5, epochs=2)
    assert all((array == before[name]).all() for name, array in network.state_dict().items())
    assert not (copied.state_dict()["0.weight"] == before["0.weight"]).all()


@pytest.mark.parametrize(("dtype", "huge"), [("float64", 1e4), ("float32", 1e3)])
@pytest.mark.parametrize(("way", "name"), ALL, indirect=["way"])
def test_huge_sums_give_no_warning_and_no_nan(way: str, name: str, dtype: str, huge: float) -> None:
    x = np.array([[huge], [-huge], [0.0]], dtype)
    network = Network((1, 1, 1), (name, "sigmoid"), dtype=dtype)
    network.load_state_dict({name: np.ones_like(array) for name, array in network.state_dict().items()})
    losses = fast.train(network, x, np.zeros((3, 1), dtype), lr=1e-3, epochs=2)
    assert np.isfinite(losses).all()
    assert np.isfinite(network.flat).all()


@pytest.mark.parametrize(
    ("network", "loss", "said"),
    [
        (Network((3, 2, 1), ("softmax", "sigmoid")), "mse", "the activation softmax is not elementwise"),
        (Network((3, 2, 1), normalization="layer_norm"), "mse", "a layer LayerNorm"),
        (Network((3, 2, 1), dropout=0.5), "mse", "a layer Dropout"),
        (Network((3, 2, 1)), "l1", "knows half_mse, mse"),
    ],
)
def test_what_it_does_not_know_it_refuses(network: Network, loss: str, said: str) -> None:
    before = network.state_dict()
    with pytest.raises(ValueError, match=said):
        fast.train(network, np.eye(3), np.ones((3, 1)), lr=0.1, epochs=2, loss=loss)
    assert all((array == before[name]).all() for name, array in network.state_dict().items())
    assert len(train(network, np.eye(3), np.ones((3, 1)), lr=0.1, epochs=2, loss=loss)) == 2


def test_an_edit_of_what_is_read_is_seen_and_not_passed_by(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of ∂L/∂W."""
    gradients = Linear.gradients
    monkeypatch.setattr(Linear, "gradients", lambda layer, delta: {name: grad / 2 for name, grad in gradients(layer, delta).items()})
    one, other = Network((3, 2, 1), seed=1), Network((3, 2, 1), seed=1)
    with pytest.raises(ValueError, match=r"gradient of 0\.weight is not manual\.train's: .* was edited"):
        fast.train(one, np.eye(3), np.ones((3, 1)), lr=0.5, epochs=1)
    monkeypatch.undo()
    fast.train(other, np.eye(3), np.ones((3, 1)), lr=0.5, epochs=1)


def test_an_activation_of_ones_own_under_a_known_name_is_the_one_that_is_run(way: str) -> None:
    """What is written out is used only for the definition that it was written for."""
    network = Network((3, 2, 1), "tanh")
    other = copy.deepcopy(network)
    for net in (network, other):
        for layer in net.layers[1::2]:
            assert isinstance(layer, Activate)
            layer.activation = Activation("tanh", ACTIVATIONS["sigmoid"].function, ACTIVATIONS["sigmoid"].derivative)
    x, y = np.eye(3), np.ones((3, 1))
    assert fast.train(network, x, y, lr=0.5, epochs=3) == pytest.approx(train(other, x, y, lr=0.5, epochs=3, loss="half_mse"), rel=1e-14)


def test_misshapen_data_are_refused() -> None:
    for batch in ((np.ones((3, 2)), np.ones((3, 1))), (np.ones((3, 3)), np.ones(3))):
        wrong: Batch = batch
        with pytest.raises(ValueError, match="has shape"):
            fast.train(Network((3, 2, 1)), *wrong, lr=0.1, epochs=1)
