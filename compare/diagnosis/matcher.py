"""Why a file is wrong: the mistakes that make just the numbers which it shows, within rounding."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, combinations, islice, product

import numpy as np

from ..formulas.sampled import Precision, Sampled
from ..problem.problem import Problem
from ..support.arrays import Array
from .catalogue import CATALOGUE
from .graph import Formulas, Node, Run, Step
from .mistake import Cause, Mistake
from .patience import check_patience
from .scale import scale_causes

_RECORDS = {("x", 0), ("y", 0)}
_ANSWERS = frozenset({"z", "a", "output", "probabilities", "loss"})
_OF_THE_UPDATE = ("_velocity", "_step", "_added", "_after")
_LOOK_ALIKE = {"gradient-clipped": "velocity-clipped"}      # the measured mistake after which the other is looked for, too
_Made = tuple[Cause, Sampled | None]      # a mistake, and a node under it
MOST_PAIRS = 60_000  # that are tried at a node, so that the search in a network of many layers ends too
_FAR = 1e12      # u of a node's largest number, 1e-4 of it in float64: farther off is no rounding


@dataclass(frozen=True)
class Explanation:
    """Mistakes that together, each in its layers, make the numbers which are shown."""

    causes: tuple[Cause, ...]

    @cached_property
    def formulas(self) -> Formulas:
        """The formulas of all of them, by place."""
        return {place: formula for cause in self.causes for place, formula in cause.formulas.items()}


class Matcher:
    """The search for mistakes that explain the numbers which an implementation shows of some steps.

    `shown` maps each node to the array that is shown of it, in the order of computation. A stage in `answers` may have been computed from
    the records that were passed in, although the update used other records.
    """

    def __init__(
        self,
        problem: Problem,
        steps: Sequence[Step],
        shown: Mapping[Node, Array],
        catalogue: Iterable[Mistake] = CATALOGUE,
        answers: frozenset[str] = _ANSWERS,
    ) -> None:
        self.problem, self.shown, self.answers = problem, dict(shown), answers
        self.right = Run(problem, steps, shown=shown)
        self._number_of_steps = len(steps)
        self._catalogue = tuple(catalogue)
        self._in_search_order = sorted(self.shown, key=lambda node: node[1])      # the first step first: most mistakes show there
        self._made: dict[Node, tuple[list[_Made], Iterator[_Made]]] = {}      # nodes under the mistakes tried so far, and those to come

    def with_shown(self, shown: Mapping[Node, Array]) -> "Matcher":
        """Return a matcher of the same steps and mistakes for other shown numbers."""
        return self._with(shown, self.answers)

    def apart_from_the_update(self) -> "Matcher":
        """Return a matcher that computes what is shown before the update apart from it, at the problem's learning rate.

        The update may use another gradient than the one shown, and functions that show earlier stages may not get the learning rate.
        """
        steps, own = self.right.steps, len(self.right.steps)
        before = [replace(facts, lr=self.problem.lr) for facts in steps]
        after = [facts if facts.previous is None else replace(facts, previous=own + facts.previous) for facts in steps]
        shown: dict[Node, Array] = {}
        for (stage, step, layer), array in self.shown.items():
            index = own + step if is_of_the_update(stage) else step
            shown[stage.replace("_used", "_answered"), index, layer] = array
        return self._with(shown, frozenset(node[0] for node in shown if node[1] < own), before + after)

    def _with(self, shown: Mapping[Node, Array], answers: frozenset[str], steps: Sequence[Step] | None = None) -> "Matcher":
        other = Matcher(self.problem, steps or self.right.steps, shown, self._catalogue, answers)
        other.causes, other._number_of_steps = self.causes, self._number_of_steps
        return other

    def number(self, node: Node) -> int:
        """Return the number of the node's step, from 1."""
        _, step, _ = node
        return step % self._number_of_steps + 1      # `apart_from_the_update` doubles the steps

    def singles(self) -> list[Explanation]:
        """Return every single mistake that explains all numbers, in the catalogue's order; slow ones only if there are no others."""
        wrong = self.first_wrong({})
        if wrong is None:
            return []
        near = self._near(wrong)
        for is_slow in (False, True):
            causes = [cause for cause in near if cause.mistake.slow == is_slow and self._matches(wrong, cause.formulas)]
            if found := [Explanation((cause,)) for cause in causes if self.explains(cause.formulas)]:
                return _fewest_places(found)
        return []

    def scales(self) -> list[Explanation]:
        """Return the first measured factor or number that explains all numbers, and one that one step does not tell from it."""
        wrong = self.first_wrong({})
        measured = iter(scale_causes(self.right, wrong, self.shown[wrong]) if wrong else ())
        first = next((cause for cause in measured if self.explains(cause.formulas)), None)
        alike = (cause for cause in measured if first and cause.id == _LOOK_ALIKE.get(first.id) and self.explains(cause.formulas))
        return [Explanation((cause,)) for cause in (first, next(alike, None)) if cause]

    def pairs(self) -> list[Explanation]:
        """Return every two mistakes in different places that together explain all numbers; with a slow one only if there are no others.

        Either one of them alone explains the first wrong node, or both affect it, so that few pairs are tried at the other nodes.
        """
        wrong = self.first_wrong({})
        if wrong is None:
            return []
        causes = [cause for cause in self.causes if not cause.mistake.alone]
        near = [cause for cause in self._near(wrong) if not cause.mistake.alone]
        quick = [cause for cause in near if not cause.mistake.slow]
        slow = [cause for cause in near if cause.mistake.slow]
        found = self._alone_here(wrong, quick, causes) or self._together_here(wrong, combinations(quick, 2))
        found = found or self._together_here(self._soonest(wrong), product(slow, [cause for cause in causes if not cause.mistake.slow]))
        unique = {frozenset((cause.id, cause.layers) for cause in each.causes): each for each in found}
        found = [each for each in unique.values() if not self.cancel(each.causes)]
        return found + [other for each in found[:1] for other in self._instead(each)]

    def _instead(self, pair: Explanation) -> Iterator[Explanation]:
        """Yield the pair with one of the two replaced by a mistake that is not searched for in pairs, where that explains all too."""
        first, second = pair.causes
        for cause in self.causes:
            if cause.mistake.alone:
                yield from (Explanation((cause, other)) for other in (second, first) if self._go_together(cause, other))

    def _alone_here(self, wrong: Node, near: list[Cause], causes: list[Cause]) -> list[Explanation]:
        """Return the pairs of which one alone explains the first wrong node."""
        firsts = [cause for cause in near if self._matches(wrong, cause.formulas)]
        return [Explanation((first, other)) for first in firsts for other in causes if self._go_together(first, other)]

    def _together_here(self, wrong: Node, pairs: Iterable[tuple[Cause, Cause]]) -> list[Explanation]:
        """Return the pairs that explain the first wrong node together only."""
        apart = (pair for pair in islice(pairs, MOST_PAIRS) if pair[0].formulas.keys().isdisjoint(pair[1].formulas))
        near = (both for both in map(Explanation, apart) if self._is_near(wrong, both.formulas))
        return [both for both in near if self._matches(wrong, both.formulas) and self.explains(both.formulas)]

    def _is_near(self, node: Node, formulas: Formulas) -> bool:
        """Return whether these formulas may make the shown numbers, by their plain values, which take a third of the time of bounds."""
        far = _FAR * self._plain.precision.unit
        if far >= 1 or (node[0] in self.answers and not formulas.keys().isdisjoint(_RECORDS)):
            return True
        predicted, shown = self.predicted(node, formulas, self._plain), self.shown[node]
        if predicted is None:
            return False
        largest = max(np.abs(shown).max(initial=0.0), np.abs(predicted.value).max(initial=0.0))
        return bool((np.abs(shown - predicted.value) <= far * largest).all())

    def _soonest(self, wrong: Node) -> Node:
        """Return that stage's wrong node with the fewest records since the probe began: slow mistakes are computed fastest there."""

        def records(node: Node) -> int:
            stage, step, layer = node
            facts = self.right.steps[step]
            return len(facts.x) + (0 if facts.previous is None else records((stage, facts.previous, layer)))

        stage, _, layer = wrong
        return min((node for node in self._of_group((stage, layer)) if not self._matches(node, {})), key=records)

    def local(self, group: tuple[str, int], known: Formulas | None = None, among: Iterable[Cause] | None = None) -> list[Explanation]:
        """Return every single mistake, of all or `among` some, that explains one stage and layer from the stages shown before it.

        The formulas of `known` mistakes apply beside it.
        """
        known = known or {}
        nodes = self._of_group(group)
        near = [cause for cause in (self._near(nodes[0]) if among is None else among) if cause.formulas.keys().isdisjoint(known)]

        def explaining(is_slow: bool) -> list[Explanation]:
            causes = [cause for cause in near if cause.mistake.slow == is_slow]
            return [
                Explanation((cause,))
                for cause in causes
                if all(self._matches(node, {**known, **cause.formulas}) for node in nodes) and self._differs(nodes, cause.formulas)
            ]

        found = explaining(is_slow=False) or ([] if known else explaining(is_slow=True))
        if not found:
            return []
        right = [node for node in self.shown if node not in nodes and self._matches(node, {})]
        found = [each for each in found if all(self._matches(node, each.formulas) for node in right)]
        return _fewest_places(found, key=lambda cause: cause.mistake)      # of one id, each may be the one that holds

    def that_make(self, node: Node, actual: Array) -> Iterator[Cause]:
        """Yield the mistakes that each make these numbers of the node, from the stages shown before it."""
        if node not in self._made:
            near = sorted(self._near(node), key=lambda cause: cause.mistake.slow)
            self._made[node] = [], ((cause, self.predicted(node, cause.formulas)) for cause in near)
        so_far, others = self._made[node]
        for cause, bounded in chain(so_far, _noted(others, so_far)):
            if bounded is not None and is_within(actual, bounded):
                yield cause

    def _of_group(self, group: tuple[str, int]) -> list[Node]:
        return [node for node in self.shown if (node[0], node[2]) == group]

    @cached_property
    def causes(self) -> list[Cause]:
        """Every mistake of the catalogue in every place where it can be made in this network."""
        return [cause for mistake in self._catalogue for cause in mistake.causes(self.problem)]

    def explains(self, formulas: Formulas) -> bool:
        """Return whether these formulas make all numbers that are shown, and not the right ones everywhere."""
        return self.first_wrong(formulas) is None and self._differs(self.shown, formulas)

    def first_wrong(self, formulas: Formulas) -> Node | None:
        """Return the first node, in the order of the search, whose shown numbers these formulas do not make; or None."""
        return next((node for node in self._in_search_order if not self._matches(node, formulas)), None)

    def comes_out(self, formulas: Formulas, of_the_step: bool) -> bool:
        """Return whether these formulas make every shown number of the update; or, without `of_the_step`, of the stages before it."""
        return all(self._matches(node, formulas) for node in self._in_search_order if is_of_the_update(node[0]) == of_the_step)

    def cancel(self, causes: Sequence[Cause]) -> bool:
        """Return whether a shown number is right only because two of these mistakes undo each other: such mistakes explain nothing."""
        run = self._from_the_start
        right = [node for node in self.shown if self._matches(node, {}, run)]
        return any(sum(not self._matches(node, cause.formulas, run) for cause in causes) > 1 for node in right)

    def spares_what_is_shown(self, cause: Cause) -> bool:
        """Return whether a number shown before the update is right, although the mistake alone would change it."""
        before = [node for node in self.shown if not is_of_the_update(node[0])]
        run = self._from_the_start
        return any(self._matches(node, {}, run) and not self._matches(node, cause.formulas, run) for node in before)

    def makes_the_weights(self, formulas: Formulas) -> bool:
        """Return whether new weights are shown, and these formulas make them all from the records and parameters alone."""
        after = [node for node in self.shown if node[0].endswith("_after")]
        return bool(after) and all(self._matches(node, formulas, self._from_the_start) for node in after)

    @cached_property
    def _plain(self) -> Run:
        """The run with plain values alone, whose bounds are 0."""
        return Run(self.problem, self.right.steps, shown=self.shown, precision=Precision(self.problem.dtype, samples=0))

    @cached_property
    def _from_the_start(self) -> Run:
        """The same steps, computed from the records and parameters alone."""
        return Run(self.problem, self.right.steps)

    def _near(self, node: Node) -> list[Cause]:
        """Return the mistakes in places that the node is computed from."""
        return [cause for cause in self.causes if self.right.is_made_from(node, cause.formulas)]

    def _go_together(self, first: Cause, other: Cause) -> bool:
        return first.formulas.keys().isdisjoint(other.formulas) and self.explains({**first.formulas, **other.formulas})

    def _matches(self, node: Node, formulas: Formulas, run: Run | None = None) -> bool:
        """Return whether these formulas make the shown numbers; for a stage in `answers`, with or without those that replace records."""
        predicted = self.predicted(node, formulas, run)
        if predicted is not None and is_within(self.shown[node], predicted):
            return True
        if node[0] not in self.answers or formulas.keys().isdisjoint(_RECORDS):
            return False
        return self._matches(node, {place: formula for place, formula in formulas.items() if place not in _RECORDS}, run)

    def are_refuted(self, formulas: Formulas) -> bool:
        """Return whether a shown number is outside its bound under these formulas; one whose bound has overflowed refutes nothing."""

        def is_outside(node: Node, predicted: Sampled | None) -> bool:
            if predicted is None:
                return True
            is_inside = np.abs(self.shown[node] - predicted.value) <= predicted.error
            return bool((~is_inside & np.isfinite(predicted.error)).any())

        return any(is_outside(node, self.predicted(node, formulas)) for node in self.shown)

    def predicted(self, node: Node, formulas: Formulas, run: Run | None = None) -> Sampled | None:
        """Return the node under these formulas, from the stages shown before it or in `run`; None if they give no number of its shape.

        Raises OutOfPatienceError if the search has used up its time.
        """
        check_patience()
        with np.errstate(all="ignore"):
            try:
                value = (run or self.right).with_formulas(formulas).worked_out(*node)
            except (ValueError, IndexError, ZeroDivisionError):
                return None
        return value if isinstance(value, Sampled) and value.value.shape == self.shown[node].shape else None

    def _differs(self, nodes: Iterable[Node], formulas: Formulas) -> bool:
        """Return whether these formulas and the right ones make different numbers of some node, beyond rounding."""
        for node in nodes:
            wrong, right = self.predicted(node, formulas), self.right.worked_out(*node)
            if wrong is not None and wrong is not right and not is_within(right.value, wrong):
                return True
        return False


def is_of_the_update(stage: str) -> bool:
    """Return whether the stage belongs to the update, which comes after all gradients."""
    return stage.endswith(_OF_THE_UPDATE)


def is_within(actual: Array, bounded: Sampled) -> bool:
    """Return whether every number is within what rounding allows; NaN never is."""
    is_inside = np.abs(actual - bounded.value) <= bounded.error
    return bool(np.count_nonzero(is_inside) == np.size(is_inside))      # in place of all(), since it is asked for thousands of times


def _noted(made: Iterator[_Made], so_far: list[_Made]) -> Iterator[_Made]:
    """Yield what `made` yields, and append it to `so_far`."""
    for each in made:
        so_far.append(each)
        yield each


def _fewest_places(found: list[Explanation], key: Callable[[Cause], Hashable] = lambda cause: cause.id) -> list[Explanation]:
    """Return the explanation in the fewest layers of each mistake, by default of each id; those in one layer come first."""
    fewest: dict[Hashable, Explanation] = {}
    for each in found:
        cause = each.causes[0]
        if key(cause) not in fewest or len(cause.layers) < len(fewest[key(cause)].causes[0].layers):
            fewest[key(cause)] = each
    return sorted(fewest.values(), key=lambda each: len(each.causes[0].layers) > 1)
