"""A class whose objects record how they were made, and go back by themselves: where it keeps a number, its gradient, and how it starts."""

import ast
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...support.arrays import Array
from ..binding import plain
from ..file import PartsFile

_BACKWARDS = ("backward", "backprop", "backpropagate", "backward_pass")
_WORDS = ("backward", "backprop")
_DATA = ("data", "value", "val", "v", "_data", "_value")
_GRAD = ("grad", "gradient", "derivative", "_grad", "g")
_TRACKED = ("requires_grad", "autograd", "require_grad", "needs_grad")      # options of a class whose objects are leaves
_LISTS = [[0.37, 1.21]]
_ARRAYS = {"__matmul__", "matmul", "dot", "sum", "reshape", "transpose", "T"}


class EngineError(Exception):
    """A class cannot be used as an engine; the message says why."""


def engines_in(tree: ast.Module) -> list[str]:
    """Return the names of classes that add, and go back."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return [node.name for node in classes if "__add__" in (own := methods_of(node)) and backward_of(sorted(own))]


def methods_of(node: ast.ClassDef) -> set[str]:
    """Return the names that a class defines or assigns."""
    named = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
    targets = [target for each in node.body if isinstance(each, ast.Assign) for target in each.targets]
    return named | {target.id for target in targets if isinstance(target, ast.Name)}


def backward_of(names: Sequence[str]) -> str | None:
    """Return the name of the method that goes back: a usual one, or one in which such a word is, and that is not private."""
    usual = [name for name in _BACKWARDS if name in names]
    others = [name for name in names if not name.startswith("_") and any(word in plain(name) for word in _WORDS)]
    return next(iter([*usual, *others]), None)


@dataclass(frozen=True)
class Engine:
    """A class of scalars or arrays: the attributes of an object's number and gradient, the method that goes back, and what it needs.

    Its arrays may be lists of lists.
    """

    kind: Any
    data: str
    grad: str
    backward: str
    is_array: bool
    options: dict[str, Any]
    are_lists: bool = False

    @classmethod
    def of(cls, kind: Any) -> "Engine":
        """Return the class as an engine; raises EngineError, and what making an object raises."""
        is_array = any(hasattr(kind, name) for name in _ARRAYS)
        parameters = inspect.signature(kind).parameters
        options = {name: True for name in _TRACKED if name in parameters}
        number: Any = np.array([[0.37, 1.21]]) if is_array else 0.37
        made, are_lists = _made(kind, number, options)
        number = _LISTS if are_lists else number
        names = [*getattr(made, "__dict__", ()), *_slots(kind), *(name for name in (*_DATA, *_GRAD) if hasattr(made, name))]
        same = [name for name in names if _is_same(getattr(made, name, None), number)]
        data = next((name for name in _DATA if name in same), same[0] if same else None)
        grad = next((name for name in _GRAD if name in names), None)
        backward = backward_of([name for name in dir(kind) if callable(getattr(kind, name))])
        if data is None or grad is None or backward is None:
            raise EngineError("it keeps no number and gradient as attributes; expected such as data and grad")
        return cls(kind, data, grad, backward, is_array or are_lists, options, are_lists)

    def leaf(self, value: Array) -> Any:
        """Return an object of that number."""
        return self.kind(self._of(value), **self.options)

    def _of(self, value: Array) -> Any:
        """Return a number as the class takes it."""
        return value.tolist() if self.are_lists else value.copy() if self.is_array else float(value)

    def number(self, made: Any) -> Any:
        """Return the number of an object; of anything else the thing itself."""
        return getattr(made, self.data) if isinstance(made, self.kind) else made

    def gradient(self, made: Any) -> Any:
        """Return the gradient at an object as a number, None where it keeps none."""
        grad = getattr(made, self.grad)
        return getattr(grad, self.data) if isinstance(grad, self.kind) else grad

    def go_back(self, root: Any, leaves: Sequence[Any]) -> None:
        """Go back from an object, whose own gradient is set to 1 where the method does not do that by itself."""
        try:
            getattr(root, self.backward)()
            is_started = any(np.any(np.asarray(grad, float)) for leaf in leaves if (grad := self.gradient(leaf)) is not None)
        except TypeError:      # it takes the gradient
            getattr(root, self.backward)(self._of(np.ones(np.shape(self.number(root)))))
            return
        own = self.gradient(root)
        if not is_started and (own is None or not np.any(np.asarray(own, float))):
            setattr(root, self.grad, self._of(np.ones(np.shape(self.number(root)))))
            getattr(root, self.backward)()


def engine_of(file: PartsFile, name: str) -> Engine:
    """Return the file's class of that name as an engine; raises EngineError, or AttemptError."""
    engine: Engine = file.run(f"{name}()", Engine.of, vars(file.module)[name])
    return engine


def _made(kind: Any, number: Any, options: dict[str, Any]) -> tuple[Any, bool]:
    """Return an object of that number, or of a list of lists where the class takes no number, and whether it is that."""
    try:
        return kind(number, **options), False
    except Exception:      # whatever it raises
        try:
            return kind(_LISTS, **options), True
        except Exception:
            pass
        raise


def _slots(kind: Any) -> list[str]:
    """Return the attributes of a class that has __slots__ in place of a dict."""
    slots = [vars(each).get("__slots__", ()) for each in kind.__mro__]
    return [name for each in slots for name in ([each] if isinstance(each, str) else each)]


def _is_same(value: Any, number: Any) -> bool:
    try:
        return bool(np.shape(value) == np.shape(number) and np.allclose(np.asarray(value, float), number))
    except (TypeError, ValueError):
        return False
