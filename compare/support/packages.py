"""The packages beside this one: at the top of a checkout, or inside `backprop_compare` where that is installed."""

from importlib import import_module
from typing import Any

_PARENT = __name__.rpartition("compare.support")[0]      # "" in a checkout, else "backprop_compare."
TOP_LEVEL = frozenset({"backprop_compare"} if _PARENT else {"compare", "manual", "torch_ref"})      # as Python finds what is ours


def beside(name: str) -> Any:
    """Import the package `manual`, `torch_ref` or `data`."""
    return import_module(_PARENT + name)
