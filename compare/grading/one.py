"""One attempt, graded: checked in a confined process, and the verdict as a line of the results."""

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compare.adapters.attempt import AttemptError
from compare.checking import check
from compare.errors import CompareError
from compare.grading.attempts import AttemptFilesError, Submitted
from compare.pipe.peer import Peer, PeerError
from compare.report.checked import headline, hinted
from compare.sandbox.confined import Limits, command, start_options
from compare.sandbox.remote import Remote
from compare.verdict import Check

WEIGHTS: Mapping[str, float] = {"forward": 1.0, "loss": 1.0, "backward": 2.0, "gradients": 2.0, "update": 1.0}
_GROUPS = {"z": "forward", "u": "forward", "a": "forward", "output": "forward", "loss": "loss", "delta": "backward", "used": "gradients"}


@dataclass(frozen=True)
class Settings:
    """What every attempt of a run is graded by; `hint` is as much as the results give away, or None for all."""

    seed: int
    steps: int
    adapter: Path | None = None
    problem: Mapping[str, Any] | None = None
    hint: int | None = None
    weights: tuple[tuple[str, float], ...] = tuple(WEIGHTS.items())
    limits: Limits = field(default_factory=Limits)
    confined: bool = True
    reports: Path | None = None

    @property
    def digest(self) -> str:
        """What tells this run's results from others'."""
        adapter = self.adapter.read_bytes() if self.adapter is not None else b""
        about = (self.seed, self.steps, adapter, sorted((self.problem or {}).items()), self.hint, self.weights, self.limits, self.confined)
        return hashlib.sha256(repr(about).encode()).hexdigest()[:16]


def graded(attempt: Submitted, settings: Settings) -> dict[str, Any]:
    """The attempt's line of the results."""
    with tempfile.TemporaryDirectory(prefix="lockstep-") as folder:
        try:
            path, own = attempt.unfold(Path(folder) / "attempt")
            result = _checked(path, own, settings, _seed(attempt, settings))
        except (AttemptFilesError, CompareError) as error:
            return ungraded(attempt, settings, str(error))
    shown, given = hinted(result, settings.hint)
    line = _line(attempt, settings, result.verdict, None if result.verdict == "equivalent" else headline(shown))
    wrong = next((stage for stage in result.stages if stage.mark == "wrong"), None)
    line |= {
        "score": score(result, dict(settings.weights)),
        "stage": wrong.name if wrong else None,
        "mistakes": [found.causes[0].id for found in shown.diagnosis],
        "hint": given.get("sentence") or given.get("kind") or "; ".join(found.causes[0].sentence for found in shown.diagnosis) or None,
        "lines": [found.line for found in shown.diagnosis if found.line],
        "seed": result.seed,
    }
    if settings.reports is not None:
        from compare.output import write_file
        from compare.report.html import check_page

        name = report_name(attempt)
        write_file(settings.reports / name, check_page(shown, f"attempt {attempt.name}, seed {result.seed}", given))
        line["report"] = f"{settings.reports.name}/{name}"
    return line


def report_name(attempt: Submitted) -> str:
    """The file name of the attempt's page, which has nothing of the attempt's own name in it that could mean something."""
    return hashlib.sha256(attempt.name.encode("utf-8", "replace")).hexdigest()[:16] + ".html"


def score(result: Check, weights: Mapping[str, float]) -> float:
    """From 0 to 1: the share of the stages that hold by themselves, each kind by its weight; of one that did not run, 0."""
    if result.verdict == "equivalent":
        return 1.0
    if result.verdict not in ("different", "unstable formula") or not result.stages:
        return 0.0
    held: dict[str, list[bool]] = {}
    for stage in result.stages:
        kind = stage.stage.partition("_")[2] or stage.stage
        held.setdefault(_GROUPS.get(kind, "update"), []).append(stage.mark != "wrong")
    total = sum(weights.get(group, 0.0) for group in held)
    share = sum(weights.get(group, 0.0) * sum(marks) / len(marks) for group, marks in held.items())
    return round(share / total, 4) if total else 0.0


def _checked(path: Path, own: Path | None, settings: Settings, seed: int) -> Check:
    if not settings.confined:
        return check(path, adapter=settings.adapter, problem=settings.problem, seed=seed, steps=settings.steps, keep=bool(settings.reports))
    limits = settings.limits
    words = command(path, settings.adapter, limits, own)

    def start() -> Peer:
        return Peer(words, timeout=limits.answer, most_bytes=limits.output, **start_options(limits))

    try:
        remote = Remote(path, start)
    except (AttemptError, PeerError) as error:
        line, source = getattr(error, "line", None), getattr(error, "source", None)
        return _unused(path, settings, seed, str(error), line, source)
    return check(remote, problem=settings.problem, seed=seed, steps=settings.steps, keep=bool(settings.reports))


def _unused(path: Path, settings: Settings, seed: int, reason: str, line: int | None, source: str | None) -> Check:
    from compare.declared import declared_problem

    problem = declared_problem(settings.problem or {})
    return Check("could not run", path.name, problem, seed, reason=reason, line=line, source=source)


def _seed(attempt: Submitted, settings: Settings) -> int:
    """The attempt's own probes: nobody else has them, and who runs it again does."""
    told = f"{settings.seed}:{attempt.digest}".encode()
    return int.from_bytes(hashlib.sha256(told).digest()[:4], "little")


def ungraded(attempt: Submitted, settings: Settings, reason: str) -> dict[str, Any]:
    """The line of an attempt that could not be run, and why."""
    return _line(attempt, settings, "could not run", reason)


def _line(attempt: Submitted, settings: Settings, verdict: str, reason: str | None) -> dict[str, Any]:
    return {
        "attempt": attempt.name,
        "digest": attempt.digest,
        "run": settings.digest,
        "verdict": verdict,
        "reason": reason,
        "score": 0.0,
        "stage": None,
        "mistakes": [],
        "hint": None,
        "lines": [],
        "seed": None,
        "report": None,
    }
