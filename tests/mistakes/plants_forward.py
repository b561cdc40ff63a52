"""Mistakes on the way forward, in z and in the activations, and in slopes and errors that are taken from them: 4, 13, 31, 54 and 63."""

from collections.abc import Iterator

from tests.mistakes.networks import SLOPED, Network
from tests.mistakes.plant import Plant, each_and_all
from tests.mistakes.trainer import ERRORS, FUNCTIONS, SLOPES, slope

_OTHER = {"sigmoid": "tanh", "tanh": "sigmoid", "relu": "tanh", "leaky_relu": "tanh"}


def in_activations(network: Network) -> Iterator[Plant]:
    """Another activation in a hidden layer, none, or the right one twice."""
    for i in list(network.layers)[:-1]:
        name = network.activation(i)
        if name not in SLOPED:
            continue
        forward, back_again = f"def f{i}(z):\n    return ", f"def slope{i}(z, a):\n    return "
        for id, new in (("activation-other", _OTHER[name]), ("activation-missing", "identity")):
            edits = (forward + FUNCTIONS[name], forward + FUNCTIONS[new]), (back_again + SLOPES[name], back_again + SLOPES[new])
            yield Plant(id, 6, i, edits, variant="and its slope", alone=True)
        if name in ("sigmoid", "tanh"):
            applied = f"f{i}(z{i}[r, j])"
            yield Plant("activation-twice", 6, i, ((applied, f"f{i}({applied})"), (slope(i), f"slope{i}(z{i}[r, j], f{i}(z{i}[r, j]))")))


def in_sums(network: Network) -> Iterator[Plant]:
    """Biases left out of z or added twice, and weights that are not transposed."""
    for i in network.layers:
        if network.bias:
            line = f"z{i}[r, j] = b{i}[j]"
            yield Plant("bias-left-out", 50, i, ((line, f"z{i}[r, j] = 0.0"),))
            yield Plant("bias-twice", 50, i, ((line, f"z{i}[r, j] = 2 * b{i}[j]"),))
        if network.is_square(i):
            yield Plant("weights-transposed", 20, i, ((f"a{i - 1}[r, i] * W{i}[j, i]", f"a{i - 1}[r, i] * W{i}[i, j]"),))


def in_slopes(network: Network) -> Iterator[Plant]:
    """4: a factor too many beside f′; f′ twice, or of a and given z."""
    curved = [i for i in network.layers if network.activation(i) in ("sigmoid", "tanh")]
    for layer, layers in each_and_all(network, curved):
        yield Plant("slope-twice", 2, layer, tuple((slope(i), f"{slope(i)} ** 2") for i in layers))
        yield Plant("slope-of-pre-activation", 2, layer, tuple((slope(i), f"slope{i}(z{i}[r, j], z{i}[r, j])") for i in layers))
    for i in network.layers:
        if network.activation(i) in SLOPED:
            yield Plant("extra-activation-factor", 4, i, ((slope(i), f"{slope(i)} * a{i}[r, j]"),))
            if network.is_square(i):
                yield Plant("extra-input-factor", 4, i, ((slope(i), f"{slope(i)} * a{i - 1}[r, j]"),))


def in_errors(network: Network) -> Iterator[Plant]:
    """13, 31, 54 and 63: the error's size alone, of every record against every target, and means of other numbers."""
    error = f"def error_of(o, t):\n    return {ERRORS[network.loss]}"
    yield Plant("error-absolute", 13, None, ((error, error.replace("o - t", "abs(o - t)", 1)),), has_sign=True)
    if network.reduction == "mean" and not network.is_adaptive:
        line, outputs = "over_records = 1 / n", ("over_outputs = 1 / k", "over_outputs = 1")
        if network.sizes[1] != network.sizes[0]:
            yield Plant("wrong-n-hidden", 31, None, ((line, f"over_records = 1 / {network.sizes[1]}"),))
        if network.is_mean_over_outputs and network.outputs > 1:
            yield Plant("sum-for-mean", 63, None, ((line, "over_records = 1"), outputs))
    if network.reduction == "sum":
        yield Plant("mean-for-sum", 63, None, (("over_records = 1", "over_records = 1 / n"),))
    if network.outputs == 1 and network.loss in ("mse", "half_mse"):
        term = "error_of(p[j], y[r, j])"
        for variant, over in (("summed", ""), ("averaged", " / n")):
            crossed = f"sum(error_of(p[j], y[q, j]) for q in range(n)){over}"
            yield Plant("error-crossed", 54, None, ((term, crossed),), variant=variant)


GROUPS = (in_activations, in_sums, in_slopes, in_errors)
