"""W10: a training step of a LeNet, a GPT and an LSTM by hand, beside eager PyTorch, HIPS autograd, JAX and scalar code; and its memory."""

import tracemalloc
from collections.abc import Callable
from functools import partial
from importlib import import_module

from benchmarks.timing import Bar
from benchmarks.work import Competitor, Row, Work
from compare.problem.of_module import ModuleProblem
from compare.sides.by_hand import ByHand

MANUAL, TORCH = "by hand", "eager PyTorch"
AUTOGRAD, JAX, SCALARS = "HIPS autograd", "JAX, the step compiled by jit", "scalars, as micrograd has them"
MEMORY, TORCH_MEMORY = "most memory of a step by hand", "of a step of eager PyTorch"
STEPS = 10
BARS = {"lenet": 2.5, "gpt-text": 1.5, "lstm": 1.0}      # times eager PyTorch
SHAPES = {"lenet": "batch 64", "gpt-text": "batch 16 × 32 characters", "lstm": "batch 64, 8 rows of 8 pixels"}
LR, MOMENTUM = 0.01, 0.9
_RTOL = {"float64": 1e-9, "float32": 1e-3}


def sides(name: str, dtype: str) -> tuple[ByHand, ModuleProblem]:
    """Return the side by hand and the problem of its twin."""
    from compare.problem.networks import NETWORKS
    from compare.sides.networks import network_sides

    row = NETWORKS[name]
    records = row.read(None, 21)
    how = {"batch_size": row.batch_size, "optimizer": "sgd", "optimizer_options": {"momentum": MOMENTUM}, "lr": LR}
    return network_sides(name, records, epochs=1, dtype=dtype, stages=False, **how)


def by_hand(name: str, dtype: str) -> Competitor:
    """Return the side by hand, without its record."""
    side, problem = sides(name, dtype)
    layer, loss, optimizer = side.layer, side.loss, side.optimizer
    batches = [problem.batch(number) for number in range(1, STEPS + 1)]

    def run(steps: int) -> None:
        for x, y in batches[:steps]:
            optimizer.step(layer, layer.gradients(loss.gradient(layer.forward(x), y)))

    return Competitor(run, partial(side.load_state_dict, problem.initial_parameters), layer.parameters)


def eager(name: str, dtype: str) -> Competitor:
    """Return the twin with `torch.optim.SGD`, eager."""
    import torch

    import torch_ref

    _, problem = sides(name, dtype)
    module, loss = problem.module, torch_ref.CrossEntropy()
    batches = [tuple(torch.tensor(each) for each in problem.batch(number)) for number in range(1, STEPS + 1)]
    initial = {key: torch.tensor(array) for key, array in problem.initial_parameters.items()}
    fresh = [torch.optim.SGD(module.parameters(), lr=LR, momentum=MOMENTUM)]

    def reset() -> None:
        module.load_state_dict(initial)
        fresh[0] = torch.optim.SGD(module.parameters(), lr=LR, momentum=MOMENTUM)

    def run(steps: int) -> None:
        for x, y in batches[:steps]:
            fresh[0].zero_grad()
            loss(module(x), y).backward()
            fresh[0].step()

    return Competitor(run, reset, lambda: {key: each.detach().numpy() for key, each in module.named_parameters()})


def other(module: str, name: str, dtype: str) -> Competitor:
    """Return the competitor of that module of `benchmarks.competitors`, importing it only then, since it may not be installed."""
    made: Competitor = import_module(f"benchmarks.competitors.{module}").competitor(name, *sides(name, dtype))
    return made


def memory(name: str, dtype: str) -> Competitor:
    """Return the most that a step by hand has in use beyond what it begins with, in bytes."""

    def read() -> float:
        competitor = by_hand(name, dtype)      # which has stored nothing yet
        tracemalloc.start()
        competitor.run(1)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most / 2**20

    return Competitor(read=read)


def torch_memory(name: str, dtype: str) -> Competitor:
    """Return the same of PyTorch's step, by its profiler."""
    from torch.profiler import ProfilerActivity, profile

    competitor = eager(name, dtype)

    def read() -> float:
        competitor.run(1)
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
            competitor.run(1)
        used = most = 0
        for event in sorted(found.profiler.kineto_results.events(), key=lambda event: event.start_ns()):  # type: ignore[union-attr]
            if event.name() == "[memory]":
                used += event.nbytes()
                most = max(most, used)
        return most / 2**20

    return Competitor(read=read)


def _work(name: str, dtype: str) -> Work:
    def row(title: str, make: Callable[[], Competitor], agrees_with: str | None = MANUAL) -> Row:
        return Row(title, make, STEPS, "ms a step", 1e3 / STEPS, agrees_with)

    rows = [
        row(MANUAL, partial(by_hand, name, dtype), None),
        row(TORCH, partial(eager, name, dtype)),
        row(AUTOGRAD, partial(other, "hips_autograd", name, dtype)),
        row(JAX, partial(other, "jax_networks", name, dtype)),
    ]
    bars = [Bar(MANUAL, TORCH, at_most=BARS[name]), Bar(AUTOGRAD, MANUAL, at_least=3), Bar(MANUAL, JAX)]
    if name == "lenet":
        if dtype == "float64":
            rows.append(Row(SCALARS, partial(other, "scalars", name, dtype), 1, "ms a step", 64e3, once=True))
            bars.append(Bar(SCALARS, MANUAL))
        rows += [
            Row(MEMORY, partial(memory, name, dtype), unit="MB", once=True),
            Row(TORCH_MEMORY, partial(torch_memory, name, dtype), unit="MB", once=True),
        ]
        bars.append(Bar(MEMORY, TORCH_MEMORY, at_most=2))
    title = f"{name} by hand, {SHAPES[name]}, {dtype}"
    return Work("W10", title, threads=1, rounds=9, rows=tuple(rows), bars=tuple(bars), rtol=_RTOL[dtype])


WORKS = tuple(_work(name, dtype) for name in BARS for dtype in ("float64", "float32"))
