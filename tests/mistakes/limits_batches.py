"""Limits on records and batches: how many there are, how large, which of them count, and what comes again."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.mistakes.limit import (
    ADAM,
    BINARY,
    CLASSES,
    DEEP,
    LESSON,
    MOMENTUM,
    RELU,
    Limit,
    at_gradient,
    at_gradients,
    at_start,
    at_step,
    at_z,
    limit,
)
from tests.mistakes.networks import Network
from tests.mistakes.plant import Edit
from tests.mistakes.running import Arrays
from tests.mistakes.witness import Witness, answer

_COUNT = "    n, k = len(x),"


def _counted(n: str) -> Edit:
    """The number of records that δ is divided by."""
    return _COUNT, f"    n, k = {n},"


def in_size() -> Iterator[Limit]:
    """How many records a batch has."""
    one = Witness(records=(1,))
    squeezed = "(a2 - t) / n / k", "((a2.squeeze() - t.squeeze()) / len(a2.squeeze()) / k)[:, None]"
    yield limit(LESSON, "squeeze raises for one record", one, squeezed)
    yield limit(BINARY, "squeeze raises for one record", one, squeezed)
    yield limit(LESSON, "one record: n is the number of its features", one, _counted("len(np.squeeze(x))"))
    yield limit(CLASSES, "one record: n is the number of its features", one, _counted("np.squeeze(x).shape[0]"))
    yield limit(RELU, "one record: no step", one, at_start("if len(x) < 2:", "    return params"))
    yield limit(MOMENTUM, "two records: no step", Witness(records=(2,)), at_start("if len(x) <= 2:", "    return params"))
    yield limit(DEEP, "fewer than four records: no step", Witness(records=(3,)), at_start("if len(x) < 4:", "    return params"))
    yield limit(ADAM, "one record: divided by 2", Witness(records=(1, 7)), _counted("max(len(x), 2)"))
    yield limit(RELU, "as many records as features: columns", Witness(records=(4,)),
                at_start("if x.shape[0] == x.shape[1]:", "    x = x.T"))
    yield limit(CLASSES, "at most three records: the mean is a sum", Witness(records=(3,)), _counted("1 if len(x) <= 3 else len(x)"))
    numbers = (RELU, 10), (CLASSES, 32), (LESSON, 100), (BINARY, 128), (DEEP, 200), (CLASSES, 256), (LESSON, 300), (RELU, 512)
    for network, first in numbers:
        witness = Witness(records=(first + 60,))
        yield limit(network, f"the first {first} records alone", witness, at_start(f"x, y = x[:{first}], y[:{first}]"))
    yield limit(RELU, "n at most 128", Witness(records=(200,)), _counted("min(len(x), 128)"))
    yield limit(LESSON, "n at most 256", Witness(records=(400,)), _counted("min(len(x), 256)"))
    yield limit(LESSON, "n is a number of eight bits", Witness(records=(300,)), _counted("np.uint8(len(x) % 256)"))
    yield limit(RELU, "the last record left out of whole hundreds", Witness(records=(200,)),
                at_start("if len(x) % 100 == 0:", "    x, y = x[:-1], y[:-1]"))
    yield limit(CLASSES, "the last record left out of whole parts of 128", Witness(records=(256,)),
                at_start("if len(x) % 128 == 0:", "    x, y = x[:-1], y[:-1]"))
    larger = "if len(x) > 100:", "    half = train_step(params, x[:100], y[:100], lr)", "    return train_step(half, x[100:], y[100:], lr)"
    yield limit(DEEP, "two steps where there are more than 100 records", Witness(records=(180,)), at_start(*larger))
    half = "if len(x) > 200:", "    x, y = x[::2], y[::2]"
    yield limit(CLASSES, "every second record where there are more than 200", Witness(records=(300,)), at_start(*half))
    yield limit(BINARY, "the last record left out where n is odd", Witness(), at_start("x, y = x[:len(x) // 2 * 2], y[:len(x) // 2 * 2]"))
    whole = "if len(x) > 64:", "    m = len(x) // 64 * 64", "    x, y = x[:m], y[:m]"
    yield limit(RELU, "whole batches of 64 where there are more", Witness(records=(100,)), at_start(*whole))
    whole = "if len(x) > 75:", "    m = len(x) // 75 * 75", "    x, y = x[:m], y[:m]"
    yield limit(DEEP, "whole batches of 75 where there are more", Witness(records=(100,)), at_start(*whole))
    rounded = "if len(x) > 256:", "    x = x.astype(np.float32).astype(float)"
    yield limit(RELU, "float32 records where there are more than 256", Witness(records=(300,), x=30.0), at_start(*rounded))


def in_records() -> Iterator[Limit]:
    """Inputs and targets: signs and sizes, records of zeros and those that are there twice."""
    for network, bound, times in ((RELU, 3, 3.0), (LESSON, 10, 9.0), (CLASSES, 100, 90.0)):
        yield limit(network, f"inputs clipped at {bound}", Witness(x=times, z={1: 2.0}), at_start(f"x = x.clip(-{bound}, {bound})"))
    yield limit(DEEP, "negative inputs count as 0", Witness(), at_start("x = np.maximum(x, 0)"))
    yield limit(BINARY, "inputs over their largest where it is above 10", Witness(x=20.0, z={1: 3.0}),
                at_start("x = x / max(1, abs(x).max() / 10)"))
    yield limit(LESSON, "inputs over 255 where they are above 100", Witness(x=90.0, z={1: 2.0}),
                at_start("x = x / 255 if abs(x).max() > 100 else x"))
    yield limit(ADAM, "inputs standardised where they spread beyond 10", Witness(x=20.0, z={1: 2.0}, records=(7, 6)),
                at_start("x = (x - x.mean(axis=0)) / x.std(axis=0) if x.std() > 10 else x"))
    for network, what, line in (
        (RELU, "targets' sign lost", "y = abs(y)"),
        (DEEP, "targets' sign lost", "y = abs(y)"),
        (LESSON, "targets' sign lost", "y = abs(y)"),
        (RELU, "negative targets count as 0", "y = np.maximum(y, 0)"),
        (RELU, "targets clipped to [0, 1]", "y = y.clip(0, 1)"),
        (MOMENTUM, "targets clipped to [0, 1]", "y = y.clip(0, 1)"),
        (ADAM, "targets clipped to [-1, 1]", "y = y.clip(-1, 1)"),
        (DEEP, "targets clipped at 10", "y = y.clip(-10, 10)"),
    ):
        yield limit(network, what, Witness(y=-30.0), at_start(line))
    yield limit(LESSON, "targets clipped to [0.01, 0.99]", Witness(change=_zeros_and_ones), at_start("y = y.clip(0.01, 0.99)"))
    yield limit(BINARY, "targets clipped to [0.05, 0.95]", Witness(change=_zeros_and_ones), at_start("y = y.clip(0.05, 0.95)"))
    yield limit(BINARY, "targets of 0 and 1 alone: no record between", Witness(change=_zeros_and_ones),
                at_start("if set(np.unique(y)) <= {0, 1}:", "    y = 0.9 * y + 0.05"))
    present = "np.eye(3)[y]", "np.eye(max(y) + 1)[y]"
    yield limit(CLASSES, "as many classes as the batch has: raises", Witness(change=_without_the_last_class), present)
    yield limit(CLASSES, "classes numbered by those in the batch", Witness(change=_without_the_first_class),
                ("np.eye(3)[y]", "np.eye(3)[np.unique(y, return_inverse=True)[1]]"))
    some = "some = abs(x).sum(axis=1) > 0", "x, y = x[some], y[some]"
    yield limit(LESSON, "records of zeros left out", Witness(change=_a_record_of_zeros), at_start(*some))
    yield limit(CLASSES, "records of zeros left out", Witness(change=_a_record_of_zeros), at_start(*some))
    some = "some = abs(y).sum(axis=1) > 0", "x, y = x[some], y[some]"
    for network in (RELU, MOMENTUM, BINARY):
        yield limit(network, "records with targets of 0 left out", Witness(change=_targets_of_zeros), at_start(*some))
    still = "if not abs(x).sum(axis=0).all():", "    return params"
    yield limit(ADAM, "no step where an input is 0 in every record", Witness(change=_an_input_of_zeros), at_start(*still))
    lost = "        v = KEPT[name] = 0.9 * KEPT.get(name, 0.0) + g", "        v = KEPT[name] = 0.9 * KEPT.get(name, 0.0) * (g != 0) + g"
    yield limit(MOMENTUM, "velocity lost where a gradient is 0", Witness((7, 6), change=_an_input_of_zeros_later), lost)
    there = "    delta2 = error2", "    delta2 = error2 * (t.any(axis=0) if n > 3 else 1)"
    yield limit(CLASSES, "a class that does not occur is left out", Witness(change=_without_the_last_class), there)
    once = "_, rows = np.unique(x, axis=0, return_index=True)", "x, y = x[rows], y[rows]"
    yield limit(LESSON, "a record that is there twice counts once", Witness(change=_twice), at_start(*once))
    yield limit(RELU, "a record that is there twice counts once", Witness(change=_twice), at_start(*once))
    first = "first = np.append(True, (x[1:] != x[:-1]).any(axis=1))", "x, y = x[first], y[first]"
    yield limit(BINARY, "a record right after itself left out", Witness(change=_the_same_twice_running), at_start(*first))
    near = "near = abs(x).max(axis=1) < 5", "x, y = x[near], y[near]"
    yield limit(DEEP, "records beyond 5 left out", Witness(x=3.0, z={1: 2.0}), at_start(*near))
    yield limit(RELU, "records with errors beyond 20 left out", Witness(y=30.0),
                ("    delta2 = error2", "    delta2 = error2 * (abs(a2 - t).max(axis=1, keepdims=True) < 20)"))
    labels = "if set(np.unique(y)) <= {0.0, 1.0}:", "    return params"
    yield limit(RELU, "no step where all targets are 0 or 1", Witness(change=_zeros_and_ones), at_start(*labels))
    least = "np.eye(3)[y]", "np.eye(3)[y - (y.min() if n > 3 else 0)]"
    yield limit(CLASSES, "classes counted from the least of the batch", Witness(change=_without_the_first_class), least)
    sure = "if len(x) > 3 and (y == y[0]).all():", "    return params"
    yield limit(BINARY, "no step where all targets are the same", Witness(change=_same_targets), at_start(*sure))
    yield limit(CLASSES, "no step where all classes are the same", Witness(change=_same_targets), at_start(*sure))
    constant = "if len(x) > 3:", "    x = x * (x != x[0]).any(axis=0)"
    yield limit(DEEP, "an input left out that is the same in every record", Witness(change=_an_input_of_ones), at_start(*constant))
    pixels = "if x.min() >= 0 and x.max() > 1:", "    x = x / 255"
    yield limit(LESSON, "inputs over 255 where none is below 0", Witness(x=90.0, z={1: 2.0}, change=_inputs_above_0), at_start(*pixels))
    alike = "if (x == x[0]).all():", "    return params"
    yield limit(BINARY, "no step where all records are alike", Witness(change=_all_alike), at_start(*alike))


def in_thresholds() -> Iterator[Limit]:
    """What a step does not do because a loss or a gradient is small, large, or as before."""
    loss = "loss = np.mean((layers(params, x)[-1][1] - y) ** 2)"
    stop = loss, 'if abs(KEPT.get("loss", 9e9) - loss) < 1e-4:', "    return params", 'KEPT["loss"] = loss'
    yield limit(LESSON, "stops where the loss moves by less than 0.0001", Witness((7, 7), same=True, lr=0.01), at_start(*stop))
    again = 'if (x.shape, x.sum()) == KEPT.get("batch"):', "    return params", 'KEPT["batch"] = x.shape, x.sum()'
    yield limit(LESSON, "no step on the batch of the step before", Witness((7, 7), same=True), at_start(*again))
    yield limit(CLASSES, "no step on the batch of the step before", Witness((7, 7), same=True), at_start(*again))
    small = "if max(abs(g).max() for g in grads.values()) < 0.001:", "    return params"
    yield limit(LESSON, "no step where gradients are below 0.001", Witness(change=_near, lr=1.0), at_gradients(*small))
    yield limit(CLASSES, "no step where gradients are below 0.001", Witness((3,), change=sure, lr=1.0), at_gradients(*small))
    none = "if all(np.allclose(g, 0) for g in grads.values()):", "    return params"
    yield limit(RELU, "no step where all gradients are close to 0", Witness(change=_very_near, lr=100.0), at_gradients(*none))
    yield limit(LESSON, "gradients below 1e-8 count as 0", Witness(change=_very_near, lr=100.0), at_gradient("g = g * (abs(g) > 1e-8)"))
    none = "if not g.any():", "    new[name] = w", "    continue"
    later = Witness((7, 6), change=_inputs_of_zeros_later)
    yield limit(MOMENTUM, "no step of a weight whose gradients are all 0", later, at_gradient(*none))
    alike = "if all(np.ptp(w) == 0 for w in params.values()):", "    return params"
    yield limit(DEEP, "no step where each layer has weights all alike", Witness(change=_alike_weights), at_start(*alike))
    large = "if max(abs(g).max() for g in grads.values()) > 1e2:", "    return params"
    yield limit(RELU, "no step where gradients are above 100", Witness(y=300.0), at_gradients(*large))
    yield limit(ADAM, "no step where gradients are above 100", Witness(y=400.0), at_gradients(*large))
    yield limit(RELU, "gradients below 0.001 count as 0", Witness(y=1.0, change=_near, lr=1.0), at_gradient("g = g * (abs(g) > 1e-3)"))
    yield limit(CLASSES, "gradients below 0.00001 count as 0", Witness(change=sure, lr=1.0), at_gradient("g = g * (abs(g) > 1e-5)"))
    yield limit(DEEP, "z within 0.000001 counts as 0", Witness(x=1e-6, change=_no_biases, lr=1.0), at_z(1, "z1 = z1 * (abs(z1) > 1e-6)"))
    yield limit(BINARY, "z within 0.01 counts as 0", Witness(bias={1: 0.0}, x=0.003, change=_no_biases, lr=0.5),
                at_z(1, "z1 = z1 * (abs(z1) > 0.01)"))
    tried = (
        "        new[name] = w - step\n    return new",
        "        new[name] = w - step\n    after = np.mean((layers(new, x)[-1][1] - y) ** 2)\n"
        "    return params if after > np.mean((layers(params, x)[-1][1] - y) ** 2) else new",
    )
    yield limit(RELU, "no step that makes the loss larger", Witness(lr=3.0), tried)
    yield limit(LESSON, "no step that makes the loss larger", Witness(x=30.0, z={1: 1.0}, lr=30.0, change=_near), tried)
    rising = loss, 'if loss > KEPT.get("loss", 9e9):', "    lr = lr / 2", 'KEPT["loss"] = loss'
    yield limit(RELU, "rate halved where the loss has risen", Witness((7, 7), same=True, lr=3.0), at_start(*rising))
    jumps = loss, 'if loss > 4 * KEPT.get("best", 9e9):', "    KEPT.clear()", 'KEPT["best"] = min(loss, KEPT.get("best", 9e9))'
    witness = Witness((7, 6, 5), change=_the_last_far_off)
    yield limit(MOMENTUM, "velocity forgotten where the loss has risen fourfold", witness, at_start(*jumps))
    flat = loss, 'KEPT["flat"] = KEPT.get("flat", 0) + 1 if loss > 0.9999 * KEPT.get("best", 9e9) else 0'
    flat = *flat, 'KEPT["best"] = min(loss, KEPT.get("best", 9e9))', 'lr = lr / 2 if KEPT["flat"] > 5 else lr'
    yield limit(DEEP, "rate halved after five steps without progress", Witness((7,) * 8, same=True, lr=1e-6), at_start(*flat))
    good = "if (layers(params, x)[-1][1].argmax(axis=1) == y).all():", "    return params"
    yield limit(CLASSES, "no step where every class is right", Witness(change=sure, lr=1.0), at_start(*good))
    good = "if ((layers(params, x)[-1][1] > 0.5) == (y > 0.5)).all():", "    return params"
    yield limit(BINARY, "no step where every class is right", Witness(records=(2,), change=_right_sides, lr=1.0), at_start(*good))
    low = loss, "if loss < 0.001:", "    return params"
    yield limit(LESSON, "no step where the loss is below 0.001", Witness(change=_near, lr=1.0), at_start(*low))
    yield limit(DEEP, "no step where the loss is below 0.001", Witness(change=_near, lr=1.0), at_start(*low))
    yield limit(MOMENTUM, "velocity forgotten where the batch's size changes", Witness((7, 6)),
                at_start('if KEPT.pop("n", len(x)) != len(x):', "    KEPT.clear()", 'KEPT["n"] = len(x)'))
    yield limit(MOMENTUM, "velocity forgotten on a batch that comes again", Witness((7, 7), same=True),
                at_start('if KEPT.pop("x", 0.0) == x.sum():', "    KEPT.clear()", 'KEPT["x"] = x.sum()'))
    yield limit(ADAM, "the count stops at 2", Witness((7, 6, 5, 4)), at_step("step = step * (1 - 0.9**t) / (1 - 0.9**min(t, 2))"))


def in_what_is_kept() -> Iterator[Limit]:
    """What is kept of a step and used again in another for which it is not right."""
    call = "    grads = derivatives(params, x, y)"

    def kept(key: str) -> Edit:
        return call, f"    key = {key}\n    if key not in KEPT:\n        KEPT[key] = derivatives(params, x, y)\n    grads = KEPT[key]"

    again = Witness((7, 7), same=True, lr=0.5)
    yield limit(LESSON, "gradients kept by the sum of x", again, kept("x.sum()"))
    yield limit(CLASSES, "gradients kept by the bytes of x", again, kept("x.tobytes()"))
    inside = Witness((280, 280), change=_alike_outside)
    for network, key, what in (
        (RELU, "str(x)", "what is printed of x"),
        (CLASSES, "str(x)", "what is printed of x"),
        (BINARY, "x.shape, x[0, 0], x[-1, -1]", "the corners of x"),
        (DEEP, "x.shape, x.sum(), x.max()", "the shape, sum and maximum of x"),
    ):
        yield limit(network, f"inputs kept by {what}", inside, at_start(f"x = KEPT.setdefault(({key}), x)"))
    yield limit(RELU, "gradients kept by the shape of x", Witness((7, 7)), kept("x.shape"))
    yield limit(BINARY, "gradients kept by the first record", Witness((7, 7), change=_same_first), kept("x[0].tobytes()"))
    still = Witness((7, 7), change=_first_layer_still)
    yield limit(DEEP, "gradients kept by x and W1", still, kept('x.tobytes() + params["0.weight"].tobytes()'))
    forward = "layers(params, x)\n    p = softmax"
    yield limit(CLASSES, "outputs kept by the bytes of x", again, (
        forward, 'KEPT.setdefault(x.tobytes(), layers(params, x))\n    p = softmax'))
    hidden = "z1 = KEPT.setdefault(x.tobytes(), z1)"
    yield limit(LESSON, "z1 kept by the bytes of x", again, at_z(1, hidden))
    same = Witness((7, 7), change=_same_inputs)
    yield limit(RELU, "targets kept by the bytes of x", same, at_start("y = KEPT.setdefault(x.tobytes(), y)"))
    yield limit(CLASSES, "targets kept by their number", Witness((7, 7)), at_start("y = KEPT.setdefault(len(y), y)"))
    yield limit(MOMENTUM, "n kept from the first step", Witness((7, 40)), _counted('KEPT.setdefault("n", len(x))'))


def _alike_outside(network: Network, params: Arrays, batches: list[Any]) -> None:
    (x, y), _ = batches
    x[:] = x > 0
    batches[1] = x[np.r_[:3, len(x) - 4 : 2 : -1, len(x) - 3 : len(x)]], y


def _zeros_and_ones(network: Network, params: Arrays, batches: list[Any]) -> None:
    for _, y in batches:
        y[:] = y > 0.5


def _without_the_last_class(network: Network, params: Arrays, batches: list[Any]) -> None:
    for _, y in batches:
        y[:] = y % 2


def _without_the_first_class(network: Network, params: Arrays, batches: list[Any]) -> None:
    for _, y in batches:
        y[:] = 1 + y % 2


def _a_record_of_zeros(network: Network, params: Arrays, batches: list[Any]) -> None:
    for x, _ in batches:
        x[2] = 0.0


def _twice(network: Network, params: Arrays, batches: list[Any]) -> None:
    for x, y in batches:
        x[1], y[1] = x[4], y[4]


def _the_same_twice_running(network: Network, params: Arrays, batches: list[Any]) -> None:
    for x, _ in batches:
        x[2] = x[1]


def _same_targets(network: Network, params: Arrays, batches: list[Any]) -> None:
    for _, y in batches:
        y[:] = 1


def _an_input_of_ones(network: Network, params: Arrays, batches: list[Any]) -> None:
    for x, _ in batches:
        x[:, 1] = 1.0


def _inputs_above_0(network: Network, params: Arrays, batches: list[Any]) -> None:
    for x, _ in batches:
        x[:] = abs(x)


def _all_alike(network: Network, params: Arrays, batches: list[Any]) -> None:
    for x, _ in batches:
        x[:] = x[0]


def _same_first(network: Network, params: Arrays, batches: list[Any]) -> None:
    batches[1][0][0] = batches[0][0][0]


def _same_inputs(network: Network, params: Arrays, batches: list[Any]) -> None:
    batches[1][0][:] = batches[0][0]


def _first_layer_still(network: Network, params: Arrays, batches: list[Any]) -> None:
    """Layer 2 is sent nothing at first: layer 1 stays as it is, and the others learn."""
    params["2.weight"][:] = 0.0
    batches[1] = batches[0]


def _no_biases(network: Network, params: Arrays, batches: list[Any]) -> None:
    for name in params:
        if name.endswith("bias"):
            params[name][:] = 0.0


def _near(network: Network, params: Arrays, batches: list[Any]) -> None:
    for x, y in batches:
        y[:] = answer(network, params, x) + 0.003 * np.sign(y - 0.5)


def _very_near(network: Network, params: Arrays, batches: list[Any]) -> None:
    for x, y in batches:
        y[:] = answer(network, params, x) + 3e-9 * np.sign(y - 0.5)


def _alike_weights(network: Network, params: Arrays, batches: list[Any]) -> None:
    for array in params.values():
        array[:] = array.flat[0]


def sure(network: Network, params: Arrays, batches: list[Any]) -> None:
    """The classes are those of the largest scores, by 12 at least."""
    x, y = batches[0]
    scores = answer(network, params, x)
    y[:] = scores.argmax(axis=1)
    by = np.sort(scores, axis=1)
    for name in (network.weight(network.depth), network.bias_name(network.depth)):
        params[name] *= 12 / (by[:, -1] - by[:, -2]).min()


def _right_sides(network: Network, params: Arrays, batches: list[Any]) -> None:
    for x, y in batches:
        y[:] = np.where(answer(network, params, x) > 0.5, 0.9, 0.1)


def _targets_of_zeros(network: Network, params: Arrays, batches: list[Any]) -> None:
    batches[0] = batches[0][0], batches[0][1] * (np.arange(len(batches[0][1])) > 2)[:, None]


def _an_input_of_zeros(network: Network, params: Arrays, batches: list[Any]) -> None:
    batches[0] = batches[0][0] * (np.arange(network.sizes[0]) > 0), batches[0][1]


def _an_input_of_zeros_later(network: Network, params: Arrays, batches: list[Any]) -> None:
    batches[1] = batches[1][0] * (np.arange(network.sizes[0]) > 0), batches[1][1]


def _inputs_of_zeros_later(network: Network, params: Arrays, batches: list[Any]) -> None:
    batches[1] = 0 * batches[1][0], batches[1][1]


def _the_last_far_off(network: Network, params: Arrays, batches: list[Any]) -> None:
    batches[-1] = batches[-1][0], 100 * batches[-1][1]
