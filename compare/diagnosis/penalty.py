"""Weight decay in a gradient or a loss that is shown: λw in the gradient, which PyTorch adds in the update alone, and ½λΣw² in the loss.

Either is a convention, and no mistake if the final answers are right.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from ..formulas.sampled import Sampled
from ..problem.problem import Problem
from ..support.arrays import Array
from .formulas import options_of
from .graph import At, Node, Run, places
from .matcher import Matcher, is_within

SAID = {"gradient": "your gradients have the weight decay in them", "loss": "your loss has the penalty of the weight decay"}
Scale = Callable[[Run, int], float]      # returns a shown number over the problem's own, of (run, step)


def without_decay(
    matcher: Matcher, what: str, final: str | None, scales: Sequence[Scale], passed_over: Sequence[str]
) -> dict[Node, Array] | None:
    """Return the shown gradients, or losses, less the weight decay that they contain, by node; None if they contain none.

    They contain it if in one of these scales more stages follow with it than without from the stages shown before; or if none follows,
    and with it alone a mistake of the catalogue explains one, whose id begins with none of `passed_over`. Gradients that are the final
    answers, named by `final`, stay as they are.
    """
    run, shown = matcher.right, matcher.shown
    if what not in SAID or not any(_decays(run.problem, kind) for kind in ("weight", "bias")):
        return None
    is_final = final == "used" or (final is None and not any(stage.endswith("_after") for stage, _, _ in shown))
    if what == "gradient" and is_final:
        return None
    nodes = [node for node in shown if (node[0] == "loss" if what == "loss" else _is_gradient(run.problem, node[0]))]
    if not nodes:
        return None
    ways = list(_ways(scales))
    most, scale, decay = max(((_followers(matcher, nodes, *way), *way) for way in ways), key=lambda each: each[0])
    plain = max(_followers(matcher, nodes, each, None) for each in scales)
    if most > plain:
        return _bare(run, shown, nodes, scale, decay)
    if most or any(_has_mistake(matcher, nodes, each, None, passed_over) for each in scales):
        return None
    found = next((way for way in ways if _has_mistake(matcher, nodes, *way, passed_over)), None)
    return _bare(run, shown, nodes, *found) if found else None


def _ways(scales: Sequence[Scale]) -> Iterator[tuple[Scale, Scale]]:
    """Yield pairs of a scale of the gradient or loss and a scale of its decay: the problem's own, or the same."""
    yield from ((scale, scales[0]) for scale in scales)
    yield from ((scale, scale) for scale in scales[1:])


def _decays(problem: Problem, kind: str) -> bool:
    """Return whether that kind of parameter has weight decay, as a part of its gradient."""
    return problem.optimizer != "adamw" and bool(options_of(kind, problem.optimizer_options)["weight_decay"])


def _is_gradient(problem: Problem, stage: str) -> bool:
    kind, _, of = stage.partition("_")
    return of == "used" and _decays(problem, kind)


def _decay(run: Run, node: Node) -> Sampled:
    """Return λw for a gradient, ½λΣw² for the loss."""
    stage, step, layer = node
    weight_decay = run.problem.optimizer_options["weight_decay"]
    if stage != "loss":
        return At(run, step, layer).parameter(stage.partition("_")[0]).scaled(weight_decay)
    arrays = [At(run, step, each).parameter(kind).value for kind, each in places(run.problem) if _decays(run.problem, kind)]
    value = weight_decay / 2 * sum(float((array * array).sum()) for array in arrays)
    return At(run, step, 0).exact(value, run.precision.gamma(sum(array.size for array in arrays) + 4) * value)


def _followers(matcher: Matcher, nodes: list[Node], scale: Scale, decay: Scale | None) -> int:
    """Return how many stages and layers follow from those shown before them, in that scale, with decay in its own or without."""
    run, shown = matcher.right, matcher.shown
    with np.errstate(all="ignore"):
        wrong = [node for node in nodes if not is_within(shown[node], _in_scale(run, node, scale, decay))]
    return len({(stage, layer) for stage, _, layer in nodes} - {(stage, layer) for stage, _, layer in wrong})


def _in_scale(run: Run, node: Node, scale: Scale, decay: Scale | None) -> Sampled:
    """Return the right number in that scale, with decay in its own or without."""
    right, factor = run.worked_out(*node), scale(run, node[1])
    scaled: Sampled = right.scaled(factor) if factor != 1 else right
    return scaled if decay is None else scaled + _decay(run, node).scaled(decay(run, node[1]))


def _bare(run: Run, shown: Mapping[Node, Array], nodes: list[Node], scale: Scale, decay: Scale) -> dict[Node, Array]:
    """Return the shown numbers less their decay; for a right number the right one, since the difference of the two would round."""
    bare = {}
    for node in nodes:
        with np.errstate(all="ignore"):
            if is_within(shown[node], _in_scale(run, node, scale, decay)):
                bare[node] = np.asarray(_in_scale(run, node, scale, None).value)
            else:
                bare[node] = shown[node] - decay(run, node[1]) * _decay(run, node).value
    return bare


def _has_mistake(matcher: Matcher, nodes: list[Node], scale: Scale, decay: Scale | None, passed_over: Sequence[str]) -> bool:
    """Return whether a mistake of the catalogue makes the first of these stages, in that scale, with decay in its own or without."""
    run, shown = matcher.right, matcher.shown
    first = nodes[0]
    bare = {node: shown[node] for node in nodes} if decay is None else _bare(run, shown, nodes, scale, decay)
    scaled = {node: array / scale(run, node[1]) for node, array in bare.items()}
    causes = [cause for cause in matcher.that_make(first, scaled[first]) if not cause.id.startswith((*passed_over, "decay-"))]
    return bool(causes and matcher.with_shown({**shown, **scaled}).local((first[0], first[2]), among=causes))
