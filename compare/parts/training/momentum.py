"""Whether the momenta of a step go on alike: by one share, and less from step to step."""

from collections.abc import Iterator, Mapping

import numpy as np

from .step import State, Step


def momenta_wrong(step: Step) -> Mapping[str, str]:
    """Return by path why the momentum of an array is none, for those of which that can be told."""
    plain = [each for each in step.states if each.share is not None and each.kept is not None]
    own = {each.of: each for each in plain if _is_only(step, each)}
    return dict(_faults(own)) | {
        each.of: f"its update depends on {each.path}, the momentum of another" for each in plain if not _is_only(step, each)
    }


def are_uncompared(step: Step) -> list[str]:
    """Return the arrays whose update depends on states that are no plain momentum."""
    return sorted({each.of for each in step.states if each.share is None or each.kept is None})


def _is_only(step: Step, state: State) -> bool:
    """Return whether it is the state of one array, or of the one on which most of it goes."""
    same = [each for each in step.states if each.path == state.path and each.share is not None]
    return len(same) == 1


def _faults(own: Mapping[str, State]) -> Iterator[tuple[str, str]]:
    kept = float(np.median([each.kept or 0.0 for each in own.values()])) if own else 0.0
    share = float(np.median([each.share or 0.0 for each in own.values()])) if own else 0.0
    for of, each in own.items():
        if each.kept is None or each.share is None:
            continue
        if abs(each.kept) >= 1 - 1e-9:
            yield of, f"{each.path}, which its update adds up, neither decays from step to step nor is reset"
        elif abs(each.kept - kept) > 1e-5 or abs(each.share - share) > 1e-5 * abs(share):
            yield of, f"its momentum, {each.path}, goes on by {each.kept:.6g}, and that of others by {kept:.6g}"
