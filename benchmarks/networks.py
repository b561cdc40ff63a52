"""A LeNet and a two-block GPT, each in two honest forms with the same parameters: PyTorch's fused calls, and the same written out."""

import math
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from compare.problem.of_module import ModuleProblem
from compare.problem.problem import Problem


class LeNet(nn.Module):
    """Two convolutions, each with relu and max-pooling, and three linear layers, on images of 28 × 28."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of ten classes (n, 10)."""
        for conv in (self.conv1, self.conv2):
            x = self.pooled(F.relu(self.convolved(conv, x)))
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x.flatten(1))))))  # type: ignore[no-any-return]

    def convolved(self, conv: nn.Conv2d, x: Tensor) -> Tensor:
        """Return the convolution of x."""
        return conv(x)  # type: ignore[no-any-return]

    def pooled(self, x: Tensor) -> Tensor:
        """Return the largest of each two by two."""
        return F.max_pool2d(x, 2)


class UnfoldedLeNet(LeNet):
    """The same, its convolutions as products of matrices."""

    def convolved(self, conv: nn.Conv2d, x: Tensor) -> Tensor:
        """Return W · columns + b."""
        size = x.shape[-1] + 2 * int(conv.padding[0]) - 4
        columns = F.unfold(x, 5, padding=int(conv.padding[0]))
        assert conv.bias is not None
        return (conv.weight.flatten(1) @ columns).reshape(len(x), -1, size, size) + conv.bias[:, None, None]


class Attention(nn.Module):
    """Causal attention of some heads."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.qkv, self.out, self.heads = nn.Linear(width, 3 * width), nn.Linear(width, width), heads

    def forward(self, x: Tensor) -> Tensor:
        """Return what each place takes from those before it (n, t, width)."""
        n, t, width = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        taken = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(taken.transpose(1, 2).reshape(n, t, width))  # type: ignore[no-any-return]


class AttentionByHeads(Attention):
    """The same, head by head, with softmax from exponentials."""

    def forward(self, x: Tensor) -> Tensor:
        """Return softmax(q kᵀ/√d) v of each head, side by side."""
        _, t, width = x.shape
        q, k, v = self.qkv(x).split(width, -1)
        is_later = torch.ones(t, t, dtype=torch.bool).triu(1)
        heads = []
        for part in torch.arange(width).chunk(self.heads):
            scores = (q[..., part] @ k[..., part].mT / math.sqrt(len(part))).masked_fill(is_later, -math.inf)
            e = torch.exp(scores - scores.amax(-1, keepdim=True))
            heads.append((e / e.sum(-1, keepdim=True)) @ v[..., part])
        return self.out(torch.cat(heads, -1))  # type: ignore[no-any-return]


class Block(nn.Module):
    """Attention and two linear layers, each after a normalisation and beside a residual."""

    def __init__(self, width: int, attention: nn.Module) -> None:
        super().__init__()
        self.ln1, self.attn, self.ln2 = nn.LayerNorm(width), attention, nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """Return x + attention + layers."""
        x = x + self.attn(self.ln1(x))
        return x + self.mlp(self.ln2(x))  # type: ignore[no-any-return]


class GPT(nn.Module):
    """Two blocks between an embedding of characters and places and an output layer that is tied to it."""

    def __init__(self, attention: type[Attention] = Attention) -> None:
        super().__init__()
        width, heads, places, words = 64, 4, 32, 65
        self.embedding, self.place = nn.Embedding(words, width), nn.Embedding(places, width)
        self.blocks = nn.ModuleList(Block(width, attention(width, heads)) for _ in range(2))
        self.norm = nn.LayerNorm(width)
        for table in (self.embedding, self.place):
            nn.init.normal_(table.weight, std=0.02)      # as GPT-2

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the scores of the next character at each place (n, t, words)."""
        x = self.embedding(tokens) + self.place(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.norm(x) @ self.embedding.weight.T  # type: ignore[no-any-return]


def of_characters(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the cross-entropy over all places."""
    return F.cross_entropy(scores.flatten(0, 1), targets.flatten())


@cache
def lenet(dtype: str = "float64") -> tuple[nn.Module, ModuleProblem]:
    """Return the second form of a LeNet, and the problem of the first: drawn images in batches of 64, SGD with momentum."""
    generator = np.random.default_rng(0)
    batches = [(generator.normal(size=(64, 1, 28, 28)), generator.integers(0, 10, 64)) for _ in range(3)]
    torch.manual_seed(0)
    options = {"momentum": 0.9}
    return UnfoldedLeNet(), Problem.of(LeNet(), batches=batches, loss="cross_entropy", lr=0.05, optimizer_options=options, dtype=dtype)


@cache
def gpt(dtype: str = "float64") -> tuple[nn.Module, ModuleProblem]:
    """Return the second form of a GPT, and the problem of the first: drawn texts in batches of 16 × 32, AdamW."""
    generator = np.random.default_rng(0)
    texts = [generator.integers(0, 65, (16, 33)) for _ in range(3)]
    batches = [(text[:, :-1], text[:, 1:]) for text in texts]
    torch.manual_seed(0)
    return GPT(AttentionByHeads), Problem.of(GPT(), batches=batches, loss=of_characters, optimizer="adamw", lr=1e-3, dtype=dtype)
