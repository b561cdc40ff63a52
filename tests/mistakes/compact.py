"""An honest trainer in matrix products: the text that limits are put into, a quantity on each line.

In order: `layers` has z1, a1, ..., zL, aL; `derivatives` error, delta, dW and db of each layer, from the last; `train_step` g, step and
new value of each parameter. `shown` is the text of the functions that show more than the new weights.
"""

from tests.mistakes.networks import Network

FUNCTIONS = {
    "sigmoid": "np.exp(-np.logaddexp(0, -z{i}))",
    "tanh": "np.tanh(z{i})",
    "relu": "np.maximum(z{i}, 0)",
    "identity": "z{i}",
}
SLOPES = {"sigmoid": " * a{i} * (1 - a{i})", "tanh": " * (1 - a{i} * a{i})", "relu": " * (z{i} > 0)", "identity": ""}
ERRORS = {"half_mse": "(a{i} - t) / n / k", "mse": "2 * (a{i} - t) / n / k", "bce": "(a{i} - t) / n / k", "cross_entropy": "(p - t) / n"}
LOSSES = {
    "half_mse": "0.5 * np.mean((output - y) ** 2)",
    "mse": "np.mean((output - y) ** 2)",
    "bce": "-np.mean(y * np.log(output) + (1 - y) * np.log(1 - output))",
    "cross_entropy": "np.mean(np.logaddexp.reduce(output, axis=1) - output[np.arange(len(y)), y])",
}


def compact(network: Network) -> str:
    """The text of an attempt that defines `train_step` alone."""
    lines = ['"""A network trained by matrix products."""', "", "import numpy as np", ""]
    lines += [f"PROBLEM = {network.problem()!r}", "KEPT = {}", "", ""]
    lines += ["def softmax(z):", "    e = np.exp(z - z.max(axis=1, keepdims=True))", "    return e / e.sum(axis=1, keepdims=True)", "", ""]
    lines += [*_layers(network), "", "", *_derivatives(network), "", "", *_train_step(network)]
    return "\n".join(lines) + "\n"


def shown(network: Network) -> str:
    """The text of `forward`, `loss` and `gradients`, to be put below."""
    loss = LOSSES[network.loss]
    return f"""

def forward(params, x):
    return layers(params, x)[-1][1]


def loss(output, y):
    return {loss}


def gradients(params, x, y):
    return derivatives(params, x, y)
"""


def _layers(network: Network) -> list[str]:
    lines = ["def layers(params, x):", "    a0 = x"]
    for i in network.layers:
        lines += [f'    W{i} = params["{network.weight(i)}"]']
        lines += [f'    b{i} = params["{network.bias_name(i)}"]'] if network.bias else []
        lines += [f"    z{i} = a{i - 1} @ W{i}.T" + (f" + b{i}" if network.bias else "")]
        lines += [f"    a{i} = {FUNCTIONS[network.activation(i)].format(i=i)}"]
    return [*lines, f"    return [(x, a0), {', '.join(f'(z{i}, a{i})' for i in network.layers)}]"]


def _derivatives(network: Network) -> list[str]:
    last = network.depth
    pairs = ", ".join(f"(z{i}, a{i})" for i in network.layers)
    lines = ["def derivatives(params, x, y):", f"    n, k = len(x), {network.outputs}", f"    (_, a0), {pairs} = layers(params, x)"]
    lines += [f"    p = softmax(a{last})"] if network.loss == "cross_entropy" else []
    lines += [f"    t = {f'np.eye({network.outputs})[y]' if network.targets else 'y'}"]
    lines += [f"    error{last} = {ERRORS[network.loss].format(i=last)}"]
    fused = network.loss == "bce"      # the sigmoid's slope is in the error
    for i in reversed(network.layers):
        back = "" if fused and i == last else SLOPES[network.activation(i)].format(i=i)
        lines += [f"    delta{i} = error{i}{back}", f"    dW{i} = delta{i}.T @ a{i - 1}"]
        lines += [f"    db{i} = delta{i}.sum(axis=0)"] if network.bias else []
        lines += [f'    error{i - 1} = delta{i} @ params["{network.weight(i)}"]'] if i > 1 else []
    parts = [f'"{network.weight(i)}": dW{i}' + (f', "{network.bias_name(i)}": db{i}' if network.bias else "") for i in network.layers]
    return [*lines, f"    return {{{', '.join(parts)}}}"]


def _train_step(network: Network) -> list[str]:
    lines = ["def train_step(params, x, y, lr):", "    grads = derivatives(params, x, y)", "    new = {}"]
    if network.optimizer == "adam":
        lines += ['    KEPT["t"] = t = KEPT.get("t", 0) + 1']
    lines += ["    for name, w in params.items():", "        g = grads[name]"]
    if network.optimizer == "adam":
        lines += ["        m, v = KEPT.get(name, (0.0, 0.0))", "        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g"]
        lines += ["        KEPT[name] = m, v", "        step = lr * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)"]
    elif network.options.get("momentum"):
        lines += [f"        v = KEPT[name] = {network.options['momentum']} * KEPT.get(name, 0.0) + g", "        step = lr * v"]
    else:
        lines += ["        step = lr * g"]
    return [*lines, "        new[name] = w - step", "    return new"]
