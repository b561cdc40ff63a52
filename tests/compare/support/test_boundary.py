"""Errors that are raised on purpose come without the package's own frames, and each message says what was expected."""

import ast
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

import compare
import data
from compare import (
    ByHand,
    Manual,
    Problem,
    ProblemError,
    Program,
    TorchRef,
    Trace,
    assert_equivalent,
    assert_same_gradients,
    check,
    differences,
    lesson_problem,
    record,
    replay,
    train_in_lockstep,
)
from compare.lockstep.of_module import train_beside_module
from compare.report.plots import plot_loss
from compare.support.boundary import is_on_purpose, public

ROOT = Path(__file__).parents[3]
PROBLEM = Problem.draw((3, 2, 1))
RAISING: dict[str, Callable[[], Any]] = {
    "check": lambda: check("no such file.py"),
    "check, options": lambda: check({"train_step": print}, problem={"sizess": (3, 1)}),
    "check, shape": lambda: check(__file__, shape="NN"),  # type: ignore[arg-type]
    "check, adapter": lambda: check(__file__, adapter="weight_list"),
    "assert_equivalent": lambda: assert_equivalent(nn.Linear(2, 1), nn.Linear(2, 1)),
    "assert_equivalent, different": lambda: assert_equivalent(Wrong(), PROBLEM),
    "assert_same_gradients": lambda: assert_same_gradients(torch.sin, torch.cos, torch.ones(3)),
    "train_in_lockstep": lambda: train_in_lockstep(None, None, PROBLEM, steps=3),
    "train_in_lockstep, problem": lambda: train_in_lockstep(None, None, 3, steps=3),  # type: ignore[arg-type]
    "record": lambda: record(PROBLEM, "", steps=0),
    "replay": lambda: replay("no such trace", "no such file.py"),
    "differences": lambda: differences("no such trace", "none"),
    "lesson_problem": lambda: lesson_problem(loss="mes"),
    "lesson_problem, file": lambda: lesson_problem("no such file.csv"),
    "Problem": lambda: Problem(sizes=(3,), batches=()),
    "Problem.draw": lambda: Problem.draw((3, 2), loss="mes"),
    "Problem.draw, option": lambda: Problem.draw((3, 2), activation="tanh"),
    "Problem.of": lambda: Problem.of(nn.Linear(2, 1), inputs=()),
    "Program": lambda: Program(""),
    "Trace": lambda: Trace("no such trace"),
    "TorchRef": lambda: TorchRef(PROBLEM, device="tpu"),
}


class Wrong:
    """An implementation whose parameters never change."""

    def load_state_dict(self, params: Any) -> None:
        self.params = dict(params)

    def step(self, x: Any, y: Any) -> compare.StepRecord:
        return compare.StepRecord(params=self.params)

    def predict(self, x: Any) -> Any:
        return x @ self.params["0.weight"].T @ self.params["2.weight"].T


@pytest.mark.parametrize("call", RAISING.values(), ids=RAISING.keys())
def test_a_traceback_ends_at_the_users_own_call(call: Callable[[], Any]) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - of whatever kind
        call()
    assert is_on_purpose(caught.value)
    assert {frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)} == {__file__}
    said = "".join(traceback.format_exception(caught.value))
    assert "During handling" not in said
    assert "/compare/" not in said.replace(__file__, "")


def test_the_users_own_frames_of_a_cause_are_kept() -> None:
    class Raises(nn.Module):
        def forward(self, x: Any) -> Any:
            raise ValueError("mine")

    with pytest.raises(compare.ProblemError) as caught:
        assert_equivalent(nn.Identity(), Raises(), inputs=(3, 2))
    said = "".join(traceback.format_exception(caught.value))
    assert 'raise ValueError("mine")' in said
    assert "/compare/" not in said.replace(__file__, "")


@pytest.mark.parametrize(
    "call",
    [
        lambda: check("x.py", sed=1),  # type: ignore[call-arg]
        lambda: Problem(size=3),  # type: ignore[call-arg]
        lambda: train_in_lockstep(1),  # type: ignore[call-arg]
        lambda: Problem.of(nn.Linear(2, 1), sed=1),
        lambda: lesson_problem(sed=1),
        lambda: data.load_table("x.csv", "y"),  # type: ignore[call-arg]
    ],
)
def test_an_argument_that_there_is_not_ends_at_the_users_own_call_too(call: Callable[[], Any]) -> None:
    with pytest.raises(TypeError, match="argument") as caught:
        call()
    assert {frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)} == {__file__}


ANOTHER_KIND: dict[str, Callable[[], Any]] = {
    "problem is an int; expected Problem": lambda: Manual(3),  # type: ignore[arg-type]
    "problem is an int; expected ModuleProblem": lambda: train_beside_module(nn.Linear(2, 1), 3),  # type: ignore[arg-type]
    "comparison is a str; expected Comparison": lambda: plot_loss("x"),  # type: ignore[arg-type]
    "command is an int; expected str or Sequence": lambda: Program(3),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("said", ANOTHER_KIND)
def test_an_argument_of_another_kind_is_said_by_its_name(said: str) -> None:
    with pytest.raises(ProblemError, match=f"^{said}$") as caught:
        ANOTHER_KIND[said]()
    assert {frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)} == {__file__}


def test_the_data_refuse_without_their_own_frames() -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        data.load_table("x.csv", "y", kind="labels")  # type: ignore[arg-type]
    assert {frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)} == {__file__}


def test_another_error_keeps_its_frames() -> None:
    """The control: a mistake of the package is to be found."""

    @public
    def fails() -> None:
        SimpleNamespace().nothing  # noqa: B018

    @public
    def fails_by_its_type() -> None:
        len(3)  # type: ignore[arg-type]

    with pytest.raises(TypeError) as wrong:
        fails_by_its_type()
    assert [frame.name for frame in traceback.extract_tb(wrong.value.__traceback__)][1:] == ["call", "fails_by_its_type"]
    with pytest.raises(AttributeError) as caught:
        fails()
    assert [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)][1:] == ["call", "fails"]


@pytest.mark.parametrize("name", [name for name in compare.__all__ if name[0].islower()])
def test_every_public_function_is_at_the_boundary(name: str) -> None:
    assert getattr(compare, name).__wrapped__.__module__ == getattr(compare, name).__module__


@pytest.mark.parametrize("kind", [ByHand, Manual, TorchRef, Problem, Program, Trace], ids=lambda kind: kind.__name__)
def test_every_public_class_is_at_the_boundary(kind: type) -> None:
    assert hasattr(kind.__init__, "__wrapped__")


def unsaid(source: str, name: str = "") -> Iterator[str]:
    """Yield where a ProblemError is raised without "expected" in its message, or in a text that the message is put together from.

    An error of other code that is only passed on has a message of that code's.
    """
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef):
            continue
        texts = {ast.unparse(node) for node in ast.walk(function) if isinstance(node, (ast.Assign, ast.AugAssign))}
        for node in ast.walk(function):
            if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and ast.unparse(node.exc.func) == "ProblemError"):
                continue
            used = {each.id for each in ast.walk(node.exc) if isinstance(each, ast.Name)}
            parts = [ast.unparse(node.exc), *(text for text in texts if used & set(text.split(" = ")[0].split(", ")))]
            texts_of = [each.value for part in parts for each in ast.walk(ast.parse(part)) if isinstance(each, ast.Constant)]
            is_passed_on = any(each in parts[0] for each in ("{error}", "str(error)", "raised {type(error)"))
            if not is_passed_on and not any("xpected" in str(text) for text in texts_of):
                yield f"{name}:{node.lineno}: {ast.unparse(node.exc)}"


@pytest.mark.slow
def test_every_message_says_what_was_expected() -> None:
    files = (ROOT / "compare").rglob("*.py")
    assert [place for path in files for place in unsaid(path.read_text(encoding="utf-8"), path.name)] == []


def test_a_message_that_does_not_is_found() -> None:
    """The control."""
    assert list(unsaid("def f(x):\n    raise ProblemError(f'x is {x}')\n"))
    assert not list(unsaid("def f(x):\n    said = 'expected 1'\n    raise ProblemError(f'x is {x}; {said}')\n"))
