"""Mistakes on the way back and in the gradients: 4, 16, 17, 19, 20, 22, 25 to 34, 41, 42, 45, 46, 48 to 55."""

from collections.abc import Iterator

from tests.mistakes.networks import Network
from tests.mistakes.plant import Plant, each_and_all, named
from tests.mistakes.trainer import back, gradient, slope


def on_the_way_back(network: Network) -> Iterator[Plant]:
    """What is sent back wrongly; `layer` is the one that sends."""
    senders = list(network.layers)[1:]
    curved = [i for i in senders if network.activation(i) != "identity"]
    for layer, layers in each_and_all(network, curved):
        edits = tuple((back(i), back(i).replace(f"delta{i}", f"error{i}")) for i in layers)
        yield Plant("raw-error-back", 16, layer, edits)
    for i in senders:
        is_nothing = network.errors_sum_to_zero and not network.decay and i == network.depth == 2
        also = (named("layer-never-updated", 1),) if is_nothing else ()
        yield Plant("weights-left-out-back", 17, i, ((back(i), f"delta{i}[r, j]"),), also)
        if network.is_square(i):
            yield Plant("weights-untransposed", 20, i, ((back(i), f"delta{i}[r, j] * W{i}[i, j]"),))
    if senders:
        yield Plant("updated-weights-back", 19, None, tuple((back(i), f"delta{i}[r, j] * new_W{i}[j, i]") for i in senders))
    for i in senders:
        hidden = i - 1
        if network.activation(hidden) != "identity":
            for variant, total in (("sum", "sum"), ("mean", "np.mean")):
                edit = f"error{hidden}[r, j] * {slope(hidden)}", f"{total}(error{hidden}[:, j]) * {slope(hidden)}"
                yield Plant("batch-summed-early", 22, hidden, (edit,), variant=variant)


def in_weights(network: Network) -> Iterator[Plant]:
    """What is wrong with the product of δ and the layer's input."""
    for i in network.layers:
        mine, given = f"delta{i}[r, j]", f"a{i - 1}[r, i]"

        def put(id: str, number: int, new: str, variant: str = "", layer: int = i) -> Plant:
            return Plant(id, number, layer, ((gradient(layer), new),), variant=variant)

        yield put("input-twice", 4, f"{mine} * {given} * {given}")
        if i > 1 and network.activation(i - 1) != "identity":
            yield put("pre-activation-in-gradient", 26, f"{mine} * z{i - 1}[r, i]")
        yield put("weights-for-inputs", 46, f"{mine} * W{i}[j, i]")
        if network.is_square(i):
            yield put("output-for-input-in-gradient", 27, f"{mine} * a{i}[r, i]")
            yield put("elementwise-for-outer", 28, f"{mine} * a{i - 1}[r, j]", variant="along the units")
            yield put("elementwise-for-outer", 28, f"delta{i}[r, i] * a{i - 1}[r, i]", variant="along the inputs")
            update = f'update("{network.weight(i)}", W{i}, dW{i}, lr)'
            yield Plant("gradient-transposed", 25, i, ((update, update.replace(f"dW{i}", f"dW{i}.T")),))
        begin = f"\n    for r in range(n):  # gradients of layer {i}"
        stale = f"\n    old{i}, STATE['old{i}'] = STATE.get('old{i}', a{i - 1}), a{i - 1}"
        edits = (gradient(i), f"{mine} * old{i}[r % len(old{i}), i]"), (begin, stale + begin)
        yield Plant("stale-activations", 41, i, edits, probe="equal")
        yield from _wrong_index(network, i)


def _wrong_index(network: Network, layer: int) -> Iterator[Plant]:
    """42: a unit's row, or an input's column, whose gradient stays 0 or is a neighbour's."""
    units, n_in = network.sizes[layer], network.sizes[layer - 1]
    where = gradient(layer)
    if units > 1:
        yield Plant("index-wrong", 42, layer, ((where, f"{where} * (j > 0)"),), variant="the first unit left out")
        yield Plant("index-wrong", 42, layer, ((where, f"{where} * (j < {units - 1})"),), variant="the last unit left out")
        yield Plant("index-wrong", 42, layer, ((where, where.replace("[r, j]", "[r, max(j - 1, 0)]")),), variant="the unit before")
    if n_in > 1:
        yield Plant("index-wrong", 42, layer, ((where, f"{where} * (i > 0)"),), variant="the first input left out")
        yield Plant("index-wrong", 42, layer, ((where, f"{where} * (i < {n_in - 1})"),), variant="the last input left out")


def over_records(network: Network) -> Iterator[Plant]:
    """The mean over records, and sums that are none: 29 to 34."""
    faint = network.is_adaptive and not network.decay
    if network.reduction == "mean":
        everywhere = ",".join(map(str, network.layers))
        for id, number, text, *also in (
            ("mean-missing", 29, "1", f"mean-missing-in-layer({everywhere})"),
            ("mean-twice", 30, "1 / n / n", f"mean-twice-in-layer({everywhere})"),
            ("wrong-n-plus-one", 31, "1 / (n + 1)"),
            ("wrong-n-minus-one", 31, "1 / (n - 1)"),
            ("wrong-n-features", 31, f"1 / {network.sizes[0]}"),
        ):
            yield Plant(id, number, None, (("over_records = 1 / n", f"over_records = {text}"),), tuple(also), faint=faint)
        for i in network.layers:
            edits = tuple((f", d{part}{i}, lr)", f", d{part}{i} * n, lr)") for part in ("W", *("b" * network.bias)))
            yield Plant("mean-missing-in-layer", 32, i, edits, faint=faint)
    for id, number, guard in (("only-last-record", 33, "n - 1, n"), ("only-first-record", 33, "1")):
        edits = tuple((f"for r in range(n):  # gradients of layer {i}", f"for r in range({guard}):") for i in network.layers)
        yield Plant(id, number, None, edits)
    kept = []
    for i in network.layers:
        for part, shape in (("W", f"({network.sizes[i]}, {network.sizes[i - 1]})"), ("b", f"{network.sizes[i]}")):
            fresh = f"np.zeros({shape})"
            kept.append((f"    d{part}{i} = {fresh}", f"    d{part}{i} = STATE.setdefault('d{part}{i}', {fresh})"))
    yield Plant("accumulator-not-reset", 34, None, tuple(kept))


def in_biases(network: Network) -> Iterator[Plant]:
    """What is wrong with the biases alone."""
    if not network.bias:
        return
    layers = list(network.layers)
    for layer, chosen in each_and_all(network, layers):
        faint = network.is_adaptive and not network.decay
        is_sum = network.errors_sum_to_zero and not network.decay and layer == network.depth
        also = (named("bias-summed-over-units", layer),) if is_sum else ()
        never = tuple((f"new_b{i} = b{i} + step_b{i}", f"new_b{i} = b{i}") for i in chosen)
        yield Plant("bias-never-updated", 48, layer, never, also)
        yield Plant("bias-mean", 49, layer, tuple((f", db{i}, lr)", f", db{i} / n, lr)") for i in chosen), faint=faint)
        rows = tuple((f", db{i}, lr)", f", np.sum(dW{i}, axis=1), lr)") for i in chosen)
        yield Plant("bias-from-weight-gradient", 53, layer, rows)
    for layer, chosen in each_and_all(network, [i for i in layers if network.sizes[i] > 1]):
        summed = tuple((f", db{i}, lr)", f", np.full_like(db{i}, sum(db{i})), lr)") for i in chosen)
        is_zero = network.errors_sum_to_zero and not network.decay and layer == network.depth
        also = (named("bias-never-updated", layer),) if is_zero else ()
        yield Plant("bias-summed-over-units", 55, layer, summed, also)
    for layer, chosen in each_and_all(network, [i for i in layers if network.activation(i) != "identity"]):
        edits = tuple((f"db{i}[j] += delta{i}[r, j]", f"db{i}[j] += error{i}[r, j]") for i in chosen)
        yield Plant("bias-before-slope", 52, layer, edits)
