"""What is held out: so many texts, each of which trains otherwise than it should."""

import pytest

from tests.mistakes.held_out import HELD_OUT, LISTED, UNLISTED, HeldOut, held_out
from tests.mistakes.networks import NETWORKS
from tests.mistakes.running import gap, problem, trained
from tests.mistakes.trainer import STYLES, source

FOUND = list(held_out())


@pytest.mark.parametrize("each", FOUND, ids=lambda each: f"{each.name}, {each.style.name}")
def test_it_changes_the_weights(each: HeldOut) -> None:
    for seed in (21, 22, 23):
        drawn = problem(each.network, seed)
        given = dict(drawn.initial_parameters), list(drawn.batches)
        if gap(trained(source(each.network, each.style), *given), trained(each.text, *given)) > 1e-9:
            return
    pytest.fail("it changes no weight")


def test_there_are_as_many_in_each_style_and_of_no_network_that_is_planted_in() -> None:
    assert len(FOUND) == len({each.text for each in FOUND}) == LISTED + UNLISTED == 220
    assert [each.text for each in held_out()] == [each.text for each in FOUND]
    for style in STYLES:
        assert sum(each.style == style and bool(each.truth) for each in FOUND[:LISTED]) == LISTED / len(STYLES)
    assert not any(network in NETWORKS for network in HELD_OUT)
