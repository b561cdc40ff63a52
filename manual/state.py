"""The state of a network and its optimiser: checked entry by entry, and saved as safetensors, a format that holds arrays and no code."""

from collections.abc import Mapping
from os import PathLike, fspath
from os.path import isdir
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .network import Network
    from .update import Update

DTYPES = ("F64", "F32", "I64")      # dtypes of the entries, by their names in a file
OPTIMIZER = "optimizer."      # prefix of the optimiser's entries in a file


def save(path: str | PathLike[str], network: "Network", optimizer: "Update | None" = None) -> None:
    """Write the network's parameters and buffers, and the optimiser's state, to a safetensors file. Raises OSError if it cannot."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    saved = {} if optimizer is None else {OPTIMIZER + name: array for name, array in optimizer.state_dict().items()}
    entries = {name: np.array(array, order="C") for name, array in {**network.state_dict(), **saved}.items()}
    try:
        save_file(entries, fspath(path))
    except SafetensorError as error:
        raise OSError(f"{fspath(path)!r} cannot be written: {error}; expected a file in a directory that there is") from None


def load(path: str | PathLike[str], network: "Network", optimizer: "Update | None" = None) -> None:
    """Load a file that `save`, of either backend, wrote for a network of the same shapes and an optimiser of the same kind.

    Raises ValueError for a file that is not a safetensors file, and, by its name, for an entry that is missing, unknown, misshapen or of
    another dtype; nothing is changed then.
    """
    from safetensors import SafetensorError, safe_open
    from safetensors.numpy import load_file

    if isdir(path):
        raise IsADirectoryError(f"{fspath(path)!r} is a directory; expected a file that `save` wrote")
    try:
        with safe_open(fspath(path), framework="np") as file:
            for name in file.keys():  # noqa: SIM118 - it is no mapping
                if file.get_slice(name).get_dtype() not in DTYPES:
                    raise ValueError(f"state: {name} is {file.get_slice(name).get_dtype()}; expected one of {', '.join(DTYPES)}")
        entries = load_file(fspath(path))
    except SafetensorError as error:
        raise ValueError(f"{fspath(path)!r} is not a safetensors file: {error}; expected one that `save` wrote") from None
    saved = {name.removeprefix(OPTIMIZER): array for name, array in entries.items() if name.startswith(OPTIMIZER)}
    own = {name: array for name, array in entries.items() if not name.startswith(OPTIMIZER)}
    expected = network.entries()
    check_entries("state", own, expected)
    for name, array in expected.items():
        if own[name].dtype != array.dtype:
            raise ValueError(f"state: {name} is {own[name].dtype}; expected {array.dtype}, as the network computes")
    for name, array in saved.items():
        is_known = name == "steps" or name.rpartition(".")[0] in own      # others are named by the optimiser
        if is_known and array.dtype != (np.int64 if name == "steps" else network.dtype):
            raise ValueError(f"state: {OPTIMIZER}{name} is {array.dtype}; expected {network.dtype}, and int64 for the steps")
    if optimizer is not None:
        optimizer.load_state_dict(saved, network)
    elif saved:
        raise ValueError(f"state: {OPTIMIZER}{min(saved)} is an optimiser's; expected an `optimizer` to load it into")
    network.load_state_dict(own)


def copy_into(what: str, entries: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Copy the state into the arrays of the same names; raises ValueError that names a missing, unknown or misshapen one."""
    check_entries(what, state, entries)
    for name, array in entries.items():
        array[...] = state[name]


def check_entries(what: str, found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raise ValueError that names each entry of `found` that is missing, unknown or of another shape than in `expected`."""
    shapes = {name: np.shape(array) for name, array in found.items()}
    unknown = [name for name in found if name not in expected]
    wrong = []
    for name, array in expected.items():
        shape = np.shape(array)
        if name not in found:
            alike = [other for other in unknown if shapes[other] == shape]
            wrong.append(f"{name} is missing" + (f" (is it {alike[0]}, which has its shape?)" if alike else ""))
        elif shapes[name] != shape:
            wrong.append(f"{name} has shape {shapes[name]}; expected {shape}")
    wrong += [f"{name} is unknown" for name in unknown]
    if wrong:
        raise ValueError(f"{what}: {'; '.join(wrong)}; expected the entries {', '.join(expected)}")
