"""RMSprop and Adagrad, and parameter groups by hand: beside `torch.optim`, in training."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import manual
import torch_ref
from compare import Comparison, Problem
from compare.lockstep.of_module import train_beside_module
from compare.sides.by_hand import ByHand
from manual.arrays import Array
from tests.manual.beside import DTYPES, FAULT, STEPS, few

MODES = st.sampled_from(["free", "follow"])
SEEDS = st.integers(0, 2**32 - 1)
LR = 0.02
TORCHS = {"RMSprop": torch.optim.RMSprop, "Adagrad": torch.optim.Adagrad, "SGD": torch.optim.SGD, "AdamW": torch.optim.AdamW}


def compared(
    optimizer: manual.Update, factory: Callable[[Any], torch.optim.Optimizer], *, dtype: str = "float64", steps: int = 2,
    mode: Any = "free", seed: int = 0, by_hand: dict[str, Any] | None = None, **options: Any,
) -> Comparison:
    """A network of two layers, trained by that optimiser beside PyTorch's own modules and optimiser."""
    generator = np.random.default_rng(seed)
    widths = [int(n) for n in generator.integers(1, 6, size=3)]
    module = nn.Sequential(nn.Linear(*widths[:2]), nn.Tanh(), nn.Linear(*widths[1:]))
    arrays = {name: generator.normal(size=tuple(each.shape)) for name, each in module.named_parameters()}
    batches = [(generator.normal(size=(n, widths[0])), generator.normal(size=(n, widths[2]))) for n in (4, 7, 3)]
    how: dict[str, Any] = {"loss": "mse", "optimizer": factory, "dtype": dtype, "initial_parameters": arrays}
    problem = Problem.of(module, batches=batches, **how, **options)
    first, last = (manual.Linear(np.zeros((n, m), dtype), np.zeros(n, dtype)) for m, n in pairwise(widths))
    layers = manual.Sequential(first, manual.Activate(manual.ACTIVATIONS["tanh"]), last)
    side = ByHand(layers, "mse", optimizer, **(options if by_hand is None else by_hand))
    return train_beside_module(side, problem, steps=steps, mode=mode)


def held(*given: Any, steps: int, **options: Any) -> None:
    comparison = compared(*given, steps=steps, **options)
    assert comparison.verdict == "equivalent", comparison.explanation()
    assert comparison.steps == steps


# ---- RMSprop and Adagrad.


@st.composite
def optimizers(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """One of the two, and options; a variance is taken of gradients that change more than they round."""
    kind = draw(st.sampled_from(["RMSprop", "Adagrad"]))
    shared = {"eps": draw(st.sampled_from([1e-8, 1e-3])), "weight_decay": draw(st.sampled_from([0.0, 0.1]))}
    if kind == "Adagrad":
        return kind, {"lr_decay": draw(st.floats(0, 0.5)), "initial_accumulator_value": draw(st.floats(0, 1)), **shared}
    centered = draw(st.booleans())
    alpha = draw(st.floats(0.9, 0.999) if centered else st.floats(0, 0.999))
    return kind, {"alpha": alpha, "momentum": draw(st.just(0.0) | st.floats(0.1, 0.95)), "centered": centered, **shared}


@few
@given(chosen=optimizers(), dtype=st.sampled_from(DTYPES), mode=MODES, steps=STEPS, seed=SEEDS)
def test_they_train_as_pytorchs(chosen: tuple[str, dict[str, Any]], dtype: str, mode: str, steps: int, seed: int) -> None:
    kind, options = chosen
    by_hand = getattr(manual, kind)(LR, **options)
    held(by_hand, lambda ps: TORCHS[kind](ps, lr=LR, **options), dtype=dtype, mode=mode, steps=steps, seed=seed)


SHARED = {"eps": 0.1, "weight_decay": 0.1}
FULL: dict[str, dict[str, Any]] = {
    "RMSprop": {"alpha": 0.8, "momentum": 0.5, "centered": True, **SHARED},
    "Adagrad": {"lr_decay": 0.2, "initial_accumulator_value": 0.3, **SHARED},
}
LINES = [("RMSprop", "square_avg"), ("RMSprop", "grad_avg"), ("RMSprop", "momentum_buffer"), ("RMSprop", "delta")]
LINES += [("Adagrad", "sum"), ("Adagrad", "delta")]
NUMBERS = [(kind, option) for kind, options in FULL.items() for option, value in options.items() if not isinstance(value, bool)]


def pytorchs(kind: str) -> Callable[[Any], torch.optim.Optimizer]:
    return lambda ps: TORCHS[kind](ps, lr=LR, **FULL[kind])


@pytest.mark.slow
@pytest.mark.parametrize("kind", FULL)
def test_with_all_options_set_they_train_as_pytorchs(kind: str) -> None:
    held(getattr(manual, kind)(LR, **FULL[kind]), pytorchs(kind), steps=200)


@pytest.mark.parametrize(("kind", "slot"), LINES)
def test_a_fault_in_each_line_is_found(kind: str, slot: str) -> None:
    right = getattr(manual, kind)

    def delta(self: Any, w: Array, g: Array, state: dict[str, Array]) -> Array:
        step: Array = right.delta(self, w, g, state)
        if slot == "delta":
            return step * FAULT
        state[slot] *= FAULT
        return step

    wrong = type("Wrong", (right,), {"delta": delta})
    found = compared(wrong(LR, **FULL[kind]), pytorchs(kind)).first_divergence
    assert found is not None
    assert (found.step, found.phase) == (1, "deltas" if slot == "delta" else "state")


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("kind", "option"), NUMBERS)
def test_an_option_that_is_off_by_a_millionth_is_found(kind: str, option: str) -> None:
    wrong = getattr(manual, kind)(LR, **FULL[kind] | {option: FULL[kind][option] * FAULT})
    assert compared(wrong, pytorchs(kind)).verdict == "different"


def test_a_variance_that_is_not_taken_is_found() -> None:
    wrong = manual.RMSprop(LR, **FULL["RMSprop"] | {"centered": False})
    assert compared(wrong, pytorchs("RMSprop")).verdict == "different"


# ---- Parameter groups.


def by_layer(parameters: Any) -> torch.optim.Optimizer:
    """The first layer's weight without decay, its bias faster, the rest as it is."""
    first, bias, *rest = parameters
    groups = [{"params": [first], "weight_decay": 0.0}, {"params": [bias], "lr": 0.1, "betas": (0.5, 0.9)}, {"params": rest}]
    return torch.optim.AdamW(groups, lr=LR, weight_decay=0.2)


def groups(**bias: Any) -> manual.Groups:
    options: dict[str, Any] = {"lr": 0.1, "betas": (0.5, 0.9), "weight_decay": 0.2, **bias}
    return manual.Groups(
        {"0.weight": manual.AdamW(LR, weight_decay=0.0), "0.*": manual.AdamW(**options), "*": manual.AdamW(LR, weight_decay=0.2)}
    )


@few
@given(dtype=st.sampled_from(DTYPES), mode=MODES, steps=STEPS, seed=SEEDS)
def test_groups_train_as_pytorchs(dtype: str, mode: str, steps: int, seed: int) -> None:
    held(groups(), by_layer, dtype=dtype, mode=mode, steps=steps, seed=seed)


@pytest.mark.parametrize("wrong", [{"lr": 0.1 * FAULT}, {"weight_decay": 0.2 * FAULT}, {"betas": (0.5 * FAULT, 0.9)}])
def test_a_group_that_is_off_is_found_in_its_parameter(wrong: dict[str, Any]) -> None:
    found = compared(groups(**wrong), by_layer).first_divergence
    assert found is not None
    assert found.tensor.startswith("0.bias")


def test_groups_may_be_of_several_kinds_and_have_schedules() -> None:
    optimizer = manual.Groups({"0.*": manual.SGD(lambda step: 0.1 / step, momentum=0.9), "*": manual.Adagrad([0.1, 0.2, 0.3])})
    layer = manual.Sequential(manual.Linear(np.ones((2, 2))), manual.Linear(np.ones((2, 2))))
    alone = manual.SGD(0.1, momentum=0.9), manual.Adagrad(0.1)
    for step in range(1, 4):
        grads = {name: np.full((2, 2), float(step)) for name in ("0.weight", "1.weight")}
        alone[0].lr, alone[1].lr = 0.1 / step, 0.1 * step
        before = {name: array.copy() for name, array in layer.parameters().items()}
        deltas = optimizer.step(layer, grads)
        for i, each in enumerate(alone):
            single = manual.Sequential(manual.Linear(before[f"{i}.weight"]))
            np.testing.assert_allclose(deltas[f"{i}.weight"], each.step(single, {"0.weight": grads[f"{i}.weight"]})["0.weight"], rtol=1e-15)
    assert sorted(optimizer.flat_state()) == ["0.weight.momentum_buffer", "1.weight.sum"]


def test_groups_go_on_from_their_state_as_if_they_had_not_stopped() -> None:
    layers = [manual.Sequential(manual.Linear(np.ones((2, 3)), np.ones(2))) for _ in range(2)]
    whole, second = groups(), groups()
    drawn = np.random.default_rng(0)
    for number in range(4):
        grads = {name: drawn.normal(size=array.shape) for name, array in layers[0].parameters().items()}
        if number == 2:
            second.load_state_dict(whole.state_dict(), layers[1])
            for name, array in layers[1].parameters().items():
                array[...] = layers[0].parameters()[name]
        whole.step(layers[0], grads)
        if number >= 2:
            second.step(layers[1], grads)
    for name, array in layers[1].parameters().items():
        np.testing.assert_array_equal(array, layers[0].parameters()[name])


def test_groups_of_both_backends_make_the_same_steps() -> None:
    networks = manual.Network((3, 4, 2), "tanh", bias=True), torch_ref.Network((3, 4, 2), "tanh", bias=True)
    networks[1].load_state_dict({name: torch.tensor(array) for name, array in networks[0].state_dict().items()})
    both = [
        package.Groups({"*.bias": package.SGD(0.1, momentum=0.9), "*": package.AdamW(0.01, weight_decay=0.5)})
        for package in (manual, torch_ref)
    ]
    drawn = np.random.default_rng(0)
    for _ in range(5):
        grads = {name: drawn.normal(size=array.shape) for name, array in networks[0].parameters().items()}
        ours = both[0].step(networks[0], grads)
        theirs = both[1].step(networks[1], {name: torch.tensor(grad) for name, grad in grads.items()})
        for name, delta in ours.items():
            np.testing.assert_allclose(delta, theirs[name].numpy(), rtol=1e-13)
    again = torch_ref.Groups(both[1].optimizers)
    again.load_state_dict(both[1].state_dict(), networks[1])
    assert sorted(again.state_dict()) == sorted(both[0].state_dict())


@pytest.mark.parametrize("package", [manual, torch_ref])
def test_a_parameter_in_no_group_is_named(package: Any) -> None:
    optimizer = package.Groups({"*.bias": package.SGD(0.1), "0.*": package.SGD(0.1)})
    network = package.Network((2, 2, 2), "tanh")
    with pytest.raises(ValueError, match=r"2.weight is in none of the groups \*.bias, 0.\*; expected a last one, \*, for all others"):
        optimizer.step(network, dict.fromkeys(("0.weight", "2.weight"), torch.ones(2, 2) if package is torch_ref else np.ones((2, 2))))
