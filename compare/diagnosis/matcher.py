"""Why: the mistakes under which the steps come out as they were shown, number for number, within what rounding allows."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, combinations, islice, product

import numpy as np

from ..problem.problem import Problem
from ..rounding.arithmetic import Bounded
from ..support.arrays import Array
from .catalogue import CATALOGUE
from .graph import Formulas, Node, Run, Step
from .mistake import Cause, Mistake
from .patience import check_patience
from .scale import scale_causes

_STEP, _LAYER = 1, 2
_RECORDS = {("x", 0), ("y", 0)}
_ANSWERS = frozenset({"z", "a", "output", "probabilities", "loss"})
_OF_THE_STEP = ("_velocity", "_step", "_added", "_after")
_Made = tuple[Cause, Bounded | None]      # what a node comes to under a mistake
MOST_PAIRS = 60_000  # of a node, so that a network of many layers ends too


@dataclass(frozen=True)
class Explanation:
    """Mistakes that together, each made in its place, make the steps come out as they were shown; or an alternative for each."""

    causes: tuple[Cause, ...]

    @cached_property
    def formulas(self) -> Formulas:
        """All of them."""
        return {place: formula for cause in self.causes for place, formula in cause.formulas.items()}


class Matcher:
    """What an implementation showed of some steps, and the search for what explains it.

    `shown` holds every number of a stage that was shown, by node, in the order of computation. Those of the stages in `answers` may be of
    the records that were given, whichever records the step itself takes.
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
        self._taken = len(steps)
        self._catalogue = tuple(catalogue)
        self._groups = self._by_group()
        self._made: dict[Node, tuple[list[_Made], Iterator[_Made]]] = {}      # so far, and what is still to come

    def with_shown(self, shown: Mapping[Node, Array]) -> "Matcher":
        """The same steps, and the same mistakes, with other numbers shown."""
        return self._with(shown, self.answers)

    def apart_from_the_step(self) -> "Matcher":
        """The same, where what is shown before the step is worked out apart from it, at the problem's learning rate.

        The step may get another gradient, and whoever shows what is before it need not be told at which rate it will be.
        """
        steps, own = self.right.steps, len(self.right.steps)
        before = [replace(facts, lr=self.problem.lr) for facts in steps]
        after = [facts if facts.previous is None else replace(facts, previous=own + facts.previous) for facts in steps]
        shown: dict[Node, Array] = {}
        for (stage, step, layer), array in self.shown.items():
            index = own + step if is_of_the_step(stage) else step
            shown[stage.replace("_used", "_answered"), index, layer] = array
        return self._with(shown, frozenset(node[0] for node in shown if node[1] < own), before + after)

    def _with(self, shown: Mapping[Node, Array], answers: frozenset[str], steps: Sequence[Step] | None = None) -> "Matcher":
        other = Matcher(self.problem, steps or self.right.steps, shown, self._catalogue, answers)
        other.causes, other._taken = self.causes, self._taken
        return other

    def number(self, node: Node) -> int:
        """The number of the node's step among those that were taken, from 1."""
        _, step, _ = node
        return step % self._taken + 1

    def singles(self) -> list[Explanation]:
        """Every single mistake that explains it all, in the catalogue's order; those that are slow only if there are no others."""
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
        """A factor that is none of the catalogue's, on everything or in one layer, that explains it all."""
        wrong = self.first_wrong({})
        if wrong is None:
            return []
        causes = scale_causes(self.right, wrong, self.shown[wrong])
        return [Explanation((cause,)) for cause in causes if self.explains(cause.formulas)][:1]

    def pairs(self) -> list[Explanation]:
        """Every two mistakes in different places that explain it all together; with those that are slow only if there are no others.

        Either one of them alone makes the first wrong number come out, or both have to do with it: so few are left for the others.
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
        """Of mistakes that are not looked for in pairs, those that may stand for one of these two."""
        first, second = pair.causes
        for cause in self.causes:
            if cause.mistake.alone:
                yield from (Explanation((cause, other)) for other in (second, first) if self._go_together(cause, other))

    def _alone_here(self, wrong: Node, near: list[Cause], causes: list[Cause]) -> list[Explanation]:
        """Pairs of which one makes the first wrong number come out by itself."""
        firsts = [cause for cause in near if self._matches(wrong, cause.formulas)]
        return [Explanation((first, other)) for first in firsts for other in causes if self._go_together(first, other)]

    def _together_here(self, wrong: Node, pairs: Iterable[tuple[Cause, Cause]]) -> list[Explanation]:
        """Pairs that make the first wrong number come out together."""
        found = []
        for one, other in islice(pairs, MOST_PAIRS):
            if one.formulas.keys() & other.formulas.keys():
                continue
            both = Explanation((one, other))
            if self._matches(wrong, both.formulas) and self.explains(both.formulas):
                found.append(both)
        return found

    def _soonest(self, wrong: Node) -> Node:
        """Of that stage's numbers that are wrong, those with the fewest records since the probe began: what is slow is quickest there."""

        def records(node: Node) -> int:
            stage, step, layer = node
            facts = self.right.steps[step]
            return len(facts.x) + (0 if facts.previous is None else records((stage, facts.previous, layer)))

        stage, _, layer = wrong
        return min((node for node in self._of_group((stage, layer)) if not self._matches(node, {})), key=records)

    def local(self, group: tuple[str, int], known: Formulas | None = None, among: Iterable[Cause] | None = None) -> list[Explanation]:
        """Every single mistake, of all or `among` some, that explains the numbers of one stage and layer, from what was shown before it.

        Beside it, mistakes that are `known` already may have been made.
        """
        known = known or {}
        nodes = self._of_group(group)
        near = [cause for cause in (self._near(nodes[0]) if among is None else among) if cause.formulas.keys().isdisjoint(known)]

        def explaining(is_slow: bool) -> list[Explanation]:
            return [
                Explanation((cause,))
                for cause in near
                if cause.mistake.slow == is_slow
                and all(self._matches(node, {**known, **cause.formulas}) for node in nodes)
                and self._differs(nodes, cause.formulas)
            ]

        found = explaining(is_slow=False) or ([] if known else explaining(is_slow=True))
        if not found:
            return []
        right = [node for node in self.shown if node not in nodes and self._matches(node, {})]
        found = [each for each in found if all(self._matches(node, each.formulas) for node in right)]
        return _fewest_places(found, key=lambda cause: cause.mistake)      # beside others only one of the same name may explain it all

    def that_make(self, node: Node, actual: Array) -> Iterator[Cause]:
        """The mistakes by each of which the node comes to these numbers, from what was shown before it."""
        if node not in self._made:
            near = sorted(self._near(node), key=lambda cause: cause.mistake.slow)
            self._made[node] = [], ((cause, self.predicted(node, cause.formulas)) for cause in near)
        so_far, others = self._made[node]
        for cause, bounded in chain(so_far, _noted(others, so_far)):
            if bounded is not None and is_within(actual, bounded):
                yield cause

    def _of_group(self, group: tuple[str, int]) -> list[Node]:
        return [node for node in self.shown if (node[0], node[_LAYER]) == group]

    @cached_property
    def causes(self) -> list[Cause]:
        """Every mistake of the catalogue in every place where it can be made."""
        return [cause for mistake in self._catalogue for cause in mistake.causes(self.problem)]

    def explains(self, formulas: Formulas) -> bool:
        """Whether all that was shown comes out under these formulas, and would not under the right ones."""
        return self.first_wrong(formulas) is None and self._differs(self.shown, formulas)

    def first_wrong(self, formulas: Formulas) -> Node | None:
        """The first node, in the order of the search, that does not come out under these formulas; or None."""
        return next((node for node in self._groups if not self._matches(node, formulas)), None)

    def comes_out(self, formulas: Formulas, of_the_step: bool) -> bool:
        """Whether these formulas make every number that was shown of the step itself; or, without `of_the_step`, of what is before it."""
        return all(self._matches(node, formulas) for node in self._groups if is_of_the_step(node[0]) == of_the_step)

    def cancel(self, causes: Sequence[Cause]) -> bool:
        """Whether some number that was shown is PyTorch's own only because two of these mistakes undo each other: that explains nothing."""
        run = self._from_the_start
        right = [node for node in self.shown if self._matches(node, {}, run)]
        return any(sum(not self._matches(node, cause.formulas, run) for cause in causes) > 1 for node in right)

    def makes_the_weights(self, formulas: Formulas) -> bool:
        """Whether all new weights that were shown, and there are some, come out from the start under these formulas."""
        after = [node for node in self.shown if node[0].endswith("_after")]
        return bool(after) and all(self._matches(node, formulas, self._from_the_start) for node in after)

    @cached_property
    def _from_the_start(self) -> Run:
        """The same steps, from nothing that was shown."""
        return Run(self.problem, self.right.steps)

    def _near(self, node: Node) -> list[Cause]:
        """The mistakes that have to do with that node."""
        return [cause for cause in self.causes if self.right.is_made_from(node, cause.formulas)]

    def _go_together(self, first: Cause, other: Cause) -> bool:
        if first.formulas.keys() & other.formulas.keys():
            return False
        return self.explains({**first.formulas, **other.formulas})

    def _matches(self, node: Node, formulas: Formulas, run: Run | None = None) -> bool:
        predicted = self.predicted(node, formulas, run)
        if predicted is not None and is_within(self.shown[node], predicted):
            return True
        if node[0] not in self.answers or formulas.keys().isdisjoint(_RECORDS):
            return False
        return self._matches(node, {place: formula for place, formula in formulas.items() if place not in _RECORDS}, run)

    def predicted(self, node: Node, formulas: Formulas, run: Run | None = None) -> Bounded | None:
        """What the node comes to under these formulas, from what was shown before it or in `run`; None where they give no number.

        Raises OutOfPatienceError where the search has taken longer than it may.
        """
        check_patience()
        with np.errstate(all="ignore"):
            try:
                value = (run or self.right).with_formulas(formulas).worked_out(*node)
            except (ValueError, IndexError, ZeroDivisionError):
                return None
        return value if isinstance(value, Bounded) and value.value.shape == self.shown[node].shape else None

    def _differs(self, nodes: Iterable[Node], formulas: Formulas) -> bool:
        """Whether some number under these formulas is not what the right ones make of it, beyond rounding."""
        for node in nodes:
            wrong, right = self.predicted(node, formulas), self.right.worked_out(*node)
            if wrong is not None and wrong is not right and not is_within(right.value, wrong):
                return True
        return False

    def _by_group(self) -> list[Node]:
        """The nodes in the order of the search: the first step's first, since most mistakes show there."""
        return sorted(self.shown, key=lambda node: node[_STEP])


def is_of_the_step(stage: str) -> bool:
    """Whether the stage is the step itself, which comes after all gradients."""
    return stage.endswith(_OF_THE_STEP)


def is_within(actual: Array, bounded: Bounded) -> bool:
    """Whether every number is within its bound; NaN never is."""
    is_inside = np.abs(actual - bounded.value) <= bounded.error
    return bool(np.count_nonzero(is_inside) == np.size(is_inside))      # in place of all(), since it is asked for thousands of times


def _noted(made: Iterator[_Made], so_far: list[_Made]) -> Iterator[_Made]:
    for each in made:
        so_far.append(each)
        yield each


def _fewest_places(found: list[Explanation], key: Callable[[Cause], Hashable] = lambda cause: cause.id) -> list[Explanation]:
    """One of each mistake, in the fewest layers that explain it: another of the same name says the same."""
    fewest: dict[Hashable, Explanation] = {}
    for each in found:
        cause = each.causes[0]
        if key(cause) not in fewest or len(cause.layers) < len(fewest[key(cause)].causes[0].layers):
            fewest[key(cause)] = each
    return sorted(fewest.values(), key=lambda each: len(each.causes[0].layers) > 1)  # what is made once comes first
