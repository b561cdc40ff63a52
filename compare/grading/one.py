"""One attempt, graded: checked in a confined process, and the verdict as a line of the results."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np

from ..checking.check import check, loaded
from ..checking.result import Check
from ..diagnosis.patience import OutOfPatienceError, limited_to
from ..problem.from_dict import LESSON, declared_problem
from ..problem.validation import checked_sizes
from ..report.words import described_in_full, headline, hinted
from ..sandbox.confined import Limits, SandboxError
from ..sandbox.confinement import CONFINEMENTS
from ..sandbox.remote import NotStartedError, Remote
from ..sandbox.temporary import temporary_folder
from ..support.errors import CompareError, MissingExtraError, ProblemError
from ..support.output import printable
from ..userfile.file import Attempt, AttemptError
from ..userfile.pipe.peer import Peer, PeerError
from .adapter import beside
from .attempts import Carried, Submitted
from .line import report_place

WEIGHTS: Mapping[str, float] = {"forward": 1.0, "loss": 1.0, "backward": 2.0, "gradients": 2.0, "update": 1.0}
MOST_WEIGHTS, MOST_UNITS, MOST_LAYERS = 1_000_000, 10_000, 30      # of a network that is graded, which then takes a worker some 1.5 GiB
_Mark = tuple[str, int, bool]      # of a stage: the kind of parameter it is of, or "", the layer, and whether it holds
_MOST_TOLD, _MOST_TEXT = 300, 2000      # characters of a fault of ours, and of what is told of an attempt
_GROUPS = {"z": "forward", "u": "forward", "a": "forward", "output": "forward", "loss": "loss", "delta": "backward", "used": "gradients"}


@dataclass(frozen=True)
class Settings:
    """What every attempt of a run is graded by; `hint` is as much as the results give away, or None for all.

    A `problem` is the whole problem of all of them: what it does not say has its default. Without one, each has its own PROBLEM.
    Without a `seed` it is that of the run which was begun in the same place, or a fresh one.
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

    @cached_property
    def digest(self) -> str:
        """What tells this run's results from others': all that they depend on, the adapter's files as they are at the first call."""
        adapter = [self.adapter.name, {name: content.hex() for name, content in beside(self.adapter).items()}] if self.adapter else None
        how = (asdict(self.limits), self.confinement if self.confined else None, self.reports, version("backprop-compare"))
        about = (self.seed, self.steps, adapter, self.problem, self.hint, self.weights, *how)
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]


class Graded(NamedTuple):
    """What comes of an attempt: its line of the results, and its page, where there are reports."""

    line: dict[str, Any]
    page: str | None = None


def graded(attempt: Carried, settings: Settings) -> Graded:
    """The attempt's line and page; one whose files cannot be used is told as such, and so is a fault of ours, which costs no other attempt.

    Raises SandboxError and MissingExtraError for what would be so with every attempt.
    """
    try:
        return _graded(attempt, settings)
    except (SandboxError, MissingExtraError):
        raise
    except NotStartedError as error:
        return Graded(ungraded(attempt, settings, str(error)) | {"final": False})
    except CompareError as error:
        return Graded(ungraded(attempt, settings, str(error)))
    except OutOfPatienceError:
        return Graded(ungraded(attempt, settings, f"checking it took more than {settings.limits.diagnosis:g} s of CPU time"))
    except MemoryError:
        return Graded(ungraded(attempt, settings, "checking it took more memory than a worker has"))
    except Exception as error:
        return Graded(ungraded(attempt, settings, fault_of_ours(error)))


def fault_of_ours(error: Exception) -> str:
    """The reason in the line of an attempt that was not graded because of it."""
    said = printable(f"{type(error).__name__}: {error}", _MOST_TOLD)
    return f"a fault of backprop-compare, not of the attempt, which you may report: {said}"


def check_size(problem: Mapping[str, Any], whose: str) -> None:
    """Raise ProblemError for a network that is too large to be graded; `whose` it is begins the sentence.

    Memory grows with the weights, and with the units by some two hundred records; the time that a mistake takes, with the layers.
    """
    sizes = checked_sizes(problem.get("sizes") or LESSON["sizes"])
    for number, most, what in (
        (len(sizes) - 1, MOST_LAYERS, "layers"),
        (sum(sizes), MOST_UNITS, "inputs and units"),
        (sum(units_in * units for units_in, units in pairwise(sizes)), MOST_WEIGHTS, "weights"),
    ):
        if number > most:
            raise ProblemError(f"{whose} has {number} {what}; at most {most} are graded")


def _graded(attempt: Carried, settings: Settings) -> Graded:
    with temporary_folder() as folder:
        path, own = attempt.unfold(folder / "attempt")
        with limited_to(settings.limits.diagnosis) as patience:
            result = _checked(path, own, settings, _seed(attempt, settings))
    shown, hint = hinted(result, settings.hint)
    reason = None if result.verdict == "equivalent" else headline(shown)
    if reason and patience.has_ended and not result.diagnosis:
        reason += f"; what explains it was looked for {settings.limits.diagnosis:g} s, and not found"
    line = _line(attempt, settings, result.verdict, reason)
    sentences = [found.causes[0].sentence for found in shown.diagnosis]
    wrong = next((stage for stage in result.stages if stage.mark == "wrong"), None)
    line |= {
        "score": score(result, dict(settings.weights)),
        "stage": wrong.name if wrong else None,
        "mistakes": [found.causes[0].id for found in shown.diagnosis],
        "hint": printable(hint.get("sentence") or hint.get("kind") or "; ".join(sentences), _MOST_TEXT) or None,
        "lines": [found.line for found in shown.diagnosis if found.line],
        "seed": result.seed,
        "network": printable(described_in_full(result.problem), _MOST_TEXT) if result.functions else None,
    }
    if not settings.reports:
        return Graded(line)
    from ..report.html import check_page

    line["report"] = report_place(attempt.name)
    return Graded(line, check_page(shown, f"attempt {attempt.name}, seed {result.seed}", hint))


def score(result: Check, weights: Mapping[str, float]) -> float:
    """From 0 to 1: the share of the stages that hold by themselves, each kind by its weight; of one that did not run, 0.

    A gradient that is not shown holds as far as the new weights do, and an error term as far as its layer's gradients do.
    """
    if result.verdict == "equivalent":
        return 1.0
    if result.verdict not in ("different", "unstable formula") or not result.stages:
        return 0.0
    held: dict[str, list[_Mark]] = {}
    for stage in result.stages:
        kind, _, what = stage.stage.rpartition("_")
        held.setdefault(_GROUPS.get(what, "update"), []).append((kind, stage.layer, stage.mark != "wrong" and stage.is_proof))
    if all(is_held for marks in held.values() for _, _, is_held in marks):      # what is wrong showed in the training alone
        held.setdefault("update", []).append(("", 0, False))
    if "update" in held:
        held["gradients"] = _with_the_rest(held.get("gradients", []), held["update"])
    if "gradients" in held:
        held["backward"] = _with_the_rest(held.get("backward", []), [("", layer, is_held) for _, layer, is_held in held["gradients"]])
    total = sum(weights.get(group, 0.0) for group in held)
    share = sum(weights.get(group, 0.0) * fmean(is_held for _, _, is_held in marks) for group, marks in held.items())
    return round(share / total, 4) if total else 0.0


def _with_the_rest(shown: list[_Mark], made: list[_Mark]) -> list[_Mark]:
    """With a mark for each that is not shown: whether all that is made of it holds."""
    rest = dict.fromkeys(mark[:2] for mark in made if mark[1]).keys() - {mark[:2] for mark in shown}
    return [*shown, *((*place, all(mark[2] for mark in made if mark[:2] == place)) for place in sorted(rest))]


def _checked(path: Path, own: Path | None, settings: Settings, seed: int) -> Check:
    adapter = settings.adapter or _own_adapter(path, own)
    with ExitStack() as stack:
        candidate: Attempt | Remote
        try:
            candidate = _confined(path, own, adapter, settings, stack) if settings.confined else loaded(path, adapter)
        except (AttemptError, PeerError) as error:
            line, source = getattr(error, "line", None), getattr(error, "source", None)
            return _unused(path, settings, seed, str(error), line, source)
        stack.callback(candidate.close)
        problem = settings.problem or candidate.problem
        check_size(problem, "its PROBLEM")
        candidate.problem = {}      # where the teacher says something of the network, nothing is left to the attempt
        with np.errstate(all="ignore"):      # of the numbers that it shows, which may be any, NumPy is to warn nobody
            return check(candidate, problem=problem, seed=seed, steps=settings.steps, keep=settings.reports)


def _confined(path: Path, own: Path | None, adapter: Path | None, settings: Settings, stack: ExitStack) -> Remote:
    """The file in a confined process, until the stack is closed."""
    limits = settings.limits
    confined = stack.enter_context(CONFINEMENTS[settings.confinement](path, adapter, limits, own))

    def start() -> Peer:
        words = [*confined.words, *confined.files]
        peer = Peer(words, limits.answer, limits.output, limits.altogether, **confined.options)
        stack.enter_context(confined.watched(peer.pid))
        return peer

    return Remote(path, start, limits.start)


def _own_adapter(path: Path, folder: Path | None) -> Path | None:
    """The adapter that an attempt's folder brings with it, if it does; it is confined as the attempt is."""
    adapter = path.with_name("adapter.py")
    return adapter if folder is not None and adapter != path and adapter.is_file() else None


def _unused(path: Path, settings: Settings, seed: int, reason: str, line: int | None, source: str | None) -> Check:
    problem = declared_problem(settings.problem or {})
    return Check("could not run", path.name, problem, seed, reason=reason, line=line, source=source)


def _seed(attempt: Submitted | Carried, settings: Settings) -> int:
    """The attempt's own probes: nobody else has them, and who runs it again does."""
    told = f"{settings.seed}:{attempt.digest}".encode()
    return int.from_bytes(hashlib.sha256(told).digest()[:4], "little")


def ungraded(attempt: Submitted | Carried, settings: Settings, reason: str) -> dict[str, Any]:
    """The line of an attempt that could not be run, and why."""
    return _line(attempt, settings, "could not run", reason)


def _line(attempt: Submitted | Carried, settings: Settings, verdict: str, reason: str | None) -> dict[str, Any]:
    return {
        "attempt": attempt.name,
        "digest": attempt.digest,
        "run": settings.digest,
        "verdict": verdict,
        "reason": None if reason is None else printable(reason, _MOST_TEXT),
        "score": 0.0,
        "stage": None,
        "mistakes": [],
        "hint": None,
        "lines": [],
        "seed": None,
        "report": None,
        "network": None,
        "final": True,
    }
