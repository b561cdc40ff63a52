"""The probe that would tell apart mistakes that make the same numbers in all that was shown."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from ..formulas.sampled import Sampled
from ..problem.problem import Problem
from ..support.errors import ProblemError
from .graph import Run
from .matcher import is_within
from .mistake import Cause
from .probes import draw_probes, steps_of

_SHOWN = (("delta", "show δ of each layer, by a function trace"), ("weight_used", "show the gradients, by a function gradients"))


def probe_to_separate(problem: Problem, causes: Sequence[Cause]) -> str | None:
    """Return what would tell the first cause from the next with another id; None without such a cause or such a probe."""
    other = next((cause for cause in causes if cause.id != causes[0].id), None)
    if other is None:
        return None
    for sentence, variant in _variants(problem):
        if _differ(variant, causes[0], other, ("weight_after", "bias_after")):
            return sentence
    return next((sentence for stage, sentence in _SHOWN if _differ(problem, causes[0], other, (stage,))), None)


def _variants(problem: Problem) -> Iterator[tuple[str, Problem]]:
    """Yield other problems that the file could be written for, each with a sentence that says how it differs from this one."""
    (first, *hidden, last), activations = problem.sizes, problem.activations
    changes: dict[str, dict[str, Any]] = {
        "a network with three outputs": {"sizes": (first, *hidden, 3)},
        "a network with one output": {"sizes": (first, *hidden, 1)},
        "layers of other widths": {"sizes": (first, *(n + 1 + i for i, n in enumerate(hidden)), last)},
        "biases": {"bias": True},
        "tanh at the output, with targets beyond 1": {"activations": (*activations[:-1], "tanh")},
        "another loss: half_mse": {"loss": "half_mse"},
        "one more hidden layer": {"sizes": (first, *hidden, 4, last), "activations": (*activations[:-1], activations[0], activations[-1])},
        "weight decay": {"optimizer_options": {**problem.optimizer_options, "weight_decay": 0.1}},
    }
    for sentence, fields in changes.items():
        if all(getattr(problem, name) == value for name, value in fields.items()):
            continue
        sizes = fields.get("sizes", problem.sizes)
        batch = np.zeros((2, first)), np.full((2, sizes[-1]), 1 / sizes[-1])
        try:
            yield sentence, replace(problem, **{**fields, "batches": (batch,), "initial_parameters": {}})
        except ProblemError:
            continue


def _moved(cause: Cause, problem: Problem) -> Cause:
    """Return the same mistake in another network; one in the output layer stays in the output layer."""
    depth, there = len(cause.problem.layers), len(problem.layers)
    return replace(cause, problem=problem, layers=tuple(there if layer == depth else layer for layer in cause.layers))


def _differ(problem: Problem, one: Cause, other: Cause, stages: tuple[str, ...]) -> bool:
    """Return whether the two mistakes make different numbers somewhere in these stages."""
    causes = [_moved(cause, problem) for cause in (one, other)]
    applies = [set(cause.layers) <= set(cause.mistake.layers(problem)) for cause in causes]
    if not all(applies):  # a mistake that cannot be made there cannot explain it either
        return any(applies)
    probes = draw_probes(problem, seed=0)[:1]
    steps = steps_of(probes, [probes[0].parameters] * len(probes[0].batches))
    runs = [Run(problem, steps, cause.formulas) for cause in causes]
    here = [stage for stage in stages if problem.bias or not stage.startswith("bias")]
    for step, layer, stage in product(range(len(steps)), range(1, len(problem.layers) + 1), here):
        with np.errstate(all="ignore"):
            try:
                first, second = (run.worked_out(stage, step, layer) for run in runs)
            except (ValueError, IndexError):
                return False
        if isinstance(first, Sampled) and first.value.shape == second.value.shape and not is_within(first.value, second):
            return True
    return False
