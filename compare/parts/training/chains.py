"""Functions that hand values on by their names: what one returns as `w1` others take as `w1`, and what none returns is drawn."""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from ...userfile.shapes.calls import NOTHING, called, parameters_of, returned, roles_of
from ...userfile.shapes.spellings import is_bias
from .page.names import is_parameter
from .watch import Hooks

DRIVEN = 0, True      # the region of a round
_RECORDS, _INPUTS, _OUTPUTS, _RATE, _ROUNDS = 6, 4, 3, 0.1, 2
_COUNT = re.compile(r"(n|num|number|no)_?(of)?_?[a-z]+|[a-z]+_?(count|num)", re.IGNORECASE)
_Function = Callable[..., Any]

_FORMS: Mapping[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {      # how records are made of rows, and of which shape weights are
    "numbers, or records in rows": (lambda rows: rows, ()),
    "records in lists": (lambda rows: rows.tolist(), ()),
    "one record at a time, in a list": (lambda rows: rows[0].tolist(), ()),
    "numbers": (lambda rows: float(rows[0, 0]), ()),
    "records in rows": (lambda rows: rows, (_INPUTS, _OUTPUTS)),
}


@dataclass(frozen=True)
class Chain:
    """The functions of the module, or of the class of that name, one after the other, with values in one of the forms."""

    owner: str
    form: str

    @property
    def records(self) -> tuple[Any, ...]:
        """What is called, with which values."""
        return self.owner, self.form

    @property
    def said(self) -> str:
        """What is called, in words."""
        whose = f"the functions of a class {self.owner}" if self.owner else "its functions"
        return f"{whose}, each given what others return under the names of its arguments, and {self.form}"

    def __call__(self, space: Mapping[str, Any], watch: Hooks) -> None:
        """Call all that run, and then for some rounds, each a region of line 0, those that take what others return."""
        module, values = SimpleNamespace(__tree__=space["__tree__"]), SimpleNamespace()
        every, running = functions_of(space, self.owner), list[tuple[str, _Function]]()
        names = {name: {each.name for each in parameters_of(function)} for name, function in every.items()}
        taken = {name: set().union(*(names[other] for other in names if other != name)) for name in names}
        for name, function in every.items():
            try:
                self._call(module, name, function, values)
            except Exception:      # whatever the file raises
                if {*returned(module, name)} & taken[name]:      # the others would go on with something else
                    raise
                continue
            running.append((name, function))
        given = {each for name, _ in running for each in returned(module, name)} - {""}
        fed = [(name, function) for name, function in running if given & names[name]]
        for _ in range(_ROUNDS if fed else 0):
            local = {"net": values}
            watch.begins(*DRIVEN, local)
            for name, function in fed:
                self._call(module, name, function, values)
            watch.ends(*DRIVEN, local)

    def leaves(self, space: Mapping[str, Any], path: str) -> bool:
        """Return whether the path is that of a drawn bias which no function returns: the file has no step of it."""
        module, name = SimpleNamespace(__tree__=space["__tree__"]), path.removeprefix("net.")
        return is_bias(name) and not any(name in returned(module, each) for each in functions_of(space, self.owner))

    def _call(self, module: Any, name: str, function: _Function, values: SimpleNamespace) -> None:
        """Call a function with the values of these names, and keep what it returns under the names in its return."""
        for each, value in self._drawn(function).items():
            vars(values).setdefault(each, value)
        own = [each.name for each in parameters_of(function) if each.name in vars(values)]
        answer = called(function, {**_settings(function), **{each: getattr(values, each) for each in own}})
        names = returned(module, name)
        answers = answer if len(names) > 1 and isinstance(answer, tuple) else (answer,)
        vars(values).update({each: value for each, value in zip(names, answers, strict=False) if each and value is not None})

    def _drawn(self, function: _Function) -> dict[str, Any]:
        """Return drawn values for arguments without defaults that are weights, records or targets by their names, or numbers."""
        make, shape = _FORMS[self.form]
        random = np.random.default_rng(0)
        rows = {"x": random.normal(size=(_RECORDS, _INPUTS)), "y": np.eye(_OUTPUTS)[np.arange(_RECORDS) % _OUTPUTS] * 0.8 + 0.1}
        roles, found = roles_of(function), dict[str, Any]()
        for each in parameters_of(function):
            if each.default is not each.empty or each.name in _settings(function):
                continue
            random = np.random.default_rng(list(each.name.encode()))      # the same for one name in each function
            if (what := roles[each.name]) in rows and not is_parameter(each.name):
                found[each.name] = make(rows[what])
            else:
                found[each.name] = random.normal(size=shape) if shape else float(random.normal())
        return found


def _settings(function: _Function) -> dict[str, Any]:
    """Return values for arguments without defaults that say how it trains."""
    known, roles = {**NOTHING, "lr": _RATE}, roles_of(function)
    own = [each.name for each in parameters_of(function) if each.default is each.empty and not is_parameter(each.name)]
    counts = {name: 1 for name in own if roles[name] not in known and _COUNT.fullmatch(name)}
    return counts | {name: known[str(roles[name])] for name in own if roles[name] in known}


def chains_of(space: Mapping[str, Any]) -> Iterator[Chain]:
    """Yield the chains of classes that are called without objects, and of the module."""
    owners = [name for name, each in space.items() if inspect.isclass(each) and each.__module__ == space["__name__"]]
    for owner in (*owners, ""):
        if functions_of(space, owner):
            yield from (Chain(owner, form) for form in _FORMS)


def functions_of(space: Mapping[str, Any], owner: str) -> dict[str, _Function]:
    """Return the functions of the module, or those of the class that take no object."""
    if owner:
        each = space[owner]
        return {name: getattr(each, name) for name, value in vars(each).items() if isinstance(value, (staticmethod, classmethod))}
    return {name: each for name, each in space.items() if inspect.isfunction(each) and each.__module__ == space["__name__"]}
