"""A training step as a graph of stages, each with its formula on sampled numbers; a mistake replaces the formula of a stage.

The value of a stage is computed on demand and cached, for all runs with the same formulas in the stages that it was computed from.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any

import numpy as np

from ..formulas.sampled import Precision, Sampled
from ..problem.problem import Layer, Problem
from ..support.arrays import Array
from .formulas import KINDS, RIGHT, Formula

MOST_KEPT = 256 << 20  # bytes of cached values under wrong formulas; what is not cached is computed again
_OF_AN_ARRAY = 512     # bytes of the object around a small array
Place = tuple[str, int]  # (stage, layer); layers count from 1, and 0 is for stages of the whole step
Node = tuple[str, int, int]  # (stage, step, layer)
Formulas = Mapping[Place, Formula]
OF_THE_STEP = frozenset({"x", "y", "output", "loss", "probabilities", "term", "share", "error", "count", "together"})


@dataclass(frozen=True)
class Step:
    """One step of a probe: inputs (n, in), targets, learning rate, and the parameters before it, by name.

    `number` counts from 1 in its sequence of steps; `previous` is the index of the step before it among all steps, or None. `masks` are
    dropout's, (n, units), True where a unit is on, by the layer's number.
    """

    x: Array
    y: Array
    lr: float
    before: Mapping[str, Array]
    number: int = 1
    previous: int | None = None
    masks: Mapping[int, Any] = field(default_factory=dict)


_bits: dict[Place, int] = {}      # by place: one bit of its own


def _bit(place: Place) -> int:
    """Return the place's own bit: a set of places is one integer, which takes little memory and is fast to compare."""
    return _bits.setdefault(place, 1 << len(_bits))


def _mask(places: Iterable[Place]) -> int:
    """Return the set of places as an integer."""
    return reduce(or_, map(_bit, places), 0)


class Memory:
    """The cached values: by node, and by the wrong formulas among the places that the node was computed from.

    A wrong formula may read stages that the right one does not, so `reads` has the places that a node was computed from under any formula
    so far. `right` has the value without a wrong formula, as most are, and the places that it was computed from.
    """

    def __init__(self) -> None:
        self.reads: dict[Node, int] = {}
        self.right: dict[Node, tuple[Any, int]] = {}
        self.values: dict[tuple[Node, frozenset[tuple[Place, Formula]]], Any] = {}
        self.bytes = 0

    def keep(self, node: Node, formulas: frozenset[tuple[Place, Formula]], value: Any) -> None:
        """Cache the value of a node under these formulas; a full cache is emptied first."""
        self.bytes += _bytes_of(value)
        if self.bytes > MOST_KEPT:
            self.values.clear()
            self.bytes = 0
        self.values[node, formulas] = value


def _bytes_of(value: Any) -> int:
    """Return about the memory that the value takes."""
    if isinstance(value, Sampled):
        return 2 * _OF_AN_ARRAY + int(value.rows.nbytes)
    if isinstance(value, (tuple, list)):
        return sum(map(_bytes_of, value))
    if isinstance(value, Mapping):
        return sum(map(_bytes_of, value.values()))
    return value.bytes if isinstance(value, Run) else _OF_AN_ARRAY


class Run:
    """Some steps, computed with wrong formulas in some places and the right ones elsewhere.

    A node in `shown` has the user's array, from which the stages after it are computed: so each stage is judged by its own inputs. The
    value of a place in `known` is not computed at all.
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
        self._shown, self._shown_so_far = dict(shown or {}), dict[Node, Sampled]()
        self._first = self      # the run whose formulas the bounds of `shown` come from

    def _as_shown(self, node: Node) -> Sampled:
        """Return the node's shown array with a bound on its rounding, by which another call of the same file may differ.

        It is the bound of the right numbers; where the shown ones are larger it grows in proportion, but no further than the rounding that
        a number of that size can have from sums over all records and units: right numbers that cancel out say nothing of wrong ones.
        """
        if node not in self._shown_so_far:
            array, readers = self._shown[node], self._readers
            self._readers = []      # a stage that reads a shown array does not read the stages before that
            try:
                with np.errstate(all="ignore"):
                    own = self.worked_out(*node)
            finally:
                self._readers = readers
            terms = 4 * (len(self.steps[node[1]].x) + sum(self.problem.sizes))
            is_sampled = isinstance(own, Sampled)
            error = _error_at(own.value, own.error, array, self.precision.gamma(terms)) if is_sampled else np.zeros(array.shape)
            self._shown_so_far[node] = Sampled.off(array, np.where(np.isfinite(error), error, 0.0), self.precision)
        return self._shown_so_far[node]

    def reads_everything(self) -> None:
        """Note that the formula that calls this uses other runs, so that its value depends on every formula."""
        self._note(_mask((stage, layer) for stage in RIGHT for layer in range(self.depth + 1)))

    @property
    def bytes(self) -> int:
        """About the memory that its cached values take."""
        return self._memory.bytes + sum(_bytes_of(value) for value, _ in self._memory.right.values())

    def shown(self, stage: str, layer: int) -> list[Array]:
        """Return the shown arrays of a stage and layer, one for each step that shows it."""
        return [array for (name, _, place), array in self._shown.items() if (name, place) == (stage, layer)]

    def with_formulas(self, formulas: Formulas) -> "Run":
        """Return the run of the same steps with other formulas; both share their cache."""
        other = copy(self)
        other.formulas, other._every, other._mask = dict(formulas), frozenset(formulas.items()), _mask(formulas)
        other._readers = []
        return other

    def __call__(self, stage: str, step: int, layer: int = 0) -> Any:
        """Return the value that the stages after this one are computed from: the shown one, or the one by its formula."""
        if self._known and (stage, layer) in self._known:
            return self._known[stage, layer]
        node = stage, step, layer
        return self._first._as_shown(node) if node in self._shown else self.worked_out(*node)

    def worked_out(self, stage: str, step: int, layer: int = 0) -> Any:
        """Return the value of the stage by its formula."""
        memory, node = self._memory, (stage, step, layer)
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
        """Return the value of the stage by the right formula, from the run's values of the stages before it."""
        return RIGHT[stage](At(self, step, layer))

    def is_made_from(self, node: Node, formulas: Formulas) -> bool:
        """Return whether the right formulas compute the node from one of these places."""
        if node not in self._memory.right:
            with np.errstate(all="ignore"):
                self.with_formulas({}).worked_out(*node)
        _, reads = self._memory.right[node]
        return bool(reads & _mask(formulas))

    def _differing(self, reads: int) -> frozenset[tuple[Place, Formula]]:
        if not self._mask & ~reads:      # the usual case
            return self._every
        return frozenset(item for item in self.formulas.items() if _bit(item[0]) & reads)

    def _note(self, reads: int) -> None:
        if self._readers:
            self._readers[-1] |= reads

    def name(self, kind: str, layer: int) -> str:
        """Return the parameter's name in the problem."""
        return parameter_name(self.problem, kind, layer)


class At:
    """The step and the layer of a run that a formula is evaluated at: `at("z")` is that stage's value, `at("delta", 1)` the next layer's.

    Stages of the whole step, such as "x" and "output", have no layer. `now` is the step, with `records` records; `own` is the layer, with
    the activation `function`; `depth` is the number of layers.
    """

    def __init__(self, run: Run, step: int, layer: int) -> None:
        self.run, self.step, self.layer = run, step, layer
        self.problem, self.depth, self.now = run.problem, run.depth, run.steps[step]
        self.records = len(self.now.x)
        self.own: Layer = self.problem.layers[layer - 1]
        self.function = self.own.function

    def __call__(self, stage: str, layers_on: int = 0) -> Any:
        """Return the value of the stage here, or `layers_on` layers further."""
        return self.run(stage, self.step, 0 if stage in OF_THE_STEP else self.layer + layers_on)

    def right(self, stage: str) -> Any:
        """Return the value of the stage here by the right formula."""
        return RIGHT[stage](self.of(0) if stage in OF_THE_STEP else self)

    def of(self, layer: int) -> "At":
        """Return the same step at another layer."""
        return At(self.run, self.step, layer)

    @property
    def before(self) -> "At | None":
        """The same layer in the step before, or None at the first step."""
        return None if self.now.previous is None else At(self.run, self.now.previous, self.layer)

    def parameter(self, kind: str) -> Sampled:
        """Return a parameter before the step: weight (out, in), bias (out,)."""
        return self.exact(self.now.before[self.run.name(kind, self.layer)])

    def exact(self, array: Any, error: Array | float = 0.0) -> Sampled:
        """Return numbers with a bound of `error` in the run's precision."""
        return Sampled.off(array, error, self.run.precision)


def _error_at(right: Array, error: Array, shown: Array, relative: float) -> Array:
    """Return how far a shown array may be off, from the right one and how far this may be off."""
    most, largest = np.abs(right).max(initial=0.0), np.abs(shown).max(initial=0.0)
    larger = error * (largest / most) if most else error
    return np.asarray(np.maximum(error, np.minimum(larger, relative * largest)), dtype=np.float64)


def kinds(problem: Problem, layer: int) -> tuple[str, ...]:
    """Return the kinds of parameters of the layer."""
    return (KINDS[:2] if problem.bias else KINDS[:1]) + (KINDS[2:] if problem.layers[layer - 1].norm else ())


def places(problem: Problem) -> Iterator[tuple[str, int]]:
    """Yield the kind and the layer of each parameter, layer by layer."""
    return ((kind, layer) for layer in range(1, len(problem.layers) + 1) for kind in kinds(problem, layer))


def parameter_name(problem: Problem, kind: str, layer: int) -> str:
    """Return the problem's name of the layer's parameter of that kind: γ and β are the normalisation's weight and bias."""
    of = problem.layers[layer - 1]
    return {"weight": f"{of.linear}.weight", "bias": f"{of.linear}.bias", "gamma": f"{of.norm}.weight", "beta": f"{of.norm}.bias"}[kind]


def place_of(problem: Problem, name: str) -> tuple[str, int]:
    """Return the kind and the layer of the parameter of that name."""
    return next(place for place in places(problem) if parameter_name(problem, *place) == name)
