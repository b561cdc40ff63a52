"""The same training, fast: small networks in compiled loops, larger ones by NumPy calls that write into arrays made once.

`manual.fast.train` is a function of its own beside `manual.train`. It makes the steps that `network.gradients` and `SGD.step` make, up to
rounding. It raises ValueError for networks that it does not know, and where its step differs from theirs, as when layers were edited.
`loops` has the loops, which need Numba, the extra `[fast]`; without it all networks go through `in_place`, small ones far more slowly.
"""

from copy import deepcopy
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike

from .arrays import Array
from .in_place import InPlace
from .layers import Activate, Linear
from .network import Network, named_views

FACTORS = {"half_mse": 1.0, "mse": 2.0}      # ∂L/∂ŷ = factor · (ŷ − y) / N, and L = factor/2 · Σ (ŷ − y)² / N

SMALL = 256      # parameters of the largest network that goes through the loops; beyond, matrix products are faster

_CHECKED, _ROUNDING = 8, 2**14      # records of the step that is checked, and allowed roundings of the largest number


class Steps(Protocol):
    """Steps of gradient descent on n records, on a network's own parameters: Δw = scale · ∂(½ Σ (ŷ − y)²)/∂w."""

    flat: Array        # the parameters, in the order of `state_dict`
    deltas: Array      # Δw of the last step, likewise

    def train(self, x: Array, y: Array, epochs: int) -> list[float]:
        """Make `epochs` steps on inputs x (n, in) and targets y (n, k), and return each one's Σ (ŷ − y)², taken before its update."""
        ...


_last: WeakKeyDictionary[Network, tuple[Any, Steps]] = WeakKeyDictionary()      # each network's last, and what it was made for


def train(network: Network, x: ArrayLike, y: ArrayLike, *, lr: float, epochs: int, loss: str = "half_mse") -> list[float]:
    """Train as `manual.train` does, full-batch on inputs x (n, in) and targets y (n, k), and return each epoch's loss.

    Raises ValueError for a network or a loss that it does not know, and where its steps differ from those of `manual.train`.
    """
    x, y = np.asarray(x), np.asarray(y)
    if not {x.dtype.kind, y.dtype.kind} <= set("fiub"):
        raise ValueError(f"x and y are {x.dtype} and {y.dtype}; expected numbers")
    if x.ndim != 2 or x.shape[1] != network.sizes[0] or y.shape != (len(x), network.sizes[-1]) or not len(x):
        expected = f"(n, {network.sizes[0]}) and (n, {network.sizes[-1]})"
        raise ValueError(f"x has shape {x.shape} and y has shape {y.shape}; expected {expected}, of at least one record")
    squares = steps(network, loss, lr, len(x)).train(x, y, epochs)
    return [FACTORS[loss] / 2 / y.size * each for each in squares]


def steps(network: Network, loss: str, lr: float, n: int) -> Steps:
    """Return what makes steps on n records: the network's last one, if made for the same arguments. Raises ValueError as `train` does."""
    _check_known(network, loss)
    made_for = loss, lr, n, [layer.activation for layer in network.layers if isinstance(layer, Activate)]
    last = _last.get(network)
    if last is None or last[0] != made_for or last[1].flat is not network.flat:
        _check_step(network, loss)
        last = made_for, _prepared(network, n, -lr * FACTORS[loss] / (n * network.sizes[-1]))
        _last[network] = last
    return last[1]


def _prepared(network: Network, n: int, scale: float) -> Steps:
    if network.flat.size <= SMALL:
        try:
            from .compiled import Compiled, knows
        except ImportError:      # Numba is not installed, or not for this NumPy
            return InPlace(network, n, scale)
        if knows(network):
            return Compiled(network, n, scale)
    return InPlace(network, n, scale)


def _check_known(network: Network, loss: str) -> None:
    knows = "it knows linear layers with elementwise activations, and nothing between them; use manual.train"
    if type(network) is not Network:
        raise ValueError(f"the network is {type(network).__name__}; expected a manual.Network, for fast.train")
    for layer in network.layers:
        if type(layer) not in (Linear, Activate):
            raise ValueError(f"the network has a layer {type(layer).__name__}, which fast.train does not know: {knows}")
        if isinstance(layer, Activate) and layer.activation.derivative is None:
            raise ValueError(f"the activation {layer.activation.name} is not elementwise: {knows}")
    if loss not in FACTORS:
        raise ValueError(f"loss is {loss!r}; fast.train knows {', '.join(FACTORS)}: use manual.train")


def _check_step(network: Network, loss: str) -> None:
    """Compare one step on a few records, made both ways from the network's weights: the code that `manual.train` runs may be edited."""
    generator = np.random.default_rng(0)
    x, y = (generator.uniform(-1, 1, (_CHECKED, size)).astype(network.dtype) for size in (network.sizes[0], network.sizes[-1]))
    own = _prepared(deepcopy(network), _CHECKED, FACTORS[loss] / y.size)      # its Δw is the gradient
    with np.errstate(all="ignore"):
        _, _, grads = network.gradients(x, y, loss)
        own.train(x, y, 1)
    for name, gradient in named_views(own.deltas, {name: grad.shape for name, grad in grads.items()}).items():
        largest = max(float(np.abs(gradient).max()), float(np.abs(grads[name]).max()))
        gap = float(np.abs(gradient - grads[name]).max())
        if np.isfinite(largest) and gap > _ROUNDING * float(np.finfo(network.dtype).eps) * largest:
            why = "what manual.train runs was edited, or fast.train was"
            raise ValueError(f"fast.train's gradient of {name} is not manual.train's: they are {gap:.2g} apart: {why}; use manual.train")
