"""Each witness shows its limit, and the honest program is right there; some limits are noticed by the check."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compare import check
from compare.problem.from_dict import declared_problem
from compare.sides.torch_ref import TorchRef
from tests.mistakes.compact import compact, shown
from tests.mistakes.limit import NAMED
from tests.mistakes.limits import Limit, limits
from tests.mistakes.running import Arrays, gap, trained
from tests.mistakes.witness import Given

pytestmark = [pytest.mark.sampled(20), pytest.mark.all_trials]

LIMITS = {limit.name: limit for limit in limits()}
SHOWS = 2e-8      # relative: a hundred million times what rounding does
LARGEST, MOST_RECORDS, MOST_STEPS = 1500.0, 600, 20

each_limit = pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)


def by_torch(limit: Limit, given: Given) -> Arrays:
    """The witness's steps by PyTorch."""
    params, batches, lrs = given
    problem = declared_problem({**limit.network.problem(), "lr": lrs[0]})
    side = TorchRef(replace(problem, batches=tuple(batches), initial_parameters=params))
    side.load_state_dict(params)
    for x, y in batches:
        side.step(x, y)
    return side.state_dict()


@each_limit
def test_its_witness_shows_it(limit: Limit) -> None:
    given = limit.witness.drawn(limit.network)
    honest = trained(compact(limit.network), *given)
    if "raises" in limit.name:
        with pytest.raises((TypeError, ValueError)):
            trained(limit.text, *given)
    else:
        with np.errstate(all="ignore"):
            assert not gap(honest, trained(limit.text, *given)) <= SHOWS


@each_limit
def test_its_witness_is_within_reason_and_the_honest_program_right(limit: Limit) -> None:
    given = limit.witness.drawn(limit.network)
    expected, actual = by_torch(limit, given), trained(compact(limit.network), *given)
    for name in expected:
        np.testing.assert_allclose(actual[name], expected[name], rtol=1e-9, atol=1e-12, err_msg=name)
    params, batches, _ = given
    assert len(batches) <= MOST_STEPS
    assert sum(len(x) for x, _ in batches) <= MOST_RECORDS
    for array in (*params.values(), *expected.values(), *(each for batch in batches for each in batch)):
        assert np.abs(array).max() <= LARGEST


def test_no_two_limits_have_one_name_or_one_text() -> None:
    assert len(LIMITS) == len(list(limits())) >= 80
    assert len({limit.text for limit in LIMITS.values()}) == len(LIMITS)


NOTICED = (
    "classes: gradients clipped at 5",
    "relu: whole targets in 8 bits",
    "classes: whole inputs from 0 to 255 taken for pixels",
    "relu: targets of -1 and 1 made 0 and 1",
    "binary: zeros ten times where they are rare",
    "relu: half the rate after three rises",
    "relu: no step where the loss is ten times the mean of five",
    "classes: no step where all of more than 8 records are right",
    "relu: inputs kept by what is printed of x",
    "classes: gradients held back where their norm is three times the mean so far",
    "binary: all gradients' norm at most 5",
    "relu: the first 10 records alone",
    "lesson: inputs clipped at 10",
    "classes: gradients kept by the bytes of x",
    "momentum: targets clipped to [0, 1]",
    "deep: whole batches of 75 where there are more",
    "binary: records with targets of 0 left out",
    "momentum: velocity lost where a gradient is 0",
    "classes: a class that does not occur is left out",
    "momentum: velocity forgotten where the loss has risen fourfold",
    "deep: rate halved after five steps without progress",
    "relu: the first 512 records alone",
    "binary: a record right after itself left out",
    "relu: no step where all targets are 0 or 1",
    "classes: classes counted from the least of the batch",
    "binary: no step where all targets are the same",
    "deep: an input left out that is the same in every record",
    "lesson: inputs over 255 where none is below 0",
    "deep: z within 0.000001 counts as 0",
    "relu: no step where all gradients are close to 0",
    "momentum: no step of a weight whose gradients are all 0",
    "deep: no step where each layer has weights all alike",
)


@pytest.mark.sampled(99)
@pytest.mark.parametrize("name", NOTICED)
@pytest.mark.parametrize("shows", [False, True], ids=["new weights", "more"])
def test_it_is_noticed(name: str, shows: bool, tmp_path: Path) -> None:
    path = tmp_path / "attempt.py"
    path.write_text(LIMITS[name].showing if shows else LIMITS[name].text, encoding="utf-8")
    assert check(path, seed=4).verdict == "different"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMED)
def test_without_a_limit_it_is_equivalent(name: str, tmp_path: Path) -> None:
    path = tmp_path / "attempt.py"
    path.write_text(compact(NAMED[name]) + shown(NAMED[name]), encoding="utf-8")
    assert check(path, seed=4).verdict == "equivalent"
