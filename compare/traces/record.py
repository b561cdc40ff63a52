"""Record a training run as a trace, written to disk segment by segment, so that an interrupted run can be resumed."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..lockstep.blocks import blocks
from ..problem.problem import Problem
from ..problem.validation import check_choice, is_whole
from ..sides.interface import StepRecord
from ..support.environment import environment
from ..support.errors import ProblemError
from ..support.output import locked, write_file
from .manifest import END, INPUTS, MANIFEST, SIDES, START, Manifest, Part, TraceError, segment_name
from .segments import to_arrays
from .trace import Trace, digest, folder_at, inputs_arrays, problem_fields

Side = Literal["torch_ref", "manual"]
_SEGMENT_STEPS = 256
_SEGMENT_BYTES = 1 << 22


def record(
    problem: Problem,
    out: str | PathLike[str],
    *,
    steps: int,
    side: Side = "torch_ref",
    device: str = "cpu",
    stages: bool = False,
    keep_inputs: bool = True,
    data: Mapping[str, Any] | None = None,
    progress: Callable[[int], None] = lambda step: None,
) -> Trace:
    """Train a backend for that many steps and write each step's `StepRecord`, with `stages` also its stages, into the folder `out`.

    An interrupted run resumes after its last segment. Without `keep_inputs` the trace has only the digest of the inputs; `data` describes
    their source. Raises ProblemError for invalid options and for a folder that another run is using, TraceError if the folder contains
    another run, or files that were changed after they were written.
    """
    if not isinstance(problem, Problem):
        raise ProblemError(f"the problem is {problem!r}; expected a Problem")
    if not is_whole(steps, least=1):
        raise ProblemError(f"steps are {steps!r}; expected a whole number, at least 1")
    check_choice("side", side, SIDES)
    folder = folder_at(out)
    network, device = _network(problem, side, device, stages)
    about: dict[str, Any] = {
        "problem": problem_fields(problem),
        "data": _as_json(data or {}),
        "side": side,
        "device": device,
        "stages": network.stages,
        "environment": environment(device if side == "torch_ref" else None),
        "inputs": digest(problem),
        "steps": int(steps),
    }
    _check_place(folder)
    with locked(folder):
        writer = _Writer(folder, problem, about, keep_inputs)
        done = writer.manifest.recorded
        if done:
            _resume(network, problem, writer.trace().last(), done)
        with np.errstate(all="ignore"):
            for numbers, records in _segments(problem, int(steps), network, done):
                writer.add(segment_name(numbers[0]), to_arrays(problem, numbers, records), first=numbers[0], last=numbers[-1])
                progress(numbers[-1])
            if not writer.manifest.is_complete:
                writer.add(END, {} if problem.test is None else {"prediction": network.predict(problem.test[0])})
    return writer.trace()


class _Writer:
    """Write a trace into a folder: each part is on disk before the manifest lists it."""

    def __init__(self, folder: Path, problem: Problem, about: Mapping[str, Any], keep_inputs: bool) -> None:
        self.folder, self.problem = folder, problem
        if (folder / MANIFEST).exists():
            begun = self.trace()
            self.manifest = begun.manifest
            _check_same(folder, self.manifest, {**about, "has_inputs": keep_inputs})
            begun.verify()
            return
        _check_place(folder)
        self.manifest = Manifest(**about, parts=())
        self.add(START, dict(problem.initial_parameters), is_listed=not keep_inputs)
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


def _segments(problem: Problem, steps: int, network: Any, done: int) -> Iterator[tuple[list[int], list[StepRecord]]]:
    """Run the steps after the done ones, and yield those of one segment at a time; the segments depend on the problem alone."""
    numbers: list[int] = []
    records: list[StepRecord] = []
    most = max(1, min(_SEGMENT_STEPS, _SEGMENT_BYTES // _step_bytes(problem, network)))
    for block in blocks(problem, steps, most=most):
        if numbers and len(numbers) + len(block) > most:
            yield numbers, records
            numbers, records = [], []
        if block[0] > done:
            records.append(network.steps([problem.batch(number) for number in block]))
            numbers += block
    if numbers:
        yield numbers, records


def _step_bytes(problem: Problem, network: Any) -> int:
    """Estimate the bytes of one step's record."""
    parameters = sum(array.size for array in problem.initial_parameters.values()) * (3 + len(problem.slots))
    units = 2 * sum(problem.sizes[1:]) if network.stages else problem.sizes[-1]
    return int(np.dtype(problem.dtype).itemsize * (parameters + units * max(problem.batch_lengths(problem.steps_per_epoch))))


def _network(problem: Problem, side: Side, device: str, stages: bool) -> tuple[Any, str]:
    """Return the backend with the initial parameters, and its device; raises ProblemError for a device that is not available."""
    network: Any
    if side == "manual":
        from ..sides.manual import Manual

        if str(device) not in ("cpu", "cpu:0"):
            raise ProblemError(f"device is {str(device)!r} and side is 'manual'; expected no device, as that side runs on the CPU")
        network, device = Manual(problem, stages=stages), "cpu"
    else:
        from ..sides.devices import checked_device
        from ..sides.torch_ref import TorchRef

        device = checked_device(str(device))
        network = TorchRef(problem, device=device, stages=stages)
    network.load_state_dict({**problem.initial_parameters, **problem.initial_buffers()})
    return network, device


def _resume(network: Any, problem: Problem, last: StepRecord, steps: int) -> None:
    """Restore the backend's state after that many steps from the record of the last one."""
    tracked = {name: np.array(steps, np.int64) for name in problem.initial_buffers().keys() - problem.buffer_shapes().keys()}
    network.load_state_dict({**(last.params or {}), **(last.buffers or {}), **tracked})
    network.optimizer.load_state_dict({"steps": np.array(steps, np.int64), **(last.state or {})}, network.network)
