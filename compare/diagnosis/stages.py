"""Where: each stage that was shown, in the order of computation, judged by its own inputs and against PyTorch's.

A stage is wrong that is not what PyTorch has, and does not follow from what was shown before it. One that does follow inherits a
mistake, and is not blamed for it; one that is right beside wrong ones was made without them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..problem.problem import Problem
from ..rounding.difference import Difference, largest_share
from ..support.arrays import Array
from .formulas import KINDS
from .graph import Node, Run, parameter_name
from .mistake import layers_named

Mark = Literal["agrees", "wrong", "inherits"]
Group = tuple[str, int]  # (stage, layer)

_FORWARD = ("z", "u", "a")
_OUTPUT = ("output", "probabilities", "loss")
_BACKWARD = ("delta",)
UPDATE = ("used", "velocity", "step", "after")


@dataclass(frozen=True)
class Stage:
    """One stage of one layer over all steps: its mark, and where it is wrong or inherits, the first number that shows it.

    New weights that a wrong gradient makes too, within what rounding allows, are no proof.
    """

    stage: str
    layer: int
    name: str
    mark: Mark
    difference: Difference | None = None
    is_proof: bool = True


def rank(group: Group, depth: int) -> tuple[int, int, int]:
    """The place of a stage and layer in the order of computation."""
    stage, layer = group
    if stage in _FORWARD:
        return 0, layer, _FORWARD.index(stage)
    if stage in _OUTPUT:
        return 1, 0, _OUTPUT.index(stage)
    if stage in _BACKWARD:
        return 2, depth - layer, 0
    kind, _, what = stage.partition("_")
    return 3 + UPDATE.index(what), depth - layer, KINDS.index(kind)


def in_order(shown: Mapping[Node, Array]) -> dict[Node, Array]:
    """The same, step by step in the order of computation."""
    depth = max((layer for _, _, layer in shown), default=0)
    nodes = sorted(shown, key=lambda node: (node[1], rank((node[0], node[2]), depth)))
    return {node: shown[node] for node in nodes}


def judged(problem: Problem, run: Run, from_the_start: Run, shown: Mapping[Node, Array], expected: Mapping[Node, Array]) -> list[Stage]:
    """Each stage and layer that was shown, in the order of computation.

    `run` works out a stage from what was shown before it, `from_the_start` from nothing that was shown; `expected` has PyTorch's
    numbers, of the nodes that it shows.
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
    """The stage in words."""
    stage, layer = group
    where = layers_named(problem, (layer,)) if layer else ""
    if stage in ("z", "u", "a", "delta"):
        what = {"z": "pre-activation z", "u": "normalised u", "a": "activation a", "delta": "error term δ"}[stage]
        return f"{what}{layer}, {where}"
    if stage in _OUTPUT:
        return stage
    kind, _, what = stage.partition("_")
    name = parameter_name(problem, kind, layer)
    names = {"answered": "gradient of", "used": "gradient of", "velocity": "velocity of", "step": "Δ", "after": "new"}
    return f"{names[what]} {name}"
