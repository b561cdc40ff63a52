"""PyTorch's side passes a batch to the device once, and never takes another for it."""

import numpy as np

from compare.problem.lesson import lesson_problem
from compare.sides.torch_ref import TorchRef


def test_the_same_inputs_with_other_targets_are_another_batch() -> None:
    """A full-batch loop hands in the same arrays in every step, whose tensors are used again; here the second step has other targets."""
    problem = lesson_problem(bias=True)
    ((x, y),) = problem.batches
    both, alone = TorchRef(problem), TorchRef(problem)
    both.load_state_dict(problem.initial_parameters)
    both.step(x, y)
    alone.load_state_dict(both.state_dict())
    for targets in (1 - y, y):
        expected = alone.step(x.copy(), targets)
        np.testing.assert_equal(both.step(x, targets).grads, expected.grads)
