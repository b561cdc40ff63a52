"""A trace that lies in a folder: each part is read whole, and held against its SHA-256 before anything in it is believed."""

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ..problem.problem import Problem
from ..sides.interface import StepRecord
from ..support.arrays import Array, Batch
from ..support.errors import ProblemError
from .manifest import END, INPUTS, MANIFEST, MOST_BYTES, START, SUFFIX, Manifest, Part, TraceError, segment_name
from .segments import check_arrays, check_segment, to_records


class Trace:
    """The trace in that folder; raises TraceError for one that is not whole, not as it was written, or of another version.

    `problem` is what was trained. Where the trace keeps the digest of its inputs alone, `inputs` is a problem that has them, or is asked
    for one.
    """

    def __init__(self, folder: str | os.PathLike[str], inputs: Problem | Callable[[Manifest], Problem] | None = None) -> None:
        self.folder = folder_at(folder)
        data = self._read(MANIFEST, MOST_BYTES)
        try:
            self.manifest = Manifest.from_bytes(data)
        except TraceError as error:
            raise TraceError(os.path.join(self.folder, str(error))) from None
        self._check_others()
        self._check_lengths()
        self.problem = self._problem(inputs)

    def records(self) -> Iterator[tuple[int, StepRecord]]:
        """Every step's number and record, in order; one segment is in memory at a time."""
        for part in self.manifest.segments:
            yield from self._segment(part)

    def last(self) -> StepRecord:
        """The record of the last step that there is."""
        return list(self._segment(self.manifest.segments[-1]))[-1][1]

    def predictions(self) -> Array | None:
        """The outputs (n, k) for the test records after the last step, if the run came to its end and has any."""
        if not self.manifest.is_complete:
            return None
        test, arrays = self.problem.test, self._arrays(self.manifest.part(END))
        shape = None if test is None else (len(test[0]), self.problem.sizes[-1])
        with _named(self.folder / END):
            check_arrays(arrays, {} if shape is None else {"prediction": np.empty(shape, self.problem.dtype)})
        return arrays.get("prediction")

    def check_inputs(self, problem: Problem) -> None:
        """Raises TraceError where the problem's inputs and targets are not those of the run."""
        if digest(problem) != self.manifest.inputs:
            raise TraceError(f"{self.folder} was recorded of other inputs than these; expected the data and the options of that run")

    def verify(self) -> None:
        """Read every part; raises TraceError at the first that is not as it was written."""
        for _ in self.records():
            pass
        self.predictions()

    def _segment(self, part: Part) -> Iterator[tuple[int, StepRecord]]:
        assert part.first is not None
        assert part.last is not None
        numbers = range(part.first, part.last + 1)
        arrays = self._arrays(part)
        with _named(self.folder / part.file):
            check_segment(self.problem, numbers, arrays, self.manifest.stages)
        return zip(numbers, to_records(self.problem, numbers, arrays), strict=True)

    def _problem(self, inputs: Problem | Callable[[Manifest], Problem] | None) -> Problem:
        """The problem, as the manifest says it, of the trace's own parameters and inputs."""
        start = self._arrays(self.manifest.part(START))
        said = dict(self.manifest.problem)
        if self.manifest.has_inputs:
            arrays = self._arrays(self.manifest.part(INPUTS))
            with _named(self.folder / INPUTS):
                batches, test = _batches(arrays)
        elif inputs is not None:
            given = inputs if isinstance(inputs, Problem) else inputs(self.manifest)
            batches, test = given.batches, given.test
        else:
            raise TraceError(f"{self.folder} keeps the digest of its inputs alone; expected --data with the file that they were read from")
        try:
            problem = Problem(**_tuples(said), batches=batches, test=test, initial_parameters=start)
        except (ProblemError, TypeError) as error:
            raise TraceError(f"{self.folder / MANIFEST} has a problem that is none: {error}") from None
        if problem_fields(problem) != said:
            raise TraceError(f"{self.folder / MANIFEST} has a problem that is malformed; expected just what a run writes")
        self.check_inputs(problem)
        return problem

    def _arrays(self, part: Part) -> dict[str, Any]:
        """The arrays of that part, once its bytes are found to be those that were written."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        data = self._read(part.file, part.bytes)
        self._check_length(part, len(data))
        found = hashlib.sha256(data).hexdigest()
        if found != part.sha256:
            other = next((other.file for other in self.manifest.parts if other.sha256 == found), None)
            what = f"it is {other}: the two were swapped" if other else "it was changed, or is another run's"
            raise TraceError(f"{self.folder / part.file} does not have the SHA-256 that the manifest says; {what}")
        try:
            return dict(load(data))
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise TraceError(f"{self.folder / part.file} is no safetensors file: {error}") from None

    def _read(self, name: str, most: int) -> bytes:
        """The file's bytes, of a file of the folder's own, and one more than `most` if there are more."""
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
        """Every part is there, and as long as it was: what can be seen without convention it."""
        for part in self.manifest.parts:
            path = self.folder / part.file
            try:
                found = path.lstat()
            except OSError as error:
                raise TraceError(f"{path} cannot be read: {error.strerror}; expected a file of the trace's own") from None
            if stat.S_ISREG(found.st_mode):      # what is none is told when it is read
                self._check_length(part, found.st_size)

    def _check_length(self, part: Part, length: int) -> None:
        if length != part.bytes:
            why = "it was cut off" if length < part.bytes else "it was added to"
            raise TraceError(f"{self.folder / part.file} has {length} bytes; expected {part.bytes}: {why}, or is another run's")

    def _check_others(self) -> None:
        """Of what lies there beside the parts and looks like one, there is at most what a run was writing when it was cut off."""
        known = {MANIFEST, *(part.file for part in self.manifest.parts)}
        following = END if self.manifest.recorded == self.manifest.steps else segment_name(self.manifest.recorded + 1)
        if not self.manifest.is_complete:
            known.add(following)
        for name in sorted(os.listdir(self.folder)):
            if name.endswith(SUFFIX) and not name.startswith(".") and name not in known:
                raise TraceError(f"{self.folder / name} is no part that the manifest knows: is that an older one? Expected no others")


def opened(trace: Trace | str | os.PathLike[str]) -> Trace:
    """The trace, or that in the folder of this name. Raises TraceError."""
    return trace if isinstance(trace, Trace) else Trace(trace)


def cut_off(trace: Trace) -> str:
    """That a run did not come to its end, and where it stopped."""
    kept = trace.manifest
    return f"{trace.folder} was cut off at step {kept.recorded} of {kept.steps}: neither later steps nor predictions are compared"


def folder_at(place: str | os.PathLike[str]) -> Path:
    """The folder of that name; raises TraceError for what is no name."""
    if not isinstance(place, (str, os.PathLike)) or not os.fspath(place) or "\0" in os.fsdecode(place):
        raise TraceError(f"the trace is {place!r}; expected the name of its folder")
    return Path(os.fsdecode(place))


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Within it, a TraceError says of which file it is."""
    try:
        yield
    except TraceError as error:
        raise TraceError(f"{path} is not of this run: {error}") from None


def problem_fields(problem: Problem) -> dict[str, Any]:
    """What a problem says but its arrays, as JSON holds it; `decay` only where it is "weights", so that older traces stay what they are."""
    arrays = ("batches", "test", "initial_parameters")
    said = {field.name: getattr(problem, field.name) for field in fields(problem) if field.name not in arrays}
    found: dict[str, Any] = json.loads(json.dumps({**said, "optimizer_options": problem.chosen_options}))
    return found


def _tuples(value: Any) -> Any:
    """The value with tuples in place of lists, which JSON does not tell apart."""
    if isinstance(value, dict):
        return {name: _tuples(item) for name, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def inputs_arrays(problem: Problem) -> dict[str, Any]:
    """The inputs and targets by name: "x/1" and "y/1" are the first batch's, "x/test" and "y/test" the test records'."""
    named = {str(number): batch for number, batch in enumerate(problem.batches, start=1)}
    if problem.test is not None:
        named["test"] = problem.test
    return {f"{what}/{name}": array for name, batch in named.items() for what, array in zip("xy", batch, strict=True)}


def digest(problem: Problem) -> str:
    """The SHA-256 of all inputs and targets: of each array, by name, a line of its name, dtype and shape, and its bytes."""
    found = hashlib.sha256()
    for name, array in sorted(inputs_arrays(problem).items()):
        shape = ",".join(map(str, array.shape))
        found.update(f"{name} {array.dtype.name} {shape}\n".encode() + np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def _batches(arrays: Mapping[str, Any]) -> tuple[tuple[Batch, ...], Batch | None]:
    """The batches and the test records, given the arrays by name; raises TraceError."""
    pairs: dict[str, Batch] = {}
    numbers = [str(number) for number in range(1, sum(name.startswith("x/") for name in arrays) + 1)]
    for name in (*numbers, "test"):
        if f"x/{name}" in arrays and f"y/{name}" in arrays:
            pairs[name] = arrays[f"x/{name}"], arrays[f"y/{name}"]
    if 2 * len(pairs) != len(arrays):
        raise TraceError(f"it has {', '.join(arrays)}; expected x/1, y/1, … and, if there are test records, x/test and y/test")
    test = pairs.pop("test", None)
    return tuple(pairs.values()), test
