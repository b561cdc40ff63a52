"""Mistakes met in people's files: 75 to 95."""

from collections.abc import Iterator

from tests.mistakes.networks import SLOPED, Network
from tests.mistakes.plant import Plant, each_and_all, named
from tests.mistakes.trainer import ERRORS, LOSSES, back, slope


def zero_gradients(network: Network) -> Iterator[Plant]:
    """85: a gradient that is left at zero."""
    for layer, chosen in each_and_all(network, list(network.layers)):
        if network.bias:
            also = () if network.decay else (named("bias-never-updated", layer),)
            lost = tuple((f"        db{i}[j] += delta{i}[r, j]", "        pass") for i in chosen)
            yield Plant("gradient-missing", 85, layer, lost, also, variant="of the biases")
    if network.bias:
        for i in network.layers:
            also = () if network.decay else (named("weights-never-updated", i),)
            lost = ((f"            dW{i}[j, i] += delta{i}[r, j] * a{i - 1}[r, i]", "            pass"),)
            yield Plant("gradient-missing", 85, i, lost, also, variant="of the weights")


def slopes_again(network: Network) -> Iterator[Plant]:
    """89: f′ of the next layer once more in what goes back."""
    last = network.depth
    sloped = [i for i in network.layers if network.activation(i) in SLOPED and network.activation(i) != "relu"]
    again = {i: slope(i) for i in sloped}
    if network.loss == "cross_entropy":
        again[last] = "softmax(output[r])[j] * (1 - softmax(output[r])[j])"
    for layer, layers in each_and_all(network, [i - 1 for i in again if i > 1]):
        edits = tuple((back(i + 1), f"{back(i + 1)} * {again[i + 1]}") for i in layers)
        yield Plant("slope-again-back", 89, layer, edits)


def bce_terms(network: Network) -> Iterator[Plant]:
    """86: terms and signs of binary cross-entropy's derivative."""
    if network.loss != "bce":
        return
    error = f"def error_of(o, t):\n    return {ERRORS['bce']}"
    for id, variant, text in (
        ("bce-term-lost", "the y-term alone", "-t / o"),
        ("bce-term-lost", "the other alone", "(1 - t) / (1 - o)"),
        ("bce-sign", "the second", "-t / o - (1 - t) / (1 - o)"),
        ("bce-sign", "the first", "t / o + (1 - t) / (1 - o)"),
    ):
        yield Plant(id, 86, None, ((error, f"def error_of(o, t):\n    return {text}"),), variant=variant)


def losses(network: Network) -> Iterator[Plant]:
    """A loss that is wrong where the gradients are right: to be seen in what is shown of it alone."""
    value, total = LOSSES[network.loss], "loss = loss / "

    def of_each(id: str, new: str, variant: str = "") -> Plant:
        return Plant(id, 86, None, ((f"def loss_of(o, t):\n    return {value}", f"def loss_of(o, t):\n    return {new}"),), variant=variant)

    if network.loss == "bce":
        first, second = "-t * math.log(o)", "(1 - t) * math.log(1 - o)"
        yield of_each("loss-term-lost", first, "the y-term alone")
        yield of_each("loss-term-lost", f"-{second}", "the other alone")
        yield of_each("loss-sign", f"{first} + {second}", "between the two")
        yield of_each("loss-other", "(o - t) ** 2", "mse")
    if network.loss in ("mse", "half_mse"):
        if network.activation(network.depth) == "sigmoid":
            yield of_each("loss-other", "-t * math.log(o) - (1 - t) * math.log(1 - o)", "bce")
        yield of_each("loss-other", "abs(o - t)", "l1")
        divisor = "1" if network.reduction == "sum" else "(n * k)"
        yield Plant("loss-root", 86, None, ((f"{total}{divisor}", f"loss = (loss / {divisor}) ** 0.5"),))
    if network.loss in ("bce", "cross_entropy"):
        yield of_each("loss-logarithm", value.replace("math.log(", "math.log10("), "base 10")
        yield of_each("loss-sign", f"-({value})", "of it all")


GROUPS = (zero_gradients, slopes_again, bce_terms)
