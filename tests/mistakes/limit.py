"""One limit: a program that is right except beyond it, and the witness that shows the difference."""

from dataclasses import dataclass

from tests.mistakes.compact import compact, shown
from tests.mistakes.networks import Network
from tests.mistakes.plant import Edit, edited
from tests.mistakes.witness import Witness

LESSON = Network((6, 2, 1), ("sigmoid", "sigmoid"), bias=False)
CLASSES = Network((4, 5, 3), ("tanh", "identity"), loss="cross_entropy", targets="classes")
RELU = Network((4, 6, 2), ("relu", "identity"), loss="mse", lr=0.1)
BINARY = Network((4, 5, 1), ("relu", "sigmoid"), loss="bce")
DEEP = Network((4, 5, 4, 2), ("sigmoid", "tanh", "identity"), lr=0.1)
MOMENTUM = Network((3, 4, 2), ("tanh", "sigmoid"), options={"momentum": 0.9})
ADAM = Network((3, 4, 2), ("tanh", "identity"), loss="mse", optimizer="adam", lr=0.05)
NAMED = {"lesson": LESSON, "classes": CLASSES, "relu": RELU, "binary": BINARY, "deep": DEEP, "momentum": MOMENTUM, "adam": ADAM}


@dataclass(frozen=True)
class Limit:
    """A limit put into the compact trainer's text by `edits`; beyond it, on the `witness`, the new weights are others."""

    name: str
    network: Network
    edits: tuple[Edit, ...]
    witness: Witness

    @property
    def text(self) -> str:
        """The program with its limit, which shows its new weights alone."""
        return edited(compact(self.network), self.edits, self.name)

    @property
    def showing(self) -> str:
        """The same, with its outputs, loss and gradients shown."""
        return self.text + shown(self.network)


def limit(network: Network, what: str, witness: Witness, *edits: Edit) -> Limit:
    """A limit whose name begins with the network's."""
    name = next(name for name, other in NAMED.items() if other == network)
    return Limit(f"{name}: {what}", network, edits, witness)


def before(start: str, *lines: str) -> Edit:
    """An edit that puts the lines before the line that starts so, as far in as it is."""
    inside = start[: len(start) - len(start.lstrip())]
    return f"\n{start}", "".join(f"\n{inside}{line}" for line in lines) + f"\n{start}"


def at_z(layer: int, *lines: str) -> Edit:
    """Lines that change a layer's z."""
    return before(f"    a{layer} = ", *lines)


def at_a(network: Network, layer: int, *lines: str) -> Edit:
    """Lines that change a layer's a."""
    following = f"    W{layer + 1} = params[" if layer < network.depth else "    return [(x, a0)"
    return before(following, *lines)


def at_delta(layer: int, *lines: str) -> Edit:
    """Lines that change a layer's δ."""
    return before(f"    dW{layer} = ", *lines)


def at_error(layer: int, *lines: str) -> Edit:
    """Lines that change what a layer's δ is made of."""
    return before(f"    delta{layer} = ", *lines)


def at_gradients(*lines: str) -> Edit:
    """Lines that change the dict `grads`."""
    return before("    new = {}", *lines)


def at_gradient(*lines: str) -> Edit:
    """Lines that change a parameter's gradient g."""
    return "        g = grads[name]", "\n".join(["        g = grads[name]", *(f"        {line}" for line in lines)])


def at_step(*lines: str) -> Edit:
    """Lines that change a parameter's step."""
    return before("        new[name] = ", *lines)


def at_new(*lines: str) -> Edit:
    """Lines that change a parameter's new value new[name]."""
    line = "        new[name] = w - step"
    return line, "\n".join([line, *(f"        {each}" for each in lines)])


def at_start(*lines: str) -> Edit:
    """Lines at the start of a step."""
    return before("    grads = derivatives", *lines)
