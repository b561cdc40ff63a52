"""A class that a file defines and does not train: an object is made, and its methods are given drawn records, as whoever uses it would."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, product
from types import SimpleNamespace
from typing import Any

import numpy as np

from ...userfile.shapes.calls import LAYOUTS, roles_of
from ...userfile.shapes.class_calls import Calls, ways
from ...userfile.shapes.class_trial import methods
from ...userfile.shapes.making import makers
from ...userfile.shapes.spellings import BACK, FORWARD, STEP, UPDATE, ranked
from .watch import Hooks

_RECORDS, _RATE, _ROUNDS = 6, 0.1, 2
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


def _records(inputs: int, outputs: int) -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(_RECORDS, inputs)), np.eye(outputs)[np.arange(_RECORDS) % outputs]
    return x, random.uniform(0.1, 0.9, size=(_RECORDS, 1)) if outputs == 1 else y


def _made(each: Any, number: int) -> Any:
    """Return an object by the maker of that number; after the last by its defaults."""
    every: list[Callable[[Any, Any, float], Any]] = [maker for _, maker in makers(each)]
    return every[number](*_records(4, 3), _RATE) if number < len(every) else each()


def plans_of(space: Mapping[str, Any]) -> Iterator[Plan]:
    """Yield plans for the classes of a file, the likeliest first; they need not work."""
    for name, each in list(space.items()):
        if inspect.isclass(each) and each.__module__ == space["__name__"]:
            for number in range(len(list(makers(each))), -1, -1):
                try:
                    dims = _dims(_made(each, number))
                except Exception:      # whatever the file raises
                    continue
                yield from _plans(name, each, number, dims)


def _plans(name: str, each: Any, number: int, dims: list[int]) -> Iterator[Plan]:
    own = methods(each)
    steps, backs, updates, forwards = (ranked(own, spellings) for spellings in (STEP, BACK, UPDATE, FORWARD))
    forward = next((one for one in forwards if one not in steps), None)
    others = [one for one in own if one not in (*steps, *forwards) and _takes_targets(each, one)]
    sequences = [[step] for step in [*steps, *others]] + [[back, update] for back, update in product(backs, updates) if back != update]
    for sequence in sequences:
        takes = any(_takes_targets(each, method) for method in sequence)
        sizes = [(inputs, outputs) for inputs in dims for outputs in ([*reversed(dims), 1] if takes else [inputs])]
        every = ways(sequence, [LAYOUTS[layout] for layout in _LAYOUTS], forward, in_pairs=True)
        for calls, (inputs, outputs) in islice(product(every, sizes), _MOST):
            yield Plan(name, number, inputs, outputs, calls)


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
