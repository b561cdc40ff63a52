"""A fault in one line of a backward pass: what the line computes, times a little more than 1."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from types import MethodType
from typing import Any

import numpy as np

METHODS = ("from_outside", "gradients", "weight_gradients", "backward", "through")
FAULT = 1 + 1e-6


class Fault:
    """Multiplies every array of floating point that it is called with; `met` says whether that has changed a number."""

    def __init__(self) -> None:
        self.met = False

    def __call__(self, value: Any) -> Any:
        """The value with the fault: an array, or arrays in a tuple or a dict; all else as it is, and so is an array of zeros."""
        if isinstance(value, tuple):
            return tuple(map(self, value))
        if isinstance(value, dict):
            return {name: self(each) for name, each in value.items()}
        if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or not value.any():
            return value
        self.met = True
        return value * FAULT


@dataclass(frozen=True)
class Line:
    """A line of a method of a class that computes something: an assignment, a return, or a call."""

    owner: type
    method: str
    number: int

    def __str__(self) -> str:
        """The class, the method and the line."""
        return f"{self.owner.__name__}.{self.method}: {ast.unparse(self._parsed()[1])}"

    @property
    def gradient(self) -> str | None:
        """The parameter whose gradient the line computes, if it is the gradient of one alone."""
        match self._parsed()[1]:
            case ast.Assign(targets=[ast.Subscript(value=ast.Name("grads"), slice=ast.Constant(name))]):
                return str(name)
        return None

    def plant(self, fault: Fault, into: Any) -> None:
        """Give an object of the class the method with the fault in this line."""
        tree, line = self._parsed()
        match line:
            case ast.Expr(value=ast.Call() as call):
                call.args = [_with_fault(each) for each in call.args]
            case ast.Assign() | ast.AnnAssign(value=ast.expr()) | ast.AugAssign() | ast.Return(value=ast.expr()):
                line.value = _with_fault(line.value)  # type: ignore[arg-type]    # which is none of None
        # a class's methods find `super` by the name `__class__` around them
        source = f"def make(__class__, fault):\n{textwrap.indent(ast.unparse(tree), '    ')}\n    return {self.method}"
        namespace: dict[str, Any] = dict(vars(self.owner)[self.method].__globals__)
        exec(source, namespace)
        object.__setattr__(into, self.method, MethodType(namespace["make"](self.owner, fault), into))

    def _parsed(self) -> tuple[ast.Module, ast.stmt]:
        tree = _tree(self.owner, self.method)
        return tree, _computing(tree)[self.number]


def lines_of(owner: type) -> Iterator[Line]:
    """All lines of the class's own backward pass that compute something."""
    for method in METHODS:
        if method in vars(owner):
            yield from (Line(owner, method, number) for number in range(len(_computing(_tree(owner, method)))))


def _tree(owner: type, method: str) -> ast.Module:
    return ast.parse(textwrap.dedent(inspect.getsource(vars(owner)[method])))


def _computing(tree: ast.Module) -> list[ast.stmt]:
    """All statements with a value that is more than a name or a mapping of names, and that are no checks."""
    statements = [each for each in ast.walk(tree) if isinstance(each, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Expr))]
    valued = [each for each in statements if each.value is not None and not _is_named(each.value)]
    return [each for each in valued if not ast.unparse(each).startswith("check_")]


def _is_named(value: ast.expr) -> bool:
    return isinstance(value, (ast.Name, ast.Constant)) or (isinstance(value, ast.Dict) and all(map(_is_named, value.values)))


def _with_fault(value: ast.expr) -> ast.Call:
    return ast.Call(ast.Name("fault"), [value], [])
