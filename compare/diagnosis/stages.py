"""Where a mistake was made: each stage that a file shows, in the order of computation, is judged by its inputs and against PyTorch's.

A stage is wrong if it differs from PyTorch's and does not follow from the stages that are shown before it. If it does follow, it inherits
a mistake; if it agrees with PyTorch's after wrong stages, it was computed without them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..lockstep.difference import Difference, largest_share
from ..problem.problem import Problem
from ..support.arrays import Array
from .formulas import KINDS
from .graph import Node, Run, parameter_name
from .mistake import layers_named

Mark = Literal["agrees", "wrong", "inherits"]
Group = tuple[str, int]  # (stage, layer)

_ACTIVATIONS = {"z": "pre-activation z", "u": "normalised u", "a": "activation a", "delta": "error term δ"}
_FORWARD = ("z", "u", "a")
_OUTPUT = ("output", "probabilities", "loss")
_UPDATE = ("used", "velocity", "step", "after")


@dataclass(frozen=True)
class Stage:
    """One stage of one layer over all steps: its mark, and if it is wrong or inherits, its largest difference in the first step with one.

    `is_proof` is False of new weights that a wrong gradient would make too, within rounding.
    """

    stage: str
    layer: int
    name: str
    mark: Mark
    difference: Difference | None = None
    is_proof: bool = True


def rank(group: Group, depth: int) -> tuple[int, int, int]:
    """Return a sort key by which stages and layers come in the order of computation."""
    stage, layer = group
    if stage in _FORWARD:
        return 0, layer, _FORWARD.index(stage)
    if stage in _OUTPUT:
        return 1, 0, _OUTPUT.index(stage)
    if stage == "delta":
        return 2, depth - layer, 0
    kind, _, what = stage.partition("_")
    return 3 + _UPDATE.index(what), depth - layer, KINDS.index(kind)


def in_order(shown: Mapping[Node, Array]) -> dict[Node, Array]:
    """Return the same numbers step by step, each step in the order of computation."""
    depth = max((layer for _, _, layer in shown), default=0)
    return {node: shown[node] for node in sorted(shown, key=lambda node: (node[1], rank((node[0], node[2]), depth)))}


def judged(problem: Problem, run: Run, from_the_start: Run, shown: Mapping[Node, Array], expected: Mapping[Node, Array]) -> list[Stage]:
    """Judge each stage and layer that is shown, in the order of computation.

    `run` computes a stage from the stages that are shown before it, `from_the_start` from the records and parameters alone; `expected`
    has PyTorch's numbers, of the nodes that PyTorch shows.
    """
    groups = sorted({(stage, layer) for stage, _, layer in shown}, key=lambda group: rank(group, len(problem.layers)))
    stages = []
    for group in groups:
        nodes = [node for node in shown if (node[0], node[2]) == group]
        whole = _first_outside(problem, nodes, shown, from_the_start, expected)
        own = whole and _first_outside(problem, nodes, shown, run, {})
        mark: Mark = "wrong" if own else "inherits" if whole else "agrees"
        stages.append(Stage(*group, stage_name(problem, group), mark, own or whole))
    return stages


def _first_outside(
    problem: Problem, nodes: list[Node], shown: Mapping[Node, Array], run: Run, expected: Mapping[Node, Array]
) -> Difference | None:
    """Return the largest difference, as a share of its bound, of the first node with one outside; or None."""
    for node in nodes:
        with np.errstate(all="ignore"):
            bounded = run.worked_out(*node)
        value = expected.get(node, bounded.value)
        error = np.broadcast_to(np.asarray(bounded.error, dtype=np.float64), np.shape(value))
        worst = largest_share(node[1] + 1, (node[0], stage_name(problem, (node[0], node[2]))), shown[node], np.asarray(value), error)
        if not worst.is_allowed:
            return worst
    return None


def stage_name(problem: Problem, group: Group) -> str:
    """Return the stage and layer in words."""
    stage, layer = group
    if stage in _ACTIVATIONS:
        return f"{_ACTIVATIONS[stage]}{layer}, {layers_named(problem, (layer,))}"
    if stage in _OUTPUT:
        return stage
    kind, _, what = stage.partition("_")
    names = {"answered": "gradient of", "used": "gradient of", "velocity": "velocity of", "step": "Δ", "after": "new"}
    return f"{names[what]} {parameter_name(problem, kind, layer)}"
