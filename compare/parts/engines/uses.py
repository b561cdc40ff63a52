"""Each operator of an engine in every use: alone, with another gradient from above, and with an operand that is used twice."""

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from ...lockstep.difference import Difference
from ...sides.interface import Key
from ...support.arrays import Array
from ...userfile.file import AttemptError
from ..file import PartsFile, lines_that_assign
from ..judged import Judged, as_numbers, difference, judged
from ..result import Part
from .kind import Engine
from .numbers import BESIDE, OWN, drawn, plain, plain_number, said_of, summed
from .operators import BROADCAST, ROWS, Operator
from .slopes import slopes

AMONG = "y + y + y"      # the first use of an operator in which there is another node
_AXES = 2      # of a list of lists
_DRAWS = 2      # of each use of an operator


@dataclass(frozen=True)
class _Use:
    """One way to use an operator: the code, on operands of either side, by the operator's code on that side."""

    said: str
    code: Callable[[Callable[..., Any], Sequence[Any]], Any]
    count: int


def _uses(operator: Operator) -> Iterator[_Use]:
    """Yield the uses of an operator: alone, with another gradient from above, and with an operand that is used more than once."""
    n = operator.count
    yield _Use(operator.said, lambda f, x: f(*x), n)
    if n > 1:
        yield _Use(f"{operator.said}, b = a", lambda f, x: f(x[0], x[0]), n)
    yield _Use(f"{AMONG}, y = {operator.said}", lambda f, x: (y := f(*x)) + y + y, n)
    if n > 1:
        yield _Use(f"{operator.said} + the same with another b", lambda f, x: f(x[0], x[1]) + f(x[0], x[2]), n + 1)
        yield _Use(f"{operator.said} + the same with another a", lambda f, x: f(x[1], x[0]) + f(x[2], x[0]), n + 1)
    else:
        yield _Use(f"twice {operator.said}", lambda f, x: f(x[0]) + f(x[0]), n)


def part_of_operator(file: PartsFile, name: str, engine: Engine, operator: Operator, seed: int) -> Part | None:
    """Return the part of an operator, None where its objects do not take it in this form.

    An engine need not broadcast: where no operands of two shapes agree, those of one shape count, and the part says so.
    """
    label, compared, path = f"{name}: {operator.said}", 0, operator.path or f"{name}.{operator.method}"
    beside = OWN if operator.is_own else BESIDE
    lines = file.lines_of(path) or file.lines_of(name)
    random = np.random.default_rng((seed, *label.encode()))
    agreed, apart = list[Any](), list[Part]()
    for shapes in _shapes(operator, engine):
        is_broadcast = operator.shapes == BROADCAST and len(set(shapes)) > 1
        for use, leaves in _drawn_uses(operator, shapes, random):
            result = _compared(file, engine, leaves, use.code, operator, seed, path)
            if isinstance(result, str):
                if not compared and not apart:
                    return None      # it need not have this form
                apart.append(Part(label, "could not run", beside, compared, lines=lines, reason=result))
            elif result.first is not None:
                compared += sum(result.sizes.values())
                line = _line(file, path, result.first.tensor)
                found = Part(label, "wrong", beside, compared, result.first, f"{use.said}, with {said_of(leaves)}", lines, line)
                if not (is_broadcast and result.first.actual is None):      # another shape
                    return found
                apart.append(found)
            else:
                compared += sum(result.sizes.values())
                continue
            if not is_broadcast:
                return apart[-1]
            break
        else:
            agreed += [shapes] if is_broadcast else []
    if apart and agreed:
        return apart[0]
    return Part(label, "agrees", f"{beside}{'; it does not broadcast' if apart else ''}", compared, lines=lines)


def _shapes(operator: Operator, engine: Engine) -> Sequence[Any]:
    """Return the shapes of operands: of lists of lists those of two axes, and a row where arrays are broadcast."""
    if not engine.is_array:
        return (((),) * operator.count,)
    if not engine.are_lists:
        return operator.shapes
    return ROWS if operator.shapes == BROADCAST else [each for each in operator.shapes if all(len(shape) == _AXES for shape in each)]


def _drawn_uses(operator: Operator, shapes: Any, random: Generator) -> Iterator[tuple[_Use, list[Array]]]:
    """Yield each use of an operator on arrays of those shapes, several times with drawn operands."""
    for use in _uses(operator):
        if "b = a" in use.said and len(set(shapes)) > 1:
            continue
        own = (*shapes, *shapes[-1:]) if use.count > len(shapes) else shapes
        own = (shapes[1], shapes[0], shapes[0]) if "another a" in use.said else own
        for _ in range(_DRAWS):
            yield use, [drawn(random, shape, is_positive=operator.is_positive) for shape in own]


def _line(file: PartsFile, method: str, tensor: str) -> int | None:
    """Return the line of a method that adds to the gradient of its first operand or its second."""
    node = file.node_of(method)
    names = [each.arg for each in node.args.args] if isinstance(node, ast.FunctionDef) else []
    place = "ab".find(tensor[-1:]) if tensor.startswith("gradient of ") else -1
    lines = lines_that_assign(node, names[place]) if node is not None and 0 <= place < len(names) else []
    return lines[-1] if lines else None


def _compared(
    file: PartsFile, engine: Engine, leaves: Sequence[Array], code: Callable[..., Any], operator: Operator, seed: int, label: str
) -> Any:
    """Return the judgement of one use, or why it could not run."""

    def run() -> tuple[Any, list[Any]]:
        made = [engine.leaf(each) for each in leaves]
        root = code(operator.apply, made)
        root = summed(_weighted(engine, root) if operator.is_own else root)
        engine.go_back(root, made)
        return np.sum(engine.number(root)), [engine.gradient(each) for each in made]

    try:
        data, grads = file.run(label, run)
        grads = [np.zeros(leaf.shape) if grad is None else grad for grad, leaf in zip(grads, leaves, strict=True)]      # it is not used
    except AttemptError as error:
        return str(error)
    if operator.is_own:
        return _beside_own(file, engine, leaves, code, operator, grads, label)
    names = [f"gradient of {'abc'[i]}" for i in range(len(leaves))]
    actual: dict[Key, Any] = {("outputs", "the number"): plain(data, ())}
    actual |= {("gradients", each): plain(grad, leaf.shape) for each, grad, leaf in zip(names, grads, leaves, strict=True)}

    def reference() -> dict[Key, Tensor]:
        tensors = [torch.from_numpy(np.array(each)).requires_grad_() for each in leaves]
        root = code(operator.expected, tensors).sum()
        found = torch.autograd.grad(root, tensors, allow_unused=True)
        zero = [torch.zeros_like(each) for each in tensors]
        grads = [each if grad is None else grad for each, grad in zip(zero, found, strict=True)]
        return {("outputs", "the number"): root} | {("gradients", name): grad for name, grad in zip(names, grads, strict=True)}

    return judged(actual, reference, seed)


def _beside_own(
    file: PartsFile, engine: Engine, leaves: Sequence[Array], code: Callable[..., Any], operator: Operator, grads: Sequence[Any], label: str
) -> Judged | str:
    """Return the judgement of one use beside the slope of its forward, or why there is none.

    An argument that is no parent, and to which no gradient comes, is a constant; a slope of 0 that the file makes another is meant so.
    """

    def forward(values: Sequence[Array]) -> Array:
        number = plain_number(engine.number(_weighted(engine, code(operator.apply, [engine.leaf(each) for each in values]))))
        if number is None:
            raise ValueError("its number is not finite beside the operand")
        return number

    try:
        found = file.run(label, slopes, forward, leaves)
    except AttemptError as error:
        return str(error)
    arrays = [as_numbers(plain(grad, leaf.shape)) for grad, leaf in zip(grads, leaves, strict=True)]
    is_parent = [*operator.parents[: operator.count], *operator.parents[-1:] * len(leaves)]
    is_moved = [any(np.any(each) for each in both) for both in ([slope for slope, _ in found], arrays)]
    if is_moved == [False, True]:
        return "its forward has no slope"
    differences = list[Difference]()
    for at, (actual, (expected, allowed)) in enumerate(zip(arrays, found, strict=True)):
        if not is_parent[at] and isinstance(actual, np.ndarray) and not actual.any():
            continue
        is_kink = np.isinf(allowed)
        same = actual if isinstance(actual, np.ndarray) and actual.shape == expected.shape else expected
        differences.append(difference(("gradients", f"gradient of {'abc'[at]}"), actual, np.where(is_kink, same, expected), allowed))
    if not differences:
        return "it goes back to none of its operands"
    return Judged(tuple(differences), {each.tensor: leaves["abc".find(each.tensor[-1])].size for each in differences}, {})


def _weighted(engine: Engine, root: Any) -> Any:
    """Return an object times numbers that differ, so that what sums to a constant has a slope too; a scalar as it is."""
    shape = np.shape(engine.number(root))
    size = int(np.prod(shape))
    return root if size == 1 or not hasattr(engine.kind, "__mul__") else root * engine.leaf((0.5 + np.arange(size) / size).reshape(shape))
