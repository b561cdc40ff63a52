"""What layers refuse, as PyTorch does: shapes and sizes that do not fit, and a backward pass that does not follow its gradients."""

import re
from collections.abc import Callable

import numpy as np
import pytest

import manual
from manual import Conv1d, Conv2d, Linear, MaxPool2d
from manual.arrays import Array


def ones(*shape: int) -> Array:
    return np.ones(shape)


IMAGES = ones(2, 4, 5, 3)
WORDS = manual.Embedding(ones(5, 2))
ATTENTION = manual.MultiheadAttention(2, ones(12, 4), None, Linear(ones(4, 4)))

REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: Linear(ones(4)), "weight has shape (4,); expected (out, in)"),
    (lambda: Linear(ones(3, 4), ones(1)), "bias has shape (1,); expected (3,)"),
    (lambda: Linear(ones(3, 4)).forward(ones(2, 5)), "a has shape (2, 5); expected (…, 4)"),
    (lambda: Conv2d(ones(4, 4, 2)), "weight has shape (4, 4, 2); expected (out, in / groups, height, width)"),
    (lambda: Conv2d(ones(4, 4, 2, 2), ones(1)), "bias has shape (1,); expected (4,)"),
    (lambda: Conv2d(ones(4, 1, 2, 2), groups=3), "groups is 3; expected a divisor of 4, the length of the weight"),
    (lambda: Conv2d(ones(4, 1, 2, 2), groups=0), "groups is 0; expected a divisor of 4"),
    (lambda: Conv2d(ones(4, 3, 2, 2), groups=2).forward(IMAGES), "x has shape (2, 4, 5, 3); expected (n, 6, height, width)"),
    (lambda: Conv2d(ones(4, 4, 0, 2)), "kernel is (0, 2); expected a whole number, at least 1"),
    (lambda: Conv2d(ones(4, 4, 2, 2), stride=0), "stride is 0; expected a whole number, at least 1, or a pair of these, height first"),
    (lambda: Conv2d(ones(4, 4, 2, 2), stride=(1, 2, 3)), "stride is (1, 2, 3); expected"),  # type: ignore[arg-type]
    (lambda: Conv2d(ones(4, 4, 2, 2), stride=1.0), "stride is 1.0; expected"),  # type: ignore[arg-type]
    (lambda: Conv2d(ones(4, 4, 2, 2), dilation=(1, 0)), "dilation is (1, 0); expected a whole number, at least 1"),
    (lambda: Conv2d(ones(4, 4, 2, 2), padding=-1), "padding is -1; expected a whole number, at least 0"),
    (lambda: Conv2d(ones(4, 4, 3, 3), padding="same"), "padding is 'same'; expected a whole number"),  # type: ignore[arg-type]
    (
        lambda: Conv2d(ones(4, 4, 9, 2), padding=(1, 2), dilation=(1, 3)).forward(IMAGES),
        "x has shape (2, 4, 5, 3); expected (n, channels, height, width), at least 7 high and 1 wide",
    ),
    (lambda: Conv1d(ones(4, 4, 2, 2)), "weight has shape (4, 4, 2, 2); expected (out, in / groups, length)"),
    (lambda: Conv1d(ones(4, 4, 2), ones(5)), "bias has shape (5,); expected (4,)"),
    (lambda: Conv1d(ones(4, 4, 2)).forward(ones(4, 9)), "x has shape (4, 9); expected (n, 4, length)"),
    (lambda: MaxPool2d(0), "kernel_size is 0; expected a whole number, at least 1"),
    (lambda: MaxPool2d(2, 0), "stride is 0; expected a whole number, at least 1"),
    (lambda: MaxPool2d(1, padding=1), "padding is 1; expected at most half of kernel_size, which is 1"),
    (lambda: MaxPool2d(3, padding=2, dilation=2), "padding is 2; expected at most half of kernel_size, which is 3"),
    (lambda: MaxPool2d(2).forward(ones(4, 9, 9)), "x has shape (4, 9, 9); expected (n, channels, height, width)"),
    (lambda: manual.AvgPool2d((3, 1), padding=1), "padding is 1; expected at most half of kernel_size, which is (3, 1)"),
    (lambda: manual.AvgPool2d(4).forward(IMAGES), "x has shape (2, 4, 5, 3); expected (n, channels, height, width), at least 4 high and 4"),
    (lambda: manual.GroupNorm(3, ones(4)), "groups is 3; expected a divisor of 4, the length of the weight"),
    (lambda: manual.GroupNorm(2, ones(4), ones(1)), "bias has shape (1,); expected (4,)"),
    (lambda: manual.GroupNorm(5, ones(5)).forward(IMAGES), "z has shape (2, 4, 5, 3); expected (n, 5, …)"),
    (lambda: manual.GroupNorm(1, ones(1)).forward(IMAGES), "z has shape (2, 4, 5, 3); expected (n, 1, …)"),
    (lambda: manual.LayerNorm(ones(3), ones(1)), "bias has shape (1,); expected (3,)"),
    (lambda: manual.LayerNorm(ones(1)).forward(IMAGES), "z has shape (2, 4, 5, 3); expected (…, 1)"),
    (lambda: manual.LayerNorm(ones(1, 3)).forward(IMAGES), "z has shape (2, 4, 5, 3); expected (…, 1, 3)"),
    (lambda: manual.LayerNorm(ones(5, 3)).forward(ones(3)), "z has shape (3,); expected (…, 5, 3)"),
    (lambda: manual.RMSNorm(ones(5)).predict(IMAGES), "z has shape (2, 4, 5, 3); expected (…, 5)"),
    (lambda: manual.BatchNorm(ones(1)).forward(ones(5, 4)), "z has shape (5, 4); expected (n, 1)"),
    (lambda: manual.BatchNorm(ones(1)).predict(ones(5, 4)), "z has shape (5, 4); expected (n, 1)"),
    (lambda: manual.BatchNorm(ones(4)).forward(ones(5, 4, 4)), "z has shape (5, 4, 4); expected (n, 4)"),
    (lambda: manual.BatchNorm2d(ones(1)).forward(IMAGES), "z has shape (2, 4, 5, 3); expected (n, 1, height, width)"),
    (lambda: manual.BatchNorm2d(ones(4)).predict(ones(2, 4)), "z has shape (2, 4); expected (n, 4, height, width)"),
    (lambda: WORDS.forward(np.array([0, 5])), "a word is 5; expected whole numbers from 0 to 4"),
    (lambda: WORDS.forward(ones(2)), "a word is 1.0; expected whole numbers from 0 to 4"),
    (lambda: WORDS.forward(np.array([True, False])), "a word is True; expected whole numbers from 0 to 4"),
    (lambda: manual.PositionalEmbedding(ones(4, 1)).forward(ones(3, 4, 2)), "a has shape (3, 4, 2); expected (…, T, 1)"),
    (lambda: manual.TiedEmbedding(WORDS, Linear(ones(2, 2)), ones(1)), "bias has shape (1,); expected (5,)"),
    (lambda: manual.MultiheadAttention(0, ones(12, 4), None, Linear(ones(4, 4))), "expected (3E, E), with E a multiple of 0 heads"),
    (lambda: ATTENTION.forward(ones(3, 4)), "x has shape (3, 4); expected (n, T, 4)"),
    (lambda: manual.RNN(ones(2, 3), ones(2, 1)), "weight_ih_l0 has shape (2, 3); expected (1, in)"),
    (lambda: manual.LSTM(ones(8, 3), ones(6, 2)), "weight_hh_l0 has shape (6, 2); expected (8, 2)"),
    (lambda: manual.RNN(ones(2, 3), ones(2, 2), ones(1), ones(2)), "bias_ih_l0 has shape (1,); expected (2,)"),
    (lambda: manual.GRU(ones(6, 3), ones(6, 2), ones(6), ones(2)), "bias_hh_l0 has shape (2,); expected (6,)"),
]


@pytest.mark.parametrize(("made", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_it_is_refused_with_what_was_expected(made: Callable[[], object], said: str) -> None:
    with pytest.raises((ValueError, IndexError), match=re.escape(said)):
        made()


LEAVE: dict[manual.Layer, tuple[int, ...]] = {      # layers whose `backward` goes on from what `gradients` left, and the shape of inputs
    manual.Sequential(Linear(2 * np.eye(4))): (3, 4),
    ATTENTION: (3, 2, 4),
    manual.SwiGLU(Linear(ones(2, 4)), Linear(ones(2, 4)), Linear(ones(4, 2))): (3, 4),
    manual.RNN(ones(2, 3), ones(2, 2)): (4, 5, 3),
    manual.LSTM(ones(8, 3), ones(8, 2), last=True): (4, 5, 3),
    manual.GRU(ones(6, 3), ones(6, 2)): (4, 5, 3),
}


@pytest.mark.parametrize(("layer", "shape"), LEAVE.items(), ids=[type(layer).__name__ for layer in LEAVE])
def test_backward_follows_gradients_of_the_same_error(layer: manual.Layer, shape: tuple[int, ...]) -> None:
    error, name = np.ones_like(layer.forward(ones(*shape))), type(layer).__name__
    with pytest.raises(ValueError, match=f"{name}.gradients was not called before; expected a call with the array that `backward`"):
        layer.backward(error)
    layer.gradients(error)
    with pytest.raises(ValueError, match=f"{name}.gradients was called with another array; expected"):
        layer.backward(100 * error)
    assert layer.backward(error).shape == shape


def test_sizes_may_be_numbers_of_numpy_and_lists() -> None:
    layers = [Conv2d(ones(4, 4, 2, 2), stride=stride) for stride in (2, np.int64(2), (2, 2), [2, np.int32(2)])]  # type: ignore[arg-type]
    first, *others = (layer.forward(IMAGES) for layer in layers)
    assert all(np.array_equal(other, first) for other in others)


@pytest.mark.parametrize("dtype", ["int64", "int8", "uint8", "float32"])
def test_the_border_of_whole_numbers_is_less_than_all_of_them(dtype: str) -> None:
    images = (np.arange(16) - (0 if dtype == "uint8" else 20)).reshape(1, 1, 4, 4).astype(dtype)
    pooled = MaxPool2d(2, padding=1).forward(images)
    assert pooled.dtype == dtype
    np.testing.assert_array_equal(pooled[0, 0], images[0, 0][np.ix_([0, 2, 3], [0, 2, 3])])
