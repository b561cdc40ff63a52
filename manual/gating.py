"""Gating: the output of one linear layer decides how much of another's passes.

Source: Shazeer, *GLU variants improve transformer*, 2020.
"""

from .activations import silu, silu_derivative
from .arrays import Array
from .checks import check_given
from .layers import Linear
from .nesting import Nested, with_paths


class SwiGLU(Nested):
    """y = down(silu(gate(x)) ∘ up(x)), of three linear layers, which have the names that Llama gives them.

    For x (…, in) the first two give (…, hidden), and the last (…, out).
    """

    def __init__(self, gate_proj: Linear, up_proj: Linear, down_proj: Linear) -> None:
        self.gate_proj, self.up_proj, self.down_proj = gate_proj, up_proj, down_proj

    def children(self) -> dict[str, Linear]:
        """Return the three layers, by the names "gate_proj", "up_proj" and "down_proj"."""
        return {"gate_proj": self.gate_proj, "up_proj": self.up_proj, "down_proj": self.down_proj}

    def forward(self, x: Array) -> Array:
        """Return y (…, out) for x (…, in)."""
        self.g = self.gate_proj.forward(x)                       # g = x W_gᵀ + b_g            (…, hidden)
        self.u = self.up_proj.forward(x)                         # u = x W_uᵀ + b_u            (…, hidden)
        self.a = silu(self.g)                                    # a = g σ(g)                  (…, hidden)
        return self.down_proj.forward(self.a * self.u)           # y = h W_dᵀ + b_d, h = a ∘ u (…, out)

    def gradients(self, error: Array) -> dict[str, Array]:
        """Return the gradients of all parameters by name, from ∂L/∂y (…, out)."""
        self.given = error
        of_down = self.down_proj.gradients(error)
        dh = self.down_proj.backward(error)                      # ∂L/∂h = ∂L/∂y W_d           (…, hidden)
        self.du = dh * self.a                                    # ∂L/∂u = ∂L/∂h ∘ a           (…, hidden)
        da = dh * self.u                                         # ∂L/∂a = ∂L/∂h ∘ u           (…, hidden)
        self.dg = da * silu_derivative(self.g, self.a)           # ∂L/∂g = ∂L/∂a ∘ silu′(g)    (…, hidden)
        of_gate, of_up = self.gate_proj.gradients(self.dg), self.up_proj.gradients(self.du)
        return with_paths({"gate_proj": of_gate, "up_proj": of_up, "down_proj": of_down})

    def backward(self, error: Array) -> Array:
        """Return ∂L/∂x (…, in), from ∂L/∂g and ∂L/∂u, which `gradients` has left."""
        check_given(self, error)
        through_gate = self.gate_proj.backward(self.dg)          # ∂L/∂g W_g                   (…, in)
        through_up = self.up_proj.backward(self.du)              # ∂L/∂u W_u                   (…, in)
        return through_gate + through_up                         # ∂L/∂x: the sum of both ways (…, in)
