"""What must hold whatever the numbers are: of a batch's gradients on both backends, and of the mini-batches and masks that are drawn."""

import dataclasses
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import manual
import torch_ref
from compare import Manual, Problem, TorchRef
from compare.problem.pieces import ACTIVATIONS, LOSSES, NORMALIZATIONS, REDUCTIONS
from compare.support.arrays import Array
from tests.compare.problems import targets

RECORDS = 9
EVERY_SIDE = pytest.mark.parametrize("side", ["manual", "torch_ref"])
EVERY_LOSS = pytest.mark.parametrize("loss", LOSSES)
EVERY_REDUCTION = pytest.mark.parametrize("reduction", REDUCTIONS)
EVERY_NORMALIZATION = pytest.mark.parametrize("normalization", [None, *NORMALIZATIONS])

Pass = tuple[Array, Array, dict[str, Array]]      # output, loss, gradients


def drawn(loss: str = "mse", seed: int = 0, activation: str = "tanh", hard: bool = False, **options: Any) -> Problem:
    generator = np.random.default_rng(seed)
    batch = (generator.normal(size=(RECORDS, 3)), targets(generator, hard, loss, RECORDS, 3))
    names = (activation, LOSSES[loss].output)
    return Problem(sizes=(3, 4, 3), activations=names, bias=True, loss=loss, seed=seed, batches=(batch,), **options)


def passed(side: str, problem: Problem, batch: Any, parts: int | None = None, weight: float = 1.0) -> Pass:
    """One pass of that side's fresh network over the batch, in whole or gathered from parts."""
    implementation: Any = {"manual": Manual, "torch_ref": TorchRef}[side](problem)
    implementation.load_state_dict({**problem.initial_parameters, **problem.initial_buffers()})
    network = implementation.network
    x, y, masks = (*batch, None)[:3]
    if side == "torch_ref":
        x, y = network.as_tensor(x), network.as_targets(y)
    options: dict[str, Any] = {"reduction": problem.reduction, "masks": masks}
    if parts is None:
        output, value, grads = network.gradients(x, y, problem.loss, weight=weight, **options)
    else:
        gathered = {"manual": manual, "torch_ref": torch_ref}[side].accumulated_gradients
        output, value, grads = gathered(network, x, y, problem.loss, parts=parts, **options)
    return np.asarray(output), np.asarray(value), {name: np.asarray(grad) for name, grad in grads.items()}


def taken(batch: Any, rows: Any) -> Any:
    """Those records of the batch, their masks with them."""
    return tuple({index: mask[rows] for index, mask in part.items()} if isinstance(part, dict) else part[rows] for part in batch)


def same(one: Pass, other: Pass, factor: float = 1.0) -> bool:
    """Whether loss and gradients are, to rounding, those of the other times the factor."""
    pairs = [(one[1], other[1]), *((grad, other[2][name]) for name, grad in one[2].items())]
    return list(one[2]) == list(other[2]) and all(np.allclose(a, factor * b, rtol=1e-11, atol=1e-13) for a, b in pairs)


@EVERY_SIDE
@EVERY_NORMALIZATION
@EVERY_LOSS
def test_the_order_of_the_records_changes_neither_the_loss_nor_a_gradient(side: str, loss: str, normalization: str | None) -> None:
    problem = drawn(loss, normalization=normalization, dropout=0.3, hard=True)
    batch, order = problem.batch(1), np.random.default_rng(1).permutation(RECORDS)
    whole, shuffled = passed(side, problem, batch), passed(side, problem, taken(batch, order))
    assert same(whole, shuffled)
    np.testing.assert_allclose(shuffled[0], whole[0][order], rtol=1e-11, atol=1e-13)
    assert not same(whole, passed(side, problem, (batch[0][order], *batch[1:])))      # the control: inputs without their targets


@EVERY_SIDE
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_so_it_is_with_every_activation(side: str, activation: str) -> None:
    problem = drawn(activation=activation)
    order = np.random.default_rng(1).permutation(RECORDS)
    assert same(passed(side, problem, problem.batch(1)), passed(side, problem, taken(problem.batch(1), order)))


@EVERY_SIDE
@EVERY_REDUCTION
@EVERY_LOSS
def test_a_batch_gathered_from_parts_is_the_whole_batch(side: str, loss: str, reduction: str) -> None:
    problem = drawn(loss, reduction=reduction, dropout=0.3, hard=True, normalization="layer_norm")
    batch = problem.batch(1)
    whole = passed(side, problem, batch)
    for parts in range(1, RECORDS + 2):      # more parts than records are as many as there are records
        gathered = passed(side, problem, batch, parts=parts)
        assert same(gathered, whole)
        np.testing.assert_allclose(gathered[0], whole[0], rtol=1e-11, atol=1e-13)
    halves = [passed(side, problem, taken(batch, rows)) for rows in (slice(None, 3), slice(3, None))]
    added = whole[0], halves[0][1] + halves[1][1], {name: halves[0][2][name] + halves[1][2][name] for name in whole[2]}
    assert same(added, whole) == (reduction == "sum")      # the control: a part's mean must count with its share


@EVERY_SIDE
@EVERY_NORMALIZATION
def test_only_what_has_statistics_of_a_batch_cannot_be_gathered_from_parts(side: str, normalization: str | None) -> None:
    problem = drawn(normalization=normalization)
    whole, gathered = passed(side, problem, problem.batch(1)), passed(side, problem, problem.batch(1), parts=2)
    assert same(gathered, whole) == (not problem.initial_buffers())


@EVERY_SIDE
@EVERY_REDUCTION
@EVERY_LOSS
def test_a_loss_that_counts_with_a_weight_has_its_gradients_scaled_by_it(side: str, loss: str, reduction: str) -> None:
    problem = drawn(loss, reduction=reduction)
    whole = passed(side, problem, problem.batch(1))
    for weight in (0.37, 2.0, 1e-3):
        scaled = passed(side, problem, problem.batch(1), weight=weight)
        assert same(scaled, whole, weight)
        assert not same(scaled, whole, weight * (1 + 1e-9))


@EVERY_SIDE
@EVERY_NORMALIZATION
@EVERY_LOSS
def test_a_sum_is_the_mean_times_the_number_of_what_the_table_says_it_is_over(side: str, loss: str, normalization: str | None) -> None:
    problem = drawn(loss, normalization=normalization)
    mean = passed(side, problem, problem.batch(1))
    total = passed(side, dataclasses.replace(problem, reduction="sum"), problem.batch(1))
    n = {"elements": RECORDS * 3, "records": RECORDS}
    assert same(total, mean, n[LOSSES[loss].over])
    assert not same(total, mean, n["records" if LOSSES[loss].over == "elements" else "elements"])


@EVERY_SIDE
@EVERY_REDUCTION
@pytest.mark.parametrize("loss", [name for name, row in LOSSES.items() if row.targets == "classes"])
def test_a_class_index_stands_for_the_probability_1_of_its_class(side: str, loss: str, reduction: str) -> None:
    problem = drawn(loss, hard=True, reduction=reduction)
    x, y = problem.batch(1)
    assert y.shape == (RECORDS,)
    by_index = passed(side, problem, (x, y))
    assert same(by_index, passed(side, problem, (x, np.eye(3)[y])))
    assert not same(by_index, passed(side, problem, (x, np.eye(3)[(y + 1) % 3])))


@EVERY_SIDE
def test_a_mask_given_counts_for_one_pass_only(side: str) -> None:
    problem = drawn(dropout=0.5)
    implementation: Any = {"manual": Manual, "torch_ref": TorchRef}[side](problem)
    x, _, masks = problem.batch(1)
    network = implementation.network
    given = [np.asarray(network.forward(x, masks).tolist()) for _ in range(2)]
    drawn_ones = [np.asarray(network.forward(x).tolist()) for _ in range(2)]
    assert (given[0] == given[1]).all()
    assert (drawn_ones[0] != given[0]).any()
    assert (drawn_ones[0] != drawn_ones[1]).any()


def test_masks_that_are_tensors_already_are_gathered_from_parts_too() -> None:
    problem = drawn(dropout=0.5)
    x, y, masks = problem.batch(1)
    tensors = {index: torch.tensor(mask) for index, mask in masks.items()}
    whole = passed("torch_ref", problem, (x, y, masks))
    assert same(passed("torch_ref", problem, (x, y, tensors)), whole)
    assert same(passed("torch_ref", problem, (x, y, tensors), parts=3), whole)


def mini_batches(n: int = 12, **options: Any) -> Problem:
    """A problem whose record number i has the inputs i and the target i / n."""
    numbers = np.arange(n, dtype=float)[:, None]
    return Problem(sizes=(2, 3, 1), batches=((np.tile(numbers, 2), numbers / n),), **options)


def faults_of_epochs(problem: Problem, epochs: int = 3) -> set[str]:
    """What is wrong with the steps of those epochs, if anything."""
    n, size, per_epoch = problem.records, problem.batch_size or problem.records, problem.steps_per_epoch
    lengths, orders, faults = list(problem.batch_lengths(epochs * per_epoch)), [], set()
    for epoch in range(epochs):
        batches = [problem.batch(epoch * per_epoch + position + 1) for position in range(per_epoch)]
        found = [len(batch[0]) for batch in batches]
        expected = [size] * (n // size) + ([n % size] if n % size and not problem.drop_last else [])
        if not found == expected == lengths[epoch * per_epoch : (epoch + 1) * per_epoch]:
            faults.add("lengths")
        numbers = np.concatenate([batch[0][:, 0] for batch in batches])
        if max(Counter(numbers.tolist()).values()) > 1 or len(numbers) != sum(expected):
            faults.add("a record twice, or never")
        if not all((batch[0][:, :1] / n == batch[1]).all() for batch in batches):
            faults.add("targets of other records")
        orders.append(tuple(numbers))
    if len(set(orders)) < epochs:
        faults.add("an order twice")
    return faults


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(16, 40), data=st.data(), drop_last=st.booleans())
def test_mini_batches_take_every_record_once_an_epoch_in_an_order_of_the_epochs_own(seed: int, n: int, data: Any, drop_last: bool) -> None:
    problem = mini_batches(n, seed=seed, batch_size=data.draw(st.integers(1, n)), drop_last=drop_last)
    assert faults_of_epochs(problem) == set()


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (lambda n, epoch: np.arange(n), "an order twice"),
        (lambda n, epoch: np.random.default_rng(epoch).integers(n, size=n), "a record twice, or never"),
        (lambda n, epoch: np.random.default_rng(epoch).permutation(n - 1), "lengths"),
    ],
)
def test_an_epoch_that_is_none_is_seen(monkeypatch: pytest.MonkeyPatch, wrong: Any, fault: str) -> None:
    problem = mini_batches(batch_size=5)
    assert faults_of_epochs(problem) == set()
    monkeypatch.setattr(Problem, "_order", lambda self, epoch: wrong(self.records, epoch))
    assert fault in faults_of_epochs(problem)


@pytest.mark.parametrize(
    ("size", "drop_last", "steps"),
    [(12, False, 1), (12, True, 1), (5, False, 3), (5, True, 2), (1, True, 12), (11, True, 1), (11, False, 2)],
)
def test_an_epoch_has_a_step_for_each_mini_batch_the_last_short_one_kept_or_dropped(size: int, drop_last: bool, steps: int) -> None:
    assert mini_batches(batch_size=size, drop_last=drop_last).steps_per_epoch == steps


def test_whole_batches_are_taken_in_turn() -> None:
    problem = Problem.draw((2, 1), records=(4, 6, 5))
    assert problem.steps_per_epoch == 3
    assert list(problem.batch_lengths(5)) == [4, 6, 5, 4, 6]
    assert all(problem.batch(step)[0] is problem.batches[(step - 1) % 3][0] for step in range(1, 8))


@given(seed=st.integers(0, 2**32 - 2))
def test_what_is_drawn_comes_from_the_seed_alone_in_whatever_order_it_is_asked_for(seed: int) -> None:
    def steps(problem: Problem, numbers: Any) -> dict[int, Any]:
        return {number: problem.batch(number) for number in numbers}

    def numbers_of(batch: Any) -> list[Any]:
        return [batch[0].tolist(), {index: mask.tolist() for index, mask in batch[2].items()}]

    problem, again, other = (mini_batches(batch_size=5, dropout=0.5, seed=s) for s in (seed, seed, seed + 1))
    forwards, backwards = steps(problem, range(1, 8)), steps(again, reversed(range(1, 8)))
    assert all(numbers_of(forwards[number]) == numbers_of(backwards[number]) for number in forwards)
    assert [numbers_of(batch) for batch in forwards.values()] != [numbers_of(batch) for batch in steps(other, range(1, 8)).values()]
    assert not any(array.flags.writeable for array in (*forwards[1][:2], *forwards[1][2].values()))


def test_masks_are_of_each_step_and_each_layer_and_keep_about_their_share() -> None:
    problem = Problem.draw((2, 50, 50, 1), records=(40,), dropout=0.3)
    masks = [problem.batch(step)[2] for step in range(1, 5)]
    assert [list(mask) for mask in masks] == [["2", "5"]] * 4
    arrays = [mask[index] for mask in masks for index in mask]
    assert all(array.shape == (40, 50) and array.dtype == bool for array in arrays)
    assert len({array.tobytes() for array in arrays}) == 8
    assert abs(np.mean(arrays) - 0.7) < 0.02      # 5 deviations
