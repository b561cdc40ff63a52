"""The update by hand: w ← w + Δw, the gradients being autograd's; PyTorch's documented SGD, Adam and AdamW.

`torch.optim` is not used, so that each step's Δw can be shown; the tests hold these against it.
"""

from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor

from .layers import Linear
from .network import Network
from .state import check_entries


class Optimizer:
    """An update with learning rate `lr`; `slots` are the tensors it keeps for each parameter, by PyTorch's names.

    With `decay` "weights" the parameters are two groups, as `torch.optim` takes them: the weights of linear layers with `weight_decay`,
    and all others without.
    """

    slots: tuple[str, ...] = ()

    def __init__(self, lr: float, *, weight_decay: float = 0.0, decay: str = "all") -> None:
        if decay not in ("all", "weights"):
            raise ValueError(f"decay is {decay!r}; expected all or weights")
        self.lr, self.weight_decay, self.decay = lr, weight_decay, decay
        self.steps = 0
        self.state: dict[str, dict[str, Tensor]] = {}      # by parameter, by slot

    def delta(self, w: Tensor, g: Tensor, state: dict[str, Tensor], weight_decay: float, out: Tensor | None) -> Tensor:
        """Δw for a parameter w with gradient g at step number `steps`, in `out` if given; changes what `state` keeps."""
        raise NotImplementedError

    def without_decay(self, network: Network) -> Collection[str]:
        """The names of the second group, which has no weight decay."""
        if self.decay == "all":
            return ()
        linear = {f"{index}.weight" for index, layer in network._modules.items() if isinstance(layer, Linear)}
        return network.parameters_by_name().keys() - linear

    @torch.no_grad()
    def step(self, network: Network, grads: Mapping[str, Tensor], out: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Change the network's parameters in place; returns each one's delta, with the sign it was added with, in `out` if given."""
        self.steps += 1
        deltas, without = {}, self.without_decay(network)
        for name, w in network.parameters_by_name().items():
            if name not in self.state:
                self.state[name] = {slot: torch.zeros_like(w) for slot in self.slots}
            decay = 0.0 if name in without else self.weight_decay
            deltas[name] = self.delta(w, grads[name], self.state[name], decay, None if out is None else out[name])
            w.add_(deltas[name])
        return deltas

    def state_dict(self) -> dict[str, Tensor]:
        """Copies of what is kept: the number of `steps`, and each slot as "<parameter>.<slot>"."""
        kept = {f"{name}.{slot}": tensor.clone() for name, slots in self.state.items() for slot, tensor in slots.items()}
        return {"steps": torch.tensor(self.steps, device="cpu"), **kept}

    def load_state_dict(self, state: Mapping[str, Any], network: Network) -> None:
        """Take over, by copy, what an optimiser of this kind kept for such a network.

        Raises ValueError that names a missing, unknown or misshapen entry.
        """
        params = network.parameters_by_name()
        names = {f"{name}.{slot}": (name, slot) for name in params for slot in self.slots}
        expected: dict[str, tuple[int, ...]] = {"steps": (), **{key: tuple(params[name].shape) for key, (name, _) in names.items()}}
        given = {name: torch.as_tensor(value) for name, value in state.items()}
        if set(given) == {"steps"} and given["steps"].shape == () and int(given["steps"]) == 0:      # it has made no step yet
            self.steps, self.state = 0, {}
            return
        check_entries("optimiser state", {name: tuple(tensor.shape) for name, tensor in given.items()}, expected)
        if given["steps"].is_floating_point() or given["steps"] < 0:
            raise ValueError(f"optimiser state: steps is {given['steps']}; expected a whole number, at least 0")
        self.steps, self.state = int(given["steps"]), {}
        for key, (name, slot) in names.items():
            self.state.setdefault(name, {})[slot] = given[key].to(params[name].device, params[name].dtype, copy=True)


class SGD(Optimizer):
    """Gradient descent, Δw = −lr · g, with momentum, dampening, Nesterov's look-ahead and weight decay as `torch.optim.SGD`."""

    def __init__(
        self,
        lr: float,
        *,
        momentum: float = 0.0,
        dampening: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        decay: str = "all",
    ) -> None:
        super().__init__(lr, weight_decay=weight_decay, decay=decay)
        self.momentum, self.dampening, self.nesterov = momentum, dampening, nesterov
        if momentum:
            self.slots = ("momentum_buffer",)

    def delta(self, w: Tensor, g: Tensor, state: dict[str, Tensor], weight_decay: float, out: Tensor | None) -> Tensor:
        """Δw = −lr · g, of the shape of w."""
        if weight_decay:
            g = g.add(w, alpha=weight_decay)
        if self.momentum:
            b = state["momentum_buffer"]
            if self.steps == 1:
                b.copy_(g)
            else:
                b.mul_(self.momentum).add_(g, alpha=1 - self.dampening)
            g = g.add(b, alpha=self.momentum) if self.nesterov else b
        return torch.mul(g, -self.lr, out=out)


class Adam(Optimizer):
    """Steps by the gradient's running mean over the root of its running square, as `torch.optim.Adam`."""

    slots = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        lr: float,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decay: str = "all",
    ) -> None:
        super().__init__(lr, weight_decay=weight_decay, decay=decay)
        self.betas, self.eps = betas, eps

    def delta(self, w: Tensor, g: Tensor, state: dict[str, Tensor], weight_decay: float, out: Tensor | None) -> Tensor:
        """Δw = −lr · m̂ / (√v̂ + ε), of the shape of w."""
        if weight_decay:
            g = g.add(w, alpha=weight_decay)
        return self.adaptive(g, state, out)

    def adaptive(self, g: Tensor, state: dict[str, Tensor], out: Tensor | None) -> Tensor:
        """−lr · m̂ / (√v̂ + ε) for the gradient g."""
        beta1, beta2 = self.betas
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m.lerp_(g, 1 - beta1)
        v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
        denominator = (v.sqrt() / (1 - beta2**self.steps) ** 0.5).add_(self.eps)
        return torch.mul(m / denominator, -self.lr / (1 - beta1**self.steps), out=out)


class AdamW(Adam):
    """Adam with the decay decoupled from the gradient, as `torch.optim.AdamW`."""

    def __init__(
        self,
        lr: float,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        decay: str = "all",
    ) -> None:
        super().__init__(lr, betas=betas, eps=eps, weight_decay=weight_decay, decay=decay)

    def delta(self, w: Tensor, g: Tensor, state: dict[str, Tensor], weight_decay: float, out: Tensor | None) -> Tensor:
        """Δw, of the shape of w."""
        return self.adaptive(g, state, out).add_(w, alpha=-self.lr * weight_decay)


OPTIMIZERS: dict[str, Any] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}
