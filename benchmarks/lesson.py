"""W1: the lesson, trained by all competitors."""

from collections.abc import Callable
from functools import cache

from benchmarks.timing import Bar
from benchmarks.trainers import manual_trainer, numpy_trainer, torch_trainer
from benchmarks.work import Competitor, Row, Work, competitor
from compare.problem.lesson import EPOCHS, lesson_problem
from compare.problem.problem import Problem

PART = 30      # the record loop runs 1/30 of the epochs: it is slow

MANUAL = "manual.fast.train"
WITHOUT_NUMBA = "manual.fast.train without Numba"
TORCH = "torch_ref.train (eager PyTorch)"
RECORD_LOOP = f"the lesson's record loop (1/{PART} of the epochs, times {PART})"
SCIKIT_LEARN = "scikit-learn MLPRegressor (its output is linear)"
NUMBA = "numba, loop over records"
PLAIN = "plain NumPy"
JAX = "jax.lax.scan"
JAX_BY_HAND = "jax.lax.scan, gradients by hand, transposed"
C_LOOP = "C, loop over records"


@cache
def problem() -> Problem:
    """Return the lesson's problem: 6-2-1, sigmoid, 360 records."""
    return lesson_problem()


def _row(name: str, make: Callable[[], Competitor], agrees_with: str | None = MANUAL) -> Row:
    return Row(name, make, steps=EPOCHS, agrees_with=agrees_with)


WORKS = (
    Work(
        key="W1",
        title=f"the lesson: 6-2-1 sigmoid, 360 records at once, {EPOCHS} epochs, float64; one thread",
        threads=1,
        rounds=31,
        rows=(
            _row(MANUAL, lambda: manual_trainer(problem()), agrees_with=None),
            _row(WITHOUT_NUMBA, lambda: numpy_trainer(problem())),
            _row(C_LOOP, competitor(problem, "c_loop")),
            _row(JAX, competitor(problem, "jax_scan")),
            _row(JAX_BY_HAND, competitor(problem, "jax_scan", "jax_scan_transposed")),
            _row(NUMBA, competitor(problem, "numba_loop")),
            _row(PLAIN, competitor(problem, "plain_numpy")),
            _row(SCIKIT_LEARN, competitor(problem, "scikit_learn"), agrees_with=None),
            _row(TORCH, lambda: torch_trainer(problem())),
            Row(RECORD_LOOP, competitor(problem, "record_loop"), steps=EPOCHS // PART, scale=1e3 * PART, agrees_with=MANUAL),
        ),
        bars=(
            Bar(TORCH, MANUAL, at_least=15),
            Bar(RECORD_LOOP, MANUAL, at_least=250),
            Bar(SCIKIT_LEARN, MANUAL, at_least=6),
            Bar(NUMBA, MANUAL, at_least=1.3),
            Bar(PLAIN, MANUAL, at_least=2.2),
            Bar(MANUAL, JAX, at_most=1),
            Bar(MANUAL, JAX_BY_HAND, at_most=1),
            Bar(MANUAL, C_LOOP, at_most=2),
            Bar(WITHOUT_NUMBA, MANUAL),
        ),
    ),
)
