"""The training step in PyTorch, compiled by `torch.compile`.

The backward pass is written by hand, and the update and the weight gradient are one product (`addmm_`): this was the fastest way to
write the step, faster than autograd inside or outside the compiled function.
"""

import torch
from torch import Tensor
from torch.nn.functional import linear

from benchmarks.work import Competitor
from compare.problem.problem import Problem


def torch_compiled(problem: Problem) -> Competitor:
    """Return the step for the problem's network, which must have biases, relu or sigmoid layers and half-MSE loss."""
    assert problem.bias
    assert problem.loss == "half_mse"
    assert {"relu", "sigmoid"} >= set(problem.activations)
    x, y = (torch.tensor(array) for array in problem.batch(1))
    initial = {name: torch.tensor(array) for name, array in problem.initial_parameters.items()}
    weights = {name: tensor.clone() for name, tensor in initial.items()}
    depth = len(problem.activations)

    def step(parameters: list[Tensor], x: Tensor, y: Tensor) -> Tensor:
        activations = [x]
        for i, name in enumerate(problem.activations):
            z = linear(activations[-1], parameters[2 * i], parameters[2 * i + 1])
            activations.append(torch.sigmoid(z) if name == "sigmoid" else torch.relu(z))
        error = activations[-1] - y
        loss = 0.5 * (error * error).mean()
        back = error / error.numel()
        for i in reversed(range(depth)):
            a = activations[i + 1]
            delta = back * (a * (1 - a)) if problem.activations[i] == "sigmoid" else back * (a > 0)
            if i > 0:
                back = delta @ parameters[2 * i]
            parameters[2 * i].addmm_(delta.T, activations[i], alpha=-problem.lr)
            parameters[2 * i + 1].sub_(problem.lr * delta.sum(0))
        return loss

    compiled = torch.compile(step)

    @torch.no_grad()
    def run(steps: int) -> list[float]:
        parameters = list(weights.values())
        return [float(loss) for loss in [compiled(parameters, x, y) for _ in range(steps)]]

    def reset() -> None:
        for name, tensor in weights.items():
            tensor.copy_(initial[name])

    return Competitor(run, reset, lambda: {name: tensor.numpy() for name, tensor in weights.items()})
