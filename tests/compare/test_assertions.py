"""The assertion in anyone's test."""

import pytest

from compare import NotEquivalentError, Problem, ProblemError, TorchRef, assert_equivalent
from compare.implementation import Array
from tests.compare.variants import Variant


def test_it_returns_the_comparison_of_what_is_equivalent() -> None:
    problem = Problem.draw((3, 2, 1), lr=0.3)
    comparison = assert_equivalent(Variant(problem, stages=True), problem, steps=20)
    assert comparison.steps == 20
    assert ("errors", "0") in comparison.series
    assert assert_equivalent(Variant(problem), problem, expected=TorchRef(problem), mode="follow").steps == 10


def test_its_error_is_an_assertion_that_says_where_and_how_far() -> None:
    problem = Problem.draw((3, 2, 1), lr=0.3)

    def spoil(arrays: dict[str, Array]) -> None:
        if "0.weight" in arrays:
            arrays["0.weight"][1, 2] *= 1 + 1e-10

    with pytest.raises(NotEquivalentError, match=r"different: first at step 4, grads 0\.weight, index") as caught:
        assert_equivalent(Variant(problem, fault=spoil, fault_at=4), problem)
    assert isinstance(caught.value, AssertionError)
    for word in ("actual", "expected", "difference", "ulp", "allowed", "agreed before it: every number of 3 steps, output, loss"):
        assert word in str(caught.value)


def test_what_is_no_implementation_is_refused() -> None:
    problem = Problem.draw((3, 2, 1))
    with pytest.raises(ProblemError, match="load_state_dict, step and predict"):
        assert_equivalent(object(), problem)  # type: ignore[arg-type]


def test_it_hides_its_own_frames_under_pytest(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from compare import Problem, StepRecord, TorchRef, assert_equivalent

        class Wrong:
            steps = 0      # as people count them

            def __init__(self, problem):
                self.right = TorchRef(problem)
                self.load_state_dict, self.predict = self.right.load_state_dict, self.right.predict

            def step(self, x, y):
                record = self.right.step(x, y)
                return StepRecord(loss=record.loss * 2, params=record.params)

        def test_mine():
            problem = Problem.draw((3, 2, 1))
            assert_equivalent(Wrong(problem), problem)
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*NotEquivalentError: different: first at step 1, loss*"])
    assert "assertions.py" not in result.stdout.str()
    assert "lockstep.py" not in result.stdout.str()
