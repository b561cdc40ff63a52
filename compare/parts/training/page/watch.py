"""What watches a page: when each number is first there and changes, and what comes out where some are moved as soon as they are there."""

import re
import time
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from ....support.arrays import Array
from ..numbers import Numbers, numbers_of
from ..watch import Hooks, Measure, Pair, Seen, is_loss, same
from .names import is_gradient
from .shown import History, Shown, gone_to

_MOST_BEGUN = 4000      # rounds of loops, and calls
_SECONDS = 3.0
_ROOT = re.compile(r"[.\[]")      # what ends a variable's name in a path


def _numbers(module: dict[str, Any], inner: dict[str, Any], names: Collection[str] | None = None) -> dict[str, Numbers]:
    """Return all numbers of a page by path, also single integers, and gradients that a function has had among its own variables.

    Those of some variables alone, if their names are given.
    """
    found: dict[str, Numbers] = {}
    for name in [each for each in (module if names is None else names) if each in module and not each.startswith("__")]:
        if type(module[name]) is int:
            found[name] = Numbers(name, _getter(module, name), _putter(module, name), are_whole=True)
        else:      # each by itself: two may be one array
            space = _One(module, name)
            found |= numbers_of(space, space, {})
    for path, each in numbers_of(inner, inner, {}).items():
        found.setdefault(path, each)
    return found


class _One(dict[str, Any]):
    """One of the variables of a module, which is set there."""

    def __init__(self, module: dict[str, Any], name: str) -> None:
        super().__init__({name: module[name]})
        self._module = module

    def __setitem__(self, name: str, value: Any) -> None:
        """Set the variable in the module too."""
        super().__setitem__(name, value)
        self._module[name] = value


def _getter(module: dict[str, Any], name: str) -> Any:
    return lambda: np.array([module[name]], float)


def _putter(module: dict[str, Any], name: str) -> Any:
    return lambda new: module.__setitem__(name, float(new[0]))


class PageSurvey(Hooks):
    """Notes after which statements each number is another; `is_long` says that the file does more than a page would."""

    def __init__(self, module: dict[str, Any]) -> None:
        self.module, self.histories, self.inner = module, dict[str, History](), dict[str, Any]()
        self._before: dict[str, Array] = {}
        self.is_long, self._begun, self._until = False, 0, time.process_time() + _SECONDS

    def begins(self, line: int, is_call: bool, local: Any) -> None:
        """Count the rounds and calls."""
        self._begun += 1
        if self._begun > _MOST_BEGUN or time.process_time() > self._until:
            self.is_long = True
            raise Seen

    def ends(self, line: int, is_call: bool, local: Any) -> None:
        """Keep the gradients of a call."""
        _keep(self.inner, local, is_call)

    def after(self, number: int, is_loop: bool) -> None:
        """Note what is another since the last statement."""
        now = {path: each.get() for path, each in _numbers(self.module, self.inner).items()}
        for path, value in now.items():
            old = self._before.get(path)
            if old is None or not same(value, old):
                self.histories.setdefault(path, History()).note(number, old, value, is_loop=is_loop)
        self._before = now


class PageMeasure(Measure):
    """Moves numbers as soon as they are there; keeps the pairs of a page until the last statement that is looked at, and what is left.

    `births` has the statement after which each number is first there, and `shown` what the page shows of parameters: these are taken to end
    as it says.
    """

    def __init__(
        self, module: dict[str, Any], moved: Mapping[str, Array], births: Mapping[str, int], last: int, shown: Mapping[str, Shown]
    ) -> None:
        super().__init__(module, (0, False), 0, moved, set())
        self.births, self.last, self.shown, self.inner = births, last, shown, dict[str, Any]()
        self.made: dict[str, Array] = {}      # what each number is before it is moved
        self._depth = 1

    def begins(self, line: int, is_call: bool, local: Any) -> None:
        """Keep the arguments of a call as pairs."""
        if is_call:
            self._arguments(line, local)

    def ends(self, line: int, is_call: bool, local: Any) -> None:
        """Keep the gradients of a call."""
        _keep(self.inner, local, is_call)

    def after(self, number: int, is_loop: bool) -> None:
        """Move what the statement has made; after the last keep what is left, and end the run."""
        made = [path for path, birth in self.births.items() if birth == number]
        names = None if number == self.last else {_ROOT.split(path)[0] for path in made}
        found = _numbers(self.module, self.inner, names) if made or number == self.last else {}
        for path in made:
            if path not in found:
                continue
            self.made[path] = found[path].get()
            if found[path].are_whole:
                self.whole.add(path)
            if path in self.paths and self.paths[path].shape == self.made[path].shape:
                found[path].put(self.made[path] + self.paths[path])
        for path in made:      # some are parts of others
            if path in found:
                self.start[path] = found[path].get()
        if number == self.last:
            self.end = {path: each.get() for path, each in found.items()}
            self.losses = {path: float(value[0]) for path, value in self.end.items() if value.size == 1 and is_loss(path)}
            self.ends_with = [Pair((0, name), np.array(value), np.zeros(())) for name, value in self.losses.items()]
            there = {path: each for path, each in self.shown.items() if path in self.start and each.path in self.end}
            self.end |= {path: gone_to(self.start[path], self.end[each.path], each) for path, each in there.items()}
            raise Seen


def _keep(inner: dict[str, Any], local: Any, is_call: bool) -> None:
    if is_call:
        inner.update({name: value for name, value in local.items() if is_gradient(name)})
