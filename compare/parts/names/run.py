"""A script that is run with hooks until every place was reached where it makes gradients by hand under the names of tensors."""

import ast
import copy
import io
import itertools
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import torch
from torch import Tensor

from ...userfile.file import AttemptError
from ...userfile.imports import Imports
from ..file import PartsFile
from ..in_float64 import in_float64
from .absent import drawn_data, with_tables
from .hooked import instrumented
from .kept import kept_value
from .tree import Cluster, clusters_in

_HOOKS = "_backprop_compare_hooks"
_ROUNDS = 2      # of a loop, or calls of a function, that are compared
_WORDS = ("emma", "olivia", "ava", "isabella", "sophia", "charlotte", "evelyn", "liam", "noah", "logan", "quinn", "zoe", "felix", "jack")
_LONG = 1000      # entries of a list of data, which is not copied


class _Stop(BaseException):
    """Every place was reached."""


@dataclass
class Round:
    """One round of a place: the variables before the first gradient, and the gradients that were made."""

    variables: dict[str, Any]
    module: dict[str, Any]
    grads: list[tuple[str, Any]] = field(default_factory=list)


class _Hooks:
    """What the instrumented file calls: it keeps the numbers, and ends the run when all places were reached."""

    def __init__(self, clusters: Iterable[Cluster], notes: list[str], seed: int) -> None:
        self.notes, self.seed = notes, seed
        self.clusters = {cluster.number: cluster for cluster in clusters}
        self.rounds: dict[int, list[Round]] = {number: [] for number in self.clusters}
        self.counts: dict[int, int] = {}

    def begin(self, number: int, variables: dict[str, Any], local: dict[str, Any]) -> None:
        """Keep the variables before the first gradient."""
        if len(self.rounds[number]) < _ROUNDS:
            self.rounds[number].append(Round(_kept({**variables, **local}), variables))

    def keep(self, number: int, name: str, value: Any) -> None:
        """Keep a gradient that is about to be made anew."""
        if self.rounds[number]:
            self.rounds[number][-1].grads.append((name, copied(value)))

    def end(self, number: int, local: dict[str, Any]) -> None:
        """Keep the gradients; stop when all places were reached often enough."""
        cluster, rounds = self.clusters[number], self.rounds[number]
        done = {name for name, _ in rounds[-1].grads}
        if not done or len(rounds[-1].grads) < len(cluster.names):
            rounds[-1].grads += [(name, copied(local[name])) for name in cluster.names if name in local]
            space = {**rounds[-1].module, **local}
            kept = ((name, kept_value(space, name)) for name in cluster.names if "." in name and not name.startswith("self."))
            rounds[-1].grads += [(name, copied(value)) for name, value in kept if value is not None]
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
        self.tree = _InFloat64().visit(ast.parse("\n".join(source.lines) + "\n"))
        self._definitions = {}
        self.clusters = clusters_in(self.tree)
        self.left_out: list[str] = []      # parameters whose update is not compared
        self.hooks = _Hooks(self.clusters, self.notes, seed)
        hooks = {name: getattr(self.hooks, name) for name in ("begin", "keep", "end", "few", "once", "open", "data")}
        self._imports.provide({_HOOKS: hooks})
        code = compile(instrumented(self.tree, _HOOKS), str(path), "exec", dont_inherit=True)
        self._imports.attempt.sources[str(path)] = replace(source, code=code)
        with self._alone(), with_tables(self.tree, self.notes):
            try:
                self.module = self._executed(path, self._imports.attempt)
            except AttemptError as error:
                if not isinstance(error.__cause__, _Stop):
                    raise

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Draw from the seed, and make tensors of float64."""
        with torch.random.fork_rng(), in_float64():
            torch.manual_seed(self.seed)
            yield


class _InFloat64(ast.NodeTransformer):
    """Writes PyTorch's float64 for its float32, as drawn tensors are float64, too."""

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        """Replace `torch.float32` and `torch.float`."""
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == "torch":
            return _renamed(node, "float64") if node.attr in ("float", "float32") else node
        return node

    def visit_Call(self, node: ast.Call) -> Any:
        """Replace the method of `x.float()`."""
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "float" and not node.args:
            node.func = _renamed(node.func, "double")
        return node


def _renamed(node: ast.Attribute, name: str) -> ast.Attribute:
    """Return the attribute of another name."""
    return ast.copy_location(ast.Attribute(node.value, name, node.ctx), node)


def _kept(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Copy variables, without the module's own and what cannot be copied."""
    return {name: copied(value) for name, value in variables.items() if not name.startswith("__")}


def copied(value: Any) -> Any:
    """Return a copy of a value, or itself where it is code, long data, or cannot be copied."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, (ModuleType, FunctionType, type, torch.Generator)):
        return value
    if isinstance(value, list) and len(value) > _LONG:
        return value
    if isinstance(value, (list, tuple)):
        return type(value)(copied(each) for each in value) if type(value) in (list, tuple) else value
    if isinstance(value, dict):
        return {key: copied(each) for key, each in value.items()}
    try:
        return copy.deepcopy(value)
    except Exception:      # an object's own `__deepcopy__` may raise anything
        return value
