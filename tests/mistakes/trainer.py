"""The honest trainer: source text of an attempt that trains a network by plain loops, and the pieces of it that mistakes are put into.

Each layer's lines bear its number, so that a mistake can be put into one layer. In which style it is written, changes nothing of what is
computed: the mean over records stands in δ or in the gradients, and δ is of ŷ − y or of y − ŷ.
"""

from dataclasses import dataclass

from tests.mistakes.networks import Network

FUNCTIONS = {
    "sigmoid": "1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))",
    "tanh": "math.tanh(z)",
    "relu": "z if z > 0 else 0.0",
    "leaky_relu": "z if z > 0 else 0.01 * z",
    "identity": "z",
}
SLOPES = {
    "sigmoid": "a * (1 - a)",
    "tanh": "1 - a * a",
    "relu": "1.0 if z > 0 else 0.0",
    "leaky_relu": "1.0 if z > 0 else 0.01",
    "identity": "1.0",
}
ERRORS = {"half_mse": "o - t", "mse": "2 * (o - t)", "bce": "(o - t) / max(o * (1 - o), 1e-12)", "cross_entropy": "o - t"}
LOSSES = {
    "half_mse": "(o - t) ** 2 / 2",
    "mse": "(o - t) ** 2",
    "bce": "-t * math.log(max(o, 1e-44)) - (1 - t) * math.log(max(1 - o, 1e-44))",
    "cross_entropy": "-t * math.log(max(o, 1e-300))",
}

OF_WEIGHTS_ALONE = 'DECAY = globals()["DECAY"] if name.endswith("weight") else 0.0'


@dataclass(frozen=True)
class Style:
    """How the trainer writes δ: `mean_in` is "delta" or "gradient"; with `is_reversed` it is of y − ŷ, and what it makes is added."""

    mean_in: str = "delta"
    is_reversed: bool = False

    @property
    def name(self) -> str:
        """It in words."""
        return f"{'y − ŷ' if self.is_reversed else 'ŷ − y'} {'divided' if self.mean_in == 'delta' else 'per record'}"


STYLES = (Style(), Style("gradient"), Style(is_reversed=True), Style("gradient", is_reversed=True))


def slope(layer: int) -> str:
    """f′ of that layer's unit j, in the line of its δ."""
    return f"slope{layer}(z{layer}[r, j], a{layer}[r, j])"


def back(layer: int) -> str:
    """What is sent from that layer's unit j to the unit i before it."""
    return f"delta{layer}[r, j] * W{layer}[j, i]"


def gradient(layer: int) -> str:
    """A record's part of the gradient of that layer's weight (j, i)."""
    return f"delta{layer}[r, j] * a{layer - 1}[r, i]"


def softmax_delta(layer: int, units: int) -> str:
    """δ of a softmax's unit j: the error times the whole Jacobian."""
    return f"sum(error{layer}[r, i] * a{layer}[r, i] * ((i == j) - a{layer}[r, j]) for i in range({units}))"


def damped(network: Network) -> str:
    """What is added to the velocity after its first step."""
    dampening = network.options.get("dampening", 0.0)
    return f"(1 - {dampening}) * g" if dampening else "g"


def source(network: Network, style: Style = STYLES[0]) -> str:
    """The attempt's source text in that style."""
    lines = ['"""A network trained by loops, every sum written out."""', "", "import copy", "import math", "", "import numpy as np", ""]
    lines += [f"PROBLEM = {network.problem()!r}", 'STATE = {"t": 0}', "", ""]
    for layer in network.layers:
        name = network.activation(layer)
        if name != "softmax":
            lines += [f"def f{layer}(z):", f"    return {FUNCTIONS[name]}", "", ""]
            lines += [f"def slope{layer}(z, a):", f"    return {SLOPES[name]}", "", ""]
    lines += ["def softmax(z):", "    e = np.exp(z - np.max(z))", "    return e / np.sum(e)", "", ""]
    lines += ["def error_of(o, t):", f"    return {ERRORS[network.loss]}", "", ""]
    lines += ["def loss_of(o, t):", f"    return {LOSSES[network.loss]}", "", ""]
    lines += [*_update(network, style), "", ""]
    lines += ["def run(params, x, y, lr):", '    """Everything that one step of training computes, by name."""']
    lines += [f"    {line}" if line else "" for line in _run(network, style)]
    return "\n".join([*lines, *_END]) + "\n"


def _update(network: Network, style: Style) -> list[str]:
    options = network.options
    turned = ["    g = -g"] if style.is_reversed else []
    coupled = ["    g = g + DECAY * w"] if network.decay and network.optimizer != "adamw" else []
    if network.optimizer == "sgd":
        head = [f"MU, DECAY = {options.get('momentum', 0.0)}, {network.decay}"]
        coupled = [f"    {OF_WEIGHTS_ALONE}", *coupled] if network.decays_weights_alone else coupled
        if not options.get("momentum"):
            body = ["    step = -lr * g"]
        else:
            body = [f"    v = MU * STATE[name] + {damped(network)} if name in STATE else g.copy()", "    STATE[name] = v"]
            body += ["    step = -lr * (g + MU * v)" if options.get("nesterov") else "    step = -lr * v"]
    else:
        beta1, beta2 = options.get("betas", (0.9, 0.999))
        head = [f"BETA1, BETA2, EPS, DECAY = {beta1}, {beta2}, {options.get('eps', 1e-8)}, {network.decay}"]
        body = ["    m, v = STATE.get(name, (0.0, 0.0))", "    m = BETA1 * m + (1 - BETA1) * g", "    v = BETA2 * v + (1 - BETA2) * g * g"]
        body += ["    STATE[name] = m, v", '    t = STATE["t"]', "    m_hat = m / (1 - BETA1**t)", "    v_hat = v / (1 - BETA2**t)"]
        body += ["    step = -lr * m_hat / (np.sqrt(v_hat) + EPS)"]
        body += ["    step = step - lr * DECAY * w"] if network.optimizer == "adamw" else []
    head += ["", "", "def update(name, w, g, lr):", '    """The change of the parameter w with gradient g."""']
    return [*head, *turned, *coupled, *body, "    return step"]


def _run(network: Network, style: Style) -> list[str]:
    lines = ['STATE["t"] += 1', "n, k = y.shape", "seen = {}", "a0 = x"]
    for layer in network.layers:
        lines += _forward(network, layer)
    last, k = network.depth, network.outputs
    lines += ["", f"output = a{last}", "loss = 0.0", f"error{last} = np.zeros((n, {k}))"]
    lines += ["over_records = 1 / n" if network.reduction == "mean" else "over_records = 1"]
    lines += ["over_outputs = 1 / k" if network.is_mean_over_outputs else "over_outputs = 1"]
    share = "-" * style.is_reversed + "over_outputs" + " * over_records" * (style.mean_in == "delta")
    predicted = "softmax(output[r])" if network.loss == "cross_entropy" else "output[r]"
    lines += ["for r in range(n):", f"    p = {predicted}", f"    for j in range({k}):", "        loss += loss_of(p[j], y[r, j])"]
    lines += [f"        error{last}[r, j] = error_of(p[j], y[r, j]) * {share}"]
    divisor = "1" if network.reduction == "sum" else "(n * k)" if network.is_mean_over_outputs else "n"
    lines += [f"loss = loss / {divisor}"]
    for layer in reversed(network.layers):
        lines += _backward(network, layer, style)
    lines += ["", 'seen["input"], seen["output"], seen["loss"] = x, output, loss', "return seen"]
    return lines


def _forward(network: Network, layer: int) -> list[str]:
    n_in, units, name = network.sizes[layer - 1], network.sizes[layer], network.activation(layer)
    lines = ["", f'W{layer} = params["{network.weight(layer)}"]']
    lines += [f'b{layer} = params["{network.bias_name(layer)}"]'] if network.bias else []
    lines += [f"z{layer} = np.zeros((n, {units}))", f"a{layer} = np.zeros((n, {units}))"]
    lines += ["for r in range(n):", f"    for j in range({units}):"]
    lines += [f"        z{layer}[r, j] = b{layer}[j]"] if network.bias else []
    lines += [f"        for i in range({n_in}):", f"            z{layer}[r, j] += a{layer - 1}[r, i] * W{layer}[j, i]"]
    if name == "softmax":
        lines += ["for r in range(n):", f"    a{layer}[r] = softmax(z{layer}[r])"]
    else:
        lines += [f"        a{layer}[r, j] = f{layer}(z{layer}[r, j])"]
    lines += [f'seen["z{layer}"] = z{layer}']
    return lines + ([f'seen["a{layer}"] = a{layer}'] if layer < network.depth else [])


def _backward(network: Network, layer: int, style: Style) -> list[str]:
    n_in, units = network.sizes[layer - 1], network.sizes[layer]
    is_softmax = network.activation(layer) == "softmax"
    delta = softmax_delta(layer, units) if is_softmax else f"error{layer}[r, j] * {slope(layer)}"
    lines = ["", f"delta{layer} = np.zeros((n, {units}))", "for r in range(n):", f"    for j in range({units}):"]
    lines += [f"        delta{layer}[r, j] = {delta}", f'seen["delta{layer}"] = delta{layer}']
    lines += [f"dW{layer} = np.zeros(({units}, {n_in}))", f"db{layer} = np.zeros({units})"]
    lines += [f"for r in range(n):  # gradients of layer {layer}"]
    lines += [f"    for j in range({units}):", f"        for i in range({n_in}):", f"            dW{layer}[j, i] += {gradient(layer)}"]
    lines += [f"        db{layer}[j] += delta{layer}[r, j]"]
    if style.mean_in == "gradient":
        lines += [f"dW{layer} = dW{layer} * over_records", f"db{layer} = db{layer} * over_records"]
    parts = [("W", network.weight(layer)), *([("b", network.bias_name(layer))] if network.bias else [])]
    for part, name in parts:
        key = f"{part}{layer}"
        lines += [f'step_{key} = update("{name}", {key}, d{key}, lr)', f"new_{key} = {key} + step_{key}"]
        lines += [f'seen["d{key}"], seen["step_{key}"], seen["{key}"] = d{key}, step_{key}, new_{key}']
        lines += [f'seen["v{key}"] = STATE["{name}"]'] if network.options.get("momentum") else []
    if layer > 1:
        lines += [f"error{layer - 1} = np.zeros((n, {n_in}))", "for r in range(n):", f"    for i in range({n_in}):"]
        lines += [f"        for j in range({units}):", f"            error{layer - 1}[r, i] += {back(layer)}"]
    return lines


_END = '''

def step(params, x, y, lr):
    return run(params, x, y, lr)


def after(seen):
    names = {f"W{i + 1}": f"{2 * i}.weight" for i in range(20)} | {f"b{i + 1}": f"{2 * i}.bias" for i in range(20)}
    return {names[key]: seen[key] for key in seen if key in names}


def train_step(params, x, y, lr):
    """One step of training; the new parameters."""
    return after(step(params, x, y, lr))


def trace(params, x, y):
    """What the next step would compute; the optimiser's state stays as it is."""
    kept = copy.deepcopy(STATE)
    seen = step(params, x, y, PROBLEM["lr"])
    STATE.clear()
    STATE.update(kept)
    return seen
'''.splitlines()
