"""Read a trace from its folder; the SHA-256 of each part is verified before its content is used."""

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..problem.problem import Problem
from ..sides.interface import Implementation, StepRecord
from ..support.arrays import Array, Batch
from ..support.boundary import public_methods
from ..support.errors import ProblemError
from .manifest import END, INPUTS, MANIFEST, MOST_BYTES, START, SUFFIX, Manifest, Part, TraceError, segment_name
from .segments import checked_arrays, checked_records, step_records

if TYPE_CHECKING:
    from ..problem.of_module import ModuleProblem

Converted = TypeVar("Converted")


@public_methods
class Trace:
    """The trace in a folder; raises TraceError if it is incomplete, changed after it was written, or of another version.

    `start` has the initial parameters, and of a module's run the buffers too. For a trace with only the digest of its inputs, `inputs` is a
    problem that has them, or a function that returns one. A module's run keeps neither inputs nor module: see `assert_equivalent`.
    """

    def __init__(self, folder: str | os.PathLike[str], inputs: Problem | Callable[[Manifest], Problem] | None = None) -> None:
        self.folder = folder_at(folder)
        if not os.path.isdir(self.folder):
            what = "is no folder" if os.path.lexists(self.folder) else "does not exist"
            raise TraceError(f"{self.folder} {what}; expected the folder of a trace")
        data = self._read(MANIFEST, MOST_BYTES)
        try:
            self.manifest = Manifest.from_bytes(data)
        except TraceError as error:
            raise TraceError(os.path.join(self.folder, str(error))) from None
        self._check_others()
        self._check_lengths()
        self.start: Mapping[str, Array] = self._part(START, dict)
        self._problem = None if self.manifest.is_of_module else self._read_problem(inputs)

    @property
    def problem(self) -> Problem:
        """The trained problem; raises TraceError for the run of a module, which no trace has."""
        if self._problem is None:
            raise TraceError(f"{self.folder} is a run beside a module; expected assert_equivalent(Trace(…), problem), or check --reference")
        return self._problem

    @property
    def recorded(self) -> int:
        """The number of steps recorded so far."""
        return self.manifest.recorded

    def as_side(self, problem: "ModuleProblem") -> Implementation:
        """Return the run as a candidate beside this problem's module; raises TraceError if it is of another problem."""
        from .of_module import recorded_candidate

        return recorded_candidate(self, problem)

    def records(self) -> Iterator[tuple[int, StepRecord]]:
        """Yield each step's number and `StepRecord`, in order, with one segment in memory at a time."""
        for part in self.manifest.segments:
            yield from self._segment(part)

    def last(self) -> StepRecord:
        """Return the `StepRecord` of the last recorded step."""
        return list(self._segment(self.manifest.segments[-1]))[-1][1]

    def predictions(self) -> Array | None:
        """Return the outputs (n, k) for the test records after the last step, or None if the run is incomplete or has no test records."""
        return self.evaluation().get("prediction")

    def evaluation(self) -> Mapping[str, Array]:
        """Return what the run shows in evaluation after its last step, by name: "prediction", …; nothing if it is incomplete."""
        if not self.manifest.is_complete:
            return {}
        if self._problem is None:
            return self._part(END, dict)
        test, dtype = self.problem.test, self.problem.dtype
        expected = {} if test is None else {"prediction": np.empty((len(test[0]), self.problem.sizes[-1]), dtype)}
        return self._part(END, lambda arrays: checked_arrays(arrays, expected))

    def check_inputs(self, problem: "Problem | ModuleProblem") -> None:
        """Raise TraceError unless the problem's inputs and targets are those of the run."""
        if digest(problem) != self.manifest.inputs:
            raise TraceError(f"{self.folder} was recorded of other inputs than these; expected the data and the options of that run")

    def verify(self) -> None:
        """Read every part; raises TraceError at the first that was changed after it was written."""
        for _ in self.records():
            pass
        self.predictions()

    def _segment(self, part: Part) -> Iterator[tuple[int, StepRecord]]:
        assert part.first is not None
        assert part.last is not None
        numbers = range(part.first, part.last + 1)
        problem, stages = self._problem, self.manifest.stages

        def read(arrays: dict[str, Any]) -> list[StepRecord]:
            return step_records(numbers, arrays) if problem is None else checked_records(problem, numbers, arrays, stages)

        return zip(numbers, self._part(part.file, read), strict=True)

    def _read_problem(self, inputs: Problem | Callable[[Manifest], Problem] | None) -> Problem:
        """Return the manifest's problem with the parameters and inputs of the parts, or of `inputs`."""
        options = dict(self.manifest.problem)
        if self.manifest.has_inputs:
            batches, test = self._part(INPUTS, _batches)
        elif inputs is not None:
            source = inputs if isinstance(inputs, Problem) else inputs(self.manifest)
            batches, test = source.batches, source.test
        else:
            raise TraceError(f"{self.folder} keeps the digest of its inputs alone; expected --data with the file that they were read from")
        try:
            problem = Problem(**_tuples(options), batches=batches, test=test, initial_parameters=self.start)
        except (ProblemError, TypeError) as error:
            raise TraceError(f"{self.folder / MANIFEST} has a problem that is none: {error}") from None
        if problem_fields(problem) != options:
            raise TraceError(f"{self.folder / MANIFEST} has a problem that is malformed; expected just what a run writes")
        self.check_inputs(problem)
        return problem

    def _part(self, name: str, convert: Callable[[dict[str, Any]], Converted]) -> Converted:
        """Verify the length and SHA-256 of the part, then convert its arrays; a TraceError of `convert` gets the file's path."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        part, path = next(part for part in self.manifest.parts if part.file == name), self.folder / name
        data = self._read(name, part.bytes)
        self._check_length(part, len(data))
        found = hashlib.sha256(data).hexdigest()
        if found != part.sha256:
            other = next((other.file for other in self.manifest.parts if other.sha256 == found), None)
            what = f"it is {other}: the two were swapped" if other else "it was changed, or is another run's"
            raise TraceError(f"{path} does not have the SHA-256 that the manifest says; {what}")
        try:
            arrays = dict(load(data))
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise TraceError(f"{path} is no safetensors file: {error}") from None
        try:
            return convert(arrays)
        except TraceError as error:
            raise TraceError(f"{path} is not of this run: {error}") from None

    def _read(self, name: str, most: int) -> bytes:
        """Return the bytes of a plain file in the folder, at most one more than `most`; links are not followed."""
        path = self.folder / name
        try:
            place = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(place, "rb") as file:
                found = os.fstat(place)
                if not stat.S_ISREG(found.st_mode):
                    raise TraceError(f"{path} is no file; expected one that a run has written")
                return file.read(min(most, found.st_size) + 1)
        except OSError as error:
            why = "it is a link" if path.is_symlink() else error.strerror
            raise TraceError(f"{path} cannot be read: {why}; expected a file of the trace's own") from None

    def _check_lengths(self) -> None:
        """Raise TraceError for a part that is missing or of another length, without reading the parts."""
        for part in self.manifest.parts:
            path = self.folder / part.file
            try:
                found = path.lstat()
            except OSError as error:
                raise TraceError(f"{path} cannot be read: {error.strerror}; expected a file of the trace's own") from None
            if stat.S_ISREG(found.st_mode):      # reading any other part is an error
                self._check_length(part, found.st_size)

    def _check_length(self, part: Part, length: int) -> None:
        if length != part.bytes:
            why = "it was cut off" if length < part.bytes else "it was added to"
            raise TraceError(f"{self.folder / part.file} has {length} bytes; expected {part.bytes}: {why}, or is another run's")

    def _check_others(self) -> None:
        """Raise TraceError for unlisted parts, except the one that an interrupted run may have been writing."""
        known = {MANIFEST, *(part.file for part in self.manifest.parts)}
        following = END if self.manifest.recorded == self.manifest.steps else segment_name(self.manifest.recorded + 1)
        if not self.manifest.is_complete:
            known.add(following)
        for name in sorted(os.listdir(self.folder)):
            if name.endswith(SUFFIX) and not name.startswith(".") and name not in known:
                raise TraceError(f"{self.folder / name} is no part that the manifest knows: is that an older one? Expected no others")


def opened(trace: Trace | str | os.PathLike[str]) -> Trace:
    """Return the trace, read from its folder if a path is passed; raises TraceError."""
    return trace if isinstance(trace, Trace) else Trace(trace)


def cut_off(trace: Trace) -> str:
    """Return the note that the run is incomplete, and where it stopped."""
    recorded, steps = trace.manifest.recorded, trace.manifest.steps
    return f"{trace.folder} was cut off at step {recorded} of {steps}: neither later steps nor predictions are compared"


def folder_at(place: str | os.PathLike[str]) -> Path:
    """Return the path of the folder; raises TraceError for what is no path."""
    if not isinstance(place, (str, os.PathLike)) or not os.fspath(place) or "\0" in os.fsdecode(place):
        raise TraceError(f"the trace is {place!r}; expected the name of its folder")
    return Path(os.fsdecode(place))


def problem_fields(problem: "Problem | ModuleProblem") -> dict[str, Any]:
    """Return a problem's fields except the arrays, as JSON values; `decay` only if it is "weights", so older traces stay valid."""
    if not isinstance(problem, Problem):
        from .of_module import settings

        return settings(problem)
    arrays = ("batches", "test", "initial_parameters")
    values = {field.name: getattr(problem, field.name) for field in fields(problem) if field.name not in arrays}
    return dict(json.loads(json.dumps({**values, "optimizer_options": problem.chosen_options})))


def _tuples(value: Any) -> Any:
    """Return the value with tuples in place of lists, since JSON has no tuples."""
    if isinstance(value, dict):
        return {name: _tuples(item) for name, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def inputs_arrays(problem: "Problem | ModuleProblem") -> dict[str, Any]:
    """Return the inputs and targets by name: "x/1" and "y/1" of the first batch, "x/test" and "y/test" of the test records."""
    if not isinstance(problem, Problem):
        from .of_module import batch_arrays

        return batch_arrays(problem)
    named = {str(number): batch for number, batch in enumerate(problem.batches, start=1)}
    if problem.test is not None:
        named["test"] = problem.test
    return {f"{what}/{name}": array for name, batch in named.items() for what, array in zip("xy", batch, strict=True)}


def digest(problem: "Problem | ModuleProblem") -> str:
    """Return the SHA-256 of all inputs and targets: for each array, by name, a line of its name, dtype and shape, then its bytes."""
    found = hashlib.sha256()
    for name, array in sorted(inputs_arrays(problem).items()):
        shape = ",".join(map(str, array.shape))
        found.update(f"{name} {array.dtype.name} {shape}\n".encode() + np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def _batches(arrays: Mapping[str, Any]) -> tuple[tuple[Batch, ...], Batch | None]:
    """Return the batches and the test records from the arrays by name; raises TraceError for missing or unknown names."""
    pairs: dict[str, Batch] = {}
    numbers = [str(number) for number in range(1, sum(name.startswith("x/") for name in arrays) + 1)]
    for name in (*numbers, "test"):
        if f"x/{name}" in arrays and f"y/{name}" in arrays:
            pairs[name] = arrays[f"x/{name}"], arrays[f"y/{name}"]
    if 2 * len(pairs) != len(arrays):
        raise TraceError(f"it has {', '.join(arrays)}; expected x/1, y/1, … and, if there are test records, x/test and y/test")
    test = pairs.pop("test", None)
    return tuple(pairs.values()), test
