"""The run of a candidate beside any module: how it is recorded, and the trace as a candidate. Importing this module imports torch."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from torch.utils._pytree import keystr, tree_flatten_with_path

from ..lockstep.candidate import Running
from ..lockstep.numbers import as_arrays, as_tensors, parameters
from ..problem.module_copy import copied_module
from ..problem.of_module import UNNAMED, ModuleProblem, name_of
from ..sides.candidates import GradientsSide, Names, candidate_of
from ..sides.devices import checked_device
from ..sides.interface import CARRIED, STAGES, OfModule, StepRecord
from ..sides.module import ModuleSide
from ..support.arrays import Array, Batch
from ..support.errors import ProblemError
from ..support.kinds import kind_of
from .as_side import Recorded
from .manifest import START, TraceError
from .segments import checked_arrays, step_arrays
from .trace import Trace, cut_off

_SETTINGS = ("loss", "reduction", "optimizer", "optimizer_options", "lr", "clip_grad_norm", "clip_grad_value", "dtype", "seed", "tf32")


class CandidateRun:
    """The run of a candidate, by default the problem's own module on that device."""

    def __init__(self, problem: ModuleProblem, side: Any, device: str, stages: bool, names: Names | None) -> None:
        if not isinstance(problem, ModuleProblem):
            raise ProblemError(f"the problem is {problem!r}; expected a Problem, or what Problem.of returns")
        if isinstance(side, str) and side == "torch_ref":
            side = copied_module(problem.module, "the module").to(checked_device(str(device)))
        elif str(device) != "cpu":
            raise ProblemError(f"device is {str(device)!r}, and side is {kind_of(side)}; expected no device, as a candidate has its own")
        own = candidate_of(side, problem, names, stages=stages)
        self.problem, self.stages, self.candidate = problem, stages, Running(own, problem)
        self.side = "module" if self.candidate.is_module else "candidate"
        self.device = str(own.device) if isinstance(own, ModuleSide) else "cpu"
        self.start = start_of(problem)
        self.candidate.start(self.start)

    def step_bytes(self) -> int:
        """Return the bytes of the reference's first record."""
        reference = ModuleSide(self.problem, stages=self.stages)
        return sum(each.nbytes for each in reference.numbers(1, self.problem.batch(1)).values())

    def blocks(self, steps: int, most: int) -> Iterator[list[int]]:
        """Yield the steps one by one."""
        return ([number] for number in range(1, steps + 1))

    def shown(self, block: Sequence[int]) -> dict[str, Array]:
        """Make the step, and return its arrays."""
        record = self.candidate.step(block[0])
        return step_arrays(block[0], record if self.stages else replace(record, **dict.fromkeys(STAGES)))

    def arrays(self, numbers: Sequence[int], shown: Sequence[dict[str, Array]]) -> dict[str, Array]:
        """Return the arrays of these steps."""
        return {name: array for each in shown for name, array in each.items()}

    def resume(self, last: StepRecord, steps: int) -> None:
        """Restore the candidate's state after that many steps from the record of the last one."""
        side = self.candidate.side
        trained = side.trainer if isinstance(side, GradientsSide) else side
        if not isinstance(trained, ModuleSide):
            raise TraceError(f"a run of {kind_of(side)}, which trains itself, does not go on where it was cut off; expected another out")
        trained.load(as_tensors({(phase, name): array for phase in CARRIED for name, array in (getattr(last, phase) or {}).items()}))
        trained.steps = steps

    def evaluation(self) -> dict[str, Array]:
        """Return what the candidate shows of the first batch in evaluation, which may be nothing."""
        try:
            return {name: array for (_, name), array in self.candidate.evaluation(self.problem.batch(1)).items()}
        except NotImplementedError:
            return {}


class RecordedCandidate(Recorded):
    """A candidate's recorded run; its numbers in evaluation are compared if the comparison ends where the run did."""

    def predict(self, *inputs: Any) -> Array:
        """Return the recorded output in evaluation; raises NotImplementedError if there is none."""
        return self.ended()["prediction"]

    def ended(self) -> dict[str, Array]:
        """Return what was recorded in evaluation; raises NotImplementedError if nothing was, or not after this step."""
        trace = self.trace
        if self.done == trace.recorded and not trace.manifest.is_complete:
            raise NotImplementedError(cut_off(trace))
        found = trace.evaluation() if self.done == trace.recorded else {}
        if not found:
            raise NotImplementedError(f"{trace.folder} has no prediction after step {self.done}")
        return dict(found)


class RecordedModule(RecordedCandidate, OfModule):
    """A module's recorded run."""

    def evaluation(self, batch: Batch) -> dict[tuple[str, str], Any]:
        """Return what was recorded in evaluation; raises NotImplementedError if nothing was, or not after this step."""
        return as_tensors({("prediction", name): array for name, array in self.ended().items()})


def recorded_candidate(trace: Trace, problem: ModuleProblem) -> RecordedCandidate:
    """Return the run as a candidate beside the problem's module; raises TraceError if its settings, its start or its inputs are others."""
    if not trace.manifest.is_of_module:
        raise TraceError(f"{trace.folder} is the run of a perceptron; expected one that was recorded with what Problem.of returns")
    for name, now in settings(problem).items():
        was = trace.manifest.problem.get(name)
        if name != "module" and was != now and UNNAMED not in (was, now):
            raise TraceError(f"{trace.folder} was recorded with {name} {was!r}, and now it is {now!r}; expected the problem of that run")
    start, where = start_of(problem), f"{trace.folder / START} is of another problem"
    try:
        checked_arrays(trace.start, start)
    except TraceError as error:
        raise TraceError(f"{where}: {error}") from None
    for name, array in start.items():
        if not np.array_equal(array, trace.start[name], equal_nan=array.dtype.kind == "f"):
            raise TraceError(f"{where}: its {name!r} has other numbers; expected the same start: initial_parameters=Trace(…).start")
    trace.check_inputs(problem)
    return (RecordedModule if trace.manifest.side == "module" else RecordedCandidate)(trace)


def settings(problem: ModuleProblem) -> dict[str, Any]:
    """Return the problem's settings as JSON values, functions by their names, and the name of the module's class."""
    named = {"module": name_of(problem.module), **{name: getattr(problem, name) for name in _SETTINGS}}
    return dict(json.loads(json.dumps(named, default=name_of)))


def start_of(problem: ModuleProblem) -> dict[str, Array]:
    """Return the parameters and buffers before the first step, by name."""
    return parameters(as_arrays(ModuleSide(problem).state())) or {}


def batch_arrays(problem: ModuleProblem) -> dict[str, Any]:
    """Return the arrays of the batches by their places: "[1][0]", the first of the first batch, "[1][1]['mask']" …; of all else text."""
    leaves = tree_flatten_with_path(dict(enumerate(problem.batches, start=1)))[0]
    return {keystr(path): leaf if isinstance(leaf, (np.ndarray, np.generic)) else np.array(repr(leaf)) for path, leaf in leaves}
