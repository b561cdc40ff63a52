"""Each optimiser's steps by hand, number for number; what it keeps, handed over, and what it refuses."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.problem.pieces import OPTIMIZERS
from manual import OPTIMIZERS as OURS
from manual import Network, Optimizer, train
from manual.arrays import Array

LR = 0.1
X = np.random.default_rng(0).normal(size=(6, 3))
Y = np.random.default_rng(1).random((6, 2))
NUMBERS = st.floats(-10, 10).filter(lambda number: abs(number) > 1e-3)
BETAS = st.tuples(st.floats(0, 0.999), st.floats(0, 0.999))
EVERY_ROW = pytest.mark.parametrize("name", OPTIMIZERS)

# name: (optimiser, options, the gradients of the steps, the weights after them), from w = 1 with lr 0.1; worked out beside it
BY_HAND: dict[str, tuple[str, dict[str, Any], tuple[float, ...], tuple[float, ...]]] = {
    "gradient descent": ("sgd", {}, (0.5, 0.2), (0.95, 0.93)),
    "momentum": ("sgd", {"momentum": 0.9}, (0.5, 0.2), (0.95, 0.885)),      # b = 0.5, 0.45 + 0.2
    "dampening": ("sgd", {"momentum": 0.9, "dampening": 0.4}, (0.5, 0.2), (0.95, 0.893)),      # b = 0.5, 0.45 + 0.6 · 0.2
    "nesterov": ("sgd", {"momentum": 0.9, "nesterov": True}, (0.5, 0.2), (0.905, 0.8265)),      # 0.5 + 0.9 · 0.5, 0.2 + 0.9 · 0.65
    "decay": ("sgd", {"weight_decay": 0.2}, (0.5, 0.2), (0.93, 0.8914)),      # 0.5 + 0.2 · 1, 0.2 + 0.2 · 0.93
    "decay in the momentum": ("sgd", {"momentum": 0.5, "weight_decay": 0.2}, (0.5, 0.2), (0.93, 0.8564)),      # b = 0.7, 0.35 + 0.386
    # m = 0.1, 0.08 − 0.05 = 0.03; v = 0.125, 0.0625 + 0.03125 = 0.09375; m̂ = 0.5, 0.03 / 0.36; v̂ = 0.25, 0.09375 / 0.75 = 0.125
    "Adam": ("adam", {"betas": (0.8, 0.5), "eps": 0.5}, (0.5, -0.25), (0.95, 0.95 - 0.1 * (0.03 / 0.36) / (0.125**0.5 + 0.5))),
    "Adam, decay": ("adam", {"eps": 1.0, "weight_decay": 0.5}, (0.5,), (0.95,)),      # g = 0.5 + 0.5 · 1 = 1; 0.1 · 1 / (1 + 1)
    "AdamW": ("adamw", {"eps": 0.5, "weight_decay": 0.2}, (0.5,), (0.93,)),      # 0.1 · 0.2 · 1 + 0.1 · 0.5 / (0.5 + 0.5)
    # the second: g² = 0.0625; with β₁ = β₂ = 0 m̂ = g and √v̂ = |g|: 0.1 · 0.2 · 0.93 − 0.1 · 0.25 / 0.75
    "AdamW, twice": ("adamw", {"betas": (0.0, 0.0), "eps": 0.5, "weight_decay": 0.2}, (0.5, -0.25), (0.93, 0.9114 + 0.1 / 3)),
    # v = 0.25 · 0.64, 0.75 · 0.16 + 0.25 · 0.04 = 0.13
    "RMSprop": ("rmsprop", {"alpha": 0.75, "eps": 0.6}, (0.8, 0.2), (0.92, 0.92 - 0.1 * 0.2 / (0.13**0.5 + 0.6))),
    "RMSprop, momentum": ("rmsprop", {"alpha": 0.75, "eps": 0.6, "momentum": 0.5}, (0.8, 0.0), (0.92, 0.88)),      # b = 0.8, 0.4
    # ḡ = 0.25 · 0.8; v − ḡ² = 0.16 − 0.04
    "RMSprop, centered": ("rmsprop", {"alpha": 0.75, "eps": 0.1, "centered": True}, (0.8,), (1 - 0.08 / (0.12**0.5 + 0.1),)),
    "RMSprop, decay": ("rmsprop", {"alpha": 0.75, "eps": 0.5, "weight_decay": 0.5}, (0.5,), (0.9,)),      # g = 1; 0.1 · 1 / (0.5 + 0.5)
    "Adagrad": ("adagrad", {"eps": 0.4}, (0.6, 0.8), (0.94, 0.94 - 0.08 / 1.4)),      # s = 0.36, 1
    "Adagrad, from a start": ("adagrad", {"eps": 0.2, "initial_accumulator_value": 0.28}, (0.6,), (0.94,)),      # s = 0.64
    "Adagrad, slower": ("adagrad", {"eps": 0.4, "lr_decay": 0.25}, (0.6, 0.8), (0.94, 0.94 - 0.08 / 1.25 / 1.4)),
    "Adagrad, decay": ("adagrad", {"eps": 0.5, "weight_decay": 0.5}, (0.5,), (1 - 0.1 / 1.5,)),      # g = 1
}

SPOILT: dict[str, tuple[Callable[[dict[str, Array], str], Any], str]] = {
    "missing": (lambda state, key: state.pop(key), "{} is missing"),
    "renamed": (lambda state, key: state.update({f"{key}_": state.pop(key)}), "{} is missing .is it {}_, which has its shape"),
    "misshapen": (lambda state, key: state.update({key: state[key][None]}), "{} has shape"),
    "unknown": (lambda state, key: state.update({f"{key}.more": np.zeros(2)}), "{}.more is unknown"),
}


def every_option(name: str) -> dict[str, Any]:
    """The optimiser's options with no number at 0, so that each of them has its effect."""
    return {option: 0.3 if value == 0 and not isinstance(value, bool) else value for option, value in OPTIMIZERS[name].options.items()}


def weights_after(optimizer: Optimizer, gradients: tuple[float, ...], w: float = 1.0) -> list[float]:
    """The single weight after each step with those gradients."""
    network = Network((1, 1))
    network.load_state_dict({"0.weight": [[w]]})
    weights = []
    for gradient in gradients:
        optimizer.step(network, {"0.weight": np.array([[gradient]])})
        weights.append(float(network.parameters()["0.weight"][0, 0]))
    return weights


def first_delta(name: str, gradient: float, w: float, **options: Any) -> float:
    network = Network((1, 1))
    network.load_state_dict({"0.weight": [[w]]})
    return float(OURS[name](LR, **options).step(network, {"0.weight": np.array([[gradient]])})["0.weight"][0, 0])


def pair(name: str, seed: int = 0, dtype: str = "float64") -> tuple[Network, Optimizer]:
    return Network((3, 4, 2), "tanh", bias=True, seed=seed, dtype=dtype), OURS[name](LR, **every_option(name))


@pytest.mark.parametrize("case", BY_HAND)
def test_a_step_is_the_one_worked_out_by_hand(case: str) -> None:
    name, options, gradients, weights = BY_HAND[case]
    np.testing.assert_allclose(weights_after(OURS[name](LR, **options), gradients), weights, rtol=1e-14)


@pytest.mark.parametrize(("case", "option"), [
    (case, option) for case, row in BY_HAND.items() for option in row[1] if (case, option) != ("nesterov", "momentum")      # which needs it
])
def test_a_step_by_hand_shows_whether_an_option_is_used(case: str, option: str) -> None:
    name, options, gradients, weights = BY_HAND[case]
    without = {key: value for key, value in options.items() if key != option}
    is_seen = not np.allclose(weights_after(OURS[name](LR, **without), gradients), weights, rtol=1e-6, atol=0)
    assert is_seen == (len(gradients) > 1 or option != "betas")      # in a first step the betas cancel


@EVERY_ROW
def test_its_options_their_defaults_and_what_it_keeps_are_the_tables(name: str) -> None:
    parameters = dict(inspect.signature(OURS[name]).parameters)
    del parameters["lr"]
    assert {option: parameter.default for option, parameter in parameters.items()} == OPTIMIZERS[name].options
    for options in (dict(OPTIMIZERS[name].options), every_option(name)):
        assert OURS[name](LR, **options).slots == tuple(OPTIMIZERS[name].slots_with(options))


@EVERY_ROW
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_deltas_it_returns_are_what_it_adds_in_the_networks_dtype(name: str, dtype: str) -> None:
    network, optimizer = pair(name, dtype=dtype)
    for _ in range(3):
        before = network.state_dict()
        deltas = optimizer.step(network, network.gradients(X, Y)[2])
        assert list(deltas) == list(before)
        for key, after in network.state_dict().items():
            assert (after == before[key] + deltas[key]).all()
            assert after.dtype == deltas[key].dtype == dtype
    assert {array.dtype.name for slots in optimizer.state.values() for array in slots.values()} <= {dtype}


@given(momentum=st.floats(0.01, 0.99), dampening=st.floats(0, 1), gradient=NUMBERS)
def test_momentums_first_step_is_the_gradient_itself(momentum: float, dampening: float, gradient: float) -> None:
    optimizer = OURS["sgd"](LR, momentum=momentum, dampening=dampening)
    (weight,) = weights_after(optimizer, (gradient,))
    assert weight == 1.0 + -LR * gradient
    assert optimizer.state["0.weight"]["momentum_buffer"] == gradient


@pytest.mark.parametrize("name", ["adam", "adamw"])
@given(betas=BETAS, gradient=NUMBERS)
def test_bias_correction_makes_the_first_step_the_same_whatever_the_betas(name: str, betas: tuple[float, float], gradient: float) -> None:
    delta = first_delta(name, gradient, 1.0, betas=betas, eps=0.5, weight_decay=0.0)
    assert delta == pytest.approx(-LR * gradient / (abs(gradient) + 0.5), rel=1e-12)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_a_first_step_counted_as_the_second_is_another(name: str) -> None:
    late = OURS[name](LR, eps=0.5, weight_decay=0.0)
    late.steps = 1
    assert weights_after(late, (0.5,)) != pytest.approx([1 - LR * 0.5 / (0.5 + 0.5)], rel=1e-3)


@given(gradient=NUMBERS, w=NUMBERS, decay=st.floats(0.01, 1))
def test_a_decay_is_added_to_the_gradient_or_decoupled_to_the_step(gradient: float, w: float, decay: float) -> None:
    for name, row in OPTIMIZERS.items():
        if "weight_decay" in row.options:
            found = first_delta(name, gradient, w, weight_decay=decay)
            coupled = first_delta(name, gradient + decay * w, w, weight_decay=0.0)
            decoupled = first_delta(name, gradient, w, weight_decay=0.0) - LR * decay * w
            expected, other = (decoupled, coupled) if name == "adamw" else (coupled, decoupled)
            assert found == pytest.approx(expected, rel=1e-12, abs=1e-15)
            if abs(expected - other) > 1e-9:      # for gradient descent the two are one
                assert found != pytest.approx(other, rel=1e-12, abs=1e-15)


@EVERY_ROW
def test_training_goes_on_from_its_state_as_if_it_had_not_stopped(name: str) -> None:
    whole, first, second, forgetful = (pair(name, seed) for seed in (0, 0, 1, 2))
    losses = train(whole[0], X, Y, epochs=5, optimizer=whole[1])
    train(first[0], X, Y, epochs=2, optimizer=first[1])
    slots = first[1].state_dict()
    kept_then = {key: array.copy() for key, array in slots.items()}
    for network, optimizer in (second, forgetful):
        network.load_state_dict(first[0].state_dict())
        if network is second[0]:
            optimizer.load_state_dict(slots, network)
    train(first[0], X, Y, epochs=1, optimizer=first[1])      # what is slots are copies, and so is what is taken over
    assert train(second[0], X, Y, epochs=3, optimizer=second[1]) == losses[2:]
    assert train(forgetful[0], X, Y, epochs=3, optimizer=forgetful[1]) != losses[2:]
    assert all((array == kept_then[key]).all() for key, array in slots.items())
    for key, array in whole[0].state_dict().items():
        np.testing.assert_array_equal(second[0].state_dict()[key], array)
    for key, array in whole[1].state_dict().items():
        np.testing.assert_array_equal(second[1].state_dict()[key], array)


@EVERY_ROW
def test_the_state_of_one_that_has_made_no_step_starts_another_afresh(name: str) -> None:
    fresh, (network, used) = pair(name)[1], pair(name)
    train(network, X, Y, epochs=2, optimizer=used)
    used.load_state_dict(fresh.state_dict(), network)
    assert (used.steps, used.state) == (0, {})


@EVERY_ROW
@pytest.mark.parametrize("spoilt", SPOILT)
def test_an_entry_that_does_not_fit_is_named_and_changes_nothing(name: str, spoilt: str) -> None:
    spoil, complaint = SPOILT[spoilt]
    network, optimizer = pair(name)
    train(network, X, Y, epochs=2, optimizer=optimizer)
    before = optimizer.state_dict()
    for key in before:
        state = optimizer.state_dict()
        spoil(state, key)
        with pytest.raises(ValueError, match=complaint.format(key, key)):
            optimizer.load_state_dict(state, network)
        assert list(optimizer.state_dict()) == list(before)
        assert all((array == before[entry]).all() for entry, array in optimizer.state_dict().items())


@pytest.mark.parametrize("shape", [(0,), (3,)])
@EVERY_ROW
def test_a_number_of_steps_that_is_no_single_number_is_misshapen(name: str, shape: tuple[int, ...]) -> None:
    network, optimizer = pair(name)
    with pytest.raises(ValueError, match="steps has shape"):
        optimizer.load_state_dict({"steps": np.zeros(shape, np.int64)}, network)
