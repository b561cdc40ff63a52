"""The probe that would tell apart mistakes which look the same in what was shown."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..problem.problem import Problem
from ..rounding.arithmetic import Bounded
from ..support.errors import ProblemError
from .graph import Run, Step
from .matcher import is_within
from .mistake import Cause
from .probes import draw_probes, steps_of

_SHOWN = (("delta", "show δ of each layer, by a function trace"), ("weight_used", "show the gradients, by a function gradients"))


def probe_to_separate(problem: Problem, causes: Sequence[Cause]) -> str | None:
    """What to look at to tell the first cause from the next that is not the same mistake; None if there is none such, or no such probe."""
    first = causes[0]
    others = [cause for cause in causes[1:] if cause.id != first.id]
    if not others:
        return None
    other = others[0]
    for sentence, variant in _variants(problem):
        if _differ(variant, first, other, ("weight_after", "bias_after")):
            return sentence
    for stage, sentence in _SHOWN:
        if _differ(problem, first, other, (stage,)):
            return sentence
    return None


def _variants(problem: Problem) -> Iterator[tuple[str, Problem]]:
    """Other problems for which the attempt could be written, each by what it has that this one has not."""
    changes: list[tuple[str, Callable[[], dict[str, Any]]]] = [
        ("a network with three outputs", lambda: {"sizes": (*problem.sizes[:-1], 3)}),
        ("a network with one output", lambda: {"sizes": (*problem.sizes[:-1], 1)}),
        (
            "layers of other widths",
            lambda: {"sizes": (problem.sizes[0], *(n + 1 + i for i, n in enumerate(problem.sizes[1:-1])), problem.sizes[-1])},
        ),
        ("biases", lambda: {"bias": True}),
        ("tanh at the output, with targets beyond 1", lambda: {"activations": (*problem.activations[:-1], "tanh")}),
        ("another loss: half_mse", lambda: {"loss": "half_mse"}),
        (
            "one more hidden layer",
            lambda: {
                "sizes": (*problem.sizes[:-1], 4, problem.sizes[-1]),
                "activations": (*problem.activations[:-1], problem.activations[0], problem.activations[-1]),
            },
        ),
        ("weight decay", lambda: {"optimizer_options": {**problem.optimizer_options, "weight_decay": 0.1}}),
    ]
    for sentence, change in changes:
        fields = change()
        if all(getattr(problem, name) == value for name, value in fields.items()):
            continue
        sizes = fields.get("sizes", problem.sizes)
        y = np.full((2, sizes[-1]), 1 / sizes[-1])
        try:
            yield sentence, replace(problem, **{**fields, "batches": ((np.zeros((2, sizes[0])), y),), "initial_parameters": {}})
        except ProblemError:
            continue


def _moved(cause: Cause, problem: Problem) -> Cause:
    """The same mistake in another network: what was made in the output layer is made there too."""
    depth, there = len(cause.problem.layers), len(problem.layers)
    return replace(cause, problem=problem, layers=tuple(there if layer == depth else layer for layer in cause.layers))


def _differ(problem: Problem, one: Cause, other: Cause, stages: tuple[str, ...]) -> bool:
    """Whether the two come to other numbers somewhere in these stages."""
    causes = [_moved(cause, problem) for cause in (one, other)]
    applies = [set(cause.layers) <= set(cause.mistake.layers(problem)) for cause in causes]
    if not all(applies):  # what cannot be made there cannot explain it either
        return any(applies)
    probes = draw_probes(problem, seed=0)[:1]
    before = [probes[0].parameters] * len(probes[0].batches)
    steps: list[Step] = steps_of(probes, before)
    runs = [Run(problem, steps, cause.formulas) for cause in causes]
    for step in range(len(steps)):
        for layer in range(1, len(problem.layers) + 1):
            for stage in stages:
                if stage.startswith("bias") and not problem.bias:
                    continue
                with np.errstate(all="ignore"):
                    try:
                        first, second = (run.worked_out(stage, step, layer) for run in runs)
                    except (ValueError, IndexError):
                        return False
                if isinstance(first, Bounded) and first.value.shape == second.value.shape and not is_within(first.value, second):
                    return True
    return False
