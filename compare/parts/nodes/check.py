"""A graph of nodes, each of which takes its inputs from other nodes, and goes forward and back without arguments."""

import ast
import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..as_tensors import array_module
from ..binding import plain
from ..classes.methods import is_abstract, own_methods, required
from ..classes.spellings import BACKWARDS, FORWARDS
from ..file import PartsFile
from ..repeatable import repeatable
from ..result import Part
from ..several_inputs import Code, part_of
from .graph import graph_parts
from .kind import Kind

_Found = tuple[str, list[str], str, str]


def nodes_in(tree: ast.Module) -> list[str]:
    """Return the names of classes of nodes that are made of others; none where fewer than two go forward and back without arguments."""
    found = [name for name, inputs, _, _ in _kinds(tree) if inputs]
    return found if len(found) > 1 else []


def check_nodes(file: PartsFile, seed: int) -> Iterator[Part]:
    """Yield a part for each class of nodes, and those of the functions that run a graph of them."""
    body = [node for node in file.tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.decorator_list]
    code = compile(repeatable(body), str(file.path), "exec", dont_inherit=True)
    space = {name: array_module() if value is np else value for name, value in vars(file.module).items()}
    exec(code, space)
    kinds = _kinds(file.tree)
    leaf = next((name for name, inputs, _, _ in kinds if not inputs and _is_leaf(vars(file.module)[name])), None)
    if leaf is None:
        yield Part(", ".join(name for name, *_ in kinds), "not compared", reason="no class of nodes without inputs was found")
        return
    own = dict[str, Kind]()
    for name, inputs, forward, backward in kinds:
        if inputs:
            own[name], twin = (Kind(each, name, inputs, forward, backward, leaf) for each in (vars(file.module), space))
            label = f"{name}.{backward}"
            lines = file.lines_of(label) or file.lines_of(name)
            yield part_of(file, Code(label, inputs, own[name].out, own[name].gradients, twin.out), lines, seed)
    first = next(iter(own.values()))
    of_leaf = Code(f"{leaf}.{first.backward}", ["itself"], lambda arrays: arrays[0], first.leaf_gradients, lambda arrays: arrays[0])
    if (part := part_of(file, of_leaf, file.lines_of(of_leaf.label) or file.lines_of(leaf), seed)).mark in ("agrees", "wrong"):
        yield part
    yield from graph_parts(file, own, seed)


def _kinds(tree: ast.Module) -> list[_Found]:
    """Return the classes whose methods take no arguments: the name, the nodes that an object is made of, and the methods' names."""
    found = []
    for name, methods in own_methods(tree).items():
        forward = next((each for each in methods if plain(each) in FORWARDS), None)
        backward = next((each for each in methods if plain(each) in BACKWARDS), None)
        if not forward or not backward or "__init__" not in methods or "NotImplementedError" in ast.unparse(methods[backward]):
            continue
        if len(required(methods[forward])) == len(required(methods[backward])) == 1:
            inputs = required(methods["__init__"])[1:]
            found += [] if inputs and is_abstract(methods[backward]) else [(name, inputs, forward, backward)]
    return found


def _is_leaf(kind: Any) -> bool:
    return all(each.default is not each.empty for each in inspect.signature(kind).parameters.values())
