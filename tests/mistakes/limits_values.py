"""Limits on values: what is clipped on the way forward, on the way back, in the gradients, the steps and the weights."""

from collections.abc import Iterator

from tests.mistakes.limit import (
    ADAM,
    BINARY,
    CLASSES,
    DEEP,
    LESSON,
    MOMENTUM,
    RELU,
    Limit,
    at_a,
    at_delta,
    at_error,
    at_gradient,
    at_gradients,
    at_new,
    at_step,
    at_z,
    limit,
)
from tests.mistakes.witness import Witness

FUSED = "    error2 = (a2 - t) / n / k"
LOGITS = "    p = softmax(a2)"


def _clipped(what: str, bound: float) -> str:
    return f"{what} = np.clip({what}, -{bound:g}, {bound:g})"


def in_z() -> Iterator[Limit]:
    """Pre-activations, hidden and of the output, which are logits for cross entropy."""
    for network, layer, bound, far in (
        (LESSON, 1, 5, 8.0),
        (LESSON, 2, 5, 8.0),
        (LESSON, 1, 9, 13.0),
        (LESSON, 2, 10, 15.0),
        (CLASSES, 1, 5, 8.0),
        (DEEP, 1, 5, 8.0),
        (DEEP, 2, 5, 7.0),
        (MOMENTUM, 1, 5, 8.0),
        (MOMENTUM, 2, 5, 8.0),
        (ADAM, 1, 2, 4.0),
        (CLASSES, 2, 5, 10.0),
        (CLASSES, 2, 10, 15.0),
        (RELU, 1, 10, 30.0),
        (RELU, 1, 100, 300.0),
        (RELU, 2, 10, 30.0),
        (RELU, 2, 100, 300.0),
        (RELU, 2, 300, 600.0),
        (BINARY, 1, 30, 60.0),
        (BINARY, 2, 5, 8.0),
        (BINARY, 2, 10, 13.0),
        (DEEP, 3, 10, 30.0),
        (DEEP, 3, 100, 300.0),
        (ADAM, 2, 30, 90.0),
    ):
        z = {layer: far, **{later: 1.5 for later in network.layers if later > layer}}
        records = (7, 6, 5) if network is ADAM else (7,)
        witness = Witness(records, z=z, lr=0.1 if far < 90 else 0.001)
        yield limit(network, f"z{layer} clipped at {bound}", witness, at_z(layer, _clipped(f"z{layer}", bound)))


def in_activations() -> Iterator[Limit]:
    """Activations, hidden and of the output."""
    yield limit(RELU, "relu capped at 6", Witness(z={1: 12.0, 2: 2.0}), at_a(RELU, 1, "a1 = np.minimum(a1, 6)"))
    yield limit(RELU, "relu capped at 100", Witness(z={1: 200.0, 2: 2.0}), at_a(RELU, 1, "a1 = np.minimum(a1, 100)"))
    yield limit(BINARY, "relu capped at 6", Witness(z={1: 12.0, 2: 2.0}), at_a(BINARY, 1, "a1 = np.minimum(a1, 6)"))
    yield limit(BINARY, "relu capped at 100", Witness(z={1: 200.0, 2: 2.0}), at_a(BINARY, 1, "a1 = np.minimum(a1, 100)"))
    yield limit(CLASSES, "tanh clipped at 0.999", Witness(z={1: 6.0}), at_a(CLASSES, 1, "a1 = np.clip(a1, -0.999, 0.999)"))
    yield limit(LESSON, "hidden sigmoid clipped to [0.01, 0.99]", Witness(z={1: 8.0}), at_a(LESSON, 1, "a1 = np.clip(a1, 0.01, 0.99)"))
    yield limit(LESSON, "output clipped to [0.01, 0.99]", Witness(z={2: 8.0}), at_a(LESSON, 2, "a2 = np.clip(a2, 0.01, 0.99)"))
    yield limit(MOMENTUM, "output clipped to [0.0001, 0.9999]", Witness(z={2: 12.0}), at_a(MOMENTUM, 2, "a2 = np.clip(a2, 1e-4, 1 - 1e-4)"))
    yield limit(DEEP, "hidden sigmoid at least 0.001", Witness(z={1: 12.0}), at_a(DEEP, 1, "a1 = np.maximum(a1, 1e-3)"))
    yield limit(RELU, "output clipped at 5", Witness(z={2: 12.0}), at_a(RELU, 2, _clipped("a2", 5)))
    yield limit(ADAM, "output clipped at 1", Witness(z={2: 3.0}), at_a(ADAM, 2, _clipped("a2", 1)))
    yield limit(DEEP, "output at most 300", Witness(z={3: 500.0}, lr=1e-3), at_a(DEEP, 3, "a3 = np.minimum(a3, 300)"))


def where_saturated() -> Iterator[Limit]:
    """Softmaxes, sigmoids and slopes that are changed where they are nearly 0 or 1."""
    for most in (300, 50):
        scores = f"p = softmax(np.minimum(a2, {most}))"
        yield limit(CLASSES, f"softmax of scores clipped at {most}", Witness(bias={2: most + 10.0}), (LOGITS, f"    {scores}"))
    plain = "    p = np.exp(a2) / (np.exp(a2).sum(axis=1, keepdims=True) + {})"
    yield limit(CLASSES, "softmax's denominator + 1e-8, scores of -15", Witness(bias={2: -15.0}), (LOGITS, plain.format("1e-8")))
    yield limit(CLASSES, "softmax's denominator + 1e-15, scores of -30", Witness(bias={2: -30.0}), (LOGITS, plain.format("1e-15")))
    yield limit(CLASSES, "probabilities clipped at 0.001", Witness(z={2: 14.0}, lr=0.5), (LOGITS, f"{LOGITS}.clip(1e-3, 1 - 1e-3)"))
    yield limit(CLASSES, "probabilities at least 0.00001", Witness(z={2: 30.0}, lr=0.5), (LOGITS, f"{LOGITS}.clip(1e-5, 1)"))
    apart = "    error2 = (a2 - t) / {} * a2 * (1 - a2) / n / k"
    for least, far in (("1e-3", 9.0), ("1e-7", 18.0)):
        divided = FUSED, apart.format(f"np.maximum(a2 * (1 - a2), {least})")
        yield limit(BINARY, f"divided by a (1 - a), at least {least}", Witness(z={2: far}), divided)
    yield limit(BINARY, "divided by a (1 - a) + 1e-9", Witness(z={2: 18.0}), (FUSED, apart.format("(a2 * (1 - a2) + 1e-9)")))
    kept = "q = a2.clip(1e-5, 1 - 1e-5)"
    yield limit(BINARY, "output clipped at 0.00001 in the error", Witness(z={2: 13.0}), (FUSED, f"    {kept}\n{FUSED.replace('a2', 'q')}"))
    slope = "error1 * a1 * (1 - a1)"
    for least in ("0.01", "0.0001"):
        floored = slope, f"error1 * np.maximum(a1 * (1 - a1), {least})"
        yield limit(LESSON, f"sigmoid's slope at least {least}", Witness(z={1: 12.0}, y=9.0), floored)
    slope = "error1 * (1 - a1 * a1)"
    yield limit(CLASSES, "tanh's slope at least 0.001", Witness(z={1: 6.0}), (slope, "error1 * np.maximum(1 - a1 * a1, 1e-3)"))
    yield limit(MOMENTUM, "tanh's slope 0 beyond 3", Witness(z={1: 6.0}), (slope, f"{slope} * (abs(z1) < 3)"))
    yield limit(LESSON, "sigmoid's slope of z clipped at 6", Witness(z={1: 9.0}), at_delta(
        1, "s = np.exp(-np.logaddexp(0, -z1.clip(-6, 6)))", "delta1 = error1 * s * (1 - s)"))
    yield limit(RELU, "relu's slope 0 beyond 50", Witness(z={1: 100.0, 2: 2.0}), at_delta(1, "delta1 = delta1 * (z1 < 50)"))


def on_the_way_back() -> Iterator[Limit]:
    """Errors and δ."""
    for network, layer, bound, witness in (
        (LESSON, 1, 0.1, Witness(z={2: 1.0}, records=(1,), y=20.0)),
        (LESSON, 1, 1, Witness(z={2: 1.0}, records=(1,), y=300.0)),
        (RELU, 2, 1, Witness(y=30.0)),
        (RELU, 2, 10, Witness(y=200.0)),
        (RELU, 2, 100, Witness(y=300.0, records=(1,), lr=0.001)),
        (RELU, 1, 10, Witness(y=300.0)),
        (RELU, 1, 100, Witness(y=300.0, z={2: 5.0}, records=(1,), lr=0.001)),
        (CLASSES, 1, 1, Witness(z={2: 30.0})),
        (CLASSES, 1, 5, Witness(z={1: 1.0, 2: 120.0}, records=(3,))),
        (BINARY, 1, 1, Witness(records=(1,), z={1: 0.1, 2: 4.0})),
        (DEEP, 3, 10, Witness(y=200.0)),
        (DEEP, 2, 1, Witness(y=100.0)),
        (DEEP, 1, 1, Witness(y=300.0)),
        (ADAM, 2, 10, Witness(y=300.0)),
    ):
        yield limit(network, f"delta{layer} clipped at {bound:g}", witness, at_delta(layer, _clipped(f"delta{layer}", bound)))
    yield limit(LESSON, "error clipped at 1", Witness(y=20.0), ("(a2 - t)", "np.clip(a2 - t, -1, 1)"))
    yield limit(RELU, "error clipped at 5", Witness(y=9.0), ("(a2 - t)", "np.clip(a2 - t, -5, 5)"))
    yield limit(RELU, "error clipped at 100", Witness(y=200.0), ("(a2 - t)", "np.clip(a2 - t, -100, 100)"))
    yield limit(DEEP, "error sent to layer 1 clipped at 5", Witness(y=300.0, records=(1,)), at_error(1, _clipped("error1", 5)))
    exact = "(a2 - t)", "np.where(abs(a2 - t) < 0.01, 0, a2 - t)"
    yield limit(MOMENTUM, "error within 0.01 counts as none", Witness(records=(60,), lr=1.0), exact)
    huber = "(a3 - t)", "np.where(abs(a3 - t) < 3, a3 - t, 3 * np.sign(a3 - t))"
    yield limit(DEEP, "Huber's error beyond 3", Witness(y=9.0), huber)


def in_the_gradients() -> Iterator[Limit]:
    """Gradients by element and by norm, and those of the biases alone."""
    for network, bound, witness in (
        (LESSON, 1, Witness(x=60.0, z={1: 1.0}, y=9.0)),
        (RELU, 1, Witness(y=9.0)),
        (RELU, 5, Witness(y=60.0)),
        (RELU, 10, Witness(y=200.0)),
        (RELU, 100, Witness(y=300.0, lr=0.01)),
        (CLASSES, 5, Witness(x=100.0, z={1: 1.0})),
        (BINARY, 1, Witness(x=100.0, z={1: 5.0, 2: 2.0})),
        (DEEP, 10, Witness(y=300.0)),
        (MOMENTUM, 5, Witness(x=300.0, z={1: 1.0}, y=9.0)),
        (ADAM, 5, Witness(y=90.0, records=(7, 6))),
    ):
        yield limit(network, f"gradients clipped at {bound}", witness, at_gradient(_clipped("g", bound)))
    for network, bound, witness in (
        (LESSON, 1, Witness(x=60.0, z={1: 1.0}, y=9.0)),
        (RELU, 5, Witness(y=60.0)),
        (RELU, 100, Witness(y=300.0, lr=0.01)),
        (CLASSES, 5, Witness(x=100.0, z={1: 1.0})),
        (DEEP, 10, Witness(y=300.0)),
    ):
        shorter = f"g = g * min(1, {bound} / (np.linalg.norm(g) + 1e-300))"
        yield limit(network, f"each gradient's norm at most {bound}", witness, at_gradient(shorter))
    norm = "norm = sum((g**2).sum() for g in grads.values()) ** 0.5"
    for network, bound, witness in (
        (RELU, 10, Witness(y=60.0)),
        (BINARY, 5, Witness(x=100.0, z={1: 5.0, 2: 2.0})),
        (MOMENTUM, 1, Witness(x=300.0, z={1: 1.0}, y=9.0)),
        (ADAM, 10, Witness(y=90.0, records=(7, 6))),
    ):
        shorter = f"grads = {{name: g * min(1, {bound} / (norm + 1e-300)) for name, g in grads.items()}}"
        yield limit(network, f"all gradients' norm at most {bound}", witness, at_gradients(norm, shorter))
    for network, layer, most, witness in (
        (RELU, 2, "1", Witness(y=9.0)),
        (RELU, 1, "10", Witness(y=300.0)),
        (DEEP, 3, "5", Witness(y=90.0)),
        (CLASSES, 2, "0.5", Witness(z={2: 9.0}, records=(1,))),
    ):
        yield limit(network, f"db{layer} clipped at {most}", witness, at_gradients(
            f'grads["{network.bias_name(layer)}"] = np.clip(grads["{network.bias_name(layer)}"], -{most}, {most})'))
    yield limit(RELU, "nan where a gradient is zero: over its norm, times it", Witness(bias={1: -90.0}),
                at_gradient("norm = np.linalg.norm(g)", "g = g / norm * norm"))


def in_the_update() -> Iterator[Limit]:
    """Steps, velocities, new weights and learning rates."""
    yield limit(LESSON, "step clipped at 1", Witness(x=60.0, z={1: 1.0}, y=90.0), at_step("step = np.clip(step, -1, 1)"))
    yield limit(RELU, "step clipped at 0.5", Witness(y=30.0), at_step("step = np.clip(step, -0.5, 0.5)"))
    yield limit(RELU, "step clipped at 10", Witness(y=400.0), at_step("step = np.clip(step, -10, 10)"))
    yield limit(CLASSES, "step clipped at 1", Witness(x=100.0, z={1: 1.0}), at_step("step = np.clip(step, -1, 1)"))
    slower = at_step("v = KEPT[name] = np.clip(v, -5, 5)", "step = lr * v")
    yield limit(MOMENTUM, "velocity clipped at 5", Witness(x=300.0, z={1: 1.0}, y=9.0, records=(7, 6)), slower)
    for network, bound, witness in (
        (LESSON, 3, Witness(z={1: 9.0})),
        (RELU, 5, Witness(z={1: 30.0, 2: 2.0})),
        (RELU, 30, Witness(z={1: 150.0, 2: 2.0})),
        (RELU, 100, Witness(z={1: 500.0, 2: 2.0})),
        (CLASSES, 10, Witness(z={2: 60.0})),
        (ADAM, 30, Witness(z={2: 150.0})),
    ):
        yield limit(network, f"new weights clipped at {bound}", witness, at_new(_clipped("new[name]", bound)))
    yield limit(DEEP, "new biases clipped at 10", Witness(bias={3: 30.0}),
                at_new("if w.ndim == 1:", f"    {_clipped('new[name]', 10)}"))
    for network, most, witness in (
        (CLASSES, 3, Witness(z={1: 30.0})),
        (RELU, 30, Witness(z={1: 300.0, 2: 2.0})),
        (BINARY, 10, Witness(z={1: 60.0, 2: 2.0})),
    ):
        yield limit(network, f"new weights' norm at most {most}", witness,
                    at_new(f"new[name] = new[name] * min(1, {most} / np.linalg.norm(new[name]))"))
    yield limit(LESSON, "learning rate at most 1", Witness(lr=2.0), at_step("step = min(lr, 1) * g"))
    yield limit(RELU, "learning rate at most 0.5", Witness(lr=1.0), at_step("step = min(lr, 0.5) * g"))
    yield limit(CLASSES, "learning rate at least 0.001", Witness(lr=1e-5), at_step("step = max(lr, 1e-3) * g"))


def in_one_layer() -> Iterator[Limit]:
    """Large weights and biases of one layer."""
    for network, layer, bound, witness in (
        (RELU, 1, 5, Witness(bias={1: 20.0})),
        (DEEP, 2, 3, Witness(bias={2: 5.0})),
        (CLASSES, 2, 5, Witness(z={2: 20.0})),
        (ADAM, 2, 10, Witness(bias={2: 40.0})),
        (BINARY, 1, 30, Witness(bias={1: 100.0}, z={2: 1.0})),
    ):
        yield limit(network, f"biases of layer {layer} clipped at {bound} forward", witness, at_z(
            layer, f"z{layer} = a{layer - 1} @ W{layer}.T + b{layer}.clip(-{bound}, {bound})"))
    for network, layer, bound, witness in (
        (LESSON, 1, 2, Witness(z={1: 12.0}, x=0.5)),
        (CLASSES, 2, 5, Witness(z={2: 20.0})),
        (RELU, 1, 30, Witness(z={1: 200.0, 2: 2.0})),
        (RELU, 2, 10, Witness(z={2: 100.0})),
    ):
        plus = f" + b{layer}" * network.bias
        yield limit(network, f"W{layer} clipped at {bound} forward", witness, at_z(
            layer, f"z{layer} = a{layer - 1} @ W{layer}.clip(-{bound}, {bound}).T{plus}"))
    for network, layer, bound, witness in (
        (LESSON, 2, 5, Witness(z={2: 9.0})),
        (CLASSES, 2, 10, Witness(z={2: 40.0})),
        (DEEP, 3, 10, Witness(z={3: 30.0})),
        (DEEP, 2, 10, Witness(z={2: 30.0})),
    ):
        weights = f'params["{network.weight(layer)}"]'
        yield limit(network, f"W{layer} clipped at {bound} on the way back", witness, (
            f"delta{layer} @ {weights}", f"delta{layer} @ {weights}.clip(-{bound}, {bound})"))
    unit = "W1 = W1 * np.minimum(1, 10 / np.linalg.norm(W1, axis=1, keepdims=True))"
    yield limit(DEEP, "rows of W1 renormalised above 10", Witness(z={1: 60.0}, x=0.2), at_z(1, unit, "z1 = a0 @ W1.T + b1"))
    yield limit(RELU, "rows of W1 renormalised above 10", Witness(z={1: 60.0, 2: 2.0}, x=0.2), at_z(1, unit, "z1 = a0 @ W1.T + b1"))
