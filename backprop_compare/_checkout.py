"""In a checkout `backprop_compare.compare` is `compare`, which lies beside this folder: the same object, not a second copy."""

import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_PACKAGES = ("compare", "data", "manual", "torch_ref")


def _beside(name: str) -> str:
    """Return the module's name in a checkout."""
    return name.partition(".")[2]


class _Beside(MetaPathFinder, Loader):
    """Finds backprop_compare.X.Y as X.Y."""

    def __init__(self) -> None:
        self.specs: dict[int, ModuleSpec | None] = {}

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return a spec for a module of the packages beside this folder."""
        is_package = name.startswith("backprop_compare.") and _beside(name).partition(".")[0] in _PACKAGES
        return ModuleSpec(name, self) if is_package else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Import and return the module under its name in the checkout."""
        module = import_module(_beside(spec.name))
        self.specs[id(module)] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Restore the module's own spec, which the import replaced by that of the other name."""
        module.__spec__ = self.specs.pop(id(module))


sys.meta_path.insert(0, _Beside())      # before Python looks in the folder that it calls the package's own
