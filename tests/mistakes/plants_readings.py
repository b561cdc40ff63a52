"""Other readings of mistakes in the list: of one kind of parameter, at each place that a cast can have, of an average."""

from collections.abc import Iterator

from tests.mistakes.networks import Network
from tests.mistakes.plant import Plant, named
from tests.mistakes.plants_updates import SOFT
from tests.mistakes.trainer import FUNCTIONS, SLOPES, damped, gradient, slope

STEP = "    return run(params, x, y, lr)"


def of_one_kind(network: Network) -> Iterator[Plant]:
    """9, 27, 29, 30, 33, 49, 53, 55, 85 and 95: what is wrong with the weights' gradient alone, or with the biases'."""
    faint = network.is_adaptive and not network.decay
    for i in network.layers:
        weights, biases = f", dW{i}, lr)", f", db{i}, lr)"
        if i > 1 and network.sizes[i - 2] == network.sizes[i - 1]:
            edit = gradient(i), gradient(i).replace(f"a{i - 1}", f"a{i - 2}")
            yield Plant("output-for-input-in-gradient", 27, i, (edit,), variant="of the layer before")
        if not network.bias:
            continue
        yield Plant("sign-flipped-in-layer", 9, i, ((weights, f", -dW{i}, lr)"),), variant="of the weights")
        yield Plant("sign-flipped-in-layer", 9, i, ((biases, f", -db{i}, lr)"),), variant="of the biases")
        for id, power in (("mean-missing-in-layer", " * n"), ("mean-twice-in-layer", " / n")):
            yield Plant(id, 29, i, ((weights, f", dW{i}{power}, lr)"),), variant="of the weights", faint=faint, alone=True)
        yield Plant("bias-mean-missing", 29, i, ((biases, f", db{i} * n, lr)"),), faint=faint)
        for id, guard in (("only-last-record", "n - 1"), ("only-first-record", "0")):
            edit = f"db{i}[j] += delta{i}[r, j]", f"db{i}[j] += (r == {guard}) * delta{i}[r, j]"
            yield Plant(id, 33, i, (edit,), variant="of the biases")
        if network.sizes[i] > 1:
            is_zero = network.errors_sum_to_zero and not network.decay and i == network.depth
            also = (named("bias-never-updated", i),) if is_zero else ()
            edit = biases, f", np.full_like(db{i}, np.mean(db{i})), lr)"
            yield Plant("bias-summed-over-units", 55, i, (edit,), also, variant="averaged")
        if network.sizes[i - 1] > 1:
            yield Plant("bias-from-weight-gradient", 53, i, ((biases, f", np.mean(dW{i}, axis=1), lr)"),), variant="averaged")
        if network.sizes[i] > 1 < network.sizes[i - 1]:
            edit = weights, f", np.full_like(dW{i}, np.sum(dW{i})), lr)"
            is_zero = network.errors_sum_to_zero and not network.decay and i == network.depth
            also = (named("weights-never-updated", i),) if is_zero else ()
            yield Plant("scalar-for-product", 95, i, (edit,), also, variant="of it all", alone=True)


def of_indices(network: Network) -> Iterator[Plant]:
    """42: gradients that are shifted by one."""
    for i in network.layers:
        for axis, what in enumerate(("unit", "input")):
            if network.sizes[i - axis] > 1:
                for by in (1, -1):
                    edit = f", dW{i}, lr)", f", np.roll(dW{i}, {by}, axis={axis}), lr)"
                    yield Plant("index-wrong", 42, i, (edit,), variant=f"shifted by one {what}, {by}")
        if network.sizes[i - 1] > 1:
            before = gradient(i).replace("[r, i]", "[r, max(i - 1, 0)]")
            yield Plant("index-wrong", 42, i, ((gradient(i), before),), variant="the input before")


def of_averages(network: Network) -> Iterator[Plant]:
    """67, 68, 69 and 74: momentum with its sign wrong in the look-ahead too, damped of one kind alone, and Adam's averages and count."""
    if network.options.get("momentum"):
        line = f"v = MU * STATE[name] + {damped(network)} if name in STATE else g.copy()"
        if network.options.get("nesterov"):
            both = (line, line.replace("MU", "-MU")), ("g + MU * v", "g - MU * v")
            yield Plant("momentum-sign", 67, None, both, variant="in the look-ahead too")
        for kind in ("weight", "bias") if network.bias else ():
            for variant, start in (("the first too", "STATE.get(name, 0.0)"), ("all but the first", "STATE[name]")):
                is_damped = f"name.endswith('{kind}')" + " and name in STATE" * (variant != "the first too")
                new = f"{line}\n    if {is_damped}:\n        v = MU * {start} + (1 - MU) * g"
                yield Plant("momentum-damped", 85, None, ((line, new),), variant=f"of {kind} alone, {variant}", alone=True)
    if network.is_adaptive:
        yield Plant("adam-step-off", 74, None, (('t = STATE["t"]', "t = 1"),), variant="always the first")
        yield Plant("velocity-not-kept", 69, None, (("m, v = STATE.get(name, (0.0, 0.0))", "m, v = 0.0, 0.0"),), variant="Adam's")


def of_casts(network: Network) -> Iterator[Plant]:
    """47: a cast at each place of the first layer and the last."""
    last = network.depth
    for dtype, i in (("float32", last), ("float16", 1), ("float32", 1)) if last > 1 else ():
        id = f"{dtype}-cast"

        def cast(text: str, dtype: str = dtype) -> str:
            return f"np.asarray({text}).astype(np.{dtype}).astype(float)"

        def put(variant: str, *edits: tuple[str, str], layer: int | None = i, id: str = id, also: tuple[str, ...] = ()) -> Plant:
            return Plant(id, 47, layer, edits, also, variant=variant, alone=True, has_scale=True, faint=network.is_adaptive)

        seen, parts = f'    seen["delta{i}"] = delta{i}', ["W", *("b" * network.bias)]
        yield put("δ", (seen, f"    delta{i} = {cast(f'delta{i}')}\n{seen}"))
        yield put("the weight gradient", (f", dW{i}, lr)", f", {cast(f'dW{i}')}, lr)"))
        yield put("the gradients", *((f", d{part}{i}, lr)", f", {cast(f'd{part}{i}')}, lr)") for part in parts))
        names = {"W": network.weight(i), "b": network.bias_name(i)}
        updates = [f'update("{names[part]}", {part}{i}, d{part}{i}, lr)' for part in parts]
        yield put("the step", *((update, cast(update)) for update in updates))
        yield put("new weights", *((f"= {part}{i} + step_{part}{i}", f"= {cast(f'{part}{i} + step_{part}{i}')}") for part in parts))
        if network.activation(i) != "softmax":
            applied = f"a{i}[r, j] = f{i}(z{i}[r, j])"
            yield put("z", (applied, f"z{i}[r, j] = np.{dtype}(z{i}[r, j])\n            {applied}"))
        if i == last:
            term = "error_of(p[j], y[r, j])"
            yield put("the error", (term, f"float(np.{dtype}({term}))"), layer=None)
            also = (SOFT,) if network.loss == "bce" else ()
            yield put("the targets", (STEP, f"    return run(params, x, {cast('y')}, lr)"), layer=None, also=also)


def of_activations(network: Network) -> Iterator[Plant]:
    """6: each other activation in the first layer, with its own slope and without."""
    name = network.activation(1)
    if name == "softmax" or network.depth == 1:
        return
    for new in FUNCTIONS:
        forward, back_again = f"def f1(z):\n    return {FUNCTIONS[name]}", f"def slope1(z, a):\n    return {SLOPES[name]}"
        if new != name:
            id = "activation-missing" if new == "identity" else "activation-other"
            own = f"slope1(z1[r, j], {FUNCTIONS[name].replace('z', 'z1[r, j]')})"
            edits = (forward, f"def f1(z):\n    return {FUNCTIONS[new]}"), (slope(1), own)
            yield Plant(id, 6, 1, edits, variant=f"{new}, on the way forward", alone=True)
            if new not in ("tanh", "identity"):
                both = edits[0], (back_again, f"def slope1(z, a):\n    return {SLOPES[new]}")
                yield Plant(id, 6, 1, both, variant=f"{new}, and its slope", alone=True)


def of_slopes(network: Network) -> Iterator[Plant]:
    """6: a derivative in a layer that is linear, and relu's for another."""
    for i in network.layers:
        if network.activation(i) == "identity" and network.loss != "cross_entropy":
            for new in ("sigmoid", "tanh"):
                of_a = f"({SLOPES[new]})".replace("a", f"a{i}[r, j]")
                yield Plant("slope-extra", 6, i, ((slope(i), of_a),), variant=f"{new}, of a")
        if network.activation(i) in ("sigmoid", "tanh"):
            yield Plant("slope-of-other", 6, i, ((slope(i), f"(z{i}[r, j] > 0)"),), variant="relu")


def of_inputs(network: Network) -> Iterator[Plant]:
    """80: other ways in which inputs are normalised."""
    for variant, text in (
        ("by column, over n − 1", "(x - x.mean(axis=0)) / x.std(axis=0, ddof=1)"),
        ("as a whole", "(x - x.mean()) / x.std()"),
        ("as a whole, over n − 1, with a guard", "(x - x.mean()) / (x.std(ddof=1) + 1e-8)"),
        ("over the largest of each column", "x / np.abs(x).max(axis=0)"),
        ("over the range of each column", "(x - x.min(axis=0)) / (x.max(axis=0) - x.min(axis=0))"),
        ("over the range", "(x - x.min()) / (x.max() - x.min())"),
    ):
        yield Plant("inputs-normalised", 80, None, ((STEP, f"    return run(params, {text}, y, lr)"),), variant=variant, alone=True)


GROUPS = (of_one_kind, of_indices, of_averages, of_casts, of_activations, of_slopes, of_inputs)
