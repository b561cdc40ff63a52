"""The assertion in anyone's test."""

from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from compare import Check, NotEquivalentError, Problem, ProblemError, TorchRef, assert_equivalent, check
from compare.report.words import headline, why
from compare.sides.interface import Abilities, StepRecord
from compare.support.arrays import Array
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


def test_data_that_is_no_pair_of_arrays_is_refused() -> None:
    x, y = np.zeros((5, 6)), np.zeros((5, 1))
    for data, said in (("lesson", "'lesson', a word of the command line"), (x, "an array of dtype float64"), ((x, y[1:]), r"y \(4, 1\)")):
        with pytest.raises(ProblemError, match=rf"data (is|has x \(5, 6\) and) {said}; expected"):
            check("examples/right_hidden_error.py", data=data)  # type: ignore[arg-type]


def test_what_is_no_implementation_is_refused() -> None:
    problem = Problem.draw((3, 2, 1))
    with pytest.raises(ProblemError, match="load_state_dict, step and predict"):
        assert_equivalent(object(), problem)  # type: ignore[call-overload]


RIGHT = """\
import numpy as np

velocity = {}


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def train_step(params, x, y, lr):
    a = sigmoid(x @ params["0.weight"].T + params.get("0.bias", 0))
    output = sigmoid(a @ params["2.weight"].T + params.get("2.bias", 0))
    delta2 = (output - y) * output * (1 - output) / output.size
    delta1 = delta2 @ params["2.weight"] * a * (1 - a)
    grads = {"0.weight": delta1.T @ x, "2.weight": delta2.T @ a, "0.bias": delta1.sum(0), "2.bias": delta2.sum(0)}
    for name in params:
        velocity[name] = MOMENTUM * velocity.get(name, 0) + grads[name]
    return {name: params[name] - lr * velocity[name] for name in params}


MOMENTUM = 0
"""
WRONG = RIGHT.replace(" * a * (1 - a)", "")


def module_of(text: str, path: Path) -> ModuleType:
    """The module, imported from that file."""
    path.write_text(text, encoding="utf-8")
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    exec(compile(text, str(path), "exec"), vars(module))
    return module


def test_a_path_a_module_a_mapping_an_object_and_a_function_are_checked(tmp_path: Path) -> None:
    module = module_of(RIGHT, tmp_path / "mine.py")

    class Mine:
        def train_step(self, params: Any, x: Any, y: Any, lr: Any) -> Any:
            return module.train_step(params, x, y, lr)

    for actual in (tmp_path / "mine.py", str(tmp_path / "mine.py"), module, {"train_step": module.train_step}, Mine(), module.train_step):
        checked = assert_equivalent(actual, problem={"sizes": (4, 5, 2), "bias": True}, steps=5, seed=3)
        assert isinstance(checked, Check)
        assert (checked.verdict, checked.problem.sizes, checked.seed, checked.functions) == ("equivalent", (4, 5, 2), 3, ("train_step",))
    assert module.velocity == {}


@pytest.mark.slow
def test_what_a_module_keeps_starts_anew_with_each_training(tmp_path: Path) -> None:
    module = module_of(RIGHT, tmp_path / "mine.py")
    module.MOMENTUM = 0.9  # type: ignore[attr-defined]
    assert_equivalent(module, {"momentum": 0.9})
    with pytest.raises(NotEquivalentError, match="different: first at step 2"):
        assert_equivalent(module)


def test_its_error_has_the_lines_of_the_report_and_names_the_mistake(tmp_path: Path) -> None:
    module = module_of(WRONG, tmp_path / "mine.py")
    with pytest.raises(NotEquivalentError) as caught:
        assert_equivalent(module, seed=3)
    found = check(tmp_path / "mine.py", seed=3)
    lines = str(caught.value).split("\n")
    assert lines[: len(lines) - 2] == [headline(found), *why(found)]
    assert lines[1] == "  f′ is left out of the error term of the hidden layer"
    assert "    see         mine.py line 14: delta1 = delta2 @ params[\"2.weight\"]" in lines
    assert lines[-2].startswith("  compared: mine.py (train_step) beside PyTorch on 6-2-1 sigmoid")
    assert lines[-1] == "  repeat: assert_equivalent(…, seed=3)"


def test_every_verdict_but_equivalent_is_an_error() -> None:
    nothing, fault = "not a proof: ", "could not run: forward raised ZeroDivisionError"
    for forward, told in ((lambda params, x: np.zeros((len(x), 1)), nothing), (lambda params, x: 1 / 0, fault)):
        with pytest.raises(NotEquivalentError, match=told):
            assert_equivalent({"forward": forward})


@pytest.mark.parametrize("lr", [1e-300, 1e-16])
@pytest.mark.parametrize("steps", [1, 20])
def test_steps_that_are_smaller_than_rounding_prove_nothing(lr: float, steps: int) -> None:
    class Still(TorchRef):
        def step(self, x: Array, y: Array, masks: Any = None) -> StepRecord:
            return StepRecord(params={name: array.copy() for name, array in self.state_dict().items()})

        abilities = Abilities()

    problem = Problem.draw((3, 4, 2), lr=lr)
    for side in (Still(problem), TorchRef(problem, show=("params",))):      # who moves as told cannot be told from who does not
        with pytest.raises(NotEquivalentError, match=r"not a proof: the steps of 0\.weight, 2\.weight are about as small"):
            assert_equivalent(side, problem, steps=steps)
    assert assert_equivalent(TorchRef(replace(problem, lr=1e-3)), replace(problem, lr=1e-3), steps=steps).verdict == "equivalent"


def test_arguments_that_do_not_go_together_are_refused() -> None:
    problem, calls = Problem.draw((3, 2, 1)), {"forward": abs}
    arguments: list[tuple[Any, Any, dict[str, Any], str]] = [
        (Variant(problem), None, {}, "expected a Problem with it"),
        (Variant(problem), problem, {"seed": 3}, "seed cannot be given with an Implementation"),
        (calls, problem, {}, "or functions with the problem as a dict"),
        (calls, (3, 2, 1), {}, "problem is a tuple; expected a dict"),
        (calls, None, {"mode": "free"}, "mode cannot be given with functions; expected some of problem, adapter, seed, steps, data"),
        (Variant, problem, {}, r"Variant is a class; expected an object, Variant\(problem\)"),
        (calls, None, {"adapter": "adapter.py"}, "adapter is given with a dict"),
        (object(), None, {}, "has none of train_step"),
    ]
    for actual, given, options, told in arguments:
        with pytest.raises(ProblemError, match=told):
            assert_equivalent(actual, given, **options)


@pytest.mark.slow
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
