"""A user's file, executed in this process: the functions that it defines can be called, and what it raises becomes one report."""

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from os import PathLike, fspath
from pathlib import Path
from types import FunctionType
from typing import Any, NoReturn, Self

import numpy as np

from ..support.errors import CompareError
from ..support.kinds import kind_of
from . import shapes
from .declared import checked_conventions, checked_modules, checked_problem
from .imports import Imports, Owner
from .line_trace import Assignment, lines_run, recorded
from .process import Printed, Process
from .source import Source, UnusableFileError, user_lines
from .stubs import Placeholder

__all__ = ["FUNCTIONS", "Attempt", "AttemptError", "UnusableFileError"]

FUNCTIONS = {
    "train_step": "(params, x, y, lr)",
    "gradients": "(params, x, y)",
    "forward": "(params, x)",
    "loss": "(output, y)",
    "trace": "(params, x, y)",
}
SIGNATURES = ", ".join(f"{name}{arguments}" for name, arguments in FUNCTIONS.items())
ENDINGS = ("silent", "died", "malformed", "order")
MOST_SAID = 500      # characters of an exception's message
_INSTALL = "; install it in this environment, or write what it does in NumPy"
_KINDS = ((SystemExit, "exit"), (RecursionError, "recursion"), (MemoryError, "memory"))


class AttemptError(CompareError):
    """A user's file raised something in `function`.

    `line`, with its `source`, is the innermost line of the attempt in the traceback, in the file at `path`; `reached` is the outermost line
    of any file of the user. `kind` is "exception", "arguments" where the function does not take those of the contract, "exit", "recursion",
    "memory" or "changed"; of a file in a process of its own, one of `ENDINGS` says how that ended, and no further call can succeed.
    """

    def __init__(
        self, message: str, function: str, kind: str, path: Path | None,
        line: int | None = None, source: str | None = None, reached: int | None = None,
    ) -> None:
        super().__init__(message)
        self.function, self.kind, self.path = function, kind, path
        self.line, self.source, self.reached = line, source, reached

    @property
    def is_final(self) -> bool:
        """Whether any further call would fail too."""
        return self.kind in (*ENDINGS, "changed")


class Attempt:
    """A user's file, and the functions of the contract that it offers, by itself or through an adapter.

    `module` is what was executed, or what the adapter's `load` returned.
    """

    found: tuple[str, ...]
    problem: dict[str, Any]
    conventions: dict[str, Any]

    def __init__(
        self, path: Path, adapter: Path | None, seed: int = 0, first: "Attempt | None" = None, options: Mapping[str, str] | None = None
    ) -> None:
        self.path, self.adapter, self.name, self.options = path, adapter, path.name, options
        self._begin(seed)
        self._imports: Imports = Imports(path, self.notes) if first is None else first._imports.again(self.notes)
        offering = None if adapter is None else self._adapting(adapter)
        self._imports.provide(checked_modules(getattr(offering, "MODULES", {}), adapter))
        load: Callable[..., Any] | None = getattr(offering, "load", None)
        if load is None:
            self.module = self._executed(path, self._imports.attempt)
        else:
            self._imports.attempt.sources[str(path)] = _loosely_read(path)
            self.notes += self._imports.attempt.sources[str(path)].notes
            self.module = self._run("import", load, path, *([] if options is None else [options]))
        self._offering: Any = self.module if offering is None else offering
        self._names = tuple(name for name in FUNCTIONS if callable(self._named(name)))
        offers = getattr(offering, "offers", None)
        if offers is not None:
            self._names = tuple(name for name in self._names if name in offers(self.module))
        if not self._names:
            hint = "expected one of them at least" + (", or an adapter that maps the file onto them" if adapter is None else "")
            others = {name: self._named(name) for name in FUNCTIONS}
            wrong = "".join(f"; {name} is {kind_of(value)} and no function" for name, value in others.items() if value is not None)
            raise UnusableFileError(f"{(adapter or path).name} defines none of {SIGNATURES}{wrong}; {hint}")
        if first is None:      # its copies have the same
            self._ask(offering)
        else:
            self.found, self.problem, self.conventions = first.found, first.problem, first.conventions

    def _ask(self, offering: Any) -> None:
        """Ask the file, or its adapter, what the report is to say, and for the problem and the conventions."""
        notes = getattr(offering, "notes", None)
        self.notes += [] if notes is None else [str(note) for note in self._run("notes", notes, self.module)]
        found = getattr(offering, "found", None)
        self.found = () if found is None else self._run("found", found, self.module)
        problem = getattr(offering, "problem", None)
        said = self._run("problem", problem, self.module) if problem is not None else self._declared("PROBLEM")
        self.problem = checked_problem(said, self.name)
        conventions = getattr(offering, "conventions", None)
        follows = getattr(self._offering, "CONVENTIONS", {}) if conventions is None else self._run("conventions", conventions, self.module)
        self.conventions = checked_conventions(follows, (self.adapter or self.path).name)

    def _adapting(self, adapter: Path) -> Any:
        """Return the adapter as a module: one that ships with the package, or a file, which is executed."""
        if adapter.parent == shapes.FOLDER:
            return importlib.import_module(f"{shapes.__name__}.{adapter.stem}")
        return self._executed(adapter, self._imports.add(adapter))

    @classmethod
    def load(
        cls, path: str | PathLike[str], adapter: str | PathLike[str] | None = None, options: Mapping[str, str] | None = None
    ) -> "Attempt":
        """Execute the file and the adapter, whose `load` gets the options.

        Raises UnusableFileError, or AttemptError with the function "import" for what they raise.
        """
        return cls(Path(path).resolve(), None if adapter is None else adapter_path(adapter), options=options)

    def _begin(self, seed: int) -> None:
        """Set up what every attempt has, whatever its functions come from."""
        self.notes: list[str] = []
        self.found = ()
        self._process = Process(seed)
        self._printed = Printed(self._process)
        self._refused: set[str] = set()

    def fresh(self) -> "Attempt":
        """Load the same file anew, without any captured state, and with another seed."""
        self._process.seed += 1
        return self._as_fresh(Attempt(self.path, self.adapter, self._process.seed, first=self, options=self.options))

    def with_options(self, options: Mapping[str, str]) -> "Attempt":
        """Load the same file with these options beside its own, which the adapter's `load` gets."""
        return Attempt.load(self.path, self.adapter, {**(self.options or {}), **options})

    def _as_fresh(self, copy: Self) -> Self:
        """Share the captured output and the refused functions with the copy; drop what loading it printed a second time."""
        copy._refused, copy._printed = self._refused, self._printed
        copy._process.open_output()
        return copy

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions of the contract that it offers, without those that have answered NotImplemented."""
        return tuple(name for name in self._names if name not in self._refused)

    def close(self) -> None:
        """Do nothing: no resource is held."""

    def takes(self, function: str) -> int:
        """Return how many arguments the function takes by position, without an adapter's first; 0 where that is not known."""
        try:
            parameters = inspect.signature(self._named(function)).parameters.values()
        except (TypeError, ValueError):
            return 0
        positional = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
        return len(positional) - (self.adapter is not None)

    def call(self, function: str, *args: Any) -> Any:
        """Return the function's answer, which is NotImplemented if the adapter does not offer it after all; raises AttemptError."""
        return self._called(function, args, nullcontext())

    def traced_call(self, function: str, *args: Any) -> tuple[Any, list[Assignment]]:
        """Return what `call` does, and what the lines of the user's files assigned meanwhile, in that order."""
        assignments: list[Assignment] = []
        return self._called(function, args, recorded(self._imports.source_at, assignments)), assignments

    def own_losses(self, *args: Any) -> dict[str, list[float]]:
        """Return by name the numbers that the file computes as losses of those records; none where that is not known."""
        function = getattr(self._offering, "own_losses", None)
        shown: dict[str, list[float]] = {} if function is None else self._run("own_losses", function, self.module, *args)
        return shown

    def activations(self) -> list[str]:
        """Return the names of activations that the file's network may be made with."""
        function = getattr(self._offering, "activations", None)
        names: list[str] = [] if function is None else self._run("activations", function, self.module)
        return names

    def lines_run(self) -> AbstractContextManager[set[int]]:
        """Return a context that collects the lines of the file that are run within it."""
        return lines_run(str(self.path))

    @property
    def printed(self) -> str:
        """What the file has printed so far, cut to a readable length."""
        return str(self._printed)

    @property
    def text(self) -> str:
        """The file's text."""
        source = self._imports.attempt.sources.get(str(self.path))
        return "\n".join(source.lines if source else ()) + "\n"

    @property
    def texts(self) -> str:
        """The text of the file, and of those of the user that it has imported."""
        return "\n".join("\n".join(source.lines) for source in self._imports.attempt.sources.values())

    def _named(self, name: str) -> Any:
        value = getattr(self._offering, name, None)
        is_brought_in = value is vars(np).get(name)      # by `from numpy import *`, which has functions of such names
        return None if isinstance(value, Placeholder) or is_brought_in else value

    def _declared(self, name: str) -> Any:
        return getattr(self._offering, name, getattr(self.module, name, {}))

    def _called(self, function: str, args: tuple[Any, ...], watch: AbstractContextManager[None]) -> Any:
        self._printed.called(self._process, has_answered=False)
        answer = self._run(function, self._named(function), *(args if self.adapter is None else (self.module, *args)), watch=watch)
        self._printed.called(self._process, has_answered=True)
        if answer is NotImplemented:
            self._refused.add(function)
        return answer

    def _executed(self, path: Path, owner: Owner) -> Any:
        """Execute the file and return the module; `place` names it first, outside `active`, whose search path has what was placed."""
        return self._run("import", importlib.import_module, self._imports.place(owner), path=path)

    def _run(
        self, function: str, target: Any, *args: Any, watch: AbstractContextManager[None] | None = None, path: Path | None = None
    ) -> Any:
        """Run the user's code within its `Process`; raises AttemptError for whatever it raises, or changes in NumPy or builtins."""
        try:
            with self._imports.active(), self._process.running(path or self.path), watch or nullcontext():
                answer = target(*args)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            if isinstance(error, UnusableFileError) and function == "import":
                raise
            self._report(function, target, args, error, path or self.path)
        if self._process.changed:
            changed = f"it changes {', '.join(self._process.changed)}; expected NumPy and Python's own functions to be left as they are"
            raise AttemptError(changed, function, "changed", path or self.path)
        return answer

    def _report(self, function: str, target: Any, args: tuple[Any, ...], error: BaseException, path: Path) -> NoReturn:
        """Raise AttemptError for what was raised, with the user's line that it comes from."""
        lines = next(filter(None, (user_lines(error.__traceback__, owner.sources) for owner in self._imports.owners)), [])
        place = lines[-1] if lines else None
        said = _said(error)
        kind = next((kind for category, kind in _KINDS if isinstance(error, category)), "exception")
        what = f"importing {path.name} raised {said}" if function == "import" else f"{function} raised {said}"
        what_to_do = _INSTALL if _is_not_installed(error) else ""
        if place is None and isinstance(target, FunctionType):      # the call itself failed
            source = self._imports.source_at(target.__code__.co_filename)
            place = None if source is None else (source, target.__code__.co_firstlineno)
            if function in FUNCTIONS and isinstance(error, TypeError):
                arguments = ", ".join(inspect.signature(target).parameters) or "no argument"
                kind, what = "arguments", f"{function} takes {arguments}; expected {function}{self._arguments(function, args)}"
        if place is None:
            raise AttemptError(f"{what}{what_to_do}", function, kind, path) from error
        source, line = place
        message = f"{what}, at {source.path.name} {source.place(line)}: `{source.line(line)}`{what_to_do}"
        own = self._imports.attempt.sources.get(str(self.path))
        within = user_lines(error.__traceback__, {str(self.path): own}) if own else []
        at = within[-1][1] if within else line if source is own else None
        reached = lines[0][1] if lines else None
        raise AttemptError(message, function, kind, source.path, at, own.line(at) if own and at else None, reached) from error

    def _arguments(self, function: str, args: tuple[Any, ...]) -> str:
        """Return the arguments of the contract in brackets, with an adapter's first; dropout's masks, a list, come last."""
        names = FUNCTIONS[function][1:-1] + (", masks" if args and isinstance(args[-1], list) else "")
        return f"({names})" if self.adapter is None else f"(attempt, {names})"


def adapter_path(adapter: str | PathLike[str]) -> Path:
    """Return the path of an adapter, by its path or its name; raises UnusableFileError."""
    try:
        return shapes.adapter_at(fspath(adapter)).resolve()
    except FileNotFoundError as error:
        raise UnusableFileError(str(error)) from None


def _is_not_installed(error: BaseException) -> bool:
    """Return whether a package is missing, and not only a part of one."""
    return type(error) is ModuleNotFoundError and type(error.name) is str and error.name.partition(".")[0] not in sys.modules


def _said(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = ""
    name = "MemoryError" if isinstance(error, MemoryError) else type(error).__name__
    text = text if len(text) <= MOST_SAID else f"{text[:MOST_SAID]}…"
    return f"{name}: {text}" if text else name


def _loosely_read(path: Path) -> Source:
    """Return the source of a file that the adapter loads, which need not be Python."""
    try:
        return Source.read(path)
    except UnusableFileError:
        if not path.is_file():
            raise
        text = path.read_text(encoding="utf-8", errors="replace")
        return Source(path, tuple(text.splitlines()), compile("", str(path), "exec"), {}, {}, frozenset(), 0)
