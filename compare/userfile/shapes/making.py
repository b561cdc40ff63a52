"""Make an object of a class, or parameters by a function, with sizes of our own, and data, a rate and an activation where it takes them."""

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from inspect import Parameter
from types import MappingProxyType
from typing import Any

import numpy as np

from .calls import called, filled, parameters_of, roles_of
from .spellings import ACTIVATION_NAMES, plain

_INPUTS, _HIDDEN, _OUTPUTS = 4, (7, 6), 3
_LOOSE = (5, 8, 9, 10, 11)      # counts of anything


def makers(
    each: Any, only: int | None = None, activation: str | None = None, moving: Mapping[str, float] = MappingProxyType({})
) -> Iterator[tuple[tuple[int, ...], "Maker"]]:
    """Yield sizes, and what makes an object with them, and with data, a learning rate and a momentum where it takes these.

    In the last of them what is not known by its name, or would be data, is a count, and the sizes are any.
    """
    more: Mapping[str, Any] = {**({} if activation is None else {"activation": activation}), **moving}
    stands = roles_of(each, constructs=True)
    roles = list(stands.values())
    own = [name for name, what in stands.items() if what == "hidden"]
    unknown = [each.name for each in parameters_of(each) if stands[each.name] is None and each.default is each.empty]
    tried: list[tuple[tuple[int, ...], dict[str, Any]]] = []
    for k in (_OUTPUTS, 1) if only is None else (only,):
        deep, flat = (_INPUTS, *_HIDDEN, k), (_INPUTS, _HIDDEN[1], k)
        if "sizes" in roles:
            tried += [(sizes, {"sizes": list(sizes)}) for sizes in (deep, flat)]
        if "hiddens" in roles:
            tried += [
                (deep, {"hiddens": list(_HIDDEN), "inputs": _INPUTS, "outputs": k}),
                (flat, {"hiddens": _HIDDEN[1], "inputs": _INPUTS, "outputs": k}),
            ]
            tried += [(flat, {"hiddens": [_HIDDEN[1]], "inputs": _INPUTS, "outputs": k})]
        if len(unknown) == 1 and not tried:      # all sizes, by another name
            tried += [(sizes, {unknown[0]: list(sizes)}) for sizes in (deep, flat)]
        if {"inputs", "hidden", "outputs"} & set(roles) or not tried:
            units = _HIDDEN[: len(own)] if len(own) > 1 else (_HIDDEN[1],)
            tried.append(((_INPUTS, *units, k), {"inputs": _INPUTS, "outputs": k, "hidden": units[0]}))
    for sizes, values in tried:
        known = dict(zip(own, sizes[1:-1], strict=False)) if len(own) > 1 else {}
        known |= {name: value for name, value in values.items() if name in unknown}
        if unknown and len(unknown) == len(sizes):      # all of them counts, by other names
            known |= dict(zip(unknown, sizes, strict=True))
        yield sizes, Maker(each, {**values, **more}, known)
    sizes, values = next((one for one in tried if {"inputs", "hidden", "outputs"} <= {*one[1]}), tried[0])
    required = {each.name: stands[each.name] for each in parameters_of(each) if each.default is each.empty}
    unclear = [name for name, what in required.items() if what in (None, "x", "y")]
    also = [name for name, what in required.items() if name in unclear or what in ("sizes", "hiddens")]      # `units` may be one count
    for loose in filter(None, [unclear, also] if also != unclear else [unclear]):
        known = dict(zip(loose, _LOOSE, strict=False))
        if stands[loose[-1]] is None and "lr" not in roles:
            yield sizes, Maker(each, {**values, **more}, known, rate=loose[-1])
        yield sizes, Maker(each, {**values, **more}, known)


@dataclass(frozen=True)
class Maker:
    """Makes an object, given records and a learning rate: by what its arguments stand for, or by values that are known by their names.

    The argument of the name `rate` is the learning rate too.
    """

    each: Callable[..., Any]
    values: Mapping[str, Any]
    known: Mapping[str, Any]
    rate: str | None = None

    @property
    def takes_data(self) -> bool:
        """Whether the object is made with the records."""
        return any(what in ("x", "y") and name not in self.known for name, what in roles_of(self.each, constructs=True).items())

    def __call__(self, x: Any, y: Any, lr: float) -> Any:
        """Return a new object."""
        known = self.known if self.rate is None else {**self.known, self.rate: lr}
        return called(self.each, filled(self.each, {**self.values, "lr": lr, "x": np.array(x), "y": np.array(y)}, known, constructs=True))


def numbered_makers(module: Any, each: type, only: int | None) -> Iterator[tuple[int, tuple[tuple[int, ...], Maker], str | None]]:
    """Yield the makers, numbered, with an activation by name where one has to be given, of those that the file names."""
    has_to = any(parameter.default is parameter.empty for parameter in _of_activations(each))
    for activation in _activation_names(module, each) if has_to else [None]:
        yield from ((number, made, activation) for number, made in enumerate(makers(each, only, activation)))


def choice_of_activations(module: Any, each: Any) -> list[str]:
    """Return the names of activations that an object may be made with, as the file spells them; none where it takes no name."""
    own = _of_activations(each) if each else []
    takes_name = any(parameter.default is parameter.empty or isinstance(parameter.default, str) for parameter in own)
    return _activation_names(module, each) if takes_name else []


def _of_activations(each: Any) -> list[Parameter]:
    stands = roles_of(each, constructs=True)
    return [parameter for parameter in parameters_of(each) if stands[parameter.name] == "activation"]


def _activation_names(module: Any, each: Any) -> list[str]:
    """Return the strings of the file that are names of activations, or with which it compares such an argument or attribute."""
    strings = [node.value for node in ast.walk(module.__tree__) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    own = {parameter.name for parameter in _of_activations(each)}
    compares = [node for node in ast.walk(module.__tree__) if isinstance(node, ast.Compare) and _last_name(node.left) in own]
    asked = {part.value for node in compares for other in node.comparators for part in ast.walk(other) if isinstance(part, ast.Constant)}
    return list(dict.fromkeys(one for one in strings if plain(one) in ACTIVATION_NAMES or one in asked))


def _last_name(node: ast.expr) -> str | None:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", None)


def has_one_output(module: Any, each: type) -> bool:
    """Return whether the file itself makes such objects with one output alone: what is right for one need not be for three."""
    calls = [
        node
        for node in ast.walk(module.__tree__)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == each.__name__
    ]
    stands = roles_of(each, constructs=True)
    found = []
    for call in calls:
        given = [
            *zip(stands, call.args, strict=False),
            *((keyword.arg, keyword.value) for keyword in call.keywords if keyword.arg in stands),
        ]
        for name, value in given:
            if stands[name] == "sizes" and isinstance(value, (ast.List, ast.Tuple)) and value.elts:
                found.append(ast.unparse(value.elts[-1]))
            elif stands[name] == "outputs":
                found.append(ast.unparse(value))
    return bool(found) and set(found) == {"1"}
