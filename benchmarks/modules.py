"""W8: what comparing any module costs, over the same two trainings and beside PyTorch's `gradcheck`; and what each sees."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks import networks
from benchmarks.timing import Bar
from benchmarks.work import Competitor, Row, Work
from compare.problem.of_module import ModuleProblem

Make = Callable[[], tuple[nn.Module, ModuleProblem]]
COMPARED = "lockstep, every number of every step compared"
NOT_COMPARED = "the same steps of both sides, nothing compared"
OURS, SLOW, FAST = "assert_same_gradients", "torch.autograd.gradcheck", "torch.autograd.gradcheck(fast_mode=True)"
CLOSE, ALLCLOSE = "torch.testing.assert_close of the gradients", "numpy.allclose of the gradients"
STEPS, MOST = 100, 17


def compared(make: Make) -> Competitor:
    """Return the lockstep of the two forms as a competitor."""
    from compare.lockstep.of_module import train_beside_module

    candidate, problem = make()

    def run(steps: int) -> None:
        comparison = train_beside_module(candidate, problem, steps=steps)
        assert comparison.verdict == "equivalent", comparison.explanation()
        assert comparison.steps == steps

    return Competitor(run)


def not_compared(make: Make) -> Competitor:
    """Return a competitor that trains both forms, one after the other, and shows and compares nothing."""
    from compare.sides.module import ModuleSide

    candidate, problem = make()
    sides = [ModuleSide(problem, plain=True), ModuleSide(problem, candidate)]

    def run(steps: int) -> None:
        for side in sides:
            for number in range(1, steps + 1):
                side.train(number, problem.batch(number))

    return Competitor(run)


class Scaled(torch.autograd.Function):
    """tanh, with a gradient that is off by a factor."""

    @staticmethod
    def forward(ctx: object, x: Tensor, factor: float) -> Tensor:
        """Return tanh x."""
        y = torch.tanh(x)
        ctx.save_for_backward(y)  # type: ignore[attr-defined]
        ctx.factor = factor  # type: ignore[attr-defined]
        return y

    @staticmethod
    def backward(ctx: object, grad: Tensor) -> tuple[Tensor, None]:
        """Return ∂L/∂x · factor."""
        (y,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return grad * (1 - y * y) * ctx.factor, None  # type: ignore[attr-defined]


class Network(nn.Module):
    """Two linear layers with a tanh between, whose gradient may be off by a factor."""

    def __init__(self, units: int, factor: float = 1.0) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(units, units, dtype=torch.float64), nn.Linear(units, 4, dtype=torch.float64)
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores (n, 4)."""
        hidden = torch.tanh(self.first(x)) if self.factor == 1 else Scaled.apply(self.first(x), self.factor)  # type: ignore[no-untyped-call]
        return self.second(hidden)  # type: ignore[no-any-return]


def _drawn(units: int, factor: float = 1.0) -> tuple[Network, Tensor]:
    torch.manual_seed(units)
    return Network(units, factor), torch.randn(8, units, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def _accepts(how: str, units: int, factor: float) -> bool:
    """Return whether a check accepts the network whose gradient is off by that factor; the first is right."""
    from torch.func import functional_call

    from compare import NotEquivalentError, assert_same_gradients

    (right, x), (wrong, _) = _drawn(units), _drawn(units, factor)
    names = list(dict(wrong.named_parameters()))

    def of(*parameters: Tensor) -> Tensor:
        return functional_call(wrong, dict(zip(names, parameters, strict=True)), (x,))  # type: ignore[no-any-return]

    def gradients(module: nn.Module) -> list[Tensor]:
        return list(torch.autograd.grad(module(x).square().sum(), list(module.parameters())))

    try:
        if how == OURS:
            assert_same_gradients(wrong, right, x)
        elif how == CLOSE:
            torch.testing.assert_close(gradients(wrong), gradients(right))
        elif how == ALLCLOSE:
            return all(np.allclose(a.numpy(), b.numpy()) for a, b in zip(gradients(wrong), gradients(right), strict=True))
        else:
            inputs = [parameter.detach().requires_grad_() for parameter in wrong.parameters()]
            return bool(torch.autograd.gradcheck(of, inputs, fast_mode=how == FAST))
    except (NotEquivalentError, AssertionError, RuntimeError):      # gradcheck's is a RuntimeError
        return False
    return True


def seen(how: str) -> Competitor:
    """Return a competitor that reads the largest k for which a gradient times 1 − 1e-k is found wrong."""

    def read() -> float:
        assert _accepts(how, 8, 1.0), f"{how} refuses the right gradient"
        return float(max((k for k in range(1, MOST) if not _accepts(how, 8, 1 - 10.0**-k)), default=0))

    return Competitor(read=read)


def checked(how: str, units: int) -> Competitor:
    """Return the check of one right network as a competitor."""

    def run(steps: int) -> None:
        assert _accepts(how, units, 1.0)

    return Competitor(run)


def _lockstep(title: str, make: Make) -> Work:
    rows = (Row(NOT_COMPARED, partial(not_compared, make), STEPS), Row(COMPARED, partial(compared, make), STEPS))
    title = f"{title}, {STEPS} steps; one thread"
    return Work("W8", title, threads=1, rounds=5, rows=rows, bars=(Bar(COMPARED, NOT_COMPARED, at_most=3),))


def _cost(units: int) -> Work:
    parameters = sum(each.numel() for each in Network(units).parameters())
    bar = 5 if parameters >= 1000 else None
    return Work(
        key="W8",
        title=f"gradients of {parameters} parameters, batch 8; one thread",
        threads=1,
        rounds=3,
        rows=tuple(Row(how, partial(checked, how, units)) for how in (OURS, SLOW, FAST)),
        bars=(Bar(SLOW, OURS, at_least=bar), Bar(FAST, OURS, at_least=bar)),
    )


WORKS = (
    *(_lockstep(f"lockstep on a LeNet, batch 64, {dtype}", partial(networks.lenet, dtype)) for dtype in ("float64", "float32")),
    *(_lockstep(f"lockstep on a two-block GPT, batch 16 × 32, {dtype}", partial(networks.gpt, dtype)) for dtype in ("float64", "float32")),
    *(_cost(units) for units in (8, 32, 128)),
    Work(
        key="W8",
        title="a gradient times 1 − 1e-k is found wrong down to k, in float64",
        threads=1,
        rounds=1,
        rows=tuple(Row(how, partial(seen, how), unit="k") for how in (OURS, SLOW, FAST, CLOSE, ALLCLOSE)),
        bars=(Bar(OURS, at_least=12),),
    ),
)
