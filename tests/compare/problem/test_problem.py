"""What can be trained, and what is refused."""

import numpy as np
import pytest

import manual
import torch_ref
from compare import Problem, ProblemError
from compare.formulas import activations, losses, optimizers
from compare.problem import pieces

BATCH = (np.ones((2, 3)), np.ones((2, 1)))


def test_one_name_is_for_all_layers() -> None:
    assert Problem(sizes=(3, 2, 1), activations="tanh", batches=((np.ones((2, 3)), np.ones((2, 1))),)).activations == ("tanh", "tanh")


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"sizes": (3,)}, "sizes"),
        ({"sizes": (3, 0)}, "sizes"),
        ({"sizes": (3, 1.5)}, "sizes"),
        ({"activations": "sigmoidal"}, "activation is 'sigmoidal'; expected one of sigmoid"),
        ({"activations": ("tanh", "tanh")}, "one for each of 1 layers"),
        ({"loss": "quadratic"}, "loss"),
        ({"dtype": "float16"}, "dtype"),
        ({"lr": 0.0}, "lr"),
        ({"lr": -1.0}, "lr"),
        ({"lr": float("nan")}, "lr is nan"),
        ({"lr": float("inf")}, "lr"),
        ({"lr": "fast"}, "lr"),
        ({"lr": 10**400}, "lr"),
        ({"batches": BATCH}, "expected a pair"),
        ({"batches": ((BATCH[0],),)}, "expected a pair"),
        ({"lr": 1e-60, "dtype": "float32"}, "float32 can hold"),
        ({"lr": 1e60, "dtype": "float32"}, "float32 can hold"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**32}, "seed"),
        ({"batches": ()}, "no batch"),
        ({"batches": ((np.ones((2, 2)), np.ones((2, 1))),)}, "batch has x"),
        ({"batches": ((np.ones((2, 3)), np.ones(2)),)}, "batch has x"),
        ({"batches": ((np.ones((2, 3)), np.ones((3, 1))),)}, "batch has x"),
        ({"batches": ((np.ones((0, 3)), np.ones((0, 1))),)}, "batch has x"),
        ({"batches": ((np.full((2, 3), np.nan), np.ones((2, 1))),)}, "not finite"),
        ({"batches": ((np.full((2, 3), 1e60), np.ones((2, 1))),), "dtype": "float32"}, "not finite in float32"),
        ({"initial_parameters": {"0.weight": np.ones((3, 1))}}, "initial parameters"),
        ({"initial_parameters": {"0.weight": np.full((1, 3), np.inf)}}, "not finite"),
    ],
)
def test_a_problem_that_cannot_be_trained_is_refused(wrong: dict, complaint: str) -> None:
    with pytest.raises(ProblemError, match=complaint):
        Problem(**{"sizes": (3, 1), "batches": (BATCH,)} | wrong)


def test_both_backends_and_the_formulas_have_every_piece_of_the_table() -> None:
    assert list(pieces.ACTIVATIONS) == list(manual.ACTIVATIONS) == list(torch_ref.ACTIVATIONS) == list(activations.ACTIVATIONS)
    assert list(pieces.LOSSES) == list(manual.LOSSES) == list(torch_ref.LOSSES) == list(losses.LOSSES)
    assert list(pieces.NORMALIZATIONS) == list(manual.NORMALIZATIONS) == list(torch_ref.NORMALIZATIONS)
    assert list(pieces.OPTIMIZERS) == list(manual.OPTIMIZERS) == list(torch_ref.OPTIMIZERS) == list(optimizers.OPTIMIZERS)
