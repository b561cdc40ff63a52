"""The loss of a class: a method, or a function of its module, that returns one number for an output and targets alone."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..calls import LAYOUTS, Layout, UnfilledError, called, filled, numbers, roles_of
from ..network import Network
from ..spellings import LOSS, ranked
from .forward import halved
from .trial import Trial


def find_loss(trial: Trial, layout: Layout) -> None:
    """Set the loss to the first method, or function of the module, that returns one number for an output and targets alone."""
    about = trial.about
    if about.run is None:
        return
    output = about.run(trial.fresh(), trial.x)
    for owner in ("root", "module"):
        offered = trial.names if owner == "root" else [name for name, value in vars(about.module).items() if inspect.isfunction(value)]
        for name in ranked(offered, LOSS):
            cost = coster(about, owner, name, layout)
            with np.errstate(all="ignore"):
                try:
                    value, other = (numbers(cost(root, output, trial.y)) for root in (trial.fresh(), halved(trial)))
                except Exception:
                    continue
            if value is not None and value.size == 1 and np.array_equal(value, other, equal_nan=True):
                about.cost = cost
                about.plan["cost"] = owner, name, layout.name
                return


def coster(about: Network, owner: str, name: str, layout: Layout) -> Callable[..., Any]:
    """Return the loss by that method of the root, or that function of the module: a function of the root, an output and targets."""

    def cost(root: Any, output: Any, y: Any) -> Any:
        function = getattr(root if owner == "root" else about.module, name)
        stands = roles_of(function)
        if sorted(what for what in stands.values() if what in ("y", "output", "x")) != ["output", "y"]:
            raise UnfilledError(f"{name} takes {', '.join(stands)}; expected an output and targets")
        whole = layout if layout.is_whole else LAYOUTS["rows"]
        return called(function, filled(function, {"output": whole.make(output), "y": whole.make(y)}))

    return cost
