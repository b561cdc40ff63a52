"""Record a training run as a trace, written to disk segment by segment, so that an interrupted run can be resumed."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lockstep.blocks import blocks
from ..problem.problem import Problem
from ..problem.validation import check_choice, is_whole
from ..sides.interface import StepRecord
from ..support.arrays import Array
from ..support.boundary import public
from ..support.environment import environment
from ..support.errors import ProblemError
from ..support.output import locked, write_file
from .manifest import END, INPUTS, MANIFEST, SIDES, START, Manifest, Part, TraceError, segment_name
from .segments import to_arrays
from .trace import Trace, digest, folder_at, inputs_arrays, problem_fields

if TYPE_CHECKING:
    from ..problem.of_module import ModuleProblem
    from .of_module import CandidateRun

_SEGMENT_STEPS = 256
_SEGMENT_BYTES = 1 << 22


@public
def record(
    problem: "Problem | ModuleProblem",
    out: str | PathLike[str],
    *,
    steps: int,
    side: Any = "torch_ref",
    device: str = "cpu",
    stages: bool | None = None,
    names: Mapping[str, str] | None = None,
    keep_inputs: bool = True,
    data: Mapping[str, Any] | None = None,
    progress: Callable[[int], None] = lambda step: None,
) -> Trace:
    """Train a side for that many steps and write each step's `StepRecord`, with `stages` also its stages, into the folder `out`.

    Of a `Problem` the side is a backend, "torch_ref" or "manual". Of a module problem it is what may stand beside the module, with `names`,
    as in `assert_equivalent`, by default the module itself on the `device`; the stages are recorded by default, and inputs never.

    An interrupted run resumes after its last segment. Without `keep_inputs` the trace has only the digest of the inputs; `data` describes
    their source. Raises ProblemError for invalid options and for a folder that another run is using, TraceError if the folder contains
    another run, or files that were changed after they were written.
    """
    if not is_whole(steps, least=1):
        raise ProblemError(f"steps are {steps!r}; expected a whole number, at least 1")
    folder = folder_at(out)
    run = _run(problem, side, device, stages, names)
    keep_inputs = keep_inputs and isinstance(problem, Problem)
    about: dict[str, Any] = {
        "problem": problem_fields(problem),
        "data": _as_json(data or {}),
        "side": run.side,
        "device": run.device,
        "stages": run.stages,
        "environment": environment(None if run.side == "manual" else run.device),
        "inputs": digest(problem),
        "steps": int(steps),
    }
    _check_place(folder)
    with locked(folder):
        writer = _Writer(folder, problem, run.start, about, keep_inputs)
        done = writer.manifest.recorded
        if done:
            run.resume(writer.trace().last(), done)
        with np.errstate(all="ignore"):
            for numbers, shown in _segments(run, int(steps), done):
                writer.add(segment_name(numbers[0]), run.arrays(numbers, shown), first=numbers[0], last=numbers[-1])
                progress(numbers[-1])
            if not writer.manifest.is_complete:
                writer.add(END, run.evaluation())
    return writer.trace()


class _Writer:
    """Write a trace into a folder: each part is on disk before the manifest lists it."""

    def __init__(self, folder: Path, problem: Any, start: Mapping[str, Array], about: Mapping[str, Any], keep_inputs: bool) -> None:
        self.folder, self.problem = folder, problem
        if (folder / MANIFEST).exists():
            begun = self.trace()
            self.manifest = begun.manifest
            _check_same(folder, self.manifest, {**about, "has_inputs": keep_inputs})
            begun.verify()
            return
        _check_place(folder)
        self.manifest = Manifest(**about, parts=())
        self.add(START, start, is_listed=not keep_inputs)
        if keep_inputs:
            self.add(INPUTS, inputs_arrays(problem))

    def trace(self) -> Trace:
        """Return the trace as written so far."""
        return Trace(self.folder, self.problem)

    def add(self, file: str, arrays: Mapping[str, Any], *, is_listed: bool = True, **steps: int) -> None:
        """Write the arrays as a part, and then the manifest, unless the next part will do so."""
        from safetensors.numpy import save

        data = save({name: np.ascontiguousarray(array).reshape(np.shape(array)) for name, array in arrays.items()})
        write_file(self.folder / file, data)
        part = Part(file, len(data), sha256(data).hexdigest(), **steps)
        self.manifest = replace(self.manifest, parts=(*self.manifest.parts, part))
        if is_listed:
            write_file(self.folder / MANIFEST, self.manifest.to_bytes())


def _check_place(folder: Path) -> None:
    """Raise TraceError, before anything is written, if the folder contains anything but files of a run."""
    others = [] if not folder.is_dir() or (folder / MANIFEST).exists() else [path.name for path in folder.iterdir()]
    if any(not name.startswith(".") and name not in (START, INPUTS) for name in others):
        raise TraceError(f"{folder} is not empty and has no {MANIFEST}; expected a new folder, or one with a trace")


def _as_json(data: Any) -> dict[str, Any]:
    """Return the data as it reads back from a manifest's JSON, to be compared with it when the run resumes."""
    try:
        return dict(json.loads(json.dumps(dict(data), allow_nan=False)))
    except (TypeError, ValueError) as error:
        raise ProblemError(f"data is {data!r}; expected names and values that JSON can hold: {error}") from None


def _check_same(folder: Path, manifest: Manifest, about: Mapping[str, Any]) -> None:
    """Raise TraceError unless the run in the folder is this one and is not complete."""
    for name, wanted in about.items():
        found = getattr(manifest, name)
        if found != wanted:
            differing = [key for key in wanted if found.get(key) != wanted[key]] if isinstance(wanted, Mapping) else []
            what = f"{name} {differing[0]}" if differing else name.replace("_", " ")
            was, now = (found.get(differing[0]), wanted[differing[0]]) if differing else (found, wanted)
            raise TraceError(f"{folder} holds a run whose {what} is {was!r}, and now it is {now!r}; expected the same, or another --out")
    if manifest.is_complete:
        raise TraceError(f"{folder} holds this run already, whole; expected another --out, or none of its files")


def _segments(run: "NetworkRun | CandidateRun", steps: int, done: int) -> Iterator[tuple[list[int], list[Any]]]:
    """Run the steps after the done ones, and yield what those of one segment show; the segments depend on the problem alone."""
    numbers: list[int] = []
    shown: list[Any] = []
    most = max(1, min(_SEGMENT_STEPS, _SEGMENT_BYTES // run.step_bytes()))
    for block in run.blocks(steps, most):
        if numbers and len(numbers) + len(block) > most:
            yield numbers, shown
            numbers, shown = [], []
        if block[0] > done:
            shown.append(run.shown(block))
            numbers += block
    if numbers:
        yield numbers, shown


def _run(problem: Any, side: Any, device: str, stages: bool | None, names: Mapping[str, str] | None) -> "NetworkRun | CandidateRun":
    if not isinstance(problem, Problem):
        from .of_module import CandidateRun

        return CandidateRun(problem, side, device, stages is not False, names)
    check_choice("side", side, SIDES)
    if names is not None:
        raise ProblemError("names are given with a Problem; expected them with what Problem.of returns")
    return NetworkRun(problem, side, device, bool(stages))


class NetworkRun:
    """The run of a backend on a perceptron's problem; raises ProblemError for a device that is not available."""

    def __init__(self, problem: Problem, side: str, device: str, stages: bool) -> None:
        self.problem, self.side, self.start = problem, side, problem.initial_parameters
        self.network: Any
        if side == "manual":
            from ..sides.manual import Manual

            if str(device) not in ("cpu", "cpu:0"):
                raise ProblemError(f"device is {str(device)!r} and side is 'manual'; expected no device, as that side runs on the CPU")
            self.network, self.device = Manual(problem, stages=stages), "cpu"
        else:
            from ..sides.devices import checked_device
            from ..sides.torch_ref import TorchRef

            self.device = checked_device(str(device))
            self.network = TorchRef(problem, device=self.device, stages=stages)
        self.stages = self.network.stages
        self.network.load_state_dict({**problem.initial_parameters, **problem.initial_buffers()})

    def step_bytes(self) -> int:
        """Estimate the bytes of one step's record."""
        problem = self.problem
        parameters = sum(array.size for array in problem.initial_parameters.values()) * (3 + len(problem.slots))
        units = 2 * sum(problem.sizes[1:]) if self.stages else problem.sizes[-1]
        return int(np.dtype(problem.dtype).itemsize * (parameters + units * max(problem.batch_lengths(problem.steps_per_epoch))))

    def blocks(self, steps: int, most: int) -> Iterator[list[int]]:
        """Yield the steps that are run together."""
        return blocks(self.problem, steps, most=most)

    def shown(self, block: Sequence[int]) -> StepRecord:
        """Make these steps, and return their records, stacked."""
        record: StepRecord = self.network.steps([self.problem.batch(number) for number in block])
        return record

    def arrays(self, numbers: Sequence[int], shown: Sequence[StepRecord]) -> dict[str, Array]:
        """Return the arrays of these steps."""
        return to_arrays(self.problem, numbers, shown)

    def resume(self, last: StepRecord, steps: int) -> None:
        """Restore the backend's state after that many steps from the record of the last one."""
        tracked = {name: np.array(steps, np.int64) for name in self.problem.initial_buffers().keys() - self.problem.buffer_shapes().keys()}
        self.network.load_state_dict({**(last.params or {}), **(last.buffers or {}), **tracked})
        self.network.optimizer.load_state_dict({"steps": np.array(steps, np.int64), **(last.state or {})}, self.network.network)

    def evaluation(self) -> dict[str, Array]:
        """Return the outputs for the test records, if there are any."""
        return {} if self.problem.test is None else {"prediction": self.network.predict(self.problem.test[0])}
