"""Limits on ordinary data: whole numbers, targets of two values, rare classes; and on losses that rise or jump."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.mistakes.limit import BINARY, CLASSES, DEEP, RELU, Limit, at_error, at_gradients, at_start, limit
from tests.mistakes.limits_batches import sure
from tests.mistakes.networks import Network
from tests.mistakes.running import Arrays
from tests.mistakes.witness import Witness, answer


def in_numbers() -> Iterator[Limit]:
    """Whole numbers beyond what few bits hold, and numbers of two kinds."""
    wrapped = "if ({0} == np.round({0})).all():", "    {0} = ({0} + {1}) % {2} - {1}"
    for network, name, change, bits in ((RELU, "y", _counts, 8), (DEEP, "y", _members, 11), (CLASSES, "x", _grey, 8)):
        half, whole = 2 ** (bits - 1), 2**bits
        lines = (line.format(name, half, whole) for line in wrapped)
        what = "targets" if name == "y" else "inputs"
        yield limit(network, f"whole {what} in {bits} bits", Witness(change=change, lr=1e-4), at_start(*lines))
    pixels = "if x.min() >= 0 and x.max() > 1 and (x == np.round(x)).all():", "    x = x / 255"
    yield limit(CLASSES, "whole inputs from 0 to 255 taken for pixels", Witness(change=_grey, lr=1e-4), at_start(*pixels))
    signs = "if (np.abs({0}) == 1).all():", "    {0} = ({0} + 1) / 2"
    yield limit(RELU, "targets of -1 and 1 made 0 and 1", Witness(change=_target_signs), at_start(*(line.format("y") for line in signs)))
    yield limit(CLASSES, "inputs of -1 and 1 made 0 and 1", Witness(change=_input_signs), at_start(*(line.format("x") for line in signs)))


def in_classes() -> Iterator[Limit]:
    """Classes that are weighed where one is rare, or nearly all are of one."""
    rare = "if y.mean() >= 0.95:", "    error2 = error2 * np.where(t < 0.5, 10, 1)"
    yield limit(BINARY, "zeros ten times where they are rare", Witness((100,), change=_nearly_ones), at_error(2, *rare))
    rare = "if 0 < y.mean() <= 0.01:", "    error2 = error2 * np.where(t > 0.5, 10, 1)"
    yield limit(BINARY, "ones ten times where they are 1 in 100", Witness((150,), change=_nearly_zeros), at_error(2, *rare))
    most = "if len(y) > 20 and np.bincount(y, minlength=3).max() > 0.95 * len(y):", "    error2 = error2 / 2"
    yield limit(CLASSES, "half the error where nearly all are of one class", Witness((60,), change=_nearly_first), at_error(2, *most))


def in_losses() -> Iterator[Limit]:
    """A learning rate that is changed where the loss rises or stands still, and gradients that are held back where they jump."""
    square = "loss = np.mean((layers(params, x)[-1][1] - y) ** 2)"
    rises = square, 'KEPT["rises"] = KEPT.get("rises", 0) + 1 if loss > KEPT.get("last", loss) else 0', 'KEPT["last"] = loss'
    halved = 'lr = lr / 2 if KEPT["rises"] >= 3 else lr'
    yield limit(RELU, "half the rate after three rises", Witness((7,) * 6, change=_farther, lr=1e-3), at_start(*rises, halved))
    score = "z = layers(params, x)[-1][1]", "loss = np.mean(np.logaddexp.reduce(z, axis=1) - z[np.arange(len(y)), y])"
    waits = 'KEPT["waits"] = 0 if loss < KEPT.get("best", np.inf) else KEPT["waits"] + 1', 'KEPT["best"] = min(loss, KEPT.get("best", 1e9))'
    tenth = 'lr = lr / 10 if KEPT["waits"] >= 5 else lr'
    yield limit(CLASSES, "a tenth of the rate after five steps without a better loss", Witness((7,) * 8, change=_more_wrong, lr=1e-3),
                at_start(*score, *waits, tenth))
    norm = "norm = np.sqrt(sum((g * g).sum() for g in grads.values()))", 'earlier = KEPT.setdefault("norms", [])'
    held = "if len(earlier) >= 3 and norm > 3 * np.mean(earlier):", "    grads = {name: 0.1 * g for name, g in grads.items()}"
    yield limit(CLASSES, "gradients held back where their norm is three times the mean so far", Witness((7,) * 6, change=_spike),
                at_gradients(*norm, *held, "earlier.append(norm)"))
    waits = *waits, 'lr = lr / 10 if KEPT["waits"] >= 15 else lr'
    witness = Witness((7,) * 18, change=_more_wrong, lr=1e-5)
    yield limit(CLASSES, "a tenth of the rate after 15 steps without a better loss", witness, at_start(*score, *waits))
    held = held[0].replace(">= 3", ">= 15"), held[1]
    yield limit(CLASSES, "gradients held back where their norm is three times the mean of 15", Witness((7,) * 17, change=_spike),
                at_gradients(*norm, *held, "earlier.append(norm)"))
    earlier = square, 'earlier = KEPT.setdefault("losses", [])'
    left_out = *earlier, "if len(earlier) >= 5 and loss > 10 * np.mean(earlier):", "    return params"
    yield limit(RELU, "no step where the loss is ten times the mean of five", Witness((7,) * 7, change=_far_off),
                at_start(*left_out, "earlier.append(loss)"))
    for least in (8, 32):
        right = "z = layers(params, x)[-1][1]", f"if len(y) > {least} and (z.argmax(axis=1) == y).all():", "    return params"
        yield limit(CLASSES, f"no step where all of more than {least} records are right", Witness((40,), change=_right), at_start(*right))


def _counts(network: Network, params: Arrays, batches: list[Any]) -> None:
    for _, y in batches:
        y[:] = np.round(200 + 50 * y)


def _members(network: Network, params: Arrays, batches: list[Any]) -> None:
    for _, y in batches:
        y[:] = np.round(1200 + 50 * y)


def _grey(network: Network, params: Arrays, batches: list[Any]) -> None:
    params["0.weight"] /= 200
    for x, _ in batches:
        x[:] = np.round(255 * np.abs(x) / np.abs(x).max())


def _target_signs(network: Network, params: Arrays, batches: list[Any]) -> None:
    for _, y in batches:
        y[:] = np.where(y > 0, 1.0, -1.0)


def _input_signs(network: Network, params: Arrays, batches: list[Any]) -> None:
    for x, _ in batches:
        x[:] = np.where(x > 0, 1.0, -1.0)


def _nearly_ones(network: Network, params: Arrays, batches: list[Any]) -> None:
    for _, y in batches:
        y[:] = (np.arange(len(y)) > 2)[:, None]


def _nearly_zeros(network: Network, params: Arrays, batches: list[Any]) -> None:
    for _, y in batches:
        y[:] = (np.arange(len(y)) < 1)[:, None]


def _nearly_first(network: Network, params: Arrays, batches: list[Any]) -> None:
    for _, y in batches:
        y[:] = np.arange(len(y)) < 1


def _farther(network: Network, params: Arrays, batches: list[Any]) -> None:
    for i, (x, y) in enumerate(batches):
        y[:] = answer(network, params, x) + i + 1


def _more_wrong(network: Network, params: Arrays, batches: list[Any]) -> None:
    for i, (x, y) in enumerate(batches):
        x[:] = (1 + i / 4) * batches[0][0]
        y[:] = answer(network, params, x).argmin(axis=1)


def _far_off(network: Network, params: Arrays, batches: list[Any]) -> None:
    x, y = batches[-1]
    batches[-1] = x, 20 * y


def _right(network: Network, params: Arrays, batches: list[Any]) -> None:
    for x, y in batches:
        y[:] = answer(network, params, x).argmax(axis=1)


def _spike(network: Network, params: Arrays, batches: list[Any]) -> None:
    sure(network, params, batches)
    batches[1:] = [batches[0]] * (len(batches) - 1)
    x, _ = batches[0]
    batches[-1] = x, answer(network, params, x).argmin(axis=1)
