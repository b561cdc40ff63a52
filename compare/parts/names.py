"""Gradients made by hand under the names of tensors, each beside autograd of the code before it, run again on PyTorch's tensors."""

import ast
import copy
import io
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..sides.interface import Key
from ..support.kinds import kind_of
from ..userfile.file import AttemptError
from ..userfile.imports import Imports
from .as_tensors import array_module, as_numbers_of, as_tensors, tensor_of
from .file import PartsFile
from .judged import Judged, as_numbers, judged
from .names_kept import drawn_data, kept_value
from .names_tree import Cluster, clusters_in, instrumented, repeatable, uses_torch
from .names_update import parameters_of, update_parts
from .result import Part
from .words import factor_of

_HOOKS = "_backprop_compare_hooks"
_ROUNDS = 2      # of a loop, or calls of a function, that are compared
_LEAST = {"torch": 3, "numpy": 5}      # gradients by hand that make a file one of this shape
_WORDS = ("emma", "olivia", "ava", "isabella", "sophia", "charlotte", "evelyn", "liam", "noah", "logan", "quinn", "zoe", "felix", "jack")
_LONG = 1000      # entries of a list of data, which is not copied
_BESIDE = "autograd of the same code"


class _Stop(BaseException):
    """Every place was reached."""


@dataclass
class _Round:
    """One round of a place: the variables before the first gradient, and the gradients that were made."""

    variables: dict[str, Any]
    module: dict[str, Any]
    grads: list[tuple[str, Any]] = field(default_factory=list)


class _Hooks:
    """What the instrumented file calls: it keeps the numbers, and ends the run when all places were reached."""

    def __init__(self, clusters: Iterable[Cluster], notes: list[str], seed: int) -> None:
        self.notes, self.seed = notes, seed
        self.clusters = {cluster.number: cluster for cluster in clusters}
        self.rounds: dict[int, list[_Round]] = {number: [] for number in self.clusters}
        self.counts: dict[int, int] = {}

    def begin(self, number: int, variables: dict[str, Any], local: dict[str, Any]) -> None:
        """Keep the variables before the first gradient."""
        if len(self.rounds[number]) < _ROUNDS:
            self.rounds[number].append(_Round(_kept({**variables, **local}), variables))

    def keep(self, number: int, name: str, value: Any) -> None:
        """Keep a gradient that is about to be made anew."""
        if self.rounds[number]:
            self.rounds[number][-1].grads.append((name, _copied(value)))

    def end(self, number: int, local: dict[str, Any]) -> None:
        """Keep the gradients; stop when all places were reached often enough."""
        cluster, rounds = self.clusters[number], self.rounds[number]
        done = {name for name, _ in rounds[-1].grads}
        if not done or len(rounds[-1].grads) < len(cluster.names):
            rounds[-1].grads += [(name, _copied(local[name])) for name in cluster.names if name in local]
            space = {**rounds[-1].module, **local}
            kept = ((name, kept_value(space, name)) for name in cluster.names if "." in name and not name.startswith("self."))
            rounds[-1].grads += [(name, _copied(value)) for name, value in kept if value is not None]
        if all(len(self.rounds[each.number]) >= (_ROUNDS if each.outer or each.scope else 1) for each in self.clusters.values()):
            raise _Stop

    def open(self, file: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        """Open a file; in place of a text that is not there, give one of names."""
        try:
            return open(file, mode, *arguments, **named)
        except FileNotFoundError:
            if mode not in ("r", "rt"):
                raise
            self.notes.append(f"{file} is not there; a text of {len(_WORDS)} names stands in for it")
            return io.StringIO("\n".join(_WORDS) + "\n")

    def data(self, names: list[str]) -> Any:
        """Return stand-ins for data that is not there."""
        self.notes.append(f"what {', '.join(names)} are read from is not there; drawn numbers stand in for it")
        return drawn_data(names, self.seed)

    def few(self, values: Iterable[Any]) -> Iterator[Any]:
        """Yield the first values."""
        return itertools.islice(values, _ROUNDS)

    def once(self, loop: int, test: Any) -> bool:
        """Return the test of a loop, False after the first rounds."""
        self.counts[loop] = self.counts.get(loop, 0) + 1
        return bool(test) and self.counts[loop] <= _ROUNDS


class NamesFile(PartsFile):
    """A script that is run with hooks until every place with gradients by hand was reached."""

    def __init__(self, path: Path, seed: int = 0) -> None:
        self.path, self.adapter, self.name, self.seed = path, None, path.name, seed
        self._begin(seed)
        self._imports: Imports = Imports(path, self.notes)
        self._imports.place(self._imports.attempt)
        source = self._imports.attempt.sources[str(path)]
        self.tree = ast.parse("\n".join(source.lines) + "\n")
        self._definitions = {}
        self.clusters = clusters_in(self.tree)
        self.left_out: list[str] = []      # parameters whose update is not compared
        self.hooks = _Hooks(self.clusters, self.notes, seed)
        hooks = {name: getattr(self.hooks, name) for name in ("begin", "keep", "end", "few", "once", "open", "data")}
        self._imports.provide({_HOOKS: hooks})
        code = compile(instrumented(self.tree, _HOOKS), str(path), "exec", dont_inherit=True)
        self._imports.attempt.sources[str(path)] = replace(source, code=code)
        with self._alone():
            try:
                self.module = self._executed(path, self._imports.attempt)
            except AttemptError as error:
                if not isinstance(error.__cause__, _Stop):
                    raise

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Draw from the seed, and make tensors of float64."""
        before = torch.get_default_dtype()
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            torch.set_default_dtype(torch.float64)
            try:
                yield
            finally:
                torch.set_default_dtype(before)


def names_in(tree: ast.Module) -> list[str]:
    """Return the gradients by hand of a file with enough of them."""
    least = _LEAST["torch" if uses_torch(tree) else "numpy"]
    found = list(dict.fromkeys(name for cluster in clusters_in(tree) for name in cluster.names))
    return found if len(found) >= least else []


def check_names(file: PartsFile, seed: int) -> Iterator[Part]:
    """Yield a part for each gradient, in the order in which they are made."""
    assert isinstance(file, NamesFile)
    for cluster in file.clusters:
        rounds = file.hooks.rounds[cluster.number]
        if not rounds:
            reason = f"{cluster.scope or 'this part of the file'} is not reached when the file is run"
            yield Part(", ".join(cluster.names), "not compared", reason=reason, line=min(cluster.lines.values()))
            continue
        try:
            results = [_judged(file, cluster, each, seed) for each in rounds]
            if any(each.first is not None and each.first.phase == "outputs" for each in results):
                raise ValueError(f"{cluster.loss} is another number then")
        except (AttemptError, RuntimeError, TypeError, ValueError, AttributeError, NotImplementedError) as error:
            reason = f"the code before it does not run on PyTorch's tensors ({type(error).__name__}: {error})"
            yield Part(", ".join(cluster.names), "not compared", reason=reason, line=min(cluster.lines.values()))
            continue
        yield from _parts(cluster, results)
        yield from _updates(file, cluster, rounds)


def _updates(file: NamesFile, cluster: Cluster, rounds: Sequence[_Round]) -> Iterator[Part]:
    """Yield a part for the update of each parameter that a loop at top level changes, and leave the others out."""
    parts: list[Part] = []
    if not cluster.scope and cluster.outer and len(rounds) > 1:
        parts = list(update_parts(cluster, rounds[0].variables, rounds[0].grads, rounds[1].variables))
    compared = {part.name.removeprefix("update of ") for part in parts}
    file.left_out += [name for name in parameters_of(cluster) if name not in compared and name not in file.left_out]
    yield from parts


def _judged(file: NamesFile, cluster: Cluster, each: _Round, seed: int) -> Judged:
    numbers: dict[Key, Any] = {("outputs", cluster.loss): each.variables[cluster.loss]}
    for name, value in each.grads:
        label = name if ("gradients", name) not in numbers else f"{name}, made anew"
        numbers["gradients", label] = value
    expected = _reference(file, cluster, each, {label.partition(",")[0]: label for phase, label in numbers if phase == "gradients"})
    plain = expected()
    shown = {key: _shaped(value, plain[key]) for key, value in numbers.items() if key in plain}
    return file.run("the code before the gradients", judged, shown, expected, seed)      # type: ignore[no-any-return]


def _reference(file: NamesFile, cluster: Cluster, each: _Round, labels: Mapping[str, str]) -> Any:
    """Return a function that runs the statements before the gradients on tensors, and returns autograd's gradients."""
    functions = [node for node in file.tree.body if isinstance(node, ast.FunctionDef) and not node.decorator_list]
    body = repeatable([*functions, *cluster.forward])
    code = compile(body, str(file.path), "exec", dont_inherit=True)

    def run() -> dict[Key, Tensor]:
        leaves: dict[str, Tensor] = {}
        variables = {name: as_tensors(_copied(value)) for name, value in each.variables.items()}
        variables |= {name: array_module() for name, value in each.variables.items() if value is np}
        for tensor in cluster.roots:
            _set(variables, tensor, leaves)
        space = dict(variables)
        before, own = torch.get_default_dtype(), {name: value for name, value in each.module.items() if value is np}
        torch.set_default_dtype(torch.float64)
        each.module.update(dict.fromkeys(own, array_module()))      # methods see these
        try:
            with torch.enable_grad():
                exec(code, space)
                if (loss := tensor_of(space[cluster.loss])) is None:
                    raise ValueError(f"{cluster.loss} is {kind_of(space[cluster.loss])}")
                found: dict[str, Tensor] = {}
                for name, tensor in cluster.names.items():
                    value = leaves.get(tensor, tensor_of(_get(space, tensor)))
                    if value is not None and value.requires_grad:
                        found[name] = value
                if not found:
                    raise ValueError(f"{cluster.loss} depends on none of the tensors")
                grads = torch.autograd.grad(loss.sum(), list(found.values()), allow_unused=True)
        finally:
            torch.set_default_dtype(before)
            each.module.update(own)
        numbers: dict[Key, Tensor] = {("outputs", cluster.loss): loss.detach().sum()}
        for (name, value), grad in zip(found.items(), grads, strict=True):
            gradient = torch.zeros_like(value) if grad is None else grad
            for label in dict.fromkeys((name, labels.get(name, name))):
                numbers["gradients", label] = gradient
        return numbers

    return run


def _parts(cluster: Cluster, results: list[Judged]) -> Iterator[Part]:
    wrong: list[str] = []
    order = list(dict.fromkeys(each.tensor for result in results for each in result.differences if each.phase == "gradients"))
    order.sort(key=lambda label: cluster.lines[label.partition(",")[0]])
    labels = {label: [each for result in results for each in result.differences if each.tensor == label] for label in order}
    of_roots = [label for label in order if cluster.names[label.partition(",")[0]] in cluster.roots]
    roots_agree = all(each.is_allowed for label in of_roots for each in labels[label])
    for label in order:
        name = label.partition(",")[0]
        first = next((each for each in labels[label] if not each.is_allowed), None)
        compared = sum(result.sizes.get(label, 0) for result in results)
        beside, line = f"{_BESIDE} at {cluster.names[name]}", cluster.lines[name]
        ratios = [result.ratios.get(label) for result in results]
        why = factor_of(name, ratios)
        if first is None:
            yield Part(label, "agrees", beside, compared, line=line)
        elif why is not None and roots_agree and cluster.names[name] not in cluster.roots and ratios[0]:
            yield Part(label, "agrees", f"{beside}, but for a factor of {ratios[0]:.6g}, and all that follows agrees", compared, line=line)
        elif cluster.reads[name] & {*wrong}:
            before = next(each for each in wrong if each in cluster.reads[name])
            wrong.append(name)
            yield Part(label, "unclear", beside, compared, first, line=line, reason=f"it is made from {before}, which is wrong before it")
        else:
            wrong.append(name)
            yield Part(label, "wrong", beside, compared, first, line=line, why=why)


def _set(variables: dict[str, Any], tensor: str, leaves: dict[str, Tensor]) -> None:
    """Make a tensor that the code starts from one that has a gradient."""
    value = tensor_of(_get(variables, tensor))
    if value is None or not value.is_floating_point():
        return
    leaves[tensor] = value.detach().clone().requires_grad_()
    made = as_numbers_of(leaves[tensor].clone(), _get(variables, tensor))
    if tensor.startswith("self."):
        setattr(variables["self"], tensor.removeprefix("self."), made)
    else:
        variables[tensor] = made


def _get(variables: Mapping[str, Any], tensor: str) -> Any:
    if tensor.startswith("self."):
        return getattr(variables.get("self"), tensor.removeprefix("self."), None)
    return variables.get(tensor)


def _kept(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Copy variables, without the module's own and what cannot be copied."""
    return {name: _copied(value) for name, value in variables.items() if not name.startswith("__")}


def _copied(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, (ModuleType, FunctionType, type, torch.Generator)):
        return value
    if isinstance(value, list) and len(value) > _LONG:
        return value
    if isinstance(value, (list, tuple)):
        return type(value)(_copied(each) for each in value) if type(value) in (list, tuple) else value
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    try:
        return copy.deepcopy(value)
    except Exception:      # an object's own `__deepcopy__` may raise anything
        return value


def _shaped(value: Any, expected: Tensor) -> Any:
    """Return a gradient in the tensor's shape, where it has as many numbers: (64,) for (1, 64), or (n, 3, 8) for (n, 24)."""
    array = as_numbers(value)
    return array.reshape(tuple(expected.shape)) if isinstance(array, np.ndarray) and array.size == expected.numel() else value
