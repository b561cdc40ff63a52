"""Classes that hold layers in a list: going forward and back, each must do with its layers what they do one after the other."""

import ast
import copy
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from ...sides.interface import Key
from ...support.arrays import Array
from ...userfile.file import AttemptError
from ..binding import plain
from ..judged import judged
from ..result import Part
from .arguments import choices
from .objects import Made, Objects

_LISTS = ("modules", "layers", "blocks", "args", "steps", "ops")
_LOSSES = ("loss", "criterion", "lossfunction", "lossfn", "cost")
_MOST = 3      # layers that a container is given
_BESIDE = "its layers one after the other, which are compared themselves"


def holds_layers(objects: Objects) -> bool:
    """Return whether a class takes a list of layers, or begins with an empty one."""
    return any(plain(name) in _LISTS for name in inspect.signature(objects.kind).parameters) or _empty_list(objects) is not None


def _empty_list(objects: Objects) -> str | None:
    """Return the attribute that is an empty list of layers when an object is made."""
    node = objects.file.node_of(f"{objects.methods.name}.__init__")
    for each in ast.walk(node) if node is not None else ():
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.List) and not each.value.elts:
            for target in each.targets:
                if isinstance(target, ast.Attribute) and plain(target.attr) in _LISTS:
                    return target.attr
    return None


def container_part(objects: Objects, layers: Mapping[str, Objects], losses: Mapping[str, Objects], rate: float) -> Part:
    """Return the part of a class that holds layers, on a chain of the file's own."""
    label = objects.label
    lines = objects.file.lines_of(label) or objects.file.lines_of(objects.methods.name)
    chain = _chain(layers)
    if len(chain) < 2:
        return Part(label, "not compared", lines=lines, reason="no two of the file's layers run one after the other")
    x = chain[0][0].x
    try:
        made = objects.file.run(label, _made, objects, [copy.deepcopy(layer.layer) for layer, _ in chain], losses)
        own, inner = made
        objects.file.run(label, _there_and_back, objects, own, x, rate)
    except AttemptError as error:
        return Part(label, "could not run", _BESIDE, lines=lines, line=error.line, reason=str(error))
    alone = [copy.deepcopy(layer.layer) for layer, _ in chain]
    outs = [x.copy()]
    for layer, (_, each) in zip(alone, chain, strict=True):
        outs.append(each.forward(layer, outs[-1]))
    above = _above(objects, outs.pop())
    for layer, (_, each), put_in in reversed(list(zip(alone, chain, outs, strict=True))):
        above = each.back(layer, above, put_in, rate)
    names = [f"{i}: {each.methods.name}" for i, (_, each) in enumerate(chain)]
    expected, actual = _by_name(names, alone), _by_name(names, inner)
    result = judged(actual, lambda: {key: torch.from_numpy(np.array(value)) for key, value in expected.items()}, objects.seed)
    compared, said = sum(result.sizes.values()), ", ".join(each.methods.name for _, each in chain)
    if result.first is None:
        return Part(label, "agrees", f"{_BESIDE}: {said}", compared, lines=lines)
    return Part(label, "wrong", _BESIDE, compared, result.first, f"{said}; x {x.shape}", lines)


def _chain(layers: Mapping[str, Objects]) -> list[tuple[Made, Objects]]:
    """Return layers of which each runs on what the one before it returns, the first with weights if there is one."""
    made = {name: runs[0] for name, objects in layers.items() if not holds_layers(objects) and (runs := objects.running())}
    order = sorted(made, key=lambda name: not any(isinstance(each, np.ndarray) for each in vars(made[name].layer).values()))
    chain: list[tuple[Made, Objects]] = []
    out: Array | None = None
    for name in order:
        each = made[name] if out is None else layers[name].on(made[name], out)
        if each is not None and len(chain) < _MOST:
            chain.append((each, layers[name]))
            out = np.asarray(layers[name].forward(copy.deepcopy(each.layer), each.x.copy()))
    return chain


def _made(objects: Objects, inner: list[Any], losses: Mapping[str, Objects]) -> tuple[Any, list[Any]]:
    """Return a container of those layers; raises what making it raises."""
    random = np.random.default_rng(objects.seed)
    named: dict[str, Any] = {}
    given: list[Any] = []
    for each in inspect.signature(objects.kind).parameters.values():
        if each.kind is each.VAR_POSITIONAL:
            given = inner
        elif plain(each.name) in _LISTS:
            named[each.name] = inner
        elif plain(each.name) in _LOSSES and losses:
            named[each.name] = next(iter(next(iter(losses.values())).all()))[0]
        elif each.default is each.empty and each.kind is not each.VAR_KEYWORD:
            named[each.name] = choices(each.name, random)[0]
    made = objects.kind(*given, **named)
    if not given and (name := _empty_list(objects)) is not None and not getattr(made, name):
        getattr(made, name).extend(inner)
    return made, inner


def _there_and_back(objects: Objects, container: Any, x: Array, rate: float) -> None:
    out = objects.forward(container, x.copy())
    objects.back(container, _above(objects, np.asarray(out)), x, rate)


def _above(objects: Objects, out: Array) -> Array:
    return np.random.default_rng((objects.seed, 8)).standard_normal(np.shape(out))


def _by_name(names: list[str], layers: list[Any]) -> dict[Key, Any]:
    """Return every array that the layers keep, by its name and the layer's."""
    return {("gradients", f"{key} of {name}"): value for name, layer in zip(names, layers, strict=True) for key, value in _arrays(layer)}


def _arrays(layer: Any) -> Iterator[tuple[str, Array]]:
    return ((name, value) for name, value in vars(layer).items() if isinstance(value, np.ndarray) and value.dtype.kind == "f")
