"""The assertion for anyone's test."""

from compare.comparison import Comparison, Mode
from compare.errors import NotEquivalentError, ProblemError
from compare.implementation import Implementation
from compare.lockstep import train_in_lockstep
from compare.problem import Problem


def assert_equivalent(
    actual: Implementation,
    problem: Problem,
    *,
    expected: Implementation | None = None,
    steps: int = 10,
    mode: Mode = "free",
) -> Comparison:
    """Train `actual` beside `expected`, by default the problem's PyTorch twin, and raise unless every step agrees to rounding.

        assert_equivalent(MyNetwork(), Problem.draw((6, 2, 1), lr=0.3), steps=100)

    Returns the comparison. Raises NotEquivalentError, an AssertionError, that names step, phase, tensor, index, both values, the
    difference, what rounding allows, and what agreed before; ProblemError for arguments that cannot be used.
    """
    __tracebackhide__ = True
    if not isinstance(actual, Implementation):
        raise ProblemError(f"actual is a {type(actual).__name__}; expected an object with load_state_dict, step and predict")
    if expected is None:
        from compare.adapters.torch_ref import TorchRef

        expected = TorchRef(problem, stages=True)
    comparison = train_in_lockstep(actual, expected, problem, steps=steps, mode=mode)
    if comparison.verdict != "equivalent":
        raise NotEquivalentError(comparison.explanation())
    return comparison
