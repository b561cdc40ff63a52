"""The state of a network and its optimiser: checked entry by entry, and saved as safetensors, a format that holds arrays and no code."""

from collections.abc import Mapping
from os import PathLike, fspath
from os.path import isdir
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from .network import Network
    from .update import Update

OPTIMIZER = "optimizer."      # prefix of the optimiser's entries in a file


def save(path: str | PathLike[str], network: "Network", optimizer: "Update | None" = None) -> None:
    """Write the network's parameters and buffers, and the optimiser's state, to a safetensors file. Raises OSError if it cannot."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    saved = {} if optimizer is None else {OPTIMIZER + name: tensor for name, tensor in optimizer.state_dict().items()}
    entries = {**network.state_dict(), **saved}
    try:
        save_file({name: tensor.detach().cpu().clone().contiguous() for name, tensor in entries.items()}, fspath(path))
    except SafetensorError as error:
        raise OSError(f"{fspath(path)!r} cannot be written: {error}; expected a file in a directory that there is") from None


def load(path: str | PathLike[str], network: "Network", optimizer: "Update | None" = None) -> None:
    """Load a file that `save`, of either backend, wrote for a network of the same shapes and an optimiser of the same kind.

    Raises ValueError for a file that is not a safetensors file, and, by its name, for an entry that is missing, unknown, misshapen or of
    another dtype; nothing is changed then.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if isdir(path):
        raise IsADirectoryError(f"{fspath(path)!r} is a directory; expected a file that `save` wrote")
    try:
        entries = load_file(fspath(path))
    except SafetensorError as error:
        raise ValueError(f"{fspath(path)!r} is not a safetensors file: {error}; expected one that `save` wrote") from None
    saved = {name.removeprefix(OPTIMIZER): tensor for name, tensor in entries.items() if name.startswith(OPTIMIZER)}
    own = {name: tensor for name, tensor in entries.items() if not name.startswith(OPTIMIZER)}
    expected = network.state_dict()
    check_entries("state", own, expected)
    for name, tensor in expected.items():
        if own[name].dtype != tensor.dtype:
            raise ValueError(f"state: {name} is {own[name].dtype}; expected {tensor.dtype}, as the network computes")
    for name, tensor in saved.items():
        is_known = name == "steps" or name.rpartition(".")[0] in own      # others are named by the optimiser
        if is_known and tensor.dtype != (torch.int64 if name == "steps" else network.dtype):
            raise ValueError(f"state: {OPTIMIZER}{name} is {tensor.dtype}; expected {network.dtype}, and torch.int64 for the steps")
    if optimizer is not None:
        optimizer.load_state_dict(saved, network)
    elif saved:
        raise ValueError(f"state: {OPTIMIZER}{min(saved)} is an optimiser's; expected an `optimizer` to load it into")
    network.load_state_dict(own)


def check_entries(what: str, found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raise ValueError that names each entry of `found` that is missing, unknown or of another shape than in `expected`."""
    shapes = {name: tuple(tensor.shape) for name, tensor in found.items()}
    unknown = [name for name in found if name not in expected]
    wrong = []
    for name, tensor in expected.items():
        shape = tuple(tensor.shape)
        if name not in found:
            alike = [other for other in unknown if shapes[other] == shape]
            wrong.append(f"{name} is missing" + (f" (is it {alike[0]}, which has its shape?)" if alike else ""))
        elif shapes[name] != shape:
            wrong.append(f"{name} has shape {shapes[name]}; expected {shape}")
    wrong += [f"{name} is unknown" for name in unknown]
    if wrong:
        raise ValueError(f"{what}: {'; '.join(wrong)}; expected the entries {', '.join(expected)}")
