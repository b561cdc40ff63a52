"""Check an attempt: is it equal to PyTorch, and if not, where does it part, and which mistake explains it?"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from os import PathLike, fspath
from typing import Any, Literal

import numpy as np

from compare.adapters.attempt import Attempt, AttemptError
from compare.adapters.attempted import Attempted, Traced
from compare.adapters.functions import Functions
from compare.adapters.readings import ContractError, Reading, readings
from compare.comparison import Comparison, Difference
from compare.declared import declared_problem
from compare.diagnosis.conventions import in_our_scale
from compare.diagnosis.explain import Answer, Found, explained
from compare.diagnosis.graph import Node, Run, Step, kinds, parameter_name
from compare.diagnosis.lines import line_of
from compare.diagnosis.mistake import layers_named
from compare.diagnosis.observing import FaultError, Observed, observe
from compare.diagnosis.probes import Probe, dead_units, draw_probes, steps_of, with_probes
from compare.diagnosis.stages import Stage, judged, stage_name
from compare.errors import ProblemError
from compare.implementation import Array, Batch
from compare.lockstep import train_in_lockstep
from compare.options import check_seed, is_whole
from compare.problem import Problem

Verdict = Literal["equivalent", "different", "unstable formula", "not a proof", "could not run"]
STEPS = 50
_TRACED = 3  # records of the step that is followed line by line


@dataclass(frozen=True)
class Check:
    """What came of checking an attempt.

    `stages` are in the order of computation, each with its mark; `diagnosis` the mistakes that explain a difference, one entry for each
    that was made. `conventions` and `notes` are sentences. `first` is the first number that is wrong, `reason` what else there is to say of
    the verdict. `comparison` is the training in lockstep that followed where the probes agreed. `compared` counts numbers, `seed` draws
    the same probes again.
    """

    verdict: Verdict
    name: str
    problem: Problem
    seed: int
    steps: int = 0
    compared: int = 0
    stages: tuple[Stage, ...] = ()
    diagnosis: tuple[Found, ...] = ()
    conventions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    first: Difference | None = None
    reason: str | None = None
    line: int | None = None
    source: str | None = None
    printed: str = ""
    comparison: Comparison | None = None
    functions: tuple[str, ...] = ()
    scales: tuple[str, ...] = ()
    unexplained: tuple[str, ...] = ()
    text: str = field(default="", repr=False)

    def text_of(self, line: int) -> str:
        """That line of the file, without its indentation."""
        lines = self.text.split("\n")
        return lines[line - 1].strip() if line <= len(lines) else ""


def check(
    attempt: Any,
    *,
    adapter: str | PathLike[str] | None = None,
    problem: Mapping[str, Any] | None = None,
    seed: int | None = None,
    steps: int = STEPS,
    data: Batch | None = None,
) -> Check:
    """Check a file of hand-written functions against PyTorch on probes, and then over `steps` steps of training in lockstep.

        check("my_network.py").verdict

    In place of the path, functions that are at hand may be given: a module, a mapping of their names, an object that has them, or one.
    What it is compared with is said by `problem`, a dict with the keys of the JSON's `problem`, or by the file's own PROBLEM; by default
    it is the lesson's network. Probes are drawn from `seed`, or with `data`, an (x, y), from its records. See docs/bring-your-own.md.

    Raises UnusableFileError for a file that cannot be used, ProblemError for options that cannot, and for what has no function.
    """
    if seed is not None:
        check_seed(seed)
    if not is_whole(steps, least=0):
        raise ProblemError(f"steps are {steps!r}; expected a whole number, at least 0")
    seed = secrets.randbelow(2**32) if seed is None else int(seed)
    if not isinstance(attempt, Attempt):
        try:
            attempt = _loaded(attempt, adapter)
        except AttemptError as error:
            return Check(
                "could not run",
                str(attempt),
                declared_problem(problem or {}),
                seed,
                reason=str(error),
                line=error.line,
                source=error.source,
            )
    agreed = declared_problem({**attempt.problem, **(problem or {})})
    return _Checking(attempt, agreed, seed, steps, data).result()


def _loaded(given: Any, adapter: str | PathLike[str] | None) -> Attempt:
    """The file at that path, or the functions."""
    if isinstance(given, (str, PathLike)):
        return Attempt.load(fspath(given), None if adapter is None else fspath(adapter))
    if adapter is not None:
        raise ProblemError(f"an adapter is given with a {type(given).__name__}; expected the path of the file that it adapts")
    return Functions(given)


@dataclass(frozen=True)
class _Judged:
    """What one reading of the file's arrays makes of its answers."""

    verdict: Verdict
    reading: Reading
    observed: Observed
    shown: Mapping[Node, Array]
    stages: tuple[Stage, ...]
    conventions: tuple[str, ...]
    scales: tuple[str, ...]
    reason: str | None


def _how_far(fault: FaultError | AttemptError) -> tuple[int, int]:
    """How far a file came in a reading: to its answer, or to a line; a name or an index that it does not find is the reading's fault."""
    if isinstance(fault, FaultError):
        return 2, 0
    is_of_the_reading = any(f"raised {name}" in str(fault) for name in ("KeyError", "AttributeError", "IndexError", "TypeError"))
    return int(not is_of_the_reading), fault.line or 0


class _Checking:
    """A check in the making."""

    def __init__(self, attempt: Attempt, problem: Problem, seed: int, steps: int, data: Batch | None) -> None:
        self.attempt, self.problem, self.seed, self.steps = attempt, problem, seed, steps
        self.probes = draw_probes(problem, seed, data)
        if "train_step" not in attempt.functions:  # then new weights are shown, if at all, by a trace, which may not be told lr
            self.probes = tuple(replace(probe, lrs=(problem.lr,) * len(probe.lrs)) for probe in self.probes)

    def result(self) -> Check:
        """The check, by the reading of the file's arrays that fits."""
        fitting: list[_Judged] = []
        faults: list[tuple[int, FaultError | AttemptError, Reading]] = []
        for reading in readings(self.problem, self.attempt.conventions):
            if fitting and reading.params != fitting[0].reading.params:  # who takes a dict of these names takes no list
                continue
            observed = Observed()
            try:
                self._observe(reading, observed)
            except (FaultError, AttemptError) as fault:
                faults.append((len(observed.shown), fault, reading))
                continue
            judged = self._judged(observed, reading)
            if judged.verdict == "equivalent":
                return self._whole(judged)
            fitting.append(judged)
        if fitting:
            return self._best(fitting)
        _, farthest, reading = max(faults, key=lambda each: (each[0], *_how_far(each[1])))
        return self._behind(farthest, reading) or self._faulty(farthest)

    def _best(self, fitting: list["_Judged"]) -> Check:
        """Of readings that fit, of which none is right: the contract's own, else the only one that is explained."""
        fitting = list({tuple(array.tobytes() for array in judged.shown.values()): judged for judged in reversed(fitting)}.values())[::-1]
        is_own = fitting[0].reading == Reading(params=fitting[0].reading.params)
        first = self._explained(fitting[0])
        if (is_own and first.diagnosis) or len(fitting) == 1:
            return first
        explained_ones = [check for check in (first, *map(self._explained, fitting[1:])) if check.diagnosis]
        if len(explained_ones) == 1 or (explained_ones and is_own):
            return explained_ones[0]
        if is_own:
            return first
        said = [f"{', '.join(judged.reading.said()) or 'as the contract has it'}: {judged.reading.declaration()}" for judged in fitting[:4]]
        return self._check(
            "could not run", reason=f"several readings of your arrays fit, and none is right; say which it is: {'; or '.join(said)}"
        )

    def _observe(self, reading: Reading, observed: Observed, probes: tuple[Probe, ...] | None = None) -> None:
        observe(self.attempt.fresh, self.problem, self.probes if probes is None else probes, reading, observed)

    def _behind(self, fault: FaultError | AttemptError, reading: Reading) -> Check | None:
        """What explains the new weights or the gradients, where a stage that is shown has the wrong shape; None if nothing does."""
        if not (isinstance(fault, FaultError) and fault.kind == "shape" and fault.function in ("trace", "forward")):
            return None
        observed = Observed(skipped=frozenset({"trace", "forward", "loss"}))
        try:
            self._observe(reading, observed)
        except (FaultError, AttemptError):
            return None
        check = self._explained(self._judged(observed, reading)) if observed.shown else None
        return replace(check, reason=f"step {fault.step}: {fault}") if check and check.diagnosis else None

    def _faulty(self, fault: FaultError | AttemptError) -> Check:
        if isinstance(fault, AttemptError):
            return self._check("could not run", reason=str(fault), line=fault.line, source=fault.source)
        return self._check("different" if fault.kind == "nan" else "could not run", reason=f"step {fault.step}: {fault}")

    def _judged(self, observed: Observed, reading: Reading) -> "_Judged":
        final = "after" if "train_step" in self.attempt.functions else "used"
        shown, said = in_our_scale(self.problem, observed.steps, observed.shown, final)
        return self._judged_as(observed, reading, shown, said)

    def _judged_as(self, observed: Observed, reading: Reading, shown: Mapping[Node, Array], said: list[str]) -> "_Judged":
        stages = judged(self.problem, Run(self.problem, observed.steps, shown=shown), shown, self._expected(observed.steps))
        layout = (*reading.said(), *(["you work in place"] if observed.works_in_place else []))
        empty = self._nothing_proved(observed, shown)
        is_right = all(stage.mark == "agrees" for stage in stages)
        verdict: Verdict = "not a proof" if empty else "equivalent" if is_right else "different"
        return _Judged(verdict, reading, observed, shown, tuple(stages), layout, tuple(said), empty)

    def _explained(self, judged: "_Judged") -> Check:
        """With the mistakes that explain the difference, as few as can be.

        What is shown on the way may be in a scale of its own, or have a factor that is the very mistake: fewer mistakes decide.
        """
        if judged.verdict == "not a proof":
            return self._told(judged)
        plain, said = in_our_scale(self.problem, judged.observed.steps, judged.observed.shown, None)
        answer = self._answer(judged)
        if any(not np.array_equal(plain[node], array) for node, array in judged.shown.items() if node in plain):
            as_it_is = self._judged_as(judged.observed, judged.reading, plain, said)
            other = self._answer(as_it_is, with_pairs=False)
            if other.cost <= answer.cost:
                judged, answer = as_it_is, other
        wrong = [stage for stage in judged.stages if stage.mark == "wrong"] or [stage for stage in judged.stages if stage.mark != "agrees"]
        first = min((stage.difference for stage in wrong if stage.difference), key=lambda each: each.step, default=None)
        left = tuple(stage_name(self.problem, group) for group in answer.left)
        found = tuple(self._with_line(each, judged) for each in answer.found)
        return replace(self._told(judged), first=first, diagnosis=found, unexplained=left)

    def _answer(self, judged: "_Judged", with_pairs: bool = True) -> Answer:
        return explained(self.problem, judged.observed.steps, judged.shown, judged.stages, with_pairs)

    def _told(self, judged: "_Judged") -> Check:
        return self._check(
            judged.verdict,
            reason=judged.reason,
            steps=len(judged.observed.steps),
            compared=sum(array.size for array in judged.shown.values()),
            stages=judged.stages,
            conventions=judged.conventions,
            scales=judged.scales,
            notes=(*self.attempt.notes, *judged.observed.notes),
        )

    def _with_line(self, found: Found, judged: "_Judged") -> Found:
        """With the line of the file in which it was made, where it can be seen."""
        x, y = self.probes[0].batches[0]
        masks = tuple({layer: mask[:_TRACED] for layer, mask in each.items()} for each in self.probes[0].masks[:1])
        probe = Probe(((x[:_TRACED], y[:_TRACED]),), self.probes[0].lrs[:1], self.probes[0].parameters, masks)
        one = next(name for name in ("train_step", "gradients", "trace", "forward", "loss") if name in self.attempt.functions)
        observed = Observed(skipped=frozenset(self.attempt.functions) - {one})
        traced = Traced(self.attempt.fresh())
        try:
            observe(lambda: traced, self.problem, (probe,), judged.reading, observed)
        except (FaultError, AttemptError):
            return found
        return replace(found, line=line_of(Run(self.problem, observed.steps), found.causes[0], traced.assignments))

    def _expected(self, steps: list[Step]) -> dict[Node, Array]:
        """PyTorch's numbers for the same steps, each from the attempt's own weights."""
        from compare.adapters.torch_ref import TorchRef

        expected: dict[Node, Array] = {}
        index = 0
        for probe in self.probes:
            side = TorchRef(with_probes(self.problem, probe), stages=True)
            side.load_state_dict({**probe.parameters, **self.problem.initial_buffers()})
            for x, y in probe.batches:
                if index == len(steps):
                    break
                side.optimizer.lr = steps[index].lr
                masks = {str(layer.dropout): steps[index].masks[n] for n, layer in enumerate(self.problem.layers, start=1) if layer.dropout}
                record = side.steps(
                    [(x, y, masks) if masks else (x, y)], {name: array[None] for name, array in steps[index].before.items()}
                ).at(0)
                expected |= self._nodes(record, index)
                index += 1
        return expected

    def _nodes(self, record: Any, index: int) -> dict[Node, Array]:
        nodes: dict[Node, Array] = {("output", index, 0): record.output, ("loss", index, 0): record.loss}
        for number, layer in enumerate(self.problem.layers, start=1):
            nodes["a", index, number] = record.activations[layer.activation]
            nodes["delta", index, number] = record.errors[layer.linear]
            for kind in kinds(self.problem, number):
                name = parameter_name(self.problem, kind, number)
                nodes[f"{kind}_used", index, number] = record.grads[name]
                nodes[f"{kind}_step", index, number] = record.deltas[name]
                nodes[f"{kind}_after", index, number] = record.params[name]
        return nodes

    def _nothing_proved(self, observed: Observed, shown: Mapping[Node, Array]) -> str | None:
        """Why all this would prove nothing, or None."""
        groups: dict[str, list[Array]] = {}
        for (stage, _, _), array in shown.items():
            groups.setdefault(stage.partition("_")[2] or stage, []).append(array)
        if not {"used", "step", "after"} & groups.keys():
            return "no gradient and no new weight is shown: nothing of the backward pass was compared; define gradients or train_step"
        if "after" in groups:
            befores = [
                observed.steps[step].before[parameter_name(self.problem, stage.partition("_")[0], layer)]
                for stage, step, layer in shown
                if stage.endswith("_after")
            ]
            if all(np.array_equal(before, after) for before, after in zip(befores, groups["after"], strict=True)):
                return "the weights never change: train_step gives back what it was given"
        for stage, what in (("used", "the gradients are"), ("step", "the steps are"), ("delta", "the error terms are")):
            if stage in groups and all(not array.any() for array in groups[stage]):
                return f"{what} zero, whatever the input"
        outputs = groups.get("output", [])
        if outputs and len(outputs) > 1 and all((array == outputs[0].flat[0]).all() for array in outputs):
            return "the output is the same number for every record and step"
        dead = dead_units(self.problem, list(self.probes))
        if dead:
            layer, unit = dead[0]
            return f"no probe sends any error through unit {unit} of layer {layer}: what it does was not compared"
        return None

    def _whole(self, judged: "_Judged") -> Check:
        """What the probes found equal: whether it answers the same again, holds for large numbers, and over a training in lockstep too."""
        check, again = self._told(judged), Observed(works_in_place=judged.observed.works_in_place)
        try:
            self._observe(judged.reading, again, self.probes[:1])
            changed = self._changed(judged.observed, again)
            if changed:
                return replace(check, verdict="could not run", reason=f"a different answer on the same call twice: {changed}")
            unstable, raised = self._unstable(judged)
            if unstable:
                return replace(check, verdict="unstable formula", reason=unstable)
            check = replace(check, notes=(*check.notes, *raised))
            comparison = self._in_lockstep(judged.reading)
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

    def _changed(self, observed: Observed, again: Observed) -> str | None:
        """The first stage that came out otherwise the second time, beyond what rounding allows; or None."""
        run = Run(self.problem, observed.steps)
        for node, second in again.shown.items():
            with np.errstate(all="ignore"):
                bound = run.worked_out(*node).error
            if not (np.abs(observed.shown[node] - second) <= bound).all():
                return f"{stage_name(self.problem, (node[0], node[2]))} at step {node[1] + 1}"
        return None

    def _unstable(self, judged: "_Judged") -> tuple[str | None, list[str]]:
        """Whether a formula overflows where it need not: with weights so large that |z| reaches a thousand.

        A loss that is shown may be infinite there, as −ln p is where p rounds to 0; gradients and outputs have no such excuse. What raises
        there, as `math.exp` does, is noted: it is not a number that looks like one.
        """
        if self.problem.loss == "bce":  # a loss of probabilities has no numbers where they are 0 or 1
            return None, []
        raised: list[str] = []
        for layer, sign in product(range(1, len(self.problem.layers) + 1), (1, -1)):
            observed = Observed(skipped=frozenset({"loss"}), works_in_place=judged.observed.works_in_place)
            try:
                self._observe(judged.reading, observed, (self._large(layer, sign),))
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
        return train_in_lockstep(side, TorchRef(problem, stages=True), problem, steps=self.steps)

    def _check(self, verdict: Verdict, **about: Any) -> Check:
        return Check(
            verdict,
            self.attempt.name,
            self.problem,
            self.seed,
            printed=self.attempt.printed,
            text=self.attempt.text,
            functions=tuple(self.attempt.functions),
            **{"notes": tuple(self.attempt.notes), **about},
        )
