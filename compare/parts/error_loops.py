"""A loop at top level that trains back through time, from errors y − out at each step: its changes of the weights beside autograd's."""

import ast
import copy
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..sides.interface import Key
from ..support.arrays import Array
from ..userfile.file import AttemptError
from ..userfile.imports import Imports
from .as_tensors import array_module, as_tensors, tensor_of
from .file import PartsFile, lines_that_assign
from .judged import Judged, judged
from .repeatable import repeatable
from .result import Part

_HOOKS = "_backprop_compare_errors"
_LEAST = 2      # weights
_MOST = 10      # that a learning rate may be
_FACTORS = (1.0, 2.0, 0.5)      # of the learning rate: a loss without its ½, or with another
_BESIDE = "autograd of the same code"


@dataclass
class _Loop:
    """The loop, the statements before it, the weights that it changes, and the errors that its inner loops make."""

    node: ast.For
    before: list[ast.stmt]
    weights: list[str]
    errors: list[ast.Assign]


def _loop(tree: ast.Module) -> _Loop | None:
    for at, node in enumerate(tree.body):
        if not isinstance(node, ast.For):
            continue
        stored = [each for part in tree.body[:at] if isinstance(part, ast.Assign) for each in ast.walk(part) if isinstance(each, ast.Name)]
        made = {each.id for each in stored if isinstance(each.ctx, ast.Store)}
        steps = [each for each in node.body if isinstance(each, (ast.AugAssign, ast.Assign))]
        changed = [name for each in steps for name in _changed(each) if name in made]
        inner = [each for loop in node.body if isinstance(loop, ast.For) for each in ast.walk(loop)]
        errors = [each for each in inner if isinstance(each, ast.Assign) and _is_error(each)]
        if errors and len(changed) >= _LEAST:
            return _Loop(node, tree.body[:at], list(dict.fromkeys(changed)), errors)
    return None


def _changed(statement: ast.AugAssign | ast.Assign) -> list[str]:
    """Return the name that a statement moves by something: W += step, W = W - step."""
    target = statement.target if isinstance(statement, ast.AugAssign) else statement.targets[0]
    value, signs = statement.value, (ast.Add, ast.Sub)
    moves = isinstance(statement, ast.AugAssign) and isinstance(statement.op, signs)
    moves = moves or (isinstance(value, ast.BinOp) and isinstance(value.op, signs) and ast.unparse(value.left) == ast.unparse(target))
    return [target.id] if moves and isinstance(target, ast.Name) else []


def _is_error(statement: ast.Assign) -> bool:
    value = statement.value
    is_difference = isinstance(value, ast.BinOp) and isinstance(value.op, ast.Sub)
    return is_difference and not any(isinstance(each, ast.Call) for each in ast.walk(value))


def loops_in(tree: ast.Module) -> list[str]:
    """Return the weights of such a loop."""
    found = _loop(tree)
    return [] if found is None else found.weights


@dataclass
class _Hooks:
    """What the instrumented loop calls: it keeps both sides of each error."""

    pairs: list[tuple[Any, Any]] = field(default_factory=list)

    def keep(self, one: Any, other: Any) -> None:
        """Keep the two sides of an error."""
        self.pairs.append((one, other))

    def first(self, values: Iterable[Any]) -> Any:
        """Return an iterator of the first value alone."""
        return itertools.islice(values, 1)


class LoopFile(PartsFile):
    """A script of which all that comes before its loop is executed."""

    def __init__(self, path: Path, seed: int = 0) -> None:
        self.path, self.adapter, self.name = path, None, path.name
        self._begin(seed)
        self._imports: Imports = Imports(path, self.notes)
        self._imports.place(self._imports.attempt)
        source = self._imports.attempt.sources[str(path)]
        self.tree = ast.parse("\n".join(source.lines) + "\n")
        self._definitions = {}
        found = _loop(self.tree)
        code = compile(ast.Module(found.before if found else [], []), str(path), "exec", dont_inherit=True)
        self._imports.attempt.sources[str(path)] = replace(source, code=code)
        self.module = self._executed(path, self._imports.attempt)


def check_loop(file: PartsFile, seed: int) -> Iterator[Part]:
    """Yield a part for each weight that the loop changes."""
    loop = _loop(file.tree)
    assert loop is not None
    before = {name: copy.deepcopy(vars(file.module).get(name)) for name in loop.weights}
    label = f"the loop in line {loop.node.lineno}"
    try:
        after = file.run(label, _run, file, loop, seed)
        weights = {name: value for name, value in before.items() if _is_weight(value) and _is_weight(after.get(name))}
        moved = [name for name in weights if not np.array_equal(weights[name], after[name])]
        steps = {name: after[name] - value for name, value in weights.items()}
        ways = [(words, rate) for words in _LOSSES for rate in _rates(file, _gradients(file, loop, weights, words, seed), steps)]
        tried = [(words, rate, _judged(file, loop, weights, after, rate, words, seed)) for words, rate in ways]
        words, rate, result = min(tried, key=lambda each: len(each[2].wrong))
    except (AttemptError, RuntimeError, TypeError, ValueError, AttributeError, NotImplementedError) as error:
        reason = f"it does not run once, as it is and on PyTorch's tensors ({error})"
        yield Part(", ".join(loop.weights), "not compared", reason=reason, line=loop.node.lineno)
        return
    for each in result.differences:
        name = each.tensor.removeprefix("new ")
        said = f"{_BESIDE}: the step is −{rate:g} times the gradient of {words}"
        lines = lines_that_assign(loop.node, name)
        mark: Any = "wrong" if not each.is_allowed else "agrees" if name in moved else "not compared"
        first = each if mark == "wrong" else None
        yield Part(name, mark, said, result.sizes[each.tensor], first, line=lines[0] if lines else None, reason="it is not changed")


def _is_weight(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _rates(file: PartsFile, grads: Mapping[str, Tensor], steps: Mapping[str, Array]) -> list[float]:
    """Return the learning rates that a step may have: of the file's numbers, and half and twice these, those that fit a weight's step.

    Where none fits, it is the file's own, or 1.
    """
    numbers = [float(each) for each in vars(file.module).values() if type(each) in (float, int) and 0 < each < _MOST]
    known = list(dict.fromkeys(factor * each for factor in _FACTORS for each in [*numbers, 1.0]))
    found = [-float((steps[name] * grad.numpy()).sum() / max(float((grad**2).sum()), 1e-300)) for name, grad in grads.items()]
    fitting = [each for each in known if any(abs(each - one) <= 1e-6 * each for one in found)]
    own = (float(vars(file.module).get(name, 0)) for name in ("alpha", "lr", "learning_rate", "eta"))
    return fitting or [next((each for each in own if each), 1.0)]


def _squares(target: Tensor, out: Tensor) -> Tensor:
    return ((target - out) ** 2).sum() / 2


def _cross_entropy(target: Tensor, out: Tensor) -> Tensor:
    return -(target * out.log() + (1 - target) * (1 - out).log()).sum()


_LOSSES: Mapping[str, Any] = {"half the squared errors": _squares, "the cross-entropy of the outputs": _cross_entropy}


def _run(file: PartsFile, loop: _Loop, seed: int, leaves: Mapping[str, Tensor] | None = None) -> dict[str, Any]:
    """Run one round of the loop, as it is or on tensors with these leaves; return the variables, and the hooks under their name."""
    hooks = _Hooks()
    space = dict(vars(file.module))
    for name, value in vars(file.module).items():
        if not name.startswith("__") and not isinstance(value, ModuleType) and not callable(value):
            space[name] = copy.deepcopy(value) if leaves is None else as_tensors(copy.deepcopy(value))
    functions = [node for node in file.tree.body if isinstance(node, ast.FunctionDef) and not node.decorator_list]
    body = [*functions, _instrumented(loop)]
    space[_HOOKS] = hooks
    if leaves is not None:
        space |= {name: array_module() for name, value in space.items() if value is np}
        space |= {name: SimpleNamespace(deepcopy=lambda x: x, copy=lambda x: x) for name, value in space.items() if value is copy}
        space |= {name: array_module().asarray(leaf.clone()) for name, leaf in leaves.items()}
    tree = repeatable(body) if leaves is not None else ast.fix_missing_locations(ast.Module(body, []))
    np.random.seed(seed % 2**32)
    space["print"] = lambda *_, **__: None
    exec(compile(tree, str(file.path), "exec", dont_inherit=True), space)
    return space


def _instrumented(loop: _Loop) -> ast.For:
    """Return the loop of a single round, in which each error is kept."""
    lines = {each.lineno for each in loop.errors}
    node: Any = _Keeping(lines).visit(copy.deepcopy(loop.node))
    call: Any = ast.parse(f"{_HOOKS}.first(0)", mode="eval").body
    call.args[0], node.iter = node.iter, call
    return ast.fix_missing_locations(node)      # type: ignore[no-any-return]


class _Keeping(ast.NodeTransformer):
    """Keeps both sides of the errors that are made in these lines."""

    def __init__(self, lines: set[int]) -> None:
        self.lines = lines

    def visit_Assign(self, node: ast.Assign) -> Any:
        """Put a call before the statement."""
        if node.lineno not in self.lines or not isinstance(node.value, ast.BinOp):
            return node
        sides = f"{ast.unparse(node.value.left)}, {ast.unparse(node.value.right)}"
        call = ast.copy_location(ast.parse(f"{_HOOKS}.keep({sides})").body[0], node)
        return [call, node]


def _judged(
    file: PartsFile, loop: _Loop, weights: Mapping[str, Array], after: Mapping[str, Any], rate: float, words: str, seed: int
) -> Judged:
    shown: dict[Key, Any] = {("params", f"new {name}"): after[name] for name in weights}

    def reference() -> dict[Key, Tensor]:
        grads = _gradients(file, loop, weights, words, seed)
        return {("params", f"new {name}"): torch.from_numpy(value.copy()) - rate * grads[name] for name, value in weights.items()}

    return file.run(f"the loop in line {loop.node.lineno}", judged, shown, reference, seed)      # type: ignore[no-any-return]


def _gradients(file: PartsFile, loop: _Loop, weights: Mapping[str, Array], words: str, seed: int) -> dict[str, Tensor]:
    """Return autograd's gradients of a loss of all errors; raises ValueError where none of these depends on the weights."""
    leaves = {name: torch.from_numpy(value.copy()).requires_grad_() for name, value in weights.items()}
    pairs = [tuple(map(tensor_of, pair)) for pair in _run(file, loop, seed, leaves)[_HOOKS].pairs]
    total = torch.zeros((), dtype=torch.float64)
    for one, other in pairs:
        if one is not None and other is not None and one.requires_grad != other.requires_grad:
            target, out = (other, one) if one.requires_grad else (one, other)
            total = total + _LOSSES[words](target.double(), out)
    if not total.requires_grad:
        raise ValueError("no error depends on the weights")
    grads = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    return {name: torch.zeros_like(leaf) if grad is None else grad for (name, leaf), grad in zip(leaves.items(), grads, strict=True)}
