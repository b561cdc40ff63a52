"""What a user's file imports: whatever is installed first, then what lies beside it, then placeholders for what is not there."""

import builtins
import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

NAME = "attempt"
_OURS = ("data", "manual", "tests", "examples", "benchmarks")  # packages of this project, which a file's own of that name goes before
_MAGIC = re.compile(rb"^([ \t]*)([%!].*)$", re.MULTILINE)


class Placeholder(ModuleType):
    """Stands for a module that is not installed, and for all that is in it; nothing can be computed with it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Placeholder(f"{self.__name__}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As a decorator, what it is given; else another placeholder."""
        return args[0] if len(args) == 1 and callable(args[0]) and not kwargs else Placeholder(f"{self.__name__}()")

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(f"{self.__name__} is not installed here; expected it not to be needed for training")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{self.__name__} is not installed here; expected it not to be needed for training")

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *args: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """The last to be asked for a module: the course's own from the adapter, else a placeholder."""

    def __init__(self, modules: Mapping[str, Any], notes: list[str]) -> None:
        self.modules, self.notes = modules, notes

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """A spec for any name but those of the interpreter's own."""
        if name.partition(".")[0] in sys.stdlib_module_names or name.startswith("numpy."):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """The adapter's module, or a placeholder."""
        given = self.modules.get(spec.name)
        if isinstance(given, ModuleType):
            return given
        if given is not None:
            module = ModuleType(spec.name)
            vars(module).update(given)
            return module
        top = spec.name.partition(".")[0]
        note = f"{top} is not installed; a placeholder stands in for it"
        if note not in self.notes:
            self.notes.append(note)
        return Placeholder(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to execute."""


@contextmanager
def own_imports(
    path: Path, modules: Mapping[str, Any], notes: list[str], imported: MutableMapping[str, ModuleType] | None = None
) -> Iterator[None]:
    """Within it, imports are a user's file's own: what lies beside the file comes after whatever is installed, and shadows nothing.

    What is imported from there is kept in `imported` for the next time, and gone from the process afterwards.
    """
    imported = {} if imported is None else imported
    folder = path.resolve().parent
    root = folder
    while (root / "__init__.py").exists():
        root = root.parent
    beside = [str(folder), str(root)] if root != folder else [str(folder)]
    before, search, writes = dict(sys.modules), list(sys.path), sys.dont_write_bytecode
    hidden = {name for name in before if name.partition(".")[0] in _OURS and _lies_in(folder, name.partition(".")[0])}
    for name in hidden:
        del sys.modules[name]
    first = [str(folder)] if hidden else []
    sys.path[:] = [*first, *(entry for entry in sys.path if entry and Path(entry) != Path(os.getcwd())), *_current(), *beside]
    sys.modules.update(imported)
    finder = _Finder(modules, notes)
    sys.meta_path.append(finder)
    sys.dont_write_bytecode = True
    had_shell = hasattr(builtins, "get_ipython")
    if not had_shell:
        builtins.get_ipython = lambda: Placeholder("IPython")  # type: ignore[attr-defined]
    try:
        yield
    finally:
        if not had_shell:
            del builtins.get_ipython  # type: ignore[attr-defined]
        sys.dont_write_bytecode = writes
        sys.meta_path.remove(finder)
        sys.path[:] = search
        for name, module in list(sys.modules.items()):
            if before.get(name) is not module and _is_of_the_user(module, root):
                imported[name] = module
                del sys.modules[name]
        sys.modules.update({name: before[name] for name in before.keys() - sys.modules.keys()})


def executed(path: Path, source: bytes) -> ModuleType:
    """The file as a module of its own: `__name__` is not "__main__", and notebook magics are blanks."""
    from compare.adapters.attempt import UnusableFileError

    package = _package(path)
    module = ModuleType(NAME if not package else f"{package}.{path.stem}")
    module.__file__ = str(path)
    module.__package__ = package
    try:
        code = _compiled(path, source)
    except (SyntaxError, ValueError) as error:
        raise UnusableFileError(_not_python(path, error)) from None
    if package:
        _make_package(package, path)
    sys.modules[module.__name__] = module
    try:
        exec(code, vars(module))
    finally:
        sys.modules.pop(module.__name__, None)
    return module


def _compiled(path: Path, source: bytes) -> Any:
    """The file's code, without the magics that a notebook leaves behind."""
    try:
        return compile(source, str(path), "exec", dont_inherit=True)
    except SyntaxError:
        if not _MAGIC.search(source):
            raise
        return compile(_MAGIC.sub(lambda found: found[1] + b"pass", source), str(path), "exec", dont_inherit=True)


def _not_python(path: Path, error: SyntaxError | ValueError) -> str:
    if not isinstance(error, SyntaxError):
        return f"{path.name} is not Python: {error}; expected a text file of Python 3"
    text = (error.text or "").strip()
    hint = "; this is Python 2: write print(…)" if "print" in str(error.msg) or text.startswith("print ") else ""
    return (
        f"{path.name} is not Python: {error.msg}, at line {error.lineno}"
        + (f": `{text}`" if text else "")
        + (hint or "; expected Python 3")
    )


def _current() -> Sequence[str]:
    """The current folder, where this project's own packages may lie."""
    return [entry for entry in dict.fromkeys(sys.path) if entry == "" or Path(entry) == Path(os.getcwd())]


def _lies_in(folder: Path, name: str) -> bool:
    return (folder / f"{name}.py").exists() or (folder / name / "__init__.py").exists()


def _is_of_the_user(module: ModuleType, root: Path) -> bool:
    if isinstance(module, Placeholder) or getattr(getattr(module, "__spec__", None), "loader", None).__class__ is _Finder:
        return True
    file = getattr(module, "__file__", None)
    try:
        return file is not None and Path(file).resolve().is_relative_to(root) and "site-packages" not in file and not _is_ours(module)
    except (OSError, ValueError):
        return False


def _is_ours(module: ModuleType) -> bool:
    project = Path(__file__).resolve().parent.parent.parent
    file = Path(str(module.__file__)).resolve()
    return any(file.is_relative_to(project / name) for name in ("compare", "manual", "torch_ref", "data", "tests", "benchmarks"))


def _package(path: Path) -> str:
    """The dotted name of the package that the file lies in, or nothing; for relative imports, a package of its folder's name."""
    parts: list[str] = []
    folder = path.resolve().parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    if not parts and re.search(rb"^\s*from\s+\.", path.read_bytes(), re.MULTILINE):
        parts = [re.sub(r"\W", "_", path.resolve().parent.name) or "package"]
    return ".".join(parts)


def _make_package(name: str, path: Path) -> None:
    """A package that has the file's folder, where there is no __init__.py to be executed."""
    if (path.resolve().parent / "__init__.py").exists():
        importlib.import_module(name)
        return
    package = ModuleType(name)
    package.__path__ = [str(path.resolve().parent)]
    package.__file__ = str(path.resolve().parent / "__init__.py")
    sys.modules[name] = package
