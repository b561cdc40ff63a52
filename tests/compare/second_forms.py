"""Modules of `torch.nn`, each with a second honest form of itself: other formulas, other orders of summation.

`Second` is a second form as a module, with the same parameters, and with a gradient that may be wrong.
"""

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


class Times(torch.autograd.Function):
    """The identity, whose gradient is multiplied by a factor."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:  # type: ignore[override]
        ctx.factor = factor
        return x.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return grad * ctx.factor, None


class Second(nn.Module):
    """A module's second form, with the same parameters and buffers, and a factor on what it passes back."""

    def __init__(self, module: nn.Module, form: Form, factor: float = 1.0) -> None:
        super().__init__()
        self.form, self.factor = form, factor
        for name, child in module.named_children():
            self.add_module(name, child)
        for name, parameter in module.named_parameters(recurse=False):
            self.register_parameter(name, parameter)
        for name, buffer in module.named_buffers(recurse=False):
            self.register_buffer(name, buffer)
        self.__dict__["inner"] = module      # not a submodule, so that names of parameters are the module's own

    def __getattr__(self, name: str) -> Any:
        """Return what the form asks of the module: its kernel's size, its ε."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            if "inner" not in self.__dict__:
                raise
            return getattr(self.__dict__["inner"], name)

    def forward(self, *inputs: Tensor) -> Tensor:
        return Times.apply(self.form(self, *inputs), self.factor)  # type: ignore[no-any-return]


def normalised(axes: tuple[int, ...], groups: int | None = None) -> Form:
    """γ (x − μ)/√(v + ε) + β as z α + (β − μ α), over those axes."""

    def form(module: Any, x: Tensor) -> Tensor:
        z = x if groups is None else x.reshape(x.shape[0], groups, -1)
        mean = z.mean(axes, keepdim=True)
        z = (z - mean) * torch.rsqrt(((z - mean) ** 2).mean(axes, keepdim=True) + module.eps)
        shape = [1, -1, *[1] * (x.dim() - 2)] if groups is not None or axes != (-1,) else [-1]
        return z.reshape(x.shape) * module.weight.reshape(shape) + module.bias.reshape(shape)

    return form


def by_batch(module: Any, x: Tensor) -> Tensor:
    """Batch normalisation over all axes but the second, with its running statistics; in evaluation by these."""
    axes = (0, *range(2, x.dim()))
    if not module.training:
        scale = module.weight / torch.sqrt(module.running_var + module.eps)
        shape = (1, -1, *[1] * (x.dim() - 2))
        return x * scale.reshape(shape) + (module.bias - module.running_mean * scale).reshape(shape)
    with torch.no_grad():
        n = x.numel() // x.shape[1]
        mean = x.sum(axes) / n
        variance = ((x * x).sum(axes) - n * mean * mean) / (n - 1)
        module.running_mean += module.momentum * (mean - module.running_mean)
        module.running_var.copy_((1 - module.momentum) * module.running_var + module.momentum * variance)
        module.num_batches_tracked += 1
    return normalised(axes)(module, x)


def unfolded(module: Any, x: Tensor) -> Tensor:
    """A convolution as one product of matrices, or of one for each group."""
    columns = F.unfold(x, module.kernel_size, module.dilation, module.padding, module.stride)
    groups = module.groups
    weight = module.weight.reshape(groups, module.weight.shape[0] // groups, -1)
    out = weight @ columns.reshape(x.shape[0], groups, -1, columns.shape[-1])
    size = (x.shape[-1] + 2 * module.padding[0] - module.dilation[0] * (module.kernel_size[0] - 1) - 1) // module.stride[0] + 1
    out = out.reshape(x.shape[0], -1, size, size)
    return out if module.bias is None else out + module.bias[:, None, None]


def spread(module: Any, x: Tensor) -> Tensor:
    """A transposed convolution as a product of matrices whose columns are added where they lie."""
    columns = module.weight.flatten(1).T @ x.flatten(2)
    size = (x.shape[-1] - 1) * module.stride[0] - 2 * module.padding[0] + module.kernel_size[0]
    return F.fold(columns, (size, size), module.kernel_size, 1, module.padding, module.stride) + module.bias[:, None, None]


def by_heads(module: Any, x: Tensor) -> Tensor:
    """Self-attention head by head, with softmax from exponentials."""
    width = x.shape[-1] // module.num_heads
    q, k, v = (x @ module.in_proj_weight.T + module.in_proj_bias).chunk(3, -1)
    heads = []
    for head in range(module.num_heads):
        part = slice(head * width, (head + 1) * width)
        scores = q[..., part] @ k[..., part].mT / math.sqrt(width)
        e = torch.exp(scores - scores.amax(-1, keepdim=True))
        heads.append((e / e.sum(-1, keepdim=True)) @ v[..., part])
    return torch.cat(heads, -1) @ module.out_proj.weight.T + module.out_proj.bias


def lstm(module: Any, x: Tensor) -> Tensor:
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


def gru(module: Any, x: Tensor) -> Tensor:
    """A GRU as cells, whose state goes towards the new one."""
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


def rnn(module: Any, x: Tensor) -> Tensor:
    """A network of tanh cells, with one product for inputs and state."""
    weight = torch.cat([module.weight_hh_l0, module.weight_ih_l0], 1)
    h, outs = x.new_zeros(x.shape[0], module.hidden_size), []
    for t in range(x.shape[1]):
        h = 1 - 2 / (torch.exp(2 * (torch.cat([h, x[:, t]], -1) @ weight.T + module.bias_hh_l0 + module.bias_ih_l0)) + 1)
        outs.append(h)
    return torch.stack(outs, 1)


def _bidirectional(module: Any, x: Tensor) -> Tensor:
    """A GRU forwards and one backwards, beside each other."""

    class Direction:
        def __init__(self, suffix: str) -> None:
            self.hidden_size = module.hidden_size
            for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
                setattr(self, name, getattr(module, name + suffix))

    return torch.cat([gru(Direction(""), x), gru(Direction("_reverse"), x.flip(1)).flip(1)], -1)


def _interpolated(module: Any, x: Tensor) -> Tensor:
    """Upsampling by 2, between centres of pixels, as a product with a matrix for rows and one for columns."""
    n = x.shape[-1]
    at = ((torch.arange(2 * n).to(x) + 0.5) / 2 - 0.5).clamp(0, n - 1)
    matrix = torch.clamp(1 - (at[:, None] - torch.arange(n).to(x)).abs(), min=0)
    return matrix @ x @ matrix.T


def _local_response(module: Any, x: Tensor) -> Tensor:
    size, padded = module.size, F.pad(x * x, (0, 0, 0, 0, module.size // 2, (module.size - 1) // 2))
    sums = torch.stack([padded[:, i : i + x.shape[1]] for i in range(size)]).sum(0)
    return x * torch.exp(-module.beta * torch.log(module.k + module.alpha / size * sums))


class _Looked(nn.Module):
    """What a module looks up for fixed tokens, times the input."""

    def __init__(self, module: nn.Module, tokens: Tensor) -> None:
        super().__init__()
        self.module, self.tokens = module, tokens

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.module(self.tokens) * x
        return out


class _Far(nn.Module):
    """A module of five times its input."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.module(5 * x)
        return out


def _counted(module: Any, x: Tensor) -> Tensor:
    """Rows looked up as a product with one-hot rows; of bags their mean."""
    hot = F.one_hot(module.tokens, len(module.module.weight)).to(x)
    hot = hot.mean(1) if hot.dim() == 3 else hot
    return x * (hot @ module.module.weight)


def _cosine_loss(module: Any, a: Tensor, b: Tensor) -> Tensor:
    """Some pairs are to point the same way, the others to be no nearer than at right angles."""
    cosines = (a * b).sum(1) * torch.rsqrt((a * a).sum(1) + 1e-12) * torch.rsqrt((b * b).sum(1) + 1e-12)
    return torch.where(module.targets > 0, 1 - cosines, torch.clamp(cosines, min=0)).mean()


def _ctc(module: Any, x: Tensor) -> Tensor:
    """CTC as the sum over all paths, forwards in time."""
    (targets,) = module.targets
    labels = [0]
    for label in targets.tolist():
        labels += [label, 0]
    p = torch.softmax(x, -1)
    row = [p[0, 0], p[0, labels[1]], *[x.new_zeros(())] * (len(labels) - 2)]
    for t in range(1, len(x)):
        before = row
        row = []
        for s, label in enumerate(labels):
            total = before[s] + (before[s - 1] if s else 0)
            total = total + (before[s - 2] if s > 1 and label and label != labels[s - 2] else 0)
            row.append(total * p[t, label])
    return -torch.log(row[-1] + row[-2]) / len(targets)


class _CTC(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.targets = torch.tensor([[2, 1, 1, 3]])

    def forward(self, x: Tensor) -> Tensor:
        lengths = torch.tensor([len(x)]), torch.tensor([self.targets.shape[1]])
        return F.ctc_loss(torch.log_softmax(x, -1)[:, None], self.targets, *lengths, reduction="mean")


def _smoothed(module: Any, x: Tensor) -> Tensor:
    targets = F.one_hot(_CLASSES, 5).to(x) * 0.9 + 0.02
    return -(targets * torch.log(torch.softmax(x, -1))).sum() / len(x)


class _Pair(_Loss):
    """A loss of two inputs against fixed targets."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:  # type: ignore[override]
        out: Tensor = self.loss(a, b, self.targets.to(a))
        return out


_PAIRS = torch.tensor([[i, (i + 5) % N, (i + 7) % N] for i in range(N)])
_ONES = torch.linspace(0, 1, N * UNITS).reshape(N, UNITS)
_SIGNS = torch.where(torch.arange(N * UNITS).reshape(N, UNITS) % 3 == 0, 1.0, -1.0)

CASES = {
    "Linear": Case(lambda: nn.Linear(UNITS, 5), lambda m, x: torch.einsum("oi,ni->no", m.weight.flip(1), x.flip(1)) + m.bias),
    "Bilinear": Case(
        lambda: nn.Bilinear(5, 6, 4),
        lambda m, a, b: torch.stack([((a @ m.weight[k]) * b).sum(-1) + m.bias[k] for k in range(4)], -1),
        ((N, 5), (N, 6)),
    ),
    "LayerNorm": Case(lambda: nn.LayerNorm(UNITS), normalised((-1,))),
    "GroupNorm": Case(lambda: nn.GroupNorm(2, 4), normalised((-1,), groups=2), ((3, 4, 5, 5),)),
    "BatchNorm1d": Case(lambda: nn.BatchNorm1d(UNITS), by_batch),
    "BatchNorm2d": Case(lambda: nn.BatchNorm2d(4), by_batch, ((3, 4, 5, 5),)),
    "InstanceNorm2d": Case(lambda: nn.InstanceNorm2d(4, affine=True), normalised((2, 3)), ((3, 4, 5, 5),)),
    "RMSNorm": Case(
        lambda: nn.RMSNorm(UNITS, eps=1e-6), lambda m, x: x * m.weight / torch.sqrt((x * x).sum(-1, keepdim=True) / UNITS + m.eps)
    ),
    "Conv1d": Case(
        lambda: nn.Conv1d(3, 5, 3),
        lambda m, x: torch.einsum("oik,nitk->not", m.weight, x.unfold(2, 3, 1)) + m.bias[:, None],
        ((4, 3, 11),),
    ),
    "Conv2d": Case(lambda: nn.Conv2d(3, 5, 3, padding=1), unfolded, ((2, 3, 8, 8),)),
    "Conv2d with a stride": Case(lambda: nn.Conv2d(3, 5, 3, stride=2, dilation=2), unfolded, ((2, 3, 11, 11),)),
    "MultiheadAttention": Case(
        lambda: _Outputs(nn.MultiheadAttention(UNITS, 4, batch_first=True), 3, need_weights=False), _of_inner(by_heads), ((3, 6, UNITS),)
    ),
    "LSTM": Case(lambda: _Outputs(nn.LSTM(5, 7, batch_first=True)), _of_inner(lstm), ((4, 9, 5),)),
    "GRU": Case(lambda: _Outputs(nn.GRU(5, 7, batch_first=True)), _of_inner(gru), ((4, 9, 5),)),
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
    "Conv2d in groups": Case(lambda: nn.Conv2d(4, 6, 3, padding=1, groups=2), unfolded, ((2, 4, 6, 6),)),
    "Conv3d": Case(
        lambda: nn.Conv3d(2, 3, 2),
        lambda m, x: torch.einsum("oiabc,nixyzabc->noxyz", m.weight, x.unfold(2, 2, 1).unfold(3, 2, 1).unfold(4, 2, 1))
        + m.bias[:, None, None, None],
        ((2, 2, 4, 4, 4),),
    ),
    "ConvTranspose1d": Case(
        lambda: nn.ConvTranspose1d(3, 4, 2, stride=2),
        lambda m, x: torch.einsum("iok,nit->notk", m.weight, x).flatten(2) + m.bias[:, None],
        ((2, 3, 5),),
    ),
    "ConvTranspose2d": Case(lambda: nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1), spread, ((2, 3, 4, 4),)),
    "BatchNorm3d": Case(lambda: nn.BatchNorm3d(3), by_batch, ((3, 3, 2, 2, 2),)),
    "InstanceNorm1d": Case(lambda: nn.InstanceNorm1d(4, affine=True), normalised((2,)), ((3, 4, 7),)),
    "LocalResponseNorm": Case(lambda: nn.LocalResponseNorm(3), _local_response, ((2, 5, 3, 3),)),
    "RNN": Case(lambda: _Outputs(nn.RNN(5, 7, batch_first=True)), _of_inner(rnn), ((4, 6, 5),)),
    "GRU in both directions": Case(
        lambda: _Outputs(nn.GRU(4, 5, batch_first=True, bidirectional=True)), _of_inner(_bidirectional), ((3, 4, 4),)
    ),
    "Embedding": Case(lambda: _Looked(nn.Embedding(5, UNITS), _CLASSES), _counted),
    "EmbeddingBag": Case(lambda: _Looked(nn.EmbeddingBag(5, UNITS), _CLASSES[_PAIRS]), _counted),
    "AvgPool1d": Case(lambda: nn.AvgPool1d(3), lambda m, x: x.unfold(2, 3, 3).mean(-1), ((2, 3, 9),)),
    "AdaptiveAvgPool2d": Case(lambda: nn.AdaptiveAvgPool2d(2), lambda m, x: x.reshape(2, 3, 2, 4, 2, 4).sum((3, 5)) / 16, ((2, 3, 8, 8),)),
    "LPPool2d": Case(
        lambda: nn.LPPool2d(2, 2),
        lambda m, x: F.unfold(x * x, 2, stride=2).reshape(2, 3, 4, -1).sum(2).sqrt().reshape(2, 3, 4, 4),
        ((2, 3, 8, 8),),
    ),
    "Upsample": Case(lambda: nn.Upsample(scale_factor=2), lambda m, x: x.repeat_interleave(2, 2).repeat_interleave(2, 3), ((2, 3, 4, 4),)),
    "Upsample, bilinear": Case(lambda: nn.Upsample(scale_factor=2, mode="bilinear"), _interpolated, ((2, 3, 4, 4),)),
    "PixelShuffle": Case(
        lambda: nn.PixelShuffle(2), lambda m, x: x.reshape(2, 3, 2, 2, 4, 4).permute(0, 1, 4, 2, 5, 3).reshape(2, 3, 8, 8), ((2, 12, 4, 4),)
    ),
    "ReLU": Case(nn.ReLU, lambda m, x: x * (x > 0)),
    "LeakyReLU": Case(nn.LeakyReLU, lambda m, x: torch.maximum(x, 0.01 * x)),
    "ReLU6": Case(nn.ReLU6, lambda m, x: torch.relu(x) - torch.relu(x - 6)),
    "SELU": Case(
        nn.SELU,
        lambda m, x: 1.0507009873554804934 * torch.relu(x) + 1.7580993408473768599 * (torch.exp(x.clamp(max=0)) - 1),
    ),
    "CELU": Case(lambda: nn.CELU(0.5), lambda m, x: torch.relu(x) + 0.5 * (torch.exp(torch.clamp(x, max=0) / 0.5) - 1)),
    "Tanhshrink": Case(nn.Tanhshrink, lambda m, x: x + 1 - 2 * torch.sigmoid(2 * x)),
    "Softmin": Case(lambda: nn.Softmin(-1), lambda m, x: 1 / torch.exp(x[:, :, None] - x[:, None]).sum(-1)),
    "PairwiseDistance": Case(nn.PairwiseDistance, lambda m, a, b: ((a - b + m.eps) ** 2).sum(-1).sqrt(), ((N, 5), (N, 5))),
    "L1Loss": Case(
        lambda: _Loss(nn.L1Loss(), _ONES), lambda m, x: (lambda d: torch.maximum(d, -d).sum() / x.numel())(x - m.targets.to(x))
    ),
    "NLLLoss": Case(lambda: _Loss(nn.NLLLoss(), _CLASSES), lambda m, x: -(F.one_hot(m.targets, UNITS).to(x) * x).sum() / len(x)),
    "PoissonNLLLoss": Case(lambda: _Loss(nn.PoissonNLLLoss(), _ONES), lambda m, x: torch.exp(x).mean() - (m.targets.to(x) * x).mean()),
    "SoftMarginLoss": Case(lambda: _Loss(nn.SoftMarginLoss(), _SIGNS), lambda m, x: -F.logsigmoid(m.targets.to(x) * x).mean()),
    "MultiMarginLoss": Case(
        lambda: _Loss(nn.MultiMarginLoss(), _CLASSES),
        lambda m, x: (torch.relu(1 + x - x.gather(1, m.targets[:, None])).sum() - len(x)) / x.numel(),
        ((N, 5),),
    ),
    "CosineEmbeddingLoss": Case(lambda: _Pair(nn.CosineEmbeddingLoss(), _SIGNS[0, :N]), _cosine_loss, ((N, 5), (N, 5))),
    "TripletMarginLoss": Case(
        nn.TripletMarginLoss,
        lambda m, a, b, c: torch.relu(((a - b + m.eps) ** 2).sum(-1).sqrt() - ((a - c + m.eps) ** 2).sum(-1).sqrt() + 1).sum() / len(a),
        ((N, 5), (N, 5), (N, 5)),
    ),
    "CTCLoss": Case(_CTC, _ctc, ((9, 4),)),
}

# Where PyTorch's own backward pass is less exact than its precision, or the second form's is.
HARD = {
    "Hardsigmoid": Case(nn.Hardsigmoid, lambda m, x: torch.clamp(x / 6 + 0.5, 0, 1)),
    "CELU": Case(lambda: nn.CELU(0.7), lambda m, x: torch.relu(x) + 0.7 * (torch.exp(torch.clamp(x, max=0) / 0.7) - 1)),
    "ELU by expm1": Case(lambda: _Far(nn.ELU()), lambda m, x: torch.relu(5 * x) + torch.expm1((5 * x).clamp(max=0))),
}
