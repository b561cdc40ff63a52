"""The loop: what is honest agrees, in every mode and dtype; what cannot be compared is never called equal."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import manual
from compare import Manual, Problem, ProblemError, StepRecord, TorchRef, lesson_problem, train_in_lockstep
from compare.lockstep.blocks import most_steps
from compare.lockstep.difference import Mode, largest_share
from compare.lockstep.judge import Block, Judge
from compare.support.arrays import Array, Batch
from tests.compare.problems import DTYPES, drawn_problem, problems
from tests.compare.variants import PRODUCTS, Variant

MODES = ("free", "follow")


def finite(comparison: Any) -> bool:
    return comparison.stopped is None and all(np.isfinite(array).all() for array in comparison.final_parameters[1].values())


def has_exploded(comparison: Any) -> bool:
    """Whether training has run away so far that a bound overflows before the numbers do, which is called different: decision 0005."""
    found = comparison.first_divergence
    return found is not None and "no bound on their rounding" in (found.reason or "") and abs(found.actual) > 1e30


@given(problem=problems(), mode=st.sampled_from(MODES), stages=st.booleans(), steps=st.integers(1, 12))
def test_the_two_backends_are_equivalent(problem: Problem, mode: Any, stages: bool, steps: int) -> None:
    comparison = train_in_lockstep(Manual(problem, stages=stages), TorchRef(problem, stages=stages), problem, steps=steps, mode=mode)
    assert comparison.verdict == "equivalent" or not finite(comparison) or has_exploded(comparison), comparison.explanation()


@given(
    problem=problems(accumulate=1),
    mode=st.sampled_from(MODES),
    form=st.integers(0, 2),
    slope=st.integers(0, 2),
    product=st.integers(0, len(PRODUCTS) - 1),
    update=st.integers(0, 1),
    mean_in=st.sampled_from(["error", "grads", "update"]),
    shows_state=st.booleans(),
)
def test_honest_variants_are_equivalent(
    problem: Problem, mode: Any, form: int, slope: int, product: int, update: int, mean_in: str, shows_state: bool
) -> None:
    variant = Variant(problem, form, slope, product, mean_in, update, stages=True, shows_state=shows_state)
    with np.errstate(all="ignore"):
        comparison = train_in_lockstep(variant, TorchRef(problem, stages=True), problem, steps=4, mode=mode)
    is_unstable = "no longer finite" in comparison.explanation()      # a naive form has overflowed
    assert comparison.verdict == "equivalent" or is_unstable or has_exploded(comparison), comparison.explanation()


def test_a_run_that_explodes_is_different_for_want_of_a_bound() -> None:
    """The run that the property above once fell upon: weights of 1e71, five ulps apart, and a bound that is no number."""
    problem = drawn_problem(778731)
    comparison = train_in_lockstep(Manual(problem), TorchRef(problem), problem, steps=4)
    assert comparison.verdict == "equivalent" or not finite(comparison) or has_exploded(comparison), comparison.explanation()


@pytest.mark.sampled(7)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", MODES)
def test_a_long_run_stays_equivalent_and_its_drift_is_measured(dtype: str, mode: Any) -> None:
    problem = Problem.draw((5, 8, 4, 2), activations=("relu", "tanh", "identity"), bias=True, lr=0.1, dtype=dtype)
    comparison = train_in_lockstep(Variant(problem, 1, 1, 1), TorchRef(problem), problem, steps=600, mode=mode)
    assert comparison.verdict == "equivalent", comparison.explanation()
    assert comparison.steps == 600
    assert all(len(largest) == 600 for largest in comparison.series.values())
    assert (comparison.drift > 0) == (mode == "free")


def test_batches_of_other_shapes_are_all_compared() -> None:
    """Steps 1 to 7 on 4, 4, 9, 4, 4, 9, 4 records: outputs, losses, and gradients, deltas and weights of 2 × 3 each."""
    problem = Problem.draw((3, 2), records=(4, 4, 9), lr=0.3)
    comparison = train_in_lockstep(Manual(problem), TorchRef(problem), problem, steps=7)
    assert comparison.verdict == "equivalent"
    assert comparison.compared == 2 * (4 + 4 + 9 + 4 + 4 + 9 + 4) + 7 + 7 * 3 * 6


def test_observers_see_both_sides_where_they_asked_to() -> None:
    problem = Problem.draw((3, 2), lr=0.3)
    seen, reached = [], []
    train_in_lockstep(
        Manual(problem), TorchRef(problem), problem, steps=120, observe_after={1, 60}, observe=seen.append, progress=reached.append
    )
    assert seen == [1, 60]
    assert reached[-1] == 120


def test_kept_steps_carry_both_records_and_what_is_allowed() -> None:
    problem = Problem.draw((3, 2), lr=0.3)
    comparison = train_in_lockstep(Manual(problem), TorchRef(problem), problem, steps=70, keep={1, 69})
    assert sorted(comparison.kept) == [1, 69]
    kept = comparison.kept[69]
    assert kept.actual.deltas is not None
    assert kept.expected.deltas is not None
    assert kept.allowed.deltas is not None
    assert kept.actual.deltas["0.weight"].shape == kept.allowed.deltas["0.weight"].shape == (2, 3)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_is_kept_of_an_equal_run_is_within_its_bounds_also_where_the_sides_have_drifted_apart(optimizer: str, dtype: str) -> None:
    functions = ("gelu", "gelu", "sigmoid")
    problem = Problem.draw(
        (6, 16, 8, 1), activations=functions, normalization="batch_norm", loss="bce", optimizer=optimizer, lr=0.05, dtype=dtype
    )
    comparison = train_in_lockstep(Manual(problem), TorchRef(problem), problem, steps=60, keep=range(1, 61))
    assert comparison.verdict == "equivalent"
    assert comparison.drift > 0
    assert max(each.share.max() for each in comparison.agreement.values()) <= 1
    last = comparison.kept[60]
    raw = max(np.abs(ours - last.expected.params[name]).max() for name, ours in last.actual.params.items())
    moved = max(np.abs(actual - expected).max() for key, actual, expected, _ in last.tensors() if key[0] == "params")
    assert moved < raw


def test_the_worst_difference_is_within_what_it_was_allowed() -> None:
    problem = Problem.draw((3, 4, 2), lr=0.3)
    worst = train_in_lockstep(Variant(problem, 1, 1, 1), TorchRef(problem), problem, steps=20).worst
    assert worst is not None
    assert worst.difference is not None
    assert worst.allowed is not None
    assert 0 < worst.difference <= worst.allowed


def test_targets_that_are_no_classes_and_no_share_have_no_accuracy() -> None:
    problem = lesson_problem()
    comparison = train_in_lockstep(Manual(problem), TorchRef(problem), problem, steps=2)
    assert comparison.accuracies is not None
    assert problem.test is not None
    x, y = problem.test
    for targets in (y + 1.5 - y.max(), -y):
        assert replace(comparison, problem=replace(problem, test=(x, targets))).accuracies is None


class Showing:
    """An implementation that shows what a function makes of PyTorch's record."""

    def __init__(self, problem: Problem, change: Any) -> None:
        self.side = TorchRef(problem)
        self.change = change

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        self.side.load_state_dict(params)

    def step(self, x: Array, y: Array) -> Any:
        return self.change(self.side.step(x, y))

    def predict(self, x: Array) -> Array:
        return self.side.predict(x)


@pytest.fixture
def problem() -> Problem:
    return Problem.draw((3, 2, 1), lr=0.3, bias=True)


def test_what_is_not_shown_is_not_compared(problem: Problem) -> None:
    side = Showing(problem, lambda record: StepRecord(params=record.params))
    comparison = train_in_lockstep(side, TorchRef(problem), problem, steps=5)
    assert comparison.verdict == "equivalent"
    assert {phase for phase, _ in comparison.series} == {"params"}


def test_nothing_shown_is_no_pass(problem: Problem) -> None:
    with pytest.raises(ProblemError, match="nothing in common; expected"):
        train_in_lockstep(Showing(problem, lambda record: StepRecord()), TorchRef(problem), problem, steps=1)


def test_more_than_one_step_needs_what_leads_to_the_weights_between(problem: Problem) -> None:
    side = Showing(problem, lambda record: StepRecord(output=record.output))
    assert train_in_lockstep(side, TorchRef(problem), problem, steps=1).verdict == "equivalent"
    with pytest.raises(ProblemError, match="params are not shown after each step; expected them, deltas or grads"):
        train_in_lockstep(side, TorchRef(problem), problem, steps=2)


@pytest.mark.parametrize("mode", ["free", "follow"])
@pytest.mark.parametrize("shown", [("grads",), ("deltas",), ("output", "grads")])
@pytest.mark.parametrize(
    "options", [{}, {"optimizer": "adam"}, {"optimizer": "sgd", "optimizer_options": {"momentum": 0.9}, "normalization": "batch_norm"}]
)
def test_gradients_alone_are_followed_through_the_update(options: dict[str, Any], shown: tuple[str, ...], mode: Mode) -> None:
    problem = Problem.draw((3, 4, 2), activations=("tanh", "identity"), lr=0.1, seed=1, **options)
    side = Showing(problem, lambda record: StepRecord(**{phase: getattr(record, phase) for phase in shown}))
    comparison = train_in_lockstep(side, TorchRef(problem), problem, steps=20, mode=mode, keep=[1, 2])
    assert (comparison.verdict, comparison.steps, comparison.unmoved) == ("equivalent", 20, [])
    assert "the actual side shows no parameters: each step was compared from where" in comparison.explanation()


@pytest.mark.parametrize(("shown", "step"), [(("grads",), 2), (("deltas",), 2), (("output", "grads"), 2)])
def test_weights_that_go_elsewhere_are_seen_in_the_gradients(shown: tuple[str, ...], step: int) -> None:
    """The control: an update of another learning rate, in a side that does not show it."""
    problem = Problem.draw((3, 4, 2), activations=("tanh", "identity"), lr=0.1, seed=1)
    other = replace(problem, lr=0.1 * (1 + 1e-9))
    side = Showing(other, lambda record: StepRecord(**{phase: getattr(record, phase) for phase in shown if phase != "deltas"}))
    if "deltas" in shown:
        side = Showing(other, lambda record: StepRecord(deltas={name: each / (1 + 1e-9) for name, each in record.deltas.items()}))
    found = train_in_lockstep(side, TorchRef(problem), problem, steps=20).first_divergence
    assert found is not None
    assert (found.step, found.phase) == (step, shown[0])


def test_gradients_alone_that_are_wrong_are_found_at_once(problem: Problem) -> None:
    side = Showing(problem, lambda record: StepRecord(grads={name: each * (1 + 1e-9) for name, each in record.grads.items()}))
    found = train_in_lockstep(side, TorchRef(problem), problem, steps=3).first_divergence
    assert found is not None
    assert (found.step, found.phase) == (1, "grads")


def test_a_step_that_is_added_record_by_record_is_rounded_at_each() -> None:
    """Of weights alone: where steps are shown, they are what is added."""
    problem = Problem.draw((3, 1), activations="identity", lr=1e-6, records=(64,))

    def added(record: StepRecord) -> StepRecord:
        before = {name: array - record.deltas[name] for name, array in record.params.items()}
        return StepRecord(params={name: reduce(np.add, 64 * [record.deltas[name] / 64], before[name]) for name in before})

    assert train_in_lockstep(Showing(problem, added), TorchRef(problem), problem, steps=3, mode="follow").verdict == "equivalent"


@pytest.mark.parametrize(
    ("change", "phase", "tensor", "reason"),
    [
        (lambda r: {**r, "output": r["output"][:, 0]}, "output", "output", "shape"),
        (lambda r: {**r, "output": r["output"].astype("float32")}, "output", "output", "float32"),
        (lambda r: {**r, "loss": "small"}, "loss", "loss", "array of numbers"),
        (lambda r: {**r, "grads": {**r["grads"], "0.weight": r["grads"]["0.weight"].T}}, "grads", "0.weight", "shape"),
        (lambda r: {**r, "deltas": {k: v for k, v in r["deltas"].items() if k != "2.bias"}}, "deltas", "2.bias", "expected"),
        (lambda r: {**r, "params": {**r["params"], "W": 1.0}}, "params", "W", "expected"),
        (lambda r: {**r, "params": list(r["params"].values())}, "params", "0.bias", "list"),
    ],
)
def test_a_misshapen_record_is_a_difference_with_a_reason(problem: Problem, change: Any, phase: str, tensor: str, reason: str) -> None:
    side = Showing(problem, lambda record: StepRecord(**change({k: v for k, v in vars(record).items() if v is not None})))
    comparison = train_in_lockstep(side, TorchRef(problem), problem, steps=3)
    found = comparison.first_divergence
    assert found is not None
    assert (found.step, found.phase, found.tensor) == (1, phase, tensor)
    assert found.reason is not None
    assert reason in found.reason
    assert reason in comparison.explanation()


def test_a_step_that_returns_no_record_is_a_difference(problem: Problem) -> None:
    comparison = train_in_lockstep(Showing(problem, lambda record: None), TorchRef(problem), problem, steps=3)
    assert comparison.verdict == "different"
    assert "NoneType" in comparison.explanation()


def test_numbers_and_lists_are_taken_as_arrays(problem: Problem) -> None:
    side = Showing(problem, lambda r: StepRecord(loss=float(r.loss), output=r.output.tolist(), params=r.params))
    assert train_in_lockstep(side, TorchRef(problem), problem, steps=3).verdict == "equivalent"


def test_live_arrays_shown_by_an_implementation_are_copied(problem: Problem) -> None:
    """`Variant` changes nothing in place, but this one shows the very arrays that it goes on changing."""

    class Live(Variant):
        def step(self, x: Array, y: Array) -> StepRecord:
            before = self.params
            record = super().step(x, y)
            for name, array in before.items():
                array[...] = self.params[name]
            self.params = before
            return StepRecord(params=before, loss=record.loss)

    assert train_in_lockstep(Live(problem), TorchRef(problem), problem, steps=30).verdict == "equivalent"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite_on_one_side_is_a_difference_at_that_step(problem: Problem, value: float) -> None:
    def spoil(arrays: dict[str, Array]) -> None:
        if "0.weight" in arrays:
            arrays["0.weight"][1, 2] = value

    comparison = train_in_lockstep(Variant(problem, fault=spoil, fault_at=4), TorchRef(problem), problem, steps=60)
    found = comparison.first_divergence
    assert found is not None
    assert (found.step, found.phase, found.tensor, found.index) == (4, "grads", "0.weight", (1, 2))
    assert comparison.stopped is not None
    assert comparison.steps == 4


def test_not_finite_on_both_sides_stops_the_run_and_is_never_equal() -> None:
    problem = Problem.draw((3, 2, 1), activations="identity", lr=1e200)
    comparison = train_in_lockstep(Manual(problem), TorchRef(problem), problem, steps=60)
    assert comparison.verdict == "different"
    assert comparison.stopped is not None
    assert comparison.steps < 60
    assert "both sides are no longer finite" in comparison.explanation()


def test_weights_too_large_for_a_bound_are_not_called_equal() -> None:
    """Both sides finite, but the bound on their rounding overflows: nothing can be said."""
    problem = Problem(
        sizes=(2, 1),
        activations="identity",
        batches=((np.array([[1e200, -1e200]]), np.array([[0.0]])),),
        initial_parameters={"0.weight": np.array([[1e200, 1e200]])},
    )
    assert train_in_lockstep(Manual(problem), TorchRef(problem), problem, steps=1).verdict == "different"


WRONG_ARGUMENTS = [({"steps": 0}, "steps"), ({"steps": 2.5}, "steps"), ({"steps": 1, "mode": "stage"}, "mode")]


@pytest.mark.parametrize(("options", "complaint"), WRONG_ARGUMENTS)
def test_arguments_that_cannot_be_used_are_refused(problem: Problem, options: dict, complaint: str) -> None:
    with pytest.raises(ProblemError, match=complaint):
        train_in_lockstep(Manual(problem), TorchRef(problem), problem, **options)


def test_predictions_are_compared_too() -> None:
    problem = Problem.draw((3, 2, 1), lr=0.3)
    problem = Problem(sizes=(3, 2, 1), lr=0.3, batches=problem.batches, test=problem.batches[0])

    class Forgetful(Variant):
        def predict(self, x: Array) -> Array:
            return super().predict(x) * (1 + 1e-12)

    comparison = train_in_lockstep(Forgetful(problem), TorchRef(problem), problem, steps=3)
    assert comparison.first_divergence is not None
    assert comparison.first_divergence.phase == "prediction"
    assert "agreed before it: every number of 3 steps" in comparison.explanation()
    assert train_in_lockstep(Variant(problem), TorchRef(problem), problem, steps=3).accuracies is not None


def test_predictions_of_another_shape_are_a_difference() -> None:
    drawn = Problem.draw((3, 2, 1), lr=0.3)
    problem = Problem(sizes=(3, 2, 1), lr=0.3, batches=drawn.batches, test=drawn.batches[0])

    class Flat(Variant):
        def predict(self, x: Array) -> Array:
            return super().predict(x)[:, 0]

    comparison = train_in_lockstep(Flat(problem), TorchRef(problem), problem, steps=3)
    assert comparison.first_divergence is not None
    assert comparison.first_divergence.reason == "it has shape (7,); expected (7, 1)"


def test_an_expected_side_that_cannot_be_used_is_an_error(problem: Problem) -> None:
    side = Showing(problem, lambda record: StepRecord(output=record.output[:, 0], params=record.params))
    with pytest.raises(ProblemError, match="what the expected side shows of step 1"):
        train_in_lockstep(Manual(problem), side, problem, steps=1)


@pytest.mark.parametrize("side", [Manual, TorchRef])
def test_a_copy_of_a_side_trains_on_its_own(problem: Problem, side: Any) -> None:
    original = side(problem)
    copied = copy.deepcopy(original)
    assert train_in_lockstep(copied, TorchRef(problem), problem, steps=5).verdict == "equivalent"


def test_the_inputs_are_read_only(problem: Problem) -> None:
    class Scaling(Variant):
        def step(self, x: Array, y: Array) -> StepRecord:
            x /= 2
            return super().step(x, y)

    with pytest.raises(ValueError, match="read-only"):
        train_in_lockstep(Scaling(problem), TorchRef(problem), problem, steps=1)


def chaotic(factor: float) -> tuple[Problem, Variant]:
    """A float32 relu network at a learning rate that doubles any drift, its gradients wrong by a factor from step 150 on."""
    drawn = Problem.draw((6, 8, 8, 1), activations=("relu", "relu", "sigmoid"), bias=True, lr=50.0, dtype="float32", records=(60,))

    def spoil(arrays: dict[str, Array]) -> None:
        for name in arrays:
            if "." in name:
                arrays[name] = (arrays[name] * factor).astype("float32")

    return drawn, Variant(drawn, 0, 0, 1, fault=spoil, fault_at=150)


@pytest.mark.sampled(20)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("factor", [0.0, 1.0, 2.0, -1.0])
def test_a_fault_does_not_hide_in_drift(factor: float, mode: Any) -> None:
    """Once the two sides are no longer alike, free mode follows from the next block on: right stays right, and wrong is found."""
    problem, variant = chaotic(factor)
    comparison = train_in_lockstep(variant, TorchRef(problem), problem, steps=300, mode=mode)
    assert comparison.followed_from == (257 if mode == "free" else None)
    assert (comparison.verdict == "equivalent") == (factor == 1.0), comparison.explanation()
    assert comparison.first_divergence is None or comparison.first_divergence.step == 150


def test_a_step_is_compared_without_the_drift_before_it() -> None:
    """Of weights alone, too: a gap from before the step is allowed for by what it does to the gradient, and by no more."""
    problem = Problem.draw((3, 2), activations="identity", lr=1e-6, records=(6,))
    before = problem.initial_parameters["0.weight"]
    wrong = np.full((1, 2, 3), 1e-6)

    def delta(start: Array) -> Array:
        side = Manual(problem)
        side.load_state_dict({"0.weight": start})
        return side.step(*problem.batches[0]).deltas["0.weight"]

    def judged(step: Array) -> Any:
        records = [StepRecord(params={"0.weight": array}) for array in (before + 1e-3 + step, before[None] + delta(before))]
        starts = {"0.weight": before[None] + 1e-3}, {"0.weight": before[None]}
        return Judge(problem, 1).judged(Block([1], [problem.batches[0]], *records, starts, {}))

    right = delta(before + 1e-3)[None]
    assert judged(right).shares["params", "0.weight"] <= 0.5
    assert judged(right + wrong).shares["params", "0.weight"] > 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_few_steps_of_an_honest_run_are_sampled(dtype: str) -> None:
    """Samples, many times as dear as a step, are made of few of the steps, though the two sides' weights drift apart."""
    problem = Problem.draw((784, 256, 10), bias=True, records=(128,), lr=0.5, dtype=dtype)
    sides = [side(problem, show=("activations", "errors", "deltas", "params")) for side in (Manual, TorchRef)]
    comparison = train_in_lockstep(*sides, problem, steps=20)
    assert comparison.verdict == "equivalent"
    assert comparison.drift > 0
    assert comparison.rounding is not None
    assert {1, 2, 11} <= set(comparison.rounding.sampled)
    assert len(comparison.rounding.sampled) <= 6


def test_a_subclass_that_overrides_step_is_asked_for_its_step(problem: Problem) -> None:
    class Sevenfold(Manual):
        def step(self, x: Array, y: Array) -> StepRecord:
            record = super().step(x, y)
            return StepRecord(output=record.output * 7, params=record.params)

    comparison = train_in_lockstep(Sevenfold(problem), TorchRef(problem), problem, steps=3)
    assert comparison.first_divergence is not None
    assert (comparison.first_divergence.step, comparison.first_divergence.phase) == (1, "output")


@pytest.mark.parametrize("since", [2, 300])
@pytest.mark.parametrize("shown_later", [True, False])
def test_what_is_shown_at_some_steps_only_is_a_difference(since: int, shown_later: bool) -> None:
    """Within a block of steps and across blocks: or a wrong gradient could be shown where nobody looks."""
    drawn = Problem.draw((3, 2, 1), records=(6,), lr=0.3)

    class Sometimes(Variant):
        def step(self, x: Array, y: Array) -> StepRecord:
            record = super().step(x, y)
            grads = {name: array * 99 for name, array in record.grads.items()} if shown_later else record.grads
            shows = (self.steps_taken >= since) == shown_later
            return StepRecord(output=record.output, params=record.params, grads=grads if shows else None)

    found = train_in_lockstep(Sometimes(drawn), TorchRef(drawn), drawn, steps=310).first_divergence
    assert found is not None
    assert (found.step, found.phase) == (since, "grads")
    assert found.reason is not None
    assert "expected the same at every step" in found.reason


def test_an_expected_side_of_anyones_does_not_say_what_is_allowed(problem: Problem) -> None:
    """Both sides show gradients 1e9 times too large: by those a difference of the true size of rounding is hidden, by samples not."""

    def inflated(factor: float) -> Any:
        def change(record: StepRecord) -> StepRecord:
            return StepRecord(grads={name: array * factor for name, array in record.grads.items()}, params=record.params)

        return Showing(problem, change)

    comparison = train_in_lockstep(inflated(1e9), inflated(1e9 * (1 + 4e-16)), problem, steps=1)
    assert comparison.first_divergence is not None
    assert comparison.first_divergence.phase == "grads"


def test_a_bound_that_underflows_is_not_an_exact_zero() -> None:
    """An honest side with 1/n in the update has a subnormal delta where the other's is 0."""
    problem = Problem(
        sizes=(1, 1),
        activations="identity",
        lr=1.0,
        batches=((np.full((8, 1), 1e-160), np.full((8, 1), -3e-164)),),
        initial_parameters={"0.weight": np.array([[0.0]])},
    )
    comparison = train_in_lockstep(Variant(problem, mean_in="update"), TorchRef(problem), problem, steps=3)
    assert comparison.verdict == "equivalent", comparison.explanation()


def test_equal_numbers_are_no_divergence_whatever_their_bound() -> None:
    difference = largest_share(1, ("output", "output"), np.array([0.0, 2.0]), np.array([0.0, 2.0]), np.array([np.inf, np.nan]))
    assert difference.is_allowed
    assert not largest_share(1, ("output", "output"), np.array([2.0]), np.array([2.1]), np.array([np.inf])).is_allowed


def test_a_side_cannot_change_the_weights_that_it_is_to_follow(problem: Problem) -> None:
    class Keeping(Variant):
        def load_state_dict(self, params: Mapping[str, Array]) -> None:
            self.params = dict(params)
            for array in self.params.values():
                array += 1.0

    with pytest.raises(ValueError, match="read-only"):
        train_in_lockstep(Manual(problem), Keeping(problem), problem, steps=2, mode="follow")


def test_it_runs_under_a_callers_inference_mode_autocast_and_default_device(problem: Problem) -> None:
    single = Problem.draw((3, 2, 1), lr=0.3, dtype="float32")      # what autocast would turn into bfloat16
    with torch.inference_mode(), torch.autocast("cpu"):
        for each in (problem, single):
            assert train_in_lockstep(Manual(each), TorchRef(each), each, steps=3).verdict == "equivalent"
    torch.set_default_device("meta")
    try:
        assert train_in_lockstep(Manual(problem), TorchRef(problem), problem, steps=3).verdict == "equivalent"
    finally:
        torch.set_default_device(None)


def test_a_large_network_is_run_few_steps_at_a_time() -> None:
    assert most_steps(Problem.draw((6, 2, 1), records=(360,))) == 256
    assert most_steps(Problem.draw((100, 2000, 1), records=(500,))) == 1


@pytest.mark.parametrize("mode", ["free", "follow"])
def test_a_side_that_shows_neither_parameters_nor_what_leads_to_them_is_refused(mode: Mode) -> None:
    problem, show = Problem.draw((6, 4, 2)), ("output",)
    assert train_in_lockstep(Manual(problem, show=("grads",)), TorchRef(problem), problem, steps=3, mode=mode).verdict == "equivalent"
    with pytest.raises(ProblemError, match="not shown after each step; expected"):
        train_in_lockstep(Manual(problem, show=show), TorchRef(problem), problem, steps=3, mode=mode)


class SlopeAtZero(Manual):
    """A relu whose slope at an exact 0 is 1, not 0."""

    def steps(self, batches: Sequence[Batch], before: Any = None) -> StepRecord:
        relu = manual.ACTIVATIONS["relu"]
        for layer in self.network.layers:
            if isinstance(layer, manual.Activate) and layer.activation.name == "relu":
                layer.activation = replace(relu, of_output=False, derivative=lambda z, a: (z >= 0).astype(z.dtype))
        return super().steps(batches, before)


def test_a_relu_at_an_exact_0_is_in_no_doubt() -> None:
    weights = dict(Problem.draw((400, 100, 2)).initial_parameters)
    weights["0.weight"] = weights["0.weight"].copy()
    weights["0.weight"][17] = 0
    problem = Problem.draw((400, 100, 2), records=(16,), activations=("relu", "identity"), lr=0.01, initial_parameters=weights)
    found = train_in_lockstep(SlopeAtZero(problem), TorchRef(problem), problem, steps=3).first_divergence
    assert found is not None
    assert (found.step, found.phase, found.tensor, found.index and found.index[0]) == (1, "grads", "0.weight", 17)
