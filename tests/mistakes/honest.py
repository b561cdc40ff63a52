"""Honest variants of the trainer: the same function written in other ways, drawn from a seed.

Each differs in how sums are ordered and products formed, where 1/n stands, in the forms of σ, tanh and softmax, in fresh or changed
arrays, and in rows or columns of records inside. Names and layouts handed in and out stay the contract's.
"""

from collections.abc import Callable, Iterator

import numpy as np

from tests.mistakes.honest_forms import BACK, BACKS, BIASES, ERRORS, FORWARD, FUNCTIONS, GRADIENTS
from tests.mistakes.networks import Network

Pick = Callable[..., str]


def variants(network: Network, count: int, seed: int) -> Iterator[str]:
    """That many source texts, all of which train the network as it should be trained."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        yield _text(network, random)


def _text(network: Network, random: np.random.Generator) -> str:
    def pick(*choices: str) -> str:
        return choices[int(random.integers(len(choices)))]

    names = sorted({*network.activations, "softmax"})
    lines = ["import numpy as np", "", f"PROBLEM = {network.problem()!r}", "KEPT = {}", "T = [0]", ""]
    for name in names:
        lines += [f"def {name}(z):", f"    return {pick(*FUNCTIONS[name])}", ""]
        lines += [f"def {name}_back(e, z, a):", f"    return {pick(*BACKS[name])}", ""]
    lines += ["def affine(a, w, b):", f"    return {pick(*FORWARD)}", "", "def product(d, a):", f"    return {pick(*GRADIENTS)}", ""]
    lines += ["def total(d):", f"    return {pick(*BIASES)}", "", "def returned(d, w):", f"    return {pick(*BACK)}", ""]
    place = pick("delta", "error", "gradient", *(["update"] if _is_plain(network) else []))
    lines += _passes(network, place, pick)
    lines += _step(network, place, pick)
    shown = pick("nothing else", "forward", "forward, trace")
    if "forward" in shown:
        lines += ["def forward(params, x):", "    return passes(params, x, np.ones((len(x), PROBLEM['sizes'][-1])) / 2)[1]['output']", ""]
    if "trace" in shown:
        lines += ["def trace(params, x, y):", "    return passes(params, x, y)[1]", ""]
    return "\n".join(lines) + "\n"


def _is_plain(network: Network) -> bool:
    return network.optimizer == "sgd" and not network.options


def _passes(network: Network, place: str, pick: Pick) -> list[str]:
    last = network.depth
    lines = ["def passes(params, x, y):", "    n, k, seen, grads, a0 = len(x), y.shape[1], {'input': x}, {}, x"]
    for i in network.layers:
        b = f"params['{network.bias_name(i)}']" if network.bias else f"np.zeros({network.sizes[i]})"
        lines += [f"    w{i} = params['{network.weight(i)}']", f"    z{i} = affine(a{i - 1}, w{i}, {b})"]
        lines += [f"    a{i} = {network.activation(i)}(z{i})", f"    seen['z{i}'] = z{i}"]
        lines += [*([f"    seen['a{i}'] = a{i}"] if i < last else [])]
    lines += [f"    o = seen['output'] = a{last}"]
    if network.loss == "cross_entropy":
        forms = ["softmax(o) - y", "-(y - softmax(o))", "-y + softmax(o) * y.sum(axis=1, keepdims=True)"]
        forms += ["softmax_back(-y / softmax(o), o, softmax(o))"]
        lines += [f"    error = {pick(*forms)}", "    share = n"]
    else:
        lines += [f"    error = {pick(*ERRORS[network.loss])}", "    share = n", "    error = error / k"]
    delta = f"    d{last} = {network.activation(last)}_back(error, z{last}, a{last})"
    if network.loss == "bce" and network.activation(last) == "sigmoid" and pick("fused", "apart") == "fused":
        delta = f"    d{last} = (a{last} - y) / k" + (" / share" if place == "error" else "")
    lines += ["    error = error / share"] if place == "error" else []
    lines += [delta, *([f"    d{last} = d{last} / share"] if place == "delta" else [])]
    scale = pick(" / n", " * (1 / n)", " / np.float64(len(x))") if place == "gradient" else ""
    for i in reversed(network.layers):
        lines += [f"    seen['delta{i}'] = d{i}", f"    grads['{network.weight(i)}'] = product(d{i}, a{i - 1}){scale}"]
        lines += [f"    seen['dW{i}'] = grads['{network.weight(i)}']"]
        lines += [f"    seen['db{i}'] = grads['{network.bias_name(i)}'] = total(d{i}){scale}"] if network.bias else []
        lines += [f"    d{i - 1} = {network.activation(i - 1)}_back(returned(d{i}, w{i}), z{i - 1}, a{i - 1})"] if i > 1 else []
    return [*lines, "    return grads, seen", ""]


def _step(network: Network, place: str, pick: Pick) -> list[str]:
    rate = "lr / len(x)" if place == "update" else "lr"
    lines = ["def train_step(params, x, y, lr):", "    grads, _ = passes(params, x, y)", "    T[0] += 1", "    t, fresh = T[0], {}"]
    lines += ["    for name, w in params.items():", "        g = grads[name]"]
    if network.decay and network.optimizer != "adamw":
        forms = ["if w.ndim == 2", "if name.endswith('weight')", "if name in ('0.weight', '2.weight', '4.weight', '6.weight')"]
        where = f" {pick(*forms)} else g" if network.decays_weights_alone else ""
        lines += [f"        g = g + {network.decay} * w{where}"]
    if network.optimizer == "sgd":
        mu = network.options.get("momentum")
        if mu:
            velocity = pick(f"{mu} * KEPT[name] + g", f"g + KEPT[name] * {mu}", f"KEPT[name] - (1 - {mu}) * KEPT[name] + g")
            lines += [f"        v = KEPT[name] = {velocity} if name in KEPT else g + 0.0"]
            lines += [f"        g = g + {mu} * v" if network.options.get("nesterov") else "        g = v"]
        lines += [f"        step = {pick('-' + rate + ' * g', '-(' + rate + ') * g', '-(g * (' + rate + '))')}"]
    else:
        b1, b2 = network.options.get("betas", (0.9, 0.999))
        eps = network.options.get("eps", 1e-8)
        lines += ["        m, v = KEPT.get(name, (np.zeros_like(w), np.zeros_like(w)))"]
        moments = [f"{b1} * m + (1 - {b1}) * g, {b2} * v + (1 - {b2}) * g**2", f"m + (1 - {b1}) * (g - m), v + (1 - {b2}) * (g * g - v)"]
        lines += [f"        m, v = {pick(*moments)}", "        KEPT[name] = m, v"]
        c1, c2 = f"(1 - {b1}**t)", f"(1 - {b2}**t)"
        forms = [f"-lr * (m / {c1}) / (np.sqrt(v / {c2}) + {eps})", f"-(lr / {c1}) * m / (np.sqrt(v) / np.sqrt({c2}) + {eps})"]
        forms += [f"-lr * np.sqrt({c2}) / {c1} * m / (np.sqrt(v) + {eps} * np.sqrt({c2}))"]
        lines += [f"        step = {pick(*forms)}"]
        if network.optimizer == "adamw":
            decayed = pick(f"step - lr * {network.decay} * w", f"(w * (1 - lr * {network.decay}) + step) - w")
            lines += [f"        step = {decayed}"]
    how = pick("fresh", "in place", "in place, none", "by index")
    if how == "fresh":
        return [*lines, "        fresh[name] = w + step", "    return fresh", ""]
    put = "        params[name][...] = w + step" if how == "by index" else "        w += step"
    return [*lines, put, *([] if how == "in place, none" else ["    return params"]), ""]
