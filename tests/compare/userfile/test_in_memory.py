"""Functions at hand, as an attempt: which are offered, what is told, and that what they keep starts anew and stays the caller's."""

import functools
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from compare.support.errors import ProblemError
from compare.userfile.file import AttemptError
from compare.userfile.in_memory import Functions
from compare.userfile.source import UnusableFileError

calls = 0
kept: dict[str, int] = {}
again = kept      # the same dict by another name
unused = SimpleNamespace(copied=0)


def loss(output: Any, y: Any) -> int:
    """Counts its calls in every way in which a module can."""
    global calls, made_later
    calls += 1
    made_later = calls  # type: ignore[name-defined]
    kept["n"] = kept.get("n", 0) + 1
    assert again is kept
    return 100 * calls + 10 * kept["n"] + _helper()


def _helper(counts: list[int] = []) -> int:  # noqa: B006
    counts.append(1)
    return len(counts)


def _closure() -> Callable[[Any, Any], int]:
    count = 0

    def loss(output: Any, y: Any) -> int:
        nonlocal count
        count += 1
        return count

    return loss


class Counter:
    of_the_class: ClassVar[list[int]] = []

    def __init__(self) -> None:
        self.count = 0

    def loss(self, output: Any, y: Any) -> int:
        self.count += 1
        self.of_the_class.append(1)
        return 10 * self.count + len(self.of_the_class)


def counted(functions: Functions) -> list[int]:
    return [functions.call("loss", None, None) for _ in range(2)]


def test_a_module_s_globals_start_anew_and_are_left_as_they_were() -> None:
    functions = Functions(loss)
    other = functions.fresh()
    assert counted(functions) == [111, 222]
    assert counted(other) == [111, 222]
    assert counted(functions) == [333, 444]
    assert counted(functions.fresh()) == [111, 222]
    assert (calls, kept, _helper.__defaults__, "made_later" in globals()) == (0, {}, ([],), False)


@pytest.mark.parametrize("given", [_closure(), {"loss": _closure()}, SimpleNamespace(loss=functools.wraps(loss)(_closure()))])
def test_closures_too(given: Any) -> None:
    functions = Functions(given)
    assert counted(functions) == [1, 2]
    assert counted(functions.fresh()) == [1, 2]


@pytest.mark.parametrize("give", [Counter, lambda: Counter, lambda: Counter().loss, lambda: {"loss": functools.partial(Counter().loss)}])
def test_objects_and_classes_too(give: Callable[[], Any]) -> None:
    functions = Functions(give())
    assert counted(functions) == [11, 22]
    assert counted(functions.fresh()) == [11, 22]
    assert Counter.of_the_class == []


def test_an_object_that_cannot_be_copied_is_used_and_said_to_be() -> None:
    counter = Counter()
    counter.lock = threading.Lock()  # type: ignore[attr-defined]
    functions = Functions(counter)
    assert counted(functions) == [11, 22]
    assert counter.count == 2
    assert functions.notes[0].startswith("what you keep is not started anew: a Counter cannot be copied")


def test_randomness_is_its_own_and_starts_anew() -> None:
    before = repr(np.random.get_state())
    given = {"loss": lambda output, y: np.random.random()}
    first = counted(Functions(given))
    assert counted(Functions(given)) == first
    assert counted(Functions(given).fresh()) != first      # so that an answer that hangs on it is told by asking again
    assert repr(np.random.get_state()) == before


def test_a_module_declares_problem_and_conventions() -> None:
    module = ModuleType("mine")
    module.forward, module.PROBLEM, module.CONVENTIONS = abs, {"sizes": (3, 1)}, {"weights": "in_out"}  # type: ignore[attr-defined]
    functions = Functions(module)
    assert (functions.functions, functions.name) == (("forward",), "mine")
    assert (functions.problem, functions.conventions) == ({"sizes": (3, 1)}, {"weights": "in_out"})
    with pytest.raises(UnusableFileError, match="PROBLEM"):
        Functions({"loss": loss, "PROBLEM": 3})


def test_what_a_function_raises_prints_and_assigns_is_told_by_its_line() -> None:
    def forward(params: Any, x: Any) -> Any:
        print("here")
        z = np.ones(2)
        return z / int(x)

    functions = Functions(forward)
    with pytest.raises(AttemptError, match=r"forward raised ValueError: .*, at test_in_memory.py line \d+: `return z / int\(x\)`"):
        functions.call("forward", {}, "n")
    _, assigned = functions.traced_call("forward", {}, 1)
    assert next((each.name, each.text, each.path) for each in assigned) == ("z", "z = np.ones(2)", Path(__file__))
    assert functions.printed == "here\n" * 2
    assert (functions.name, functions.text) == ("test_in_memory.py", Path(__file__).read_text(encoding="utf-8"))


class NeedsArguments:
    def __init__(self, n: int) -> None:
        self.n = n

    loss = Counter.loss


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (3, "an int has none of train_step"),
        ({}, "the mapping has no function; expected some of train_step"),
        ({"loss": loss, "gradient": loss}, "'gradient'; expected some of"),
        ({"loss": 3}, r"loss is an int; expected a function \(output, y\)"),
        (_helper, r'_helper is a function that has none of .*; or say which it is: {"train_step": _helper}'),
        (threading, "threading is a module that has none of"),
        (NeedsArguments, "NeedsArguments cannot be made without arguments"),
    ],
)
def test_what_has_no_such_function_is_said_to_have_none(given: Any, told: str) -> None:
    with pytest.raises(ProblemError, match=told):
        Functions(given)


def test_what_another_module_of_the_user_s_keeps_starts_anew_too(tmp_path: Path) -> None:
    module = ModuleType("helper")
    module.__file__ = str(tmp_path / "helper.py")
    exec("counts = []\ndef count():\n    counts.append(1)\n    return len(counts)", vars(module))

    def loss(output: Any, y: Any) -> Any:
        return module.count()

    functions = Functions(loss)
    assert counted(functions) == [1, 2]
    assert counted(functions.fresh()) == [1, 2]
    assert module.counts == []
