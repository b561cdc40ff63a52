"""The page of a run over many attempts: a table that links each attempt's own page."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from compare.report.html import PAGE, template


def counted(lines: Iterable[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """How many there are of each verdict."""
    return sorted(Counter(str(line["verdict"]) for line in lines).items())


def grades_page(lines: Sequence[Mapping[str, Any]]) -> str:
    """The page; raises MissingExtraError where the extra `report` is not installed."""
    style = (PAGE / "style.css").read_text(encoding="utf-8")
    text: str = template("grades.html").render(lines=lines, counts=counted(lines), style=style)
    return text
