"""The honest neighbours train as PyTorch does, on ordinary batches and where limits show."""

from dataclasses import replace

import numpy as np
import pytest

from compare.problem.from_dict import declared_problem
from compare.sides.torch_ref import TorchRef
from tests.mistakes.limit import RELU, before
from tests.mistakes.neighbours import Neighbour, neighbour, neighbours
from tests.mistakes.running import trained
from tests.mistakes.witness import Witness

NEIGHBOURS = {f"{program.name} {program.network.sizes}": program for program in neighbours()}
WITNESSES = (
    Witness((7, 6, 5)),
    Witness((1, 1), lr=1.0),
    Witness((300,)),
    Witness((7, 7), same=True),
    Witness((5,), x=30.0, z={1: 9.0, 2: 9.0}),
    Witness((5,), z={1: 0.5, 2: 1.0}, bias={1: 20.0, 2: 7.0}),
)


def is_right(program: Neighbour) -> None:
    for witness in WITNESSES:
        is_right_on(witness, program)


def is_right_on(witness: Witness, program: Neighbour) -> None:
    params, batches, lrs = witness.drawn(program.network)
    problem = declared_problem({**program.network.problem(), "lr": lrs[0]})
    side = TorchRef(replace(problem, batches=tuple(batches), initial_parameters=params))
    side.load_state_dict(params)
    for x, y in batches:
        side.step(x, y)
    with np.errstate(under="ignore"):
        actual = trained(program.text, params, batches, lrs)
    for name, expected in side.state_dict().items():
        np.testing.assert_allclose(actual[name], expected, rtol=1e-9, atol=1e-11, err_msg=name)


@pytest.mark.parametrize("program", NEIGHBOURS.values(), ids=NEIGHBOURS)
def test_it_is_right(program: Neighbour) -> None:
    is_right(program)


def test_one_that_is_not_is_seen() -> None:
    wrong = neighbour(RELU, "relu capped", before("    W2 = params[", "a1 = np.minimum(a1, 6)"))
    with pytest.raises(AssertionError, match="weight"):
        is_right(wrong)
