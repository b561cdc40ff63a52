"""The page of a file that is checked part by part: what is wrong first, each with its line beside the reason, then all parts."""

from collections.abc import Iterator, Mapping

from ..parts.result import Mark, Part, PartsCheck
from .html import rendered, versions
from .parts import MARKS, headline, said
from .parts_words import about, summary
from .words import around, line_said

_ORDER: tuple[Mark, ...] = ("wrong", "could not run", "unclear", "not compared", "agrees")
_KINDS: dict[Mark, str] = {"agrees": "agrees", "wrong": "wrong", "could not run": "wrong"}      # how a row looks; all others as "inherits"
_MOST = 20      # parts whose line is shown


def parts_page(check: PartsCheck, command: str, hint: Mapping[str, str] | None = None) -> str:
    """Return the page of the check; with a hint, only what the hint says. Raises MissingExtraError without the extra `report`."""
    facts = [
        ("What", about(check)),
        ("Inputs", f"drawn from seed {check.seed}"),
        ("Compared", f"{check.compared} numbers of {len(check.parts)} parts"),
        ("Versions", versions("cpu")),
        ("Repeat", command),
    ]
    parts = sorted(check.parts, key=lambda part: _ORDER.index(part.mark))
    shown = [part for part in parts if part.mark != "agrees"][:_MOST]
    return rendered(
        verdict=check.verdict,
        sentence=headline(check),
        title=f"{check.verdict}: {check.name}",
        last=() if check.verdict == "equivalent" else tuple(summary(check, command, hint)),
        facts=facts,
        notes=[*(f"Found: {sentence}" for sentence in check.conventions), *check.notes],
        parts=[
            (part.name, list(_reasons(part)), around(check, _line(part, hint), part.file), _caption(check, part, hint)) for part in shown
        ],
        details=[check.failure] if check.failure and not check.parts else [],
        source=around(check, check.at),
        name=check.name if check.at is None else f"{check.name} {line_said(check, check.at)}",
        stages=[(MARKS[part.mark], _KINDS.get(part.mark, "inherits"), part.name, said(part), _numbers(part)) for part in parts],
        of_stages=("Part by part", "part", "yours beside PyTorch's"),
        printed=check.printed,
        pictures=(),
    )


def _line(part: Part, hint: Mapping[str, str] | None) -> int | None:
    """Return the line to look at, which a hint does not give away."""
    return None if hint and part.mark == "wrong" else part.place


def _caption(check: PartsCheck, part: Part, hint: Mapping[str, str] | None) -> str:
    line = _line(part, hint)
    return "" if line is None else f"{part.file or check.name} {line_said(check, line, part.file)}"


def _reasons(part: Part) -> Iterator[str]:
    """Yield in sentences what is wrong with the part, and on what."""
    yield said(part)
    if part.why and part.first is not None:
        yield part.why
    if part.first is not None and part.first.reason:
        yield part.first.reason
    if part.first is not None and part.first.actual is not None:
        yield f"{_numbers(part)}, off by {part.first.difference:.2g}, where rounding allows {part.first.allowed:.2g}"
    if part.on:
        yield f"on {part.on}"


def _numbers(part: Part) -> str:
    found = part.first
    return "" if found is None or found.actual is None else f"{part.tensor}: {found.actual:.8g}, PyTorch's {found.expected:.8g}"
