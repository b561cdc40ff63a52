"""Limits: where an attempt that is right on the probes stops being right, or loses its numbers to an overflow."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from ..diagnosis.conventions import Scale
from ..diagnosis.explain import Found, explained
from ..diagnosis.graph import Node, Run, places
from ..diagnosis.matcher import Matcher
from ..diagnosis.mistake import layers_named
from ..diagnosis.observing import FaultError, Observed, observe
from ..diagnosis.probes import Probe, steps_of
from ..diagnosis.stages import stage_name
from ..problem.problem import Problem
from ..rounding.difference import Difference, largest_share
from ..support.arrays import Array, Batch
from ..userfile.as_side import Traced
from ..userfile.conventions import Convention
from ..userfile.file import AttemptError
from ..userfile.interface import Candidate
from .result import Check
from .trials import LEAST_BCE_DIVISOR, LOSES_DIGITS, Direction, directions

_MOST_NOTES = 3
_HALVINGS = 12      # of the span in which a limit lies
_STABLE = {
    "softmax": "take each record's largest z off first: e^(z − max z) / Σ e^(z − max z)",
    "log_softmax": "take each record's largest z off first: z − max z − log Σ e^(z − max z)",
    "sigmoid": "use 1/(1 + e^−z) where z is positive, and e^z/(1 + e^z) where it is negative",
    "tanh": "use np.tanh(z), or e^−2|z| in place of e^2z, with the sign of z",
    "softplus": "use max(z, 0) + log(1 + e^−|z|)",
}
_WITHOUT_EXP = ("identity", "relu", "leaky_relu")
_OF_LOGITS = {"cross_entropy": "softmax", "bce_with_logits": "sigmoid"}

Outcome = Difference | FaultError | AttemptError | None


@dataclass(frozen=True)
class Limits:
    """An attempt, by the convention and the scale of its numbers that the probes found, on trials that go farther than the probes.

    `probes` has what it showed there, which any mistake that is named has to explain too.
    """

    attempt: Candidate
    problem: Problem
    convention: Convention
    scale: Scale
    probes: Matcher
    works_in_place: bool
    data: Batch | None

    def sought(self, check: Check) -> Check:
        """The check; or "different" where a trial is, with the place from about which on, else "unstable formula" where numbers overflow.

        Raises what keeps an attempt from being judged at all.
        """
        overflow: tuple[Direction, float, Outcome] | None = None
        notes: list[str] = []
        for direction in directions(self.problem, check.seed, self.data):
            agrees: list[float] = []
            for value in direction.values:
                outcome = self._outcome(direction, value)
                if self._is_overflow(direction, value, outcome):
                    overflow = overflow or (direction, value, outcome)
                    break
                if isinstance(outcome, AttemptError) and direction.may_refuse:      # it refuses, and says so
                    notes.append(f"{direction.said(value)}, {outcome}: nothing was compared there")
                    break
                if outcome is not None:
                    return self._different(check, direction, value, agrees, outcome)
                agrees.append(value)
        check = replace(check, notes=(*check.notes, *dict.fromkeys(notes[:_MOST_NOTES])))
        return self._unstable(check, *overflow) if overflow else check

    def _outcome(self, direction: Direction, value: float) -> Outcome:
        """The first number of the trial that is not PyTorch's, or what keeps it from being compared; None where all agree."""
        return self._answered(direction, value)[0]

    def _answered(self, direction: Direction, value: float) -> tuple[Outcome, Run | None, dict[Node, Array]]:
        """The outcome of a trial, with its right numbers and those that were shown, if all were."""
        with np.errstate(all="ignore"):
            probe = direction.at(value)
        if probe is None:
            return None, None, {}
        observed = self._asked()
        try:
            observe(self.attempt.fresh, self.problem, (probe,), self.convention, observed)
        except AttemptError as error:
            return error, None, {}
        except FaultError as fault:
            with np.errstate(all="ignore"):
                return fault if self._has_numbers(probe, observed.shown, fault.step) else None, None, {}
        with np.errstate(all="ignore"):
            run = observed.right(self.problem)
            shown = self.scale.ours(run, observed.shown) if self._is_judge(run) else {}
            ours = {node: array for node, array in shown.items() if _is_final(node)}
            return next(filter(None, (_outside(self.problem, run, node, array) for node, array in ours.items())), None), run, ours

    def _is_overflow(self, direction: Direction, value: float, outcome: Outcome) -> bool:
        """Whether the outcome may be that of a right formula that raises e to numbers too large for it."""
        if isinstance(outcome, FaultError):
            return outcome.kind == "nan" and value >= direction.overflows
        if not isinstance(outcome, Difference):
            return False
        return value >= direction.loses_digits or (direction.drawn and self._farthest(direction, value, outcome.step) >= LOSES_DIGITS)

    def _farthest(self, direction: Direction, value: float, steps: int) -> float:
        """How large z, or the difference of two of them, is in the trial's first steps, where e is raised to it."""
        _, run, _ = self._answered(direction, value)
        if run is None:
            return 0.0
        farthest = 0.0
        with np.errstate(all="ignore"):
            for step, layer in product(range(steps), range(1, run.depth + 1)):
                is_of_logits = layer == run.depth and self.problem.loss in _OF_LOGITS
                if is_of_logits or self.problem.layers[layer - 1].function not in _WITHOUT_EXP:
                    z = run("u", step, layer).value
                    farthest = max(farthest, float(np.abs(z).max()), float(np.ptp(z, axis=-1).max()))
        return farthest

    def _is_judge(self, run: Run) -> bool:
        """Whether PyTorch's own formula is to be held to: not where bce keeps its divisor p(1 − p) from 0."""
        if self.problem.loss != "bce":
            return True
        outputs = [run("output", step).value for step in range(len(run.steps))]
        return all((output * (1 - output) > LEAST_BCE_DIVISOR).all() for output in outputs)

    def _asked(self) -> Observed:
        """What is not asked for may be in a scale of its own on the way; a trace is asked where nothing else shows a gradient."""
        has_answers = {"train_step", "gradients"} & set(self.attempt.functions)
        skipped = frozenset({"loss", "trace"} if has_answers else {"loss"})
        return Observed(skipped=skipped, works_in_place=self.works_in_place)

    def _has_numbers(self, probe: Probe, shown: Mapping[Node, Array], steps: int) -> bool:
        """Whether the right numbers of the probe's first steps are finite, each from the weights shown before it, and to be held to."""
        befores = [probe.parameters]
        for step in range(steps):
            run = Run(self.problem, steps_of((probe,), befores))
            found = {place: run(f"{place[0]}_after", step, place[1]).value for place in places(self.problem)}
            if not all(np.isfinite(value).all() for value in (*found.values(), run("output", step).value)):
                return False
            own = {run.name(*place): shown.get((f"{place[0]}_after", step, place[1]), value) for place, value in found.items()}
            befores.append(own)
        return self._is_judge(run)

    def _different(
        self, check: Check, direction: Direction, value: float, agrees: list[float], outcome: Difference | FaultError | AttemptError
    ) -> Check:
        where = direction.said(value)
        if not isinstance(outcome, Difference):
            line, source = (getattr(outcome, name, None) for name in ("line", "source"))
            return replace(check, verdict="different", reason=f"the probes agree, and {where}, {outcome}", line=line, source=source)
        if direction.beyond and (agrees or not direction.is_count):
            is_alone = direction.is_count and self._outcome(direction, value + 1) is None
            where = where if is_alone else direction.beyond_about(self._edge(direction, max(agrees, default=value / 1000), value))
        found = self._named(direction, value)
        asked = "it has not moved; is it left out?" if self._stands_still(direction, value, outcome) else direction.question
        is_it = found[0].causes[0].sentence if found else asked
        reason = f"the probes agree, and {where} the {outcome.tensor} does not: {is_it}"
        return replace(check, verdict="different", first=outcome, reason=reason, diagnosis=found)

    def _stands_still(self, direction: Direction, value: float, wrong: Difference) -> bool:
        """Whether the wrong parameter has not been changed by its step at all."""
        _, run, shown = self._answered(direction, value)
        for (stage, step, layer), after in shown.items():
            if run and stage.endswith("_after") and (step + 1, stage_name(self.problem, (stage, layer))) == (wrong.step, wrong.tensor):
                return bool(np.array_equal(after, run(stage.removesuffix("_after"), step, layer).value))
        return False

    def _named(self, direction: Direction, value: float) -> tuple[Found, ...]:
        """The mistake under which all of the trial comes out, and all of the probes, if there is one."""
        _, run, shown = self._answered(direction, value)
        if run is None or not shown:
            return ()
        with np.errstate(all="ignore"):
            found = explained(Matcher(self.problem, run.steps, shown), (), with_pairs=False)
            kept = [tuple(cause for cause in each.causes if self.probes.first_wrong(cause.formulas) is None) for each in found]
        return tuple(replace(each, causes=causes) for each, causes in zip(found, kept, strict=True)) if found and all(kept) else ()

    def _edge(self, direction: Direction, agrees: float, differs: float) -> float:
        """About the largest value for which the trial still agrees, between one for which it does and one for which it does not."""
        for _ in range(_HALVINGS):
            middle = direction.between(agrees, differs)
            if middle in (agrees, differs):
                break
            if self._outcome(direction, middle) is None:
                agrees = middle
            else:
                differs = middle
        return agrees

    def _unstable(self, check: Check, direction: Direction, value: float, outcome: Outcome) -> Check:
        """With the function that overflows, its line where it can be seen, and the form in which it does not."""
        layer = self.problem.layers[direction.layer - 1] if direction.layer else None
        function = layer.function if layer else None
        if direction.layer == len(self.problem.layers) and function == "identity":
            function = _OF_LOGITS.get(self.problem.loss)
        line, source = self._first_line_that_overflows(direction, value)
        whose = f"the {function} of {layers_named(self.problem, (direction.layer,))}" if function in _STABLE else "a formula"
        advice = _STABLE.get(str(function), "use a form that raises e to no large number")
        where = f", at line {line}: `{source}`" if line else ""
        what = f"the {outcome.tensor} has lost its digits" if isinstance(outcome, Difference) else outcome
        reason = f"{whose} overflows {direction.said(value)}{where}: {what}. To make it stable, shift and do not clip: {advice}"
        return replace(check, verdict="unstable formula", reason=reason, line=line, source=source)

    def _first_line_that_overflows(self, direction: Direction, value: float) -> tuple[int | None, str | None]:
        with np.errstate(all="ignore"):
            probe = direction.at(value)
        traced = Traced(self.attempt.fresh())
        try:
            observe(lambda: traced, self.problem, (probe,) if probe else (), self.convention, self._asked())
        except (FaultError, AttemptError):
            for each in traced.assignments:
                if isinstance(each.value, np.ndarray) and each.value.dtype.kind == "f" and not np.isfinite(each.value).all():
                    lines = self.attempt.text.split("\n")
                    return each.line, lines[each.line - 1].strip() if each.line <= len(lines) else each.text
        return None, None


def _is_final(node: Node) -> bool:
    """Whether it is an output, a gradient or a new weight."""
    return node[0] in ("output", "probabilities") or node[0].endswith(("_used", "_after"))


def _outside(problem: Problem, run: Run, node: Node, actual: Array) -> Difference | None:
    """The number of the node that is farthest outside its bound, of those where the right one and its bound are finite; or None."""
    right = run.worked_out(*node)
    error = np.broadcast_to(np.asarray(right.error, dtype=np.float64), actual.shape)
    is_compared = np.isfinite(right.value) & np.isfinite(error)
    if (~is_compared | (np.abs(actual - right.value) <= error)).all():
        return None
    name = stage_name(problem, (node[0], node[2]))
    shown = np.where(is_compared, actual, 0.0), np.where(is_compared, right.value, 0.0), np.where(is_compared, error, 0.0)
    return largest_share(node[1] + 1, (node[0], name), *shown)

