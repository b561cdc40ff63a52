"""Mistakes that are in no list, with the first stage of a trace that they make wrong.

Stages in order: z1, a1, ..., zL, output, loss, deltaL, ..., delta1, dWL, dbL, ..., dW1, db1, then in the same order of layers velocities
(vWL, ...), steps (step_WL, ...) and new parameters (WL, ...).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.mistakes.networks import SLOPED, Network
from tests.mistakes.plant import Edit, edited
from tests.mistakes.trainer import back, gradient, slope

IN_THE_CATALOGUE = ("slope's formula given z", "slope squared")      # outside the list that was planted from, and named


@dataclass(frozen=True)
class Outside:
    """A mistake outside the list; `first` is the first wrong stage. With `moves` False it shows in the trace alone."""

    name: str
    edits: tuple[Edit, ...]
    first: str
    moves: bool = True

    def apply(self, text: str) -> str:
        """The trainer's text with the mistake in it."""
        return edited(text, self.edits, self.name)


def stages(network: Network) -> list[str]:
    """The names of a trace's stages, in order."""
    last, back_again = network.depth, list(reversed(network.layers))
    forward = [name for i in network.layers for name in (f"z{i}", "output" if i == last else f"a{i}")]
    parts = [f"{part}{i}" for i in back_again for part in ("W", *("b" * network.bias))]
    kinds = ["d", *(["v"] if network.options.get("momentum") else []), "step_", ""]
    return [*forward, "loss", *(f"delta{i}" for i in back_again), *(f"{kind}{part}" for kind in kinds for part in parts)]


def outside(network: Network) -> Iterator[Outside]:
    """Those that apply to the network."""
    yield from _forward(network)
    yield from _backward(network)
    yield from _update(network)


def _forward(network: Network) -> Iterator[Outside]:
    last, n_in = network.depth, network.sizes[0]
    first, product = "a1[r, j] = f1(z1[r, j])", "a0[r, i] * W1[j, i]"
    yield Outside("first unit's weights reversed", ((product, f"a0[r, i] * W1[j, i if j else {n_in - 1} - i]"),), "z1")
    yield Outside("first input counted twice", ((product, f"{product} * (2 if i == 0 else 1)"),), "z1")
    if network.bias:
        yield Outside("bias halved", ((f"z{last}[r, j] = b{last}[j]", f"z{last}[r, j] = b{last}[j] / 2"),), f"z{last}")
    yield Outside("activation scaled", ((first, "a1[r, j] = 1.05 * f1(z1[r, j])"),), "a1")
    yield Outside("activation rounded", ((first, "a1[r, j] = round(f1(z1[r, j]), 2)"),), "a1")
    yield Outside("noise by index", ((first, f"{first} + 0.01 * ((3 * r + 5 * j) % 7)"),), "a1")
    deeper = f"a{last - 1}[r, i] * W{last}[j, i]"
    if network.activation(last - 1) != "relu":
        yield Outside("activation squared on its way up", ((deeper, f"a{last - 1}[r, i] * {deeper}"),), f"z{last}")
    bent = "run(params, x, 0.8 * y + 0.1 * y * y, lr)"      # with a constant for y², that would be smoothing, which has a name
    yield Outside("targets bent", (("    return run(params, x, y, lr)", f"    return {bent}"),), "loss")
    term = "loss += loss_of(p[j], y[r, j])", "loss += loss_of(p[0], y[r, 0]) * 1.5"
    yield Outside("loss of the first output", (term,), "loss", moves=False)


def _backward(network: Network) -> Iterator[Outside]:
    last = network.depth
    error = "error_of(p[j], y[r, j])"
    yield Outside("error's cube root", ((error, f"np.cbrt({error})"),), f"delta{last}")
    yield Outside("error weighed by record", ((error, f"{error} * (1 + 0.2 * r)"),), f"delta{last}")
    hidden = last - 1
    name = network.activation(hidden)
    here, a, z = slope(hidden), f"a{hidden}[r, j]", f"z{hidden}[r, j]"
    if name in SLOPED:
        yield Outside("a unit's delta scaled", ((here, f"{here} * (1.3 if j == 0 else 1.0)"),), f"delta{hidden}")
        yield Outside("delta dropped by index", ((here, f"{here} * ((r + j) % 3 > 0)"),), f"delta{hidden}")
    if name in ("sigmoid", "tanh"):
        yield Outside("slope squared", ((here, f"{here} ** 2"),), f"delta{hidden}")
        yield Outside("slope's root", ((here, f"{here} ** 0.5"),), f"delta{hidden}")
        wrong = f"({z} * (1 - {z}))" if name == "sigmoid" else f"(1 - {z} * {z})"
        yield Outside("slope's formula given z", ((here, wrong),), f"delta{hidden}")
        yield Outside("cube for square in the slope", ((here, f"(1 - {a} ** 3)"),), f"delta{hidden}")
    squashed = back(last).replace(f"W{last}[j, i]", f"math.tanh(2 * W{last}[j, i])")
    yield Outside("weights squashed on the way back", ((back(last), squashed),), f"delta{hidden}")
    yield Outside("weights reversed on the way back", ((back(last), back(last).replace("[j, i]", "[-1 - j, -1 - i]")),), f"delta{hidden}")


def _update(network: Network) -> Iterator[Outside]:
    last = network.depth
    kept = "v" if network.options.get("momentum") else "step_"
    yield Outside("gradient's noise by index", ((gradient(1), f"{gradient(1)} + 0.01 * ((3 * i + j) % 5)"),), "dW1")
    yield Outside("input's cube in the gradient", ((gradient(1), f"{gradient(1)} ** 3"),), "dW1")
    yield Outside("later records weigh more", ((gradient(last), f"{gradient(last)} * (r + 1) / n"),), f"dW{last}")
    given = f"dW{last}, lr)"
    yield Outside("gradient's cube root", ((given, f"np.cbrt(dW{last}), lr)"),), f"{kept}W{last}")
    yield Outside("gradient over its norm", ((given, f"dW{last} / np.linalg.norm(dW{last}), lr)"),), f"{kept}W{last}")
    yield Outside("gradient's mean taken off", (("dW1, lr)", "dW1 - dW1.mean(), lr)"),), f"{kept}W1")
    yield Outside("step rounded", (("step_W1\n", "np.round(step_W1, 3)\n"),), "W1")
    yield Outside("rows reversed after the step", (("W1 + step_W1", "(W1 + step_W1)[::-1]"),), "W1")
    yield Outside("weights clipped", ((f"W{last} + step_W{last}", f"np.clip(W{last} + step_W{last}, -0.2, 0.2)"),), f"W{last}")
