"""The layers and losses that a file may have, by name: what is drawn for each, PyTorch's function, and the conventions that it may have."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import permutations
from typing import Any

import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn import functional as F

from . import draws as draw
from . import references as by
from .draws import Case
from .layouts import AFFINE, AS_DRAWN, FEATURES, IMAGES, POOLS, SEQUENCES, Layout

Convention = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Layer:
    """A layer: the words for it, what is drawn, and the reference, a function of the arrays as tensors and of the options.

    `conventions` are further options of the reference, each with the words for it; the first is taken unless another is right. With
    `sees_output` the reference is given the file's own output, which alone shows what was drawn. `in_test` says whether there is a
    backward pass in evaluation, `is_own` that the reference is the file's own forward function, `is_running` that it has running averages.
    """

    title: str
    draw: Callable[[Generator], Iterator[Case]]
    reference: Callable[..., Tensor | tuple[Tensor, ...]]
    outputs: tuple[str, ...] = ("out",)
    conventions: tuple[Convention, ...] = (("", {}),)
    layouts: tuple[Layout, ...] = (AS_DRAWN,)
    is_loss: bool = False
    sees_output: bool = False
    in_test: bool = False
    is_own: bool = False
    is_running: bool = False


_VARIANCES: tuple[Convention, ...] = (("", {}), ("running_var takes the unbiased variance", {"is_biased": False}))
_NORM = Layer("F.batch_norm", draw.batch_norm, by.batch_norm, conventions=_VARIANCES, layouts=FEATURES, is_running=True)
_GATES: tuple[Convention, ...] = tuple((f"gates in the order {', '.join(each)}", {"gates": "".join(each)}) for each in permutations("ifog"))
_GATES = tuple(sorted(_GATES, key=lambda each: each[1]["gates"] != "ifog"))
_REDUCTIONS: tuple[Convention, ...] = (("the mean over the records", {}), ("the sum over the records", {"reduction": "sum"}))
_SQUARED: tuple[Convention, ...] = tuple(
    (f"{'half ' if factor == 0.5 else ''}the {what}", {"factor": factor, "over": over})
    for factor in (1.0, 0.5)
    for over, what in (("all", "mean over all numbers"), ("records", "sum over outputs, the mean over records"), ("nothing", "sum"))
)
_DROPOUTS: tuple[Convention, ...] = tuple(
    (f"p is the probability to {what}{scaled}", {"keeps": what == "keep", "is_inverted": not scaled})
    for what in ("keep", "drop")
    for scaled in ("", ", scaled in evaluation")
)
_ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "softplus": F.softplus, "silu": F.silu, "swish": F.silu,
}      # fmt: skip
_GELUS: tuple[Convention, ...] = (("by erf", {}), ("by tanh", {"approximate": "tanh"}))


def _named(names: str, layer: Layer) -> dict[str, Layer]:
    return dict.fromkeys(names.split(), layer)


LAYERS: Mapping[str, Layer] = {
    **_named("affine linear fc dense fully_connected", Layer("x·w + b", draw.affine, by.affine, layouts=AFFINE)),
    **{name: Layer(name, draw.elementwise, function) for name, function in _ACTIVATIONS.items()},
    "gelu": Layer("F.gelu", draw.elementwise, F.gelu, conventions=_GELUS),
    **_named("affine_relu linear_relu", Layer("relu(x·w + b)", draw.affine, lambda x, w, b: F.relu(by.affine(x, w, b)), layouts=AFFINE)),
    **_named(
        "affine_bn_relu affine_batchnorm_relu affine_norm_relu",
        Layer("relu(F.batch_norm(x·w + b))", draw.normalized_affine, by.affine_norm_relu),
    ),
    **_named(
        "affine_ln_relu affine_layernorm_relu",
        Layer("relu(F.layer_norm(x·w + b))", draw.normalized_affine, partial(by.affine_norm_relu, is_layer=True)),
    ),
    "softmax": Layer("softmax of each row", draw.rows, lambda x: torch.softmax(x, 1)),
    **_named("batchnorm batch_norm bn", _NORM),
    **_named("layernorm layer_norm ln", Layer("F.layer_norm", draw.layer_norm, by.layer_norm, layouts=FEATURES)),
    **_named(
        "spatial_batchnorm spatial_batch_norm",
        replace(_NORM, draw=lambda random: draw.batch_norm(random, ((2, 3, 4, 5), (3, 2, 2, 3))), layouts=(AS_DRAWN,)),
    ),
    **_named("spatial_groupnorm spatial_group_norm groupnorm group_norm", Layer("F.group_norm", draw.group_norm, by.group_norm)),
    "dropout": Layer("F.dropout", draw.dropout, by.dropout, conventions=_DROPOUTS, sees_output=True, in_test=True),
    **_named("conv conv2d convolution", Layer("F.conv2d", draw.images, by.conv, layouts=IMAGES)),
    "conv_relu": Layer("F.relu(F.conv2d(x))", draw.images, lambda x, w, b, **options: F.relu(by.conv(x, w, b, **options))),
    **_named("conv_bn_relu conv_batchnorm_relu", Layer("relu(F.batch_norm(F.conv2d(x)))", draw.normalized_images, by.conv_norm_relu)),
    "conv_relu_pool": Layer("F.max_pool2d(relu(F.conv2d(x)))", draw.pooled_images, by.conv_relu_pool),
    **_named("max_pool maxpool max_pool2d maxpool2d pool pooling", Layer("F.max_pool2d", draw.pools, by.max_pool, layouts=POOLS)),
    **_named("avg_pool average_pool avgpool avg_pool2d mean_pool", Layer("F.avg_pool2d", draw.pools, by.avg_pool, layouts=POOLS)),
    **_named("rnn_step rnn_cell vanilla_rnn_step", Layer("tanh(x·Wx + h·Wh + b)", draw.steps, by.rnn_step, ("next_h",))),
    **_named("rnn vanilla_rnn", Layer("tanh cells over the sequence", draw.sequences, by.rnn, ("h",), layouts=SEQUENCES)),
    **_named(
        "lstm_step lstm_cell",
        Layer("an LSTM cell", lambda random: draw.steps(random, 4), by.lstm_step, ("next_h", "next_c"), conventions=_GATES),
    ),
    "lstm": Layer(
        "LSTM cells over the sequence", lambda random: draw.sequences(random, 4), by.lstm, ("h",), conventions=_GATES, layouts=SEQUENCES
    ),
    **_named("word_embedding embedding", Layer("F.embedding", draw.words, lambda x, W: F.embedding(x, W))),
    "temporal_affine": Layer("x·w + b at each time", draw.temporal, lambda x, w, b: x @ w + b),
}
LOSSES: Mapping[str, Layer] = {
    **_named(
        "softmax_loss cross_entropy_loss softmax_cross_entropy softmax_cross_entropy_loss cross_entropy",
        Layer("F.cross_entropy", draw.scores, by.softmax_loss, ("loss",), _REDUCTIONS, is_loss=True),
    ),
    **_named("svm_loss hinge_loss", Layer("the hinge loss of classes", draw.scores, by.svm_loss, ("loss",), _REDUCTIONS, is_loss=True)),
    **_named("mse_loss l2_loss squared_loss", Layer("the squared error", draw.targets, by.squared_loss, ("loss",), _SQUARED, is_loss=True)),
    "temporal_softmax_loss": Layer("F.cross_entropy over words", draw.temporal_scores, by.temporal_softmax, ("loss",), is_loss=True),
}
