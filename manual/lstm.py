"""LSTM: recurrence with a cell c beside the state h. Gates say what the cell forgets, takes in and shows; its error can pass many steps.

    i, f, o = σ(z_i), σ(z_f), σ(z_o)        g = tanh(z_g)        z = x_t W_ihᵀ + b_ih + h_{t−1} W_hhᵀ + b_hh, for each gate
    c_t = f ∘ c_{t−1} + i ∘ g               h_t = o ∘ tanh(c_t)

Sources: Hochreiter and Schmidhuber, *Long short-term memory*, 1997; for f Gers, Schmidhuber and Cummins, *Learning to forget*, 2000;
https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html
"""

import numpy as np

from .arrays import Array
from .recurrence import Recurrent, squash


class LSTM(Recurrent):
    """The gates are i, f, g, o, in PyTorch's order. The cell before the first step is 0, as the state is."""

    gates = 4

    def forward(self, x: Array) -> Array:
        """Return the states for x (batch, T, in)."""
        z = self.from_inputs(x, self.bias_ih_l0, self.bias_hh_l0)      # z = x W_ihᵀ + b_ih + b_hh   (4, T, batch, H)
        weight = self.by_gate(self.weight_hh_l0).swapaxes(1, 2)        # W_hhᵀ                       (4, H, H)
        s = np.array([0.5, 0.5, 1, 0.5], z.dtype)[:, None, None]       # σ, σ, tanh, σ, for `squash`
        h = self.h
        c, tanh_c = np.zeros_like(h), np.zeros_like(h)                 # c₀ = 0                      (T + 1, batch, H)
        for t in range(len(h) - 1):
            z[:, t] += h[t] @ weight                                   # z += h_{t−1} W_hhᵀ          (4, batch, H)
            squash(z[:, t], s)                                         # σ(z_i), σ(z_f), tanh(z_g), σ(z_o)
            i, f, g, o = z[:, t]                                       #                             (batch, H) each
            c[t + 1] = f * c[t] + i * g                                # c_t = f ∘ c_{t−1} + i ∘ g
            tanh_c[t + 1] = np.tanh(c[t + 1])
            h[t + 1] = o * tanh_c[t + 1]                               # h_t = o ∘ tanh(c_t)
        self.squashed, self.c, self.tanh_c = z, c, tanh_c
        return self.output()

    def gradients(self, error: Array) -> dict[str, Array]:
        """Return the gradients of the parameters, from ∂L/∂h of all steps or of the last."""
        errors, weight = self.from_outside(error), self.by_gate(self.weight_hh_l0)
        i, f, g, o = self.squashed                                     # of all steps                (T, batch, H) each
        c_before, tanh_c = self.c[:-1], self.tanh_c[1:]
        delta = np.zeros_like(self.squashed)                           # at first slopes             (4, T, batch, H)
        delta[0] = g * i * (1 - i)                                     # ∂c_t/∂z_i = g ∘ σ′(z_i)
        delta[1] = c_before * f * (1 - f)                              # ∂c_t/∂z_f = c_{t−1} ∘ σ′(z_f)
        delta[2] = i * (1 - g * g)                                     # ∂c_t/∂z_g = i ∘ tanh′(z_g)
        delta[3] = tanh_c * o * (1 - o)                                # ∂h_t/∂z_o = tanh(c_t) ∘ σ′(z_o)
        h_by_c = o * (1 - tanh_c * tanh_c)                             # ∂h_t/∂c_t = o ∘ tanh′(c_t)
        dh = dc = np.zeros_like(self.h[0])                             # from step t + 1, at first none
        for t in reversed(range(len(errors))):
            dh = dh + errors[t]                                        # ∂L/∂h_t                     (batch, H)
            dc = dc + dh * h_by_c[t]                                   # ∂L/∂c_t += ∂L/∂h_t ∘ ∂h_t/∂c_t
            delta[:3, t] *= dc                                         # δ = ∂L/∂z = ∂L/∂c_t ∘ ∂c_t/∂z, of i, f and g
            delta[3, t] *= dh                                          # δ = ∂L/∂z = ∂L/∂h_t ∘ ∂h_t/∂z, of o
            dc = dc * f[t]                                             # ∂L/∂c_{t−1} = ∂L/∂c_t ∘ f
            dh = (delta[:, t] @ weight).sum(axis=0)                    # ∂L/∂h_{t−1} = Σ δ W_hh, over the gates
        return self.weight_gradients(delta, delta)
