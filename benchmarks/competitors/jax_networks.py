"""The networks of W10 in JAX: the whole step, gradients and update, compiled by `jax.jit`."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.by_hand import LR, MOMENTUM
from benchmarks.competitors.written_networks import Library, loss
from benchmarks.work import Competitor
from compare.problem.of_module import ModuleProblem
from compare.sides.by_hand import ByHand

jax.config.update("jax_enable_x64", True)

Arrays = dict[str, Any]


def competitor(name: str, side: ByHand, problem: ModuleProblem) -> Competitor:
    """Return the training of the problem's network."""
    batches = [tuple(map(jnp.asarray, problem.batch(number))) for number in range(1, 11)]
    state: list[Any] = []

    def reset() -> None:
        params = {key: jnp.asarray(array) for key, array in problem.initial_parameters.items()}
        state[:] = params, {key: jnp.zeros_like(array) for key, array in params.items()}

    def run(steps: int) -> None:
        for x, y in batches[:steps]:
            state[:] = _step(name, *state, x, y)
        jax.block_until_ready(state)

    return Competitor(run, reset, lambda: {key: np.asarray(array) for key, array in state[0].items()})


@partial(jax.jit, static_argnums=0)
def _step(name: str, p: Arrays, v: Arrays, x: Any, y: Any) -> tuple[Arrays, Arrays]:
    g = jax.grad(lambda p: loss(name, Library(jnp, jax.scipy.special.erf, _convolved), p, x, y))(p)
    v = {key: MOMENTUM * v[key] + g[key] for key in p}
    return {key: p[key] - LR * v[key] for key in p}, v


def _convolved(x: Any, weight: Any) -> Any:
    return jax.lax.conv_general_dilated(x, weight, (1, 1), "SAME")
