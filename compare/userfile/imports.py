"""The imports of a user's file: installed modules come first, then those beside it, then the adapter's MODULES, then placeholders."""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.machinery import ModuleSpec
from itertools import islice
from operator import is_
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from ..support.packages import TOP_LEVEL
from .source import Source
from .stubs import TQDM, Absent, Shell

_STANDARD = os.path.dirname(os.path.realpath(os.__file__))
_IMPORTING = {"importlib", "importlib._bootstrap", "importlib._bootstrap_external", __name__}
_GUARANTEED: dict[str, dict[str, Any]] = {
    "past.builtins": {"xrange": range, "basestring": str, "unicode": str, "raw_input": input},
    **dict.fromkeys(("tqdm", "tqdm.auto", "tqdm.notebook"), TQDM),
}
_MOST_FOLDERS = 100      # below one without __init__.py in which modules are searched for
_SUFFIXES = importlib.machinery.SOURCE_SUFFIXES, importlib.machinery.EXTENSION_SUFFIXES


@dataclass
class Owner:
    """A file, the folders in which its imports are searched for, and the sources that belong to it, by their file names."""

    path: Path
    folders: tuple[Path, ...]
    sources: dict[str, Source]


class Imports(importlib.abc.MetaPathFinder):
    """Finds the modules of a user's file and its adapter, which are in the process while `active`, and gone afterwards."""

    def __init__(self, path: Path, notes: list[str]) -> None:
        self.path, self.notes = path, notes
        self.provided: dict[str, Any] = dict(_GUARANTEED)
        self.modules: dict[str, ModuleType] = {}
        self.placed: dict[str, Path] = {}      # the file or folder of each module, by its name
        self.attempt = Owner(path, (path.parent,), {})
        self.owners = [self.attempt]
        self._searched: list[str] = []
        self._own_names: set[str] | None = None

    def again(self, notes: list[str]) -> "Imports":
        """Return a copy that has read the same files, and executes them anew."""
        other = copy(self)
        other.notes, other.provided, other.modules = notes, dict(self.provided), {}
        return other

    def add(self, path: Path) -> Owner:
        """Add an adapter once, whose imports are searched for beside it, then beside the attempt; returns its owner."""
        known = next((owner for owner in self.owners[1:] if owner.path == path), None)
        if known is None:
            known = Owner(path, (path.parent, *self.attempt.folders), {})
            self.owners.append(known)
        return known

    def provide(self, modules: Mapping[str, Any]) -> None:
        """Add modules by name, for imports of what is not installed and does not lie beside the file."""
        if not modules.keys() <= self.provided.keys():
            self._own_names = None
        self.provided.update(modules)

    def place(self, owner: Owner) -> str:
        """Read the owner's file, and return its name as a module: part of its package, if it lies in one, or has relative imports.

        To be called before `active`. Raises UnusableFileError.
        """
        known = next((name for name, place in self.placed.items() if place == owner.path and str(owner.path) in owner.sources), None)
        if known is not None:
            return known
        source = owner.sources[str(owner.path)] = Source.read(owner.path)
        folders: list[Path] = []
        is_init, is_adapter = owner.path.stem == "__init__", owner is not self.attempt
        for folder in owner.path.parents:
            if folder == folder.parent or not ((folder / "__init__.py").exists() or len(folders) < source.level):
                break
            folders.insert(0, folder)
        if is_adapter and not source.level:
            folders = []
        name = ""
        for place in [*folders, *([] if is_init and folders else [owner.path])]:
            part = (place.stem if place == owner.path else place.name).replace(".", "_")
            name = f"{name}.{part}" if name else self._free(part, is_adapter=is_adapter)
            self.placed[name] = place
        if folders:
            owner.folders = tuple(dict.fromkeys((*owner.folders, folders[0].parent)))
        return name

    def source_at(self, file: str) -> Source | None:
        """Return the source of that file name, if it is the user's."""
        return next((owner.sources[file] for owner in self.owners if file in owner.sources), None)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Find the imports of the user's files within this; afterwards the process has its own modules, and new ones that are installed."""
        before, search, finders = sys.modules.copy(), list(sys.path), list(sys.meta_path)
        for name in self._hidden(before):
            del sys.modules[name]
        self._searched = list(dict.fromkeys((*filter(is_installed, search), *search, *self._folders())))
        sys.path[:] = self._searched
        sys.modules.update(self.modules)
        sys.meta_path.insert(0, self)
        try:
            yield
        finally:
            sys.meta_path[:], sys.path[:] = finders, search
            is_unchanged = starts_with(sys.modules, before)      # the usual case, in which only the new modules have to be looked at
            present = list(islice(sys.modules.items(), len(before) if is_unchanged else 0, None))
            for name, module in [(name, module) for name, module in present if before.get(name) is not module]:
                if self._is_users(name, module):
                    self.modules[name] = module
                    del sys.modules[name]
                if name in before:
                    sys.modules[name] = before[name]
            if not is_unchanged:
                sys.modules.update((name, before[name]) for name in before.keys() - sys.modules.keys())

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        """Return where a user's file finds the module; None leaves it to Python."""
        if name in self.placed:
            return self._spec_of_placed(name)
        frame, is_direct = _importer(sys._getframe(1))
        owner = next((owner for owner in self.owners if frame and frame.f_code.co_filename in owner.sources), None)
        if owner is None or frame is None or name.partition(".")[0] in TOP_LEVEL | sys.stdlib_module_names:
            return None
        normal = self._normal(name, path, target)
        if normal is not None and is_installed(normal.origin or ""):
            return normal
        own = self._beside(name, path, owner)
        if own is not None and own.loader is not None:
            return own
        if name in self.provided or any(each.startswith(f"{name}.") for each in self.provided):
            return ModuleSpec(name, _AbsentLoader(self.provided.get(name, {})), is_package=True)
        namespace = _namespace(name, [spec for spec in (normal, own) if spec is not None and spec.loader is None])
        if namespace is not None or (normal is not None and normal.loader is not None):
            return namespace or normal
        if not is_direct or frame.f_lineno in owner.sources[frame.f_code.co_filename].guarded or name.startswith("numpy."):
            return None
        parent = name.rpartition(".")[0]
        if not isinstance(sys.modules.get(parent), Absent):
            self.notes.append(f"{name} {'cannot be found' if parent else 'is not installed'}; a placeholder stands in for it")
        return ModuleSpec(name, _AbsentLoader({}, star=True), is_package=True)

    def _normal(self, name: str, path: Sequence[str] | None, target: Any) -> ModuleSpec | None:
        """Return what Python finds without the user's folders."""
        beside = set(self._folders())
        entries = [entry for entry in self._searched or sys.path if entry not in beside] if path is None else path
        finders = ((each, entries if each is importlib.machinery.PathFinder else path) for each in sys.meta_path if each is not self)
        return next(filter(None, (finder.find_spec(name, places, target) for finder, places in finders)), None)

    def _beside(self, name: str, path: Sequence[str] | None, owner: Owner) -> ModuleSpec | None:
        """Return what lies in the owner's folders, in those that it added to sys.path, or around it; a namespace package comes last."""
        added = [Path(base, entry) for entry in sys.path if entry not in self._searched for base in (os.getcwd(), owner.path.parent)]
        around = [folder.parent for folder in owner.path.parents if folder.name == name]
        folders = [*owner.folders, *added, *around] if path is None else [Path(entry) for entry in path]
        namespaces = []
        for folder in folders:
            finder = importlib.machinery.FileFinder(
                str(folder),
                (importlib.machinery.ExtensionFileLoader, _SUFFIXES[1]),
                (partial(_SourceLoader, owner), _SUFFIXES[0]),      # type: ignore[arg-type]
            )
            spec = finder.find_spec(name)
            if spec is not None and spec.loader is not None:
                return spec
            namespaces += [spec] if spec is not None else []
        return _namespace(name, namespaces)

    def _free(self, name: str, *, is_adapter: bool) -> str:
        """Return the name, or another where an installed module has it."""
        if is_adapter:
            return f"adapter_{name}"
        if name in TOP_LEVEL | sys.stdlib_module_names | {"numpy"} or name.startswith("__"):
            return f"attempt_{name}"
        normal = self._normal(name, None, None)
        return f"attempt_{name}" if normal is not None and is_installed(normal.origin or "") else name

    def _spec_of_placed(self, name: str) -> ModuleSpec | None:
        place = self.placed[name]
        owner = next((owner for owner in self.owners if owner.path == place), self.attempt)
        file = place / "__init__.py" if place.is_dir() else place
        locations = [str(place)] if place.is_dir() else None
        if str(file) not in owner.sources and not file.exists():
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = locations
            return spec
        loader = _SourceLoader(owner, name, str(file))
        return importlib.util.spec_from_file_location(name, str(file), loader=loader, submodule_search_locations=locations)

    def _hidden(self, modules: Mapping[str, ModuleType]) -> list[str]:
        """Return the process's own modules that have a namesake among the user's."""
        if self._own_names is None:
            self._own_names = self._names_beside()
        taken = {top for top in self._own_names if top in modules and not is_installed(getattr(modules[top], "__file__", None) or "")}
        return [name for name in modules if name.partition(".")[0] in taken] if taken else []

    def _names_beside(self) -> set[str]:
        names = {name.partition(".")[0] for name in (*self.provided, *self.placed)}
        for folder in set(self._folders()):
            with suppress(OSError):
                entries = list(os.scandir(folder))
                names |= {entry.name.removesuffix(".py") for entry in entries if entry.name.endswith(".py")}
                names |= {entry.name for entry in entries if entry.is_dir() and _holds_modules(entry.path)}
        return names - TOP_LEVEL - sys.stdlib_module_names - {"__main__"}

    def _folders(self) -> Iterator[str]:
        """Yield the folders of all owners."""
        return (str(folder) for owner in self.owners for folder in owner.folders)

    def _is_users(self, name: str, module: ModuleType) -> bool:
        """Return whether a module that is new in the process is to leave it."""
        spec = getattr(module, "__spec__", None)
        top = name.partition(".")[0]
        if top != name and is_installed(getattr(sys.modules.get(top), "__file__", None) or ""):
            return False
        if spec is None or top != spec.name.partition(".")[0] or name in self.placed:
            return True
        if isinstance(spec.loader, (_SourceLoader, _AbsentLoader)):
            return True
        if top in TOP_LEVEL:
            return False
        places = [spec.origin] if spec.has_location else list(spec.submodule_search_locations or [])
        return bool(places) and not all(is_installed(place or "") for place in places)


class _SourceLoader(importlib.abc.Loader):
    """Executes a user's file, and writes nothing beside it."""

    def __init__(self, owner: Owner, name: str, path: str) -> None:
        self.owner, self.name, self.path = owner, name, path

    def exec_module(self, module: ModuleType) -> None:
        """Execute the file; raises UnusableFileError, and what the file raises."""
        source = self.owner.sources[self.path] = self.owner.sources.get(self.path) or Source.read(Path(self.path))
        vars(module)["get_ipython"] = Shell
        exec(source.code, vars(module))


class _AbsentLoader(importlib.abc.Loader):
    """Creates the adapter's module, or a placeholder."""

    def __init__(self, provided: Any, *, star: bool = False) -> None:
        self.provided, self.star = provided, star

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Create the module; `from … import *` takes nothing from a placeholder."""
        if isinstance(self.provided, ModuleType):
            return Absent(spec.name, {key: value for key, value in vars(self.provided).items() if key[:2] != "__"})
        return Absent(spec.name, {**self.provided, **({"__all__": []} if self.star else {})})

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing."""


def is_same(names: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Return whether the names have the very values that they had before, in the same order."""
    return len(names) == len(before) and starts_with(names, before)


def starts_with(names: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Return whether the names of before come first, in the same order, and with the very same values."""
    return list(islice(names, len(before))) == list(before) and all(map(is_, names.values(), before.values()))


def _namespace(name: str, specs: Sequence[ModuleSpec]) -> ModuleSpec | None:
    """Return the namespace package of those folders that hold a module at all; None where there is none."""
    found = [spec for spec in specs if any(map(_holds_modules, spec.submodule_search_locations or ()))]
    if len(found) < 2:
        return found[0] if found else None
    merged = ModuleSpec(name, None, is_package=True)
    merged.submodule_search_locations = [place for spec in found for place in spec.submodule_search_locations or ()]
    return merged


def _holds_modules(folder: str) -> bool:
    """Return whether the folder, or one of the first below it, has a file that can be imported."""
    endings = (*_SUFFIXES[0], *_SUFFIXES[1])
    return any(file.endswith(endings) for _, _, files in islice(os.walk(folder), _MOST_FOLDERS) for file in files)


def _importer(frame: FrameType | None) -> tuple[FrameType | None, bool]:
    """Return the importing frame, and whether it does so by a statement or import_module; code without a file counts as its caller's."""
    while frame is not None and frame.f_globals.get("__name__") in _IMPORTING:
        frame = frame.f_back
    while frame is not None and frame.f_code.co_filename.startswith("<") and not frame.f_code.co_filename.startswith("<frozen"):
        frame = frame.f_back
    return frame, frame is not None and frame.f_globals.get("__name__") != "importlib.util"


@lru_cache(maxsize=4096)
def is_installed(place: str) -> bool:
    """Return whether a file or folder is part of Python or of an installed package."""
    if place in ("", "built-in", "frozen"):
        return place != ""
    real = os.path.realpath(place)
    return bool({"site-packages", "dist-packages"} & set(real.split(os.sep))) or real.startswith(_STANDARD)
