"""The state of a network and its optimiser: checked entry by entry; saved as safetensors, which holds arrays and nothing that runs."""

from collections.abc import Mapping
from os import PathLike, fspath
from os.path import isdir
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .network import Network
    from .optimizers import Optimizer

DTYPES = ("F64", "F32", "I64")      # of what is kept, by their names in a file
OPTIMIZER = "optimizer."      # what an optimiser's entries begin with in a file


def save(path: str | PathLike[str], network: "Network", optimizer: "Optimizer | None" = None) -> None:
    """Write the network's parameters and buffers, and what the optimiser keeps, to a safetensors file."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    kept = {} if optimizer is None else {OPTIMIZER + name: array for name, array in optimizer.state_dict().items()}
    entries = {name: np.array(array, order="C") for name, array in {**network.state_dict(), **kept}.items()}
    try:
        save_file(entries, fspath(path))
    except SafetensorError as error:
        raise OSError(f"{fspath(path)!r} cannot be written: {error}; expected a file in a directory that there is") from None


def load(path: str | PathLike[str], network: "Network", optimizer: "Optimizer | None" = None) -> None:
    """Take over from a file what `save`, of either backend, wrote for such a network and optimiser.

    Raises ValueError for a file that is no safetensors file, and for an entry that is missing, unknown, misshapen or of another dtype, by
    its name; then nothing is changed.
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
    kept = {name.removeprefix(OPTIMIZER): array for name, array in entries.items() if name.startswith(OPTIMIZER)}
    own = {name: array for name, array in entries.items() if not name.startswith(OPTIMIZER)}
    check_entries("state", shapes_of(own), shapes_of(network.entries()))
    for name, array in network.entries().items():
        if own[name].dtype != array.dtype:
            raise ValueError(f"state: {name} is {own[name].dtype}; expected {array.dtype}, as the network computes")
    for name, array in kept.items():
        is_known = name == "steps" or name.rpartition(".")[0] in own      # others are named by the optimiser
        if is_known and array.dtype != (np.int64 if name == "steps" else network.dtype):
            raise ValueError(f"state: {OPTIMIZER}{name} is {array.dtype}; expected {network.dtype}, and int64 for the steps")
    if optimizer is not None:
        optimizer.load_state_dict(kept, network)
    elif kept:
        raise ValueError(f"state: {OPTIMIZER}{min(kept)} is an optimiser's; expected an `optimizer` to load it into")
    network.load_state_dict(own)


def shapes_of(entries: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Each entry's shape by name."""
    return {name: tuple(np.shape(array)) for name, array in entries.items()}


def check_entries(what: str, found: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Raise ValueError that names each entry that is missing, unknown or misshapen, given the shapes by name."""
    unknown = [name for name in found if name not in expected]
    wrong = []
    for name, shape in expected.items():
        if name not in found:
            alike = [other for other in unknown if found[other] == shape]
            wrong.append(f"{name} is missing" + (f" (is it {alike[0]}, which has its shape?)" if alike else ""))
        elif found[name] != shape:
            wrong.append(f"{name} has shape {found[name]}; expected {shape}")
    wrong += [f"{name} is unknown" for name in unknown]
    if wrong:
        raise ValueError(f"{what}: {'; '.join(wrong)}; expected the entries {', '.join(expected)}")
