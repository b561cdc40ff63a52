"""Mistakes in the update, the batches and the optimisers: 8, 9, 35 to 40, 43 to 47, and 67 to 74."""

from collections.abc import Iterator

from tests.mistakes.networks import Network
from tests.mistakes.plant import Edit, Plant, named
from tests.mistakes.trainer import OF_WEIGHTS_ALONE, damped, gradient

STEP = "    return run(params, x, y, lr)"
SOFT = "soft targets differ"      # so begins what is said of a program that is right for targets of 0 and 1 alone
_PER_RECORD = """\
    parts = []
    for r in range(len(x)):
        parts.append(run(params, x[r : r + 1], y[r : r + 1], {lr}))
        params = after(parts[-1])
    rows = [name for name in parts[0] if name[0] in "az" or name.startswith(("delta", "input", "output"))]
    return parts[-1] | {{name: np.concatenate([part[name] for part in parts]) for name in rows}}"""


def _parts(network: Network, layer: int) -> list[str]:
    return [f"W{layer}", *([f"b{layer}"] if network.bias else [])]


def in_update(network: Network) -> Iterator[Plant]:
    """Signs, learning rates, constants, and what is added to the weights."""
    parts = [part for layer in network.layers for part in _parts(network, layer)]

    def everywhere(old: str, new: str, chosen: list[str] = parts) -> tuple[Edit, ...]:
        return tuple((old.format(part), new.format(part)) for part in chosen)

    added, lr = "new_{0} = {0} + step_{0}", ", d{0}, lr)"
    swapped = () if network.decay else ("target-output-swapped",)
    yield Plant("sign-flipped", 8, None, everywhere(added, "new_{0} = {0} - step_{0}"), swapped)
    if network.decay:
        yield Plant("gradient-added", 8, None, everywhere(", d{0}, lr)", ", -d{0}, lr)"), ("target-output-swapped",))
    yield Plant("lr-missing", 36, None, everywhere(lr, ", d{0}, 1.0)"))
    yield Plant("lr-twice", 37, None, everywhere(lr, ", d{0}, lr * lr)"))
    if network.is_adaptive or network.decay:
        for id, number, factor in (("factor-2", 10, 2), ("factor-half", 10, 0.5), ("factor-4", 40, 4)):
            yield Plant(id, number, None, everywhere(added, f"new_{{0}} = {{0}} + {factor} * step_{{0}}"), variant="of the step")
    for layer in network.layers:
        mine = _parts(network, layer)
        yield Plant("sign-flipped-in-layer", 9, layer, everywhere(added, "new_{0} = {0} - step_{0}", mine))
        yield Plant("lr-missing-in-layer", 38, layer, everywhere(lr, ", d{0}, 1.0)", mine))
        yield Plant("lr-twice-in-layer", 38, layer, everywhere(lr, ", d{0}, lr * lr)", mine))
        is_cut = network.errors_sum_to_zero and not network.decay and layer == 1 and network.depth == 2
        also = (named("weights-left-out-back", 2),) if is_cut else ()
        yield Plant("layer-never-updated", 39, layer, everywhere(added, "new_{0} = {0}", mine), also)
    yield Plant("weights-added", 45, None, everywhere(added, "new_{0} = {0} + {0}"), variant="as they are")
    yield Plant("weights-added", 45, None, everywhere(added, "new_{0} = {0} + lr * {0} / n"), variant="times the learning rate over n")


def in_batches(network: Network) -> Iterator[Plant]:
    """Records and batches: 35, 43, 44; and casts: 47."""

    def stepping(id: str, number: int, x: str, y: str, variant: str = "") -> Plant:
        return Plant(id, number, None, ((STEP, f"    return run(params, {x}, {y}, lr)"),), variant=variant)

    yield Plant("update-per-record", 35, None, ((STEP, _PER_RECORD.format(lr="lr")),), variant="the whole learning rate")
    if network.reduction == "mean" and not network.is_adaptive:
        yield Plant("update-per-record", 35, None, ((STEP, _PER_RECORD.format(lr="lr / len(x)")),), variant="its part of the mean")
    yield Plant("previous-batch", 43, None, ((STEP, f"    (x, y), STATE['batch'] = STATE.get('batch', (x, y)), (x, y)\n{STEP}"),))
    yield stepping("first-record-dropped", 43, "x[1:]", "y[1:]", "a mean of the rest")
    yield stepping("last-record-dropped", 43, "x[:-1]", "y[:-1]", "a mean of the rest")
    for id, rows in (("first-record-dropped", "1, n"), ("last-record-dropped", "n - 1")):
        edits = tuple((f"for r in range(n):  # gradients of layer {i}", f"for r in range({rows}):") for i in network.layers)
        yield Plant(id, 43, None, edits, variant="divided by all")
    yield stepping("targets-out-of-step", 44, "x", "np.roll(y, 1, axis=0)", "the record before's")
    yield stepping("targets-out-of-step", 44, "x", "np.roll(y, -1, axis=0)", "the next record's")
    yield from _casts(network)


def _casts(network: Network) -> Iterator[Plant]:
    for dtype, id in (("np.float32", "float32-cast"), ("np.float16", "float16-cast")):
        edits = tuple((gradient(i), f"{dtype}({gradient(i)})") for i in network.layers)
        yield Plant(id, 47, None, edits, variant="each record's part of the weights' gradients", has_scale=True)
        cast = f"x.astype({dtype})"
        yield Plant(id, 47, None, ((STEP, f"    return run(params, {cast}, y, lr)"),), variant="the inputs")
        edits = tuple((f"    a{i} = np.zeros((n, {network.sizes[i]}))", f"    a{i} = np.zeros((n, {network.sizes[i]}), {dtype})")
                      for i in list(network.layers)[:-1])
        yield Plant(id, 47, None, edits, variant="the hidden activations")
    yield Plant("integer-cast", 47, None, ((STEP, "    return run(params, x.astype(int), y, lr)"),), variant="the inputs")
    also = (SOFT,) if network.loss == "bce" else ()
    yield Plant("integer-cast", 47, None, ((STEP, "    return run(params, x, y.astype(int), lr)"),), also, variant="the targets")
    yield Plant("integer-cast", 47, None, tuple((gradient(i), f"int({gradient(i)})") for i in network.layers),
                ("gradient-missing",),      # of parts that are all below 1
                variant="each record's part of the weights' gradients", has_scale=True)


def in_optimizer(network: Network) -> Iterator[Plant]:
    """Momentum, decay and Adam."""
    if network.options.get("momentum"):
        yield from _momentum(network)
    if network.decay:
        yield from _decay(network)
    if network.is_adaptive:
        yield from _adam()


def _momentum(network: Network) -> Iterator[Plant]:
    line = f"v = MU * STATE[name] + {damped(network)} if name in STATE else g.copy()"
    step = "step = -lr * (g + MU * v)" if network.options.get("nesterov") else "step = -lr * v"
    later = " if name in STATE else g.copy()"
    if network.options.get("dampening"):
        yield Plant("momentum-undamped", 68, None, ((damped(network), "g"),))
    yield Plant("momentum-sign", 67, None, ((line, f"v = g - MU * STATE[name]{later}"),))
    yield Plant("momentum-damped", 68, None, ((line, f"v = MU * STATE[name] + (1 - MU) * g{later}"),), variant="all but the first")
    yield Plant("momentum-damped", 68, None, ((line, "v = MU * STATE.get(name, 0.0) + (1 - MU) * g"),), variant="the first too")
    yield Plant("velocity-not-kept", 69, None, ((line, "v = g.copy()"),))
    missing = ("nesterov-missing",) if network.options.get("nesterov") else ()      # g + μ b of the step before is this step's b
    before = f"before = STATE.get(name, np.zeros_like(g))\n    {line}"
    yield Plant("velocity-stale", 69, None, ((line, before), (step, step.replace("v", "before"))), missing, variant="0 at first")
    before = f"before = STATE.get(name, g)\n    {line}"
    yield Plant("velocity-stale", 69, None, ((line, before), (step, step.replace("v", "before"))), variant="its own at first")
    inside = "v = MU * STATE[name] + lr * g if name in STATE else lr * g"
    yield Plant("lr-in-velocity", 70, None, ((line, inside), (step, step.replace("lr * (g", "(lr * g").replace("lr * v", "v"))))
    if network.options.get("nesterov"):
        yield Plant("nesterov-missing", 71, None, ((step, "step = -lr * v"),))
    else:
        yield Plant("nesterov-extra", 71, None, ((step, "step = -lr * (g + MU * v)"),))


def _decay(network: Network) -> Iterator[Plant]:
    is_decoupled = network.optimizer == "adamw"
    line = "step = step - lr * DECAY * w" if is_decoupled else "g = g + DECAY * w"
    if network.decays_weights_alone:
        yield Plant("decay-on-biases-too", 73, None, ((f"    {OF_WEIGHTS_ALONE}\n", ""),))
    elif network.bias:
        alone = "step" if is_decoupled else "g"
        yield Plant("decay-on-weights-only", 73, None, ((line, f'{line} if name.endswith("weight") else {alone}'),))
        yield Plant("decay-on-biases-only", 73, None, ((line, f'{line} if name.endswith("bias") else {alone}'),))
    yield Plant("decay-sign", 73, None, ((line, line.replace("- lr", "+ lr") if is_decoupled else "g = g - DECAY * w"),))
    yield Plant("decay-missing", 73, None, ((f"    {line}\n", ""),))
    yield Plant("decay-halved", 73, None, ((line, f"{line} / 2"),))
    yield Plant("decay-doubled", 73, None, ((line, f"{line} * 2"),))
    size = "n, k = y.shape", "n, k = y.shape\n    STATE['n'] = n"
    yield Plant("decay-over-n", 73, None, ((line, f"{line} / STATE['n']"), size))
    if is_decoupled:
        first = "m, v = STATE.get(name, (0.0, 0.0))"
        yield Plant("decay-coupled", 72, None, ((f"    {line}\n", ""), (first, f"g = g + DECAY * w\n    {first}")))
    elif network.is_adaptive or network.options.get("momentum"):
        yield Plant("decay-decoupled", 72, None, ((f"    {line}\n", ""), ("    return step", "    return step - lr * DECAY * w")))
    whole = (line, line.replace("lr * ", "")) if is_decoupled else (f"    {line}\n", "")
    added = () if is_decoupled else (("    return step", "    return step - DECAY * w"),)
    yield Plant("decay-without-lr", 72, None, (whole, *added))


def _adam() -> Iterator[Plant]:
    first, second = "m_hat = m / (1 - BETA1**t)", "v_hat = v / (1 - BETA2**t)"
    root = "(np.sqrt(v_hat) + EPS)"
    no_first, no_second = (first, "m_hat = m"), (second, "v_hat = v")
    yield Plant("adam-no-correction", 74, None, (no_first, no_second))
    yield Plant("adam-no-first-correction", 74, None, (no_first,))
    yield Plant("adam-no-second-correction", 74, None, (no_second,))
    yield Plant("adam-eps-inside", 74, None, ((root, "np.sqrt(v_hat + EPS)"),), faint=True)
    before = "((np.sqrt(v) + EPS) / np.sqrt(1 - BETA2**t))"
    yield Plant("adam-eps-before-correction", 74, None, ((root, before),), faint=True)
    start = "    m, v = STATE.get(name, (0.0, 0.0))"
    swapped = f"    BETA1, BETA2 = globals()['BETA2'], globals()['BETA1']\n{start}"
    yield Plant("adam-betas-swapped", 74, None, ((start, swapped),))
    yield Plant("adam-step-off", 74, None, (("t = STATE[\"t\"]", "t = STATE[\"t\"] + 1"),))
