"""A class that a file defines and does not train: an object is made, and its methods are given drawn records, as whoever uses it would."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from types import FunctionType, MethodType, SimpleNamespace
from typing import Any

import numpy as np

from ...userfile.shapes.calls import LAYOUTS, Layout, called, filled, parameters_of, roles_of
from ...userfile.shapes.classes.calls import Calls, ways
from ...userfile.shapes.classes.trial import methods
from ...userfile.shapes.making import choice_of_activations, makers
from ...userfile.shapes.spellings import BACK, FORWARD, STEP, UPDATE, ranked
from .chains import DRIVEN, Chain, chains_of
from .records import Rows, Words, takes_words, words_of
from .watch import Hooks

_RATE, _ROUNDS = 0.1, 2
_SMALL = 1e-3      # of an error that is handed over: what is clipped at 1 is not
_ERROR = re.compile(r"d_?(y|o|out|output|l|loss|a|z)\w*|.*(err|delta|grad|loss_?d)\w*", re.IGNORECASE)
_LAYOUTS = ("rows", "columns", "column", "vector", "list")
_MOST = 2000      # plans for some methods of a class
_MOST_UNITS = 64      # of a layer, that are told by a count


@dataclass(frozen=True)
class Made:
    """An object of the class of that name, by its maker of that number, by defaults after the last; the module where it has no name.

    The name may be that of a function that makes such an object. It may be given the name of an activation.
    """

    name: str
    number: int
    activation: str | None = None
    of_class: str = ""      # where a function makes it

    @property
    def said(self) -> str:
        """What it is, in words."""
        given = f" given {self.activation!r}" if self.activation else ""
        by = f", made by {self.name}" if self.of_class else ""
        return f"a class {self.of_class or self.name}{by}{given}" if self.name else "functions of its own"

    def __call__(self, space: Mapping[str, Any]) -> Any:
        """Make it in that namespace."""
        if not self.name:
            return SimpleNamespace(**{name: value for name, value in space.items() if inspect.isfunction(value)})
        every: list[Callable[[Any, Any, float], Any]] = [maker for _, maker in makers(space[self.name], activation=self.activation)]
        if self.number < len(every):
            return every[self.number](*Rows(4, 3)(), _RATE)
        stands = roles_of(space[self.name], constructs=True) if self.activation else {}
        return space[self.name](**{name: self.activation for name, what in stands.items() if what == "activation"})


@dataclass(frozen=True)
class Plan:
    """What is made, the methods that are called in a round, and the records that they are given."""

    made: Made
    drawn: Rows | Words
    calls: Calls

    @property
    def owner(self) -> str:
        """The name of the class."""
        return self.made.name

    @property
    def records(self) -> tuple[Any, ...]:
        """What is made and called, with which records and which form of targets."""
        return self.made, self.drawn.given, self.calls.names, self.calls.layout.name, self.calls.is_index, self.calls.form

    @property
    def said(self) -> str:
        """What is called, in words."""
        return f"{self.made.said} with {' and '.join(dict.fromkeys(self.calls.names))}, given {self.drawn.said or self.calls.layout.said}"

    def __call__(self, space: Mapping[str, Any], watch: Hooks) -> None:
        """Train for some rounds, each a region of line 0."""
        x, y = self.drawn()
        net = self.made(space)
        about: Any = SimpleNamespace(module=SimpleNamespace(__tree__=space["__tree__"]), strength=lambda n: 0.0, moving={})
        for _ in range(_ROUNDS):
            local = {"net": net, "x": x, "y": y}
            watch.begins(*DRIVEN, local)
            self.calls.made(about, net, x, y, _RATE)
            watch.ends(*DRIVEN, local)


@dataclass(frozen=True)
class ErrorPlan:
    """The same with a method that goes forward, and one that is handed the error of its output, in the argument of that name."""

    made: Made
    inputs: int
    layout: Layout
    forward: str
    back: str
    error: str

    @property
    def owner(self) -> str:
        """The name of the class."""
        return self.made.name

    @property
    def records(self) -> tuple[Any, ...]:
        """What is made and called, with which records."""
        return self.made, self.inputs, self.forward, self.back, self.layout.name

    @property
    def said(self) -> str:
        """What is called, in words."""
        return f"{self.made.said} with {self.forward} and {self.back}, given {self.layout.said} and output − target as {self.error}"

    def __call__(self, space: Mapping[str, Any], watch: Hooks) -> None:
        """Train for some rounds, each a region of line 0."""
        x, _ = Rows(self.inputs, 1)()
        net = self.made(space)
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


def plans_of(space: Mapping[str, Any]) -> Iterator[Plan | ErrorPlan | Chain]:
    """Yield plans for the classes of a file, and for its functions if it has matrices, the likeliest first; they need not work."""
    classes = {name: each for name, each in space.items() if inspect.isclass(each) and each.__module__ == space["__name__"]}
    made_by = {node.name: kind for node in space["__tree__"].body if (kind := _made_in(node)) in classes}
    for name, of_class in [*((name, "") for name in classes), *made_by.items()]:
        each = classes[of_class or name]
        numbers = range(len(list(makers(space[name]))), -1, -1)
        ways_made = [Made(name, number, given, of_class) for given in (None, *activations_of(name, space)[:1]) for number in numbers]
        every = [(made, dims) for made in ways_made if (dims := _dims_of(made, space)) is not None]
        for made, dims in sorted(every, key=lambda one: max(one[1], default=0) > _MOST_UNITS):      # what is large is slow
            lengths = [*_counts(vars(made(space))), 4] if takes_words(space["__tree__"], of_class or name) else []
            yield from _plans(made, each, methods(each), dims, lengths)
    if dims := _dims(space):
        functions = Made("", 0)(space)
        yield from _plans(Made("", 0), functions, ranked(vars(functions), (*STEP, *FORWARD)), dims)
    yield from chains_of(space)


def _made_in(node: ast.stmt) -> str | None:
    """Return the name of what a function returns an object of, as far as it does."""
    returns = [each.value for each in ast.walk(node) if isinstance(each, ast.Return)] if isinstance(node, ast.FunctionDef) else []
    return returns[-1].func.id if returns and isinstance(returns[-1], ast.Call) and isinstance(returns[-1].func, ast.Name) else None


def activations_of(name: str, space: Mapping[str, Any]) -> list[str]:
    """Return the names of activations that objects of the class of that name may be made with."""
    return choice_of_activations(SimpleNamespace(__tree__=space["__tree__"]), space.get(name))


def _dims_of(made: Made, space: Mapping[str, Any]) -> list[int] | None:
    """Return the sizes of the matrices in what is made; None where that cannot be made."""
    try:
        return _dims(vars(made(space)))
    except Exception:      # whatever the file raises
        return None


def _plans(made: Made, each: Any, own: list[str], dims: list[int], lengths: Sequence[int] = ()) -> Iterator[Plan | ErrorPlan]:
    steps, backs, updates, forwards = (ranked(own, spellings) for spellings in (STEP, BACK, UPDATE, FORWARD))
    forward = next((one for one in forwards if one not in steps), None)
    sizes = list(dict.fromkeys([*dims, 4, 3]))
    for back, layout, inputs in product(own if forward else (), LAYOUTS.values(), sizes):
        error = next((name for name in _arguments(each, back) if _ERROR.fullmatch(name)), None)
        if error is not None and forward is not None:
            yield ErrorPlan(made, inputs, layout, forward, back, error)
    others = [one for one in own if one not in (*steps, *forwards) and _takes_targets(each, one)]
    sequences = [[step] for step in [*steps, *others]] + [[back, update] for back, update in product(backs, updates) if back != update]
    for sequence in sequences if lengths else ():
        every = [each for each in ways(sequence, [LAYOUTS["rows"]], forward, in_pairs=False) if each.is_index]
        yield from (Plan(made, words, calls) for calls, words in product(every, words_of(lengths)))
    for sequence in sequences:
        takes = any(_takes_targets(each, method) for method in sequence)
        same, both = [(inputs, inputs) for inputs in sizes], [*product(sizes, [1, *reversed(sizes)])]
        every = list(ways(sequence, [LAYOUTS[layout] for layout in _LAYOUTS], forward, in_pairs=True))
        every = [calls for calls in every if takes or calls.is_paired or (calls.form == 0 and not calls.is_index)]
        if not any(_arguments(each, name) for name in (*sequence, *filter(None, [forward]))):      # it was made with its records
            every, same = [*{calls.names: calls for calls in reversed(every)}.values()], same[:1]
        drawn = ((calls, one) for calls in every for one in (both if takes or calls.is_paired else same))
        for calls, (inputs, outputs) in islice(drawn, _MOST):
            yield Plan(made, Rows(inputs, outputs), calls)
        for calls, (inputs, outputs) in product([each for each in every if each.layout.name in ("rows", "stack")] if takes else (), both):
            if not calls.is_index and calls.form == 0:
                yield Plan(made, Rows(inputs, outputs, of_one=True), calls)


def _arguments(each: Any, name: str) -> list[str]:
    """Return the names of a method's arguments but the object."""
    own = [parameter.name for parameter in parameters_of(getattr(each, name))]
    return own[1:] if inspect.isclass(each) else own


def _takes_targets(each: Any, method: str) -> bool:
    function = getattr(each, method)
    if inspect.isclass(each) and isinstance(inspect.getattr_static(each, method), FunctionType):      # the object is no argument
        function = MethodType(function, each)
    return bool({"y", "pairs"} & set(roles_of(function).values()))


def _dims(space: Mapping[str, Any]) -> list[int]:
    """Return the sizes of the matrices among variables, in order, and then small counts."""
    values = [value for name, value in space.items() if not name.startswith("__")]
    values += [each for value in values if isinstance(value, (list, tuple)) for each in value]
    values += [each for value in values if isinstance(value, dict) for each in value.values()]
    sizes = [size for each in values if isinstance(each, (np.ndarray, list)) for size in _shape(each)]
    return list(dict.fromkeys(sizes or _counts(space)))


def _counts(space: Mapping[str, Any]) -> list[int]:
    """Return the small counts among variables, or attributes."""
    counts = [value for name, value in space.items() if type(value) is int and 1 < value <= _MOST_UNITS and not name.startswith("__")]
    return list(dict.fromkeys(counts))


def _shape(value: Any) -> tuple[int, ...]:
    """Return the shape of a matrix of numbers, and none of anything else."""
    try:
        array = np.asarray(value, float)
    except (TypeError, ValueError):
        return ()
    return tuple(size for size in array.shape if size > 1) if array.ndim == 2 else ()
