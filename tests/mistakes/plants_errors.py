"""Mistakes in the error at the output and in the slopes: 1 to 15, 18, 23, 24, and 56 to 66."""

from collections.abc import Iterator

from tests.mistakes.networks import SLOPED, Network
from tests.mistakes.plant import Edit, Plant, each_and_all, named
from tests.mistakes.trainer import ERRORS, slope, softmax_delta

_OTHERS = {     # (activation, id, variant): what stands for its slope
    ("sigmoid", 5, "only-one-minus-a", ""): "(1 - {a})",
    ("sigmoid", 5, "only-a", ""): "{a}",
    ("sigmoid", 6, "slope-of-other", "tanh', of a"): "(1 - {a} ** 2)",
    ("sigmoid", 6, "slope-of-other", "tanh', of z"): "(1 - math.tanh({z}) ** 2)",
    ("tanh", 6, "slope-of-other", "sigmoid', of a"): "({a} * (1 - {a}))",
    ("tanh", 6, "slope-of-other", "sigmoid', of z"): "(1 / (1 + math.exp(-{z})) / (1 + math.exp({z})))",
    ("tanh", 6, "slope-plus", ""): "(1 + {a} ** 2)",
    ("sigmoid", 7, "slope-squared-activation", ""): "({a} ** 2)",
    ("relu", 57, "mask-inverted", ""): "(1.0 if {z} <= 0 else 0.0)",
    ("leaky_relu", 57, "mask-inverted", ""): "(1.0 if {z} <= 0 else 0.01)",
    ("leaky_relu", 66, "leak-missing", ""): "(1.0 if {z} > 0 else 0.0)",
}


def at_slopes(network: Network) -> Iterator[Plant]:
    """What is wrong with f′, in each layer that has one and in all."""
    sloped = [layer for layer in network.layers if network.activation(layer) in SLOPED]
    curved = [layer for layer in sloped if network.activation(layer) in ("sigmoid", "tanh")]
    for layer, layers in each_and_all(network, sloped):
        is_bce = network.loss == "half_mse" and layers == [network.depth] and network.activation(network.depth) == "sigmoid"
        also = ("other-loss",) if is_bce else ()
        yield Plant("slope-missing", 1, layer, tuple((slope(i), "1.0") for i in layers), also)
    hidden = [layer for layer in sloped if layer < network.depth]
    if len(hidden) > 1 and hidden != sloped:
        yield Plant("slope-missing", 15, None, tuple((slope(i), "1.0") for i in hidden), variant="hidden layers")
    for layer, layers in each_and_all(network, curved):
        edits = tuple((slope(i), f"slope{i}(a{i}[r, j], f{i}(a{i}[r, j]))") for i in layers)
        yield Plant("slope-of-activation", 2, layer, edits)
    for i in sloped:
        if network.is_square(i):
            also = (named("mask-of-other-layer", i),) if _is_mask_of_before(network, i) else ()
            yield Plant("slope-at-input", 3, i, ((slope(i), f"slope{i}(a{i - 1}[r, j], f{i}(a{i - 1}[r, j]))"),), also)
    for (name, number, id, variant), text in _OTHERS.items():
        for layer, layers in each_and_all(network, [i for i in sloped if network.activation(i) == name]):
            edits = tuple((slope(i), text.format(a=f"a{i}[r, j]", z=f"z{i}[r, j]")) for i in layers)
            yield Plant(id, number, layer, edits, variant=variant)
    for i in sloped:
        yield from _at_hidden(network, i)
    for i in sloped:
        if "relu" in network.activation(i):
            head = f"def slope{i}(z, a):\n    return 1.0 if z"
            yield Plant("slope-at-zero", 58, i, ((f"{head} > 0", f"{head} >= 0"),), probe="zeros")
            for other in sloped:
                if other != i and network.sizes[other] == network.sizes[i]:
                    edit = slope(i), f"slope{i}(z{other}[r, j], a{other}[r, j])"
                    also = (named("slope-at-input", i),) if other == i - 1 and _is_mask_of_before(network, i) else ()
                    yield Plant("mask-of-other-layer", 59, i, (edit,), also, variant=f"of layer {other}")
        if network.activation(i) == "relu":
            whole = f"error{i}[r, j] * {slope(i)}"
            yield Plant("relu-of-gradient", 56, i, ((whole, f"max(error{i}[r, j], 0.0)"),), has_sign=True)
            yield Plant("relu-of-gradient", 56, i, ((whole, f"max({whole}, 0.0)"),), variant="and the mask", has_sign=True)
        if network.activation(i) == "sigmoid":
            yield Plant("sigmoid-reversed", 23, i, ((f"f{i}(z{i}[r, j])", f"f{i}(-z{i}[r, j])"),))


def _is_mask_of_before(network: Network, layer: int) -> bool:
    """Whether a relu's input has the sign of the pre-activation before it, so that either gives the same mask."""
    return "relu" in network.activation(layer) and layer > 1 and network.activation(layer - 1) in ("relu", "leaky_relu", "tanh")


def _at_hidden(network: Network, layer: int) -> Iterator[Plant]:
    """18: the output's slope at a hidden layer."""
    last = network.depth
    if layer == last or network.activation(last) not in SLOPED:
        return
    if network.outputs == network.sizes[layer] or network.outputs == 1:
        column = "0" if network.outputs == 1 else "j"
        edit = slope(layer), f"slope{last}(z{last}[r, {column}], a{last}[r, {column}])"
        yield Plant("output-slope-at-hidden", 18, layer, (edit,))


def at_output(network: Network) -> Iterator[Plant]:
    """What is wrong with the loss's derivative: 8, 10 to 14, 24, 40, and what a softmax or a fused loss goes wrong in."""
    k, last, loss = network.outputs, network.depth, network.loss
    mean, faint = network.is_mean_over_outputs, network.is_adaptive and not network.decay
    error = f"def error_of(o, t):\n    return {ERRORS[loss]}"

    def changed(text: str) -> tuple[Edit, ...]:
        return ((error, f"def error_of(o, t):\n    return {text}"),)

    by_factor = {2: ("mean-over-outputs-missing", "mean-over-outputs-extra"), 4: ("mean-over-outputs-missing", "")}
    for number, id, factor, index in ((10, "factor-2", 2, 0), (10, "factor-half", 0.5, 1), (40, "factor-4", 4, 0)):
        also = [by_factor[k][index]] if mean and max(factor, 1 / factor) == k and k in by_factor else []
        also += ["other-loss"] if loss == "mse" and factor == 0.5 else []
        yield Plant(id, number, None, changed(f"{factor} * ({ERRORS[loss]})"), tuple(also), faint=faint, variant="of the gradient")
    if k > 1 and network.reduction == "mean":
        same = {2: "factor-2", 4: "factor-4"}
        line = "over_outputs = 1 / k" if mean else "over_outputs = 1"
        if mean:
            also = [same[k]] if k in same else []
            yield Plant("mean-over-outputs-missing", 11, None, ((line, "over_outputs = 1"),), tuple(also), faint=faint)
        extra = ["factor-half"] if k == 2 else []
        extra += ["other-loss"] if loss == "mse" and k == 2 else []
        yield Plant("mean-over-outputs-extra", 11, None, ((line, line.replace("= 1", "= 1 / k")),), tuple(extra), faint=faint)
    yield Plant("error-squared", 12, None, changed(ERRORS[loss].replace("o - t", "(o - t) ** 2", 1)))
    yield Plant("error-sign", 13, None, changed(ERRORS[loss].replace("o - t", "float(np.sign(o - t))", 1)))
    yield Plant("target-output-swapped", 24, None, changed(f"-({ERRORS[loss]})"), ("gradient-added" if network.decay else "sign-flipped",))
    if network.activation(last) == "sigmoid":
        if loss == "half_mse":
            yield Plant("other-loss", 14, None, changed(ERRORS["bce"]), (named("slope-missing", last),), variant="bce")
        elif loss == "mse":
            yield Plant("other-loss", 14, None, changed(ERRORS["bce"]), variant="bce")
        elif loss == "bce":
            yield Plant("other-loss", 14, None, changed("o - t"), variant="half_mse")
            yield Plant("other-loss", 14, None, changed("2 * (o - t)"), variant="mse")
    if loss == "cross_entropy":
        line = f"error{last}[r, j] = error_of(p[j], y[r, j])"
        logits = f"error{last}[r, j] = error_of(output[r, j], y[r, j])"
        yield Plant("other-loss", 14, None, ((line, logits),), ("probabilities-missing",), variant="half_mse of the logits, over records")
        yield Plant("slope-on-logits-loss", 62, None, ((line, f"{line} * p[j] * (1 - p[j])"),))
        yield Plant("softmax-axis", 61, None, (("p = softmax(output[r])", "p = [softmax(output[:, j])[r] for j in range(k)]"),))
        if network.bias:      # else where all relus are dead it is 0/0
            yield Plant("softmax-without-exp", 61, None, (("p = softmax(output[r])", "p = output[r] / np.sum(output[r])"),))
    if network.activation(last) == "softmax":
        delta, units = softmax_delta(last, k), f"z{last}.shape[1]"
        yield Plant("softmax-diagonal", 60, None, ((delta, f"error{last}[r, j] * a{last}[r, j] * (1 - a{last}[r, j])"),))
        columns = f"a{last}[r] = [softmax(z{last}[:, j])[r] for j in range({units})]"
        yield Plant("softmax-axis", 61, None, ((f"a{last}[r] = softmax(z{last}[r])", columns),))
        yield Plant("slope-missing", 1, last, ((delta, f"error{last}[r, j]"),))
