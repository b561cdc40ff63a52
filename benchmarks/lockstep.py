"""W5: the cost of comparing every step's deltas, over the same lockstep without comparing."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from benchmarks import classifier, lesson
from benchmarks.timing import Bar
from benchmarks.work import Competitor, Row, Weights, Work
from compare.lockstep.result import Comparison
from compare.problem.lesson import EPOCHS
from compare.problem.problem import Problem

COMPARED = "lockstep, each step's deltas compared"
SHOWN = ("activations", "errors", "deltas", "params")
NOT_COMPARED = "the same lockstep, nothing compared"
BARE = "bare loops over both sides' steps"


def compared(make: Callable[[], Problem]) -> Competitor:
    """Return `compare.train_in_lockstep` on both backends as a competitor."""
    from compare import Manual, train_in_lockstep
    from compare.sides.torch_ref import TorchRef

    problem = make()
    hand, reference = (side(problem, show=SHOWN) for side in (Manual, TorchRef))

    def run(steps: int) -> None:
        check(train_in_lockstep(hand, reference, problem, steps=steps), steps)

    return _competitor(run, problem, hand, reference)


def not_compared(make: Callable[[], Problem]) -> Competitor:
    """Return a competitor that makes the same steps of both sides, in the same blocks, and shows and compares nothing."""
    from compare import Manual
    from compare.lockstep.blocks import blocks
    from compare.sides.torch_ref import TorchRef

    problem = make()
    sides = [side(problem, show=()) for side in (Manual, TorchRef)]

    def run(steps: int) -> Weights:
        competitor.reset()
        for block in blocks(problem, steps):
            batches = [problem.batch(number) for number in block]
            for side in sides:
                side.steps(batches)
        return _weights(sides)

    competitor = _competitor(run, problem, *sides)
    return competitor


def bare_loops(make: Callable[[], Problem]) -> Competitor:
    """Return a competitor that makes the same steps in bare loops, which show nothing that could be compared."""
    import manual
    import torch_ref
    from compare import Manual
    from compare.lockstep.blocks import blocks
    from compare.sides.torch_ref import TorchRef

    problem = make()
    hand, reference = Manual(problem), TorchRef(problem)
    x, y = problem.batch(1)
    inputs, targets = reference.network.as_tensor(x), reference.network.as_targets(y)

    def run(steps: int) -> None:
        by_hand, by_autograd = manual.SGD(problem.lr), torch_ref.SGD(problem.lr)
        for block in blocks(problem, steps):
            for _ in block:
                by_hand.step(hand.network, hand.network.gradients(x, y, problem.loss)[2])
            with torch_ref.exact_settings(reference.network.device):
                for _ in block:
                    by_autograd.step(reference.network, reference.network.gradients(inputs, targets, problem.loss)[2])

    return _competitor(run, problem, hand, reference)


def check(comparison: Comparison, steps: int) -> None:
    """Raise AssertionError unless every parameter's delta was compared at every step, and all agreed."""
    if comparison.verdict != "equivalent" or comparison.steps != steps:
        raise AssertionError(f"after {comparison.steps} of {steps} steps: {comparison.explanation()}")
    for name in comparison.problem.initial_parameters:
        if len(comparison.series.get(("deltas", name), ())) != steps:
            raise AssertionError(f"the deltas of {name} were not compared at each of {steps} steps")


def _competitor(run: Callable[[int], object], problem: Problem, *sides: Any) -> Competitor:
    def reset() -> None:
        for side in sides:
            side.load_state_dict(problem.initial_parameters)

    return Competitor(run, reset, lambda: _weights(sides))


def _weights(sides: Iterable[Any]) -> Weights:
    """Return the parameters of both sides by name."""
    both = zip(("manual", "torch_ref"), sides, strict=True)
    return {f"{name} {key}": array for name, side in both for key, array in side.state_dict().items()}


def _work(title: str, make: Callable[[], Problem], steps: int, at_most: float, rounds: int, rtol: float) -> Work:
    return Work(
        key="W5",
        title=f"lockstep on {title}, {steps} steps; one thread",
        threads=1,
        rounds=rounds,
        rows=(
            Row(NOT_COMPARED, partial(not_compared, make), steps),
            Row(COMPARED, partial(compared, make), steps, agrees_with=NOT_COMPARED),
            Row(BARE, partial(bare_loops, make), steps, agrees_with=NOT_COMPARED),
        ),
        bars=(Bar(COMPARED, NOT_COMPARED, at_most=at_most), Bar(COMPARED, BARE)),
        rtol=rtol,
    )


WORKS = (
    _work("the lesson", lesson.problem, EPOCHS, at_most=1.5, rounds=21, rtol=1e-9),
    *(
        _work(f"784-256-128-10 {hidden} {dtype}", partial(classifier.problem, hidden, dtype), 200, 2, 5, classifier.RTOL[dtype])
        for dtype in classifier.DTYPES
        for hidden in classifier.HIDDEN
    ),
)
