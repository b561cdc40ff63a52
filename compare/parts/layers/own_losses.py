"""A pair of functions that is a loss, as cost, cache = f(x, y): its gradient at the prediction beside autograd of its own forward."""

import ast
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...support.arrays import Array
from ...userfile.file import AttemptError
from ..as_tensors import array_module, as_tensors, kept_as_copies, tensor_of
from ..binding import plain
from ..classes.spellings import is_target, may_be_targets
from ..file import PartsFile, line_of_returned
from ..loss_cases import OF_INPUT, Case, Compared, cases, is_difference, judged_part, other_case, wide_case
from ..own_forward import other_numbers
from ..repeatable import repeatable
from ..result import Part
from ..small_numbers import NoSmallNumbers

_BESIDE = "autograd of its own forward, which is not compared"


def own_loss(file: PartsFile, forward: str, backward: str, seed: int) -> Part | None:
    """Return the part of a loss's backward function, None where the forward is no loss of a prediction and a target.

    Other arguments that are numbers by default get other values too.
    """
    names, numbers = required(vars(file.module)[forward]), other_numbers(vars(file.module)[forward])
    if len(names) != 2:
        return None
    pair = _Pair(file, forward, backward, _target_of(names), seed)
    part = _but_for_small(pair)
    further = _but_for_small(replace(pair, numbers=numbers)) if part is not None and part.mark == "agrees" and numbers else None
    part = part if further is None or further.mark != "wrong" else further
    is_wrong, node = part is not None and part.mark == "wrong", file.node_of(backward)
    return replace(part, line=line_of_returned(node, "", 0)) if part is not None and is_wrong and node is not None else part


def _but_for_small(pair: "_Pair") -> Part | None:
    """Return the part, or that without the small number that keeps a logarithm from 0, if it agrees only so."""
    first, other = _part(pair), _part(replace(pair, has_small=False))
    if first is None or other is None or first.mark != "wrong" or other.mark == "wrong":
        return first
    return replace(other, beside=f"{other.beside}; but for the small number in its logarithm")


def _part(pair: "_Pair") -> Part | None:
    lines = pair.file.lines_of(pair.backward)
    case = next((each for each in cases(pair.seed) if pair.runs(each)), None)
    if case is None:
        return None
    part = Part(pair.backward, "agrees", _BESIDE, lines=lines, on=case.on)
    try:
        fits = [each for each in cases(pair.seed) if pair.runs(each) and pair.is_as_long(each)]
        case = fits[0] if fits else case
        compared = pair.compared(case)
        part = judged_part(pair.file, pair.seed, part, compared, lambda: pair.compared(other_case(pair.seed, case)))
        if part.mark == "wrong" and is_difference(compared.shown, case):
            return replace(part, mark="not compared", first=None, why=None, reason=OF_INPUT.format("function"))
        wide = wide_case(pair.seed, case)
        if part.mark != "wrong" and pair.runs(wide):
            other = judged_part(pair.file, pair.seed, replace(part, on=wide.on), pair.compared(wide), lambda: None)
            return other if other.mark == "wrong" else part
        return part
    except AttemptError as error:
        return Part(pair.backward, "could not run", _BESIDE, lines=lines, line=error.line, reason=str(error))


@dataclass(frozen=True)
class _Pair:
    """The two functions of a loss; `target` is the place of the target among the arguments."""

    file: PartsFile
    forward: str
    backward: str
    target: int
    seed: int
    has_small: bool = True
    numbers: Mapping[str, float] = field(default_factory=dict)      # for arguments that have others by default

    def runs(self, case: Case) -> bool:
        """Return whether the loss is the same on tensors, one number or one for each record, with a gradient at the prediction."""
        try:
            with np.errstate(all="ignore"):      # as of a logarithm
                plain_loss = np.asarray(self._loss(case)[0], float)
            loss = self._of_tensors(torch.from_numpy(case.prediction.copy()).requires_grad_(), case.target)
        except Exception:      # whatever the file's code raises
            return False
        of_records = case.sizes[0] if any(is_target(name) for name in required(vars(self.file.module)[self.forward])) else 1
        is_loss = plain_loss.shape == tuple(loss.shape) and plain_loss.size in (1, of_records) and loss.requires_grad
        return bool(is_loss and np.allclose(plain_loss, loss.detach().numpy()))

    def is_as_long(self, case: Case) -> bool:
        """Return whether the gradient has the prediction's shape."""
        try:
            return bool(np.shape(self._gradient(case)) == case.prediction.shape)
        except Exception:      # whatever the file's code raises
            return False

    def compared(self, case: Case) -> Compared:
        """Return the gradient of a case, with autograd's."""

        def reference(reduce: Callable[[Tensor], Tensor]) -> Tensor:
            leaf = torch.from_numpy(case.prediction.copy()).requires_grad_()
            return torch.autograd.grad(reduce(self._of_tensors(leaf, case.target)), leaf)[0]

        return Compared(self.file.run(self.backward, self._gradient, case), reference, case.sizes)

    def _arguments(self, prediction: Any, target: Any) -> list[Any]:
        return [target, prediction] if self.target == 0 else [prediction, target]

    def _loss(self, case: Case) -> tuple[Any, Any]:
        """Return the loss, and its cache or None."""
        answer = vars(self.file.module)[self.forward](*self._arguments(case.prediction.copy(), case.target.copy()), **self.numbers)
        loss, *rest = answer if isinstance(answer, tuple) else (answer,)
        return loss, rest[0] if len(rest) == 1 else tuple(rest) or None

    def _of_tensors(self, prediction: Tensor, target: Array) -> Tensor:
        functions = [node for node in self.file.tree.body if isinstance(node, ast.FunctionDef) and not node.decorator_list]
        tree = repeatable(functions) if self.has_small else NoSmallNumbers().visit(repeatable(functions))
        space = {name: array_module() if value is np else value for name, value in vars(self.file.module).items()}
        exec(compile(tree, str(self.file.path), "exec", dont_inherit=True), space)
        with self.file.with_arrays_of(array_module()), kept_as_copies():
            given = self._arguments(array_module().asarray(prediction.clone()), as_tensors(np.array(target)))
            answer = space[self.forward](*given, **self.numbers)
        loss = tensor_of(answer[0] if isinstance(answer, tuple) else answer)
        if loss is None:
            raise ValueError(f"{self.forward} returns no array")
        return loss

    def _gradient(self, case: Case) -> Any:
        """Return what the backward function gives for the prediction, of the arguments that it takes by their names."""
        loss, cache = self._loss(case)
        function = vars(self.file.module)[self.backward]
        own = dict(zip(required(vars(self.file.module)[self.forward]), self._arguments(case.prediction, case.target), strict=True))
        takes = required(function)
        given: list[Any] = []
        for name in takes:
            if "cache" in plain(name) or (len(takes) == 1 and cache is not None and name not in own):
                given.append(cache)
            elif name in own or is_target(name):
                given.append(np.copy(own.get(name, case.target)))
            else:
                is_above = not may_be_targets(name) and "pred" not in plain(name)
                given.append(np.ones(np.shape(loss)) if is_above else np.copy(case.prediction))
        known = inspect.signature(function).parameters
        returned = function(*given, **{name: value for name, value in self.numbers.items() if name in known})
        values = [*returned.values()] if isinstance(returned, Mapping) else returned if isinstance(returned, (tuple, list)) else [returned]
        return next((each for each in values if np.shape(each) == case.prediction.shape), values[0] if len(values) else None)


def required(function: Callable[..., Any]) -> list[str]:
    """Return the names of the arguments without a default."""
    return [each.name for each in inspect.signature(function).parameters.values() if each.default is each.empty]


def _target_of(names: Sequence[str]) -> int:
    """Return the place of the target: of the argument that is named so, of t rather than y, else of the last."""
    said = [at for at, name in enumerate(names) if is_target(name)]
    said = [at for at in said if plain(names[at]) != "y"] if len(said) > 1 else said
    return said[0] if len(said) == 1 else len(names) - 1
