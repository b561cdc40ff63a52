"""The manifest of a trace: the settings of the run, and the list of its files; docs/traces.md describes the format."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..support.errors import CompareError

FORMAT, VERSION = "backprop-compare trace", 1
MANIFEST = "manifest.json"
SUFFIX = ".safetensors"
START, INPUTS, END = f"start{SUFFIX}", f"inputs{SUFFIX}", f"end{SUFFIX}"
SIDES = ("torch_ref", "manual")      # of a perceptron
BESIDE_MODULE = ("module", "candidate")      # of a module problem: a module, or anything else
MOST_BYTES = 1 << 26      # of a manifest
_SEAL = re.compile(rb',\n "sha256": "([0-9a-f]{64})"\n}\n\Z')


class TraceError(CompareError):
    """A trace cannot be used or written; the message says what is wrong, where, and what was expected."""


@dataclass(frozen=True)
class Part:
    """One file of a trace: its length, its SHA-256, and, for a segment, its `first` and `last` step."""

    file: str
    bytes: int
    sha256: str
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True)
class Manifest:
    """The settings of a run, and its files.

    `problem` has the fields of a `Problem` except the arrays, or of a module problem the settings, functions by their names; `data` the
    command line's options about the data. `inputs` is the digest of all inputs and targets, whether or not a part contains them. `steps` is
    the intended number of steps.
    """

    problem: Mapping[str, Any]
    data: Mapping[str, Any]
    side: str
    device: str
    stages: bool
    environment: Mapping[str, Any]
    inputs: str
    steps: int
    parts: tuple[Part, ...]

    @property
    def segments(self) -> tuple[Part, ...]:
        """The parts that hold steps, in order."""
        return tuple(part for part in self.parts if part.last is not None)

    @property
    def recorded(self) -> int:
        """The number of steps recorded so far."""
        return max((part.last or 0 for part in self.parts), default=0)

    @property
    def is_complete(self) -> bool:
        """Whether the run is complete."""
        return self.parts[-1].file == END

    @property
    def is_of_module(self) -> bool:
        """Whether the problem is a module's."""
        return self.side in BESIDE_MODULE

    @property
    def has_inputs(self) -> bool:
        """Whether a part contains the inputs and targets."""
        return any(part.file == INPUTS for part in self.parts)

    def to_bytes(self) -> bytes:
        """Return the file's bytes: JSON, whose last entry is the SHA-256 of all the bytes before it."""
        fields = asdict(self)
        fields["parts"] = [{name: value for name, value in part.items() if value is not None} for part in fields["parts"]]
        text = json.dumps({"format": FORMAT, "version": VERSION, **fields}, indent=1, allow_nan=False)
        body = text.removesuffix("\n}").encode()
        return body + f',\n "sha256": "{hashlib.sha256(body).hexdigest()}"\n}}\n'.encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Manifest":
        """Return the manifest in the file's bytes; raises TraceError if they are truncated, changed, malformed or of another version."""
        fields = _parsed(data)
        if not isinstance(fields, dict) or fields.get("format") != FORMAT:
            raise TraceError(f"{MANIFEST} has no format {FORMAT!r}; expected the manifest of a trace")
        if type(fields.get("version")) is not int or fields["version"] != VERSION:
            raise TraceError(f"{MANIFEST} is of version {fields.get('version')!r}; expected {VERSION}: record anew, or install its version")
        seal = _SEAL.search(data)
        if seal is None or hashlib.sha256(data[: seal.start()]).hexdigest().encode() != seal[1]:
            raise TraceError(f"{MANIFEST} does not have its own SHA-256: it was changed after it was written; expected it as it was")
        parts = fields.pop("parts", None)
        for name in ("format", "version", "sha256"):
            del fields[name]
        try:
            manifest = cls(**fields, parts=tuple(Part(**part) for part in parts))
        except TypeError as error:
            raise TraceError(f"{MANIFEST} is malformed: {error}; expected the entries of version {VERSION}") from None
        _check_types(manifest)
        _check_parts(manifest)
        return manifest


def segment_name(first: int) -> str:
    """Return the file name of the segment that begins with that step."""
    return f"steps-{first:08}{SUFFIX}"


def _parsed(data: bytes) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a name occurs twice")
        return found

    try:
        return json.loads(data, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise TraceError(f"{MANIFEST} is no JSON: {error}; expected the manifest of a trace, whole") from None


def _check_types(manifest: Manifest) -> None:
    kinds = {"problem": dict, "data": dict, "environment": dict, "side": str, "device": str, "inputs": str, "stages": bool, "steps": int}
    wrong = [name for name, kind in kinds.items() if type(getattr(manifest, name)) is not kind]
    wrong += ["side"] * (manifest.side not in (*SIDES, *BESIDE_MODULE))
    for number, part in enumerate(manifest.parts):
        whole = (part.bytes, *(value for value in (part.first, part.last) if value is not None))
        if not all(type(value) is int and value >= 0 for value in whole) or not all(type(text) is str for text in (part.file, part.sha256)):
            wrong.append(f"parts[{number}]")
    if wrong:
        raise TraceError(f"{MANIFEST} is malformed: {wrong[0]} is of another kind; expected the entries of version {VERSION}")


def _check_parts(manifest: Manifest) -> None:
    """Raise TraceError unless the parts are those that a run writes, in its order; so no name can lead out of the folder."""
    expected = [START] + [INPUTS] * manifest.has_inputs
    step = 1
    for number, part in enumerate(manifest.parts):
        wanted = expected[number] if number < len(expected) else END if step > manifest.steps else segment_name(step)
        if number and manifest.parts[number - 1].file == END:
            wanted = "nothing after the end"
        if part.file != wanted:
            raise TraceError(f"{MANIFEST} has parts[{number}] {part.file!r}; expected {wanted}: a trace's parts lie beside it, in order")
        if part.file == segment_name(step):
            if part.first != step or part.last is None or not step <= part.last <= manifest.steps:
                raise TraceError(f"{MANIFEST} has steps {part.first} to {part.last} in {part.file}; expected them from {step} on")
            step = part.last + 1
    if len(manifest.parts) < len(expected):
        raise TraceError(f"{MANIFEST} has no {expected[len(manifest.parts)]} among its parts; expected it")
