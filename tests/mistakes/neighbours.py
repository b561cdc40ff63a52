"""Honest neighbours of the limits: the same functions in forms that are unusual, and right for every number."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.mistakes.compact import compact, shown
from tests.mistakes.limit import (
    ADAM,
    BINARY,
    CLASSES,
    DEEP,
    LESSON,
    MOMENTUM,
    NAMED,
    RELU,
    at_a,
    at_gradients,
    at_new,
    at_start,
    at_z,
    before,
)
from tests.mistakes.networks import Network
from tests.mistakes.plant import Edit, edited


@dataclass(frozen=True)
class Neighbour:
    """A right program; `showing` is it with its outputs, loss and gradients shown."""

    name: str
    network: Network
    text: str
    showing: str


def neighbours() -> Iterator[Neighbour]:
    """All of them."""
    for name, network in NAMED.items():
        yield neighbour(network, f"{name} as it is")
    yield from _forms()
    yield from _batches()
    yield from _guards()
    yield from _updates()


def neighbour(network: Network, name: str, *edits: Edit) -> Neighbour:
    """The compact trainer with these edits."""
    text = edited(compact(network), edits, name)
    return Neighbour(name, network, text, text + shown(network))


def _forms() -> Iterator[Neighbour]:
    """Activations, products and errors."""
    branches = "e = np.exp(-abs(z1))", "a1 = np.where(z1 >= 0, 1 / (1 + e), e / (1 + e))"
    yield neighbour(LESSON, "sigmoid of two branches", at_a(LESSON, 1, *branches))
    masked = ["a1 = np.empty_like(z1)", "up = z1 >= 0", "a1[up] = 1 / (1 + np.exp(-z1[up]))"]
    masked += ["e = np.exp(z1[~up])", "a1[~up] = e / (1 + e)"]
    yield neighbour(DEEP, "sigmoid by masks", at_a(DEEP, 1, *masked))
    yield neighbour(LESSON, "squeeze done right", ("(a2 - t) / n / k", "(a2.reshape(-1) - t.reshape(-1)).reshape(n, 1) / n / k"))
    yield neighbour(BINARY, "relu by a mask", at_a(BINARY, 1, "a1 = z1 * (z1 > 0)"))
    yield neighbour(RELU, "relu in place", at_a(RELU, 1, "a1 = z1.copy()", "a1[a1 < 0] = 0"))
    logs = "np.exp(a2 - np.logaddexp.reduce(a2, axis=1, keepdims=True))"
    yield neighbour(CLASSES, "softmax by its logarithm", ("    p = softmax(a2)", f"    p = {logs}"))
    yield neighbour(CLASSES, "probabilities clipped to [0, 1]", ("    p = softmax(a2)", "    p = softmax(a2).clip(0, 1)"))
    taken = "    error2 = (p - t) / n", "    p[np.arange(n), y] -= 1\n    error2 = p / n"
    yield neighbour(CLASSES, "one is taken from the class's own", taken)
    shifted = "    e = np.exp(z - z.max(axis=1, keepdims=True))"
    for what, held in (("clipped at -100", "np.clip({}, -100, 0)"), ("clipped at -700", "np.maximum({}, -700)")):
        clipped = f"    e = np.exp({held.format('z - z.max(axis=1, keepdims=True)')})"
        yield neighbour(CLASSES, f"shifted scores {what}", (shifted, clipped))
    floor = "    p = softmax(a2)", "    p = np.maximum(softmax(a2), 1e-300)"
    yield neighbour(CLASSES, "probabilities held from below at 1e-300", floor)
    one_hot = before("    error2 = ", "t = np.zeros((n, 3))", "for r in range(n):", "    t[r, int(y[r])] = 1.0")
    yield neighbour(CLASSES, "one-hot by a loop", one_hot)
    yield neighbour(CLASSES, "every score less its mean", ("softmax(a2)", "softmax(a2 - a2.mean(axis=1, keepdims=True))"))
    product = "delta2.T @ a1", 'np.einsum("nj,ni->ji", delta2, a1)'
    yield neighbour(DEEP, "products by einsum", at_z(2, 'z2 = np.einsum("ni,ji->nj", a1, W2) + b2'), product)
    ones = "z1 = np.hstack([a0, np.ones((len(a0), 1))]) @ np.hstack([W1, b1[:, None]]).T"
    yield neighbour(RELU, "biases by a column of ones", at_z(1, ones))
    yield neighbour(MOMENTUM, "records in columns", at_z(1, "z1 = (W1 @ a0.T + b1[:, None]).T"), ("delta1.T @ a0", "(a0.T @ delta1).T"))
    yield neighbour(ADAM, "gradients by outer products", ("delta1.T @ a0", "sum(np.outer(delta1[r], a0[r]) for r in range(n))"))
    apart = "2 * (a2 - t) / n / k", "2 * (a2 - t) / k"
    yield neighbour(RELU, "gradients are means of the records'", apart, *_in_gradients("g.sum(axis=0) / n"))
    yield neighbour(DEEP, "sums in longer numbers", ("delta3.sum(axis=0)", "delta3.astype(np.longdouble).sum(axis=0).astype(float)"))
    yield neighbour(BINARY, "1 / n is a factor", ("(a2 - t) / n / k", "(1 / (n * k)) * (a2 - t)"))
    slope = "error1 * a1 * (1 - a1)", "error1 * np.exp(-abs(z1)) / (1 + np.exp(-abs(z1))) ** 2"
    yield neighbour(LESSON, "the slope by e to minus z", slope)


def _in_gradients(text: str) -> list[Edit]:
    """Of `RELU`, each gradient made of the records' own, (n, out, in) or (n, out)."""
    edits = [(f"delta{i}.T @ a{i - 1}", text.replace("g", f"(delta{i}[:, :, None] * a{i - 1}[:, None, :])", 1)) for i in (1, 2)]
    return edits + [(f"delta{i}.sum(axis=0)", text.replace("g", f"delta{i}", 1)) for i in (1, 2)]


def _batches() -> Iterator[Neighbour]:
    """Records one by one, in parts, in another order, and none."""
    for network, size in ((RELU, 32), (CLASSES, 10), (LESSON, 1)):
        chunks = (
            "    grads = derivatives(params, x, y)",
            "    grads = {name: np.zeros_like(w) for name, w in params.items()}\n"
            f"    for i in range(0, len(x), {size}):\n        rows = slice(i, i + {size})\n"
            "        for name, g in derivatives(params, x[rows], y[rows]).items():\n"
            "            grads[name] += g * (len(x[rows]) / len(x))",
        )
        yield neighbour(network, f"gradients in parts of {size}", chunks)
    one_by_one = (
        "    grads = derivatives(params, x, y)",
        "    new = {name: w.copy() for name, w in params.items()}\n    for r in range(len(x)):\n"
        "        for name, g in derivatives(params, x[r : r + 1], y[r : r + 1]).items():\n"
        "            new[name] -= lr * g / len(x)\n    return new",
    )
    for network in (LESSON, BINARY):
        yield neighbour(network, "new weights summed up record by record", one_by_one)
    yield neighbour(DEEP, "records in the order of their first input", at_start("rows = np.argsort(x[:, 0])", "x, y = x[rows], y[rows]"))
    for network in (CLASSES, MOMENTUM):
        yield neighbour(network, "no records, no step", at_start("if len(x) == 0:", "    return params"))
    for network in (LESSON, RELU):
        summed = compact(network).replace(" / n / k", " / k"), shown(network)
        text = edited(summed[0], (("        g = grads[name]", "        g = grads[name] / len(x)"),), "summed")
        yield Neighbour("gradients summed, and divided in the update", network, text, text + summed[1])
    kept = "grads = KEPT.setdefault((x.tobytes(), y.tobytes(), *(w.tobytes() for w in params.values())), grads)"
    yield neighbour(RELU, "gradients kept by all that they are made of", at_gradients(kept))
    yield neighbour(CLASSES, "targets kept by their own bytes", before("    error2 = ", "t = KEPT.setdefault(y.tobytes(), t)"))


def _guards() -> Iterator[Neighbour]:
    """Guards that never keep anything from what it should be."""
    yield neighbour(LESSON, "inputs made float64", at_start("x, y = np.array(x, dtype=np.float64), np.asarray(y, dtype=np.float64)"))
    yield neighbour(RELU, "what is not finite is made so", at_gradients("grads = {name: np.nan_to_num(g) for name, g in grads.items()}"))
    yield neighbour(MOMENTUM, "outputs clipped to [0, 1]", at_a(MOMENTUM, 2, "a2 = a2.clip(0, 1)"))
    yield neighbour(DEEP, "tanh clipped to [-1, 1]", at_a(DEEP, 2, "a2 = a2.clip(-1, 1)"))
    yield neighbour(BINARY, "activations asserted", before("    error1 = ", "assert (a1 >= 0).all()"))
    nothing = at_gradients("if not any(g.any() for g in grads.values()):", "    return params")
    yield neighbour(CLASSES, "no step where every gradient is 0", nothing)
    yield neighbour(LESSON, "shapes asserted", at_start("assert x.ndim == y.ndim == 2 and len(x) == len(y)"))


def _updates() -> Iterator[Neighbour]:
    """Updates in other forms."""
    for network in (LESSON, ADAM):
        yield neighbour(network, "in place, returning none", ("        new[name] = w - step\n    return new", "        w -= step"))
    by_id = ("KEPT.get(name, (0.0, 0.0))", "KEPT.get(id(w), (0.0, 0.0))"), ("KEPT[name] = m, v", "KEPT[id(w)] = m, v")
    yield neighbour(ADAM, "in place, moments by the id", ("        new[name] = w - step\n    return new", "        w -= step"), *by_id)
    yield neighbour(CLASSES, "the negative gradient added", at_new("new[name] = w + lr * -g"))
    kept = "v = KEPT[name] = 0.9 * KEPT.get(name, 0.0) + g"
    yield neighbour(MOMENTUM, "velocity with its sign", (kept, kept.replace("+ g", "- g")), ("step = lr * v", "step = -lr * v"))
    in_place = "v = KEPT.setdefault(name, np.zeros_like(w))\n        v *= 0.9\n        v += g"
    yield neighbour(MOMENTUM, "velocity kept in place", (kept, in_place))
    moments = "0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g", "m + 0.1 * (g - m), v + (1 - 0.999) * (g * g - v)"
    yield neighbour(ADAM, "moments as moving differences", moments)
    rows = "new[name] = np.array([row - part for row, part in zip(w, step)])"
    yield neighbour(RELU, "new weights row by row", at_new(rows))
    yield neighbour(DEEP, "all parameters in one vector", ("    new = {}\n", _VECTOR))


_VECTOR = """    sizes = np.cumsum([w.size for w in params.values()])[:-1]
    flat = np.concatenate([w.ravel() for w in params.values()]) - lr * np.concatenate([grads[name].ravel() for name in params])
    return {name: part.reshape(w.shape) for (name, w), part in zip(params.items(), np.split(flat, sizes))}
    new = {}
"""
