"""Mistakes of time: what belongs to the step before, or to weights that are updated already, record by record."""

from typing import Any

import numpy as np

from ...problem.problem import Problem
from ...rounding.arithmetic import Bounded, negative
from ..formulas import Formula
from ..graph import Run
from ..mistake import Mistake


def _previous_gradient(stage: str, is_zero_at_first: bool) -> Formula:
    """The gradient of the step before, which had other records and weights; at first 0, or its own."""

    def formula(run: Run, step: int, layer: int, kind: str) -> Bounded:
        previous = run.steps[step].previous
        gradient: Bounded = run.right(kind + stage, step if previous is None else previous, layer)
        if previous is not None:
            return gradient
        zeros = np.zeros_like(gradient.value)
        return Bounded(zeros, zeros) if is_zero_at_first else gradient

    return formula


def _previous_weights(run: Run, step: int, layer: int) -> Bounded:
    previous = run.steps[step].previous
    value: Bounded = run.right("back_weight", step if previous is None else previous, layer)
    return value


def _through_own_update(whole_rate: bool) -> Formula:
    """Each record's δ through the weights after its own step: δₙ (W − lr δₙᵀ aₙ) = δₙ W − lr ‖δₙ‖² aₙ, δₙ without 1/n."""

    def formula(run: Run, step: int, layer: int) -> Bounded:
        delta, a = run("back_delta", step, layer), run("input", step, layer + 1)
        n = len(run.steps[step].x) if run.problem.reduction == "mean" else 1
        squares = run.total(run.times(delta, delta), -1)
        column = Bounded(squares.value[:, None], np.asarray(squares.error)[:, None])
        moved = run.scaled(run.times(a, column), run("lr", step) * (n if whole_rate else 1))
        return run.plus(run.right("back_whole", step, layer), negative(moved))

    return formula


def _is_plain(problem: Problem, layer: int) -> bool:
    """Where a step is −lr g and nothing else."""
    return problem.optimizer == "sgd" and not any(problem.optimizer_options.get(name) for name in ("momentum", "weight_decay"))


def _gathered(kind: str, mean: bool) -> Formula:
    """The gradient of one kind of parameter and all those of the steps before."""

    def formula(run: Run, step: int, layer: int) -> Any:
        gradient, previous = run.right(f"{kind}_used", step, layer), run.steps[step].previous
        if previous is None:
            return gradient
        before = run(f"{kind}_used", previous, layer)
        share = len(run.steps[previous].x) / len(run.steps[step].x) if mean else 1.0
        return run.plus(run.scaled(before, share) if mean else before, gradient)

    return formula


def _has_bias(problem: Problem, layer: int) -> bool:
    return problem.bias


OTHER_STEPS = (
    *(
        Mistake(
            "previous-gradient",
            f"each step is by the gradient of the step before, {first}",
            "Δw by the gradient of step t",
            "Δw by the gradient of step t − 1",
            {"*" + stage: _previous_gradient(stage, is_zero)},
            alone=True,
        )
        for stage in ("_used", "_taken")
        for is_zero, first in ((True, "the first by 0"), (False, "the first by its own"))
    ),
    Mistake(
        "previous-weights-back",
        "the error goes back to {layer} through the weights of the step before",
        "∂L/∂a = δ W, δ of the next layer",
        "∂L/∂a = δ W of step t − 1",
        {"back_weight": _previous_weights},
        "hidden",
        alone=True,
    ),
    *(
        Mistake(
            "updated-weights-back",
            f"each record's error goes back to {{layer}} through weights that its own step has updated already{said}",
            "∂L/∂a = δ W, δ of the next layer",
            f"∂L/∂aₙ = δₙ (W − {rate} δₙᵀ aₙ)",
            {"back_whole": _through_own_update(whole_rate)},
            "hidden",
            _is_plain,
            alone=True,
        )
        for whole_rate, said, rate in ((True, "", "lr"), (False, ", by its part of the mean", "lr/n"))
    ),
    *(
        Mistake(
            "accumulator-not-reset",
            f"the gradients of the {what} of {{layer}} are added to those of the steps before{said}: they are not set back to 0",
            "g = ∂L/∂w",
            "g = ∂L/∂w + g of the step before",
            {f"{kind}_used": _gathered(kind, mean)},
            "layer",
            _has_bias,
            alone=True,
        )
        for kind, what in (("weight", "weights"), ("bias", "biases"))
        for mean, said in ((False, ""), (True, ", sum to sum"))
    ),
)
