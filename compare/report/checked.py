"""What every report says of a check, be it of a network or part by part."""

from collections.abc import Iterator, Mapping

from ..checking.result import Check
from ..parts.result import PartsCheck
from . import parts, parts_words, words

Checked = Check | PartsCheck
Hint = Mapping[str, str] | None


def headline(check: Checked) -> str:
    """Say the verdict, and what it rests on."""
    return parts.headline(check) if isinstance(check, PartsCheck) else words.headline(check)


def about(check: Checked) -> str:
    """Say in one line what was compared with what."""
    return parts_words.about(check) if isinstance(check, PartsCheck) else words.about(check)


def why(check: Checked, hint: Hint = None) -> Iterator[str]:
    """Yield the lines that explain the verdict; with a hint, only what the hint says."""
    return parts_words.why(check, hint) if isinstance(check, PartsCheck) else words.why(check, hint)


def hinted(check: Checked, level: int | None) -> tuple[Checked, dict[str, str]]:
    """Return the check without what the hint of that level does not say, and the hint by name."""
    return parts_words.hinted(check, level) if isinstance(check, PartsCheck) else words.hinted(check, level)


def place(check: Checked) -> tuple[str, int | None, str | None]:
    """Return the file in which the line to look at first is, its number, and where it is in words."""
    if isinstance(check, PartsCheck):
        return check.place, check.line, parts_words.place_said(check)
    return check.name, words.line_of(check), words.place_of(check)


def page(check: Checked, command: str, hint: Hint = None) -> str:
    """Return the page of the check; raises MissingExtraError without the extra `report`."""
    from .html import check_page
    from .parts_page import parts_page

    return parts_page(check, command, hint) if isinstance(check, PartsCheck) else check_page(check, command, hint)


def as_json(check: Checked, hint: Hint = None) -> str:
    """Return the check as JSON text."""
    from .json import check_json

    return parts.parts_json(check, hint) if isinstance(check, PartsCheck) else check_json(check, hint)


def print_checked(check: Checked, command: str, hint: Hint = None, report: str | None = None) -> None:
    """Print the check; `command` repeats it."""
    from .terminal import print_check

    if isinstance(check, PartsCheck):
        parts.print_parts(check, command, hint, report)
    else:
        print_check(check, command, hint, report)
