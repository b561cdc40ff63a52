"""Networks made of an engine's objects: the file's own code builds them, of its objects and of PyTorch's tensors in their place."""

import ast
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...sides.interface import Key
from ...userfile.file import AttemptError
from ..binding import plain
from ..file import PartsFile
from ..judged import judged
from ..result import Part
from .kind import Engine, EngineError, engines_in, methods_of

_INPUTS, _RECORDS = 3, 3
_FORMS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("MLP", (_INPUTS, [4, 4, 1])), ("MLP", (_INPUTS, [4, 2])), ("MLP", ([_INPUTS, 4, 1],)), ("Layer", (_INPUTS, 4)), ("Neuron", (_INPUTS,)),
)      # fmt: skip
_IMPORTED = ("Value", "Scalar", "Var", "Variable", "Node", "Tensor")
_BESIDE = "the same code of PyTorch's tensors"


def networks_in(tree: ast.Module) -> list[str]:
    """Return the names of classes of networks, if the file defines or imports an engine."""
    names = {name for name, _ in _FORMS}
    imported = [each.asname or each.name for node in tree.body if isinstance(node, ast.ImportFrom) for each in node.names]
    if not engines_in(tree) and not set(imported) & set(_IMPORTED):
        return []
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name in names]
    return [node.name for node in classes if "__call__" in methods_of(node)]


def network_parts(file: PartsFile, seed: int) -> Iterator[Part]:
    """Yield a part for each form of each network that can be made."""
    engine_name = next((name for name in (*engines_in(file.tree), *_IMPORTED) if isinstance(vars(file.module).get(name), type)), None)
    seen: set[str] = set()
    if engine_name is None:
        return
    for name, arguments in _FORMS:
        if name in networks_in(file.tree) and name not in seen:
            part = _network(file, engine_name, name, arguments, seed)
            if part is not None:
                seen.add(name)
                yield part


class _Stand(type):
    """The class of PyTorch's tensors under the engine's name: `isinstance` sees them as its objects."""

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, Tensor)


class _Scalar(metaclass=_Stand):
    """Stands in for the engine's class: what is made is a tensor of float64 that requires a gradient."""

    def __new__(cls, value: Any = 0.0, *_: Any, **__: Any) -> Any:
        return torch.as_tensor(value, dtype=torch.float64).detach().clone().requires_grad_()


def _network(file: PartsFile, engine_name: str, name: str, arguments: tuple[Any, ...], seed: int) -> Part | None:
    lines = file.lines_of(name)
    engine = file.run(f"{engine_name}()", Engine.of, vars(file.module)[engine_name])
    inputs = np.random.default_rng((seed, 11)).standard_normal((_RECORDS, _INPUTS))

    def total(network: Any) -> Any:
        outs = [out for x in inputs for out in _listed(network([float(each) for each in x]))]
        whole = outs[0]
        for each in outs[1:]:
            whole = whole + each
        return whole, outs

    def run() -> Any:
        network = vars(file.module)[name](*arguments)
        if (listed := _lists_parameters(network)) is None or engine.is_array:
            return None
        parameters = list(getattr(network, listed)())
        random = np.random.default_rng((seed, 12))
        for each in parameters:
            setattr(each, engine.data, float(random.standard_normal()))
        whole, outs = total(network)
        engine.go_back(whole, parameters)
        return [engine.number(out) for out in outs], [engine.number(p) for p in parameters], [engine.gradient(p) for p in parameters]

    try:
        shown = file.run(name, run)
    except AttemptError as error:
        return Part(name, "could not run", _BESIDE, lines=lines, line=error.line, reason=str(error)) if error.line else None
    except EngineError:
        return None
    if shown is None:
        return None
    outs, values, grads = shown
    actual: dict[Key, Any] = {("outputs", "the outputs"): np.array(outs, float)}
    actual["gradients", "the gradients of the parameters"] = np.array([0.0 if grad is None else grad for grad in grads], float)

    def reference() -> dict[Key, Tensor]:
        own = vars(file.module)[engine_name]
        vars(file.module)[engine_name] = _Scalar
        try:
            network = vars(file.module)[name](*arguments)
            parameters = list(getattr(network, str(_lists_parameters(network)))())
            with torch.no_grad():
                for each, value in zip(parameters, values, strict=True):
                    each.copy_(torch.tensor(value, dtype=torch.float64))
            whole, outs = total(network)
            found = torch.autograd.grad(whole, parameters, allow_unused=True)
        finally:
            vars(file.module)[engine_name] = own
        grads = [torch.zeros(()).double() if each is None else each for each in found]
        return {("outputs", "the outputs"): torch.stack(outs)} | {("gradients", "the gradients of the parameters"): torch.stack(grads)}

    try:
        result = file.run(name, judged, actual, reference, seed)
    except AttemptError as error:
        return Part(name, "not compared", _BESIDE, lines=lines, reason=f"its code does not run on PyTorch's tensors ({error})")
    compared, on = sum(result.sizes.values()), f"{name}({', '.join(map(str, arguments))})"
    if result.first is None:
        return Part(name, "agrees", _BESIDE, compared, lines=lines)
    return Part(name, "wrong", _BESIDE, compared, result.first, on, lines)


def _lists_parameters(network: Any) -> str | None:
    """Return the name of the method that lists a network's parameters: the usual one, or one in which such a word is."""
    names = [name for name in dir(network) if not name.startswith("_") and "param" in plain(name) and callable(getattr(network, name))]
    return min(names, key=lambda name: name != "parameters", default=None)


def _listed(out: Any) -> list[Any]:
    return list(out) if isinstance(out, (list, tuple)) else [out]
