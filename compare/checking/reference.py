"""The reference of an attempt: PyTorch's numbers for the steps of the probes, and the two side by side as a comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..diagnosis.graph import Node, Run, Step, kinds, parameter_name, places
from ..diagnosis.probes import Probe, with_probes
from ..diagnosis.stages import Stage
from ..lockstep.result import Comparison
from ..problem.problem import Problem
from ..rounding.difference import ComparedStep, Difference
from ..sides.interface import StepRecord
from ..support.arrays import Array

_PHASES = {"used": "grads", "velocity": "state", "step": "deltas", "after": "params"}


def reference_numbers(problem: Problem, probes: Sequence[Probe], steps: Sequence[Step]) -> dict[Node, Array]:
    """PyTorch's numbers for the same steps, each from the attempt's own weights."""
    from ..sides.torch_ref import TorchRef

    numbers: dict[Node, Array] = {}
    index = 0
    for probe in probes:
        side = TorchRef(with_probes(problem, probe), stages=True)
        side.load_state_dict({**probe.parameters, **problem.initial_buffers()})
        for x, y in probe.batches:
            if index == len(steps):
                break
            side.optimizer.lr = steps[index].lr
            masks = {str(layer.dropout): steps[index].masks[n] for n, layer in enumerate(problem.layers, start=1) if layer.dropout}
            batch = (x, y, masks) if masks else (x, y)
            record = side.steps([batch], {name: array[None] for name, array in steps[index].before.items()}).at(0)
            numbers |= _nodes(problem, record, index)
            index += 1
    return numbers


def as_comparison(
    problem: Problem, probes: Sequence[Probe], steps: Sequence[Step], shown: Mapping[Node, Array], stages: Sequence[Stage]
) -> Comparison:
    """The steps of the probes, each number that was shown beside PyTorch's from the same weights, and what rounding allows."""
    expected = reference_numbers(problem, probes, steps)
    run = Run(problem, steps)
    with np.errstate(all="ignore"):
        allowed = {node: np.broadcast_to(run.worked_out(*node).error, array.shape) for node, array in expected.items()}
    kept = {}
    for index, step in enumerate(steps):
        actual, theirs, bounds = (_record(problem, numbers, index) for numbers in (shown, expected, allowed))
        kept[index + 1] = ComparedStep(index + 1, actual, theirs, bounds, step.before)
    return Comparison(
        problem=problem,
        mode="stage",
        steps=len(steps),
        compared=sum(array.size for array in shown.values()),
        first_divergence=_first_wrong(problem, stages),
        worst=None,
        agreed=(),
        series={},
        drift=0.0,
        predictions=None,
        final_parameters=(None, None),
        kept=kept,
    )


def _first_wrong(problem: Problem, stages: Sequence[Stage]) -> Difference | None:
    """The first stage that is wrong, or else not as PyTorch has it, by the names of a record."""
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
    """One step's record, of which everything is shown, by node."""
    nodes: dict[Node, Array] = {("output", index, 0): record.output, ("loss", index, 0): record.loss}  # type: ignore[dict-item]
    for number, layer in enumerate(problem.layers, start=1):
        nodes["a", index, number] = record.activations[layer.activation]  # type: ignore[index]
        nodes["delta", index, number] = record.errors[layer.linear]  # type: ignore[index]
        for kind in kinds(problem, number):
            name = parameter_name(problem, kind, number)
            for what, arrays in (("used", record.grads), ("step", record.deltas), ("after", record.params)):
                nodes[f"{kind}_{what}", index, number] = arrays[name]  # type: ignore[index]
    return nodes


def _record(problem: Problem, numbers: Mapping[Node, Array], index: int) -> StepRecord:
    """The numbers of one step, as far as there are any, as a record."""
    layers = list(enumerate(problem.layers, start=1))

    def named(nodes: Mapping[str, Node]) -> dict[str, Array] | None:
        return {name: numbers[node] for name, node in nodes.items() if node in numbers} or None

    def parameters(what: str) -> dict[str, Array] | None:
        return named({parameter_name(problem, kind, number): (f"{kind}_{what}", index, number) for kind, number in places(problem)})

    return StepRecord(
        activations=named({layer.activation: ("a", index, number) for number, layer in layers}),
        output=numbers.get(("output", index, 0)),
        loss=numbers.get(("loss", index, 0)),
        errors=named({layer.linear: ("delta", index, number) for number, layer in layers}),
        grads=parameters("used"),
        deltas=parameters("step"),
        params=parameters("after"),
    )
