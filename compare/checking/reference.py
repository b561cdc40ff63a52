"""The reference of an attempt: PyTorch's numbers for the steps of the probes, and the two side by side as a comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..diagnosis.graph import Node, Run, Step, parameter_name, places
from ..diagnosis.probes import Probe, with_probes
from ..diagnosis.stages import Stage
from ..lockstep.difference import ComparedStep, Difference
from ..lockstep.result import Comparison
from ..problem.problem import Problem
from ..sides.interface import StepRecord
from ..support.arrays import Array

_PHASES = {"used": "grads", "velocity": "state", "step": "deltas", "after": "params"}


def reference_numbers(problem: Problem, probes: Sequence[Probe], steps: Sequence[Step]) -> dict[Node, Array]:
    """Return PyTorch's numbers for the same steps, each from the attempt's own weights."""
    from ..sides.torch_ref import TorchRef

    numbers: dict[Node, Array] = {}
    numbered = enumerate(steps)
    for probe in probes:
        side = TorchRef(with_probes(problem, probe), stages=True)
        side.load_state_dict({**probe.parameters, **problem.initial_buffers()})
        for (x, y), (index, step) in zip(probe.batches, numbered, strict=False):      # an attempt may have stopped at a fault
            side.optimizer.lr = step.lr
            masks = {str(layer.dropout): step.masks[n] for n, layer in enumerate(problem.layers, start=1) if layer.dropout}
            record = side.steps([(x, y, masks) if masks else (x, y)], {name: array[None] for name, array in step.before.items()}).at(0)
            numbers |= _nodes(problem, record, index)
    return numbers


def as_comparison(
    problem: Problem, probes: Sequence[Probe], steps: Sequence[Step], shown: Mapping[Node, Array], stages: Sequence[Stage]
) -> Comparison:
    """Return the steps of the probes as a comparison: each number shown, PyTorch's from the same weights, and its bound on rounding."""
    expected = reference_numbers(problem, probes, steps)
    run = Run(problem, steps)
    with np.errstate(all="ignore"):
        allowed = {node: np.broadcast_to(run.worked_out(*node).error, array.shape) for node, array in expected.items()}
    kept = {}
    for index, step in enumerate(steps):
        actual, theirs, bounds = (_record(problem, numbers, index) for numbers in (shown, expected, allowed))
        kept[index + 1] = ComparedStep(index + 1, actual, theirs, bounds, step.before)
    compared = sum(array.size for array in shown.values())
    first = _first_wrong(problem, stages)
    return Comparison(
        problem=problem, mode="stage", steps=len(steps), compared=compared, first_divergence=first, worst=None, agreed=(), series={},
        drift=0.0, predictions=None, final_parameters=(None, None), kept=kept,
    )


def _first_wrong(problem: Problem, stages: Sequence[Stage]) -> Difference | None:
    """Return the first stage that is wrong, or else inherits a difference, by the names of a `StepRecord`."""
    first = next((stage for mark in ("wrong", "inherits") for stage in stages if stage.mark == mark and stage.difference), None)
    if first is None or first.difference is None:
        return None
    kind, _, what = first.stage.partition("_")
    layer = problem.layers[first.layer - 1]
    if what in _PHASES:
        return replace(first.difference, phase=_PHASES[what], tensor=parameter_name(problem, kind, first.layer))
    if first.layer:
        is_back = first.stage == "delta"
        return replace(first.difference, phase="errors" if is_back else "activations", tensor=layer.linear if is_back else layer.activation)
    return replace(first.difference, phase=first.stage, tensor=first.stage)


def _nodes(problem: Problem, record: StepRecord, index: int) -> dict[Node, Array]:
    """Return the numbers of one step's complete record by node."""
    nodes: dict[Node, Array] = {("output", index, 0): record.output, ("loss", index, 0): record.loss}      # type: ignore[dict-item]
    for phase, names in _nodes_by_name(problem, index).items():
        nodes |= {node: getattr(record, phase)[name] for name, node in names.items()}
    return nodes


def _record(problem: Problem, numbers: Mapping[Node, Array], index: int) -> StepRecord:
    """Return those of the numbers that one step has as a record."""
    named = {
        phase: {name: numbers[node] for name, node in names.items() if node in numbers} or None
        for phase, names in _nodes_by_name(problem, index).items()
    }
    return StepRecord(output=numbers.get(("output", index, 0)), loss=numbers.get(("loss", index, 0)), **named)


def _nodes_by_name(problem: Problem, index: int) -> dict[str, dict[str, Node]]:
    """Return the node of each array of a `StepRecord`, by its phase and name."""
    layers = list(enumerate(problem.layers, start=1))
    nodes: dict[str, dict[str, Node]] = {
        "activations": {layer.activation: ("a", index, number) for number, layer in layers},
        "errors": {layer.linear: ("delta", index, number) for number, layer in layers},
    }
    for what, phase in (("used", "grads"), ("step", "deltas"), ("after", "params")):
        nodes[phase] = {parameter_name(problem, kind, n): (f"{kind}_{what}", index, n) for kind, n in places(problem)}
    return nodes
