"""The networks of W10 by HIPS autograd, which derives NumPy code."""

from typing import Any

import autograd.numpy as anp
from autograd import grad
from autograd.scipy.special import erf

from benchmarks.competitors.written_networks import Library, loss
from benchmarks.work import Competitor
from compare.problem.of_module import ModuleProblem
from compare.sides.by_hand import ByHand


def competitor(name: str, side: ByHand, problem: ModuleProblem) -> Competitor:
    """Return the training of the problem's network."""
    gradient = grad(lambda p, x, y: loss(name, Library(anp, erf, convolved), p, x, y))
    optimizer = side.optimizer      # which takes gradients by name, whatever made them
    params = side.layer.parameters()

    def run(steps: int) -> None:
        for number in range(1, steps + 1):
            optimizer.step(side.layer, gradient(dict(params), *problem.batch(number)))

    return Competitor(run, lambda: side.load_state_dict(problem.initial_parameters), lambda: params)


def convolved(x: Any, weight: Any) -> Any:
    """Return the convolution as a sum over the kernel's places."""
    height, width = x.shape[2:]
    padded = anp.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), "constant")
    patches = anp.stack([padded[:, :, i : i + height, j : j + width] for i in range(3) for j in range(3)], axis=2)
    columns = anp.transpose(patches.reshape(len(x), -1, height * width), (0, 2, 1))
    z = columns @ weight.reshape(len(weight), -1).T
    return anp.transpose(z, (0, 2, 1)).reshape(len(x), len(weight), height, width)


