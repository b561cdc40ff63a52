"""Did you mean: the name that comes nearest to one that is unknown."""

from __future__ import annotations

TYPE_CHECKING = False      # as `typing` has it, which takes longer to import than the help to print
if TYPE_CHECKING:
    from collections.abc import Iterable

_ALIKE = 0.6      # of the letters, as difflib counts them


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name that is most like an unknown one, capitals and dashes aside, or None if none is like it."""
    from difflib import get_close_matches

    plain = {_plain(each): each for each in reversed(list(names))}
    found = get_close_matches(_plain(name), plain, n=1, cutoff=_ALIKE)
    return plain[found[0]] if found else None


def did_you_mean(name: object, names: Iterable[str]) -> str:
    """Return "; did you mean NAME?" for the end of a message, or an empty text if no name is like it."""
    found = nearest(name, names) if isinstance(name, str) else None
    return f"; did you mean {found}?" if found else ""


def _plain(name: str) -> str:
    return name.lower().strip("-").replace("-", "_")
