"""What an engine differentiates under names of its own: a method or function that makes an object and says how to go back from it."""

import ast
import inspect
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ...userfile.computing import functions_of
from ...userfile.file import AttemptError
from ..file import PartsFile
from ..own_forward import other_numbers
from .kind import Engine
from .numbers import plain_number
from .operators import ARRAY, SCALAR, Operator, Shapes

_LEFT = frozenset({"__init__", "__add__", "__radd__", "__mul__", "__rmul__", "__repr__", "__str__"})
_MATRIX = (3, 4)
_LAYOUTS: tuple[tuple[int, ...], ...] = ((3, 4), (4, 2), (4,), (1, 4))      # of another operand beside a matrix of 3 rows and 4 columns
_LABELS = np.array([1, 0, 3])
_CONSTANTS: tuple[Any, ...] = (_LABELS, 0.6, 2, 1, 0, (4, 3), (1, 0))      # a number, a power, an axis, a shape, an order


def own_operators(file: PartsFile, name: str, engine: Engine, taken: Collection[str]) -> Iterator[Operator]:
    """Yield an operator for each method of the class that is not taken, and each function, that says how to go back from what it makes.

    A function of a usual name is held to PyTorch's. Each other one has the arguments on which it runs; the numbers among its arguments
    that have defaults get other values too.
    """
    known = {each.method: each for each in (*SCALAR, *ARRAY) if each.count == 1 and each.reference and each.said.endswith("()")}
    for path, node in functions_of(file.tree):
        owner, _, method = path.rpartition(".")
        if owner not in ("", name) or method in taken or method in _LEFT or method == engine.backward or not _goes_back(node, name):
            continue
        call = vars(file.module).get(method) if not owner else getattr(engine.kind, method, None)
        if not inspect.isfunction(call):
            continue
        if not owner and method in known:
            yield replace(known[method], method=method, said=f"{method}(a)", apply=call, path=path)
            continue
        parents = _parents(node, engine)
        first = next((found for found in _forms(engine, call) if _makes_an_object(file, path, engine, found)), None)
        if first is None:
            continue
        operator = replace(first, method=method, said=_said(first.said, method, is_method=bool(owner)), path=path, parents=parents)
        yield operator
        if named := other_numbers(call):
            said = ", ".join(f"{key}={value:g}" for key, value in named.items())
            head = operator.said.removesuffix(")")
            whole = f"{head}{'' if head.endswith('(') else ', '}{said})"
            yield replace(operator, said=whole, apply=partial(operator.apply, **named))


def _goes_back(node: ast.AST, name: str) -> bool:
    """Return whether a function has one inside, or makes an object of the class of more than its number."""
    inner = [each for each in ast.walk(node) if each is not node]
    if any(isinstance(each, (ast.FunctionDef, ast.Lambda)) for each in inner):
        return True
    calls = [each for each in inner if isinstance(each, ast.Call) and len(each.args) + len(each.keywords) > 1]
    return any(ast.unparse(each.func) in (name, "cls", "self.__class__", "type(self)") for each in calls)


def _parents(node: ast.FunctionDef | ast.AsyncFunctionDef, engine: Engine) -> tuple[bool, ...]:
    """Return of each argument whether it is a parent of what is made: it stands in a list of such, or its gradient is written to."""
    displays = [each for each in ast.walk(node) if isinstance(each, (ast.Tuple, ast.List, ast.Set))]
    names = {each.id for display in displays for each in ast.walk(display) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}
    grads = [each for each in ast.walk(node) if isinstance(each, ast.Attribute) and each.attr == engine.grad]
    names |= {each.value.id for each in grads if isinstance(each.value, ast.Name)}
    return tuple(each.arg in names for each in (*node.args.posonlyargs, *node.args.args))


def _forms(engine: Engine, call: Callable[..., Any]) -> Iterator[Operator]:
    """Yield the operators that a function may be: of objects alone, or of one object and constants."""
    parameters = inspect.signature(call).parameters.values()
    required = [each for each in parameters if each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD]
    count = len(required)
    if not 1 <= count <= 3:
        return
    letters = ", ".join("abc"[:count])
    if count == 1:
        yield _operator(call, letters, engine.is_array and (_MATRIX,))
        yield _operator(lambda *a, **named: call([*a], **named), "[a, b]", engine.is_array and (_MATRIX, _MATRIX), 2)
        return
    if count == 2 and not engine.is_array:
        yield _operator(lambda a, b, **named: call([a, b], [b, b], **named), "[a, b], [b, b]", (), 2)
    for other in _LAYOUTS if engine.is_array else ((),):
        yield _operator(call, letters, engine.is_array and (_MATRIX, *[other] * (count - 1)), count)
    for value in _CONSTANTS:
        rest = [value] * (count - 1)
        said = ", ".join(["a", *map(_written, rest)])
        yield _operator(lambda a, rest=rest, **named: call(a, *rest, **named), said, engine.is_array and (_MATRIX,))


def _operator(apply: Callable[..., Any], arguments: str, shapes: Any, count: int = 1) -> Operator:
    drawn: tuple[Shapes, ...] = (shapes,) if shapes else ()
    return Operator("", arguments, apply, count, shapes=drawn, is_own=True)


def _written(value: Any) -> str:
    return repr(value.tolist() if isinstance(value, np.ndarray) else value)


def _said(arguments: str, method: str, *, is_method: bool) -> str:
    """Say the call in the file's words."""
    if not is_method:
        return f"{method}({arguments})"
    first, _, rest = arguments.partition(", ")
    return f"{first}.{method}({rest})"


def _makes_an_object(file: PartsFile, path: str, engine: Engine, operator: Operator) -> bool:
    """Return whether an operator runs, and makes an object of a number, the same one each time."""
    shapes = operator.shapes[0] if operator.shapes else ((),) * operator.count
    values = [np.random.default_rng(at).uniform(0.4, 0.9, shape) for at, shape in enumerate(shapes)]

    def run() -> Any:
        made = operator.apply(*(engine.leaf(each) for each in values))
        return plain_number(engine.number(made)) if isinstance(made, engine.kind) else None

    try:
        first, second = file.run(path, run), file.run(path, run)
    except AttemptError:
        return False
    return first is not None and second is not None and np.array_equal(first, second)
