"""Keep a training run as a trace, on the disk segment by segment, so that one that is cut off goes on where it was."""

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
    """Train a backend for that many steps, and keep the run in the folder `out`: every step's record, with `stages` its stages too.

    A run that was cut off there goes on after its last segment. Without `keep_inputs` the trace holds their digest alone; `data` says
    where they are from.

    Raises ProblemError for options that cannot be used, and where another run is at the folder; TraceError where another lies in it, or
    what lies in it is not as it was written.
    """
    if not isinstance(problem, Problem):
        raise ProblemError(f"the problem is {problem!r}; expected a Problem")
    if not is_whole(steps, least=1):
        raise ProblemError(f"steps are {steps!r}; expected a whole number, at least 1")
    check_choice("side", side, SIDES)
    folder = folder_at(out)
    device = _checked_device(side, device)
    network = _network(problem, side, device, stages)
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
                writer.add_segment(numbers, records)
                progress(numbers[-1])
            if not writer.manifest.is_complete:
                writer.add(END, {} if problem.test is None else {"prediction": network.predict(problem.test[0])})
    return writer.trace()


class _Writer:
    """The folder of a trace in the making: each part is on the disk before the manifest names it."""

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
        self.add(START, dict(problem.initial_parameters), tells=not keep_inputs)
        if keep_inputs:
            self.add(INPUTS, inputs_arrays(problem))

    def trace(self) -> Trace:
        """What lies there now."""
        return Trace(self.folder, lambda manifest: self.problem)

    def add_segment(self, numbers: list[int], records: list[StepRecord]) -> None:
        """Keep these steps."""
        self.add(segment_name(numbers[0]), to_arrays(self.problem, numbers, records), first=numbers[0], last=numbers[-1])

    def add(self, file: str, arrays: Mapping[str, Any], *, tells: bool = True, **steps: int) -> None:
        """Keep the arrays as a part, and tell of it in the manifest."""
        from safetensors.numpy import save

        data = save({name: np.ascontiguousarray(array).reshape(np.shape(array)) for name, array in arrays.items()})
        write_file(self.folder / file, data)
        part = Part(file, len(data), sha256(data).hexdigest(), **steps)
        self.manifest = replace(self.manifest, parts=(*self.manifest.parts, part))
        if tells:
            write_file(self.folder / MANIFEST, self.manifest.to_bytes())


def _check_place(folder: Path) -> None:
    """Raise TraceError where something lies that no run has left, before anything is put beside it."""
    others = [] if not folder.is_dir() or (folder / MANIFEST).exists() else [path.name for path in folder.iterdir()]
    if any(not name.startswith(".") and name not in (START, INPUTS) for name in others):
        raise TraceError(f"{folder} is not empty and has no {MANIFEST}; expected a new folder, or one with a trace")


def _checked_device(side: Side, device: str) -> str:
    if side == "manual":
        return "cpu"
    from ..sides.devices import checked_device

    return checked_device(str(device))


def _as_json(data: Any) -> dict[str, Any]:
    """What a manifest keeps of it, and so what it is compared with when the run goes on."""
    try:
        return dict(json.loads(json.dumps(dict(data), allow_nan=False)))
    except (TypeError, ValueError) as error:
        raise ProblemError(f"data is {data!r}; expected names and values that JSON can hold: {error}") from None


def _check_same(folder: Path, manifest: Manifest, about: Mapping[str, Any]) -> None:
    """Raise TraceError unless the run that was begun there is this one, and may go on."""
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
    """The steps after those that are done, run, in as many as a part holds; where a part ends depends on the problem alone."""
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
    """About how many bytes the record of a step has."""
    parameters = sum(array.size for array in problem.initial_parameters.values()) * (3 + len(problem.slots))
    units = 2 * sum(problem.sizes[1:]) if network.stages else problem.sizes[-1]
    return int(np.dtype(problem.dtype).itemsize * (parameters + units * max(problem.batch_lengths(problem.steps_per_epoch))))


def _network(problem: Problem, side: Side, device: str, stages: bool) -> Any:
    """The backend, at the start."""
    if side == "manual":
        from ..sides.manual import Manual

        network: Any = Manual(problem, stages=stages)
    else:
        from ..sides.torch_ref import TorchRef

        network = TorchRef(problem, device=device, stages=stages)
    network.load_state_dict({**problem.initial_parameters, **problem.initial_buffers()})
    return network


def _resume(network: Any, problem: Problem, last: StepRecord, steps: int) -> None:
    """Put the backend where it was after that many steps, given the last one's record."""
    tracked = {name: np.array(steps, np.int64) for name in problem.initial_buffers().keys() - problem.buffer_shapes().keys()}
    network.load_state_dict({**(last.params or {}), **(last.buffers or {}), **tracked})
    network.optimizer.load_state_dict({"steps": np.array(steps, np.int64), **(last.state or {})}, network.network)
