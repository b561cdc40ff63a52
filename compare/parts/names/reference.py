"""What autograd makes of the code before gradients by hand, run again on PyTorch's tensors."""

import ast
import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...sides.interface import Key
from ...support.kinds import kind_of
from ..as_tensors import array_module, as_numbers_of, as_tensors, tensor_of
from ..in_float64 import in_float64
from ..repeatable import repeatable
from ..small_numbers import NoSmallNumbers
from .run import NamesFile, Round, copied
from .tree import Cluster


def reference(file: NamesFile, cluster: Cluster, each: Round, labels: Mapping[str, str], *, has_small_numbers: bool = True) -> Any:
    """Return a function that runs the statements before the gradients on tensors, and returns autograd's gradients."""
    functions = [node for node in file.tree.body if isinstance(node, ast.FunctionDef) and not node.decorator_list]
    nodes = [*functions, *cluster.forward]
    body = repeatable(nodes if has_small_numbers else [NoSmallNumbers().visit(copy.deepcopy(node)) for node in nodes])
    code = compile(body, str(file.path), "exec", dont_inherit=True)

    def run() -> dict[Key, Tensor]:
        leaves: dict[str, Tensor] = {}
        variables = {name: as_tensors(copied(value)) for name, value in each.variables.items()}
        for tensor in cluster.roots:
            _set(variables, tensor, leaves)
        space = dict(variables)
        with _with_tensors(space, each), torch.enable_grad():
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
        numbers: dict[Key, Tensor] = {("outputs", cluster.loss): loss.detach().sum()}
        for (name, value), grad in zip(found.items(), grads, strict=True):
            gradient = torch.zeros_like(value) if grad is None else grad
            for label in dict.fromkeys((name, labels.get(name, name))):
                numbers["gradients", label] = gradient
        return numbers

    return run


def own_gradients(file: NamesFile, cluster: Cluster, each: Round, like: Mapping[Key, Tensor], labels: Mapping[str, str]) -> Any:
    """Return a function that runs the gradients' own statements, too, on tensors, and returns what these make."""

    def run() -> dict[Key, Tensor]:
        functions = [node for node in file.tree.body if isinstance(node, ast.FunctionDef) and not node.decorator_list]
        statements = cluster.body[cluster.first : cluster.last + 1]
        code = compile(repeatable([*functions, *cluster.forward, *statements]), str(file.path), "exec", dont_inherit=True)
        space = {name: as_tensors(copied(value)) for name, value in each.variables.items()}
        with _with_tensors(space, each), torch.no_grad():
            exec(code, space)
        made = {("gradients", label): tensor_of(_get(space, name)) for name, label in labels.items()}
        known = {key: (tensor, like[key]) for key, tensor in made.items() if tensor is not None and key in like}
        return {key: tensor.reshape(other.shape) for key, (tensor, other) in known.items() if tensor.numel() == other.numel()}

    return run


@contextmanager
def _with_tensors(space: dict[str, Any], each: Round) -> Iterator[None]:
    """Let code in that space, and the file's functions, make tensors in place of arrays."""
    space |= {name: array_module() for name, value in each.variables.items() if value is np}
    own = {name: value for name, value in each.module.items() if value is np}
    each.module.update(dict.fromkeys(own, array_module()))      # methods see these
    try:
        with in_float64():
            yield
    finally:
        each.module.update(own)


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
