"""A layer that PyTorch has no function for: its backward stands beside autograd of the file's own forward, run on PyTorch's tensors."""

import ast
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from ..userfile.file import AttemptError
from .as_tensors import array_module, as_tensors, kept_as_copies, tensor_of
from .binding import BindingError, bound
from .file import PartsFile
from .layers.draws import Case
from .layers.table import Layer
from .pairs import Pair
from .repeatable import repeatable


def on_tensors(file: PartsFile) -> dict[str, Any]:
    """Return the file's names, with its functions and classes made anew on PyTorch's tensors in place of NumPy's arrays."""
    own = [node for node in file.tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.decorator_list]
    space = {name: array_module() if value is np else value for name, value in vars(file.module).items()}
    exec(compile(repeatable(own), str(file.path), "exec", dont_inherit=True), space)
    return space


def own_layer(file: PartsFile, pair: Pair, rows: Sequence[Layer]) -> Layer | None:
    """Return a layer with what is drawn for one of the rows, on which the forward runs as it is and on tensors alike; None for none."""
    module = vars(file.module)
    required = [each for each in inspect.signature(module[pair.backwards[0]]).parameters.values() if each.default is each.empty]
    outputs = tuple(f"out{i or ''}" for i in range(max(1, len(required) - 1)))
    told = inspect.signature(module[pair.backwards[0]]).parameters      # of others it learns by the cache alone
    other = other_numbers(module[pair.forward], told)
    for draw in dict.fromkeys(row.draw for row in rows):
        cases = list(draw(np.random.default_rng(0)))
        own = _Own(file, pair.forward, list(cases[0].arrays), len(outputs))
        taken = [number for number, case in enumerate(cases) if own.runs(case)]
        if len(taken) > 1:
            also = [number for number in taken if other and own.runs(_with(cases[number], other))]
            drawn = _Taken(draw, taken, also, other)
            return Layer("autograd of its own forward, which is not compared", drawn, own.reference, outputs, is_own=True)
    return None


def other_numbers(function: Callable[..., Any], left_out: Collection[str] = ()) -> dict[str, float]:
    """Return another value for each argument that is a number by default, but for those of these names."""
    own = [each for each in inspect.signature(function).parameters.values() if each.name not in left_out]
    numbers = {each.name: each.default for each in own if isinstance(each.default, float) and np.isfinite(each.default)}
    return {name: value**0.5 if 0 < value < 1 else 1.5 * value + 0.25 for name, value in numbers.items()}


def _with(case: Case, other: Mapping[str, float]) -> Case:
    return Case(case.arrays, {**other, **case.options})


@dataclass(frozen=True)
class _Taken:
    """What is drawn, without the cases on which the forward does not run; then those of `also` with other numbers for its arguments."""

    draw: Callable[[Generator], Iterator[Case]]
    taken: Sequence[int]
    also: Sequence[int] = ()
    other: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, random: Generator) -> Iterator[Case]:
        """Yield the cases."""
        cases = list(self.draw(random))
        yield from (cases[number] for number in self.taken)
        yield from (_with(cases[number], self.other) for number in self.also)


class _Own:
    """The file's forward function, as it is and on PyTorch's tensors."""

    def __init__(self, file: PartsFile, name: str, roles: Sequence[str], count: int) -> None:
        self.file, self.name, self.roles, self.count = file, name, roles, count
        functions = [node for node in file.tree.body if isinstance(node, ast.FunctionDef) and not node.decorator_list]
        self.code = compile(repeatable(functions), str(file.path), "exec", dont_inherit=True)

    def runs(self, case: Case) -> bool:
        """Return whether it runs on a case, and gives the same numbers of tensors, with a gradient at each array."""
        try:
            answer = self.file.run(self.name, vars(self.file.module)[self.name], **bound(vars(self.file.module)[self.name], case))
            tensors = [torch.from_numpy(np.array(each)) for each in case.arrays.values()]
            leaves = [each.requires_grad_() for each in tensors if each.is_floating_point()]
            outs = self.file.run(self.name, self.reference, *tensors, **case.options)
        except (AttemptError, BindingError):
            return False
        plain = list(answer)[: self.count] if isinstance(answer, tuple) else [answer]
        if len(plain) != len(outs) or not all(each.requires_grad for each in outs):
            return False
        grads = torch.autograd.grad([each.sum() for each in outs], leaves, allow_unused=True)
        pairs = [(one, other.numpy(force=True)) for one, other in zip(plain, outs, strict=True)]
        are_same = all(np.shape(one) == other.shape and np.allclose(one, other) for one, other in pairs)
        return are_same and all(grad is not None for grad in grads)

    def reference(self, *tensors: Tensor, **options: Any) -> tuple[Tensor, ...]:
        """Return the outputs on tensors; raises ValueError for what is no array."""
        space = {**vars(self.file.module)}
        space |= {name: array_module() for name, value in space.items() if value is np}
        exec(self.code, space)
        arrays = {role: array_module().asarray(each) for role, each in zip(self.roles, tensors, strict=True)}
        named = {name: as_tensors(value) for name, value in options.items()}
        with self.file.with_arrays_of(array_module()), kept_as_copies():
            answer = space[self.name](**bound(space[self.name], Case(arrays, named)))
        outs = [tensor_of(each) for each in (list(answer)[: self.count] if isinstance(answer, tuple) else [answer])]
        if any(each is None for each in outs):
            raise ValueError(f"{self.name} returns no arrays of PyTorch's tensors")
        return tuple(each for each in outs if each is not None)
