"""Small networks are worked out on one thread, and the caller's number of threads is put back."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from compare import Manual, Problem, TorchRef, check, train_in_lockstep


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    with threadpool_limits(limits=2, user_api="blas"):
        yield
    torch.set_num_threads(before)


def blas() -> set[int]:
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


@pytest.mark.parametrize(("sizes", "threads"), [((6, 2, 1), 1), ((784, 256, 10), 2)])
def test_the_loop_runs_small_networks_on_one_thread_and_large_ones_on_all(sizes: tuple[int, ...], threads: int) -> None:
    seen: list[tuple[int, set[int]]] = []

    class Spy(TorchRef):
        def _step(self, *batch: Any) -> dict[str, Any]:
            seen.append((torch.get_num_threads(), blas()))
            return super()._step(*batch)

    problem = Problem.draw(sizes, records=(16,), lr=0.1)
    train_in_lockstep(Manual(problem), Spy(problem), problem, steps=2)
    assert seen == [(threads, {threads})] * 2
    assert (torch.get_num_threads(), blas()) == (2, {2})


@pytest.mark.parametrize(("threads", "verdict"), [(1, "not a proof"), (2, "could not run")])
def test_a_check_does_too(threads: int, verdict: str) -> None:
    """What a function keeps is its own, so it raises unless it is run on that many threads."""

    def train_step(params: Any, x: Any, y: Any, lr: float) -> Any:
        assert blas() == {threads}
        return params

    assert check(train_step, problem={"sizes": (3, 1)}, seed=1, steps=0).verdict == verdict
    assert blas() == {2}
