"""What an attempt that is right on the probes has to stand: to be asked again, large numbers, and a training in lockstep."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from compare.adapters.attempt import AttemptError
from compare.adapters.attempted import Attempted, can_train
from compare.adapters.candidate import Candidate
from compare.adapters.readings import ContractError, Reading
from compare.comparison import Comparison, steps_to_keep
from compare.diagnosis.graph import Node
from compare.diagnosis.matcher import is_within
from compare.diagnosis.mistake import layers_named
from compare.diagnosis.observing import FaultError, Observed, changed_stage, observe
from compare.diagnosis.probes import Probe, with_far_z, with_larger_records, with_many_records, with_probes, with_z
from compare.diagnosis.stages import stage_name
from compare.lockstep import train_in_lockstep
from compare.problem import Problem
from compare.verdict import Check, Verdict

FARTHER = 40.0      # |z|, where a sigmoid is 0 or 1 to the last digit, and one that is clipped is not
MANY = 150      # records: more than a slice that was left in by mistake is likely to take
LARGER = 1000.0


class Proof:
    """An attempt that is equal on the probes, put to the proof."""

    def __init__(self, attempt: Candidate, problem: Problem, probes: tuple[Probe, ...], steps: int, keep: bool) -> None:
        self.attempt, self.problem, self.probes, self.steps, self.keep = attempt, problem, probes, steps, keep

    def proved(self, check: Check, reading: Reading, observed: Observed) -> Check:
        """What the probes found equal, once it has stood all that; a function that answered is to answer throughout."""
        proved = self._tried(check, reading, observed)
        refused = ", ".join(sorted(observed.answered - set(self.attempt.functions)))
        if proved.verdict == "equivalent" and refused:
            reason = f"{refused} answers NotImplemented for some inputs, and not for others; expected a function to be offered or not"
            return replace(proved, verdict="could not run", reason=reason)
        return proved

    def _tried(self, check: Check, reading: Reading, observed: Observed) -> Check:
        """Whether it answers the same again, holds for large numbers, and over a training in lockstep too."""
        again = Observed(works_in_place=observed.works_in_place)
        try:
            self._observe(reading, again, self.probes[:1])
            changed = changed_stage(self.problem, observed, again)
            if changed:
                return replace(check, verdict="could not run", reason=changed)
            unstable, raised = self._unstable(reading, observed.works_in_place)
            if unstable:
                return replace(check, verdict="unstable formula", reason=unstable)
            elsewhere, refused = self._wrong_elsewhere(reading, observed.works_in_place, check.seed)
            check = replace(check, notes=(*check.notes, *raised, *refused))
            if elsewhere:
                return replace(check, verdict="different", reason=elsewhere)
            comparison = self._in_lockstep(reading)
        except (FaultError, ContractError) as fault:
            verdict: Verdict = "different" if fault.kind == "nan" else "could not run"
            return replace(check, verdict=verdict, reason=f"where the probes had agreed: {fault}")
        except AttemptError as error:
            return replace(check, verdict="could not run", reason=str(error), line=error.line, source=error.source)
        if comparison is None:
            return check
        about: dict[str, Any] = {"steps": check.steps + comparison.steps, "compared": check.compared + comparison.compared}
        if comparison.verdict != "equivalent":
            reason = "the probes agree, and a training in lockstep does not"
            return replace(check, verdict="different", first=comparison.first_divergence, reason=reason, comparison=comparison, **about)
        return replace(check, comparison=comparison, **about)

    def _unstable(self, reading: Reading, works_in_place: bool) -> tuple[str | None, list[str]]:
        """Whether a formula overflows where it need not: with weights so large that |z| reaches a thousand.

        A loss that is shown may be infinite there, as −ln p is where p rounds to 0; gradients and outputs have no such excuse. What raises
        there, as `math.exp` does, is noted: it is not a number that looks like one.
        """
        if self.problem.loss == "bce":  # a loss of probabilities has no numbers where they are 0 or 1
            return None, []
        raised: list[str] = []
        for layer, sign in product(range(1, len(self.problem.layers) + 1), (1, -1)):
            observed = Observed(skipped=frozenset({"loss"}), works_in_place=works_in_place)
            try:
                self._observe(reading, observed, (with_z(self.problem, self.probes[0], layer, 1000.0 * sign),))
            except FaultError as fault:
                if fault.kind != "nan":
                    raise
                where = layers_named(self.problem, (layer,))
                return f"for z up to {1000 * sign} in {where}, {fault}; a stable form of it does not overflow", raised
            except AttemptError as error:
                raised = raised or [f"for z up to {1000 * sign} in {layers_named(self.problem, (layer,))}, {error}"]
        return None, raised

    def _wrong_elsewhere(self, reading: Reading, works_in_place: bool, seed: int) -> tuple[str | None, list[str]]:
        """What comes out wrong where the probes do not reach: far out, with many records, or with large ones; and where it raises.

        Outputs, gradients and new weights are held to it: what is shown on the way may be in a scale of its own.
        """
        probe = self.probes[0]
        places = [
            (f"for z up to {far:g} in {layers_named(self.problem, (layer,))}", with_far_z(self.problem, probe, layer, far), "clipped")
            for layer, far in product(range(1, len(self.problem.layers)), (FARTHER, -FARTHER))
        ]
        places.append((f"with {MANY} records", with_many_records(self.problem, probe, MANY, seed), "left out"))
        places.append((f"with records {LARGER:g} times as large", with_larger_records(self.problem, probe, LARGER), "clipped"))
        refused: list[str] = []
        for where, other, how in places:
            observed = Observed(skipped=frozenset({"loss", "trace"}), works_in_place=works_in_place)
            try:
                self._observe(reading, observed, (other,))
            except AttemptError as error:  # it refuses such records, which no comparison can hold against it
                refused = refused or [f"{where}, {error}: nothing was compared there"]
                continue
            run = observed.right(self.problem)
            for node, array in observed.shown.items():
                with np.errstate(all="ignore"):
                    is_right = not _is_final(node) or is_within(array, run.worked_out(*node))
                if not is_right:
                    stage = stage_name(self.problem, (node[0], node[2]))
                    return f"the probes agree, and {where} the {stage} does not: is something {how}?", refused
        return None, refused

    def _in_lockstep(self, reading: Reading) -> Comparison | None:
        """Both sides trained from the probe's weights on its batches, each keeping its own; None where no training is offered."""
        if not (self.steps and can_train(self.attempt, self.problem)):
            return None
        from compare.adapters.torch_ref import TorchRef

        problem = with_probes(self.problem, self.probes[0])
        side = Attempted(self.attempt, problem, reading)
        keep = steps_to_keep(problem, self.steps) if self.keep else ()
        return train_in_lockstep(side, TorchRef(problem, stages=True), problem, steps=self.steps, keep=keep)

    def _observe(self, reading: Reading, observed: Observed, probes: tuple[Probe, ...]) -> None:
        observe(self.attempt.fresh, self.problem, probes, reading, observed)


def _is_final(node: Node) -> bool:
    """Whether it is an output, a gradient or a new weight."""
    return node[0] == "output" or node[0].endswith(("_used", "_after"))
