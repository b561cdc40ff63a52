"""W2 and W3: networks whose time goes mostly into matrix products, compared with those products alone."""

from collections.abc import Callable
from functools import cache, partial

from benchmarks.timing import Bar
from benchmarks.trainers import manual_trainer, torch_trainer
from benchmarks.work import Competitor, Row, Work, competitor, threads_text
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
    """Return W2's problem: 784-256-128-10 with biases, `hidden` activations and a sigmoid output, a batch of 128 records."""
    sizes = (784, 256, 128, 10)
    return Problem.draw(sizes, records=(128,), activations=(hidden, hidden, "sigmoid"), bias=True, lr=0.5, dtype=dtype)


@cache
def large_problem() -> Problem:
    """Return W3's problem: 4096-4096-4096-10 with biases, sigmoid, a batch of 512 records, float32."""
    return Problem.draw((4096, 4096, 4096, 10), records=(512,), bias=True, lr=0.5, dtype="float32")


def _rows(make: Callable[[], Problem], steps: int, check_steps: int) -> tuple[Row, ...]:
    def row(name: str, build: Callable[[], Competitor], agrees_with: str | None) -> Row:
        return Row(name, build, steps, "ms a step", 1e3 / steps, agrees_with, check_steps)

    return (
        row(MANUAL, lambda: manual_trainer(make()), None),
        row(PRODUCTS, competitor(make, "matrix_products"), None),
        row(TORCH, lambda: torch_trainer(make()), MANUAL),
        row(COMPILED, competitor(make, "torch_compiled"), MANUAL),
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
