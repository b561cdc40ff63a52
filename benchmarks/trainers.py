"""The two backends as competitors, on a problem's one batch."""

from benchmarks.work import Competitor
from compare.problem.problem import Problem


def manual_trainer(problem: Problem) -> Competitor:
    """Return `manual.fast.train` as a competitor."""
    import manual

    network = manual.Network(problem.sizes, problem.activations, bias=problem.bias, dtype=problem.dtype)
    x, y = problem.batch(1)
    return Competitor(
        run=lambda steps: manual.fast.train(network, x, y, lr=problem.lr, epochs=steps, loss=problem.loss),
        reset=lambda: network.load_state_dict(problem.initial_parameters),
        weights=network.state_dict,
    )


def numpy_trainer(problem: Problem) -> Competitor:
    """Return what `manual.fast.train` runs where Numba is not installed, as a competitor."""
    import manual
    from manual.in_place import InPlace

    network = manual.Network(problem.sizes, problem.activations, bias=problem.bias, dtype=problem.dtype)
    x, y = problem.batch(1)
    steps = InPlace(network, len(x), -problem.lr * manual.fast.FACTORS[problem.loss] / y.size)
    return Competitor(
        run=lambda epochs: steps.train(x, y, epochs),
        reset=lambda: network.load_state_dict(problem.initial_parameters),
        weights=network.state_dict,
    )


def torch_trainer(problem: Problem) -> Competitor:
    """Return `torch_ref.train`, eager, as a competitor; it takes tensors, so that no conversion is timed."""
    import torch

    import torch_ref

    network = torch_ref.Network(problem.sizes, problem.activations, bias=problem.bias, dtype=problem.dtype)
    x, y = (torch.tensor(array) for array in problem.batch(1))
    initial = {name: torch.tensor(array) for name, array in problem.initial_parameters.items()}
    return Competitor(
        run=lambda steps: torch_ref.train(network, x, y, lr=problem.lr, epochs=steps, loss=problem.loss),
        reset=lambda: network.load_state_dict(initial),
        weights=lambda: {name: tensor.detach().numpy() for name, tensor in network.named_parameters()},
    )
