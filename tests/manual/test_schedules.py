"""Learning rates that change from step to step: as PyTorch's schedulers set them, and on both sides of a training."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler as pytorchs

import manual
from manual import schedules
from manual.schedules import Schedule
from tests.manual.beside import DTYPES, FAULT, STEPS, Case, few

RATES, SHARES = st.floats(1e-5, 1.0), st.floats(0.0, 1.0)


def rates_of_pytorch(lr: float, scheduler: Callable[[torch.optim.Optimizer], Any], steps: int) -> list[float]:
    """The learning rate of each step."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr)
    running, rates = scheduler(optimizer), []
    for _ in range(steps):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        running.step()
    return rates


def held(schedule: Schedule, lr: float, scheduler: Callable[[torch.optim.Optimizer], Any], steps: int = 40) -> None:
    ours = [schedule(step) for step in range(1, steps + 1)]
    np.testing.assert_allclose(ours, rates_of_pytorch(lr, scheduler, steps), rtol=1e-9, atol=1e-12 * lr)


@given(lr=RATES, size=st.integers(1, 20), gamma=SHARES)
def test_step_decay_is_step_lr(lr: float, size: int, gamma: float) -> None:
    held(schedules.step_decay(lr, step_size=size, gamma=gamma), lr, partial(pytorchs.StepLR, step_size=size, gamma=gamma))


@given(lr=RATES, gamma=st.floats(0.5, 1.1))
def test_exponential_is_exponential_lr(lr: float, gamma: float) -> None:
    held(schedules.exponential(lr, gamma=gamma), lr, partial(pytorchs.ExponentialLR, gamma=gamma))


@given(lr=RATES, steps=st.integers(1, 30), least=SHARES)
def test_linear_is_linear_lr(lr: float, steps: int, least: float) -> None:
    scheduler = partial(pytorchs.LinearLR, start_factor=1.0, end_factor=least, total_iters=steps)
    held(schedules.linear(lr, steps=steps, least=least * lr), lr, scheduler)


@given(lr=RATES, steps=st.integers(1, 40), least=SHARES)
def test_cosine_is_cosine_annealing_until_its_end(lr: float, steps: int, least: float) -> None:
    schedule = schedules.cosine(lr, steps=steps, least=least * lr)
    held(schedule, lr, partial(pytorchs.CosineAnnealingLR, T_max=steps, eta_min=least * lr), steps + 1)
    assert schedule(steps + 7) == pytest.approx(least * lr, rel=1e-12)


@given(lr=RATES, steps=st.integers(1, 10), start=st.floats(0.01, 1.0), later=st.integers(1, 30))
def test_warmup_is_linear_lr_and_then_the_schedule(lr: float, steps: int, start: float, later: int) -> None:
    def scheduler(optimizer: torch.optim.Optimizer) -> Any:
        first = pytorchs.LinearLR(optimizer, start, 1.0, steps)
        return pytorchs.SequentialLR(optimizer, [first, pytorchs.CosineAnnealingLR(optimizer, later)], [steps])

    schedule = schedules.warmup(schedules.cosine(lr, steps=later), steps=steps, start_factor=start)
    held(schedule, lr, scheduler, steps + later)


def test_after_a_warmup_a_number_stays() -> None:
    schedule = schedules.warmup(0.3, steps=3, start_factor=0.1)
    np.testing.assert_allclose([schedule(step) for step in range(1, 7)], [0.03, 0.12, 0.21, 0.3, 0.3, 0.3], rtol=1e-15)


# ---- In a training.


def one_layer(package: Any, array: Any) -> Any:
    return package.Linear(array(2, 3), array(2))


def case(seed: int = 0) -> Case:
    return Case(one_layer, (5, 3), seed)


KINDS: dict[str, Any] = {
    "a number": 0.05,
    "a sequence": [0.1 / (1 + step) for step in range(200)],
    "an array": np.linspace(0.1, 0.01, 200),
    "a function": lambda step: 0.1 / step**0.5,
    "warmup and cosine": schedules.warmup(schedules.cosine(0.1, steps=12), steps=5),
    "step decay": schedules.step_decay(0.1, step_size=4),
}


@few
@given(
    kind=st.sampled_from(list(KINDS)), optimizer=st.sampled_from(["sgd", "adam", "adamw"]), dtype=st.sampled_from(DTYPES),
    mode=st.sampled_from(["free", "follow"]), steps=STEPS, seed=st.integers(0, 2**32 - 1),
)
def test_both_sides_take_the_same_schedule(kind: str, optimizer: str, dtype: str, mode: str, steps: int, seed: int) -> None:
    case(seed).held_to_pytorch(dtype, steps, mode=mode, optimizer=optimizer, optimizer_options={}, lr=KINDS[kind])


def test_a_rate_that_is_wrong_in_one_step_is_found_there() -> None:
    right = KINDS["warmup and cosine"]
    wrong = case().compared(steps=12, lr=right, lr_by_hand=lambda step: right(step) * (FAULT if step == 7 else 1))
    assert wrong.first_divergence is not None
    assert (wrong.first_divergence.step, wrong.first_divergence.phase) == (7, "deltas")


def test_a_rate_of_float64_leaves_float32_as_it_is() -> None:
    layer = manual.Linear(np.ones((2, 3), np.float32))
    for lr in (np.float64(0.1), np.array(0.1), np.full(3, 0.1), lambda step: np.float64(0.1)):
        delta = manual.SGD(lr).step(layer, {"weight": np.ones((2, 3), np.float32)})["weight"]
        assert delta.dtype == np.float32


def test_a_sequence_that_is_too_short_is_refused_at_its_end() -> None:
    layer, optimizer = manual.Linear(np.ones((2, 3))), manual.SGD([0.1, 0.2])
    for _ in range(2):
        optimizer.step(layer, {"weight": np.ones((2, 3))})
    with pytest.raises(IndexError, match="lr has 2 numbers; expected one for each step, and this is step 3"):
        optimizer.step(layer, {"weight": np.ones((2, 3))})
