"""GRU: recurrence whose state h moves towards a new one, n, as far as gate z lets it; gate r resets what n sees of the state before.

    r, z = σ(y_r), σ(y_z)                   y = x_t W_ihᵀ + b_ih + h_{t−1} W_hhᵀ + b_hh, for each gate
    n = tanh(x_t W_inᵀ + b_in + r ∘ m)      m = h_{t−1} W_hnᵀ + b_hn
    h_t = (1 − z) ∘ n + z ∘ h_{t−1}

As in PyTorch, r resets what the state's weights have made of h_{t−1}; in the paper, h_{t−1} itself.
Sources: Cho and others, *Learning phrase representations using RNN encoder-decoder*, 2014;
https://docs.pytorch.org/docs/stable/generated/torch.nn.GRU.html
"""

import numpy as np

from .arrays import Array
from .recurrence import Recurrent, squash


class GRU(Recurrent):
    """The gates are r, z, n, in PyTorch's order."""

    gates = 3

    def forward(self, x: Array) -> Array:
        """Return the states for x (batch, T, in)."""
        y = self.from_inputs(x, self.bias_ih_l0)                       # y = x W_ihᵀ + b_ih          (3, T, batch, H)
        weight = self.by_gate(self.weight_hh_l0).swapaxes(1, 2)        # W_hhᵀ                       (3, H, H)
        h, m = self.h, np.empty_like(y[2])
        for t in range(len(m)):
            from_h = h[t] @ weight                                     # h_{t−1} W_hhᵀ + b_hh        (3, batch, H)
            if self.bias_hh_l0 is not None:
                from_h += self.by_gate(self.bias_hh_l0)
            y[:2, t] += from_h[:2]                                     # y += h_{t−1} W_hhᵀ + b_hh, of r and z
            squash(y[:2, t], 0.5)                                      # σ(y_r), σ(y_z)
            r, z, n = y[:, t]                                          #                             (batch, H) each
            m[t] = from_h[2]                                           # m = h_{t−1} W_hnᵀ + b_hn
            n[:] = np.tanh(n + r * m[t])                               # n = tanh(x_t W_inᵀ + b_in + r ∘ m)
            h[t + 1] = (1 - z) * n + z * h[t]                          # h_t = (1 − z) ∘ n + z ∘ h_{t−1}
        self.squashed, self.m = y, m
        return self.output()

    def gradients(self, error: Array) -> dict[str, Array]:
        """Return the gradients of the parameters, from ∂L/∂h of all steps or of the last."""
        errors, weight = self.from_outside(error), self.by_gate(self.weight_hh_l0)
        r, z, n = self.squashed                                        # of all steps                (T, batch, H) each
        delta = np.zeros_like(self.squashed)                           # at first slopes             (3, T, batch, H)
        delta[2] = (1 - z) * (1 - n * n)                               # ∂h_t/∂y_n = (1 − z) ∘ tanh′(y_n)
        delta[1] = (self.h[:-1] - n) * z * (1 - z)                     # ∂h_t/∂y_z = (h_{t−1} − n) ∘ σ′(y_z)
        delta[0] = delta[2] * self.m * r * (1 - r)                     # ∂h_t/∂y_r = ∂h_t/∂y_n ∘ m ∘ σ′(y_r)
        delta_h = delta.copy()                                         # ∂h_t/∂(h_{t−1} W_hhᵀ + b_hh)
        delta_h[2] *= r                                                # ∂h_t/∂m = ∂h_t/∂y_n ∘ r
        dh = np.zeros_like(self.h[0])                                  # from step t + 1, at first none
        for t in reversed(range(len(errors))):
            dh = dh + errors[t]                                        # ∂L/∂h_t                     (batch, H)
            delta[:, t] *= dh                                          # δ = ∂L/∂y = ∂L/∂h_t ∘ ∂h_t/∂y
            delta_h[:, t] *= dh                                        # δʰ = ∂L/∂(h_{t−1} W_hhᵀ + b_hh)
            dh = dh * z[t] + (delta_h[:, t] @ weight).sum(axis=0)      # ∂L/∂h_{t−1} = ∂L/∂h_t ∘ z + Σ δʰ W_hh, over the gates
        return self.weight_gradients(delta, delta_h)
