"""The update: w ← w + Δw for each parameter, by a formula that `optimizers` has, and by the state that it has made of earlier gradients.

`torch.optim` is not used, since it does not show each step's Δw; the tests compare these optimisers with it.
"""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor

from .checks import check_numbers
from .layers import Linear
from .network import Network
from .state import check_entries


@dataclass(eq=False)
class Update:
    """The update of all parameters, each by the optimiser that `of` says; `steps` have been made."""

    steps: int = field(default=0, init=False)
    state: dict[str, dict[str, Tensor]] = field(default_factory=dict, init=False, repr=False)      # by parameter, by slot

    def of(self, name: str) -> "Optimizer":
        """Return the optimiser of the parameter of that name."""
        raise NotImplementedError

    @torch.no_grad()
    def step(self, network: Network, grads: Mapping[str, Tensor], out: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Change the network's parameters in place, and return the Δw that was added to each, by name, in `out` if given."""
        self.steps += 1
        deltas = {}
        for name, w in network.parameters_by_name().items():
            optimizer = self.of(name)
            if name not in self.state:
                self.state[name] = optimizer.start(w)
            decay, into = optimizer.decay_of(network, name), None if out is None else out[name]
            deltas[name] = optimizer.delta(w, grads[name], self.state[name], decay, into)
            w.add_(deltas[name])
        return deltas

    def state_dict(self) -> dict[str, Tensor]:
        """Return copies of the state as "<parameter>.<slot>": tensor, and the number of `steps`."""
        copies = {f"{name}.{slot}": tensor.clone() for name, slots in self.state.items() for slot, tensor in slots.items()}
        return {"steps": torch.tensor(self.steps, device="cpu"), **copies}

    def load_state_dict(self, state: Mapping[str, Any], network: Network) -> None:
        """Copy in the `state_dict` of an optimiser of the same kind, on a network of the same shapes.

        Raises ValueError that names a missing, unknown or misshapen entry.
        """
        params, tensors = network.parameters_by_name(), {name: torch.as_tensor(value) for name, value in state.items()}
        is_new = set(tensors) == {"steps"} and tensors["steps"].shape == () and int(tensors["steps"]) == 0      # it has made no step yet
        if not is_new:
            slots = {f"{name}.{slot}": w for name, w in params.items() for slot in self.of(name).slots}
            check_entries("optimiser state", tensors, {"steps": torch.tensor(0, device="cpu"), **slots})
            if tensors["steps"].is_floating_point() or tensors["steps"] < 0:
                raise ValueError(f"optimiser state: steps is {tensors['steps']}; expected a whole number, at least 0")
        self.steps, self.state = int(tensors["steps"]), {}
        for name, w in params.items() if not is_new else ():
            self.state[name] = {slot: tensors[f"{name}.{slot}"].to(w.device, w.dtype, copy=True) for slot in self.of(name).slots}


@dataclass(eq=False)
class Optimizer(Update):
    """An update with learning rate `lr`; `slots` names the state tensors of each parameter, as PyTorch does.

    With `decay` "weights" the parameters are two groups, as `torch.optim` takes them: the weights of linear layers with `weight_decay`,
    and all others without.
    """

    lr: float
    _: KW_ONLY
    weight_decay: float = 0.0
    decay: str = "all"
    slots: tuple[str, ...] = field(default=(), init=False)

    def __post_init__(self) -> None:
        if self.decay not in ("all", "weights"):
            raise ValueError(f"decay is {self.decay!r}; expected all or weights")
        check_numbers(weight_decay=self.weight_decay)
        check_numbers(lr=self.lr)

    def of(self, name: str) -> "Optimizer":
        """Return this one, whatever the parameter."""
        return self

    def start(self, w: Tensor) -> dict[str, Tensor]:
        """Return the state of the parameter w before the first step, by slot: zeros, unless the optimiser has another start."""
        return {slot: torch.zeros_like(w) for slot in self.slots}

    def delta(self, w: Tensor, g: Tensor, state: dict[str, Tensor], weight_decay: float, out: Tensor | None) -> Tensor:
        """Return Δw for a parameter w with gradient g at step number `steps`, in `out` if given, and update `state` in place."""
        raise NotImplementedError

    def decay_of(self, network: Network, name: str) -> float:
        """Return the weight decay of the network's parameter of that name."""
        index, _, own = name.partition(".")
        is_weight = own == "weight" and isinstance(network._modules[index], Linear)
        return self.weight_decay if self.decay == "all" or is_weight else 0.0


class Groups(Update):
    """Parameters in groups, each with an optimiser of its own: by patterns of names, with * for any text, of which the first that fits."""

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

    def step(self, network: Network, grads: Mapping[str, Tensor], out: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Change the parameters in place, and return the Δw that was added to each, by name, in `out` if given."""
        used = {self.group(name) for name in network.parameters_by_name()}
        idle = [pattern for pattern in self.optimizers if pattern not in used and pattern != "*"]      # which is for all others
        if idle:
            raise ValueError(f"the group {idle[0]} has no parameters; expected a pattern that fits a name which no earlier one fits")
        for optimizer in self.optimizers.values():
            optimizer.steps = self.steps + 1
        return super().step(network, grads, out)
