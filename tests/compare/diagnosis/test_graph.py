"""The graph of a step: its right formulas are the backends' own, and what is kept is what would be worked out anew."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from compare import Manual, Problem
from compare.diagnosis import graph
from compare.diagnosis.catalogue import CATALOGUE, kind_of
from compare.diagnosis.formulas import KINDS, RIGHT
from compare.diagnosis.graph import At, Run, Step, _error_at, kinds
from compare.diagnosis.matcher import Matcher, is_within
from compare.diagnosis.mistake import Cause
from compare.formulas.sampled import Sampled

PROBLEMS: tuple[dict[str, Any], ...] = (
    {"sizes": (6, 2, 1)},
    {"sizes": (4, 5, 5, 2), "activations": ("tanh", "relu", "sigmoid"), "bias": True, "loss": "bce"},
    {"sizes": (3, 4, 3), "activations": ("leaky_relu", "softmax"), "bias": True, "loss": "mse", "reduction": "sum"},
    {
        "sizes": (3, 4, 4, 3),
        "activations": ("gelu", "elu", "identity"),
        "loss": "sse",
        "optimizer_options": {"momentum": 0.9, "weight_decay": 0.1},
    },
    {"sizes": (3, 3, 2), "activations": "silu", "loss": "huber", "optimizer_options": {"momentum": 0.9, "nesterov": True}},
    {"sizes": (3, 4, 2), "activations": ("softplus", "identity"), "bias": True, "loss": "bce_with_logits", "optimizer": "adam"},
    {"sizes": (3, 4, 2), "activations": ("tanh", "log_softmax"), "loss": "l1", "optimizer": "adamw"},
    {"sizes": (3, 4, 4, 2), "activations": ("tanh", "relu", "sigmoid"), "bias": True, "normalization": "layer_norm"},
    {"sizes": (3, 4, 2), "activations": ("tanh", "sigmoid"), "normalization": "batch_norm", "dropout": 0.4},
)


def trained(options: dict[str, Any]) -> tuple[Problem, list[Step], list[Any]]:
    """Three steps of the hand-written network, and what it shows of them."""
    problem = Problem.draw(**options, lr=0.1)
    side = Manual(problem, stages=True)
    side.load_state_dict({**problem.initial_parameters, **problem.initial_buffers()})
    steps, records, before = [], [], dict(problem.initial_parameters)
    for i in range(len(problem.batches)):
        batch = problem.batch(i + 1)
        records.append(side.step(*batch))
        masks = {n: batch[2][layer.dropout] for n, layer in enumerate(problem.layers, start=1) if layer.dropout}
        steps.append(Step(batch[0], batch[1], 0.1, before, i + 1, i - 1 if i else None, masks))
        before = dict(records[-1].params)
    return problem, steps, records


@pytest.mark.parametrize("options", PROBLEMS, ids=lambda options: f"{options['sizes']}")
def test_every_stage_is_what_the_hand_written_network_has(options: dict[str, Any]) -> None:
    problem, steps, records = trained(options)
    run = Run(problem, steps)
    for step, record in enumerate(records):
        assert is_within(record.output, run("output", step))
        assert is_within(record.loss, run("loss", step))
        for number, layer in enumerate(problem.layers, start=1):
            assert is_within(record.activations[layer.activation], run("a", step, number))
            assert is_within(record.errors[layer.linear], run("delta", step, number))
            for kind in kinds(problem, number):
                name = run.name(kind, number)
                assert is_within(record.grads[name], run(f"{kind}_used", step, number))
                assert is_within(record.deltas[name], run(f"{kind}_step", step, number))
                assert is_within(record.params[name], run(f"{kind}_after", step, number))


@pytest.mark.sampled(11)
@pytest.mark.parametrize("options", PROBLEMS, ids=lambda options: f"{options['sizes']}")
def test_every_mistake_can_be_made_where_it_applies(options: dict[str, Any]) -> None:
    """Each gives numbers, or cannot be made with these shapes; and what memory has is what would be worked out anew."""
    problem, steps, _ = trained(options)
    shared = Run(problem, steps)
    for mistake in CATALOGUE:
        for cause in mistake.causes(problem):
            assert "{" not in cause.sentence
            values = []
            for run in (shared.with_formulas(cause.formulas), Run(problem, steps, cause.formulas)):
                with np.errstate(all="ignore"):
                    try:
                        values.append(run.worked_out("weight_after", 1, 1))
                    except ValueError:
                        values.append(None)
            one, other = values
            assert (one is None) == (other is None), cause
            if isinstance(one, Sampled):
                np.testing.assert_array_equal(one.value, other.value, err_msg=cause.sentence)
                np.testing.assert_allclose(one.error, other.error, rtol=3.0, err_msg=cause.sentence)      # sampled anew


def test_an_entry_says_what_it_is() -> None:
    for mistake in CATALOGUE:
        assert mistake.id == mistake.id.lower().replace(" ", "-")
        assert mistake.expected != mistake.actual
        assert kind_of(mistake) != "a factor"
        assert mistake.sentence.format(layer="here")


def test_a_formula_of_every_layer_replaces_that_of_the_first_too() -> None:
    problem = Problem.draw((3, 4, 4, 2), bias=True)
    found = [cause for mistake in CATALOGUE for cause in mistake.causes(problem) if any(stage[0] == "+" for stage in mistake.formulas)]
    assert found
    for cause in found:
        stages = {stage[1:] for stage in cause.mistake.formulas if stage[0] == "+"}
        assert {place for place in cause.formulas if place[0] in stages} == {(stage, layer) for stage in stages for layer in (1, 2, 3)}


def test_what_was_shown_is_what_comes_after_it_is_made_from() -> None:
    problem, steps, _ = trained(PROBLEMS[0])
    shown = {("delta", 0, 2): np.full((7, 1), 0.5)}
    run = Run(problem, steps, shown=shown)
    expected = shown["delta", 0, 2].T @ run("a", 0, 1).value
    assert is_within(expected, run.worked_out("weight_grad", 0, 2))
    assert not is_within(expected, Run(problem, steps).worked_out("weight_grad", 0, 2))
    places = ("grad_delta", 2), ("delta", 2), ("slope", 2), ("error", 0)
    made_from = {place for place in places if run.is_made_from(("weight_grad", 0, 2), {place: RIGHT[place[0]]})}
    assert made_from == {("grad_delta", 2)}


def cause_of(problem: Problem, id: str) -> Cause:
    return next(cause for mistake in CATALOGUE if mistake.id == id for cause in mistake.causes(problem))


def test_what_other_runs_go_into_is_worked_out_anew_for_other_formulas() -> None:
    """An update after each record makes runs of its own: it depends on every formula."""
    problem, steps, _ = trained(PROBLEMS[0])
    shared = Run(problem, steps)
    one_by_one, no_lr = (cause_of(problem, id).formulas for id in ("update-per-record", "lr-missing"))
    shared.with_formulas(one_by_one).worked_out("weight_after", 0, 1)
    both = {**one_by_one, **no_lr}
    kept = shared.with_formulas(both).worked_out("weight_after", 0, 1)
    np.testing.assert_array_equal(kept.value, Run(problem, steps, both).worked_out("weight_after", 0, 1).value)


def test_two_mistakes_that_undo_each_other_where_nothing_is_wrong_are_no_pair() -> None:
    """Weights whose gradient is divided by n once more, and biases that are right: not both divided, and the biases multiplied again."""
    problem, steps, records = trained({"sizes": (4, 3, 2), "bias": True})
    shown = {
        (f"{kind}_used", i, n): records[i].grads[Run(problem, steps).name(kind, n)] for i in range(3) for n in (2, 1) for kind in KINDS[:2]
    }
    wrong = {node: array / len(steps[node[1]].x) if node[0] == "weight_used" and node[2] == 1 else array for node, array in shown.items()}
    layered = [mistake for mistake in CATALOGUE if mistake.id in ("mean-twice-in-layer", "bias-mean-missing")]
    undoing = [mistake for mistake in layered if "weight_used" not in mistake.formulas]
    assert len(undoing) == 2
    assert Matcher(problem, steps, wrong, layered).singles()
    assert not Matcher(problem, steps, wrong, undoing).pairs()


def test_a_slow_mistake_is_looked_for_only_where_no_other_explains_it_all() -> None:
    problem, steps, records = trained({"sizes": (4, 3, 2), "bias": True})
    right = Run(problem, steps)
    shown = {("weight_used", i, n): 2 * records[i].grads[right.name("weight", n)] for i in range(3) for n in (2, 1)}
    twice = next(mistake for mistake in CATALOGUE if mistake.id == "factor-2")
    asked: list[int] = []

    ((stage, formula),) = twice.formulas.items()

    def slow_formula(at: At) -> Any:
        asked.append(at.step)
        return formula(at)

    late = replace(twice, id="late", formulas={stage: slow_formula}, slow=True)
    assert [each.causes[0].id for each in Matcher(problem, steps, shown, [late, twice]).singles()] == ["factor-2"]
    assert not asked
    assert [each.causes[0].id for each in Matcher(problem, steps, shown, [late]).singles()] == ["late"]


def test_what_is_not_looked_for_in_pairs_is_named_beside_what_looks_the_same_in_one() -> None:
    """Gradients that a cast to integers leaves nothing of are missing, and the cast may be why."""
    problem, steps, records = trained({"sizes": (4, 3, 2)})
    right = Run(problem, steps)
    shown = {("weight_used", i, n): 2 * (n == 2) * records[i].grads[right.name("weight", n)] for i in range(3) for n in (2, 1)}
    assert all(np.abs(records[i].grads[right.name("weight", 1)]).max() < 0.5 for i in range(3))
    few = [mistake for mistake in CATALOGUE if mistake.id in ("factor-2", "gradient-missing", "integer-cast")]
    found = Matcher(problem, steps, shown, few).pairs()
    assert {frozenset(cause.id for cause in each.causes) for each in found} == {
        frozenset(("factor-2", "gradient-missing")),
        frozenset(("factor-2", "integer-cast")),
    }


@pytest.mark.parametrize(
    ("right", "shown", "least", "most"), [(0.5, 1e6, 1e-10, 3e-10), (1e-18, 0.5, 1e-16, 1e-13), (0.5, 0.1, 1e-16, 1e-16)]
)
def test_what_was_shown_has_the_rounding_of_its_size(right: float, shown: float, least: float, most: float) -> None:
    """That of larger numbers is larger; of right ones that cancel out, 1e-18 ± 1e-16, it does not grow as the numbers do."""
    error = _error_at(np.array([right]), np.array([1e-16]), np.array([shown]), 1e-13)
    assert least <= error[0] <= most


def test_a_formula_that_reads_everything_does_not_make_all_else_worth_trying() -> None:
    problem, steps, _ = trained(PROBLEMS[0])
    run, node = Run(problem, steps), ("delta", 0, 2)

    def reads_all(at: At) -> Any:
        at.run.reads_everything()
        return at.right("delta")

    run.with_formulas({("delta", 2): reads_all}).worked_out(*node)
    assert run.is_made_from(node, {("error", 0): RIGHT["error"]})
    assert not run.is_made_from(node, {("weight_after", 2): RIGHT["weight_after"]})


def test_what_is_kept_is_bounded_by_what_it_takes_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small arrays take up more than their numbers, and so do the runs of a step's records."""
    problem, steps, _ = trained(PROBLEMS[0])
    monkeypatch.setattr(graph, "MOST_KEPT", 1 << 20)
    run = Run(problem, steps)
    for factor in range(1, 3000):

        def scaled(at: At, factor: int = factor) -> Any:
            return at.right("delta").scaled(factor)

        run.with_formulas({("delta", 2): scaled}).worked_out("delta", 0, 2)
    assert 10 < len(run._memory.values) < 1000
