"""W1: the lesson, trained in every way there is."""

from collections.abc import Callable
from functools import cache

from benchmarks.timing import Bar
from benchmarks.trainers import manual_trainer, torch_trainer
from benchmarks.work import Competitor, Row, Work
from compare.problem.lesson import EPOCHS, lesson_problem
from compare.problem.problem import Problem

PART = 30      # the record loop runs 1/30 of the epochs

MANUAL = "manual.fast.train"
TORCH = "torch_ref.train (eager PyTorch)"
RECORD_LOOP = f"the lesson's record loop (1/{PART} of the epochs, times {PART})"
SCIKIT_LEARN = "scikit-learn MLPRegressor (its output is linear)"
NUMBA = "numba, loop over records"
PLAIN = "plain NumPy"
JAX = "jax.lax.scan"
JAX_BY_HAND = "jax.lax.scan, gradients by hand, transposed"


@cache
def problem() -> Problem:
    """The lesson's: 6-2-1, sigmoid, 360 records."""
    return lesson_problem()


def record_loop() -> Competitor:
    """The lesson's own loop."""
    from benchmarks.competitors.record_loop import record_loop

    return record_loop(problem())


def plain_numpy() -> Competitor:
    """All records at once."""
    from benchmarks.competitors.plain_numpy import plain_numpy

    return plain_numpy(problem())


def numba_loop() -> Competitor:
    """The lesson's loop, compiled."""
    from benchmarks.competitors.numba_loop import numba_loop

    return numba_loop(problem())


def jax_scan() -> Competitor:
    """All steps compiled as one, as JAX is written."""
    from benchmarks.competitors.jax_scan import jax_scan

    return jax_scan(problem())


def jax_scan_transposed() -> Competitor:
    """All steps compiled as one, as fast as it gets."""
    from benchmarks.competitors.jax_scan import jax_scan_transposed

    return jax_scan_transposed(problem())


def scikit_learn() -> Competitor:
    """A library's network."""
    from benchmarks.competitors.scikit_learn import scikit_learn

    return scikit_learn(problem())


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
            _row(JAX, jax_scan),
            _row(JAX_BY_HAND, jax_scan_transposed),
            _row(NUMBA, numba_loop),
            _row(PLAIN, plain_numpy),
            _row(SCIKIT_LEARN, scikit_learn, agrees_with=None),
            _row(TORCH, lambda: torch_trainer(problem())),
            Row(RECORD_LOOP, record_loop, steps=EPOCHS // PART, scale=1e3 * PART, agrees_with=MANUAL),
        ),
        bars=(
            Bar(TORCH, MANUAL, at_least=15),
            Bar(RECORD_LOOP, MANUAL, at_least=250),
            Bar(SCIKIT_LEARN, MANUAL, at_least=6),
            Bar(NUMBA, MANUAL, at_least=1.3),
            Bar(PLAIN, MANUAL, at_least=2.2),
            Bar(MANUAL, JAX, at_most=1.4),
            Bar(MANUAL, JAX_BY_HAND),
        ),
    ),
)
