"""Mistakes held out: one in each text, of networks that nothing else is planted in, chosen by a checksum and in every style.

Most are of the list that is planted, some of no list. What a check calls them must be what they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

from tests.mistakes.networks import Network
from tests.mistakes.outside import IN_THE_CATALOGUE, outside
from tests.mistakes.plant import Edit, edited
from tests.mistakes.plants import plants
from tests.mistakes.plants_updates import STEP
from tests.mistakes.trainer import STYLES, Style, source

HELD_OUT = (
    Network((5, 3, 1), ("tanh", "sigmoid")),
    Network((3, 5, 2), ("sigmoid", "identity"), loss="mse"),
    Network((4, 3, 2), ("relu", "sigmoid"), loss="bce"),
    Network((5, 4, 3), ("sigmoid", "identity"), loss="cross_entropy"),
    Network((3, 4, 4, 2), ("tanh", "relu", "identity"), loss="mse", lr=0.2),
    Network((4, 3, 2), ("sigmoid", "tanh"), options={"momentum": 0.8}),
    Network((3, 4, 2), ("sigmoid", "sigmoid"), bias=False),
    Network((4, 3, 3), ("relu", "identity"), loss="cross_entropy", optimizer="adam"),
)
LISTED, UNLISTED = 160, 60      # how many of the list that is planted, and of none
NAMED = {
    "a penalty of all |w|": ("penalty-l1",),
    "a penalty of weights squared": ("penalty-l2",),
    "inputs standardised": ("inputs-normalised",),
    "gradient's norm at most 0.02": ("gradient-clipped-by-norm",),
    "softmax over all records": ("softmax-sum-of-all",),
}


@dataclass(frozen=True)
class HeldOut:
    """A text with one mistake; `truth` is all that it may rightly be called, nothing where it has no name."""

    name: str
    network: Network
    style: Style
    text: str
    truth: tuple[str, ...] = ()


def held_out() -> Iterator[HeldOut]:
    """All of them, always the same."""
    styled = [(network, style) for network in HELD_OUT for style in STYLES]
    for network, style in styled:
        yield from _chosen(_listed(network, style), LISTED // len(styled))
    yield from _chosen((each for network, style in styled for each in _unlisted(network, style)), UNLISTED)


def _chosen(found: Iterator[HeldOut], count: int) -> list[HeldOut]:
    """That many, in the order of their checksums."""
    return sorted(found, key=lambda each: crc32(f"{each.name} {each.network} {each.style.name}".encode()))[:count]


def _listed(network: Network, style: Style) -> Iterator[HeldOut]:
    text = source(network, style)
    for plant in plants(network, style):
        if plant.probe == "any" and not plant.faint:
            yield HeldOut(f"{plant.name} {plant.variant}".strip(), network, style, plant.apply(text), plant.names)


def _unlisted(network: Network, style: Style) -> Iterator[HeldOut]:
    text = source(network, style)
    for mistake in outside(network):
        if mistake.moves and mistake.name not in IN_THE_CATALOGUE:
            yield HeldOut(mistake.name, network, style, mistake.apply(text))
    for name, edits in _others(network):
        yield HeldOut(name, network, style, edited(text, edits, name), NAMED.get(name, ()))


def _others(network: Network) -> Iterator[tuple[str, tuple[Edit, ...]]]:
    """Of no list that is planted from, (name, edits); some are `NAMED`."""
    last, given = network.depth, "    return step"
    yield "a penalty of all |w|", ((f"{given}\n", f"{given} - lr * 1e-3 * np.sign(w)\n"),)
    yield "a penalty of weights squared", ((f"{given}\n", f"{given} - lr * 0.02 * w * name.endswith('weight')\n"),)
    spread = "(x - x.mean(axis=0)) / (x.std(axis=0) + 1e-9)"
    yield "inputs standardised", ((STEP, STEP.replace("x,", f"{spread},")),)
    yield "records of length 1", ((STEP, STEP.replace("x,", "x / (np.linalg.norm(x, axis=1, keepdims=True) + 1e-9),")),)
    yield "gradient's norm at most 0.02", (("dW1, lr)", "dW1 * min(1, 0.02 / (np.linalg.norm(dW1) + 1e-300)), lr)"),)
    error = "error_of(p[j], y[r, j])"
    yield "the error's root", ((error, f"math.copysign(abs({error}) ** 0.5, {error})"),)
    if network.loss == "cross_entropy":
        yield "softmax over all records", (("p = softmax(output[r])", "p = np.exp(output[r]) / np.sum(np.exp(output))"),)
    if network.optimizer == "adam":
        yield "another second beta", (("0.999,", "0.95,"),)
    if network.bias and network.outputs > 1:
        added = f"b{last} + step_b{last}"
        yield "each bias takes of the others", ((f"new_b{last} = {added}", f"new_b{last} = {added} + 0.1 * (b{last}.sum() - b{last})"),)
