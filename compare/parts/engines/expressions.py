"""Drawn expressions of an engine's objects in which nodes are shared, compared at every leaf and every node."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from ...sides.interface import Key
from ...support.arrays import Array
from ...userfile.file import AttemptError
from ..file import PartsFile
from ..judged import judged
from ..result import Part
from .kind import Engine
from .numbers import BESIDE, drawn, plain, said_of, summed
from .operators import Operator

_NODES = 24      # of a drawn expression
_EXPRESSIONS = 6
_RECENT = 0.7      # of the operands are one of the last
_MOST = 20.0      # that a number in an expression may be


def part_of_expressions(file: PartsFile, name: str, engine: Engine, operators: Sequence[Operator], seed: int) -> Part:
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
            engine.go_back(summed(made[-1]), made[: len(leaves)])
            return [(engine.number(each), engine.gradient(each)) for each in made]

        try:
            shown = file.run(label, run)
        except AttemptError as error:
            return Part(label, "could not run", BESIDE, compared, lines=lines, line=error.line, reason=str(error))
        names = ["abc"[i] for i in range(len(leaves))] + [f"node {i}" for i in range(1, len(steps) + 1)]
        shape = leaves[0].shape
        actual: dict[Key, Any] = {("outputs", each): plain(data, shape) for each, (data, _) in zip(names, shown, strict=True)}
        kept = [each for each, (_, grad) in zip(names, shown, strict=True) if grad is not None]
        grads = dict(zip(names, (grad for _, grad in shown), strict=True))
        actual |= {("gradients", f"gradient of {each}"): plain(grads[each], shape) for each in reversed(names)}

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
            on = "; ".join([said_of(leaves), *(f"node {i} = {_of(step, names)}" for i, step in enumerate(steps, start=1))])
            return Part(label, "wrong", BESIDE, compared, result.first, on, lines)
    return Part(label, "agrees", f"{BESIDE}, in drawn expressions", compared, lines=lines)


def _expression(random: Generator, operators: Sequence[Operator], shape: tuple[int, ...]) -> tuple[list[Array], list[Any]]:
    """Draw leaves, and steps of which each is an operator and the places of its operands; numbers stay moderate and away from kinks."""
    leaves = [drawn(random, shape, is_positive=False) for _ in range(3)]
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


def _of(step: Any, names: Sequence[str]) -> str:
    """Say a step with the names of its operands."""
    operator, operands = step
    named = {letter: names[place] for letter, place in zip("ab", operands, strict=False)}
    return re.sub(r"\b[ab]\b", lambda found: named.get(found[0], found[0]), str(operator.said))
