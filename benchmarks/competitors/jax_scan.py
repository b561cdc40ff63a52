"""The lesson's network in JAX: all steps in one `jax.lax.scan`, compiled as a whole, in float64."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.work import Competitor
from compare.problem.problem import Problem

jax.config.update("jax_enable_x64", True)

Weights = dict[str, Any]
Step = Callable[[Weights, Any, Any, float], tuple[Weights, Any]]


def jax_scan(problem: Problem) -> Competitor:
    """Return it with gradients by `jax.value_and_grad`, records as rows: the usual JAX."""
    return _competitor(problem, _derived)


def jax_scan_transposed(problem: Problem) -> Competitor:
    """Return it with gradients by hand, records as columns: the fastest that JAX was made to run here."""
    return _competitor(problem, _by_hand)


def _competitor(problem: Problem, step: Step) -> Competitor:
    x, y = map(jnp.asarray, problem.batch(1))
    initial = {name: jnp.asarray(array) for name, array in problem.initial_parameters.items()}
    weights: Weights = {}

    def run(steps: int) -> object:
        trained, losses = jax.block_until_ready(_train(step, steps, dict(weights), x, y, problem.lr))
        weights.update(trained)
        return losses

    return Competitor(
        run=run,
        reset=lambda: weights.update(initial),
        weights=lambda: {name: np.asarray(array) for name, array in weights.items()},
    )


@partial(jax.jit, static_argnums=(0, 1))
def _train(step: Step, epochs: int, weights: Weights, x: Any, y: Any, lr: float) -> tuple[Weights, Any]:
    return jax.lax.scan(lambda weights, _: step(weights, x, y, lr), weights, None, length=epochs)  # type: ignore[no-any-return]


def _loss(weights: Weights, x: Any, y: Any) -> Any:
    hidden = jax.nn.sigmoid(x @ weights["0.weight"].T)
    output = jax.nn.sigmoid(hidden @ weights["2.weight"].T)
    return 0.5 * jnp.mean((output - y) ** 2)


def _derived(weights: Weights, x: Any, y: Any, lr: float) -> tuple[Weights, Any]:
    loss, grads = jax.value_and_grad(_loss)(weights, x, y)
    return {name: array - lr * grads[name] for name, array in weights.items()}, loss


def _by_hand(weights: Weights, x: Any, y: Any, lr: float) -> tuple[Weights, Any]:
    w1, w2 = weights["0.weight"], weights["2.weight"]
    hidden = jax.nn.sigmoid(w1 @ x.T)                       # (hidden, n)
    output = jax.nn.sigmoid(w2 @ hidden)                    # (1, n)
    error = output - y.T
    delta2 = error / error.size * output * (1 - output)
    delta1 = (w2.T @ delta2) * hidden * (1 - hidden)
    return {"0.weight": w1 - lr * delta1 @ x, "2.weight": w2 - lr * delta2 @ hidden.T}, 0.5 * jnp.mean(error**2)
