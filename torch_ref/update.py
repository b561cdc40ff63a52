"""The update: w ← w + Δw for each parameter, by a formula that `optimizers` has, and by the state that it has made of earlier gradients.

`torch.optim` is not used, since it does not show each step's Δw; the tests compare these optimisers with it.
"""

from collections.abc import Collection, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import torch
from torch import Tensor

from .layers import Linear
from .network import Network
from .state import check_entries


@dataclass(eq=False)
class Optimizer:
    """An update with learning rate `lr`; `slots` names the state tensors of each parameter, as PyTorch does.
    With `decay` "weights" the parameters are two groups, as `torch.optim` takes them: the weights of linear layers with `weight_decay`,
    and all others without.
    """

    lr: float
    _: KW_ONLY
    weight_decay: float = 0.0
    decay: str = "all"
    slots: tuple[str, ...] = field(default=(), init=False)
    steps: int = field(default=0, init=False)
    state: dict[str, dict[str, Tensor]] = field(default_factory=dict, init=False, repr=False)      # by parameter, by slot

    def __post_init__(self) -> None:
        if self.decay not in ("all", "weights"):
            raise ValueError(f"decay is {self.decay!r}; expected all or weights")

    def start(self, w: Tensor) -> dict[str, Tensor]:
        """Return the state of the parameter w before the first step, by slot: zeros, unless the optimiser has another start."""
        return {slot: torch.zeros_like(w) for slot in self.slots}

    def delta(self, w: Tensor, g: Tensor, state: dict[str, Tensor], weight_decay: float, out: Tensor | None) -> Tensor:
        """Return Δw for a parameter w with gradient g at step number `steps`, in `out` if given, and update `state` in place."""
        raise NotImplementedError

    def without_decay(self, network: Network) -> Collection[str]:
        """Return the names of the parameters without weight decay."""
        if self.decay == "all":
            return ()
        linear = {f"{index}.weight" for index, layer in network._modules.items() if isinstance(layer, Linear)}
        return network.parameters_by_name().keys() - linear

    @torch.no_grad()
    def step(self, network: Network, grads: Mapping[str, Tensor], out: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Change the network's parameters in place, and return the Δw that was added to each, by name, in `out` if given."""
        self.steps += 1
        deltas, without = {}, self.without_decay(network)
        for name, w in network.parameters_by_name().items():
            if name not in self.state:
                self.state[name] = self.start(w)
            decay = 0.0 if name in without else self.weight_decay
            deltas[name] = self.delta(w, grads[name], self.state[name], decay, None if out is None else out[name])
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
            slots = {f"{name}.{slot}": w for name, w in params.items() for slot in self.slots}
            check_entries("optimiser state", tensors, {"steps": torch.tensor(0, device="cpu"), **slots})
            if tensors["steps"].is_floating_point() or tensors["steps"] < 0:
                raise ValueError(f"optimiser state: steps is {tensors['steps']}; expected a whole number, at least 0")
        self.steps, self.state = int(tensors["steps"]), {}
        for name, w in params.items() if not is_new else ():
            self.state[name] = {slot: tensors[f"{name}.{slot}"].to(w.device, w.dtype, copy=True) for slot in self.slots}
