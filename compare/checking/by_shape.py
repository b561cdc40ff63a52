"""Which check a file gets: that of a network, or one part by part, by what it defines."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ..parts.check import check_parts
from ..parts.result import PartsCheck
from ..parts.shapes import SHAPES, shape_of
from ..support.errors import ProblemError
from ..userfile.source import UnusableFileError
from .beside_parts import with_networks
from .result import Check


def by_shape(
    path: Path, adapter: str | None, network: Callable[..., Check], parts: Callable[[str], PartsCheck]
) -> Check | PartsCheck:
    """Return the check of the file's network, of which some names may be given, or of its parts, given the shape's name.

    The adapter may be such a name. Without one, parts come first where they are sure to be meant, and else where no network is found, or
    where it cannot be run.
    """
    if adapter is not None:
        return parts(adapter) if adapter in SHAPES else network()
    if (shape := shape_of(path)) is not None:
        return with_networks(parts(shape), network)
    last = shape_of(path, is_last=True)
    try:
        check = network()
    except UnusableFileError:
        if last is None:
            raise
        return parts(last)
    return check if last is None or check.verdict != "could not run" else parts(last)


def parts_of(path: Path, shape: str, given: Sequence[str], seed: int) -> PartsCheck:
    """Return the check of the file's parts; raises ProblemError where something of a problem is given."""
    refuse(given, shape)
    return check_parts(path, shape, seed)


def refuse(given: Sequence[str], shape: str) -> None:
    """Raise ProblemError where something of a problem is given for a file of that shape, whose parts have none."""
    if given:
        raise ProblemError(f"{', '.join(given)} cannot be given for a file that is checked part by part ({shape}); expected none of these")
