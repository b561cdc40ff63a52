"""Mistakes in the error: at the output, in what the loss's reduction makes of it, and on its way back through the weights."""

from collections.abc import Callable
from functools import partial

import numpy as np

from ...formulas.losses import LOSSES as RULES
from ...formulas.sampled import Sampled
from ...problem.pieces import LOSSES
from ...problem.problem import Problem
from ..formulas import Formula, activated, one_hot, probabilities
from ..graph import At
from ..mistake import Applies, Mistake, anywhere
from .losses import SQUARES
from .where import bends, both, has, is_mean, is_of_logits, is_square, loss_is, mixes_units, unless

_is_square_loss, _is_cross_entropy = loss_is(*SQUARES), loss_is("cross_entropy")
_has_difference = loss_is(*SQUARES, "cross_entropy", "bce_with_logits")      # ∂ℓ/∂ŷ is made of ŷ − y, or p − y, alone


def _is_fused(problem: Problem, layer: int) -> bool:
    """Return whether δ of the output is p − y, f′ and the loss's derivative being done in one."""
    return problem.loss == "bce" and problem.layers[-1].function == "sigmoid"


def _has_outputs(problem: Problem, layer: int) -> bool:
    return problem.sizes[-1] > 1


def _is_over_elements(problem: Problem, layer: int) -> bool:
    return problem.reduction == "mean" and LOSSES[problem.loss].over == "elements" and problem.sizes[-1] > 1


def _n(at: At) -> int:
    return int(at("x").value.shape[0])


def _k(at: At) -> int:
    return at.problem.sizes[-1]


# Wrong derivatives of a term.


def _difference(at: At) -> Sampled:
    """Return ŷ − y; of a loss of logits p − y   (n, k)."""
    return (probabilities(at) if is_of_logits(at.problem, 0) else at("output")) - one_hot(at)


def _factor(at: At) -> float:
    """Return ∂ℓ/∂ŷ over the difference: 2 where the loss is a square without a ½."""
    return 2.0 if at.problem.loss in ("mse", "sse") else 1.0


def _squared(at: At, sign: float) -> Sampled:
    d = _difference(at)
    return (d * d).scaled(sign * _factor(at))


def _sign(at: At) -> Sampled:
    d, factor = _difference(at), _factor(at)
    is_undecided = (np.abs(d.value) <= d.error) & np.greater(d.error, 0)
    return at.exact(factor * np.sign(d.value), np.where(is_undecided, 2 * factor, 0.0))


def _absolute(at: At) -> Sampled:
    d = _difference(at)
    return at.exact(np.abs(d.value), d.error).scaled(_factor(at))


def _crossed(at: At, mean: bool) -> Sampled:
    """Return eᵢ = Σⱼ (ŷᵢ − yⱼ), or the mean over j   (n, 1)."""
    y, output = at("y").astype(np.float64), at("output")
    n = len(y)
    targets = at.exact(np.broadcast_to(-y.T, (n, n))).sum(-1)
    return (output.scaled(n) + targets[:, None]).scaled(_factor(at) / n if mean else _factor(at))


def _of_loss(at: At, name: str, times_k: int) -> Sampled:
    """Return ∂ℓ/∂ŷ of that loss, times k^times_k: its mean may be over the records where the problem's is over the elements, or back."""
    derivative = RULES[name].terms(at("output"), at("y").astype(np.float64))[1]
    return derivative.scaled(float(_k(at)) ** times_k) if times_k else derivative


def _may_be(problem: Problem, layer: int, name: str, times_k: int) -> bool:
    """Return whether the other loss takes the problem's output and targets, and is another one there."""
    if problem.loss == name or any(batch[1].ndim == 1 for batch in problem.batches) or (times_k and problem.sizes[-1] == 1):
        return False
    if name == "cross_entropy" and problem.sizes[-1] == 1:  # of one class the gradient is 0
        return False
    function = problem.layers[-1].function
    return not LOSSES[name].only or function in LOSSES[name].only or (name == "bce" and function == "sigmoid")


def _slope_on_top(at: At) -> Sampled:
    p = probabilities(at)
    return at.right("term") * (p * (1 - p))


def _through_softmax(at: At, times: float, is_over_k: bool) -> Sampled:
    """Return 2(p − y), or p − y, through softmax's Jacobian; over k where the mean is over the outputs too   (n, k)."""
    back = activated("softmax", at("output"))[1]
    return back(_difference(at)).scaled(times / (_k(at) if is_over_k else 1))


def _softmax_over_records(at: At) -> Sampled:
    return activated("softmax", at("output").T)[0].T


def _loss_over_records(at: At) -> Sampled:
    terms = RULES["cross_entropy"].terms(at("output").T, one_hot(at).T)[0]
    return terms.sum(0, 1).scaled(at("share"))


def _shares_of_logits(at: At) -> Sampled:
    """Return z / Σz − y, Σz of either sign   (n, k)."""
    z = at("output")
    total = z.sum(-1)[:, None]
    sign = np.where(total.value < 0, -1.0, 1.0)
    p = z.like(sign * z.value, z.error).over(z.like(sign * total.value, total.error), z.precision.tiny)
    return p - one_hot(at)


# Wrong factors of the reduction.


def _share_times(at: At, factor: Callable[[At], float]) -> float:
    return at.right("share") * factor(at)


def _gradient_times(at: At, kind: str, factor: Callable[[At], float]) -> Sampled:
    return at.right(f"{kind}_used").scaled(factor(at))


_FACTORS: tuple[tuple[str, str, str, Callable[[At], float], Applies], ...] = (
    ("mean-missing", "the sum over the records is not divided by their number",
     "N · (1/N ∂ℓ/∂ŷ): 1/n is missing; a sum that is meant is declared, \"reduction\": \"sum\"", _n, is_mean),
    ("sum-for-mean", "the loss's terms are summed where their mean is to be taken: over records and outputs",
     "∂ℓ/∂ŷ; a sum that is meant is declared, \"reduction\": \"sum\"", lambda at: _n(at) * _k(at), _is_over_elements),
    ("mean-for-sum", "the loss's terms are averaged over the records where they are to be summed", "1/n ∂ℓ/∂ŷ", lambda at: 1 / _n(at),
     unless(is_mean)),
    ("mean-twice", "the sum over the records is divided by their number twice", "1/n · (1/N ∂ℓ/∂ŷ)", lambda at: 1 / _n(at), is_mean),
    ("factor-2", "everything is twice as large: the loss's ½ is lost, or a stray 2", "2 · (1/N ∂ℓ/∂ŷ)", lambda at: 2.0, anywhere),
    ("factor-half", "everything is half as large: a ½ of the loss too many, or its 2 lost", "½ · (1/N ∂ℓ/∂ŷ)", lambda at: 0.5, anywhere),
    ("mean-over-outputs-missing", "the mean is over the records alone, and not over the outputs",
     "1/n ∂ℓ/∂ŷ; one that is meant is declared, \"reduction\": \"batchmean\"", _k, _is_over_elements),
    ("mean-over-outputs-extra", "the mean is over the outputs once more than it should be", "1/(nk) ∂ℓ/∂ŷ", lambda at: 1 / _k(at),
     _has_outputs),
    ("factor-4", "everything is four times as large: a stray 4, or 2 twice", "4 · (1/N ∂ℓ/∂ŷ)", lambda at: 4.0, anywhere),
    ("wrong-n-plus-one", "the mean divides by one more than the number of records", "n/(n + 1) · (1/N ∂ℓ/∂ŷ)",
     lambda at: _n(at) / (_n(at) + 1), is_mean),
    ("wrong-n-minus-one", "the mean divides by one less than the number of records", "n/(n − 1) · (1/N ∂ℓ/∂ŷ)",
     lambda at: _n(at) / max(_n(at) - 1, 1), is_mean),
    ("wrong-n-features", "the mean divides by the number of inputs, not of records", "n/inputs · (1/N ∂ℓ/∂ŷ)",
     lambda at: _n(at) / at.problem.sizes[0], is_mean),
    ("wrong-n-hidden", "the mean divides by the number of hidden units, not of records", "n/hidden · (1/N ∂ℓ/∂ŷ)",
     lambda at: _n(at) / at.problem.sizes[1],
     lambda problem, layer: is_mean(problem, layer) and len(problem.sizes) > 2 and problem.sizes[1] != problem.sizes[0]),
)
_REDUCTION = tuple(      # the factor is in δ from the start, or in all gradients, where δ is of each record
    Mistake(id, sentence, "∂L/∂ŷ = 1/N ∂ℓ/∂ŷ", f"∂L/∂ŷ = {actual}", formulas, applies=applies)
    for id, sentence, actual, factor, applies in _FACTORS
    for formulas in ({"share": partial(_share_times, factor=factor)}, {"*_used": partial(_gradient_times, factor=factor)})
)


# Wrong errors on the way back through the weights.


def _slope_again(at: At) -> Sampled:
    """Return δ ∘ f′ of the next layer; of a loss of logits p(1 − p) in the place of f′, which is in its δ already."""
    delta = at.right("back_delta")
    if at.layer + 1 < at.depth or not is_of_logits(at.problem, at.layer):
        return delta * at("slope", 1)
    p = probabilities(at)
    return delta * (p * (1 - p))


def _next_bends(problem: Problem, layer: int) -> bool:
    """Return whether δ changes by f′ of the next layer once more: by relu's it does not."""
    is_last = layer + 1 == len(problem.layers)
    return (bends(problem, layer + 1) and problem.layers[layer].function != "relu") or (is_last and is_of_logits(problem, layer))


def _next_is_square(problem: Problem, layer: int) -> bool:
    return is_square(problem, layer + 1)


def _without_weights(at: At) -> Sampled:
    """Return the sum of the next layer's δ, for each unit   (n, out)."""
    return at("back_delta").sum(-1)[:, None].broadcast_to(at("z").value.shape)


def _batch_summed(at: At, mean: bool) -> Sampled:
    back = at.right("back")
    summed, shape = back.sum(-2), back.value.shape
    return (summed.scaled(1 / shape[0]) if mean else summed).broadcast_to(shape)


_SQUARE = "∂ℓ/∂ŷ ∝ ŷ − y"
_OVER_RECORDS: dict[str, Formula] = {"term": lambda at: _softmax_over_records(at) - one_hot(at)}
_BACK = "∂L/∂a = δ W, δ of the next layer"
_DELTA = "δ = ∂L/∂a ∘ f′(z)"
_ERRORS: tuple[tuple[str, str, str, Formula], ...] = (
    ("error-squared", "the squared error stands for the error", "({d})²", partial(_squared, sign=1.0)),
    ("error-squared", "the squared error stands for the error, subtracted", "−({d})²", partial(_squared, sign=-1.0)),
    ("error-sign", "only the error's sign is used", "sign({d})", _sign),
    ("error-absolute", "the error's absolute value is used", "|{d}|", _absolute),
)


def _fused(term: Formula) -> Formula:
    """Return the formula of the output's δ, ∂ℓ/∂z times each term's share of the loss."""
    return lambda at: term(at).scaled(at("share"))


ERROR_TERMS = (
    Mistake("target-output-swapped", "target and output are swapped, so that the steps go uphill", "∂ℓ/∂ŷ, of ŷ − y", "−∂ℓ/∂ŷ, of y − ŷ",
            {"error": lambda at: -at.right("error")}),
    *_REDUCTION,
    *(
        Mistake(id, sentence, _SQUARE, actual.format(d="ŷ − y"), {"term": term}, applies=_has_difference)
        for id, sentence, actual, term in _ERRORS
    ),
    *(
        Mistake("other-loss", f"the derivative is that of another loss, {name}{said}", "∂ℓ/∂ŷ of the loss", f"{factor}∂ℓ/∂ŷ of {name}",
                {"term": partial(_of_loss, name=name, times_k=times_k)}, applies=partial(_may_be, name=name, times_k=times_k))
        for name in ("bce", "half_mse", "mse", "l1", "huber", "bce_with_logits", "cross_entropy")
        for times_k, said, factor in ((0, "", ""), (1, ", times the number of outputs", "k "), (-1, ", over the number of outputs", "1/k "))
    ),
    *(
        Mistake(id, sentence, "δ = p − y", "δ = " + actual.format(d="p − y"), {"delta": _fused(term)}, "output", _is_fused)
        for id, sentence, actual, term in _ERRORS
    ),
    *(
        Mistake("error-crossed", f"(n,) against (n, 1): each output is held against every target, and {how}", "ŷᵢ − yᵢ", actual,
                {"term": partial(_crossed, mean=mean)}, applies=both(_is_square_loss, unless(_has_outputs)))
        for how, actual, mean in (("summed", "Σⱼ (ŷᵢ − yⱼ)", False), ("averaged", "1/n Σⱼ (ŷᵢ − yⱼ)", True))
    ),
    Mistake("raw-error-back", "{layer} is sent the raw error ∂L/∂a of the next layer, not its error term δ", _BACK,
            "∂L/∂a = (∂L/∂a of the next) W", {"back_delta": lambda at: at("back", 1)}, "hidden"),
    Mistake("slope-again-back", "what is sent back to {layer} has f′ of the next layer once more: it is in δ already", _BACK,
            "∂L/∂a = (δ ∘ f′) W", {"back_delta": _slope_again}, "hidden", _next_bends),
    Mistake("weights-left-out-back", "the weights are left out on the way back to {layer}", _BACK, "∂L/∂a = Σₖ δₖ, the same for each unit",
            {"back": _without_weights}, "hidden"),
    Mistake("weights-left-out-back", "the weights are left out on the way back to {layer}", _BACK, "∂L/∂a = δ",
            {"back": lambda at: at("back_delta")}, "hidden", _next_is_square),
    Mistake("updated-weights-back", "the error goes back to {layer} through weights that are updated already", _BACK, "∂L/∂a = δ (W + ΔW)",
            {"back_weight": lambda at: at("weight_after", 1)}, "hidden"),
    Mistake("weights-untransposed", "the weights are transposed on the way back to {layer}", _BACK, "∂L/∂a = δ Wᵀ",
            {"back_weight": lambda at: at.right("back_weight").T}, "hidden", _next_is_square),
    *(
        Mistake("batch-summed-early", f"the error is {how} over the batch before it is multiplied by f′, in {{layer}}",
                "δₙ = ∂L/∂aₙ ∘ f′(zₙ)", f"δₙ = ({total} ∂L/∂aₘ) ∘ f′(zₙ)", {"back": partial(_batch_summed, mean=mean)}, "hidden")
        for how, total, mean in (("summed", "Σₘ", False), ("averaged", "1/n Σₘ", True))
    ),
    Mistake("sign-flipped-in-layer", "the error term of {layer} has the wrong sign", _DELTA, "δ = −∂L/∂a ∘ f′(z)",
            {"delta": lambda at: -at.right("delta")}, "hidden"),
    Mistake("extra-input-factor", "the error term of {layer} has the layer's input as a factor besides", _DELTA,
            "δ = ∂L/∂a ∘ f′(z) ∘ input", {"delta": lambda at: at.right("delta") * at("input")}, "layer", is_square),
    Mistake("extra-activation-factor", "the error term of {layer} has the layer's activation as a factor besides", _DELTA,
            "δ = ∂L/∂a ∘ f′(z) ∘ a", {"delta": lambda at: at.right("delta") * at("a")}, "layer"),
    Mistake("softmax-diagonal", "softmax's Jacobian is reduced to its diagonal in {layer}", "δᵢ = Σⱼ ∂L/∂aⱼ pⱼ(δᵢⱼ − pᵢ)",
            "δᵢ = ∂L/∂aᵢ pᵢ(1 − pᵢ)", {"delta": lambda at: at("back") * (at("a") * (1 - at("a")))}, "layer", has("softmax")),
    Mistake("slope-missing", "softmax's Jacobian is left out in {layer}", "δᵢ = Σⱼ ∂L/∂aⱼ ∂aⱼ/∂zᵢ", "δ = ∂L/∂a",
            {"delta": lambda at: at("back")}, "layer", mixes_units),
    Mistake("slope-on-logits-loss", "f′ is applied on top of p − y, which is the derivative at the logits already", "∂ℓ/∂z = p − y",
            "(p − y) ∘ p(1 − p)", {"term": _slope_on_top}, applies=is_of_logits),
    *(
        Mistake("other-loss", f"the derivative is that of the mean squared error through softmax{said}", "∂ℓ/∂z = p − y",
                f"∂ℓ/∂zᵢ = Σⱼ {factor}(pⱼ − yⱼ) pⱼ(δᵢⱼ − pᵢ){over}", {"term": partial(_through_softmax, times=times, is_over_k=is_over_k)},
                applies=_is_cross_entropy, alone=True)
        for times, factor, said in ((2.0, "2", ""), (1.0, "", ", and of half of it"))
        for is_over_k, over in ((False, ""), (True, "/k"))
    ),
    *(
        Mistake("softmax-axis", f"softmax is taken over the records, not over the classes{said}", "p = softmax of each record",
                "p = softmax of each class", formulas, applies=_is_cross_entropy)
        for said, formulas in (
            (", on the way back", _OVER_RECORDS),
            ("", {**_OVER_RECORDS, "probabilities": _softmax_over_records, "loss": _loss_over_records}),
        )
    ),
    Mistake("softmax-without-exp", "the logits are divided by their sum, without their exponentials: that is no softmax",
            "p = e^zᵢ / Σⱼ e^zⱼ", "p = zᵢ / Σⱼ zⱼ", {"term": _shares_of_logits}, applies=both(_is_cross_entropy, _has_outputs)),
    Mistake("probabilities-missing", "the logits stand for the probabilities", "∂ℓ/∂z = p − y", "z − y",
            {"term": lambda at: at("output") - one_hot(at)}, applies=is_of_logits),
)
