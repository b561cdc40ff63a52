"""A user's file, run as it is in this process: what it defines is called, what it prints is kept, what it raises becomes one report."""

import builtins
import inspect
import io
import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from os import PathLike
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NoReturn, Self, cast

import numpy as np
from numpy.random.mtrand import get_bit_generator, set_bit_generator

from ..problem.pieces import ACTIVATIONS, LOSSES, OPTIMIZERS, REDUCTIONS
from ..problem.validation import check_choice, check_flag, checked_number, checked_sizes
from ..support.errors import CompareError, ProblemError
from .conventions import CHOICES
from .imports import Imports, is_same
from .line_trace import Assignment, recorded
from .source import Source, UnusableFileError, innermost, outermost
from .stubs import Placeholder

__all__ = ["FUNCTIONS", "Assignment", "Attempt", "AttemptError", "UnusableFileError", "checked_conventions", "checked_problem"]

FUNCTIONS = {
    "train_step": "(params, x, y, lr)",
    "gradients": "(params, x, y)",
    "forward": "(params, x)",
    "loss": "(output, y)",
    "trace": "(params, x, y)",
}
ENDINGS = ("silent", "died", "malformed", "order")
MOST_PRINTED, MOST_SAID = 4000, 500
_KINDS = ((SystemExit, "exit"), (RecursionError, "recursion"), (MemoryError, "memory"))
_SILENCED: tuple[type[Warning], ...] = (RuntimeWarning, DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
_SILENCED += (SyntaxWarning, np.exceptions.VisibleDeprecationWarning)


class AttemptError(CompareError):
    """What a user's file raised: in which `function`, in the file at `path`, and the attempt's own innermost `line`, with its `source`.

    `reached` is the outermost line, that of the function which was called.

    `kind` is "exception", "arguments" where the function does not take the contract's, "exit", "recursion", "memory" or "changed"; of a
    process of its own also how that ended, and with it all that can be asked.
    """

    def __init__(
        self,
        message: str,
        function: str,
        kind: str,
        path: Path | None,
        line: int | None = None,
        source: str | None = None,
        reached: int | None = None,
    ) -> None:
        super().__init__(message)
        self.function, self.kind, self.path, self.line, self.source = function, kind, path, line, source
        self.reached = reached

    @property
    def is_final(self) -> bool:
        """Whether there is no use in asking in another way."""
        return self.kind in (*ENDINGS, "changed")


class _Sink(io.RawIOBase):
    """Keeps the beginning of what is written, and counts the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.left_out = "", 0

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:
        """Keep what there is room for."""
        text = bytes(data).decode("utf-8", "replace")
        room = MOST_PRINTED - len(self.text)
        self.text, self.left_out = self.text + text[:room], self.left_out + len(text[room:])
        return len(data)

    def close(self) -> None:
        """Stays open, whatever the file does."""


class _Printed:
    """What is shown of what all copies of a file print: while the first was loaded, and in the calls of the first that answered."""

    def __init__(self, loading: _Sink) -> None:
        self.sinks, self.has_answered = [loading], False

    def called(self, sink: _Sink, *, has_answered: bool) -> None:
        """A copy, which prints there, is called, and may have answered."""
        if len(self.sinks) == 1 or (has_answered and not self.has_answered):
            self.sinks[1:] = [sink]
        self.has_answered |= has_answered

    def __str__(self) -> str:
        sinks = dict.fromkeys(self.sinks)
        left_out = sum(sink.left_out for sink in sinks)
        return "".join(sink.text for sink in sinks) + (f"\n… and {left_out} characters more" if left_out else "")


class Attempt:
    """A user's file, and the functions of the contract that it offers, by itself or through an adapter.

    `module` is what was executed, or what the adapter's `load` gave. `lines` are the file's, without their ends.
    """

    def __init__(self, path: Path, adapter: Path | None, seed: int = 0, first: "Attempt | None" = None) -> None:
        self.path, self.adapter, self.name = path, adapter, path.name
        self.notes: list[str] = []
        self._sink = _Sink()
        self._stdout = _stdout(self._sink)
        self._printed = _Printed(self._sink)
        self._random: Any = None
        self._seed = seed
        self._changed: list[str] = []
        self._imports: Imports = Imports(path, self.notes) if first is None else first._imports.again(self.notes)
        self._refused: set[str] = set()
        offering = None if adapter is None else self._executed(adapter, self._imports.add(adapter))
        self._imports.give(_checked_modules(getattr(offering, "MODULES", {}), adapter))
        load: Callable[[Path], Any] | None = getattr(offering, "load", None)
        if load is None:
            self.module = self._executed(path, self._imports.attempt)
        else:
            self._imports.attempt.sources[str(path)] = _loosely_read(path)
            self.module = self._run("import", load, path)
        self._offering: Any = self.module if offering is None else offering
        self._names = tuple(name for name in FUNCTIONS if callable(self._named(name)))
        if not self._names:
            told = ", ".join(f"{name}{signature}" for name, signature in FUNCTIONS.items())
            hint = "expected one of them at least" + (", or an adapter that maps the file onto them" if adapter is None else "")
            raise UnusableFileError(f"{(adapter or path).name} defines none of {told}; {hint}")
        notes = getattr(offering, "notes", None)
        self.notes += [] if notes is None else [str(note) for note in self._run("notes", notes, self.module)]
        problem = getattr(offering, "problem", None)
        said = self._run("problem", problem, self.module) if problem is not None else self._declared("PROBLEM")
        self.problem = checked_problem(said, self.name)
        self.conventions = checked_conventions(getattr(self._offering, "CONVENTIONS", {}), (adapter or path).name)

    @classmethod
    def load(cls, path: str | PathLike[str], adapter: str | PathLike[str] | None = None) -> "Attempt":
        """Execute the file, and the adapter.

        Raises UnusableFileError for a file that cannot be used, AttemptError with the function "import" for what it raises.
        """
        return cls(Path(path).resolve(), None if adapter is None else Path(adapter).resolve())

    def fresh(self) -> "Attempt":
        """The same file, loaded anew, so that whatever it keeps starts over; what it draws at random comes out otherwise."""
        self._seed += 1
        return self._as_fresh(Attempt(self.path, self.adapter, self._seed, first=self))

    def _as_fresh(self, copy: Self) -> Self:
        """Of a copy of this one, what belongs to both: what neither offers, and what is printed, but for what loading it printed again."""
        copy._refused, copy._printed = self._refused, self._printed
        copy._sink = _Sink()
        copy._stdout = _stdout(copy._sink)
        return copy

    @property
    def functions(self) -> tuple[str, ...]:
        """Those of the contract that it offers, without those that have answered NotImplemented."""
        return tuple(name for name in self._names if name not in self._refused)

    def close(self) -> None:
        """Nothing is held."""

    def takes(self, function: str) -> int:
        """How many arguments the function takes by position, without an adapter's first; 0 where that is not known."""
        try:
            parameters = inspect.signature(self._named(function)).parameters.values()
        except (TypeError, ValueError):
            return 0
        positional = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
        return len(positional) - (self.adapter is not None)

    def call(self, function: str, *args: Any) -> Any:
        """What the function answers; raises AttemptError for what it raises.

        NotImplemented, by which an adapter says that this attempt does not offer the function, is passed on.
        """
        return self._called(function, args, nullcontext())

    def traced_call(self, function: str, *args: Any) -> tuple[Any, list[Assignment]]:
        """As `call`, with what the lines of the user's files assigned on the way, in that order."""
        assignments: list[Assignment] = []
        return self._called(function, args, recorded(self._imports.source_at, assignments)), assignments

    @property
    def printed(self) -> str:
        """What the file has printed so far, cut to a readable length."""
        return str(self._printed)

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of the file, without their ends."""
        source = self._imports.attempt.sources.get(str(self.path))
        return source.lines if source is not None else ()

    @property
    def text(self) -> str:
        """The file's text."""
        return "\n".join(self.lines) + "\n"

    def _named(self, name: str) -> Any:
        value = getattr(self._offering, name, None)
        return None if isinstance(value, Placeholder) or value is vars(np).get(name) else value      # as `from numpy import *` brings it

    def _declared(self, name: str) -> Any:
        return getattr(self._offering, name, getattr(self.module, name, {}))

    def _called(self, function: str, args: tuple[Any, ...], watch: AbstractContextManager[None]) -> Any:
        given = args if self.adapter is None else (self.module, *args)
        self._printed.called(self._sink, has_answered=False)
        answer = self._run(function, self._named(function), *given, watch=watch)
        self._printed.called(self._sink, has_answered=True)
        if answer is NotImplemented:
            self._refused.add(function)
        return answer

    def _executed(self, path: Path, owner: Any) -> Any:
        name = self._imports.place(owner)
        return self._run("import", self._imports.execute, name, path=path)

    def _run(
        self, function: str, target: Any, *args: Any, watch: AbstractContextManager[None] | None = None, path: Path | None = None
    ) -> Any:
        """Run the user's code: its prints kept, its exceptions told, the process put back as it was."""
        if self._stdout.closed:
            self._stdout = _stdout(self._sink)
        try:
            with self._imports.active(), self._as_it_was(path or self.path), watch or nullcontext():
                answer = target(*args)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            if isinstance(error, UnusableFileError) and function == "import":
                raise
            self._tell(function, target, error, path or self.path)
        if self._changed:
            changed = f"it changes {', '.join(self._changed)}; expected NumPy and Python's own functions to be left as they are"
            raise AttemptError(changed, function, "changed", path or self.path)
        return answer

    @contextmanager
    def _as_it_was(self, path: Path) -> Iterator[None]:
        """What the code changes of the process is put back, and ending it is an exception; its random state is its own."""
        random_state, generator, folder = random.getstate(), get_bit_generator(), _folder()
        environ, environment = os.environ, _undecoded(os.environ).copy()
        names = ("argv", "path_hooks", "stdin", "stdout", "stderr", "excepthook", "dont_write_bytecode")
        kept = {name: getattr(sys, name) for name in names}
        hooks, limit, trace, profile = list(sys.path_hooks), sys.getrecursionlimit(), sys.gettrace(), sys.getprofile()
        own, leave = {module: vars(module).copy() for module in (np, builtins)}, os._exit
        os._exit = _exits      # type: ignore[assignment]
        sys.argv, sys.stdin, sys.stdout, sys.dont_write_bytecode = [str(path)], io.StringIO(), self._stdout, True
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"), np.printoptions():
                warnings.simplefilter("default")
                for category in _SILENCED:
                    warnings.simplefilter("ignore", category)
                if self._random is None:
                    random.seed(self._seed)
                    set_bit_generator(np.random.MT19937())
                    np.random.seed(self._seed)
                else:
                    random.setstate(self._random[0])
                    set_bit_generator(self._random[1])
                yield
        finally:
            os._exit = leave
            self._changed = list(_put_back(own))
            self._random = random.getstate(), get_bit_generator()
            random.setstate(random_state)
            set_bit_generator(generator)
            for name, value in kept.items():
                setattr(sys, name, value)
            sys.path_hooks[:] = hooks
            sys.setrecursionlimit(limit)
            if sys.gettrace() is not trace:
                sys.settrace(trace)
            if sys.getprofile() is not profile:
                sys.setprofile(profile)
            os.environ = environ      # noqa: B003 - the very object, which the code may have replaced
            if _undecoded(environ) != environment:
                decoded = {environ.decodekey(name): environ.decodevalue(value) for name, value in environment.items()}
                environ.clear()
                environ.update(decoded)
            if folder is not None and _folder() != folder:
                os.chdir(folder)
            with suppress(ValueError):
                self._stdout.flush()

    def _tell(self, function: str, target: Any, error: BaseException, path: Path) -> NoReturn:
        """Raise the one report of what was raised."""
        owners = self._imports.owners
        place = next(filter(None, (innermost(error.__traceback__, owner.sources) for owner in owners)), None)
        said = _said(error)
        kind = next((kind for category, kind in _KINDS if isinstance(error, category)), "exception")
        what = f"importing {path.name} raised {said}" if function == "import" else f"{function} raised {said}"
        if place is None and isinstance(target, FunctionType):      # it could not even be called
            source = self._imports.source_at(target.__code__.co_filename)
            place = None if source is None else (source, target.__code__.co_firstlineno)
            if function in FUNCTIONS and isinstance(error, TypeError):
                adapted = FUNCTIONS[function] if self.adapter is None else f"(attempt, {FUNCTIONS[function][1:]}"
                kind, what = "arguments", f"{function} takes {_arguments(target)}; expected {function}{adapted}"
        if place is None:
            raise AttemptError(what, function, kind, path) from error
        source, line = place
        message = f"{what}, at {source.path.name} line {line}: `{source.line(line)}`"
        reached = next(filter(None, (outermost(error.__traceback__, owner.sources) for owner in owners)), None)
        own = self._imports.attempt.sources.get(str(self.path))
        within = innermost(error.__traceback__, {str(self.path): own}) if own else None
        at = within[1] if within else line if source is own else None
        raise AttemptError(message, function, kind, source.path, at, own.line(at) if own and at else None, reached) from error


def _arguments(function: FunctionType) -> str:
    """The names of the function's arguments."""
    return ", ".join(inspect.signature(function).parameters) or "no argument"


def _stdout(sink: _Sink) -> io.TextIOWrapper:
    return io.TextIOWrapper(sink, encoding="utf-8", errors="replace", write_through=True)      # type: ignore[arg-type]


def _exits(code: int = 0) -> NoReturn:
    """In the place of `os._exit`, which would end the comparison too."""
    raise SystemExit(code)


def _put_back(own: Mapping[ModuleType, Mapping[str, Any]]) -> Iterator[str]:
    """Give the modules back what has been changed in them, and say what."""
    for module, names in own.items():
        if is_same(vars(module), names):
            continue
        for name, value in names.items():
            if vars(module).get(name, module) is not value:
                setattr(module, name, value)
                yield f"{module.__name__}.{name}"


def _undecoded(environ: os._Environ[str]) -> dict[Any, Any]:
    """Return the environment's own dict; `os.environ` decodes every value at every look, which a thousand calls would wait for."""
    return cast(dict[Any, Any], vars(environ)["_data"])


def _folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None


def _said(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = ""
    name = "MemoryError" if isinstance(error, MemoryError) else type(error).__name__
    text = text if len(text) <= MOST_SAID else f"{text[:MOST_SAID]}…"
    return f"{name}: {text}" if text else name


def _loosely_read(path: Path) -> Source:
    """The source of a file that the adapter loads, which need not be Python."""
    try:
        return Source.read(path)
    except UnusableFileError:
        if not path.is_file():
            raise
        text = path.read_text(encoding="utf-8", errors="replace")
        return Source(path, tuple(text.splitlines()), compile("", str(path), "exec"), {}, {}, frozenset(), 0)


def _checked_modules(given: Any, adapter: Path | None) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise UnusableFileError(f"MODULES of {adapter and adapter.name} is a {type(given).__name__}; expected a dict of modules by name")
    for name, module in given.items():
        if not isinstance(name, str) or not isinstance(module, (Mapping, ModuleType)):
            raise UnusableFileError(f"MODULES has {name!r}: a {type(module).__name__}; expected a dict of names, or a module")
    return dict(given)


def checked_conventions(given: Any, name: str) -> dict[str, Any]:
    """The dict, of keys and values that a Convention has; raises UnusableFileError."""
    if not isinstance(given, dict):
        raise UnusableFileError(f"CONVENTIONS of {name} is a {type(given).__name__}; expected a dict")
    plain = _without_arrays(given)
    for key, value in plain.items():
        if key not in CHOICES or value not in CHOICES[key]:
            expected = " or ".join(map(repr, CHOICES[key])) if key in CHOICES else f"a key out of {', '.join(CHOICES)}"
            raise UnusableFileError(f"CONVENTIONS of {name} has {key!r}: {value!r:.60}; expected {expected}")
    return plain


def _without_arrays(given: dict[str, Any]) -> dict[str, Any]:
    """NumPy's arrays as lists: asked whether it is something, an array answers with an array."""
    return {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in given.items()}


def checked_problem(given: Any, name: str) -> dict[str, Any]:
    """The dict, each of its values such as its key can have; whether they go together is not looked at."""
    if not isinstance(given, dict) or not all(isinstance(key, str) for key in given):
        raise UnusableFileError(f"PROBLEM of {name} is {given!r:.60}; expected a dict with names for keys")
    checks: dict[str, Callable[[Any], object]] = {
        "sizes": checked_sizes,
        "activations": _check_activations,
        "bias": lambda value: check_flag("it", value),
        "loss": lambda value: check_choice("it", value, LOSSES),
        "reduction": lambda value: check_choice("it", value, REDUCTIONS),
        "optimizer": lambda value: check_choice("it", value, OPTIMIZERS),
        "lr": lambda value: checked_number("it", value, above=0),
    }
    plain = _without_arrays(given)
    for key, value in plain.items():
        try:
            if key in checks:
                checks[key](value)
        except (ProblemError, TypeError) as error:
            raise UnusableFileError(f"PROBLEM of {name} has {key!r}: {value!r:.60} that cannot be used: {error}") from None
    return plain


def _check_activations(value: Any) -> None:
    for name in [value] if isinstance(value, str) else value:
        check_choice("each", name, ACTIVATIONS)
