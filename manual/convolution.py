"""Convolution: a linear layer of each window of an image, with the same weights for all windows.

All windows are unfolded to the columns of a matrix ("im2col"), so that the layer is one product of matrices, forward, and two backward.
The columns hold each number of the image up to kₕ k_w times. So the image is stored in their place, and they are made twice.
The image's channels, and the outputs, may be in `groups`, of which each output sees its own only.
Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
"""

import math

from .arrays import Array
from .checks import check_groups, check_shape
from .layers import Layer
from .windows import Pair, Windows, pair


class Conv2d(Layer):
    """z[n, o, a, b] = Σ W[o, c, i, j] x[n, c, sa + di − p, sb + dj − p] + b[o], over channels c of the group and places i, j of the kernel.

    Weight W (out, in / groups, kₕ, k_w), bias b (out,) or None. Stride s, zero padding p and dilation d are numbers, or pairs, height
    first. Raises ValueError for shapes, sizes and groups that do not fit.
    """

    places: tuple[str, ...] = ("height", "width")

    def __init__(
        self, weight: Array, bias: Array | None = None, *, stride: int | Pair = 1, padding: int | Pair = 0, dilation: int | Pair = 1,
        groups: int = 1,
    ) -> None:
        check_shape("weight", weight, "out", "in / groups", *self.places)
        check_shape("bias", bias, len(weight))
        check_groups(groups, len(weight))
        self.weight, self.bias, self.groups = weight, bias, groups
        kernel = pair("kernel", (1, *weight.shape[2:])[-2:])
        self.windows = Windows(kernel, pair("stride", stride), pair("padding", padding, least=0), pair("dilation", dilation))

    def parameters(self) -> dict[str, Array]:
        """Return the weight, and the bias if there is one."""
        return {"weight": self.weight} | ({} if self.bias is None else {"bias": self.bias})

    def forward(self, x: Array) -> Array:
        """Return z (n, out, h', w') for x (n, in, h, w). Raises ValueError for an x of another shape."""
        check_shape("x", x, "n", self.groups * self.weight.shape[1], "height", "width")
        self.x = x
        windows = self.windows.of(x)                                  # (n, in, kₕ, k_w, h', w')
        n, *_, height, width = windows.shape
        z = self.matrices() @ self.columns(windows)                   # Z = W X       (g, out/g, n h' w')
        z = z.reshape(len(self.weight), n, height, width).swapaxes(0, 1)      # (n, out, h', w')
        return z if self.bias is None else z + self.bias[:, None, None]

    def gradients(self, delta: Array) -> dict[str, Array]:
        """Return ∂L/∂W and ∂L/∂b from δ (n, out, h', w')."""
        columns = self.columns(self.windows.of(self.x))               # X             (g, in/g kₕ k_w, n h' w')
        gradient = self.by_group(delta) @ columns.swapaxes(1, 2)      # ∂L/∂W = Δ Xᵀ  (g, out/g, in/g kₕ k_w)
        grads: dict[str, Array] = {"weight": gradient.reshape(self.weight.shape)}
        if self.bias is not None:
            grads["bias"] = delta.sum(axis=(0, 2, 3))                 # ∂L/∂b = Σ δ   (out,)
        return grads

    def backward(self, delta: Array) -> Array:
        """Return ∂L/∂x (n, in, h, w) from δ (n, out, h', w')."""
        n, _, height, width = delta.shape
        columns = self.matrices().swapaxes(1, 2) @ self.by_group(delta)      # ∂L/∂X = Wᵀ Δ  (g, in/g kₕ k_w, n h' w')
        windows = columns.reshape(self.x.shape[1], *self.windows.kernel, n, height, width).transpose(3, 0, 1, 2, 4, 5)
        return self.windows.backward(windows, self.x.shape)           # ∂L/∂x         (n, in, h, w)

    def columns(self, windows: Array) -> Array:
        """Return windows (n, in, kₕ, k_w, h', w') as the columns of a matrix for each group, X (g, in/g kₕ k_w, n h' w')."""
        per_output = math.prod(self.weight.shape[1:])                 # in / g · kₕ · k_w
        return windows.transpose(1, 2, 3, 0, 4, 5).reshape(self.groups, per_output, -1)

    def matrices(self) -> Array:
        """Return the weight as a matrix for each group (g, out/g, in/g kₕ k_w)."""
        return self.weight.reshape(self.groups, len(self.weight) // self.groups, -1)

    def by_group(self, delta: Array) -> Array:
        """Return δ (n, out, h', w') as a matrix for each group, Δ (g, out/g, n h' w')."""
        return delta.swapaxes(0, 1).reshape(self.groups, len(self.weight) // self.groups, -1)


class Conv1d(Conv2d):
    """z[n, o, a] = Σ W[o, c, i] x[n, c, sa + di − p] + b[o]: of images that are one row high; weight (out, in / groups, k)."""

    places = ("length",)

    def __init__(
        self, weight: Array, bias: Array | None = None, *, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1
    ) -> None:
        super().__init__(weight, bias, stride=(1, stride), padding=(0, padding), dilation=(1, dilation), groups=groups)

    def forward(self, x: Array) -> Array:
        """Return z (n, out, l') for x (n, in, l). Raises ValueError for an x of another shape."""
        check_shape("x", x, "n", self.groups * self.weight.shape[1], "length")
        return super().forward(x[:, :, None])[:, :, 0]

    def gradients(self, delta: Array) -> dict[str, Array]:
        """Return ∂L/∂W and ∂L/∂b from δ (n, out, l')."""
        return super().gradients(delta[:, :, None])

    def backward(self, delta: Array) -> Array:
        """Return ∂L/∂x (n, in, l) from δ (n, out, l')."""
        return super().backward(delta[:, :, None])[:, :, 0]
