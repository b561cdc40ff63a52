"""The shapes of files that are checked part by part: each has a name for `--adapter`, and is recognised by what the file defines."""

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..support.errors import CompareError
from ..userfile.shapes.definitions import steps_in
from ..userfile.source import Source
from .binding import plain
from .classes.check import check_classes
from .classes.methods import classes_beside, classes_in, methods_in
from .derivatives import check_derivatives, derivatives_in
from .engines.check import check_engine
from .engines.kind import engines_in
from .engines.network import networks_in
from .file import PartsFile
from .functions.check import check_functions
from .layers.check import check_layers, losses_in
from .layers.lone import check_lone, lone_backwards
from .layers.table import LAYERS
from .names.check import check_names, names_in
from .names.run import NamesFile
from .names.tree import uses_torch
from .nested import tree_of
from .nodes.check import check_nodes, nodes_in
from .pairs import pairs_in
from .result import Part
from .training.check import check_training, programs_in
from .training.running import TrainingFile
from .uncompared import are_all
from .updates import check_updates, rules_in

_Tree = ast.Module
TRAINING, DIFFERENCES = "training", "differences of its own loss"      # a shape, and what its parts stand beside
_OTHERS = ("forward", "loss")      # of the contract: where a file has no step of it, these may be anything
_OF_AUTOGRAD = ("Function", "InplaceFunction", "NestedIOFunction")      # PyTorch's classes whose apply calls a backward of one's own
_WHOLE = ("prop", "propagation", "propagate", "pass", "model", "net", "network", "nn", "mlp")      # pairs that are not of a layer


@dataclass(frozen=True)
class Shape:
    """One shape: the words for it, what of a file it is recognised by, and the check."""

    words: str
    signs: Callable[[_Tree], list[str]]
    check: Callable[[Any, int], Iterator[Part]]
    load: Callable[[Path, int], PartsFile] = PartsFile
    beside: Callable[[_Tree, Path], list[str]] = lambda _, __: []      # signs in what the file imports from its folder
    reference: str = "PyTorch"

    def found_in(self, tree: _Tree, path: Path) -> list[str]:
        """Return what the file at that path is recognised by."""
        return self.signs(tree) or self.beside(tree, path.parent)


def functions_of(tree: _Tree) -> list[str]:
    """Return the names of the file's functions."""
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]


def _layers(tree: _Tree) -> list[str]:
    """Return the forward functions of known layers, and losses that return a gradient; none where a pair is that of a whole network."""
    pairs = pairs_in(functions_of(tree))
    known = [pair.forward for pair in pairs if {pair.name, pair.other_spelling} & {*LAYERS}]
    if any(plain(pair.name).removeprefix("l") in _WHOLE for pair in pairs):
        return []
    are_losses_alone = len(losses_in(tree)) == len(functions_of(tree)) and not any(isinstance(node, ast.ClassDef) for node in tree.body)
    return [*known, *losses_in(tree)] if known or are_losses_alone else []


def _classes(tree: _Tree) -> list[str]:
    """Return the names of the classes of layers; those of losses alone only where the file computes nothing else."""
    losses = {each.name: f"{each.name}.{each.forward}.{each.backward}" for each in methods_in(tree) if each.kind == "loss"}
    return classes_in(tree) or ([*losses] if losses and are_all(tree, [*losses.values()]) else [])


def _functions(tree: _Tree) -> list[str]:
    """Return the names of the classes that derive from autograd's Function, or from another such class."""
    found: list[str] = []
    known = {"Function"} | {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("torch.autograd")
        for alias in node.names
        if alias.name in _OF_AUTOGRAD
    }
    for node in tree.body:
        bases = [ast.unparse(base) for base in node.bases] if isinstance(node, ast.ClassDef) else []
        if any(base in (*known, *found) or base.endswith(tuple(f".{name}" for name in _OF_AUTOGRAD)) for base in bases):
            found.append(node.name)      # type: ignore[attr-defined]
    return found


def _check_derivatives(file: PartsFile, seed: int) -> Iterator[Part]:
    yield from check_layers(file, seed)
    yield from check_derivatives(file, seed)


SHAPES: Mapping[str, Shape] = {
    "layer_pairs": Shape("pairs of a forward and a backward function with a cache", _layers, check_layers),
    "lone_backwards": Shape("the backward function of a convolution or a pooling alone", lone_backwards, check_lone),
    "autograd_functions": Shape("one's own autograd.Functions", _functions, check_functions),
    "engine": Shape("an engine whose objects go back by themselves", lambda tree: [*engines_in(tree), *networks_in(tree)], check_engine),
    "tensor_names": Shape("gradients by hand under the names of tensors", names_in, check_names, NamesFile),
    "layer_classes": Shape("classes of layers with forward and backward", _classes, check_classes, beside=classes_beside),
    "nodes": Shape("a graph of nodes that go forward and back without arguments", nodes_in, check_nodes),
    "derivatives": Shape("functions beside their derivatives", derivatives_in, _check_derivatives),
    TRAINING: Shape("a program that trains", programs_in, check_training, TrainingFile, reference=DIFFERENCES),
    "update_rules": Shape("update rules of weights, gradients and a config", rules_in, check_updates),
}


def shape_of(path: Path, *, is_last: bool = False) -> str | None:
    """Return the name of the shape that the file has, None if it has none of these, or defines a function of the contract.

    NumPy code with gradients under the names of tensors is often a perceptron, and judged better as such: it is recognised only if this
    is asked last.
    """
    try:
        tree = tree_of("\n".join(Source.read(path).lines) + "\n")
    except (CompareError, SyntaxError, ValueError, RecursionError, MemoryError):      # whoever executes the file says so
        return None
    if steps_in(tree) or (not is_last and {*functions_of(tree)} & {*_OTHERS}):
        return None
    found = next((name for name, shape in SHAPES.items() if name != TRAINING and shape.found_in(tree, path)), None)
    is_weak = found in ("layer_classes", "derivatives") or (found == "tensor_names" and not uses_torch(tree))
    return None if is_weak and not is_last else found
