"""The messages between a run and its workers, as bytes and never pickled: an attempt with its settings, and its grade.

    parcel   a line of JSON with "version", "settings", "adapter", "attempt" and "files", [of, path, length] each; then the files' bytes
    answer   a line of JSON, which is the attempt's line of the results or {"fault": why}; then its page
"""

import json
from dataclasses import asdict, fields
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any

from ..sandbox.limits import Limits
from ..support.errors import CompareError
from ..userfile.shapes import FOLDER
from .adapter import beside
from .attempts import KINDS, Carried, Submitted
from .line import LINE, report_place, wrong_in
from .one import Graded, Settings

MOST_ANSWER = 16 << 20      # bytes, most of them of the page
_ADAPTER, _ATTEMPT = "adapter", "attempt"
_PLAIN = [each.name for each in fields(Settings) if each.name not in ("adapter", "limits")]


class ParcelError(CompareError):
    """A worker sent an invalid answer, or says why it cannot work."""


class Packer:
    """Pack attempts with a run's settings; the adapter and the Python files beside it are read once. Raises ProblemError."""

    def __init__(self, settings: Settings) -> None:
        self._adapter = {} if settings.adapter is None or settings.adapter.parent == FOLDER else beside(settings.adapter)
        self._about = {
            "version": version("backprop-compare"),
            "settings": {**{name: getattr(settings, name) for name in _PLAIN}, "limits": asdict(settings.limits)},
            "adapter": None if settings.adapter is None else settings.adapter.name,
        }

    def parcel(self, attempt: Carried) -> bytes:
        """Return the attempt, and all that grading it needs, as bytes."""
        files = [(_ADAPTER, name, content) for name, content in self._adapter.items()]
        files += [(_ATTEMPT, name, content) for name, content in attempt.files.items()]
        head = {
            **self._about,
            "attempt": {"name": attempt.name, "digest": attempt.digest, "kind": attempt.kind},
            "files": [(of, name, len(content)) for of, name, content in files],
        }
        return b"".join([json.dumps(head).encode(), b"\n", *(content for _, _, content in files)])


def opened_settings(parcel: bytes) -> dict[str, Any]:
    """Return the settings in the parcel, as JSON values."""
    settings: dict[str, Any] = json.loads(parcel.partition(b"\n")[0])["settings"]
    return settings


def opened(parcel: bytes, folder: Path) -> tuple[Carried, Settings]:
    """Return the attempt and its settings, and write the adapter's files into the folder; raises ParcelError, also for other versions."""
    text, _, content = parcel.partition(b"\n")
    head = json.loads(text)
    installed = version("backprop-compare")
    if head["version"] != installed:
        raise ParcelError(f"the worker has backprop-compare {installed}; expected {head['version']}, as the run has")
    files: dict[str, dict[str, bytes]] = {_ADAPTER: {}, _ATTEMPT: {}}
    at = 0
    for of, name, length in head["files"]:
        if name and (PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts):
            raise ParcelError(f"a file of a parcel is {name!r}, which leads out of it")
        files[of][name] = content[at : at + length]
        at += length
    if at != len(content) or head["attempt"]["kind"] not in KINDS:
        raise ParcelError("a parcel is not what its first line says")
    for name, content in files[_ADAPTER].items():
        (folder / name).write_bytes(content)
    settings = head["settings"]
    settings["weights"] = tuple((name, weight) for name, weight in settings["weights"])
    settings["repeat"] = tuple(settings["repeat"])
    settings["limits"] = Limits(**settings["limits"])
    settings["adapter"] = None if head["adapter"] is None else (folder if files[_ADAPTER] else FOLDER) / head["adapter"]
    return Carried(**head["attempt"], files=files[_ATTEMPT]), Settings(**settings)


def answered(graded: Graded) -> bytes:
    """Return the answer with a graded attempt, as bytes."""
    return json.dumps(graded.line).encode() + b"\n" + (graded.page or "").encode("utf-8", "replace")


def fault(why: str) -> bytes:
    """Return the answer of a worker that cannot work."""
    return json.dumps({"fault": why[:2000]}).encode() + b"\n"


def checked_answer(answer: Any, attempt: Submitted | Carried, settings: Settings, run: str) -> Graded:
    """Return the grade in the answer; raises ParcelError unless it is a valid answer about that attempt in the run with that digest."""
    if not isinstance(answer, bytes) or len(answer) > MOST_ANSWER:
        raise _no_answer(attempt, f"it is no bytes, or more than {MOST_ANSWER} of them")
    text, _, page = answer.partition(b"\n")
    try:
        line = json.loads(text)
        shown = page.decode("utf-8")
    except (ValueError, RecursionError):
        raise _no_answer(attempt, "it is not a line of JSON and a page in UTF-8") from None
    if isinstance(line, dict) and isinstance(line.get("fault"), str):
        raise ParcelError(f"a worker cannot work: {line['fault'][:2000]}")
    if not isinstance(line, dict) or line.keys() != LINE.keys():
        raise _no_answer(attempt, f"its keys are not {', '.join(LINE)}")
    wrong = wrong_in(line)
    about = {"attempt": attempt.name, "digest": attempt.digest, "run": run}
    wrong += [name for name, value in about.items() if line[name] != value]
    if line["report"] != (report_place(attempt.name) if shown else None) or (shown and not settings.reports):
        wrong.append("report")
    if wrong:
        raise _no_answer(attempt, f"it has another {', '.join(wrong)} than an answer about it can have")
    return Graded(line, shown or None)


def _no_answer(attempt: Submitted | Carried, why: str) -> ParcelError:
    return ParcelError(f"a worker's answer about {attempt.name} cannot be used: {why}; expected workers with the run's own versions")
