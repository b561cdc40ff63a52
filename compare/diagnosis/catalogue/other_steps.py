"""Mistakes of time: what belongs to the step before, or to weights that are updated already, record by record."""

from functools import partial

from ...formulas.sampled import Sampled
from ...problem.problem import Problem
from ..graph import At
from ..mistake import Mistake
from .updates import gathered
from .where import has_bias


def _previous_gradient(at: At, kind: str, stage: str, is_zero_at_first: bool) -> Sampled:
    """Return the gradient of the step before, which had other records and weights; at first 0, or its own."""
    gradient = (at.before or at).right(kind + stage)
    return gradient.zeros() if at.before is None and is_zero_at_first else gradient


def _through_own_update(at: At, whole_rate: bool) -> Sampled:
    """Return each record's δ through the weights after its own step: δₙ (W − lr δₙᵀ aₙ) = δₙ W − lr ‖δₙ‖² aₙ, δₙ without 1/n."""
    delta, a = at("back_delta"), at("input", 1)
    n = 1 if at.problem.reduction == "sum" else at.records
    return at.right("back_whole") - (a * (delta * delta).sum(-1)[:, None]).scaled(at("lr") * (n if whole_rate else 1))


def _is_plain(problem: Problem, layer: int) -> bool:
    """Return whether a step is −lr g and nothing else."""
    return problem.optimizer == "sgd" and not any(problem.optimizer_options.get(name) for name in ("momentum", "weight_decay"))


OTHER_STEPS = (
    *(
        Mistake("previous-gradient", f"each step is by the gradient of the step before, {first}", "Δw by the gradient of step t",
                "Δw by the gradient of step t − 1",
                {"*" + stage: partial(_previous_gradient, stage=stage, is_zero_at_first=is_zero)}, alone=True)
        for stage in ("_used", "_taken")
        for is_zero, first in ((True, "the first by 0"), (False, "the first by its own"))
    ),
    Mistake("previous-weights-back", "the error goes back to {layer} through the weights of the step before",
            "∂L/∂a = δ W, δ of the next layer", "∂L/∂a = δ W of step t − 1",
            {"back_weight": lambda at: (at.before or at).right("back_weight")}, "hidden", alone=True),
    *(
        Mistake("updated-weights-back",
                f"each record's error goes back to {{layer}} through weights that its own step has updated already{said}",
                "∂L/∂a = δ W, δ of the next layer", f"∂L/∂aₙ = δₙ (W − {rate} δₙᵀ aₙ)",
                {"back_whole": partial(_through_own_update, whole_rate=whole_rate)}, "hidden", _is_plain, alone=True)
        for whole_rate, said, rate in ((True, "", "lr"), (False, ", by its part of the mean", "lr/n"))
    ),
    *(
        Mistake("accumulator-not-reset",
                f"the gradients of the {what} of {{layer}} are added to those of the steps before{said}: they are not set back to 0",
                "g = ∂L/∂w", "g = ∂L/∂w + g of the step before",
                {f"{kind}_used": partial(gathered, kind=kind, sums=sums)}, "layer", has_bias, alone=True)
        for kind, what in (("weight", "weights"), ("bias", "biases"))
        for sums, said in ((False, ""), (True, ", sum to sum"))
    ),
)
