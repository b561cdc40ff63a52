"""Mistakes in the error: at the output, in what the loss's reduction makes of it, and on its way back through the weights."""

from collections.abc import Callable, Iterator

import numpy as np

from ...problem.pieces import LOSSES
from ...problem.problem import Problem
from ...rounding.arithmetic import Bounded, negative, quotient, total, transposed
from ...rounding.rules import LOSSES as RULES
from ...support.arrays import Array
from ..formulas import Formula, is_elementwise
from ..graph import Run
from ..mistake import Mistake
from .slopes import bends, is_square

_SQUARES = {"half_mse": 1.0, "mse": 2.0, "sse": 2.0}  # ∂ℓ/∂ŷ over ŷ − y


def _is_square_loss(problem: Problem, layer: int) -> bool:
    return problem.loss in _SQUARES


def _has_difference(problem: Problem, layer: int) -> bool:
    """Where ∂ℓ/∂ŷ is made of the difference alone."""
    return _is_square_loss(problem, layer) or _from_logits(problem, layer)


def _is_fused(problem: Problem, layer: int) -> bool:
    """Where δ of the output is p − y, f′ and the loss's derivative being done in one."""
    return problem.loss == "bce" and problem.layers[-1].function == "sigmoid"


def _fused(term: Formula) -> Formula:
    return lambda run, step, layer: run.scaled(term(run, step, layer), run("share", step))


def _is_mean(problem: Problem, layer: int) -> bool:
    return problem.reduction == "mean"


def _over_elements(problem: Problem, layer: int) -> bool:
    return problem.reduction == "mean" and LOSSES[problem.loss].over == "elements" and problem.sizes[-1] > 1


def _has_outputs(problem: Problem, layer: int) -> bool:
    return problem.sizes[-1] > 1


def difference(run: Run, step: int) -> Bounded:
    """ŷ − y; of a loss of logits p − y."""
    y = run("y", step)
    wanted = np.eye(run.problem.sizes[-1])[y] if np.issubdtype(y.dtype, np.integer) else y.astype(np.float64)
    return run.plus(probabilities(run, step) if _from_logits(run.problem, 0) else run("output", step), Bounded(-wanted))


def _squared(sign: float) -> Formula:
    def formula(run: Run, step: int, layer: int) -> Bounded:
        d = difference(run, step)
        return run.scaled(run.times(d, d), sign * _SQUARES.get(run.problem.loss, 1.0))

    return formula


def _signed(run: Run, step: int, layer: int) -> Bounded:
    d = difference(run, step)
    undecided = (np.abs(d.value) <= d.error) & np.greater(d.error, 0)
    factor = _SQUARES.get(run.problem.loss, 1.0)
    return Bounded(factor * np.sign(d.value), np.where(undecided, 2 * factor, 0.0))


def _absolute(run: Run, step: int, layer: int) -> Bounded:
    d = difference(run, step)
    return run.scaled(Bounded(np.abs(d.value), d.error), _SQUARES.get(run.problem.loss, 1.0))


def _of_loss(name: str, times_k: int = 0) -> Formula:
    """∂ℓ/∂ŷ of that loss, times kⁱ for a mean that is over the records where the own is over the elements, or the other way round."""

    def formula(run: Run, step: int, layer: int) -> Bounded:
        derivative = RULES[name].terms(run("output", step), run("y", step).astype(np.float64), run.precision)[1]
        return run.scaled(derivative, float(run.problem.sizes[-1]) ** times_k) if times_k else derivative

    return formula


def _may_be(name: str, times_k: int) -> Callable[[Problem, int], bool]:
    def applies(problem: Problem, layer: int) -> bool:
        if problem.loss == name or any(batch[1].ndim == 1 for batch in problem.batches) or (times_k and problem.sizes[-1] == 1):
            return False
        if name == "cross_entropy" and problem.sizes[-1] == 1:  # of one class the gradient is 0
            return False
        function = problem.layers[-1].function
        return not LOSSES[name].only or function in LOSSES[name].only or (name == "bce" and function == "sigmoid")

    return applies


def _crossed(mean: bool) -> Formula:
    """e_i = Σⱼ (ŷᵢ − yⱼ), or the mean over j."""

    def formula(run: Run, step: int, layer: int) -> Bounded:
        y, output = run("y", step).astype(np.float64), run("output", step)
        n, factor = len(y), _SQUARES.get(run.problem.loss, 1.0)
        targets = run.total(Bounded(np.broadcast_to(-y.T, (n, n))), -1)
        summed = run.plus(run.scaled(output, n), Bounded(targets.value[:, None], np.asarray(targets.error)[:, None]))
        return run.scaled(summed, factor / n if mean else factor)

    return formula


def share_times(factor: Callable[[Run, int], float]) -> Formula:
    """Each term of the loss counts with that factor besides."""
    return lambda run, step, layer: run.right("share", step) * factor(run, step)


def _n(run: Run, step: int) -> int:
    return int(run("x", step).value.shape[0])


def _k(run: Run, step: int) -> int:
    return run.problem.sizes[-1]


def _raw_error(run: Run, step: int, layer: int) -> Bounded:
    value: Bounded = run("back", step, layer + 1)
    return value


def _slope_again(run: Run, step: int, layer: int) -> Bounded:
    """δ ∘ f′ of the next layer; of a loss of logits p(1 − p), which is in its δ already."""
    delta = run.right("back_delta", step, layer)
    if layer + 1 < run.depth or not _from_logits(run.problem, layer):
        return run.times(delta, run("slope", step, layer + 1))
    p = probabilities(run, step)
    return run.times(delta, run.times(p, run.plus(Bounded(np.ones_like(p.value)), negative(p))))


def _next_bends(problem: Problem, layer: int) -> bool:
    """Where f′ of the next layer once more is another: relu's is not."""
    is_last = layer + 1 == len(problem.layers)
    return (bends(problem, layer + 1) and problem.layers[layer].function != "relu") or (is_last and _from_logits(problem, layer))


def _without_weights(run: Run, step: int, layer: int) -> Bounded:
    """Each unit gets the sum of the next layer's δ."""
    summed, shape = run.total(run("back_delta", step, layer), -1), run("z", step, layer).value.shape
    return Bounded(np.broadcast_to(summed.value[:, None], shape), np.broadcast_to(np.asarray(summed.error)[:, None], shape))


def _delta_itself(run: Run, step: int, layer: int) -> Bounded:
    value: Bounded = run("back_delta", step, layer)
    return value


def _next_is_square(problem: Problem, layer: int) -> bool:
    return is_square(problem, layer + 1)


def _updated_weights(run: Run, step: int, layer: int) -> Bounded:
    value: Bounded = run("weight_after", step, layer + 1)
    return value


def _untransposed(run: Run, step: int, layer: int) -> Bounded:
    return transposed(run.right("back_weight", step, layer))


def _batch_summed(mean: bool) -> Formula:
    def formula(run: Run, step: int, layer: int) -> Bounded:
        back = run.right("back", step, layer)
        summed, n = run.total(back), back.value.shape[0]
        summed = run.scaled(summed, 1 / n) if mean else summed
        return Bounded(np.broadcast_to(summed.value, back.value.shape), np.broadcast_to(summed.error, back.value.shape))

    return formula


def _delta_negative(run: Run, step: int, layer: int) -> Bounded:
    return negative(run.right("delta", step, layer))


def _delta_times_input(run: Run, step: int, layer: int) -> Bounded:
    return run.times(run.right("delta", step, layer), run("input", step, layer))


def _delta_times_activation(run: Run, step: int, layer: int) -> Bounded:
    return run.times(run.right("delta", step, layer), run("a", step, layer))


def _diagonal(run: Run, step: int, layer: int) -> Bounded:
    p, back = run("a", step, layer), run("back", step, layer)
    return run.times(back, run.times(p, run.plus(Bounded(np.ones_like(p.value)), negative(p))))


def _jacobian_missing(run: Run, step: int, layer: int) -> Bounded:
    value: Bounded = run("back", step, layer)
    return value


def _is_softmax(problem: Problem, layer: int) -> bool:
    return problem.layers[layer - 1].function == "softmax"


def _bends_not(problem: Problem, layer: int) -> bool:
    return not is_elementwise(problem.layers[layer - 1].function)


def probabilities(run: Run, step: int) -> Bounded:
    """What the loss makes of the logits: softmax, or sigmoid."""
    name = "softmax" if run.problem.loss == "cross_entropy" else "sigmoid"
    return run.activated(name, run("output", step))[0]


def _slope_on_top(run: Run, step: int, layer: int) -> Bounded:
    p = probabilities(run, step)
    return run.times(run.right("term", step), run.times(p, run.plus(Bounded(np.ones_like(p.value)), negative(p))))


def _from_logits(problem: Problem, layer: int) -> bool:
    return problem.loss in ("cross_entropy", "bce_with_logits")


def _squares_through_softmax(times: float, is_mean: bool) -> Formula:
    """2(p − y), or p − y, through softmax's Jacobian; over k where the mean is over the outputs too."""

    def formula(run: Run, step: int, layer: int) -> Bounded:
        back = run.activated("softmax", run("output", step))[1]
        return run.scaled(back(difference(run, step)), times / (run.problem.sizes[-1] if is_mean else 1))

    return formula


def _one_hot(run: Run, step: int) -> Array:
    y = run("y", step)
    return np.asarray(np.eye(run.problem.sizes[-1])[y] if np.issubdtype(y.dtype, np.integer) else y, dtype=np.float64)


def _shares_over_records(run: Run, step: int, layer: int) -> Bounded:
    return transposed(run.activated("softmax", transposed(run("output", step)))[0])


def _softmax_over_records(run: Run, step: int, layer: int) -> Bounded:
    return run.plus(_shares_over_records(run, step, layer), Bounded(-_one_hot(run, step)))


def _loss_over_records(run: Run, step: int, layer: int) -> Bounded:
    terms = RULES["cross_entropy"].terms(transposed(run("output", step)), _one_hot(run, step).T, run.precision)[0]
    return run.scaled(total(terms, (0, 1), run.precision), run("share", step))


def _shares_of_logits(run: Run, step: int, layer: int) -> Bounded:
    """z / Σz − y, of either sign."""
    z = run("output", step)
    summed = run.total(z, axis=-1)
    sign, error = np.where(summed.value < 0, -1.0, 1.0)[:, None], np.asarray(summed.error)[:, None]
    below = Bounded(sign * summed.value[:, None], error)
    p = quotient(Bounded(sign * z.value, z.error), below, run.precision.smallest_normal, run.precision)
    return run.plus(p, Bounded(-_one_hot(run, step)))


def _logits_for_probabilities(run: Run, step: int, layer: int) -> Bounded:
    return run.plus(run("output", step), Bounded(-_one_hot(run, step)))


_MEAN = "∂L/∂ŷ = 1/N ∂ℓ/∂ŷ"
_SQUARE = "∂ℓ/∂ŷ ∝ ŷ − y"
_BACK = "∂L/∂a = δ W, δ of the next layer"


def _share(
    id: str, sentence: str, actual: str, factor: Callable[[Run, int], float], applies: Callable[[Problem, int], bool]
) -> Iterator[Mistake]:
    """The factor in δ from the start, or in all gradients where δ is of each record."""

    def of_gradients(run: Run, step: int, layer: int, kind: str) -> Bounded:
        return run.scaled(run.right(f"{kind}_used", step, layer), factor(run, step))

    for formulas in ({"share": share_times(factor)}, {"*_used": of_gradients}):
        yield Mistake(id, sentence, _MEAN, actual, formulas, applies=applies)


_REDUCTION = (
    *_share(
        "mean-missing",
        "the sum over the records is not divided by their number",
        "∂L/∂ŷ = N · (1/N ∂ℓ/∂ŷ): 1/n is missing; a sum that is meant is declared, \"reduction\": \"sum\"",
        lambda run, step: _n(run, step),
        _is_mean,
    ),
    *_share(
        "sum-for-mean",
        "the loss's terms are summed where their mean is to be taken: over records and outputs",
        "∂L/∂ŷ = ∂ℓ/∂ŷ; a sum that is meant is declared, \"reduction\": \"sum\"",
        lambda run, step: _n(run, step) * _k(run, step),
        _over_elements,
    ),
    *_share(
        "mean-for-sum",
        "the loss's terms are averaged over the records where they are to be summed",
        "∂L/∂ŷ = 1/n ∂ℓ/∂ŷ",
        lambda run, step: 1 / _n(run, step),
        lambda problem, layer: problem.reduction == "sum",
    ),
    *_share(
        "mean-twice",
        "the sum over the records is divided by their number twice",
        "∂L/∂ŷ = 1/n · (1/N ∂ℓ/∂ŷ)",
        lambda run, step: 1 / _n(run, step),
        _is_mean,
    ),
    *_share(
        "factor-2",
        "everything is twice as large: the loss's ½ is lost, or a stray 2",
        "∂L/∂ŷ = 2 · (1/N ∂ℓ/∂ŷ)",
        lambda run, step: 2.0,
        lambda problem, layer: True,
    ),
    *_share(
        "factor-half",
        "everything is half as large: a ½ of the loss too many, or its 2 lost",
        "∂L/∂ŷ = ½ · (1/N ∂ℓ/∂ŷ)",
        lambda run, step: 0.5,
        lambda problem, layer: True,
    ),
    *_share(
        "mean-over-outputs-missing", "the mean is over the records alone, and not over the outputs", "∂L/∂ŷ = 1/n ∂ℓ/∂ŷ", _k, _over_elements
    ),
    *_share(
        "mean-over-outputs-extra",
        "the mean is over the outputs once more than it should be",
        "∂L/∂ŷ = 1/(nk) ∂ℓ/∂ŷ",
        lambda run, step: 1 / _k(run, step),
        _has_outputs,
    ),
    *_share(
        "factor-4",
        "everything is four times as large: a stray 4, or 2 twice",
        "∂L/∂ŷ = 4 · (1/N ∂ℓ/∂ŷ)",
        lambda run, step: 4.0,
        lambda problem, layer: True,
    ),
    *_share(
        "wrong-n-plus-one",
        "the mean divides by one more than the number of records",
        "∂L/∂ŷ = n/(n + 1) · (1/N ∂ℓ/∂ŷ)",
        lambda run, step: _n(run, step) / (_n(run, step) + 1),
        _is_mean,
    ),
    *_share(
        "wrong-n-minus-one",
        "the mean divides by one less than the number of records",
        "∂L/∂ŷ = n/(n − 1) · (1/N ∂ℓ/∂ŷ)",
        lambda run, step: _n(run, step) / max(_n(run, step) - 1, 1),
        _is_mean,
    ),
    *_share(
        "wrong-n-features",
        "the mean divides by the number of inputs, not of records",
        "∂L/∂ŷ = n/inputs · (1/N ∂ℓ/∂ŷ)",
        lambda run, step: _n(run, step) / run.problem.sizes[0],
        _is_mean,
    ),
    *_share(
        "wrong-n-hidden",
        "the mean divides by the number of hidden units, not of records",
        "∂L/∂ŷ = n/hidden · (1/N ∂ℓ/∂ŷ)",
        lambda run, step: _n(run, step) / run.problem.sizes[1],
        lambda problem, layer: _is_mean(problem, layer) and len(problem.sizes) > 2 and problem.sizes[1] != problem.sizes[0],
    ),
)

ERROR_TERMS = (
    Mistake(
        "target-output-swapped",
        "target and output are swapped, so that the steps go uphill",
        "∂ℓ/∂ŷ, of ŷ − y",
        "−∂ℓ/∂ŷ, of y − ŷ",
        {"error": lambda run, step, layer: negative(run.right("error", step))},
    ),
    *_REDUCTION,
    Mistake(
        "error-squared", "the squared error stands for the error", _SQUARE, "(ŷ − y)²", {"term": _squared(1.0)}, applies=_has_difference
    ),
    Mistake(
        "error-squared",
        "the squared error stands for the error, subtracted",
        _SQUARE,
        "−(ŷ − y)²",
        {"term": _squared(-1.0)},
        applies=_has_difference,
    ),
    Mistake("error-sign", "only the error's sign is used", _SQUARE, "sign(ŷ − y)", {"term": _signed}, applies=_has_difference),
    Mistake("error-absolute", "the error's absolute value is used", _SQUARE, "|ŷ − y|", {"term": _absolute}, applies=_has_difference),
    *(
        Mistake(
            "other-loss",
            f"the derivative is that of another loss, {name}",
            "∂ℓ/∂ŷ of the loss",
            f"∂ℓ/∂ŷ of {name}",
            {"term": _of_loss(name, times_k)},
            applies=_may_be(name, times_k),
        )
        for name in ("bce", "half_mse", "mse", "l1", "huber", "bce_with_logits", "cross_entropy")
        for times_k in (0, 1, -1)
    ),
    *(
        Mistake(id, sentence, "δ = p − y", actual, {"delta": _fused(term)}, "output", _is_fused)
        for id, sentence, actual, term in (
            ("error-squared", "the squared error stands for the error", "δ = (p − y)²", _squared(1.0)),
            ("error-squared", "the squared error stands for the error, subtracted", "δ = −(p − y)²", _squared(-1.0)),
            ("error-sign", "only the error's sign is used", "δ = sign(p − y)", _signed),
            ("error-absolute", "the error's absolute value is used", "δ = |p − y|", _absolute),
        )
    ),
    Mistake(
        "error-crossed",
        "(n,) against (n, 1): each output is held against every target, and summed",
        "ŷᵢ − yᵢ",
        "Σⱼ (ŷᵢ − yⱼ)",
        {"term": _crossed(False)},
        applies=lambda problem, layer: _is_square_loss(problem, layer) and problem.sizes[-1] == 1,
    ),
    Mistake(
        "error-crossed",
        "(n,) against (n, 1): each output is held against every target, and averaged",
        "ŷᵢ − yᵢ",
        "1/n Σⱼ (ŷᵢ − yⱼ)",
        {"term": _crossed(True)},
        applies=lambda problem, layer: _is_square_loss(problem, layer) and problem.sizes[-1] == 1,
    ),
    Mistake(
        "raw-error-back",
        "{layer} is sent the raw error ∂L/∂a of the next layer, not its error term δ",
        _BACK,
        "∂L/∂a = (∂L/∂a of the next) W",
        {"back_delta": _raw_error},
        "hidden",
    ),
    Mistake(
        "slope-again-back",
        "what is sent back to {layer} has f′ of the next layer once more: it is in δ already",
        _BACK,
        "∂L/∂a = (δ ∘ f′) W",
        {"back_delta": _slope_again},
        "hidden",
        _next_bends,
    ),
    Mistake(
        "weights-left-out-back",
        "the weights are left out on the way back to {layer}",
        _BACK,
        "∂L/∂a = Σₖ δₖ, the same for each unit",
        {"back": _without_weights},
        "hidden",
    ),
    Mistake(
        "weights-left-out-back",
        "the weights are left out on the way back to {layer}",
        _BACK,
        "∂L/∂a = δ",
        {"back": _delta_itself},
        "hidden",
        _next_is_square,
    ),
    Mistake(
        "updated-weights-back",
        "the error goes back to {layer} through weights that are updated already",
        _BACK,
        "∂L/∂a = δ (W + ΔW)",
        {"back_weight": _updated_weights},
        "hidden",
    ),
    Mistake(
        "weights-untransposed",
        "the weights are transposed on the way back to {layer}",
        _BACK,
        "∂L/∂a = δ Wᵀ",
        {"back_weight": _untransposed},
        "hidden",
        _next_is_square,
    ),
    Mistake(
        "batch-summed-early",
        "the error is summed over the batch before it is multiplied by f′, in {layer}",
        "δₙ = ∂L/∂aₙ ∘ f′(zₙ)",
        "δₙ = (Σₘ ∂L/∂aₘ) ∘ f′(zₙ)",
        {"back": _batch_summed(False)},
        "hidden",
    ),
    Mistake(
        "batch-summed-early",
        "the error is averaged over the batch before it is multiplied by f′, in {layer}",
        "δₙ = ∂L/∂aₙ ∘ f′(zₙ)",
        "δₙ = (1/n Σₘ ∂L/∂aₘ) ∘ f′(zₙ)",
        {"back": _batch_summed(True)},
        "hidden",
    ),
    Mistake(
        "sign-flipped-in-layer",
        "the error term of {layer} has the wrong sign",
        "δ = ∂L/∂a ∘ f′(z)",
        "δ = −∂L/∂a ∘ f′(z)",
        {"delta": _delta_negative},
        "hidden",
    ),
    Mistake(
        "extra-input-factor",
        "the error term of {layer} has the layer's input as a factor besides",
        "δ = ∂L/∂a ∘ f′(z)",
        "δ = ∂L/∂a ∘ f′(z) ∘ input",
        {"delta": _delta_times_input},
        "layer",
        is_square,
    ),
    Mistake(
        "extra-activation-factor",
        "the error term of {layer} has the layer's activation as a factor besides",
        "δ = ∂L/∂a ∘ f′(z)",
        "δ = ∂L/∂a ∘ f′(z) ∘ a",
        {"delta": _delta_times_activation},
        "layer",
    ),
    Mistake(
        "softmax-diagonal",
        "softmax's Jacobian is reduced to its diagonal in {layer}",
        "δᵢ = Σⱼ ∂L/∂aⱼ pⱼ(δᵢⱼ − pᵢ)",
        "δᵢ = ∂L/∂aᵢ pᵢ(1 − pᵢ)",
        {"delta": _diagonal},
        "layer",
        _is_softmax,
    ),
    Mistake(
        "slope-missing",
        "softmax's Jacobian is left out in {layer}",
        "δᵢ = Σⱼ ∂L/∂aⱼ ∂aⱼ/∂zᵢ",
        "δ = ∂L/∂a",
        {"delta": _jacobian_missing},
        "layer",
        _bends_not,
    ),
    Mistake(
        "slope-on-logits-loss",
        "f′ is applied on top of p − y, which is the derivative at the logits already",
        "∂ℓ/∂z = p − y",
        "(p − y) ∘ p(1 − p)",
        {"term": _slope_on_top},
        applies=_from_logits,
    ),
    *(
        Mistake(
            "other-loss",
            f"the derivative is that of the mean squared error through softmax{said}",
            "∂ℓ/∂z = p − y",
            f"∂ℓ/∂zᵢ = Σⱼ {factor}(pⱼ − yⱼ) pⱼ(δᵢⱼ − pᵢ){over}",
            {"term": _squares_through_softmax(times, is_mean)},
            applies=lambda problem, layer: problem.loss == "cross_entropy",
            alone=True,
        )
        for times, factor, said in ((2.0, "2", ""), (1.0, "", ", and of half of it"))
        for is_mean, over in ((False, ""), (True, "/k"))
    ),
    *(
        Mistake(
            "softmax-axis",
            f"softmax is taken over the records, not over the classes{said}",
            "p = softmax of each record",
            "p = softmax of each class",
            formulas,
            applies=lambda problem, layer: problem.loss == "cross_entropy",
        )
        for said, formulas in (
            (", on the way back", {"term": _softmax_over_records}),
            ("", {"term": _softmax_over_records, "probabilities": _shares_over_records, "loss": _loss_over_records}),
        )
    ),
    Mistake(
        "softmax-without-exp",
        "the logits are divided by their sum, without their exponentials: that is no softmax",
        "p = e^zᵢ / Σⱼ e^zⱼ",
        "p = zᵢ / Σⱼ zⱼ",
        {"term": _shares_of_logits},
        applies=lambda problem, layer: problem.loss == "cross_entropy" and problem.sizes[-1] > 1,
    ),
    Mistake(
        "probabilities-missing",
        "the logits stand for the probabilities",
        "∂ℓ/∂z = p − y",
        "z − y",
        {"term": _logits_for_probabilities},
        applies=_from_logits,
    ),
)
