"""The references: small modules of PyTorch's, whose counterparts in NumPy are in `networks`."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LeNet(nn.Module):
    """Two convolutions, each with relu and pooling, and a linear layer."""

    def __init__(self, channels: tuple[int, int, int], size: int, classes: int, *, stride: int = 1, bias: bool = True, mean: bool = False):
        super().__init__()
        self.conv1 = nn.Conv2d(channels[0], channels[1], 3, stride, padding=1, bias=bias)
        self.relu1, self.pool1 = nn.ReLU(), nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(channels[1], channels[2], 2, bias=bias)
        self.pool2 = nn.AvgPool2d(2) if mean else nn.MaxPool2d(2)
        side = (((size - 1) // stride + 1) // 2 - 1) // 2
        self.linear = nn.Linear(channels[2] * side**2, classes, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        out = self.pool1(self.relu1(self.conv1(x)))
        out = self.pool2(F.relu(self.conv2(out)))
        logits: Tensor = self.linear(out.flatten(1))
        return logits


class Attention(nn.Module):
    """Causal attention of several heads, in its own code or by PyTorch's one call."""

    def __init__(self, width: int, heads: int, *, bias: bool, fused: bool) -> None:
        super().__init__()
        self.heads, self.fused = heads, fused
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=bias), nn.Linear(width, width, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return the heads' values, mixed."""
        n, t, width = x.shape
        q, k, v = (part.view(n, t, self.heads, -1).transpose(1, 2) for part in self.qkv(x).split(width, dim=2))
        if self.fused:
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = q @ k.transpose(-2, -1) / math.sqrt(k.shape[-1])
            future = torch.ones(t, t, dtype=torch.bool).triu(1)
            mixed = scores.masked_fill(future, -math.inf).softmax(dim=-1) @ v
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(n, t, width))
        return out


class Block(nn.Module):
    """Attention and two linear layers with GELU, each after a layer normalisation and beside what passes straight through."""

    def __init__(self, width: int, heads: int, *, bias: bool, fused: bool, approximate: str) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, bias=bias, fused=fused)
        self.up, self.gelu, self.down = nn.Linear(width, 2 * width, bias=bias), nn.GELU(approximate), nn.Linear(2 * width, width, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return x and what both parts add to it."""
        x = x + self.attention(self.norm1(x))
        out: Tensor = x + self.down(self.gelu(self.up(self.norm2(x))))
        return out


class GPT(nn.Module):
    """Blocks of attention between an embedding and the same table as output."""

    def __init__(
        self, tokens: int, times: int, width: int, heads: int, blocks: int, *, bias: bool = True, fused: bool = False,
        approximate: str = "none",
    ) -> None:
        super().__init__()
        self.tokens = nn.Embedding(tokens, width)
        self.places = nn.Parameter(0.1 * torch.randn(times, width))
        self.blocks = nn.ModuleList(Block(width, heads, bias=bias, fused=fused, approximate=approximate) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return each position's logits."""
        x = self.tokens(tokens) + self.places
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x), self.tokens.weight)


class Recurrent(nn.Module):
    """An LSTM or a GRU, and a linear layer of its outputs, or of its last."""

    def __init__(self, kind: str, inputs: int, units: int, outputs: int, layers: int, *, bias: bool = True, last: bool = True) -> None:
        super().__init__()
        self.rnn = getattr(nn, kind)(inputs, units, layers, bias=bias, batch_first=True)
        self.head, self.last = nn.Linear(units, outputs), last

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs of all times, or of the last."""
        out = self.rnn(x)[0]
        values: Tensor = self.head(out[:, -1] if self.last else out)
        return values


class Normalising(nn.Module):
    """A convolution, its normalisation, pooling and two linear layers with another normalisation, each with SiLU."""

    def __init__(self, channels: int, width: int, outputs: int, size: int, first: str, second: str, *, bias: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, channels, 3, bias=bias)
        self.norm1 = nn.BatchNorm2d(channels) if first == "batch" else nn.GroupNorm(int(first), channels)
        self.silu, self.pool = nn.SiLU(), nn.AvgPool2d(2)
        self.up = nn.Linear(channels * ((size - 2) // 2) ** 2, width, bias=bias)
        self.norm2 = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}[second](width) if second != "rms" else nn.RMSNorm(width, eps=1e-6)
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs."""
        out = self.pool(self.silu(self.norm1(self.conv(x))))
        values: Tensor = self.head(F.silu(self.norm2(self.up(out.flatten(1)))))
        return values


def over_positions(output: Tensor, y: Tensor) -> Tensor:
    """Return the cross-entropy over the positions of all records."""
    return F.cross_entropy(output.flatten(0, -2), y.flatten())
