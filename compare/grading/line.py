"""A line of the results: the fields for each attempt, and the check of each value, since anyone may have written the line."""

import hashlib
import math
from collections.abc import Callable, Mapping
from typing import Any, get_args

from ..checking.result import Verdict

Line = dict[str, Any]
MOST_TEXT = 4000      # characters, all of them printable
REPORTS = "reports"      # the folder of the attempts' pages


def report_place(attempt: str) -> str:
    """Return the path of the attempt's page: a hash, so that no name can lead elsewhere."""
    return f"{REPORTS}/{hashlib.sha256(attempt.encode('utf-8', 'replace')).hexdigest()[:16]}.html"


def wrong_in(line: Mapping[str, Any]) -> list[str]:
    """Return the names of missing and unknown fields, or else those with invalid values."""
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


LINE: Mapping[str, Callable[[Any], bool]] = {      # the fields, and whether a value is valid
    "attempt": _is_text,
    "digest": _is_text,
    "run": _is_text,
    "verdict": lambda value: value in get_args(Verdict),
    "reason": _is_text_or_none,
    "score": lambda value: isinstance(value, float) and math.isfinite(value) and 0 <= value <= 1,
    "stage": _is_text_or_none,
    "mistakes": lambda value: isinstance(value, list) and all(map(_is_text, value)),
    "alternatives": lambda value: isinstance(value, list) and all(isinstance(each, list) and all(map(_is_text, each)) for each in value),
    "hint": _is_text_or_none,
    "lines": lambda value: isinstance(value, list) and all(_is_count(each) or _is_text(each) for each in value),
    "seed": lambda value: value is None or _is_count(value),
    "report": _is_text_or_none,
    "network": _is_text_or_none,
    "repeat": _is_text_or_none,
    "final": lambda value: isinstance(value, bool),
}
