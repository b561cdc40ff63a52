"""Import the sibling packages: at the top of a checkout, or inside an installed `backprop_compare`."""

from importlib import import_module
from typing import Any

PARENT = __name__.rpartition("compare.support")[0]      # "" in a checkout, else "backprop_compare."
TOP_LEVEL = frozenset({"backprop_compare"} if PARENT else {"compare", "manual", "torch_ref"})      # the top-level names of our own modules


def beside(name: str) -> Any:
    """Import the package `manual`, `torch_ref` or `data`."""
    return import_module(PARENT + name)
