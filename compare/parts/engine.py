"""An engine of scalars or arrays, as micrograd: each operator, drawn expressions and networks made of it, beside PyTorch's autograd."""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from ..sides.interface import Key
from ..support.arrays import Array
from ..userfile.file import AttemptError
from .engine_class import Engine, EngineError, engine_of, engines_in
from .engine_network import network_parts
from .engine_operators import ARRAY, BROADCAST, SCALAR, Operator
from .file import PartsFile, lines_that_assign
from .judged import judged
from .result import Part

_DRAWS = 2      # of each use of an operator
_NODES = 24      # of a drawn expression
_EXPRESSIONS = 6
_RECENT = 0.7      # of the operands are one of the last
_MOST = 20.0      # that a number in an expression may be
_AMONG = "y + y + y"      # the first use of an operator in which there is another node
_BESIDE = "PyTorch's autograd"


def check_engine(file: PartsFile, seed: int) -> Iterator[Part]:
    """Yield a part for each operator, for drawn expressions, and for a network made of the engine's objects."""
    wrong: str | None = None
    for name in engines_in(file.tree):
        try:
            engine = engine_of(file, name)
        except (AttemptError, EngineError) as error:
            yield Part(name, "could not run", _BESIDE, lines=file.lines_of(name), reason=str(error))
            continue
        parts = list(_engine_parts(file, name, engine, seed))
        wrong = wrong or next((part.name for part in parts if part.mark == "wrong"), None)
        yield from parts
    for part in network_parts(file, seed):
        yield _behind(part, wrong)


def _engine_parts(file: PartsFile, name: str, engine: Engine, seed: int) -> Iterator[Part]:
    """Yield the operators that have a backward pass of their own, those made of others, and the expressions.

    Where every operator agrees alone, and none among others, the order in which the engine goes back is wrong, and not each of them.
    """
    there = [each for each in (ARRAY if engine.is_array else SCALAR) if hasattr(engine.kind, each.method)]
    composed = {each: _is_made_of_others(file.node_of(f"{name}.{each.method}")) for each in there}
    parts = {each: part for each in sorted(there, key=lambda each: composed[each]) if (part := _operator(file, name, engine, each, seed))}
    own = [part for each, part in parts.items() if not composed[each]]
    if len(own) > 1 and all(part.mark == "wrong" and part.on.startswith(_AMONG) for part in own):
        whole = _expressions(file, name, engine, list(parts), seed)
        if whole.mark == "wrong":
            yield whole
            for part in parts.values():
                yield replace(part, mark="unclear", reason=f"alone it agrees, and {whole.name} is wrong")
            return
    wrong: str | None = None
    for each, part in parts.items():
        yield _behind(part, wrong) if composed[each] else part
        wrong = wrong or (part.name if part.mark == "wrong" else None)
    yield _expressions(file, name, engine, [each for each, part in parts.items() if part.mark == "agrees"], seed)


def _behind(part: Part, wrong: str | None) -> Part:
    """Return a part that differs as one that follows from what is wrong before it."""
    if wrong is None or part.mark != "wrong":
        return part
    return replace(part, mark="unclear", reason=f"it is made of others, of which {wrong} is wrong")


def _is_made_of_others(node: ast.AST | None) -> bool:
    """Return whether a method has no backward pass of its own inside."""
    return node is not None and not any(isinstance(each, (ast.FunctionDef, ast.Lambda)) for each in ast.walk(node) if each is not node)


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
    yield _Use(f"{_AMONG}, y = {operator.said}", lambda f, x: (y := f(*x)) + y + y, n)
    if n > 1:
        yield _Use(f"{operator.said} + the same with another b", lambda f, x: f(x[0], x[1]) + f(x[0], x[2]), n + 1)
        yield _Use(f"{operator.said} + the same with another a", lambda f, x: f(x[1], x[0]) + f(x[2], x[0]), n + 1)
    else:
        yield _Use(f"twice {operator.said}", lambda f, x: f(x[0]) + f(x[0]), n)


def _operator(file: PartsFile, name: str, engine: Engine, operator: Operator, seed: int) -> Part | None:
    """Return the part of an operator, None where its objects do not take it in this form.

    An engine need not broadcast: where no operands of two shapes agree, those of one shape count, and the part says so.
    """
    label, compared = f"{name}: {operator.said}", 0
    lines = file.lines_of(f"{name}.{operator.method}") or file.lines_of(name)
    random = np.random.default_rng((seed, *label.encode()))
    agreed, apart = list[Any](), list[Part]()
    for shapes in operator.shapes if engine.is_array else ((((),) * operator.count),):
        is_broadcast = operator.shapes == BROADCAST and len(set(shapes)) > 1
        for use, leaves in _drawn_uses(operator, shapes, random):
            result = _compared(file, engine, leaves, use.code, operator, seed, f"{name}.{operator.method}")
            if isinstance(result, str):
                if not compared and not apart:
                    return None      # it need not have this form
                apart.append(Part(label, "could not run", _BESIDE, compared, lines=lines, reason=result))
            elif result.first is not None:
                compared += sum(result.sizes.values())
                line = _line(file, f"{name}.{operator.method}", result.first.tensor)
                found = Part(label, "wrong", _BESIDE, compared, result.first, f"{use.said}, with {_said(leaves)}", lines, line)
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
    return Part(label, "agrees", f"{_BESIDE}{'; it does not broadcast' if apart else ''}", compared, lines=lines)


def _drawn_uses(operator: Operator, shapes: Any, random: Generator) -> Iterator[tuple[_Use, list[Array]]]:
    """Yield each use of an operator on arrays of those shapes, several times with drawn operands."""
    for use in _uses(operator):
        if "b = a" in use.said and len(set(shapes)) > 1:
            continue
        own = (*shapes, *shapes[-1:]) if use.count > len(shapes) else shapes
        own = (shapes[1], shapes[0], shapes[0]) if "another a" in use.said else own
        for _ in range(_DRAWS):
            yield use, [_drawn(random, shape, is_positive=operator.is_positive) for shape in own]


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
        root = _summed(code(operator.apply, made))
        engine.go_back(root, made)
        return np.sum(engine.number(root)), [engine.gradient(each) for each in made]

    try:
        data, grads = file.run(label, run)
        grads = [np.zeros(leaf.shape) if grad is None else grad for grad, leaf in zip(grads, leaves, strict=True)]      # it is not used
    except AttemptError as error:
        return str(error)
    names = [f"gradient of {'abc'[i]}" for i in range(len(leaves))]
    actual: dict[Key, Any] = {("outputs", "the number"): _plain(data, ())}
    actual |= {("gradients", each): _plain(grad, leaf.shape) for each, grad, leaf in zip(names, grads, leaves, strict=True)}

    def reference() -> dict[Key, Tensor]:
        tensors = [torch.from_numpy(np.array(each)).requires_grad_() for each in leaves]
        root = code(operator.expected, tensors).sum()
        found = torch.autograd.grad(root, tensors, allow_unused=True)
        zero = [torch.zeros_like(each) for each in tensors]
        grads = [each if grad is None else grad for each, grad in zip(zero, found, strict=True)]
        return {("outputs", "the number"): root} | {("gradients", name): grad for name, grad in zip(names, grads, strict=True)}

    return judged(actual, reference, seed)


def _expressions(file: PartsFile, name: str, engine: Engine, operators: Sequence[Operator], seed: int) -> Part:
    """Compare drawn expressions in which nodes are shared, at every leaf and every node."""
    label, compared = f"{name}.{engine.backward}", 0
    lines = file.lines_of(label) or file.lines_of(name)
    usable = [each for each in operators if not engine.is_array or _keeps_shape(each)]
    if not any(each.count > 1 for each in usable):
        return Part(label, "not compared", lines=lines, reason="no operator of two operands agrees")
    random = np.random.default_rng((seed, 7))
    for _ in range(_EXPRESSIONS):
        leaves, steps = _expression(random, usable, (3, 4) if engine.is_array else ())

        def nodes(made: list[Any], of_engine: bool, steps: Any = steps) -> list[Any]:
            for operator, operands in steps:
                code = operator.apply if of_engine else operator.expected
                made.append(code(*(made[i] for i in operands)))
            return made

        def run(leaves: Any = leaves, nodes: Any = nodes) -> Any:
            made = nodes([engine.leaf(each) for each in leaves], True)
            engine.go_back(_summed(made[-1]), made[: len(leaves)])
            return [(engine.number(each), engine.gradient(each)) for each in made]

        try:
            shown = file.run(label, run)
        except AttemptError as error:
            return Part(label, "could not run", _BESIDE, compared, lines=lines, line=error.line, reason=str(error))
        names = ["abc"[i] for i in range(len(leaves))] + [f"node {i}" for i in range(1, len(steps) + 1)]
        shape = leaves[0].shape
        actual: dict[Key, Any] = {("outputs", each): _plain(data, shape) for each, (data, _) in zip(names, shown, strict=True)}
        kept = [each for each, (_, grad) in zip(names, shown, strict=True) if grad is not None]
        grads = dict(zip(names, (grad for _, grad in shown), strict=True))
        actual |= {("gradients", f"gradient of {each}"): _plain(grads[each], shape) for each in reversed(names)}

        def reference(leaves: Any = leaves, nodes: Any = nodes, names: Any = names, kept: Any = kept) -> dict[Key, Tensor]:
            tensors = nodes([torch.from_numpy(np.array(each)).requires_grad_() for each in leaves], False)
            found = torch.autograd.grad(tensors[-1].sum(), tensors, allow_unused=True)
            numbers: dict[Key, Tensor] = {("outputs", each): tensor for each, tensor in zip(names, tensors, strict=True)}
            for each, tensor, grad in reversed(list(zip(names, tensors, found, strict=True))):
                if each in kept:
                    numbers["gradients", f"gradient of {each}"] = torch.zeros_like(tensor) if grad is None else grad
            return numbers

        result = judged(actual, reference, seed)
        compared += sum(result.sizes.values())
        if result.first is not None:
            on = "; ".join([_said(leaves), *(f"node {i} = {_of(step, names)}" for i, step in enumerate(steps, start=1))])
            return Part(label, "wrong", _BESIDE, compared, result.first, on, lines)
    return Part(label, "agrees", f"{_BESIDE}, in drawn expressions", compared, lines=lines)


def _expression(random: Generator, operators: Sequence[Operator], shape: tuple[int, ...]) -> tuple[list[Array], list[Any]]:
    """Draw leaves, and steps of which each is an operator and the places of its operands; numbers stay moderate and away from kinks."""
    leaves = [_drawn(random, shape, is_positive=False) for _ in range(3)]
    values, steps = [torch.from_numpy(np.array(each)) for each in leaves], list[Any]()
    for _ in range(50 * _NODES):
        operator = operators[int(random.integers(len(operators)))]
        least = max(0, len(values) - 5) if random.random() < _RECENT else 0
        operands = [int(each) for each in random.integers(least, len(values), operator.count)]
        value = operator.expected(*(values[i] for i in operands))
        if bool(((value.abs() < _MOST) & (value.abs() > 1 / _MOST)).all()) and len(steps) < _NODES:
            values.append(value)
            steps.append((operator, operands))
    return leaves, steps


def _keeps_shape(operator: Operator) -> bool:
    tensors = [torch.full((3, 4), 0.5 + i) for i in range(operator.count)]
    try:
        return tuple(operator.expected(*tensors).shape) == (3, 4)
    except RuntimeError:
        return False


def _summed(made: Any) -> Any:
    """Return the sum of an object of arrays; a scalar, and what has no such sum, as it is: it goes back from ones."""
    try:
        return made.sum() if callable(getattr(made, "sum", None)) else made
    except TypeError:      # it takes an axis
        return made


def _drawn(random: Generator, shape: tuple[int, ...], *, is_positive: bool) -> Array:
    """Draw numbers of both signs away from 0, where kinks are."""
    size = random.uniform(0.3, 2.0, shape)
    return np.asarray(size if is_positive else size * random.choice([-1.0, 1.0], shape))


def _plain(value: Any, shape: tuple[int, ...]) -> Any:
    """Return a number of one entry as one of that shape: (1, 1) for a scalar is no difference."""
    array = np.asarray(value) if not isinstance(value, Tensor) else value
    return array.reshape(shape) if np.size(array) == int(np.prod(shape)) and np.ndim(array) != len(shape) and np.size(array) == 1 else value


def _of(step: Any, names: Sequence[str]) -> str:
    """Say a step with the names of its operands."""
    operator, operands = step
    named = {letter: names[place] for letter, place in zip("ab", operands, strict=False)}
    return re.sub(r"\b[ab]\b", lambda found: named.get(found[0], found[0]), str(operator.said))


def _said(leaves: Sequence[Array]) -> str:
    if leaves and leaves[0].shape:
        return ", ".join(f"{'abc'[i]} {each.shape}" for i, each in enumerate(leaves))
    return ", ".join(f"{'abc'[i]} = {float(each):.6g}" for i, each in enumerate(leaves))
