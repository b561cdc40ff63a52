"""A step of training as a graph of stages, each with its formula, in rounding's arithmetic.

A mistake puts another formula in a stage's place.

What a stage comes to is worked out when it is asked for and kept, for all runs that agree in the formulas of whatever it was made from.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from ..problem.problem import Layer, Problem
from ..rounding.arithmetic import Bounded, Precision
from ..support.arrays import Array
from .formulas import KINDS, RIGHT, Formula

MOST_KEPT = 256 << 20  # bytes of what stages come to under wrong formulas, which is worked out again where it is not kept
_OF_AN_ARRAY = 512     # bytes of an object that holds a small one
Place = tuple[str, int]  # (stage, layer); layers count from 1, and 0 is for what belongs to none
Node = tuple[str, int, int]  # (stage, step, layer)
Formulas = Mapping[Place, Formula]
OF_THE_STEP = frozenset({"x", "y", "output", "loss", "probabilities", "term", "share", "error", "count", "together"})


@dataclass(frozen=True)
class Step:
    """One step of a probe: inputs (n, in), targets, learning rate, and the parameters that it starts from, by name.

    `number` counts from 1 in its run of steps; `previous` is the index of the step before it among all steps, or None. `masks` are
    dropout's, (n, units), True where kept, by the layer's number.
    """

    x: Array
    y: Array
    lr: float
    before: Mapping[str, Array]
    number: int = 1
    previous: int | None = None
    masks: Mapping[int, Any] = field(default_factory=dict)


_bits: dict[Place, int] = {}


def _bit(place: Place) -> int:
    """The place's own bit: a set of places is one number, which takes little memory and is compared at once."""
    return _bits.setdefault(place, 1 << len(_bits))


def _mask(places: Iterable[Place]) -> int:
    """The bits of them all."""
    mask = 0
    for place in places:
        mask |= _bit(place)
    return mask


class Memory:
    """What stages have come to so far: by node, and by the formulas that differ from the right ones in what it was made from.

    A wrong formula may read what the right one does not, so `reads` holds the places that a node was made from under any formula so far,
    and `right` what it comes to where none differs, as for most stages, with what it was made from.
    """

    def __init__(self) -> None:
        self.reads: dict[Node, int] = {}
        self.right: dict[Node, tuple[Any, int]] = {}
        self.values: dict[tuple[Node, frozenset[tuple[Place, Formula]]], Any] = {}
        self.bytes = 0

    def keep(self, node: Node, formulas: frozenset[tuple[Place, Formula]], value: Any) -> None:
        """Keep what a node has come to under these formulas; where there is too much of it, from then on only what comes next."""
        self.bytes += _bytes_of(value)
        if self.bytes > MOST_KEPT:
            self.values.clear()
            self.bytes = 0
        self.values[node, formulas] = value


def _bytes_of(value: Any) -> int:
    """About as much as it takes up."""
    if isinstance(value, Bounded):
        return 2 * _OF_AN_ARRAY + int(value.value.nbytes + np.asarray(value.error).nbytes)
    if isinstance(value, (tuple, list)):
        return sum(map(_bytes_of, value))
    if isinstance(value, Mapping):
        return sum(map(_bytes_of, value.values()))
    return value.bytes if isinstance(value, Run) else _OF_AN_ARRAY


class Run:
    """The steps under some formulas that differ from the right ones.

    Where `shown` has a node, that is what comes after it is worked out from: each stage then is judged by its own inputs. What is `known`
    of a place is not worked out at all.
    """

    def __init__(
        self,
        problem: Problem,
        steps: Sequence[Step],
        formulas: Formulas | None = None,
        *,
        shown: Mapping[Node, Array] | None = None,
        known: Mapping[Place, Any] | None = None,
        precision: Precision | None = None,
    ) -> None:
        self.problem, self.steps = problem, steps
        self.formulas = dict(formulas or {})
        self._every, self._mask = frozenset(self.formulas.items()), _mask(self.formulas)
        self.precision = precision or Precision(problem.dtype)
        self.depth = len(problem.layers)
        self._memory, self._known = Memory(), known or {}
        self._readers: list[int] = []
        self._shown, self._shown_so_far = dict(shown or {}), dict[Node, Bounded]()
        self._first = self      # whose formulas what was shown is judged by

    def _as_shown(self, node: Node) -> Bounded:
        """What was shown, with the rounding that is honest in it: by so much another call of the same file may differ.

        It is that of the right numbers, or as many times as much as what was shown is larger, and then no more than a number of that size
        can have got from sums over all records and units: right numbers that cancel out say nothing of wrong ones.
        """
        if node not in self._shown_so_far:
            array, readers = self._shown[node], self._readers
            self._readers = []      # who reads what was shown does not read what that was made from
            try:
                with np.errstate(all="ignore"):
                    own = self._value(node)
            finally:
                self._readers = readers
            terms = 4 * (len(self.steps[node[1]].x) + sum(self.problem.sizes))
            error = _error_at(own, array, self.precision.gamma(terms)) if isinstance(own, Bounded) else np.float64(0.0)
            error = np.broadcast_to(error, array.shape)
            self._shown_so_far[node] = Bounded(array.astype(np.float64), self.precision, np.where(np.isfinite(error), error, 0.0))
        return self._shown_so_far[node]

    def reads_everything(self) -> None:
        """To be called by a formula that makes use of other runs: what it comes to depends on every formula."""
        self._note(_every_place(self.depth))

    @property
    def bytes(self) -> int:
        """About as much as what it has worked out takes up."""
        return self._memory.bytes + sum(_bytes_of(value) for value, _ in self._memory.right.values())

    def shown(self, stage: str, layer: int) -> list[Array]:
        """The numbers that were shown of a stage and layer, of each step that shows it."""
        return [array for (name, _, place), array in self._shown.items() if (name, place) == (stage, layer)]

    def with_formulas(self, formulas: Formulas) -> "Run":
        """The same steps under other formulas; what both have in common is worked out once."""
        other = object.__new__(Run)
        own = {"formulas": dict(formulas), "_every": frozenset(formulas.items()), "_mask": _mask(formulas), "_readers": []}
        other.__dict__ |= self.__dict__ | own
        return other

    def __call__(self, stage: str, step: int, layer: int = 0) -> Any:
        """What the stages after it are made from: what was shown, or what it comes to."""
        if self._known and (stage, layer) in self._known:
            return self._known[stage, layer]
        node = stage, step, layer
        return self._first._as_shown(node) if node in self._shown else self._value(node)

    def worked_out(self, stage: str, step: int, layer: int = 0) -> Any:
        """What the stage comes to by its formula."""
        return self._value((stage, step, layer))

    def _value(self, node: Node) -> Any:
        memory, (stage, step, layer) = self._memory, node
        value, reads = memory.right.get(node, (None, None))
        if reads is None or reads & self._mask:
            reads = memory.reads.get(node)
            value = None if reads is None else memory.values.get((node, self._differing(reads)))
        if value is not None and reads is not None:
            self._note(reads)
            return value
        self._readers.append(_bit((stage, layer)))
        try:
            value = self.formulas.get((stage, layer), RIGHT[stage])(At(self, step, layer))
        finally:
            own = self._readers.pop()
        reads = memory.reads[node] = memory.reads.get(node, 0) | own
        if own & self._mask:
            memory.keep(node, self._differing(reads), value)
            self._note(reads)
        else:
            memory.right[node] = value, own
            self._note(own)
        return value

    def right(self, stage: str, step: int, layer: int = 0) -> Any:
        """What the stage would come to by the right formula, from what the run has for the stages before it."""
        return RIGHT[stage](At(self, step, layer))

    def is_made_from(self, node: Node, formulas: Formulas) -> bool:
        """Whether the node is made from a place of these, by the right formulas."""
        if node not in self._memory.right:
            with np.errstate(all="ignore"):
                self.with_formulas({})._value(node)
        _, reads = self._memory.right[node]
        return bool(reads & _mask(formulas))

    def _differing(self, reads: int) -> frozenset[tuple[Place, Formula]]:
        if not self._mask & ~reads:      # as it mostly is
            return self._every
        return frozenset(item for item in self.formulas.items() if _bit(item[0]) & reads)

    def _note(self, reads: int) -> None:
        if self._readers:
            self._readers[-1] |= reads

    def name(self, kind: str, layer: int) -> str:
        """The name that the parameter has in the problem."""
        return parameter_name(self.problem, kind, layer)


@dataclass(frozen=True)
class At:
    """Where a formula stands, a step and a layer of a run: `at("z")` is what that stage comes to there, `at("delta", 1)` a layer on.

    What belongs to the whole step, such as "x" or "output", has no layer.
    """

    run: Run
    step: int
    layer: int

    def __call__(self, stage: str, layers_on: int = 0) -> Any:
        """What the stage comes to here, or so many layers on."""
        return self.run(stage, self.step, 0 if stage in OF_THE_STEP else self.layer + layers_on)

    def right(self, stage: str) -> Any:
        """What the stage would come to here by the right formula."""
        return RIGHT[stage](At(self.run, self.step, 0) if stage in OF_THE_STEP else self)

    def of(self, layer: int) -> "At":
        """The same of another layer."""
        return At(self.run, self.step, layer)

    @property
    def before(self) -> "At | None":
        """The same in the step before, if there was one."""
        previous = self.now.previous
        return None if previous is None else At(self.run, previous, self.layer)

    @property
    def now(self) -> Step:
        """What the step was given."""
        return self.run.steps[self.step]

    @property
    def records(self) -> int:
        """The number of records in the step's batch."""
        return len(self.now.x)

    @property
    def problem(self) -> Problem:
        """The run's."""
        return self.run.problem

    @property
    def depth(self) -> int:
        """The number of layers."""
        return self.run.depth

    @property
    def own(self) -> Layer:
        """The layer itself."""
        return self.problem.layers[self.layer - 1]

    @property
    def function(self) -> str:
        """The name of the layer's activation."""
        return self.own.function

    def parameter(self, kind: str) -> Bounded:
        """A parameter as the step finds it: weight (out, in), bias (out,)."""
        return self.exact(self.now.before[self.run.name(kind, self.layer)])

    def exact(self, array: Any, error: Array | float = 0.0) -> Bounded:
        """Numbers that are known, but for `error`, in the run's precision."""
        return Bounded(np.asarray(array, dtype=np.float64), self.run.precision, error)


def _error_at(right: Bounded, shown: Array, relative: float) -> Array:
    most, largest = np.abs(right.value).max(initial=0.0), np.abs(shown).max(initial=0.0)
    larger = right.error * (largest / most) if most else right.error
    return np.asarray(np.maximum(right.error, np.minimum(larger, relative * largest)), dtype=np.float64)


@cache
def _every_place(depth: int) -> int:
    return _mask((stage, layer) for stage in RIGHT for layer in range(depth + 1))


def kinds(problem: Problem, layer: int) -> tuple[str, ...]:
    """The kinds of parameters that the layer has."""
    own = KINDS[:2] if problem.bias else KINDS[:1]
    return own + (KINDS[2:] if problem.layers[layer - 1].norm else ())


def places(problem: Problem) -> Iterator[tuple[str, int]]:
    """The kind and the layer of every parameter, layer by layer."""
    for layer in range(1, len(problem.layers) + 1):
        yield from ((kind, layer) for kind in kinds(problem, layer))


def parameter_name(problem: Problem, kind: str, layer: int) -> str:
    """The name that the layer's parameter of that kind has in the problem: normalisation's γ and β are its weight and bias."""
    of = problem.layers[layer - 1]
    return {"weight": f"{of.linear}.weight", "bias": f"{of.linear}.bias", "gamma": f"{of.norm}.weight", "beta": f"{of.norm}.bias"}[kind]


def place_of(problem: Problem, name: str) -> tuple[str, int]:
    """The kind and the layer of the parameter of that name."""
    return next(place for place in places(problem) if parameter_name(problem, *place) == name)
