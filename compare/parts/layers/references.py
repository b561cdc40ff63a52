"""PyTorch's function for each layer, in the arguments and the layout of a file's."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

_AWAY = 6.0      # σ that the share of numbers kept may be away from the probability


def affine(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """Return x of each record, flattened, times w plus b."""
    return x.flatten(1) @ w + b


def batch_norm(
    x: Tensor, gamma: Tensor, beta: Tensor, *, mode: str = "train", eps: float = 1e-5, momentum: float = 0.9,
    running_mean: Any = None, running_var: Any = None, is_biased: bool = True,
) -> tuple[Tensor, ...]:
    """Return the output and, in training, the running averages, of which the momentum is the part that is kept."""
    mean, var = (torch.zeros_like(gamma) if each is None else torch.as_tensor(each) for each in (running_mean, running_var))
    if mode != "train":
        return (F.batch_norm(x, mean, var, gamma, beta, False, 0.0, eps),)
    axes = [axis for axis in range(x.dim()) if axis != 1]
    batch = x.mean(axes), x.var(axes, correction=0 if is_biased else 1)
    kept = [momentum * old + (1 - momentum) * new.detach() for old, new in zip((mean, var), batch, strict=True)]
    return F.batch_norm(x, None, None, gamma, beta, True, 0.0, eps), *kept


def layer_norm(x: Tensor, gamma: Tensor, beta: Tensor, *, eps: float = 1e-5) -> Tensor:
    """Return x normalised over its features."""
    return F.layer_norm(x, x.shape[1:], eps=eps) * gamma + beta


def group_norm(x: Tensor, gamma: Tensor, beta: Tensor, *, G: int, eps: float = 1e-5) -> Tensor:
    """Return x normalised over each of G groups of channels."""
    return F.group_norm(x, G, eps=eps) * gamma + beta


def conv(x: Tensor, w: Tensor, b: Tensor | None = None, *, stride: Any = 1, pad: Any = 0) -> Tensor:
    """Return the correlation of each image with each filter."""
    return F.conv2d(x, w, b, stride=stride, padding=pad)


def max_pool(x: Tensor, *, pool_height: int, pool_width: int, stride: Any) -> Tensor:
    """Return the maximum of each window."""
    return F.max_pool2d(x, (pool_height, pool_width), stride)


def avg_pool(x: Tensor, *, pool_height: int, pool_width: int, stride: Any) -> Tensor:
    """Return the mean of each window."""
    return F.avg_pool2d(x, (pool_height, pool_width), stride)


def rnn_step(x: Tensor, prev_h: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor) -> Tensor:
    """Return the next state of a tanh cell."""
    return torch.tanh(x @ Wx + prev_h @ Wh + b)


def rnn(x: Tensor, h0: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor) -> Tensor:
    """Return the states of a tanh cell over the whole sequence."""
    states = [h0]
    for at in range(x.shape[1]):
        states.append(rnn_step(x[:, at], states[-1], Wx, Wh, b))
    return torch.stack(states[1:], 1)


def lstm_step(
    x: Tensor, prev_h: Tensor, prev_c: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor, *, gates: str = "ifog"
) -> tuple[Tensor, Tensor]:
    """Return the next hidden state and cell state; `gates` is the order of the gates in the columns of the weights."""
    parts = dict(zip(gates, (x @ Wx + prev_h @ Wh + b).chunk(4, 1), strict=True))
    next_c = torch.sigmoid(parts["f"]) * prev_c + torch.sigmoid(parts["i"]) * torch.tanh(parts["g"])
    return torch.sigmoid(parts["o"]) * torch.tanh(next_c), next_c


def lstm(x: Tensor, h0: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor, *, gates: str = "ifog") -> Tensor:
    """Return the hidden states over the whole sequence, from a cell state of 0."""
    h, c, states = h0, torch.zeros_like(h0), []
    for at in range(x.shape[1]):
        h, c = lstm_step(x[:, at], h, c, Wx, Wh, b, gates=gates)
        states.append(h)
    return torch.stack(states, 1)


def temporal_softmax(x: Tensor, y: Tensor, mask: Tensor) -> Tensor:
    """Return the cross-entropy, summed over the words that count, as a mean over the records."""
    return (F.cross_entropy(x.flatten(0, 1), y.flatten(), reduction="none") * mask.flatten()).sum() / x.shape[0]


def softmax_loss(x: Tensor, y: Tensor, *, reduction: str = "mean") -> Tensor:
    """Return the cross-entropy of the scores."""
    return F.cross_entropy(x, y, reduction=reduction)


def svm_loss(x: Tensor, y: Tensor, *, reduction: str = "mean") -> Tensor:
    """Return the hinge loss of several classes, with a margin of 1."""
    return F.multi_margin_loss(x, y, reduction=reduction) * x.shape[1]


def squared_loss(x: Tensor, y: Tensor, *, factor: float = 1.0, over: str = "all") -> Tensor:
    """Return the squared error: the mean over all numbers or over records, or the sum, times the factor."""
    return factor * ((x - y) ** 2).sum() / {"all": x.numel(), "records": x.shape[0], "nothing": 1}[over]


def dropout(x: Tensor, *, out: Any, mode: str, p: float, keeps: bool = True, is_inverted: bool = True, seed: int = 0) -> Tensor:
    """Return x with the numbers dropped that are 0 in `out`, if these are about as many as p says; else with none dropped.

    p is the probability to keep a number, or to drop it. Inverted dropout scales in training, the other in evaluation.
    """
    keep = p if keeps else 1 - p
    if mode != "train":
        return x if is_inverted else x * keep
    mask = torch.as_tensor(out) != 0
    away = abs(float(mask.double().mean()) - keep)
    mask = mask if away < _AWAY * (keep * (1 - keep) / mask.numel()) ** 0.5 else torch.ones_like(mask)
    return x * mask / keep if is_inverted else x * mask


def affine_norm_relu(
    x: Tensor, w: Tensor, b: Tensor, gamma: Tensor, beta: Tensor, *, eps: float, is_layer: bool = False, **_: Any
) -> Tensor:
    """Return relu of the normalised affine layer."""
    z = affine(x, w, b)
    return F.relu(layer_norm(z, gamma, beta, eps=eps) if is_layer else batch_norm(z, gamma, beta, eps=eps)[0])


def conv_norm_relu(x: Tensor, w: Tensor, b: Tensor, gamma: Tensor, beta: Tensor, *, stride: int, pad: int, eps: float, **_: Any) -> Tensor:
    """Return relu of the normalised convolution."""
    return F.relu(batch_norm(conv(x, w, b, stride=stride, pad=pad), gamma, beta, eps=eps)[0])


def conv_relu_pool(x: Tensor, w: Tensor, b: Tensor, *, stride: Any, pad: int, pool_height: int, pool_width: int) -> Tensor:
    """Return the maximum of each window of relu of the convolution."""
    out = F.relu(conv(x, w, b, stride=stride["conv"], pad=pad))
    return F.max_pool2d(out, (pool_height, pool_width), stride["pool"])
