"""What an attempt that is right on the probes has to stand: to be asked again, large numbers, and a training in lockstep."""

from dataclasses import replace
from itertools import product
from typing import Any

from compare.adapters.attempt import AttemptError
from compare.adapters.attempted import Attempted
from compare.adapters.candidate import Candidate
from compare.adapters.readings import ContractError, Reading
from compare.comparison import Comparison, steps_to_keep
from compare.diagnosis.graph import Run, kinds
from compare.diagnosis.mistake import layers_named
from compare.diagnosis.observing import FaultError, Observed, changed_stage, observe
from compare.diagnosis.probes import Probe, steps_of, with_probes
from compare.lockstep import train_in_lockstep
from compare.problem import Problem
from compare.verdict import Check, Verdict


class Proof:
    """An attempt that is equal on the probes, put to the proof."""

    def __init__(self, attempt: Candidate, problem: Problem, probes: tuple[Probe, ...], steps: int, keep: bool) -> None:
        self.attempt, self.problem, self.probes, self.steps, self.keep = attempt, problem, probes, steps, keep

    def proved(self, check: Check, reading: Reading, observed: Observed) -> Check:
        """What the probes found equal: whether it answers the same again, holds for large numbers, and over a training in lockstep too."""
        again = Observed(works_in_place=observed.works_in_place)
        try:
            self._observe(reading, again, self.probes[:1])
            changed = changed_stage(self.problem, observed, again)
            if changed:
                return replace(check, verdict="could not run", reason=changed)
            unstable, raised = self._unstable(reading, observed.works_in_place)
            if unstable:
                return replace(check, verdict="unstable formula", reason=unstable)
            check = replace(check, notes=(*check.notes, *raised))
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
                self._observe(reading, observed, (self._large(layer, sign),))
            except FaultError as fault:
                if fault.kind != "nan":
                    raise
                where = layers_named(self.problem, (layer,))
                return f"for z up to {1000 * sign} in {where}, {fault}; a stable form of it does not overflow", raised
            except AttemptError as error:
                raised = raised or [f"for z up to {1000 * sign} in {layers_named(self.problem, (layer,))}, {error}"]
        return None, raised

    def _large(self, layer: int, sign: int) -> Probe:
        """The first probe's first step, with weights of one layer so large that its z goes up to 1000, or down to −1000."""
        probe = self.probes[0]
        run = Run(self.problem, steps_of((probe,), [probe.parameters]))
        largest = float((sign * run("z", 0, layer).value).max())
        names = [run.name(kind, layer) for kind in kinds(self.problem, layer) if kind in ("weight", "bias")]
        factor = 1000 / largest if largest > 0 else 1.0
        large = {name: array * factor if name in names else array for name, array in probe.parameters.items()}
        return Probe(probe.batches[:1], probe.lrs[:1], large, probe.masks[:1])

    def _in_lockstep(self, reading: Reading) -> Comparison | None:
        """Both sides trained from the probe's weights on its batches, each keeping its own; None where no training is offered."""
        from compare.adapters.torch_ref import TorchRef

        trains = "train_step" in self.attempt.functions or (
            "gradients" in self.attempt.functions and self.problem.optimizer == "sgd" and self.problem.is_plain_descent
        )
        if not (self.steps and trains):
            return None
        problem = with_probes(self.problem, self.probes[0])
        side = Attempted(self.attempt, problem, reading)
        keep = steps_to_keep(problem, self.steps) if self.keep else ()
        return train_in_lockstep(side, TorchRef(problem, stages=True), problem, steps=self.steps, keep=keep)

    def _observe(self, reading: Reading, observed: Observed, probes: tuple[Probe, ...]) -> None:
        observe(self.attempt.fresh, self.problem, probes, reading, observed)
