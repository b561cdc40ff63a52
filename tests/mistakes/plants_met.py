"""Mistakes met in people's files: 75 to 95."""

from collections.abc import Iterator

from tests.mistakes.networks import SLOPED, Network
from tests.mistakes.plant import Plant, each_and_all, named
from tests.mistakes.trainer import back, slope


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


GROUPS = (zero_gradients, slopes_again)
