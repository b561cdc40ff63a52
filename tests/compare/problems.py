"""Problems drawn for Hypothesis, over every row of the table of pieces."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from compare import Problem
from compare.problem.pieces import ACTIVATIONS, DECAYS, LOSSES, NORMALIZATIONS, OPTIMIZERS, REDUCTIONS

DTYPES = ("float64", "float32")


def optimizer_options(generator: np.random.Generator, optimizer: str) -> dict[str, Any]:
    """Hyperparameters drawn for that optimiser, its defaults included."""
    if optimizer == "sgd":
        momentum = float(generator.choice([0.0, 0.5, 0.9]))
        nesterov = bool(momentum and generator.random() < 0.3)
        dampening = 0.0 if nesterov else float(generator.choice([0.0, 0.3]))
        return {
            "momentum": momentum,
            "nesterov": nesterov,
            "dampening": dampening,
            "weight_decay": float(generator.choice([0.0, 0.1])),
            "decay": str(generator.choice(DECAYS)),
        }
    decay = float(generator.choice([0.0, 0.01, 0.3]))
    shared = {"eps": float(generator.choice([1e-8, 1e-3])), "weight_decay": decay, "decay": str(generator.choice(DECAYS))}
    if optimizer == "rmsprop":
        momentum, centered = float(generator.choice([0.0, 0.5, 0.9])), bool(generator.integers(2))
        return {"alpha": float(generator.choice([0.99, 0.9])), "momentum": momentum, "centered": centered, **shared}
    if optimizer == "adagrad":
        return {
            "lr_decay": float(generator.choice([0.0, 0.1])),
            "initial_accumulator_value": float(generator.choice([0.0, 0.1])),
            **shared,
        }
    betas = [(0.9, 0.999), (0.8, 0.9), (0.0, 0.5)][generator.integers(3)]
    return {"betas": betas, **shared}


def targets(generator: np.random.Generator, hard: bool, loss: str, n: int, k: int) -> Any:
    """Targets that the loss takes; `hard` ones are classes."""
    kind = LOSSES[loss].targets
    if kind == "classes" and hard:
        return generator.integers(k, size=n)
    if kind == "classes":
        p = generator.random((n, k)) + 0.01
        return p / p.sum(axis=1, keepdims=True)
    if kind == "binary":
        return generator.integers(2, size=(n, k)).astype(float) if hard else generator.random((n, k))
    return generator.normal(size=(n, k))


def drawn_problem(seed: int, **given: Any) -> Problem:
    """A problem drawn from the seed: depth, widths, batches, dtype and pieces, also with large, tiny and repeated inputs."""
    generator = np.random.default_rng(seed)

    def pick(name: str, choices: Any) -> Any:
        drawn = list(choices)[generator.integers(len(choices))]
        return given.get(name, drawn)

    sizes = given.get("sizes", tuple(int(n) for n in generator.integers(1, 7, size=generator.integers(2, 5))))
    loss, optimizer = pick("loss", LOSSES), pick("optimizer", OPTIMIZERS)
    names = [pick("activation", ACTIVATIONS) for _ in sizes[1:]]
    if LOSSES[loss].only and names[-1] not in LOSSES[loss].only:
        names[-1] = LOSSES[loss].only[0]
    normalization = pick("normalization", [None, None, *NORMALIZATIONS])
    accumulate = 1 if normalization == "batch_norm" else pick("accumulate", [1, 1, 2, 3])
    scale = pick("scale", [1.0, 1.0, 1.0, 30.0, 1e-30])
    kind = generator.integers(2**32)      # the same for all batches
    batches = []
    for n in generator.integers(2, 20, size=generator.integers(1, 4)):
        x = generator.normal(size=(n, sizes[0])) * scale
        x[0] = generator.choice([0.0, 1.0])
        batches.append((x, targets(generator, bool(kind % 2), loss, int(n), sizes[-1])))
    drawn = {
        "activations": tuple(names),
        "bias": pick("bias", [True, False]),
        "dropout": pick("dropout", [0.0, 0.0, 0.4]),
        "reduction": pick("reduction", REDUCTIONS),
        "optimizer_options": given.get("optimizer_options", optimizer_options(generator, optimizer)),
        "lr": pick("lr", [0.5, 0.05, 0.01]),
        "dtype": pick("dtype", DTYPES),
    }
    batching: dict[str, Any] = {}
    if pick("mini_batches", [False, True]):
        batches = batches[:1]
        n = len(batches[0][0])
        least = 2 if normalization == "batch_norm" else 1
        batching = {"batch_size": int(generator.integers(least, n + 1))}
        batching["drop_last"] = bool(n % batching["batch_size"] < least and normalization == "batch_norm") or pick("drop", [True, False])
    return Problem(
        sizes=sizes,
        loss=loss,
        optimizer=optimizer,
        normalization=normalization,
        accumulate=accumulate,
        seed=seed,
        batches=tuple(batches),
        test=batches[0],
        **drawn,
        **batching,
    )


def problems(**given: Any) -> Any:
    """Problems drawn by `drawn_problem`, with what is given."""
    return st.integers(0, 2**32 - 1).map(lambda seed: drawn_problem(seed, **given))
