"""Python functions in a module, a mapping or an object, as an attempt; the caller's captured state stays unchanged."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from ..support.errors import ProblemError
from ..support.kinds import kind_of
from ..support.suggest import did_you_mean
from .declared import checked_conventions, checked_problem
from .file import FUNCTIONS, SIGNATURES, Attempt
from .imports import Imports
from .source import Source, UnusableFileError
from .state import Place, captured_by, file_of, get, put

_DECLARED = ("PROBLEM", "CONVENTIONS")


class Functions(Attempt):
    """Functions of the contract: a module's, a mapping's, an object's, those of a class made without arguments, or one by its own name.

        Functions({"train_step": train_step}).call("train_step", params, x, y, lr)

    Their captured state, in their module, closures or object, is copied at the start; the caller's own is not changed. Raises ProblemError
    for an object without such a function.
    """

    def __init__(self, attempt: Any, places: list[Place] | None = None, seed: int = 0) -> None:
        self._attempt, self.adapter = attempt, None
        self._begin(seed)
        self._places: list[Place] = []
        self._values: list[Any] = []
        copies: dict[int, Any] = {}
        self.module = self._offering = _offering(attempt)
        self._locate()
        if isinstance(attempt, type):
            try:
                self._offering = attempt()
            except TypeError as error:
                reason = f"cannot be made without arguments ({error}); expected an object of it, or a class that can"
                raise ProblemError(f"{attempt.__name__} {reason}") from None
        elif not isinstance(attempt, ModuleType):
            self._offering, fault = _copied(self._offering, copies)
            self.notes += [f"what you keep is not started anew: {kind_of(attempt)} cannot be copied ({fault})"] if fault else []
        self._names = tuple(name for name in FUNCTIONS if callable(self._named(name)))
        self._places = captured_by([self._named(name) for name in self._names]) if places is None else places
        self._values = [_copied(get(*place), copies)[0] for place in self._places]
        self.problem = checked_problem(self._declared("PROBLEM"), self.name)
        self.conventions = checked_conventions(self._declared("CONVENTIONS"), self.name)

    def fresh(self) -> "Functions":
        """Return the same functions, with a copy of the caller's captured state."""
        self._process.seed += 1
        return self._as_fresh(Functions(self._attempt, self._places, self._process.seed))

    def _locate(self) -> None:
        """Find the file of the first function, if it has one; errors and assignments are reported by its lines."""
        functions = [value for name in FUNCTIONS if callable(value := self._named(name))]
        sources: dict[str, Source] = {}
        for file in filter(None, map(file_of, functions)):
            try:
                source = Source.read(Path(file).absolute())
            except UnusableFileError:      # typed at a prompt
                continue
            sources[file] = sources[str(source.path)] = source
        first = next(iter(sources.values()), None)
        self.path = first.path if first else Path(getattr(self._attempt, "__name__", type(self._attempt).__name__))
        self.name = self.path.name
        self._imports = _Present(self.path, self.notes)
        self._imports.attempt.sources.update(sources)

    def _run(
        self, function: str, target: Any, *args: Any, watch: AbstractContextManager[None] | None = None, path: Path | None = None
    ) -> Any:
        """Run the user's code with its own copy of the captured state; raises AttemptError."""
        callers = [get(*place) for place in self._places]
        for place, value in zip(self._places, self._values, strict=True):
            put(*place, value)
        try:
            return super()._run(function, target, *args, watch=watch, path=path)
        finally:
            self._values = [get(*place) for place in self._places]
            for place, value in zip(self._places, callers, strict=True):
                put(*place, value)


class _Present(Imports):
    """The imports of functions whose modules are imported already."""

    @contextmanager
    def active(self) -> Iterator[None]:
        """Change nothing."""
        yield


def _copied(value: Any, copies: dict[int, Any]) -> tuple[Any, str | None]:
    """Return a deep copy and None, or the value itself and why it cannot be copied."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return deepcopy(value, copies), None
    except Exception as error:      # an object's own `__deepcopy__` may raise anything
        return value, f"{type(error).__name__}: {error}"


def _offering(attempt: Any) -> Any:
    """Return an object with the functions as attributes; raises ProblemError where there are none."""
    name = getattr(attempt.func if isinstance(attempt, partial) else attempt, "__name__", None)
    if isinstance(attempt, Mapping):
        unknown = [key for key in attempt if key not in FUNCTIONS and key not in _DECLARED]
        if unknown or not set(attempt) & set(FUNCTIONS):
            what = ", ".join(map(repr, unknown)) or "no function"
            meant = did_you_mean(next(iter(unknown), None), FUNCTIONS)
            raise ProblemError(f"the mapping has {what}; expected some of {', '.join(FUNCTIONS)}, by these names{meant}")
        not_callable = next((key for key in attempt if key in FUNCTIONS and not callable(attempt[key])), None)
        if not_callable is not None:
            raise ProblemError(f"{not_callable} is {kind_of(attempt[not_callable])}; expected a function {FUNCTIONS[not_callable]}")
        return SimpleNamespace(**attempt)
    if callable(attempt) and name in FUNCTIONS and not isinstance(attempt, type):
        return SimpleNamespace(**{str(name): attempt})
    if any(callable(getattr(attempt, function, None)) for function in FUNCTIONS):
        return attempt
    what = f"{name} is {kind_of(attempt)} that" if isinstance(name, str) else kind_of(attempt)
    hint = f'; or say which it is: {{"train_step": {name}}}' if callable(attempt) and isinstance(name, str) else ""
    raise ProblemError(f"{what} has none of {SIGNATURES}; expected one of them at least{hint}")
