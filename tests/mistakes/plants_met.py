"""Mistakes met in people's files: 75 to 95."""

from collections.abc import Iterator

from tests.mistakes.networks import SLOPED, Network
from tests.mistakes.plant import Edit, Plant, each_and_all, named
from tests.mistakes.trainer import ERRORS, LOSSES, back, damped, slope


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
            if network.errors_sum_to_zero and i == network.depth and network.sizes[i - 1] > 1:
                also += (named("scalar-for-product", i),)      # their sum, in place of each
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
        half = "0.5 * " if network.loss == "half_mse" else ""
        if network.outputs == 1:
            yield Plant("loss-squared-mean", 86, None, ((f"{total}{divisor}", f"loss = {half}float(np.mean(output - y)) ** 2"),))
        yield Plant("loss-root", 86, None, ((f"{total}{divisor}", f"loss = (loss / {divisor}) ** 0.5"),))
    squares = " + ".join(f"np.sum(W{i} ** 2)" for i in network.layers)
    line = 'seen["input"], seen["output"], seen["loss"]'
    for text, variant in ((squares, "of the weights"), (f"({squares}) / n", "over n")):
        yield Plant("loss-penalty", 77, None, ((line, f"loss = loss + 0.005 * ({text})\n    {line}"),), variant=variant)
    if network.loss in ("bce", "cross_entropy"):
        yield of_each("loss-logarithm", value.replace("math.log(", "math.log10("), "base 10")
        yield of_each("loss-sign", f"-({value})", "of it all")


def _parts(network: Network, kinds: str = "Wb") -> list[str]:
    return [f"{kind}{i}" for i in network.layers for kind in kinds if kind == "W" or network.bias]


def _update(network: Network, text: str, kinds: str = "Wb", layer: int | None = None) -> tuple[Edit, ...]:
    """What the update is given in place of the gradient {0} of the parameter {1}, of all layers or one."""
    parts = [part for part in _parts(network, kinds) if layer is None or part[1:] == str(layer)]
    return tuple((f", d{part}, lr)", f", {text.format('d' + part, part)}, lr)") for part in parts)


def penalties(network: Network) -> Iterator[Plant]:
    """77: a penalty that nobody asked for."""
    faint = network.is_adaptive

    def put(power: int, variant: str, edits: tuple[Edit, ...], *also: str) -> Plant:
        has_sign = not variant.startswith("after the step")      # added to a gradient of y − ŷ it would be taken off
        return Plant(f"penalty-l{power}", 77, None, edits, also, variant, faint=faint, alone=True, has_sign=has_sign)

    changed = ("decay-other",) if network.decay and (network.decays_weights_alone or not network.bias) else ()
    yield put(2, "of the weights", _update(network, "{0} + 0.01 * {1}", "W"), *changed)
    yield put(2, "of the weights, over n", _update(network, "{0} + 0.3 / n * {1}", "W"))
    yield put(1, "of the weights", _update(network, "{0} + 0.003 * np.sign({1})", "W"))
    changed = (named("decay-other", network.depth),) if changed else ()
    yield put(2, "of the weights of one layer", _update(network, "{0} + 0.02 * {1}", "W", network.depth), *changed)
    if network.bias:
        changed = ("decay-other",) if network.decay and network.optimizer != "adamw" else ()
        strength = 0.02 if network.is_adaptive else 0.025      # an Adam's steps hardly depend on it: it is one of those that people take
        yield put(2, "of the biases too", _update(network, f"{{0}} + {strength} * {{1}}"), *changed)
        yield put(1, "of the biases too", _update(network, "{0} + 0.001 * np.sign({1})"))
    steps = [(part, f"new_{part} = {part} + step_{part}") for part in _parts(network, "W")]
    yield put(2, "after the step", tuple((line, f"{line} - 0.002 * {part}") for part, line in steps))
    yield put(2, "after the step, times lr", tuple((line, f"{line} - lr * 0.01 * {part}") for part, line in steps))
    lines = [(i, f"        db{i}[j] += delta{i}[r, j]") for i in network.layers]
    yield put(2, "in the gradient that is shown", tuple((line, f"{line}\n    dW{i} += 0.05 * W{i}") for i, line in lines))


def clips(network: Network) -> Iterator[Plant]:
    """78 and 92: gradients, errors and what goes forward, clipped."""
    last = network.depth

    def put(id: str, layer: int | None, variant: str, *edits: Edit) -> Plant:
        return Plant(id, 78, layer, edits, variant=variant, faint=network.is_adaptive, alone=True)

    yield put("gradient-clipped", None, "to 0.02", *_update(network, "np.clip({0}, -0.02, 0.02)"))
    yield put("gradient-clipped", last, "to 0.01, in one layer", *_update(network, "np.clip({0}, -0.01, 0.01)", layer=last))
    if network.options.get("momentum"):
        kept = "    STATE[name] = v"
        yield put("velocity-clipped", None, "to 0.02", (kept, f"    v = np.clip(v, -0.02, 0.02)\n{kept}"))
    own = _update(network, "{0} * min(1.0, 0.01 / np.linalg.norm({0}))")
    yield put("gradient-clipped-by-norm", None, "each by its own", *own)
    seen = f'    seen["delta{last}"] = delta{last}'
    yield put("error-clipped", last, "δ", (seen, f"    delta{last} = np.clip(delta{last}, -0.003, 0.003)\n{seen}"))
    yield put("error-clipped", None, "the error", ("error_of(p[j], y[r, j])", "min(max(error_of(p[j], y[r, j]), -0.1), 0.1)"))
    first = "a1[r, j] = f1(z1[r, j])"
    yield put("forward-clipped", 1, "z of the first layer", (first, f"z1[r, j] = min(max(z1[r, j], -0.5), 0.5)\n            {first}"))


def thresholds(network: Network) -> Iterator[Plant]:
    """88 and 92: relu's threshold and cap; and slopes with a constant added to them."""
    for i in network.layers:
        name = network.activation(i)
        if name == "relu":
            forward, back_again = f"def f{i}(z):\n    return ", f"def slope{i}(z, a):\n    return 1.0 if "
            edits = (f"{forward}z if z > 0", f"{forward}z if z > 0.1"), (f"{back_again}z > 0", f"{back_again}z > 0.1")
            yield Plant("relu-threshold", 88, i, edits, variant="both ways", alone=True)
            yield Plant("relu-threshold", 88, i, edits[1:], variant="on the way back", alone=True)
            capped = (f"{forward}z if z > 0", f"{forward}min(z, 1.0) if z > 0"), (f"{back_again}z > 0", f"{back_again}1 > z > 0")
            yield Plant("relu-capped", 92, i, capped, variant="and its slope", alone=True)
    sloped = [i for i in network.layers if network.activation(i) in SLOPED and network.activation(i) != "identity"]
    for layer, layers in each_and_all(network, sloped):
        yield Plant("slope-raised", 89, layer, tuple((slope(i), f"({slope(i)} + 0.1)") for i in layers), alone=True)


def rates(network: Network) -> Iterator[Plant]:
    """83: a learning rate that decays by itself."""
    count = '    STATE["t"] += 1'
    for variant, text in (
        ("1/(1 + kt)", 'lr / (1 + 0.05 * STATE["t"])'),
        ("1/(1 + k(t - 1))", 'lr / (1 + 0.1 * (STATE["t"] - 1))'),
        ("0.9^t", 'lr * 0.9 ** STATE["t"]'),
        ("0.95^(t - 1)", 'lr * 0.95 ** (STATE["t"] - 1)'),
    ):
        yield Plant("lr-decays", 83, None, ((count, f"{count}\n    lr = {text}"),), variant=variant, alone=True)


def smoothing(network: Network) -> Iterator[Plant]:
    """79: targets that are smoothed."""
    for variant, eps in (("0.1", 0.1), ("0.05", 0.05)):
        k = "2" if network.outputs == 1 else "y.shape[1]"
        edit = "    return run(params, x, y, lr)", f"    return run(params, x, (1 - {eps}) * y + {eps} / {k}, lr)"
        yield Plant("targets-smoothed", 79, None, (edit,), variant=variant, alone=True)


def guards(network: Network) -> Iterator[Plant]:
    """86: ε in the denominators of binary cross-entropy's derivative."""
    if network.loss != "bce":
        return
    error = f"def error_of(o, t):\n    return {ERRORS['bce']}"
    for eps in (1e-8, 1e-5, 1e-3):
        for form, text in (("two", f"(1 - t) / (1 - o + {eps}) - t / (o + {eps})"), ("one", f"(o - t) / (o * (1 - o) + {eps})")):
            edit = error, f"def error_of(o, t):\n    return {text}"
            yield Plant("bce-guarded", 86, None, (edit,), variant=f"{eps}, {form}", alone=True)


def options(network: Network) -> Iterator[Plant]:
    """90: other numbers in the optimiser than were asked for."""
    if network.is_adaptive:
        head = "def update(name, w, g, lr):\n"
        for id, variant, text in (
            ("adam-beta-other", "β₂ = 0.99", "BETA2 = 0.99"),
            ("adam-beta-other", "β₂ = 0.9", "BETA2 = 0.9"),
            ("adam-beta-other", "β₁ = 0.8", "BETA1 = 0.8"),
            ("adam-eps-other", "1e-7", "EPS = 1e-7"),
            ("adam-eps-other", "1e-3", "EPS = 1e-3"),
        ):
            doc = '    """The change of the parameter w with gradient g."""'
            yield Plant(id, 90, None, ((head + doc, f"{head}    {text}\n{doc}"),), variant=variant, faint="eps" in id, alone=True)
    if network.options.get("momentum"):
        head = "def update(name, w, g, lr):\n"
        doc = '    """The change of the parameter w with gradient g."""'
        yield Plant("momentum-other", 90, None, ((head + doc, f"{head}    MU = 0.8\n{doc}"),), variant="0.8", alone=True)


def formulas_misread(network: Network) -> Iterator[Plant]:
    """75, 76 and 82: 1 − a and (1 − a)² for tanh's slope, a sigmoid without its parentheses, a softmax over the sum of all."""
    curved = [i for i in network.layers if network.activation(i) == "tanh"]
    for layer, layers in each_and_all(network, curved):
        yield Plant("only-one-minus-a", 75, layer, tuple((slope(i), f"(1 - a{i}[r, j])") for i in layers), variant="of tanh")
        yield Plant("slope-square-misplaced", 75, layer, tuple((slope(i), f"((1 - a{i}[r, j]) ** 2)") for i in layers))
    for i in network.layers:
        if network.activation(i) == "sigmoid" and i < network.depth:
            edit = f"a{i}[r, j] = f{i}(z{i}[r, j])", f"a{i}[r, j] = 1 / 1 + math.exp(-z{i}[r, j])"
            yield Plant("sigmoid-without-parentheses", 76, i, (edit,), alone=True)
    for i in network.layers:
        if network.activation(i) == "softmax":
            for variant, axis in (("the maximum of each", ", axis=1, keepdims=True"), ("the maximum of all", "")):
                power = f"np.exp(z{i} - np.max(z{i}{axis}))"
                edit = f"a{i}[r] = softmax(z{i}[r])", f"a{i}[r] = {power}[r] / np.sum({power})"
                yield Plant("softmax-sum-of-all", 82, i, (edit,), variant=f"of a layer, {variant}", alone=True)
    if network.loss == "cross_entropy":
        power = "np.exp(output - np.max(output, axis=1, keepdims=True))"
        edit = "p = softmax(output[r])", f"p = {power}[r] / np.sum({power})"
        yield Plant("softmax-sum-of-all", 82, None, (edit,), variant="the maximum of each", alone=True)
        power = "np.exp(output - np.max(output))"
        edit = "p = softmax(output[r])", f"p = {power}[r] / np.sum({power})"
        yield Plant("softmax-sum-of-all", 82, None, (edit,), variant="the maximum of all", alone=True)
        last, k = network.depth, network.outputs
        line = f"error{last}[r, j] = error_of(p[j], y[r, j])"
        through = f"error{last}[r, j] = sum(2 * (p[c] - y[r, c]) * p[c] * ((c == j) - p[j]) for c in range({k}))"
        yield Plant("other-loss", 87, None, ((line, through),), variant="mse through softmax", alone=True)


def inputs(network: Network) -> Iterator[Plant]:
    """80: inputs that are normalised inside the step."""
    for variant, text in (
        ("by column", "(x - x.mean(axis=0)) / x.std(axis=0)"),
        ("by column, with a guard", "(x - np.mean(x, axis=0)) / (np.std(x, axis=0) + 1e-8)"),
        ("over the largest", "x / np.max(np.abs(x))"),
    ):
        edit = "    return run(params, x, y, lr)", f"    return run(params, {text}, y, lr)"
        yield Plant("inputs-normalised", 80, None, (edit,), variant=variant, alone=True)


def other_steps(network: Network) -> Iterator[Plant]:
    """81, 85 and 91: the gradient and the weights of the step before, sums that go on, each record's own updated weights."""
    head = '    """The change of the parameter w with gradient g."""'
    for variant, first in (("0 at first", "0 * g"), ("its own at first", "g")):
        kept = f"{head}\n    g, STATE['old', name] = STATE.get(('old', name), {first}), g"
        yield Plant("previous-gradient", 81, None, ((head, kept),), variant=variant, alone=True)
    senders = list(network.layers)[1:]
    edits = []
    for i in senders:
        line = f"    error{i - 1} = np.zeros((n, {network.sizes[i - 1]}))"
        edits += [(line, f"    old{i}, STATE['W{i}'] = STATE.get('W{i}', W{i}), W{i}\n{line}"), (back(i), f"delta{i}[r, j] * old{i}[j, i]")]
    yield Plant("previous-weights-back", 81, None, tuple(edits), alone=True)
    for part in "Wb" if network.bias else "":
        kept = []
        for i in network.layers:
            fresh = f"np.zeros(({network.sizes[i]}, {network.sizes[i - 1]}))" if part == "W" else f"np.zeros({network.sizes[i]})"
            kept.append((f"    d{part}{i} = {fresh}", f"    d{part}{i} = STATE.setdefault('d{part}{i}', {fresh})"))
        yield Plant("accumulator-not-reset", 85, None, tuple(kept), variant=f"of {part} alone", alone=True)
    if network.optimizer == "sgd" and not network.options:
        n = "n" if network.reduction == "mean" else "1"
        for variant, rate in (("the whole rate", f"lr * {n}"), ("its part", "lr")):
            own = tuple((back(i), f"delta{i}[r, j] * (W{i}[j, i] - {rate} * delta{i}[r, j] * a{i - 1}[r, i])") for i in senders)
            said = f"record by record, {variant}"
            yield Plant("updated-weights-back", 91, None, own, variant=said, alone=True, has_sign=True, has_scale=True)


def numbers(network: Network) -> Iterator[Plant]:
    """83, 84 and 95: a learning rate in float32, whole numbers, one number for a product."""
    count = '    STATE["t"] += 1'
    yield Plant("float32-cast", 83, None, ((count, f"{count}\n    lr = float(np.float32(lr))"),), variant="the learning rate", alone=True)
    last = network.depth
    seen = f'    seen["delta{last}"] = delta{last}'
    floored = seen, f"    delta{last} = delta{last} * n // n\n{seen}"
    yield Plant("floor-division", 84, last, (floored,), variant="δ", alone=True, has_sign=True, has_scale=True)
    yield Plant("floor-division", 84, None, _update(network, "({0} * n // n)"), variant="the gradients", alone=True, has_sign=True)
    for i in network.layers:
        if network.sizes[i] == 1 < network.sizes[i - 1]:
            yield Plant("scalar-for-product", 95, i, _update(network, "np.full_like({0}, np.sum({0}))", "W", i), alone=True)


def adam(network: Network) -> Iterator[Plant]:
    """90: AMSGrad, no root, other counts; and momentum in one layer, or damped for the biases alone."""
    if network.is_adaptive:
        second, root, first = "v_hat = v / (1 - BETA2**t)", "(np.sqrt(v_hat) + EPS)", "m_hat = m / (1 - BETA1**t)"
        largest = "v_hat = STATE['most', name] = np.maximum(STATE.get(('most', name), 0.0), {})"
        yield Plant("adam-amsgrad", 90, None, ((second, largest.format("v") + "\n    v_hat = v_hat / (1 - BETA2**t)"),), alone=True)
        yield Plant("adam-amsgrad", 90, None, ((second, largest.format("v / (1 - BETA2**t)")),), variant="corrected", alone=True)
        yield Plant("adam-root-missing", 90, None, ((root, "(v_hat + EPS)"),), alone=True)
        yield Plant("adam-power-missing", 90, None, ((first, "m_hat = m / (1 - BETA1 * t)"),), alone=True)
        each = 't = STATE["each"] = STATE.get("each", 0) + 1'
        yield Plant("adam-step-off", 90, None, (('t = STATE["t"]', each),), variant="for each parameter", alone=True)
    if network.options.get("momentum"):
        line = f"v = MU * STATE[name] + {damped(network)} if name in STATE else g.copy()"
        for i in network.layers:
            names = f'name in ("{network.weight(i)}", "{network.bias_name(i)}")'
            edit = line, f"v = g.copy() if {names} else ({line.removeprefix('v = ')})"
            yield Plant("velocity-not-kept", 90, i, (edit,), variant="in one layer", alone=True)
        if network.bias:
            of_biases = f"{line}\n    if name.endswith('bias') and name in STATE:\n        v = MU * STATE[name] + (1 - MU) * g"
            yield Plant("momentum-damped", 85, None, ((line, of_biases),), variant="of the biases alone", alone=True)


GROUPS = (
    zero_gradients,
    slopes_again,
    bce_terms,
    penalties,
    clips,
    thresholds,
    rates,
    smoothing,
    guards,
    options,
    formulas_misread,
    inputs,
    other_steps,
    numbers,
    adam,
)
