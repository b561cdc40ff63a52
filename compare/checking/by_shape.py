"""Which check a file gets: that of a network, one part by part, or that of the training that it runs, by what it defines and does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..parts.check import check_parts
from ..parts.result import PartsCheck
from ..parts.shapes import SHAPES, TRAINING, shape_of
from ..parts.training.running import ROOTS, TooLongError
from ..support.errors import CompareError, ProblemError
from ..userfile.shapes.definitions import offers_contract
from ..userfile.source import Source, UnusableFileError
from .beside_parts import with_networks
from .result import Check


def by_shape(
    path: Path, adapter: str | None, network: Callable[..., Check], parts: Callable[[str], PartsCheck]
) -> Check | PartsCheck:
    """Return the check of the file's network, of which some names may be given, of its parts, given the shape's name, or of what it trains.

    The adapter may be such a name. Without one, parts come first where they are sure to be meant, and else where no network is found, or
    where it cannot be run. Where neither says anything, or a network differs by no known mistake, the file is run and its steps are looked
    at: what it holds may be another network than the one that it was taken for.
    """
    if adapter is not None:
        return parts(adapter) if adapter in SHAPES else network()
    found: Check | PartsCheck | None = None
    unusable: UnusableFileError | None = None
    if (shape := shape_of(path)) is not None:
        found = with_networks(parts(shape), network)
    else:
        last = shape_of(path, is_last=True)
        try:
            found = network()
        except UnusableFileError as error:
            unusable = error
        if last is not None and (found is None or found.verdict == "could not run"):
            found = parts(last)
    if offers_contract(path) or (found is not None and not _is_in_doubt(found) and not _is_of_roots(found, path)):
        return _shown(found, unusable)
    try:
        training = parts(TRAINING)
    except CompareError as error:
        if found is None and isinstance(error, TooLongError):
            raise
        return _shown(found, unusable)
    if training.verdict not in ("equivalent", "different"):      # where nothing else is known, what it compared is
        is_more = (found is None or found.verdict == "could not run") and any(part.compared for part in training.parts)
        return training if is_more else _shown(found, unusable)
    if found is None or not _says(found):
        return training
    why = "its steps are no multiples of the gradient" if _is_of_roots(found, path) else "its network is none that was recognised"
    return replace(training, notes=(*training.notes, why))


def named_network(path: Path, names: Mapping[str, str], network: Callable[[], Check]) -> Check:
    """Return the check of the network that has these names; where there is none, the error says what else the file is."""
    try:
        return network()
    except UnusableFileError:
        if (shape := shape_of(path)) is None:
            raise
        said = " ".join(f"--{option} {value}" for option, value in names.items())
        parts = f"it is checked part by part, as {shape}, where each part is found by its name"
        raise UnusableFileError(f"{path.name} has no network by {said}; {parts}; expected none of these options") from None


def _is_in_doubt(found: Check | PartsCheck) -> bool:
    """Return whether the check says nothing, or only that a network which the file was taken for is another one, from its first number."""
    is_another = not found.parts and not found.diagnosis and all(stage.mark == "wrong" for stage in found.stages)
    is_moved = isinstance(found, Check) and found.problem is not None and bool(found.problem.optimizer_options.get("momentum"))
    is_another = is_another and not is_moved      # without its momentum it agreed
    return found.verdict in ("could not run", "not a proof") or (found.verdict == "different" and is_another)


def _is_of_roots(found: Check | PartsCheck, path: Path) -> bool:
    """Return whether no step is right, by no known mistake, in a file that may divide its steps by a root, as Adam's are."""
    steps = [stage for stage in found.stages if stage.name.startswith("new ")]
    is_so = found.verdict == "different" and bool(steps) and not found.diagnosis and all(stage.mark == "wrong" for stage in steps)
    return is_so and ROOTS.search("\n".join(Source.read(path).lines)) is not None


def _says(found: Check | PartsCheck | None) -> bool:
    return found is not None and found.verdict in ("equivalent", "different")


def _shown(found: Check | PartsCheck | None, unusable: UnusableFileError | None) -> Check | PartsCheck:
    """Return what was found; raises what was raised where nothing was."""
    if found is None:
        assert unusable is not None
        raise unusable
    return found


def parts_of(path: Path, shape: str, given: Sequence[str], seed: int) -> PartsCheck:
    """Return the check of the file's parts; raises ProblemError where something of a problem is given."""
    refuse(given, shape)
    return check_parts(path, shape, seed)


def refuse(given: Sequence[str], shape: str) -> None:
    """Raise ProblemError where something of a problem is given for a file of that shape, whose parts have none."""
    if given:
        raise ProblemError(f"{', '.join(given)} cannot be given for a file that is checked part by part ({shape}); expected none of these")
