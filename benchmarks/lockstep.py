"""W5: what comparing every step's deltas costs, over the same lockstep that compares nothing."""

from collections.abc import Callable
from functools import partial

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
    """`compare.train_in_lockstep` on both backends."""
    from compare import Manual, train_in_lockstep
    from compare.sides.torch_ref import TorchRef

    problem = make()
    hand, reference = (side(problem, show=SHOWN) for side in (Manual, TorchRef))

    def run(steps: int) -> None:
        check(train_in_lockstep(hand, reference, problem, steps=steps), steps)

    def reset() -> None:
        for side in (hand, reference):
            side.load_state_dict(problem.initial_parameters)

    return Competitor(run, reset, lambda: _both(hand.state_dict(), reference.state_dict()))


def not_compared(make: Callable[[], Problem]) -> Competitor:
    """The same steps of the same two sides, from the same weights, in the same blocks, to their last weights; nothing is shown."""
    from compare import Manual
    from compare.lockstep.blocks import blocks
    from compare.sides.torch_ref import TorchRef

    problem = make()
    sides = [side(problem, show=()) for side in (Manual, TorchRef)]

    def reset() -> None:
        for side in sides:
            side.load_state_dict(problem.initial_parameters)

    def run(steps: int) -> Weights:
        reset()
        for block in blocks(problem, steps):
            batches = [problem.batch(number) for number in block]
            for side in sides:
                side.steps(batches)
        return _both(*(side.state_dict() for side in sides))

    return Competitor(run, reset, lambda: _both(*(side.state_dict() for side in sides)))


def bare_loops(make: Callable[[], Problem]) -> Competitor:
    """What is left of it without what can be compared: each side's loop over its steps."""
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

    def reset() -> None:
        for side in (hand, reference):
            side.load_state_dict(problem.initial_parameters)

    return Competitor(run, reset, lambda: _both(hand.state_dict(), reference.state_dict()))


def check(comparison: Comparison, steps: int) -> None:
    """Raise AssertionError unless every parameter's delta was compared at every step, and all agreed."""
    if comparison.verdict != "equivalent" or comparison.steps != steps:
        raise AssertionError(f"after {comparison.steps} of {steps} steps: {comparison.explanation()}")
    for name in comparison.problem.initial_parameters:
        if len(comparison.series.get(("deltas", name), ())) != steps:
            raise AssertionError(f"the deltas of {name} were not compared at each of {steps} steps")


def _both(hand: Weights, reference: Weights) -> Weights:
    sides = {"manual": hand, "torch_ref": reference}
    return {f"{side} {name}": array for side, weights in sides.items() for name, array in weights.items()}


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
    _work("the lesson", lesson.problem, EPOCHS, at_most=1.05, rounds=21, rtol=1e-9),
    *(
        _work(
            f"784-256-128-10 {hidden} {dtype}",
            partial(classifier.problem, hidden, dtype),
            steps=50,
            at_most=1.06,
            rounds=15,
            rtol=classifier.RTOL[dtype],
        )
        for dtype in classifier.DTYPES
        for hidden in classifier.HIDDEN
    ),
    _work("4096-4096-4096-10", classifier.large_problem, steps=4, at_most=1.02, rounds=7, rtol=classifier.RTOL["float32"]),
)
