"""The score of an attempt: the share of what is right by itself."""

from collections.abc import Mapping
from statistics import fmean

from ..parts.result import PartsCheck
from ..report.checked import Checked

WEIGHTS: Mapping[str, float] = {"forward": 1.0, "loss": 1.0, "backward": 2.0, "gradients": 2.0, "update": 1.0}
_Mark = tuple[str, int, bool]      # of a stage: the kind of its parameter, or "", the layer, and whether it is right
_GROUPS = {"z": "forward", "u": "forward", "a": "forward", "output": "forward", "loss": "loss", "delta": "backward", "used": "gradients"}


def score(result: Checked, weights: Mapping[str, float]) -> float:
    """Return, from 0 to 1, the share of stages that are right by themselves, each kind of stage by its weight; 0 if the file did not run.

    Of a file that is checked part by part it is the share of the parts that agree, or are wrong only by what they are made of.
    A gradient that is not shown counts as right where its new weights are, and an error term where its layer's gradients are.
    """
    if result.verdict == "equivalent":
        return 1.0
    if isinstance(result, PartsCheck):
        return round(fmean(part.mark in ("agrees", "unclear") for part in result.parts), 4) if result.parts else 0.0
    if result.verdict not in ("different", "unstable formula") or not result.stages:
        return 0.0
    groups: dict[str, list[_Mark]] = {}
    for stage in result.stages:
        kind, _, what = stage.stage.rpartition("_")
        groups.setdefault(_GROUPS.get(what, "update"), []).append((kind, stage.layer, stage.mark != "wrong" and stage.is_proof))
    if all(is_right for marks in groups.values() for _, _, is_right in marks):      # only the training shows that it is wrong
        groups.setdefault("update", []).append(("", 0, False))
    if "update" in groups:
        groups["gradients"] = _with_implied(groups.get("gradients", []), groups["update"])
    if "gradients" in groups:
        layers = [("", layer, is_right) for _, layer, is_right in groups["gradients"]]
        groups["backward"] = _with_implied(groups.get("backward", []), layers)
    total = sum(weights.get(group, 0.0) for group in groups)
    share = sum(weights.get(group, 0.0) * fmean(is_right for _, _, is_right in marks) for group, marks in groups.items())
    return round(share / total, 4) if total else 0.0


def _with_implied(shown: list[_Mark], results: list[_Mark]) -> list[_Mark]:
    """Add a mark for each quantity that is not shown: whether all results that are computed from it are right."""
    rest = dict.fromkeys(mark[:2] for mark in results if mark[1]).keys() - {mark[:2] for mark in shown}
    return [*shown, *((*place, all(mark[2] for mark in results if mark[:2] == place)) for place in sorted(rest))]
