"""A user's file, run as it is in this process: what it defines is called, what it prints is kept, what it raises becomes a clear report."""

import io
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from compare.adapters.imports import executed, own_imports
from compare.errors import CompareError

FUNCTIONS = ("forward", "loss", "trace", "gradients", "train_step")
MOST_PRINTED = 4000


class UnusableFileError(CompareError):
    """A file that cannot be used: it is not there, not Python, or defines nothing that could be compared."""


class AttemptError(CompareError):
    """What a user's file raised: in which `function`, at which `line` of its own, and that line's `source`."""

    def __init__(self, message: str, function: str, line: int | None = None, source: str | None = None) -> None:
        super().__init__(message)
        self.function, self.line, self.source = function, line, source


@dataclass(frozen=True)
class Adapter:
    """A small file that maps files of some shape onto the contract."""

    path: Path
    module: ModuleType

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "Adapter":
        """Raises UnusableFileError."""
        try:
            with own_imports(Path(path), {}, []) as _:
                module = executed(Path(path), _source(Path(path)))
        except UnusableFileError:
            raise
        except Exception as error:
            raise UnusableFileError(f"the adapter {Path(path).name} cannot be used: {_told(error, Path(path))[0]}") from None
        return cls(Path(path), module)


class Attempt:
    """A user's file, and the functions of the contract that it offers, by itself or through an adapter."""

    def __init__(self, path: Path, adapter: Adapter | None) -> None:
        self.path, self.adapter, self.name = path, adapter, path.name
        self.notes: list[str] = []
        self._printed = io.StringIO()
        self._modules: dict[str, Any] = dict(getattr(adapter.module, "MODULES", {})) if adapter else {}
        self._imported: dict[str, ModuleType] = {}
        source = _source(path)
        with self._running("import"):
            load: Callable[[str], Any] | None = getattr(adapter.module, "load", None) if adapter else None
            self.module = load(str(path)) if load else executed(path, source)
        offering = adapter.module if adapter else self.module
        self.functions = tuple(name for name in FUNCTIONS if callable(getattr(offering, name, None)))
        if not self.functions:
            raise UnusableFileError(
                f"{(adapter.path if adapter else path).name} defines none of {', '.join(FUNCTIONS)}; expected at least one"
            )
        self.problem = self._declared("PROBLEM")
        self.conventions = self._declared("CONVENTIONS")

    @classmethod
    def load(cls, path: str | PathLike[str], adapter: str | PathLike[str] | None = None) -> "Attempt":
        """Execute the file, and the adapter.

        Raises UnusableFileError for a file that cannot be used, AttemptError for what it raises.
        """
        return cls(Path(path), None if adapter is None else Adapter.load(adapter))

    def fresh(self) -> "Attempt":
        """The same file, loaded anew, so that whatever it keeps starts over."""
        attempt = Attempt(self.path, self.adapter)
        attempt.functions = self.functions
        attempt.problem, attempt.conventions = self.problem, self.conventions
        return attempt

    def call(self, function: str, *args: Any) -> Any:
        """What the function answers; raises AttemptError for what it raises.

        NotImplemented, by which an adapter says that this attempt does not offer the function, is passed on.
        """
        with self._running(function):
            if self.adapter is None:
                return getattr(self.module, function)(*args)
            return getattr(self.adapter.module, function)(self.module, *args)

    @property
    def printed(self) -> str:
        """What the file has printed so far, cut to a readable length."""
        text = self._printed.getvalue()
        return text if len(text) <= MOST_PRINTED else f"{text[:MOST_PRINTED]}\n… and {len(text) - MOST_PRINTED} characters more"

    def _declared(self, name: str) -> dict[str, Any]:
        offering = self.adapter.module if self.adapter else self.module
        value = getattr(offering, name, {})
        if name == "PROBLEM" and self.adapter and hasattr(offering, "problem"):
            with self._running("problem"):
                value = offering.problem(self.module)
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise UnusableFileError(f"{name} of {self.name} is {value!r:.60}; expected a dict with names for keys")
        return value

    @contextmanager
    def _running(self, function: str) -> Iterator[None]:
        """Run the user's code: its prints kept, its exceptions told, the process's own state put back."""
        modules = self._modules
        with own_imports(self.path, modules, self.notes, self._imported), _own_state(), redirect_stdout(self._printed):
            try:
                yield
            except (KeyboardInterrupt, UnusableFileError):
                raise
            except SystemExit as error:
                raise AttemptError(
                    f"{function} calls exit({error.code!r}); expected it to return", function, *_place(error, self.path)
                ) from None
            except BaseException as error:
                message, line, text = _told(error, self.path)
                what = f"{self.name} raises" if function == "import" else f"{function} raises"
                raise AttemptError(f"{what} {message}", function, line, text) from None


def _source(path: Path) -> bytes:
    """The file's text; raises UnusableFileError."""
    if path.is_dir():
        raise UnusableFileError(f"{path} is a folder; expected a Python file")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UnusableFileError(f"{path} is not there; expected a Python file") from None
    except OSError as error:
        raise UnusableFileError(f"{path} cannot be read: {error.strerror}; expected a Python file") from None


def _told(error: BaseException, path: Path) -> tuple[str, int | None, str | None]:
    """The exception in one sentence, and the innermost line of the user's own."""
    line, text = _place(error, path)
    said = " ".join(str(error).split())[:500]
    message = f"{type(error).__name__}: {said}" if said else type(error).__name__
    where = f", at {path.name} line {line}" + (f": `{text}`" if text else "") if line else ""
    return message + where, line, text


def _place(error: BaseException, path: Path) -> tuple[int | None, str | None]:
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename).name == path.name and Path(frame.filename).resolve() == path.resolve():
            return frame.lineno, frame.line or None
    return None, None


@contextmanager
def _own_state() -> Iterator[None]:
    """What a file may change of the process is put back."""
    random, printing, limit, trace = np.random.get_state(), np.get_printoptions(), sys.getrecursionlimit(), sys.gettrace()
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        np.random.set_state(random)
        np.set_printoptions(**printing)
        sys.setrecursionlimit(limit)
        sys.settrace(trace)
