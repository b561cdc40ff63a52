"""Mistakes in the error: at the output, in what the loss's reduction makes of it, and on its way back through the weights."""

from collections.abc import Callable, Iterator

import numpy as np

from ...problem.pieces import LOSSES
from ...problem.problem import Problem
from ...rounding.arithmetic import Bounded
from ...rounding.rules import LOSSES as RULES
from ..formulas import Formula, activated, is_elementwise, one_hot, probabilities
from ..graph import At
from ..mistake import Applies, Mistake
from .where import bends, is_mean, is_of_logits, is_square

_SQUARES = {"half_mse": 1.0, "mse": 2.0, "sse": 2.0}  # ∂ℓ/∂ŷ over ŷ − y


def _is_square_loss(problem: Problem, layer: int) -> bool:
    return problem.loss in _SQUARES


def _has_difference(problem: Problem, layer: int) -> bool:
    """Where ∂ℓ/∂ŷ is made of the difference alone."""
    return _is_square_loss(problem, layer) or is_of_logits(problem, layer)


def _is_fused(problem: Problem, layer: int) -> bool:
    """Where δ of the output is p − y, f′ and the loss's derivative being done in one."""
    return problem.loss == "bce" and problem.layers[-1].function == "sigmoid"


def _fused(term: Formula) -> Formula:
    return lambda at: term(at).scaled(at("share"))


def _over_elements(problem: Problem, layer: int) -> bool:
    return problem.reduction == "mean" and LOSSES[problem.loss].over == "elements" and problem.sizes[-1] > 1


def difference(at: At) -> Bounded:
    """ŷ − y; of a loss of logits p − y."""
    return (probabilities(at) if is_of_logits(at.problem, 0) else at("output")) - one_hot(at)


def _squared(sign: float) -> Formula:
    def formula(at: At) -> Bounded:
        d = difference(at)
        return (d * d).scaled(sign * _SQUARES.get(at.problem.loss, 1.0))

    return formula


def _signed(at: At) -> Bounded:
    d = difference(at)
    undecided = (np.abs(d.value) <= d.error) & np.greater(d.error, 0)
    factor = _SQUARES.get(at.problem.loss, 1.0)
    return at.exact(factor * np.sign(d.value), np.where(undecided, 2 * factor, 0.0))


def _absolute(at: At) -> Bounded:
    d = difference(at)
    return at.exact(np.abs(d.value), d.error).scaled(_SQUARES.get(at.problem.loss, 1.0))


def _of_loss(name: str, times_k: int = 0) -> Formula:
    """∂ℓ/∂ŷ of that loss, times kⁱ for a mean that is over the records where the own is over the elements, or the other way round."""

    def formula(at: At) -> Bounded:
        derivative = RULES[name].terms(at("output"), at("y").astype(np.float64))[1]
        return derivative.scaled(float(at.problem.sizes[-1]) ** times_k) if times_k else derivative

    return formula


def _may_be(name: str, times_k: int) -> Applies:
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

    def formula(at: At) -> Bounded:
        y, output = at("y").astype(np.float64), at("output")
        n, factor = len(y), _SQUARES.get(at.problem.loss, 1.0)
        targets = at.exact(np.broadcast_to(-y.T, (n, n))).sum(-1)
        summed = output.scaled(n) + targets[:, None]
        return summed.scaled(factor / n if mean else factor)

    return formula


def share_times(factor: Callable[[At], float]) -> Formula:
    """Each term of the loss counts with that factor besides."""
    return lambda at: at.right("share") * factor(at)


def _n(at: At) -> int:
    return int(at("x").value.shape[0])


def _k(at: At) -> int:
    return at.problem.sizes[-1]


def _slope_again(at: At) -> Bounded:
    """δ ∘ f′ of the next layer; of a loss of logits p(1 − p), which is in its δ already."""
    delta = at.right("back_delta")
    if at.layer + 1 < at.depth or not is_of_logits(at.problem, at.layer):
        return delta * at("slope", 1)
    p = probabilities(at)
    return delta * (p * (1 - p))


def _next_bends(problem: Problem, layer: int) -> bool:
    """Where f′ of the next layer once more is another: relu's is not."""
    is_last = layer + 1 == len(problem.layers)
    return (bends(problem, layer + 1) and problem.layers[layer].function != "relu") or (is_last and is_of_logits(problem, layer))


def _without_weights(at: At) -> Bounded:
    """Each unit gets the sum of the next layer's δ."""
    summed, shape = at("back_delta").sum(-1), at("z").value.shape
    return summed[:, None].broadcast_to(shape)


def _next_is_square(problem: Problem, layer: int) -> bool:
    return is_square(problem, layer + 1)


def _batch_summed(mean: bool) -> Formula:
    def formula(at: At) -> Bounded:
        back = at.right("back")
        summed, n = back.sum(-2), back.value.shape[0]
        summed = summed.scaled(1 / n) if mean else summed
        return summed.broadcast_to(back.value.shape)

    return formula


def _diagonal(at: At) -> Bounded:
    p, back = at("a"), at("back")
    return back * (p * (1 - p))


def _slope_on_top(at: At) -> Bounded:
    p = probabilities(at)
    return at.right("term") * (p * (1 - p))


def _squares_through_softmax(times: float, is_mean: bool) -> Formula:
    """2(p − y), or p − y, through softmax's Jacobian; over k where the mean is over the outputs too."""

    def formula(at: At) -> Bounded:
        back = activated("softmax", at("output"))[1]
        return back(difference(at)).scaled(times / (at.problem.sizes[-1] if is_mean else 1))

    return formula


def _shares_over_records(at: At) -> Bounded:
    return activated("softmax", at("output").T)[0].T


def _softmax_over_records(at: At) -> Bounded:
    return _shares_over_records(at) - one_hot(at)


def _loss_over_records(at: At) -> Bounded:
    terms = RULES["cross_entropy"].terms(at("output").T, one_hot(at).T)[0]
    return terms.sum(0, 1).scaled(at("share"))


def _shares_of_logits(at: At) -> Bounded:
    """z / Σz − y, of either sign."""
    z = at("output")
    summed = z.sum(-1)
    sign, error = np.where(summed.value < 0, -1.0, 1.0)[:, None], np.asarray(summed.error)[:, None]
    below = at.exact(sign * summed.value[:, None], error)
    p = z.like(sign * z.value, z.error).over(below, z.precision.smallest_normal)
    return p - one_hot(at)


_MEAN = "∂L/∂ŷ = 1/N ∂ℓ/∂ŷ"
_SQUARE = "∂ℓ/∂ŷ ∝ ŷ − y"
_BACK = "∂L/∂a = δ W, δ of the next layer"


def _share(
    id: str, sentence: str, actual: str, factor: Callable[[At], float], applies: Applies
) -> Iterator[Mistake]:
    """The factor in δ from the start, or in all gradients where δ is of each record."""

    def of_gradients(at: At, kind: str) -> Bounded:
        return at.right(f"{kind}_used").scaled(factor(at))

    for formulas in ({"share": share_times(factor)}, {"*_used": of_gradients}):
        yield Mistake(id, sentence, _MEAN, actual, formulas, applies=applies)


_REDUCTION = (
    *_share("mean-missing", "the sum over the records is not divided by their number",
            "∂L/∂ŷ = N · (1/N ∂ℓ/∂ŷ): 1/n is missing; a sum that is meant is declared, \"reduction\": \"sum\"", lambda at: _n(at), is_mean),
    *_share("sum-for-mean", "the loss's terms are summed where their mean is to be taken: over records and outputs",
            "∂L/∂ŷ = ∂ℓ/∂ŷ; a sum that is meant is declared, \"reduction\": \"sum\"", lambda at: _n(at) * _k(at), _over_elements),
    *_share("mean-for-sum", "the loss's terms are averaged over the records where they are to be summed", "∂L/∂ŷ = 1/n ∂ℓ/∂ŷ",
            lambda at: 1 / _n(at), lambda problem, layer: problem.reduction == "sum"),
    *_share("mean-twice", "the sum over the records is divided by their number twice", "∂L/∂ŷ = 1/n · (1/N ∂ℓ/∂ŷ)", lambda at: 1 / _n(at),
            is_mean),
    *_share("factor-2", "everything is twice as large: the loss's ½ is lost, or a stray 2", "∂L/∂ŷ = 2 · (1/N ∂ℓ/∂ŷ)", lambda at: 2.0,
            lambda problem, layer: True),
    *_share("factor-half", "everything is half as large: a ½ of the loss too many, or its 2 lost", "∂L/∂ŷ = ½ · (1/N ∂ℓ/∂ŷ)",
            lambda at: 0.5, lambda problem, layer: True),
    *_share("mean-over-outputs-missing", "the mean is over the records alone, and not over the outputs", "∂L/∂ŷ = 1/n ∂ℓ/∂ŷ", _k,
            _over_elements),
    *_share("mean-over-outputs-extra", "the mean is over the outputs once more than it should be", "∂L/∂ŷ = 1/(nk) ∂ℓ/∂ŷ",
            lambda at: 1 / _k(at), lambda problem, layer: problem.sizes[-1] > 1),
    *_share("factor-4", "everything is four times as large: a stray 4, or 2 twice", "∂L/∂ŷ = 4 · (1/N ∂ℓ/∂ŷ)", lambda at: 4.0,
            lambda problem, layer: True),
    *_share("wrong-n-plus-one", "the mean divides by one more than the number of records", "∂L/∂ŷ = n/(n + 1) · (1/N ∂ℓ/∂ŷ)",
            lambda at: _n(at) / (_n(at) + 1), is_mean),
    *_share("wrong-n-minus-one", "the mean divides by one less than the number of records", "∂L/∂ŷ = n/(n − 1) · (1/N ∂ℓ/∂ŷ)",
            lambda at: _n(at) / max(_n(at) - 1, 1), is_mean),
    *_share("wrong-n-features", "the mean divides by the number of inputs, not of records", "∂L/∂ŷ = n/inputs · (1/N ∂ℓ/∂ŷ)",
            lambda at: _n(at) / at.problem.sizes[0], is_mean),
    *_share("wrong-n-hidden", "the mean divides by the number of hidden units, not of records", "∂L/∂ŷ = n/hidden · (1/N ∂ℓ/∂ŷ)",
            lambda at: _n(at) / at.problem.sizes[1],
            lambda problem, layer: is_mean(problem, layer) and len(problem.sizes) > 2 and problem.sizes[1] != problem.sizes[0]),
)

ERROR_TERMS = (
    Mistake("target-output-swapped", "target and output are swapped, so that the steps go uphill", "∂ℓ/∂ŷ, of ŷ − y", "−∂ℓ/∂ŷ, of y − ŷ",
            {"error": lambda at: -at.right("error")}),
    *_REDUCTION,
    Mistake("error-squared", "the squared error stands for the error", _SQUARE, "(ŷ − y)²", {"term": _squared(1.0)},
            applies=_has_difference),
    Mistake("error-squared", "the squared error stands for the error, subtracted", _SQUARE, "−(ŷ − y)²", {"term": _squared(-1.0)},
            applies=_has_difference),
    Mistake("error-sign", "only the error's sign is used", _SQUARE, "sign(ŷ − y)", {"term": _signed}, applies=_has_difference),
    Mistake("error-absolute", "the error's absolute value is used", _SQUARE, "|ŷ − y|", {"term": _absolute}, applies=_has_difference),
    *(
        Mistake("other-loss", f"the derivative is that of another loss, {name}", "∂ℓ/∂ŷ of the loss", f"∂ℓ/∂ŷ of {name}",
                {"term": _of_loss(name, times_k)}, applies=_may_be(name, times_k))
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
    Mistake("error-crossed", "(n,) against (n, 1): each output is held against every target, and summed", "ŷᵢ − yᵢ", "Σⱼ (ŷᵢ − yⱼ)",
            {"term": _crossed(False)}, applies=lambda problem, layer: _is_square_loss(problem, layer) and problem.sizes[-1] == 1),
    Mistake("error-crossed", "(n,) against (n, 1): each output is held against every target, and averaged", "ŷᵢ − yᵢ", "1/n Σⱼ (ŷᵢ − yⱼ)",
            {"term": _crossed(True)}, applies=lambda problem, layer: _is_square_loss(problem, layer) and problem.sizes[-1] == 1),
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
    Mistake("batch-summed-early", "the error is summed over the batch before it is multiplied by f′, in {layer}", "δₙ = ∂L/∂aₙ ∘ f′(zₙ)",
            "δₙ = (Σₘ ∂L/∂aₘ) ∘ f′(zₙ)", {"back": _batch_summed(False)}, "hidden"),
    Mistake("batch-summed-early", "the error is averaged over the batch before it is multiplied by f′, in {layer}", "δₙ = ∂L/∂aₙ ∘ f′(zₙ)",
            "δₙ = (1/n Σₘ ∂L/∂aₘ) ∘ f′(zₙ)", {"back": _batch_summed(True)}, "hidden"),
    Mistake("sign-flipped-in-layer", "the error term of {layer} has the wrong sign", "δ = ∂L/∂a ∘ f′(z)", "δ = −∂L/∂a ∘ f′(z)",
            {"delta": lambda at: -at.right("delta")}, "hidden"),
    Mistake("extra-input-factor", "the error term of {layer} has the layer's input as a factor besides", "δ = ∂L/∂a ∘ f′(z)",
            "δ = ∂L/∂a ∘ f′(z) ∘ input", {"delta": lambda at: at.right("delta") * at("input")}, "layer", is_square),
    Mistake("extra-activation-factor", "the error term of {layer} has the layer's activation as a factor besides", "δ = ∂L/∂a ∘ f′(z)",
            "δ = ∂L/∂a ∘ f′(z) ∘ a", {"delta": lambda at: at.right("delta") * at("a")}, "layer"),
    Mistake("softmax-diagonal", "softmax's Jacobian is reduced to its diagonal in {layer}", "δᵢ = Σⱼ ∂L/∂aⱼ pⱼ(δᵢⱼ − pᵢ)",
            "δᵢ = ∂L/∂aᵢ pᵢ(1 − pᵢ)", {"delta": _diagonal}, "layer",
            lambda problem, layer: problem.layers[layer - 1].function == "softmax"),
    Mistake("slope-missing", "softmax's Jacobian is left out in {layer}", "δᵢ = Σⱼ ∂L/∂aⱼ ∂aⱼ/∂zᵢ", "δ = ∂L/∂a",
            {"delta": lambda at: at("back")}, "layer", lambda problem, layer: not is_elementwise(problem.layers[layer - 1].function)),
    Mistake("slope-on-logits-loss", "f′ is applied on top of p − y, which is the derivative at the logits already", "∂ℓ/∂z = p − y",
            "(p − y) ∘ p(1 − p)", {"term": _slope_on_top}, applies=is_of_logits),
    *(
        Mistake("other-loss", f"the derivative is that of the mean squared error through softmax{said}", "∂ℓ/∂z = p − y",
                f"∂ℓ/∂zᵢ = Σⱼ {factor}(pⱼ − yⱼ) pⱼ(δᵢⱼ − pᵢ){over}", {"term": _squares_through_softmax(times, is_mean)},
                applies=lambda problem, layer: problem.loss == "cross_entropy", alone=True)
        for times, factor, said in ((2.0, "2", ""), (1.0, "", ", and of half of it"))
        for is_mean, over in ((False, ""), (True, "/k"))
    ),
    *(
        Mistake("softmax-axis", f"softmax is taken over the records, not over the classes{said}", "p = softmax of each record",
                "p = softmax of each class", formulas, applies=lambda problem, layer: problem.loss == "cross_entropy")
        for said, formulas in (
            (", on the way back", {"term": _softmax_over_records}),
            ("", {"term": _softmax_over_records, "probabilities": _shares_over_records, "loss": _loss_over_records}),
        )
    ),
    Mistake("softmax-without-exp", "the logits are divided by their sum, without their exponentials: that is no softmax",
            "p = e^zᵢ / Σⱼ e^zⱼ", "p = zᵢ / Σⱼ zⱼ", {"term": _shares_of_logits},
            applies=lambda problem, layer: problem.loss == "cross_entropy" and problem.sizes[-1] > 1),
    Mistake("probabilities-missing", "the logits stand for the probabilities", "∂ℓ/∂z = p − y", "z − y",
            {"term": lambda at: at("output") - one_hot(at)}, applies=is_of_logits),
)
