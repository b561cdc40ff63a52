"""The noise that sampled rounding moves each call by, and the number of σ that are allowed."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from compare.lockstep.sampled_reference import sampled
from compare.rounding.noise import Noise
from compare.rounding.spread import critical

U = 2.0**-53


def moved(function: object, *inputs: Tensor, unit: float = U) -> float:
    """Return the largest that a call's result is moved by, in units of u of the result, over a few runs."""
    plain = function(*inputs)  # type: ignore[operator]
    most = 0.0
    for seed in range(20):
        with Noise(unit, seed):
            again = function(*inputs)  # type: ignore[operator]
        most = max(most, float(((again - plain).abs() / plain.abs() / unit).max()))
    return most


def test_what_copies_and_chooses_is_not_moved() -> None:
    x = torch.linspace(-2, 2, 30, dtype=torch.float64).reshape(5, 6) + 0.01
    for function in (torch.abs, lambda x: x.T.contiguous(), lambda x: torch.cat([x, x]), lambda x: x.max(1).values, lambda x: x[:, [2, 1]]):
        assert moved(function, x) == 0
    assert moved(lambda x: torch.nn.functional.dropout(x + (x > 0), 0.5).sum() * 0 + 1, x) < 10


def test_a_sum_is_moved_by_its_terms_and_not_by_itself() -> None:
    cancelling = torch.tensor([1e6, 1.0, -1e6], dtype=torch.float64)
    assert 1e6 / 4 < moved(torch.sum, cancelling) <= math.sqrt(3) * 2.1e6
    a, b = torch.linspace(0.5, 1.5, 100, dtype=torch.float64).reshape(1, 100), torch.ones((100, 1), dtype=torch.float64)
    assert 5 < moved(torch.matmul, a, b) <= 11      # and the result itself is rounded
    equal = moved(torch.matmul, torch.ones_like(a), b)      # whose errors add up
    assert 11 < equal <= 16


def test_noise_does_not_leave_a_functions_range() -> None:
    x = torch.tensor([-800.0, -40.0, 40.0, 800.0], dtype=torch.float64)
    for seed in range(10):
        with Noise(2.0**-10, seed):
            assert bool(((torch.sigmoid(x) >= 0) & (torch.sigmoid(x) <= 1)).all())
            assert bool((torch.tanh(x).abs() <= 1).all())


def test_minus_infinity_of_a_mask_stays_what_it_is() -> None:
    scores = torch.zeros((3, 3), dtype=torch.float64) + torch.triu(torch.full((3, 3), -math.inf, dtype=torch.float64), 1)
    with Noise(U, 0):
        p = torch.softmax(scores + scores, -1)
    assert bool(torch.isfinite(p).all())
    assert bool((p.triu(1) == 0).all())


@pytest.mark.parametrize("options", [{"foreach": False}, {"foreach": True}], ids=str)
@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop, torch.optim.Adagrad])
def test_optimisers_are_moved_in_place_and_by_rounding_alone(optimizer: type[torch.optim.Optimizer], options: dict[str, bool]) -> None:
    start = nn.Linear(6, 4, dtype=torch.float64)
    x = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(2, 6)

    def step() -> dict[str, Tensor]:
        module = copy.deepcopy(start)
        update = optimizer(module.parameters(), lr=0.1, **options)  # type: ignore[call-arg]
        for _ in range(3):
            update.zero_grad()
            (module(x) ** 2).sum().backward()
            torch.nn.utils.clip_grad_norm_(module.parameters(), 0.5)
            update.step()
        return {name: parameter.detach() for name, parameter in module.named_parameters()}

    found = sampled(step, 10.0, units=(U, U))
    for name, allowed in found.allowed.items():
        assert bool((allowed > U * found.plain[name].abs().numpy()).all())
        assert bool((allowed < 1e-11).all())
    assert found.unknown == frozenset()


def test_the_logarithm_of_a_probability_is_never_above_0() -> None:
    scores = torch.tensor([[1e10, -1e10, 0.0]], dtype=torch.float64)
    for seed in range(10):
        with Noise(U, seed):
            assert torch.log_softmax(scores, -1).max() <= 0
            assert 0 <= torch.softmax(scores, -1).min() <= torch.softmax(scores, -1).max() <= 1


def test_a_count_of_steps_is_exact_and_so_is_what_it_has_changed_by() -> None:
    """Even one of float32, in which noise of a float64 step is large."""
    count = torch.tensor(3.0)
    for seed in range(10):
        with Noise(U, seed):
            assert count + 1 == 4
            assert (count + 1) - count == 1
            assert count + 0.1 - count != torch.tensor(3.1) - count


def test_a_choice_that_rounding_turns_is_allowed_both_ways() -> None:
    """A unit that is 0 but for rounding may be on either side of relu's bend, so that its gradient may be there or not."""
    x = torch.tensor([[0.3, 0.1, -0.4], [1.0, 2.0, -1.0]], dtype=torch.float64)
    weight = torch.ones((3, 1), dtype=torch.float64)

    def step() -> dict[str, Tensor]:
        leaf = x.clone().requires_grad_()
        (torch.relu(leaf @ weight) * 7).sum().backward()
        return {"grad": leaf.grad}  # type: ignore[dict-item]

    found = sampled(step, 16.0, units=(U, U))
    assert bool((found.allowed["grad"][0] > 7).all())
    assert bool((found.allowed["grad"][1] < 1e-13).all())


def test_a_call_without_a_row_is_moved_and_noted() -> None:
    x = torch.eye(3, dtype=torch.float64) + 0.1
    with Noise(U, 0) as noise:
        assert bool((torch.linalg.inv(x) != torch.linalg.inv(x)).any())
    assert noise.unknown == {"linalg_inv_ex"}


def test_c_is_students() -> None:
    """Two-sided points of Student's distribution, from any table."""
    assert critical(10, 1, 0.001) == pytest.approx(4.587, abs=2e-3)
    assert critical(30, 1, 0.05) == pytest.approx(2.042, abs=2e-3)
    assert critical(32, 1000) == pytest.approx(critical(32, 1, 1e-12), rel=1e-6)
    assert critical(32, 1000) > critical(64, 1000) > critical(64, 10)


def test_samples_that_are_not_a_number_are_left_out() -> None:
    """Where there is none, nothing is allowed but the last roundings."""
    root = torch.tensor([1.0, 4.0], dtype=torch.float64)
    negative = {3: torch.tensor([0.5, 4.0]), 5: torch.tensor([-1.0, 4.0]), 9: torch.tensor([-1.0, 4.0])}
    calls = iter(range(100))

    def step() -> dict[str, torch.Tensor]:
        number = next(calls)
        return {"root": torch.sqrt(negative.get(number, root).double() + 1e-3 * (number % 2))}

    some = sampled(step, 10.0, units=(U, U)).allowed["root"]
    assert np.isfinite(some).all()
    assert some[0] > 0
    negative |= dict.fromkeys(range(200), torch.tensor([-1.0, 4.0]))
    calls = iter([1000, *range(100)])
    most = sampled(step, 10.0, units=(U, U)).allowed["root"]
    assert most[0] == 0
    assert most[1] > 0
