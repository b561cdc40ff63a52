"""Grade one attempt: check it in a confined process, and make a line of the results from the verdict."""

import hashlib
import json
import os
import shlex
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..checking.by_shape import by_shape, parts_of, refuse
from ..checking.check import check_network, loaded
from ..checking.result import Check
from ..diagnosis.patience import OutOfPatienceError, limited_to
from ..parts.result import PartsCheck
from ..problem.from_dict import LESSON, declared_problem
from ..problem.validation import checked_sizes
from ..report.checked import Checked, headline, hinted, page
from ..report.words import described_in_full, line_said
from ..sandbox.confined import SandboxError
from ..sandbox.confinement import CONFINEMENTS
from ..sandbox.limits import Limits
from ..sandbox.remote import NotStartedError, Remote
from ..sandbox.temporary import temporary_folder
from ..support.errors import CompareError, MissingExtraError, ProblemError
from ..support.output import printable
from ..userfile.file import Attempt, AttemptError
from ..userfile.pipe.peer import Peer, PeerError
from ..userfile.shapes import RECOGNISED
from ..userfile.shapes.definitions import offers_contract
from .adapter import beside
from .attempts import Carried, Submitted
from .attempts import shown as visible
from .by_parts import confined_parts
from .line import LINE, report_place
from .score import WEIGHTS, score

MOST_WEIGHTS, MOST_UNITS, MOST_LAYERS = 1_000_000, 10_000, 30      # of a graded network, which takes a worker at most some 1.5 GiB
_MOST_ERROR, _MOST_TEXT = 300, 2000      # characters of an internal error, and of a text about an attempt


@dataclass(frozen=True)
class Settings:
    """The settings of a run; `hint` is how much of a mistake the results show, None for all.

    `problem` is the problem of all attempts, its missing options at their defaults; without it each attempt declares its own PROBLEM.
    Without `seed`, the seed is that of the run in the same output folder, or a new one. `folder` and `repeat` are for the command that
    checks one attempt again: the folder of the attempts as it was given, and the options that all have in common. `shape` is that of all
    attempts, if they are checked part by part.
    """

    seed: int | None
    steps: int
    adapter: Path | None = None
    problem: Mapping[str, Any] | None = None
    hint: int | None = None
    weights: tuple[tuple[str, float], ...] = tuple(WEIGHTS.items())
    limits: Limits = field(default_factory=Limits)
    confined: bool = True
    confinement: str = "bubblewrap"
    reports: bool = False
    folder: str = ""
    repeat: tuple[str, ...] = ()
    shape: str | None = None

    @cached_property
    def digest(self) -> str:
        """A hash of all that the results depend on, with the adapter's files as they are at the first access."""
        adapter = [self.adapter.name, {name: content.hex() for name, content in beside(self.adapter).items()}] if self.adapter else None
        how = (asdict(self.limits), self.confinement if self.confined else None, self.shape, self.reports, version("backprop-compare"))
        about = (self.seed, self.steps, adapter, self.problem, self.hint, self.weights, *how)
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]


class Graded(NamedTuple):
    """A graded attempt: its line of the results, and its page if there are reports."""

    line: dict[str, Any]
    page: str | None = None


def graded(attempt: Carried, settings: Settings) -> Graded:
    """Grade the attempt; unusable files and internal errors become a result line and never stop the run. Raises SandboxError."""
    try:
        return _graded(attempt, settings)
    except (SandboxError, MissingExtraError):      # which would be raised for every attempt
        raise
    except NotStartedError as error:
        return Graded(ungraded(attempt, settings, str(error)) | {"final": False})
    except CompareError as error:
        return Graded(ungraded(attempt, settings, attempt.in_its_name(str(error))))
    except OutOfPatienceError:
        return Graded(ungraded(attempt, settings, f"checking it took more than {settings.limits.diagnosis:g} s of CPU time"))
    except MemoryError:
        return Graded(ungraded(attempt, settings, "checking it took more memory than a worker has"))
    except Exception as error:
        return Graded(ungraded(attempt, settings, internal_error(error)))


def internal_error(error: Exception) -> str:
    """Return the reason for a line, for an attempt that is not graded because of an error of this package."""
    shown = printable(f"{type(error).__name__}: {error}", _MOST_ERROR)
    return f"a fault of backprop-compare, not of the attempt, which you may report: {shown}"


def check_size(problem: Mapping[str, Any], whose: str) -> None:
    """Raise ProblemError, whose message begins with `whose`, for a network that is too large to be graded.

    Memory grows with the weights, and with the units times some two hundred records; the search for a mistake with the layers.
    """
    sizes = checked_sizes(problem.get("sizes") or LESSON["sizes"])
    for number, most, what in (
        (len(sizes) - 1, MOST_LAYERS, "layers"),
        (sum(sizes), MOST_UNITS, "inputs and units"),
        (sum(units_in * units for units_in, units in pairwise(sizes)), MOST_WEIGHTS, "weights"),
    ):
        if number > most:
            raise ProblemError(f"{whose} has {number} {what}; expected at most {most}")


def _graded(attempt: Carried, settings: Settings) -> Graded:
    with temporary_folder() as temporary:
        path, folder = attempt.unfold(temporary / "attempt")
        with limited_to(settings.limits.diagnosis) as patience:
            result = _checked(path, folder, settings, _seed(attempt, settings))
    name = attempt.name if folder is None else f"{attempt.name}/{visible(str(path.relative_to(folder)))}"
    result = _named(result, name, attempt.in_its_name)
    shown, hint = hinted(result, settings.hint)
    reason = result.caveat if result.verdict == "equivalent" else headline(shown)
    if reason and isinstance(result, Check) and patience.has_ended and not result.diagnosis:
        reason += f"; what explains it was looked for {settings.limits.diagnosis:g} s, and not found"
    repeat = _command(attempt, path, folder, settings, result.seed)
    line = ungraded(attempt, settings, reason) | {
        "verdict": result.verdict,
        "score": score(result, dict(settings.weights)),
        "seed": result.seed,
        "repeat": repeat,
        **(_of_parts(result, shown, hint) if isinstance(result, PartsCheck) else _of_network(result, shown, hint)),
    }
    if not settings.reports:
        return Graded(line)
    line["report"] = report_place(attempt.name)
    return Graded(line, page(shown, repeat, hint))


def _named(result: Checked, name: str, own: Callable[[str], str]) -> Checked:
    """Return the check under the attempt's name, which is in its sentences, too."""
    notes = tuple(map(own, result.notes))
    if isinstance(result, Check):
        return replace(result, name=name, reason=result.reason and own(result.reason), notes=notes)
    parts = tuple(replace(part, reason=part.reason and own(part.reason)) for part in result.parts)
    return replace(result, name=name, failure=result.failure and own(result.failure), notes=notes, parts=parts)


def _of_network(result: Check, shown: Checked, hint: Mapping[str, str]) -> dict[str, Any]:
    """Return what the line says of a network: the first wrong stage, the mistakes with their lines, and which network it is."""
    sentences = [" or ".join(dict.fromkeys(cause.sentence for cause in found.causes)) for found in shown.diagnosis]
    wrong = next((stage for stage in result.stages if stage.mark == "wrong"), None)
    return {
        "stage": wrong.name if wrong else None,
        "mistakes": [found.causes[0].id for found in shown.diagnosis],
        "alternatives": [list(dict.fromkeys(cause.id for cause in found.causes[1:])) for found in shown.diagnosis],
        "hint": printable(hint.get("sentence") or hint.get("kind") or "; ".join(sentences), _MOST_TEXT) or None,
        "lines": [_line(result, found.line) for found in shown.diagnosis if found.line],
        "network": printable(described_in_full(result.problem), _MOST_TEXT) if result.functions else None,
    }


def _of_parts(result: PartsCheck, shown: Checked, hint: Mapping[str, str]) -> dict[str, Any]:
    """Return what the line says of a file without a network: the part that decides the verdict, what explains it, and the shape."""
    wrong = result.worst if result.verdict == "different" else None
    why = hint.get("sentence") or hint.get("kind") if hint else wrong and wrong.why
    return {
        "stage": printable(wrong.name, _MOST_TEXT) if wrong else None,
        "hint": printable(why, _MOST_TEXT) if why else None,
        "lines": [_line(result, result.line, wrong.file)] if wrong and result.line and not hint else [],
        "network": printable(result.recognised.partition(":")[0], _MOST_TEXT),      # without the names of all parts
    }


def _line(result: Checked, line: int, file: str = "") -> int | str:
    """Return the line; of a notebook, or of another file than the attempt, in words."""
    said = line_said(result, line, file)
    return f"{said} of {visible(file)}" if file else line if said == f"line {line}" else said


def _command(attempt: Carried, path: Path, folder: Path | None, settings: Settings, seed: int) -> str:
    """Return the command that checks the attempt again with the same probes; of a page with hints, of the file where its author has it."""
    place = Path(attempt.name if settings.hint is not None else os.path.join(settings.folder, attempt.name))
    unzip: list[str] = []
    if folder is not None:
        inside = path.relative_to(folder)
        if attempt.kind == "archive":
            unzip, place = ["unzip", "-d", place.stem, str(place)], Path(place.stem)
        place /= inside
    words = ["backprop-compare", "check", str(place), *settings.repeat, "--seed", str(seed)]
    return printable(" && ".join(shlex.join(each) for each in (unzip, words) if each), _MOST_TEXT)


def _checked(path: Path, folder: Path | None, settings: Settings, seed: int) -> Checked:
    adapter = settings.adapter or _own_adapter(path, folder)

    def parts(shape: str) -> PartsCheck:
        given = [*(settings.problem or {})]
        if not settings.confined:
            return parts_of(path, shape, given, seed)
        refuse(given, shape)
        return confined_parts(path, folder, shape, seed, settings.confinement, settings.limits)

    chosen = settings.shape or (None if adapter is None else str(adapter))
    return by_shape(path, chosen, lambda: _network(path, folder, adapter, settings, seed), parts)


def _network(path: Path, folder: Path | None, adapter: Path | None, settings: Settings, seed: int) -> Check:
    if adapter is None and not offers_contract(path):
        adapter = RECOGNISED
    with ExitStack() as stack:
        candidate: Attempt | Remote
        try:
            candidate = _confined(path, folder, adapter, settings, stack) if settings.confined else loaded(path, adapter)
        except (AttemptError, PeerError) as error:
            place: dict[str, Any] = {"line": error.line, "source": error.source} if isinstance(error, AttemptError) else {}
            return Check("could not run", path.name, declared_problem(settings.problem or {}), seed, reason=str(error), **place)
        stack.callback(candidate.close)
        problem = {**(LESSON if candidate.found else {}), **settings.problem} if settings.problem else candidate.problem
        check_size(problem, "its PROBLEM")
        candidate.problem = {}      # an attempt may not override the teacher's problem
        with np.errstate(all="ignore"):      # the attempt may show any numbers
            return check_network(candidate, problem=problem, seed=seed, steps=settings.steps, keep=settings.reports)


def _confined(path: Path, folder: Path | None, adapter: Path | None, settings: Settings, stack: ExitStack) -> Remote:
    """Start the file in a confined process, which ends when the stack is closed."""
    limits = settings.limits
    confined = stack.enter_context(CONFINEMENTS[settings.confinement](path, adapter, limits, folder, None))

    def start() -> Peer:
        peer = Peer([*confined.words, *confined.files], limits.answer, limits.output, limits.altogether, **confined.options)
        stack.enter_context(confined.watched(peer.pid))
        return peer

    return Remote(path, start, limits.start)


def _own_adapter(path: Path, folder: Path | None) -> Path | None:
    """Return the adapter.py beside the attempt in its folder, if there is one; it is confined as the attempt is."""
    adapter = path.with_name("adapter.py")
    return adapter if folder is not None and adapter != path and adapter.is_file() else None


def _seed(attempt: Submitted | Carried, settings: Settings) -> int:
    """Return the seed of the attempt's probes, which no other attempt has, and which is the same in every run with these settings."""
    return int.from_bytes(hashlib.sha256(f"{settings.seed}:{attempt.digest}".encode()).digest()[:4], "little")


def ungraded(attempt: Submitted | Carried, settings: Settings, reason: str | None) -> dict[str, Any]:
    """Return the line of an attempt that could not be run, and why."""
    return dict.fromkeys(LINE) | {
        "attempt": attempt.name,
        "digest": attempt.digest,
        "run": settings.digest,
        "verdict": "could not run",
        "reason": None if reason is None else printable(reason, _MOST_TEXT),
        "score": 0.0,
        "mistakes": [],
        "alternatives": [],
        "lines": [],
        "final": True,
    }
