"""W4: the lesson's network on up to millions of records, the lesson's own repeated: the time and memory that a record costs."""

import tracemalloc
from collections.abc import Callable
from functools import cache, partial

import numpy as np

from benchmarks.lesson import C_LOOP, JAX, JAX_BY_HAND, MANUAL, NUMBA, PLAIN, TORCH, WITHOUT_NUMBA
from benchmarks.timing import Bar
from benchmarks.trainers import manual_trainer, numpy_trainer, torch_trainer
from benchmarks.work import Competitor, Row, Work, competitor, threads_text
from compare.problem.lesson import lesson_problem
from compare.problem.problem import Problem

FEW, MANY, TENTH, MOST = 360, 36_000, 360_000, 3_600_000
EPOCHS = {FEW: 900, MANY: 50, MOST: 4}
MEMORY_MIB = 32

MEMORY = "manual.fast.train's extra memory"


@cache
def problem(records: int) -> Problem:
    """Return the lesson's problem with its 360 records repeated."""
    lesson = lesson_problem()
    x, y = (np.tile(array, (records // len(array), 1)) for array in lesson.batch(1))
    return Problem(sizes=lesson.sizes, lr=lesson.lr, batches=((x, y),), initial_parameters=lesson.initial_parameters)


def memory(records: int) -> Competitor:
    """Return a competitor that reads the peak of the memory that `manual.fast.train` allocates, in MiB."""
    trainer = manual_trainer(problem(records))

    def read() -> float:
        trainer.reset()
        tracemalloc.start()
        try:
            trainer.run(2)
            return tracemalloc.get_traced_memory()[1] / 2**20
        finally:
            tracemalloc.stop()

    return Competitor(read=read)


def _at(name: str, records: int) -> str:
    return f"{name}, {records:,} records"


def _rows(name: str, make: Callable[[int], Competitor], sizes: tuple[int, ...]) -> tuple[Row, ...]:
    return tuple(
        Row(
            _at(name, records),
            partial(make, records),
            steps=EPOCHS[records],
            unit="ns a record",
            scale=1e9 / (records * EPOCHS[records]),
            agrees_with=None if name == MANUAL else _at(MANUAL, records),
        )
        for records in sizes
    )


def _rival(module: str, function: str | None = None) -> Callable[[int], Competitor]:
    return lambda records: competitor(partial(problem, records), module, function)()


COMPILED = {
    C_LOOP: _rival("c_loop"),
    JAX: _rival("jax_scan"),
    JAX_BY_HAND: _rival("jax_scan", "jax_scan_transposed"),
    NUMBA: _rival("numba_loop"),
}


def _one_thread() -> Work:
    sizes = (FEW, MANY, MOST)
    rows = (
        *_rows(MANUAL, lambda records: manual_trainer(problem(records)), sizes),
        *_rows(WITHOUT_NUMBA, lambda records: numpy_trainer(problem(records)), (MOST,)),
        *(row for name, make in COMPILED.items() for row in _rows(name, make, (MOST,))),
        *_rows(PLAIN, _rival("plain_numpy"), sizes),
        *_rows(TORCH, lambda records: torch_trainer(problem(records)), sizes),
        *(Row(_at(MEMORY, records), partial(memory, records), unit="MiB", once=True) for records in (TENTH, MOST)),
    )
    bars = (
        Bar(_at(MANUAL, MOST), _at(MANUAL, MANY), at_most=1.4),
        Bar(_at(PLAIN, MOST), _at(MANUAL, MOST), at_least=2),
        Bar(_at(TORCH, MOST), _at(MANUAL, MOST), at_least=2),
        Bar(_at(NUMBA, MOST), _at(MANUAL, MOST), at_least=1),
        Bar(_at(MANUAL, MOST), _at(JAX, MOST), at_most=1),
        Bar(_at(MANUAL, MOST), _at(JAX_BY_HAND, MOST), at_most=1),
        Bar(_at(MANUAL, MOST), _at(C_LOOP, MOST), at_most=2),
        Bar(_at(WITHOUT_NUMBA, MOST), _at(MANUAL, MOST)),
        Bar(_at(MEMORY, MOST), at_most=MEMORY_MIB),
        Bar(_at(MEMORY, MOST), _at(MEMORY, TENTH), at_most=1.1),
    )
    return Work("W4", f"the lesson's network on many records; {threads_text(1)}", 1, 7, rows, bars)


def _two_threads() -> Work:
    rows = (
        *_rows(MANUAL, lambda records: manual_trainer(problem(records)), (MOST,)),
        *_rows(PLAIN, _rival("plain_numpy"), (MOST,)),
        *_rows(TORCH, lambda records: torch_trainer(problem(records)), (MOST,)),
    )
    bars = tuple(Bar(_at(name, MOST), _at(MANUAL, MOST)) for name in (PLAIN, TORCH))
    return Work("W4", f"the lesson's network on many records; {threads_text(2)}", 2, 7, rows, bars)


WORKS = (_one_thread(), _two_threads())
