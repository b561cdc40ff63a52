"""What the score makes of answers: each bar is missed by the answer that it is to catch, and each kind can be run alone."""

from collections import Counter
from itertools import islice

import pytest

from tests.mistakes.honest import variants
from tests.mistakes.networks import NETWORKS
from tests.mistakes.trainer import STYLES, source
from tests.score import KINDS, UNSTABLE, Case, Outcome, answered, bars, cases, table

HONEST = source(NETWORKS[0])


def outcome(kind: str, verdict: str, *, named: bool = False, wrong: bool = False, true: bool = False, style: int = 0) -> Outcome:
    case = Case(kind, NETWORKS[0], HONEST, (("slope-missing",),), style=STYLES[style])
    return Outcome(case, "stages", verdict, named, wrong, true, true, True, False, 0.1, "")


@pytest.mark.parametrize(
    ("good", "bad", "missed"),
    [
        (outcome("limit", "different"), outcome("limit", "equivalent"), {"noticed"}),
        (outcome("limit", "could not run"), outcome("limit", "equivalent"), {"noticed"}),
        (outcome("neighbour", "equivalent"), outcome("neighbour", "unstable formula"), {"false alarm"}),
        (outcome("held-out", "different"), outcome("held-out", "different", named=True, wrong=True), {"wrong name"}),
        (outcome("held-out", "different"), outcome("held-out", "equivalent"), {"noticed"}),
    ],
)
def test_a_bar_is_missed_by_what_it_is_to_catch(good: Outcome, bad: Outcome, missed: set[str]) -> None:
    kind = good.case.kind
    assert {bar.name for bar in bars([good], "stages") if bar.kind == kind and not bar.is_met} == set()
    assert {bar.name for bar in bars([good, bad], "stages") if bar.kind == kind and not bar.is_met} == missed


def test_each_style_has_rates_of_its_own() -> None:
    right = [outcome("single", "different", named=True, true=True, style=style) for style in range(4)]
    wrong = outcome("single", "different", named=True, wrong=True, style=2)
    missed = {(bar.kind, bar.name) for bar in bars([*right, wrong], "stages") if bar.rate == bar.rate and not bar.is_met}
    of_styles = {(kind, name) for kind, name in missed if kind != "single"}
    assert of_styles == {("single, δ of y − ŷ divided", name) for name in ("truth among the named", "wrong name")}
    assert "| single, δ of y − ŷ per record (1) | wrong name |" in table(right)


def test_single_mistakes_are_in_each_style_as_often() -> None:
    found = Counter(case.style for case in cases(1, 0, 0, "single"))
    assert set(found) == set(STYLES)
    assert max(found.values()) < 1.4 * min(found.values())


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "pair"])
def test_a_kind_can_be_run_alone(kind: str) -> None:
    some = list(cases(50, 2, 0, kind))
    assert some
    assert {case.kind for case in some} == {kind}


@pytest.mark.all_trials
def test_a_limit_that_shows_in_what_is_shown_alone_is_checked_there() -> None:
    case = Case("limit", NETWORKS[0], HONEST, showing=HONEST.replace("1 - a * a", "1").replace("a * (1 - a)", "1"))
    assert answered(case, "black box", 1).verdict == "equivalent"
    assert answered(case, "stages", 1).verdict == "different"


@pytest.mark.slow
@pytest.mark.all_trials
def test_a_gradient_that_is_held_from_below_is_equal_on_problems_drawn_at_random() -> None:
    """At this seed a bias 780 times as large makes a gradient of e⁻⁷⁸⁰, which the program holds at e⁻⁷⁰⁰; no new weight shows it."""
    held = next(case for case in cases(1, 0, 0, "neighbour") if "-700" in case.label and case.network.sizes == (4, 5, 3))
    assert answered(held, "stages", 5842).verdict == "equivalent"


@pytest.mark.slow
@pytest.mark.all_trials
def test_a_textbook_softmax_is_unstable_where_one_step_throws_its_scores_far() -> None:
    """At this seed the step with every class wrong makes scores of 98,580, whose exponentials overflow."""
    network = next(each for each in NETWORKS if each.sizes == (4, 5, 5, 3) and each.loss == "cross_entropy")
    text = next(islice(variants(network, 279, 0), 278, None))
    assert "np.exp(z) / np.sum(np.exp(z)" in text
    assert answered(Case("honest", network, text), "stages", 10683).verdict == UNSTABLE
