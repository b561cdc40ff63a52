"""LSTM and GRU in plain NumPy, with backpropagation through time."""

from collections.abc import Callable

import numpy as np

from compare.support.arrays import Array
from tests.compare.forms import forms, pullbacks
from tests.compare.numpy_networks.passes import Back, Pass, add_affine, affine, in_turn, stage

StepBack = Callable[[Array, Array], tuple[Array, Array, Array, Array]]      # from errors at h and c: at inputs and hidden part, h and c
Cell = Callable[[Pass, str, int, Array, Array, Array], tuple[Array, Array, StepBack]]
INPUT, HIDDEN = "ih", "hh"


@stage
def recurrent(p: Pass, path: str, x: Array, cell: Cell, layers: int = 1) -> tuple[Array, Back]:
    """The hidden states of the last layer at all times, of inputs (n, t, units)."""
    return in_turn(*(lambda inputs, layer=layer: one_layer(p, path, inputs, cell, layer) for layer in range(layers)))(x)


def part(p: Pass, path: str, layer: int, which: str, x: Array) -> Array:
    """W x + b of the gates for inputs or hidden states, in one product or gate by gate."""
    weight, bias = (p.params.get(f"{path}.{kind}_{which}_l{layer}") for kind in ("weight", "bias"))
    assert weight is not None
    place, gates = f"{path} {which} {layer}", weight.shape[0] // p.params[f"{path}.weight_hh_l{layer}"].shape[1]
    if p.ways.choose(f"{place}: gates", range(2)):
        biases = [None] * gates if bias is None else np.split(bias, gates)
        return np.hstack([affine(p, place, x, w, b) for w, b in zip(np.split(weight, gates), biases, strict=True)])
    return affine(p, place, x, weight, bias)


def one_layer(p: Pass, path: str, x: Array, cell: Cell, layer: int) -> tuple[Array, Back]:
    """One layer's hidden states at all times."""
    n, times, _ = x.shape
    units = p.params[f"{path}.weight_hh_l{layer}"].shape[1]
    place = f"{path} {layer}"
    h = c = np.zeros((n, units), dtype=x.dtype)
    in_advance = None
    if p.ways.choose(f"{place}: inputs", range(2)):
        in_advance = part(p, path, layer, INPUT, x.reshape(n * times, -1)).reshape(n, times, -1)
    before, after, backs = [], [], []
    for t in range(times):
        before.append(h)
        inputs = part(p, path, layer, INPUT, x[:, t]) if in_advance is None else in_advance[:, t]
        h, c, back_step = cell(p, path, layer, inputs, h, c)
        after.append(h)
        backs.append(back_step)

    def back(error: Array) -> Array:
        in_h = in_c = np.zeros((n, units), dtype=x.dtype)
        deltas: list[tuple[Array, Array]] = []
        for t in reversed(range(times)):
            in_inputs, in_hidden, past, in_c = backs[t](error[:, t] + in_h, in_c)
            in_h = past + p.ways.product(f"{place}, back", in_hidden, p.params[f"{path}.weight_hh_l{layer}"])
            deltas.insert(0, (in_inputs, in_hidden))
        add_gradients(p, path, layer, [x[:, t] for t in range(times)], before, deltas)
        rows = np.stack([each for each, _ in deltas], axis=1)
        weight = p.params[f"{path}.weight_ih_l{layer}"]
        return p.ways.product(f"{place}, input", rows.reshape(n * times, -1), weight).reshape(x.shape)

    return np.stack(after, axis=1), back


def add_gradients(
    p: Pass, path: str, layer: int, inputs: list[Array], before: list[Array], deltas: list[tuple[Array, Array]]
) -> None:
    """Add the gradients of all times: in one product, or time by time, from either end."""
    form = p.ways.choose(f"{path} {layer}: times", range(3))
    for which, terms, errors in ((INPUT, inputs, [d for d, _ in deltas]), (HIDDEN, before, [d for _, d in deltas])):
        names = (f"weight_{which}_l{layer}", f"bias_{which}_l{layer}")
        if form == 0:
            add_affine(p, path, np.concatenate(terms), np.concatenate(errors), names)
            continue
        pairs = list(zip(terms, errors, strict=True))
        for x, delta in pairs if form == 1 else reversed(pairs):
            add_affine(p, path, x, delta, names)


def gate(p: Pass, place: str, name: str, z: Array) -> tuple[Array, Back]:
    """A gate's σ or tanh, and its way back."""
    a = p.ways.choose(f"{place}: {name}", forms(name))(z)
    return a, lambda error: p.ways.choose(f"{place}, back: {name}", pullbacks(name))(error, z, a)


def lstm_cell(p: Pass, path: str, layer: int, inputs: Array, h: Array, c: Array) -> tuple[Array, Array, StepBack]:
    """c ← f c + i g and h = o tanh(c)."""
    place = f"{path} {layer}"
    zi, zf, zg, zo = np.split(inputs + part(p, path, layer, HIDDEN, h), 4, axis=1)
    (i, back_i), (f, back_f), (o, back_o) = (gate(p, f"{place} {name}", "sigmoid", z) for name, z in (("i", zi), ("f", zf), ("o", zo)))
    g, back_g = gate(p, f"{place} g", "tanh", zg)
    new = (f * c + i * g, i * g + f * c)[p.ways.choose(f"{place}: cell", range(2))]
    squashed, back_squashed = gate(p, f"{place} c", "tanh", new)

    def back(in_h: Array, in_c: Array) -> tuple[Array, Array, Array, Array]:
        form = p.ways.choose(f"{place}, back: cell", range(2))
        total = in_c + (back_squashed(in_h * o), back_squashed(in_h) * o)[form]
        delta = np.hstack([back_i(total * g), back_f(total * c), back_g(total * i), back_o(in_h * squashed)])
        return delta, delta, np.zeros_like(h), total * f

    return o * squashed, new, back


def gru_cell(p: Pass, path: str, layer: int, inputs: Array, h: Array, c: Array) -> tuple[Array, Array, StepBack]:
    """n = tanh(x + r h′) and h ← (1 − z) n + z h, where h′ is the hidden part of n."""
    place = f"{path} {layer}"
    (xr, xz, xn), (hr, hz, hn) = np.split(inputs, 3, axis=1), np.split(part(p, path, layer, HIDDEN, h), 3, axis=1)
    (r, back_r), (z, back_z) = gate(p, f"{place} r", "sigmoid", xr + hr), gate(p, f"{place} z", "sigmoid", xz + hz)
    n, back_n = gate(p, f"{place} n", "tanh", xn + r * hn)
    new = ((1 - z) * n + z * h, n + z * (h - n), n - z * n + z * h)[p.ways.choose(f"{place}: state", range(3))]

    def back(in_h: Array, in_c: Array) -> tuple[Array, Array, Array, Array]:
        form = p.ways.choose(f"{place}, back: state", range(2))
        in_z = (in_h * (h - n), in_h * h - in_h * n)[form]
        delta_n = back_n((in_h * (1 - z), in_h - in_h * z)[form])
        delta_r, delta_z = back_r(delta_n * hn), back_z(in_z)
        return np.hstack([delta_r, delta_z, delta_n]), np.hstack([delta_r, delta_z, delta_n * r]), in_h * z, in_c

    return new, c, back


CELLS = {"LSTM": lstm_cell, "GRU": gru_cell}
