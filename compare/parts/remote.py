"""Ask the confined process of a file what came out of checking its parts, and read the answer, in which anything may stand."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from ..lockstep.difference import Difference
from ..sandbox.values import packed
from ..support.output import printable, printable_lines
from ..userfile.pipe.frames import text
from ..userfile.pipe.peer import Peer, PeerError
from ..userfile.source import Source, UnusableFileError
from .result import Mark, Part, PartsCheck
from .serving import PARTS

RUNNER = "compare.parts.serving"      # its name inside
_MOST_PARTS, _MOST_TEXT, _MOST_JSON = 1000, 2000, 4 << 20
_MARKS = get_args(Mark)


def asked(peer: Peer, path: Path, shape: str, seed: int) -> PartsCheck:
    """Return the check of the file at that path that its process makes; raises UnusableFileError, and PeerError for how it ends."""
    try:
        said = text(peer.ask(PARTS, packed([shape, seed])).get("check"))
    except PeerError as error:
        if error.kind != "failed":
            raise
        about = json.loads(error.said)
        raise UnusableFileError(printable(str(about.get("message", "it failed")), _MOST_TEXT)) from None
    try:
        return _read(said, path, shape, seed)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise PeerError("malformed", f"what it says of its parts is none: {type(error).__name__}") from None


def _read(said: str, path: Path, shape: str, seed: int) -> PartsCheck:
    """Return the check; every value is what it should be, and the texts are the files' own."""
    if len(said) > _MOST_JSON:
        raise ValueError("too long")
    found = json.loads(said)
    parts = tuple(_part(each) for each in found["parts"][:_MOST_PARTS])
    beside = {each.file for each in parts if each.file and Path(each.file).name == each.file}
    return PartsCheck(
        name=path.name,
        shape=shape,
        recognised=_text(found["recognised"]),
        seed=seed,
        parts=parts,
        notes=_texts(found["notes"]),
        printed=printable_lines(str(found["printed"]), _MOST_TEXT),
        failure=_text_or_none(found["failure"]),
        at=_count(found["at"]),
        text="\n".join(Source.read(path).lines) + "\n",
        texts={name: (path.parent / name).read_text(errors="replace") for name in sorted(beside) if (path.parent / name).is_file()},
        left_out=_texts(found["left_out"]),
        caveats=_texts(found["caveats"]),
        unused=_texts(found["unused"]),
        reference=_text(found["reference"]),
    )


def _part(said: Mapping[str, Any]) -> Part:
    if said["mark"] not in _MARKS:
        raise ValueError("no mark")
    lines = said["lines"]
    return Part(
        name=_text(said["name"]),
        mark=said["mark"],
        beside=_text(said["beside"]),
        compared=_count(said["compared"]) or 0,
        first=_difference(said["first"]),
        on=_text(said["on"]),
        lines=None if lines is None else (_count(lines[0]) or 1, _count(lines[1]) or 1),
        line=_count(said["line"]),
        why=_text_or_none(said["why"]),
        reason=_text_or_none(said["reason"]),
        caveat=_text(said["caveat"]),
        file=_text(said["file"]),
    )


def _difference(said: Mapping[str, Any] | None) -> Difference | None:
    if said is None:
        return None
    numbers = {name: _number(said[name]) for name in ("actual", "expected", "difference", "allowed", "ulps")}
    index = None if said["index"] is None else tuple(_count(each) or 0 for each in said["index"][:10])
    return Difference(1, _text(said["phase"]), _text(said["tensor"]), index, **numbers, reason=_text_or_none(said["reason"]))


def _texts(values: Sequence[Any]) -> tuple[str, ...]:
    return tuple(map(_text, values[:_MOST_PARTS]))


def _text(value: Any) -> str:
    return printable(str(value), _MOST_TEXT)


def _text_or_none(value: Any) -> str | None:
    return None if value is None else _text(value)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _count(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("no count")
    return min(value, 1 << 40)
