"""Conventions of scale, which are no mistakes if the result is right: the sign of δ, where 1/N is applied, a ½ in a loss that is shown.

Weight decay in a shown gradient or loss is a convention too: see `penalty`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from ..formulas.sampled import Sampled
from ..problem.problem import Problem
from ..support.arrays import Array
from .graph import Node, Run
from .matcher import Matcher, is_within
from .penalty import SAID, without_decay
from .scale import scale_causes
from .stages import Group

_EPSILONS = tuple(float(f"1e-{k}") for k in range(3, 17))
_SCALES = ("target-output-swapped", "factor-", "mean-", "wrong-n", "sum-for-mean", "scaled", "sign-flipped")


@dataclass(frozen=True)
class Factor:
    """A shown number over the problem's own: `of(run, step)` returns it, `said` says it in words."""

    said: str
    of: Callable[[Run, int], float]


def _n(run: Run, step: int) -> float:
    return float(len(run.steps[step].x))


def _terms(run: Run, step: int) -> float:
    """Return 1 over the weight of each term in the loss, the number of terms if it is their mean."""
    return float(1 / run.right("share", step))


_NONE = Factor("", lambda run, step: 1.0)
_ERROR_FACTORS = (
    _NONE,
    Factor("your {what} is of y − ŷ, the other way round", lambda run, step: -1.0),
    Factor("your {what} is of y − ŷ, and not divided by the number of terms", lambda run, step: -_terms(run, step)),
    Factor("your {what} is not divided by the number of terms", _terms),
    Factor("your {what} is of y − ŷ, and not divided by the number of records", lambda run, step: -_n(run, step)),
    Factor("your {what} is not divided by the number of records", _n),
    Factor("your {what} is divided by the number of records", lambda run, step: 1 / _n(run, step)),
    Factor("your {what} is of y − ŷ, and divided by the number of records", lambda run, step: -1 / _n(run, step)),
)


def _mean(run: Run, step: int) -> float:
    """Return the weight of a mean over records and outputs beside that of each term in the loss."""
    return _terms(run, step) / (_n(run, step) * run.problem.sizes[-1])


def _half(factor: Factor, run: Run, step: int) -> float:
    return factor.of(run, step) / 2


_WITHOUT_THE_2 = tuple(
    Factor(f"{each.said}, and without the 2 of the loss" if each.said else "your {what} is without the 2 of the loss", partial(_half, each))
    for each in _ERROR_FACTORS
)
_STEP_FACTORS = (_NONE, Factor("your {what} is subtracted", lambda run, step: -1.0))
_WHOLE_LOSS_FACTORS = (
    _NONE,
    Factor("your loss is a sum over the terms", _terms),
    Factor("your loss is a sum over the records", _n),
    Factor("your loss is a mean over the records", lambda run, step: 1 / _n(run, step)),
    Factor("your loss is a mean over the records alone", lambda run, step: _terms(run, step) / _n(run, step)),
    Factor("your loss is a mean over records and outputs", _mean),
)
_HALVED_LOSS_FACTORS = (
    Factor("your loss has no ½", lambda run, step: 2.0),
    Factor("your loss is a sum without a ½", lambda run, step: 2 * _terms(run, step)),
    Factor("your loss is a mean over the records alone, without a ½", lambda run, step: 2 * _terms(run, step) / _n(run, step)),
    Factor("your loss is a mean over records and outputs, without a ½", lambda run, step: 2 * _mean(run, step)),
)
_OTHER_LOSS_FACTORS = (
    Factor("your loss has a ½", lambda run, step: 0.5),
    Factor("your loss is a sum, with a ½", lambda run, step: 0.5 * _terms(run, step)),
    Factor("your loss is a mean over records and outputs, with a ½", lambda run, step: 0.5 * _mean(run, step)),
)


@dataclass(frozen=True)
class Scale:
    """The scale of the shown numbers: in words, `said`, as the factor of each stage, and whether the output is the probabilities.

    The numbers of the stages in `with_decay` contain the weight decay.
    """

    said: tuple[str, ...] = ()
    factors: Mapping[str, Factor] = field(default_factory=dict)
    is_probabilities: bool = False
    with_decay: frozenset[str] = frozenset()

    def ours(self, run: Run, shown: Mapping[Node, Array]) -> dict[Node, Array]:
        """Return the numbers in the problem's own scale, without those that contain the weight decay."""
        ours = _as_probabilities(run.problem, shown) if self.is_probabilities else shown
        return {
            node: array / self.factors[node[0]].of(run, node[1]) if node[0] in self.factors else array
            for node, array in ours.items()
            if node[0] not in self.with_decay
        }


def in_our_scale(matcher: Matcher, final: str | None) -> tuple[Matcher, Scale]:
    """Return a matcher of the shown numbers in the problem's own scale, and the scale that they are shown in.

    Stages whose names end in `final` are the implementation's answer, and never rescaled; if it is None, only a loss is rescaled.
    """
    problem, ours = matcher.problem, dict(matcher.shown)
    is_probabilities = _is_probabilities(problem, ours)
    if is_probabilities:
        ours = _as_probabilities(problem, ours)
        matcher = matcher.with_shown(ours)
    said = ["your output is the probabilities, not the logits"] if is_probabilities else []
    factors: dict[str, Factor] = {}
    error_factors = _ERROR_FACTORS + (_WITHOUT_THE_2 if problem.loss in ("mse", "sse") else ())
    with_decay: frozenset[str] = frozenset()
    run = matcher.right
    for stages, what, choices in (
        (("loss",), "loss", _WHOLE_LOSS_FACTORS + (_HALVED_LOSS_FACTORS if problem.loss == "half_mse" else _OTHER_LOSS_FACTORS)),
        (("delta",), "δ", error_factors),
        (("weight_used", "bias_used"), "gradient", error_factors),
        (("weight_step", "bias_step"), "step", _STEP_FACTORS),
        (("weight_velocity", "bias_velocity"), "velocity", _STEP_FACTORS),
    ):
        nodes = [node for node in ours if node[0] in stages]
        if bare := without_decay(matcher, what, final, [factor.of for factor in choices], _SCALES):
            ours |= bare
            said.append(SAID[what])
            with_decay |= {node[0] for node in bare}
            matcher = matcher.with_shown(ours)
        if not nodes or (what != "loss" if final is None else stages[0].endswith(final)):
            continue
        if what == "loss" and (eps := _epsilon_in_logs(matcher, nodes)):
            ours |= {node: np.asarray(run.worked_out(*node).value) for node in nodes}
            said.append(f"your loss keeps its logarithms from 0 by ε = {eps:g}")
        elif (factor := _found(matcher, nodes, choices)) and factor.said:
            ours |= {node: ours[node] / factor.of(run, node[1]) for node in nodes}
            said.append(factor.said.format(what=what))
            factors |= dict.fromkeys(stages, factor)
        else:
            continue
        matcher = matcher.with_shown(ours)
    return matcher, Scale(tuple(said), factors, is_probabilities, with_decay)


def _found(matcher: Matcher, nodes: list[Node], factors: Sequence[Factor]) -> Factor | None:
    """Return the factor by which the first of these stages follows from those shown before it; of gradients and steps, most of them.

    If there is none, return the first by which one mistake explains the stage and the new weights; else the first by which a mistake of the
    catalogue that is not one of scale explains the stage; else None.
    """
    run, shown = matcher.right, matcher.shown
    nonzero = [node for node in nodes if shown[node].any()] or nodes      # zeros are in every scale
    groups: dict[Group, list[Node]] = {}
    for node in nonzero:
        groups.setdefault((node[0], node[2]), []).append(node)
    group, first = next(iter(groups.items()))
    asked = [first] if group[0] in ("loss", "delta") else list(groups.values())      # what follows from one another is in one scale

    def fits(factor: Factor) -> list[bool]:
        """Return whether it makes each group right."""
        return [all(_is_right(run, node, shown[node], factor.of(run, node[1])) for node in of_group) for of_group in asked]

    right, made = [], list(map(fits, factors))
    if any(of_groups[0] for of_groups in made):      # which decides, too, where two make as many right
        counted = [(sum(of_groups), of_groups[0]) for of_groups in made]
        right = [factor for factor, count in zip(factors, counted, strict=True) if count == max(counted)]
    if right and right[0].said and group[0] == "loss" and run.problem.sizes[-1] > 1:      # with one output, terms are records
        return Factor(", or ".join(factor.said for factor in right), right[0].of)
    if right:
        return right[0]
    for factor in factors:
        scaled_first = shown[first[0]] / factor.of(run, first[0][1])
        measured = scale_causes(run, first[0], scaled_first) if group[0] == "delta" else ()
        of_any_kind = (matcher.that_make(first[0], scaled_first), measured)
        if any(matcher.makes_the_weights(cause.formulas) for causes in of_any_kind for cause in causes):
            return factor
    for factor in factors:
        scaled = {node: shown[node] / factor.of(run, node[1]) for node in nodes}
        causes = [cause for cause in matcher.that_make(first[0], scaled[first[0]]) if not cause.id.startswith(_SCALES)]
        if causes and matcher.with_shown(shown | scaled).local(group, among=causes):
            return factor
    return None


def _epsilon_in_logs(matcher: Matcher, nodes: list[Node]) -> float | None:
    """Return the ε of a loss of probabilities that is shown with log(p + ε) in place of log p, or None; its derivative has none."""
    run, shown = matcher.right, matcher.shown
    if run.problem.loss not in ("bce", "cross_entropy") or all(_is_right(run, node, shown[node], 1.0) for node in nodes):
        return None
    return next((eps for eps in _EPSILONS if all(_is_loss_with(run, node, shown[node], eps) for node in nodes)), None)


def _is_loss_with(run: Run, node: Node, actual: Array, eps: float) -> bool:
    _, step, _ = node
    y, right = run("y", step), run.worked_out(*node)
    with np.errstate(all="ignore"):
        p = run("output" if run.problem.loss == "bce" else "probabilities", step).value
        one_hot = np.eye(p.shape[-1])[y] if np.issubdtype(y.dtype, np.integer) else y
        terms = one_hot * np.log(p + eps)
        terms = terms + (1 - y) * np.log(1 - p + eps) if run.problem.loss == "bce" else terms
        value = -run.right("share", step) * terms.sum()
    return bool(abs(actual - value) <= right.error + run.precision.gamma(terms.size + 8) * abs(value))


def _is_right(run: Run, node: Node, actual: Array, factor: float) -> bool:
    with np.errstate(all="ignore"):
        right = run.worked_out(*node)
        scaled = right.scaled(factor) if factor != 1 else right
    return isinstance(scaled, Sampled) and is_within(actual, scaled)


def _is_probabilities(problem: Problem, shown: Mapping[Node, Array]) -> bool:
    """Return whether the shown output is the probabilities, where the problem's own is the logits."""
    values = [array for node, array in shown.items() if node[0] == "output"]
    if not values or problem.loss not in ("cross_entropy", "bce_with_logits"):
        return False
    is_shares = all(((value >= 0) & (value <= 1)).all() for value in values)
    return is_shares and (problem.loss != "cross_entropy" or all(np.allclose(value.sum(axis=-1), 1) for value in values))


def _as_probabilities(problem: Problem, shown: Mapping[Node, Array]) -> dict[Node, Array]:
    """Return the shown numbers with the output as the probabilities, and not as the last layer's activation."""
    depth = len(problem.layers)
    rest = {node: array for node, array in shown.items() if (node[0], node[2]) != ("a", depth)}
    return {("probabilities" if node[0] == "output" else node[0], *node[1:]): array for node, array in rest.items()}
