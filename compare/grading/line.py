"""A line of the results: what there is of each attempt, and what that can be, whoever wrote it."""

import hashlib
import math
from collections.abc import Callable, Mapping
from typing import Any, get_args

from ..checking.result import Verdict

Line = dict[str, Any]
MOST_TEXT = 4000      # characters, all of which can be printed
REPORTS = "reports"      # the folder of the pages


def report_place(attempt: str) -> str:
    """Where the page of the attempt of that name lies; there is nothing in it of the name, which could mean something."""
    return f"{REPORTS}/{hashlib.sha256(attempt.encode('utf-8', 'replace')).hexdigest()[:16]}.html"


def wrong_in(line: Mapping[str, Any]) -> list[str]:
    """The names of what cannot be so in it, or else is missing, or is no part of a line."""
    strange = line.keys() ^ LINE.keys()
    wrong = sorted(strange) or [name for name, is_right in LINE.items() if not is_right(line[name])]
    if not wrong and line["report"] not in (None, report_place(line["attempt"])):
        wrong = ["report"]
    return wrong


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and len(value) <= MOST_TEXT


def _is_text_or_none(value: Any) -> bool:
    return value is None or _is_text(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


LINE: Mapping[str, Callable[[Any], bool]] = {      # what each has, and whether that can be its value
    "attempt": _is_text,
    "digest": _is_text,
    "run": _is_text,
    "verdict": lambda value: value in get_args(Verdict),
    "reason": _is_text_or_none,
    "score": lambda value: isinstance(value, float) and math.isfinite(value) and 0 <= value <= 1,
    "stage": _is_text_or_none,
    "mistakes": lambda value: isinstance(value, list) and all(map(_is_text, value)),
    "hint": _is_text_or_none,
    "lines": lambda value: isinstance(value, list) and all(map(_is_count, value)),
    "seed": lambda value: value is None or _is_count(value),
    "report": _is_text_or_none,
    "network": _is_text_or_none,
    "final": lambda value: isinstance(value, bool),
}
