"""Encode a function's arguments and results as a frame's entries: the arrays, and a JSON tree of the structure that holds them.

Only data arrives: arrays of plain numbers, texts, lists, dicts, and objects that have nothing but attributes. Any other value arrives as
an `Opaque`, which cannot be converted to numbers.
"""

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..support.arrays import Array
from ..support.kinds import Opaque, kind_of

_DEPTH = 6      # levels of nested lists
_MOST_ITEMS = 10_000
_MOST_TREE = 4 << 20      # bytes of JSON, which take some twenty times as much in memory
_CARRIED: dict[str, np.dtype[Any]] = {"b": np.dtype("u1"), "i": np.dtype("<i8"), "u": np.dtype("<i8"), "f": np.dtype("<f8")}


def packed(value: Any) -> dict[str, Any]:
    """Return the value as entries: `tree`, and its arrays as "0", "1", …"""
    arrays: list[Array] = []
    tree = _tree(value, arrays, _DEPTH)
    return {"tree": json.dumps(tree), **{str(i): array for i, array in enumerate(arrays)}}


def unpacked(entries: Mapping[str, Array]) -> Any:
    """Return the value that `packed` encoded; raises ValueError for invalid entries."""
    try:
        tree = entries["tree"]
        if tree.dtype != np.uint8 or tree.size > _MOST_TREE:
            raise ValueError(f"an answer whose tree has {tree.size} entries of {tree.dtype}; expected at most {_MOST_TREE} bytes")
        with np.errstate(all="ignore"):
            return _value(json.loads(tree.tobytes().decode("utf-8")), dict(entries), _DEPTH + 1)
    except (KeyError, TypeError, RecursionError, UnicodeDecodeError, AttributeError, IndexError, OverflowError) as error:
        raise ValueError(f"an answer that cannot be read: {type(error).__name__}") from None


def write_back(local: Any, remote: Any) -> None:
    """Copy remote in-place changes back into the local arguments, as far as types and shapes allow."""
    if isinstance(local, np.ndarray) and isinstance(remote, np.ndarray):
        if local.shape == remote.shape:
            local[...] = remote
    elif isinstance(local, dict) and isinstance(remote, dict):
        for name, value in remote.items():
            if name in local and isinstance(local[name], np.ndarray) and local[name].shape == np.shape(value):
                write_back(local[name], value)
            else:
                local[name] = value
        for name in local.keys() - remote.keys():
            del local[name]
    elif isinstance(local, list) and isinstance(remote, list):
        if len(local) != len(remote):
            local[:] = remote
            return
        for i, (own, value) in enumerate(zip(local, remote, strict=True)):
            if isinstance(own, np.ndarray) and own.shape != np.shape(value):
                local[i] = value
            else:
                write_back(own, value)
    elif isinstance(local, tuple) and isinstance(remote, tuple):
        for own, value in zip(local, remote, strict=False):
            write_back(own, value)
    elif isinstance(local, SimpleNamespace) and isinstance(remote, SimpleNamespace):
        write_back(vars(local), vars(remote))


def _tree(value: Any, arrays: list[Array], depth: int) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return {"plain": value}
    if value is NotImplemented:
        return {"nothing": True}
    if isinstance(value, (np.ndarray, np.generic, int, float)):
        return _array(value, arrays)
    if depth and isinstance(value, (list, tuple, dict)) and len(value) <= _MOST_ITEMS:
        if isinstance(value, dict):
            if all(isinstance(key, (str, int)) for key in value):
                return {"dict": [[key, _tree(item, arrays, depth - 1)] for key, item in value.items()]}
        else:
            return {"list" if isinstance(value, list) else "tuple": [_tree(item, arrays, depth - 1) for item in value]}
    own = getattr(value, "__dict__", None)
    if depth and isinstance(own, dict) and not callable(value):
        return {"object": [[str(key), _tree(item, arrays, depth - 1)] for key, item in own.items()], "type": type(value).__name__}
    return {"opaque": kind_of(value)}


def _array(value: Any, arrays: list[Array]) -> Any:
    if isinstance(value, np.ma.MaskedArray):
        return {"masked": True}
    is_number = isinstance(value, (int, float)) and not isinstance(value, np.generic)
    try:
        array = np.array(value, subok=False)
        carried = np.asarray(array, dtype=_CARRIED[array.dtype.kind])
    except (KeyError, OverflowError, ValueError, TypeError):
        return {"opaque": kind_of(value)}
    arrays.append(carried)
    return {"array": len(arrays) - 1, "dtype": array.dtype.kind, "number": is_number, "float32": array.dtype.itemsize < 8}


def _value(tree: Any, entries: dict[str, Array], depth: int) -> Any:
    """Return the value of the tree; each array is used only once, so the value takes no more memory than the entries."""
    if depth < 0:
        raise ValueError("an answer that is nested too deep")
    if "plain" in tree:
        return tree["plain"]
    if "array" in tree:
        array = entries.pop(str(int(tree["array"])))
        if tree.get("dtype") == "b":
            array = array.astype(bool)
        elif tree.get("dtype") == "f" and tree.get("float32"):
            array = array.astype(np.float32)
        return array.item() if tree.get("number") and array.size == 1 else array
    if "dict" in tree:
        return {key: _value(item, entries, depth - 1) for key, item in tree["dict"]}
    if "list" in tree:
        return [_value(item, entries, depth - 1) for item in tree["list"]]
    if "tuple" in tree:
        return tuple(_value(item, entries, depth - 1) for item in tree["tuple"])
    if "object" in tree:
        return SimpleNamespace(**{str(key): _value(item, entries, depth - 1) for key, item in tree["object"]})
    if "masked" in tree:
        return np.ma.MaskedArray([0.0], [True])
    if "nothing" in tree:
        return NotImplemented
    return Opaque(str(tree.get("opaque", "something"))[:100])
