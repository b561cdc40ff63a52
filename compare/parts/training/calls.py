"""A class that a file defines and does not train: an object is made, and its methods are given drawn records, as whoever uses it would."""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, product
from types import SimpleNamespace
from typing import Any

import numpy as np

from ...userfile.shapes.calls import LAYOUTS, Layout, called, filled, parameters_of, roles_of
from ...userfile.shapes.class_calls import Calls, ways
from ...userfile.shapes.class_trial import methods
from ...userfile.shapes.making import makers
from ...userfile.shapes.spellings import BACK, FORWARD, STEP, UPDATE, ranked
from .watch import Hooks

_RECORDS, _RATE, _ROUNDS = 6, 0.1, 2
_SMALL = 1e-3      # of an error that is handed over: what is clipped at 1 is not
_ERROR = re.compile(r"d_?(y|o|out|output|l|loss|a|z)\w*|.*(err|delta|grad|loss_?d)\w*", re.IGNORECASE)
_LAYOUTS = ("rows", "columns", "column", "vector", "list")
DRIVEN = 0, True      # the region of a round
_MOST = 400      # plans for some methods of a class


@dataclass(frozen=True)
class Plan:
    """An object of the class, by the maker of that number, with so many inputs and outputs, and the methods that are called in a round."""

    name: str
    maker: int
    inputs: int
    outputs: int
    calls: Calls

    @property
    def said(self) -> str:
        """What is called, in words."""
        return f"a class {self.name} with {' and '.join(dict.fromkeys(self.calls.names))}, given {self.calls.layout.said}"

    def __call__(self, space: Mapping[str, Any], watch: Hooks) -> None:
        """Make the object and train it for some rounds, each a region of line 0."""
        x, y = _records(self.inputs, self.outputs)
        net = _made(space[self.name], self.maker)
        about: Any = SimpleNamespace(module=SimpleNamespace(__tree__=space["__tree__"]), strength=lambda n: 0.0, moving={})
        for _ in range(_ROUNDS):
            local = {"net": net, "x": x, "y": y}
            watch.begins(*DRIVEN, local)
            self.calls.made(about, net, x, y, _RATE)
            watch.ends(*DRIVEN, local)


@dataclass(frozen=True)
class ErrorPlan:
    """The same with a method that goes forward, and one that is handed the error of its output, in the argument of that name."""

    name: str
    maker: int
    inputs: int
    layout: Layout
    forward: str
    back: str
    error: str

    @property
    def said(self) -> str:
        """What is called, in words."""
        return f"a class {self.name} with {self.forward} and {self.back}, given {self.layout.said} and output − target as {self.error}"

    def __call__(self, space: Mapping[str, Any], watch: Hooks) -> None:
        """Make the object and train it for some rounds, each a region of line 0."""
        x, _ = _records(self.inputs, 1)
        net = _made(space[self.name], self.maker)
        given = self.layout.make(x if self.layout.is_whole else x[0])
        wanted: Any = None
        for _ in range(_ROUNDS):
            local = {"net": net, "x": given, "y": wanted}
            watch.begins(*DRIVEN, local)
            forward, back = getattr(net, self.forward), getattr(net, self.back)
            answer = called(forward, filled(forward, {"x": given}))
            output = answer[0] if isinstance(answer, tuple) else answer
            if wanted is None:
                wanted = np.random.default_rng(1).normal(size=np.shape(output))
            error = _SMALL * watch.minus(0, 0, np.asarray(output), wanted)
            called(back, filled(back, {"x": given, "lr": _RATE}, {self.error: error}))
            watch.ends(*DRIVEN, local)


def _records(inputs: int, outputs: int) -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(_RECORDS, inputs)), np.eye(outputs)[np.arange(_RECORDS) % outputs]
    return x, random.uniform(0.1, 0.9, size=(_RECORDS, 1)) if outputs == 1 else y


def _made(each: Any, number: int) -> Any:
    """Return an object by the maker of that number; after the last by its defaults."""
    every: list[Callable[[Any, Any, float], Any]] = [maker for _, maker in makers(each)]
    return every[number](*_records(4, 3), _RATE) if number < len(every) else each()


def plans_of(space: Mapping[str, Any]) -> Iterator[Plan | ErrorPlan]:
    """Yield plans for the classes of a file, the likeliest first; they need not work."""
    for name, each in list(space.items()):
        if inspect.isclass(each) and each.__module__ == space["__name__"]:
            for number in range(len(list(makers(each))), -1, -1):
                try:
                    dims = _dims(_made(each, number))
                except Exception:      # whatever the file raises
                    continue
                yield from _plans(name, each, number, dims)


def _plans(name: str, each: Any, number: int, dims: list[int]) -> Iterator[Plan | ErrorPlan]:
    own = methods(each)
    steps, backs, updates, forwards = (ranked(own, spellings) for spellings in (STEP, BACK, UPDATE, FORWARD))
    forward = next((one for one in forwards if one not in steps), None)
    errors = [(one, next((each for each in stands if _ERROR.fullmatch(each)), None)) for one, stands in _arguments(each, own)]
    if forward is not None:
        for (back, error), layout, inputs in product(errors, LAYOUTS.values(), dims):
            if error is not None:
                yield ErrorPlan(name, number, inputs, layout, forward, back, error)
    others = [one for one in own if one not in (*steps, *forwards) and _takes_targets(each, one)]
    sequences = [[step] for step in [*steps, *others]] + [[back, update] for back, update in product(backs, updates) if back != update]
    for sequence in sequences:
        takes = any(_takes_targets(each, method) for method in sequence)
        sizes = [(inputs, outputs) for inputs in dims for outputs in ([*reversed(dims), 1] if takes else [inputs])]
        every = ways(sequence, [LAYOUTS[layout] for layout in _LAYOUTS], forward, in_pairs=True)
        for calls, (inputs, outputs) in islice(product(every, sizes), _MOST):
            yield Plan(name, number, inputs, outputs, calls)


def _arguments(each: Any, own: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the names of a method's arguments but the object, by its name."""
    for name in own:
        yield name, [parameter.name for parameter in parameters_of(getattr(each, name))][1:]


def _takes_targets(each: Any, method: str) -> bool:
    return bool({"y", "pairs"} & set(roles_of(getattr(each, method)).values()))


def _dims(root: Any) -> list[int]:
    """Return the sizes of the matrices in an object, in order, and those that it may have been made with."""
    values = list(vars(root).values())
    values += [each for value in values if isinstance(value, (list, tuple)) for each in value]
    values += [each for value in values if isinstance(value, dict) for each in value.values()]
    sizes = [size for each in values if isinstance(each, (np.ndarray, list)) for size in _shape(each)]
    return list(dict.fromkeys([*sizes, 4, 3]))


def _shape(value: Any) -> tuple[int, ...]:
    """Return the shape of a matrix of numbers, and none of anything else."""
    try:
        array = np.asarray(value, float)
    except (TypeError, ValueError):
        return ()
    return tuple(size for size in array.shape if size > 1) if array.ndim == 2 else ()
