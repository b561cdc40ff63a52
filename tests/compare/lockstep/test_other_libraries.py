"""Other libraries beside PyTorch, unchanged: what they compute is equal for 300 steps. Each runs where its library is installed.

Each has a process of its own: JAX's threads do not stand a fork, and scikit-learn brings a pool of threads, both of which other tests see.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from compare import NotEquivalentError, Problem, StepRecord, assert_equivalent
from compare.problem.of_module import ModuleProblem
from compare.support.arrays import Array

STEPS = 300
GENERATOR = np.random.default_rng(0)
BATCHES = [(GENERATOR.normal(size=(9, 5)), GENERATOR.normal(size=(9, 1))) for _ in range(3)]


def problem(loss: str = "mse", lr: float = 0.05) -> ModuleProblem:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1))
    return Problem.of(network, batches=BATCHES, loss=loss, lr=lr, dtype="float64")


def mean_square(np_like: Any, params: Mapping[str, Any], x: Any, y: Any) -> Any:
    """The loss of the network, in a library that writes as NumPy."""
    hidden = np_like.tanh(x @ params["0.weight"].T + params["0.bias"])
    return np_like.mean((hidden @ params["2.weight"].T + params["2.bias"] - y) ** 2)


def checked(gradients: Callable[..., Any]) -> None:
    """Check that a library's gradients are equal, and that they would not be if they were off by 1e-12."""
    assert_equivalent(gradients, problem(), steps=STEPS)

    def off(params: Mapping[str, Array], x: Array, y: Array) -> Any:
        loss, grads = gradients(params, x, y)
        return loss, {**grads, "0.weight": grads["0.weight"] * (1 - 1e-12)}

    with pytest.raises(NotEquivalentError, match=r"first at step 1, grads 0\.weight"):
        assert_equivalent(off, problem(), steps=STEPS)


def jax_() -> None:
    import jax

    with jax.enable_x64(True):
        compiled = jax.jit(jax.value_and_grad(lambda params, x, y: mean_square(jax.numpy, params, x, y)))

        def gradients(params: Mapping[str, Array], x: Array, y: Array) -> Any:
            loss, grads = compiled(dict(params), x, y)
            return float(loss), {name: np.asarray(grad) for name, grad in grads.items()}

        checked(gradients)


def hips_autograd() -> None:
    import autograd
    import autograd.numpy as numpy

    checked(autograd.value_and_grad(lambda params, x, y: mean_square(numpy, params, x, y)))


class ScikitLearn:
    """`MLPRegressor`, a step for each call of `partial_fit`; its loss is ½ (ŷ − y)², its weights are (in, out)."""

    def __init__(self, lr: float) -> None:
        from sklearn import neural_network as network

        options = {"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False, "alpha": 0.0, "batch_size": 9, "shuffle": False}
        self.network = network.MLPRegressor(hidden_layer_sizes=(8,), activation="tanh", learning_rate_init=lr, **options)
        self.network.partial_fit(*self._arrays(*BATCHES[0]))      # makes its arrays

    @staticmethod
    def _arrays(x: Array, y: Array) -> tuple[Array, Array]:
        return x, y.ravel()

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        for i, layer in enumerate(("0", "2")):
            self.network.coefs_[i][...] = params[f"{layer}.weight"].T
            self.network.intercepts_[i][...] = params[f"{layer}.bias"]

    def step(self, x: Array, y: Array) -> StepRecord:
        output = self.predict(x)
        self.network.partial_fit(*self._arrays(x, y))
        params = {}
        for i, layer in enumerate(("0", "2")):
            params |= {f"{layer}.weight": self.network.coefs_[i].T, f"{layer}.bias": self.network.intercepts_[i]}
        return StepRecord(output=output, params=params)

    def predict(self, x: Array) -> Array:
        return np.asarray(self.network.predict(x))[:, None]


def scikit_learn() -> None:
    assert_equivalent(ScikitLearn(0.05), problem("half_mse"), steps=STEPS)
    with pytest.raises(NotEquivalentError, match="first at step 1, params"):
        assert_equivalent(ScikitLearn(0.05 * (1 - 1e-9)), problem("half_mse"), steps=STEPS)


LIBRARIES = {"jax": jax_, "autograd": hips_autograd, "sklearn": scikit_learn}


@pytest.mark.parametrize("library", LIBRARIES)
def test_it_is_equal(library: str) -> None:
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    code = f"from {__name__} import LIBRARIES; LIBRARIES[{library!r}]()"
    run = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
