"""The parameters of functions: as the file's own function makes them, or as arguments or keys of such names usually have them."""

import ast
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np

from ..calls import parameters_of, returned, roles_of
from ..making import makers
from ..spellings import WHOLE, fits_parameter, is_bias

RECORDS = 11
_INPUTS, _HIDDEN = 5, (7, 12, 9)      # no layer has one more than another: it could be one with a bias in it
_LAYERS = 3      # of a network with any number of them


def roots(module: Any, plan: Mapping[str, Any], k: int) -> Iterator[Any]:
    """Yield parameters of a network with k outputs: those that the file makes, then arrays for what the way back or forward takes."""
    if plan["init"] is not None:
        yield from _made(module, plan["init"], k)
    for name in (plan["back"], plan["forward"]):
        yield from _supposed(module, getattr(module, name), k) if name else ()


def _made(module: Any, init: str, k: int) -> Iterator[Any]:
    """Yield what the function makes, by the names that it returns, with sizes of our own where it takes these."""
    for _, new in islice(makers(getattr(module, init), k), 6):
        try:
            made = new(np.ones((RECORDS, _INPUTS)), np.ones((RECORDS, k)), 0.5)
        except Exception:
            continue
        names = returned(module, init)
        yield dict(zip(names, made, strict=True)) if isinstance(made, tuple) and len(names) == len(made) else made


def _supposed(module: Any, function: Any, k: int) -> Iterator[dict[str, Any]]:
    """Yield arrays by the names of the function's arguments, or of the keys of the dict that it takes, in each layout."""
    whole = next((each.name for each in parameters_of(function) if WHOLE.fullmatch(each.name.lower())), None)
    own = (_keys_of(module, whole) if whole is not None else []) or [
        each.name
        for each in parameters_of(function)
        if fits_parameter(each.name) and roles_of(function)[each.name] not in ("x", "y", "lr", "zero", "momentum", "reg")
    ]
    weights = [name for name in own if name[0] in "wWtT" and not is_bias(name)]
    biases = [name for name in own if is_bias(name)]
    sizes = (_INPUTS, *_HIDDEN[: max(0, len(weights) - 1)], k)
    for is_out_in in (False, True):
        for is_flat in (False, True):
            root: dict[str, Any] = {}
            for name, units_in, units in zip(weights, sizes, sizes[1:], strict=False):
                root[name] = np.zeros((units, units_in) if is_out_in else (units_in, units))
            for name, units in zip(biases, sizes[1:], strict=False):
                root[name] = np.zeros(units if is_flat else (units, 1) if is_out_in else (1, units))
            if root:
                yield root


def _keys_of(module: Any, name: str) -> list[str]:
    """Return the keys by which the file takes parameters from a dict of that name, in order; of "W" + str(i), those of three layers."""
    keys = [
        key
        for node in ast.walk(module.__tree__)
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == name
        for key in _spelt(node.slice)
    ]
    return sorted({key for key in keys if fits_parameter(key) == 2}, key=lambda key: ("".join(filter(str.isdigit, key)), key))


def _spelt(key: ast.expr) -> list[str]:
    """Return the key that an expression is, or the first keys of a name and a number, "W" + str(i) or f"W{i}"."""
    if isinstance(key, ast.Constant):
        return [str(key.value)]
    parts = [key.left, key.right] if isinstance(key, ast.BinOp) else key.values if isinstance(key, ast.JoinedStr) else []
    is_numbered = len(parts) == 2 and isinstance(parts[0], ast.Constant)
    return [f"{parts[0].value}{number}" for number in range(1, _LAYERS + 1)] if is_numbered else []  # type: ignore[attr-defined]
