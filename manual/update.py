"""The update: w ← w + Δw for each parameter, by a formula that `optimizers` has, and by the state that it has made of earlier gradients."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import ArrayLike

from .arrays import Array
from .checks import check_numbers
from .layers import Layer
from .network import Network
from .schedules import Rate, rate_at
from .state import check_entries


@dataclass(eq=False)
class Update:
    """The update of all parameters, each by the optimiser that `of` says; `steps` have been made."""

    steps: int = field(default=0, init=False)
    state: dict[str, dict[str, Array]] = field(default_factory=dict, init=False, repr=False)      # by parameter, by slot

    def of(self, name: str) -> "Optimizer":
        """Return the optimiser of the parameter of that name."""
        raise NotImplementedError

    def step(self, network: Network | Layer, grads: Mapping[str, Array]) -> dict[str, Array]:
        """Change the parameters of the network, or of a layer, in place, and return the Δw that was added to each, by name."""
        self.steps += 1
        deltas = {}
        for name, w in network.parameters().items():
            optimizer = self.of(name)
            if name not in self.state:
                self.state[name] = optimizer.start(w)
            deltas[name] = optimizer.delta(w, grads[name], self.state[name])
            w += deltas[name]                              # w ← w + Δw   (as w)
        return deltas

    def flat_state(self) -> dict[str, Array]:
        """Return the state as "<parameter>.<slot>": array; the arrays are the optimiser's own, not copies."""
        return {f"{name}.{slot}": array for name, slots in self.state.items() for slot, array in slots.items()}

    def state_dict(self) -> dict[str, Array]:
        """Return copies of the state, and the number of `steps`."""
        return {"steps": np.array(self.steps, np.int64), **{name: array.copy() for name, array in self.flat_state().items()}}

    def load_state_dict(self, state: Mapping[str, ArrayLike], network: Network | Layer) -> None:
        """Copy in the `state_dict` of an optimiser of the same kind, on a network of the same shapes.

        Raises ValueError that names a missing, unknown or misshapen entry.
        """
        params, arrays = network.parameters(), {name: np.asarray(value) for name, value in state.items()}
        is_new = set(arrays) == {"steps"} and arrays["steps"].shape == () and arrays["steps"] == 0      # it has made no step yet
        if not is_new:
            slots = {f"{name}.{slot}": w for name, w in params.items() for slot in self.of(name).slots}
            check_entries("optimiser state", arrays, {"steps": np.array(0), **slots})
            if arrays["steps"].dtype.kind not in "iu" or arrays["steps"] < 0:
                raise ValueError(f"optimiser state: steps is {arrays['steps']}; expected a whole number, at least 0")
        self.steps, self.state = int(arrays["steps"]), {}
        for name, w in params.items() if not is_new else ():
            self.state[name] = {slot: np.array(arrays[f"{name}.{slot}"], dtype=w.dtype) for slot in self.of(name).slots}


@dataclass(eq=False)
class Optimizer(Update):
    """An update with learning rate `lr`; `slots` names the state arrays of each parameter, as PyTorch does.

    `lr` is a number, a sequence of one for each step, or a function of the step, counted from 1, such as those of `schedules`.
    `decay` says which parameters weight decay λ applies to: "all", or the "weights" alone, those of two dimensions or more.
    """

    lr: Rate
    _: KW_ONLY
    weight_decay: float = 0.0
    decay: str = "all"
    slots: tuple[str, ...] = field(default=(), init=False)

    def __post_init__(self) -> None:
        if self.decay not in ("all", "weights"):
            raise ValueError(f"decay is {self.decay!r}; expected all or weights")
        check_numbers(weight_decay=self.weight_decay)
        if isinstance(self.lr, (int, float)):
            check_numbers(lr=self.lr)

    @property
    def rate(self) -> float:
        """The learning rate of the present step."""
        return rate_at(self.lr, self.steps)

    def of(self, name: str) -> "Optimizer":
        """Return this one, whatever the parameter."""
        return self

    def start(self, w: Array) -> dict[str, Array]:
        """Return the state of the parameter w before the first step, by slot: zeros, unless the optimiser has another start."""
        return {slot: np.zeros_like(w) for slot in self.slots}

    def delta(self, w: Array, g: Array, state: dict[str, Array]) -> Array:
        """Return Δw for a parameter w with gradient g at step `self.steps`, counted from 1, and update the parameter's `state` in place."""
        raise NotImplementedError

    def decay_of(self, w: Array) -> float:
        """Return λ for the parameter w."""
        return self.weight_decay if self.decay == "all" or w.ndim > 1 else 0.0


class Groups(Update):
    """Parameters in groups, each with an optimiser of its own; in PyTorch the parameter groups of `torch.optim`.

        Groups({"*.bias": AdamW(1e-3, weight_decay=0.0), "head.*": AdamW(1e-2), "*": AdamW(1e-3)})

    A group is a pattern of names, with * for any text. A parameter is in the first group that it fits. A step raises ValueError for a
    parameter in no group, and for a group without parameters, but for *.
    """

    def __init__(self, optimizers: Mapping[str, Optimizer]) -> None:
        super().__init__()
        self.optimizers = dict(optimizers)

    def of(self, name: str) -> Optimizer:
        """Return the optimiser of the parameter's group. Raises ValueError for a parameter in none."""
        return self.optimizers[self.group(name)]

    def group(self, name: str) -> str:
        """Return the pattern of the parameter's group. Raises ValueError for a parameter in none."""
        found = next((pattern for pattern in self.optimizers if fnmatchcase(name, pattern)), None)
        if found is None:
            raise ValueError(f"{name} is in none of the groups {', '.join(self.optimizers)}; expected a last one, *, for all others")
        return found

    def step(self, network: Network | Layer, grads: Mapping[str, Array]) -> dict[str, Array]:
        """Change the parameters in place, and return the Δw that was added to each, by name."""
        used = {self.group(name) for name in network.parameters()}
        idle = [pattern for pattern in self.optimizers if pattern not in used and pattern != "*"]      # which is for all others
        if idle:
            raise ValueError(f"the group {idle[0]} has no parameters; expected a pattern that fits a name which no earlier one fits")
        for optimizer in self.optimizers.values():
            optimizer.steps = self.steps + 1
        return super().step(network, grads)
