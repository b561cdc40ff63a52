"""W2 and W3: networks of which matrix products take most of the time, held against those products alone."""

from collections.abc import Callable
from functools import cache, partial

from benchmarks.timing import Bar
from benchmarks.trainers import manual_trainer, torch_trainer
from benchmarks.work import Competitor, Row, Work, threads_text
from compare.problem.problem import Problem

MANUAL = "manual.fast.train"
PRODUCTS = "its matrix products alone"
TORCH = "torch_ref.train (eager PyTorch)"
COMPILED = "torch.compile of the step"

DTYPES = ("float32", "float64")
HIDDEN = ("relu", "sigmoid")
RTOL = {"float32": 1e-4, "float64": 1e-9}
STEPS = 50
LARGE_STEPS = 2


@cache
def problem(hidden: str, dtype: str) -> Problem:
    """W2's: 784-256-128-10 with biases, `hidden` activations and a sigmoid output, a batch of 128 records."""
    sizes = (784, 256, 128, 10)
    return Problem.draw(sizes, records=(128,), activations=(hidden, hidden, "sigmoid"), bias=True, lr=0.5, dtype=dtype)


@cache
def large_problem() -> Problem:
    """W3's: 4096-4096-4096-10 with biases, sigmoid, a batch of 512 records, float32."""
    return Problem.draw((4096, 4096, 4096, 10), records=(512,), bias=True, lr=0.5, dtype="float32")


def matrix_products(make: Callable[[], Problem]) -> Competitor:
    """A step's matrix products."""
    from benchmarks.competitors.matrix_products import matrix_products

    return matrix_products(make())


def torch_compiled(make: Callable[[], Problem]) -> Competitor:
    """A step, compiled by PyTorch."""
    from benchmarks.competitors.torch_compiled import torch_compiled

    return torch_compiled(make())


def _rows(make: Callable[[], Problem], steps: int, check_steps: int) -> tuple[Row, ...]:
    def row(name: str, competitor: Callable[[], Competitor], agrees_with: str | None) -> Row:
        return Row(name, competitor, steps, "ms a step", 1e3 / steps, agrees_with, check_steps)

    return (
        row(MANUAL, lambda: manual_trainer(make()), None),
        row(PRODUCTS, partial(matrix_products, make), None),
        row(TORCH, lambda: torch_trainer(make()), MANUAL),
        row(COMPILED, partial(torch_compiled, make), MANUAL),
    )


def _classifier(hidden: str, dtype: str, threads: int) -> Work:
    return Work(
        key="W2",
        title=f"784-256-128-10 {hidden}, biases, batch 128, {dtype}; {threads_text(threads)}",
        threads=threads,
        rounds=15,
        rows=_rows(partial(problem, hidden, dtype), STEPS, check_steps=5),
        bars=(
            Bar(MANUAL, PRODUCTS, at_most=1.15 if threads == 1 else 1.3),
            Bar(TORCH, MANUAL, at_least=1.2),
            Bar(MANUAL, COMPILED, at_most=1),
        ),
        rtol=RTOL[dtype],
    )


def _large(threads: int) -> Work:
    return Work(
        key="W3",
        title=f"4096-4096-4096-10 sigmoid, biases, batch 512, float32; {threads_text(threads)}",
        threads=threads,
        rounds=5,
        rows=_rows(large_problem, LARGE_STEPS, LARGE_STEPS)[:3],
        bars=(Bar(MANUAL, PRODUCTS, at_most=1.08), Bar(TORCH, MANUAL, at_least=1.15)),
        rtol=RTOL["float32"],
    )


WORKS = (
    *(_classifier(hidden, dtype, threads) for threads in (1, 2) for dtype in DTYPES for hidden in HIDDEN),
    *(_large(threads) for threads in (1, 2)),
)
