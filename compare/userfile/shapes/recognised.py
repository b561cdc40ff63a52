"""Files in which a network is found: a class, functions or a script, by the definitions that it has and by what they do with arrays.

Recognising runs the file's own functions on drawn numbers, and holds no formula of a gradient: which loss it is, and whether its gradient
is right, is found by who calls this.
"""

from pathlib import Path
from typing import Any

import numpy as np

from ..source import UnusableFileError
from . import course_modules, scientific
from .asked import of_no_use, refuse_unknown
from .classes import network as of_class
from .definitions import load as definitions
from .functions import network as of_functions
from .functions import vector as of_vector
from .loops import network as of_loop
from .making import choice_of_activations
from .network import Network
from .own_losses import own_losses as own_losses
from .unrecognised import said_of

__all__ = [
    "MODULES", "activations", "conventions", "forward", "found", "gradients", "loss", "notes", "offers", "own_losses", "problem", "trace",
    "train_step",
]      # what is an adapter's, for the modules that look for one kind of network alone; without `load`
MODULES = course_modules.MODULES | scientific.MODULES
# options of our own: the strength of a regularisation that the file takes, whether n times as much, its momentum, its activation, and
# whether its loss is left out
OURS = ("penalty", "per_record", "momentum", "activation", "without_loss")
CLASS = (of_class.networks, of_class.rebuilt)      # what finds a network in a module, and what finds the same in the module loaded anew
FUNCTIONS = (of_functions.networks, of_functions.rebuilt)
_FINDERS: tuple[tuple[Any, Any], ...] = (
    CLASS,
    (of_class.networks_by_behaviour, of_class.rebuilt),
    (of_vector.networks, of_vector.rebuilt),
    (of_loop.networks, of_loop.rebuilt),
    FUNCTIONS,
)
_known: dict[Any, tuple[Any, Network]] = {}


def load(path: Path, options: Any = None, finders: Any = _FINDERS) -> Network:
    """Return the network in the file by the first of the finders that finds one; raises UnusableFileError where none does."""
    names = {name: value for name, value in (options or {}).items() if name not in OURS}
    rebuilt, network = _found(path, names, finders)
    network.penalty, network.is_per_record = float((options or {}).get("penalty", 0.0)), "per_record" in (options or {})
    given = {"activation": str, "momentum": float}
    own = {name: kind(options[name]) for name, kind in given.items() if name in (options or {})}
    if own:
        network.plan = {**network.plan, **own}
        network = rebuilt(network.module, network)
    network.has_shown_loss = "without_loss" not in (options or {})
    return network


def _found(path: Path, options: Any, finders: Any) -> tuple[Any, Network]:
    """Return what finds the network again in a module, and the network."""
    module, key = definitions(path), (path, path.read_bytes(), tuple(sorted(options.items())), finders)
    if key in _known:
        rebuilt, network = _known[key]
        return rebuilt, rebuilt(module, network)
    refuse_unknown(path.name, module, options)
    for networks, rebuilt in finders:
        first: Network | None = next(networks(module, options), None)
        if first is not None:
            first.note_rounding()
            first.notes += of_no_use(first, options)
            _known[key] = rebuilt, first
            return rebuilt, first
    raise UnusableFileError(said_of(path.name, vars(module)["__tree__"], options))


def problem(network: Network) -> dict[str, Any]:
    """What is known of the problem."""
    return network.problem


def conventions(network: Network) -> dict[str, Any]:
    """The conventions of what the network is handed."""
    return network.conventions


def found(network: Network) -> tuple[str, ...]:
    """What was recognised, in a sentence, with the option that would say it."""
    return (f"{network.said}, as {network.option}",)


def activations(network: Network) -> list[str]:
    """The names of activations that the network may be made with."""
    return choice_of_activations(network.module, getattr(network.module, network.plan.get("class", ""), None))


def notes(network: Network) -> list[str]:
    """What the report is to say."""
    return network.notes


def offers(network: Network) -> list[str]:
    """The functions that the network has."""
    own = {
        "forward": network.run,
        "train_step": network.step or (network.back if network.penalty else None),
        "gradients": network.back,
        "loss": network.cost,
    }
    own["trace"] = network.back if network.loss is not None else None
    if not network.has_shown_loss:
        own["loss"] = own["trace"] = None
    return [name for name, function in own.items() if function is not None]


def forward(network: Network, params: Any, x: Any) -> Any:
    """Return the output (n, k)."""
    return network.forward(params, x)


def train_step(network: Network, params: Any, x: Any, y: Any, lr: float) -> Any:
    """Return the parameters after a step."""
    return network.after(params, x, y, lr)


def gradients(network: Network, params: Any, x: Any, y: Any) -> Any:
    """Return the gradients, in the order of the parameters."""
    return network.gradients(params, x, y)


def loss(network: Network, output: Any, y: Any) -> Any:
    """Return the file's loss of that output."""
    assert network.cost is not None
    records = np.zeros((len(output), network.sizes[0]))
    return network.cost(network.new(records, y, 1.0) if "class" in network.plan else None, output, y)


def trace(network: Network, params: Any, x: Any, y: Any) -> Any:
    """Return the loss that the way back returns with the gradients."""
    network.gradients(params, x, y)
    return {"loss": network.loss}
