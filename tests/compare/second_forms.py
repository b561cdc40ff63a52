"""Modules of `torch.nn`, each with a second honest form of itself: other formulas, other orders of summation."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Form = Callable[..., Tensor]
N, UNITS = 12, 16
_CLASSES = torch.tensor([3, 1, 4, 1, 0, 2, 4, 3, 2, 0, 1, 2])


@dataclass(frozen=True)
class Case:
    """A module, its second form as a function of the module and its inputs, and the shapes of inputs drawn for it."""

    module: Callable[[], nn.Module]
    form: Form
    shapes: tuple[tuple[int, ...], ...] = ((N, UNITS),)
    scale: float = 2.0


def _normalised(axes: tuple[int, ...], groups: int | None = None) -> Form:
    """γ (x − μ)/√(v + ε) + β as z α + (β − μ α), over those axes."""

    def form(module: Any, x: Tensor) -> Tensor:
        z = x if groups is None else x.reshape(x.shape[0], groups, -1)
        mean = z.mean(axes, keepdim=True)
        z = (z - mean) * torch.rsqrt(((z - mean) ** 2).mean(axes, keepdim=True) + module.eps)
        shape = [1, -1, *[1] * (x.dim() - 2)] if groups is not None or axes != (-1,) else [-1]
        return z.reshape(x.shape) * module.weight.reshape(shape) + module.bias.reshape(shape)

    return form


def _unfolded(module: Any, x: Tensor) -> Tensor:
    """A convolution as one product of matrices."""
    columns = F.unfold(x, module.kernel_size, module.dilation, module.padding, module.stride)
    out = module.weight.flatten(1) @ columns
    size = (x.shape[-1] + 2 * module.padding[0] - module.dilation[0] * (module.kernel_size[0] - 1) - 1) // module.stride[0] + 1
    return out.reshape(x.shape[0], -1, size, size) + module.bias[:, None, None]


def _by_heads(module: Any, x: Tensor) -> Tensor:
    """Attention head by head, with softmax from exponentials."""
    width = x.shape[-1] // module.num_heads
    q, k, v = (x @ module.in_proj_weight.T + module.in_proj_bias).chunk(3, -1)
    heads = []
    for head in range(module.num_heads):
        part = slice(head * width, (head + 1) * width)
        scores = q[..., part] @ k[..., part].mT / math.sqrt(width)
        e = torch.exp(scores - scores.amax(-1, keepdim=True))
        heads.append((e / e.sum(-1, keepdim=True)) @ v[..., part])
    return torch.cat(heads, -1) @ module.out_proj.weight.T + module.out_proj.bias


def _lstm(module: Any, x: Tensor) -> Tensor:
    """An LSTM as cells, with one product for inputs and state."""
    weight = torch.cat([module.weight_ih_l0, module.weight_hh_l0], 1).T
    h = c = x.new_zeros(x.shape[0], module.hidden_size)
    outs = []
    for t in range(x.shape[1]):
        i, f, g, o = (torch.cat([x[:, t], h], -1) @ weight + (module.bias_ih_l0 + module.bias_hh_l0)).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        outs.append(h)
    return torch.stack(outs, 1)


def _gru(module: Any, x: Tensor) -> Tensor:
    h, outs = x.new_zeros(x.shape[0], module.hidden_size), []
    for t in range(x.shape[1]):
        ir, iz, inn = (x[:, t] @ module.weight_ih_l0.T + module.bias_ih_l0).chunk(3, -1)
        hr, hz, hn = (h @ module.weight_hh_l0.T + module.bias_hh_l0).chunk(3, -1)
        r, z = torch.sigmoid(ir + hr), torch.sigmoid(iz + hz)
        n = torch.tanh(inn + r * hn)
        h = n + z * (h - n)
        outs.append(h)
    return torch.stack(outs, 1)


class _Outputs(nn.Module):
    """A module of which the first output counts, called on one input."""

    def __init__(self, module: nn.Module, times: int = 1, **options: Any) -> None:
        super().__init__()
        self.module, self.times, self.options = module, times, options

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.module(*[x] * self.times, **self.options)[0]
        return out


def _of_inner(form: Form) -> Form:
    return lambda module, *inputs: form(module.module, *inputs)


class _Loss(nn.Module):
    """A loss against fixed targets."""

    def __init__(self, loss: nn.Module, targets: Any) -> None:
        super().__init__()
        self.loss, self.targets = loss, targets

    def forward(self, x: Tensor) -> Tensor:
        targets = self.targets.to(x) if self.targets.is_floating_point() else self.targets
        out: Tensor = self.loss(x, targets)
        return out


def _smoothed(module: Any, x: Tensor) -> Tensor:
    targets = F.one_hot(_CLASSES, 5).to(x) * 0.9 + 0.02
    return -(targets * torch.log(torch.softmax(x, -1))).sum() / len(x)


_ONES = torch.linspace(0, 1, N * UNITS).reshape(N, UNITS)

CASES = {
    "Linear": Case(lambda: nn.Linear(UNITS, 5), lambda m, x: torch.einsum("oi,ni->no", m.weight.flip(1), x.flip(1)) + m.bias),
    "Bilinear": Case(
        lambda: nn.Bilinear(5, 6, 4),
        lambda m, a, b: torch.stack([((a @ m.weight[k]) * b).sum(-1) + m.bias[k] for k in range(4)], -1),
        ((N, 5), (N, 6)),
    ),
    "LayerNorm": Case(lambda: nn.LayerNorm(UNITS), _normalised((-1,))),
    "GroupNorm": Case(lambda: nn.GroupNorm(2, 4), _normalised((-1,), groups=2), ((3, 4, 5, 5),)),
    "BatchNorm1d": Case(lambda: nn.BatchNorm1d(UNITS), _normalised((0,))),
    "BatchNorm2d": Case(lambda: nn.BatchNorm2d(4), _normalised((0, 2, 3)), ((3, 4, 5, 5),)),
    "InstanceNorm2d": Case(lambda: nn.InstanceNorm2d(4, affine=True), _normalised((2, 3)), ((3, 4, 5, 5),)),
    "RMSNorm": Case(
        lambda: nn.RMSNorm(UNITS, eps=1e-6), lambda m, x: x * m.weight / torch.sqrt((x * x).sum(-1, keepdim=True) / UNITS + m.eps)
    ),
    "Conv1d": Case(
        lambda: nn.Conv1d(3, 5, 3),
        lambda m, x: torch.einsum("oik,nitk->not", m.weight, x.unfold(2, 3, 1)) + m.bias[:, None],
        ((4, 3, 11),),
    ),
    "Conv2d": Case(lambda: nn.Conv2d(3, 5, 3, padding=1), _unfolded, ((2, 3, 8, 8),)),
    "Conv2d with a stride": Case(lambda: nn.Conv2d(3, 5, 3, stride=2, dilation=2), _unfolded, ((2, 3, 11, 11),)),
    "MultiheadAttention": Case(
        lambda: _Outputs(nn.MultiheadAttention(UNITS, 4, batch_first=True), 3, need_weights=False), _of_inner(_by_heads), ((3, 6, UNITS),)
    ),
    "LSTM": Case(lambda: _Outputs(nn.LSTM(5, 7, batch_first=True)), _of_inner(_lstm), ((4, 9, 5),)),
    "GRU": Case(lambda: _Outputs(nn.GRU(5, 7, batch_first=True)), _of_inner(_gru), ((4, 9, 5),)),
    "AvgPool2d": Case(
        lambda: nn.AvgPool2d(3, 2, 1),
        lambda m, x: F.unfold(x, 3, 1, 1, 2).reshape(2, 3, 9, -1).sum(2).reshape(2, 3, 5, 5) / 9,
        ((2, 3, 9, 9),),
    ),
    "MaxPool2d": Case(
        lambda: nn.MaxPool2d(2), lambda m, x: F.unfold(x, 2, 1, 0, 2).reshape(2, 3, 4, -1).amax(2).reshape(2, 3, 4, 4), ((2, 3, 8, 8),)
    ),
    "Softmax": Case(lambda: nn.Softmax(-1), lambda m, x: torch.exp(x) / torch.exp(x).sum(-1, keepdim=True)),
    "LogSoftmax": Case(lambda: nn.LogSoftmax(-1), lambda m, x: x - torch.log(torch.exp(x).sum(-1, keepdim=True))),
    "Sigmoid": Case(nn.Sigmoid, lambda m, x: 0.5 * (1 + torch.tanh(x / 2))),
    "Tanh": Case(nn.Tanh, lambda m, x: 2 * torch.sigmoid(2 * x) - 1),
    "GELU": Case(nn.GELU, lambda m, x: x * 0.5 * torch.erfc(-x / math.sqrt(2))),
    "GELU by tanh": Case(
        lambda: nn.GELU("tanh"), lambda m, x: x * torch.sigmoid(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x))
    ),
    "SiLU": Case(nn.SiLU, lambda m, x: x / (1 + torch.exp(-x))),
    "Mish": Case(nn.Mish, lambda m, x: x * torch.tanh(torch.log(1 + torch.exp(x)))),
    "Softplus": Case(nn.Softplus, lambda m, x: torch.clamp(x, min=0) + torch.log1p(torch.exp(-x.abs()))),
    "ELU": Case(nn.ELU, lambda m, x: torch.where(x > 0, x, torch.exp(x.clamp(max=0)) - 1)),
    "LogSigmoid": Case(nn.LogSigmoid, lambda m, x: -torch.log(1 + torch.exp(-x))),
    "Hardswish": Case(nn.Hardswish, lambda m, x: x * torch.clamp(x + 3, 0, 6) / 6),
    "Softsign": Case(nn.Softsign, lambda m, x: x * torch.reciprocal(1 + x.abs())),
    "GLU": Case(nn.GLU, lambda m, x: x[:, : UNITS // 2] / (1 + torch.exp(-x[:, UNITS // 2 :]))),
    "PReLU": Case(nn.PReLU, lambda m, x: torch.clamp(x, min=0) + m.weight * torch.clamp(x, max=0)),
    "CosineSimilarity": Case(
        nn.CosineSimilarity, lambda m, a, b: (a * b).sum(1) / ((a * a).sum(1).sqrt() * (b * b).sum(1).sqrt()), ((N, 5), (N, 5))
    ),
    "MSELoss": Case(lambda: _Loss(nn.MSELoss(), _ONES), lambda m, x: ((x - m.targets.to(x)) ** 2).sum() / x.numel()),
    "HuberLoss": Case(
        lambda: _Loss(nn.HuberLoss(), _ONES),
        lambda m, x: (lambda d: torch.where(d < 1, d * d / 2, d - 0.5).mean())((x - m.targets.to(x)).abs()),
    ),
    "BCEWithLogitsLoss": Case(
        lambda: _Loss(nn.BCEWithLogitsLoss(), _ONES), lambda m, x: (torch.log1p(torch.exp(x)) - x * m.targets.to(x)).mean()
    ),
    "CrossEntropyLoss": Case(
        lambda: _Loss(nn.CrossEntropyLoss(), _CLASSES),
        lambda m, x: -torch.log(torch.softmax(x, -1)[torch.arange(N), m.targets]).mean(),
        ((N, 5),),
    ),
    "CrossEntropyLoss, smoothed": Case(lambda: _Loss(nn.CrossEntropyLoss(label_smoothing=0.1), _CLASSES), _smoothed, ((N, 5),)),
    "KLDivLoss": Case(
        lambda: _Loss(nn.KLDivLoss(reduction="batchmean"), torch.softmax(_ONES, -1)),
        lambda m, x: (m.targets.to(x) * (torch.log(m.targets.to(x)) - x)).sum() / len(x),
    ),
}
