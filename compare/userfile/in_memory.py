"""Functions that are at hand, in a module, a mapping or an object: called as a file's are, and what they keep left as it was."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from ..support.errors import ProblemError
from .declared import checked_conventions, checked_problem
from .file import FUNCTIONS, SIGNATURES, Attempt
from .imports import Imports
from .source import Source, UnusableFileError
from .state import Place, captured_by, file_of, get, put

_DECLARED = ("PROBLEM", "CONVENTIONS")


class Functions(Attempt):
    """Functions of the contract: a module's, a mapping's, an object's, those of a class made without arguments, or one by its own name.

        Functions({"train_step": train_step}).call("train_step", params, x, y, lr)

    What they keep from call to call, in their module, their closures or their object, is this one's own copy, made at the start; what
    the caller has is not changed. Raises ProblemError for what has no such function.
    """

    def __init__(self, given: Any, places: list[Place] | None = None, seed: int = 0) -> None:
        self._given, self.adapter = given, None
        self._begin(seed)
        self._places: list[Place] = []
        self._values: list[Any] = []
        copies: dict[int, Any] = {}
        self.module = self._offering = _offering(given)
        self._locate()
        if isinstance(given, type):
            self._offering = self._made(given)
        elif not isinstance(given, ModuleType):
            self._offering, fault = _copied(self._offering, copies)
            self.notes += [f"what you keep is not started anew: a {type(given).__name__} cannot be copied ({fault})"] if fault else []
        self._names = tuple(name for name in FUNCTIONS if callable(self._named(name)))
        self._places = captured_by([self._named(name) for name in self._names]) if places is None else places
        self._values = [_copied(get(*place), copies)[0] for place in self._places]
        self.problem = checked_problem(self._declared("PROBLEM"), self.name)
        self.conventions = checked_conventions(self._declared("CONVENTIONS"), self.name)

    def fresh(self) -> "Functions":
        """The same functions, with what they keep as it is with the caller."""
        self._process.seed += 1
        return self._as_fresh(Functions(self._given, self._places, self._process.seed))

    def _locate(self) -> None:
        """The file in which the first of them stands, if it stands in one; its lines are those that are told and followed."""
        functions = [value for name in FUNCTIONS if callable(value := self._named(name))]
        sources: dict[str, Source] = {}
        for file in filter(None, map(file_of, functions)):
            try:
                source = Source.read(Path(file).absolute())
            except UnusableFileError:      # typed at a prompt
                continue
            sources[file] = sources[str(source.path)] = source
        first = next(iter(sources.values()), None)
        self.path = first.path if first else Path(getattr(self._given, "__name__", type(self._given).__name__))
        self.name = self.path.name
        self._imports = _Present(self.path, self.notes)
        self._imports.attempt.sources.update(sources)

    def _made(self, given: type) -> Any:
        try:
            return given()
        except TypeError as error:
            raise ProblemError(
                f"{given.__name__} cannot be made without arguments ({error}); expected an object of it, or a class that can"
            ) from None

    def _run(
        self, function: str, target: Any, *args: Any, watch: AbstractContextManager[None] | None = None, path: Path | None = None
    ) -> Any:
        """As a file's, with its own copies in the places where the functions keep something."""
        with self._its_own():
            return super()._run(function, target, *args, watch=watch, path=path)

    @contextmanager
    def _its_own(self) -> Iterator[None]:
        callers = [get(*place) for place in self._places]
        for place, value in zip(self._places, self._values, strict=True):
            put(*place, value)
        try:
            yield
        finally:
            self._values = [get(*place) for place in self._places]
            for place, value in zip(self._places, callers, strict=True):
                put(*place, value)


class _Present(Imports):
    """The modules of functions that are imported already."""

    @contextmanager
    def active(self) -> Iterator[None]:
        """They are there as they are."""
        yield


def _copied(value: Any, copies: dict[int, Any]) -> tuple[Any, str | None]:
    """A deep copy; where there can be none, the value itself and the reason."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return deepcopy(value, copies), None
    except Exception as error:      # whatever an object's own way of being copied raises
        return value, f"{type(error).__name__}: {error}"


def _offering(given: Any) -> Any:
    """What has the functions as attributes."""
    name = getattr(given.func if isinstance(given, partial) else given, "__name__", None)
    if isinstance(given, Mapping):
        unknown = [key for key in given if key not in FUNCTIONS and key not in _DECLARED]
        if unknown or not set(given) & set(FUNCTIONS):
            what = ", ".join(map(repr, unknown)) or "no function"
            raise ProblemError(f"the mapping has {what}; expected some of {', '.join(FUNCTIONS)}, by these names")
        not_callable = next((key for key in given if key in FUNCTIONS and not callable(given[key])), None)
        if not_callable is not None:
            raise ProblemError(f"{not_callable} is a {type(given[not_callable]).__name__}; expected a function {FUNCTIONS[not_callable]}")
        return SimpleNamespace(**given)
    if callable(given) and name in FUNCTIONS and not isinstance(given, type):
        return SimpleNamespace(**{str(name): given})
    if any(callable(getattr(given, function, None)) for function in FUNCTIONS):
        return given
    what = f"{name} is a {type(given).__name__} that" if isinstance(name, str) else f"a {type(given).__name__}"
    hint = f'; or say which it is: {{"train_step": {name}}}' if callable(given) and isinstance(name, str) else ""
    raise ProblemError(f"{what} has none of {SIGNATURES}; expected one of them at least{hint}")
