"""What is refused, as in PyTorch: shapes, sizes and options that do not fit, and a backward pass that does not follow its gradients."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import manual
import torch_ref
from manual import Conv1d, Conv2d, Linear, MaxPool2d
from manual.arrays import Array
from tests.manual.beside import Case
from tests.manual.test_planted import CASES


def ones(*shape: int) -> Array:
    return np.ones(shape)


IMAGES = ones(2, 4, 5, 3)
WORDS = manual.Embedding(ones(5, 2))
ATTENTION = manual.MultiheadAttention(2, ones(12, 4), None, Linear(ones(4, 4)))

REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: Linear(3, 2), "weight is 3; expected an array (out, in)"),  # type: ignore[arg-type]
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


# ---- Options, of both packages.

NESTEROV = "nesterov is True; expected a momentum above 0 and no dampening with it"
OPTIONS: list[tuple[str, dict[str, Any], str]] = [
    ("SGD", {"lr": -0.1}, "lr is -0.1; expected a number of at least 0"),
    ("SGD", {"momentum": -0.5}, "momentum is -0.5; expected a number of at least 0"),
    ("SGD", {"weight_decay": -0.5}, "weight_decay is -0.5; expected a number of at least 0"),
    ("SGD", {"nesterov": True}, NESTEROV),
    ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, NESTEROV),
    ("Adam", {"betas": (1.0, 0.9)}, "beta1 is 1.0; expected a number from 0 to below 1"),
    ("AdamW", {"betas": (0.9, 1)}, "beta2 is 1; expected a number from 0 to below 1"),
    ("Adam", {"betas": (0.9, -0.1)}, "beta2 is -0.1; expected a number from 0 to below 1"),
    ("AdamW", {"eps": -1e-8}, "eps is -1e-08; expected a number of at least 0"),
    ("AdamW", {"weight_decay": -1}, "weight_decay is -1; expected a number of at least 0"),
    ("RMSprop", {"alpha": -0.1}, "alpha is -0.1; expected a number of at least 0"),
    ("RMSprop", {"eps": -1}, "eps is -1; expected a number of at least 0"),
    ("RMSprop", {"momentum": -1}, "momentum is -1; expected a number of at least 0"),
    ("Adagrad", {"lr_decay": -1}, "lr_decay is -1; expected a number of at least 0"),
    ("Adagrad", {"eps": -1}, "eps is -1; expected a number of at least 0"),
    ("Adagrad", {"initial_accumulator_value": -1}, "initial_accumulator_value is -1; expected a number of at least 0"),
]


@pytest.mark.parametrize(("name", "options", "complaint"), OPTIONS)
def test_both_sides_refuse_the_options_that_pytorchs_optimiser_refuses(name: str, options: dict[str, Any], complaint: str) -> None:
    given = {"lr": 0.1} | options
    for package in (manual, torch_ref):
        with pytest.raises(ValueError, match=f"^{re.escape(complaint)}$"):
            getattr(package, name)(**given)
    with pytest.raises(ValueError, match=r"Invalid|Nesterov"):
        getattr(torch.optim, name)([torch.ones(1)], **given)


def test_the_least_of_each_option_is_taken() -> None:
    for package in (manual, torch_ref):
        package.SGD(0.0, momentum=0.0, weight_decay=0.0)
        package.SGD(0.1, momentum=0.1, nesterov=True)
        package.AdamW(0.1, betas=(0.0, 0.0), eps=0.0)
        package.RMSprop(0.1, alpha=0.0, eps=0.0)
        package.Adagrad(0.1, lr_decay=0.0, eps=0.0)
        assert package.CrossEntropy(label_smoothing=1).label_smoothing == 1
    assert manual.schedules.cosine(1.0, steps=1)(2) == 0


@pytest.mark.parametrize("smoothing", [2, -0.1, float("nan")])
def test_a_label_smoothing_beyond_1_is_refused(smoothing: float) -> None:
    for package in (manual, torch_ref):
        with pytest.raises(ValueError, match=f"label_smoothing is {smoothing}; expected a number from 0 to 1"):
            package.CrossEntropy(label_smoothing=smoothing)


def test_pytorch_refuses_it_too() -> None:
    with pytest.raises(RuntimeError, match="label_smoothing must be between"):
        F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 1]), label_smoothing=2)


def test_an_option_that_is_nan_is_refused() -> None:
    for package in (manual, torch_ref):
        with pytest.raises(ValueError, match="lr is nan; expected a number of at least 0"):
            package.SGD(float("nan"))
        with pytest.raises(ValueError, match="beta1 is nan; expected a number from 0 to below 1"):
            package.Adam(0.1, betas=(float("nan"), 0.9))


@pytest.mark.parametrize("p", [1.0, 1.5, -0.1, float("nan")])
def test_a_dropout_that_is_no_probability_or_drops_everything_is_refused(p: float) -> None:
    for package, generator in ((manual, np.random.default_rng(0)), (torch_ref, torch.Generator())):
        with pytest.raises(ValueError, match=f"p is {p}; expected a number from 0 to below 1"):
            package.Dropout(p, generator)
        assert package.Dropout(0.0, generator).p == 0


@pytest.mark.parametrize("steps", [0, -1, 2.5])
def test_a_schedule_over_no_steps_is_refused(steps: Any) -> None:
    schedules = manual.schedules
    for make in (schedules.linear, schedules.cosine, schedules.warmup):
        with pytest.raises(ValueError, match=f"^steps is {steps}; expected a whole number, at least 1$"):
            make(0.1, steps=steps)
    with pytest.raises(ValueError, match=f"^step_size is {steps}; expected a whole number, at least 1$"):
        schedules.step_decay(0.1, step_size=steps)


@pytest.mark.parametrize("patterns", [("*.weights", "*"), ("*", "*.weight"), ("0.*", "*.bias", "*")])
def test_a_group_without_parameters_is_refused(patterns: tuple[str, ...]) -> None:
    (idle,) = (each for each in patterns if each not in ("*", "0.*"))
    for package, ones_like in ((manual, np.ones_like), (torch_ref, torch.ones_like)):
        network = package.Network((2, 2, 2), "tanh")
        parameters = network.parameters() if package is manual else network.parameters_by_name()
        before = {name: array + 0 for name, array in parameters.items()}
        optimizer = package.Groups({pattern: package.SGD(0.1) for pattern in patterns})
        with pytest.raises(ValueError, match=re.escape(f"the group {idle} has no parameters; expected a pattern that fits a name which")):
            optimizer.step(network, {name: ones_like(array) for name, array in parameters.items()})
        assert all(bool((array == before[name]).all()) for name, array in parameters.items())


@pytest.mark.parametrize("loss", [*manual.LOSSES, "CrossEntropy", "MultiMargin"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "batchmean"])
def test_no_loss_takes_a_batch_of_no_records(loss: str, reduction: str) -> None:
    complaint = "^the batch has 0 records; expected at least 1$"
    output, y = ones(0, 3), np.zeros(0, int) if loss in ("CrossEntropy", "MultiMargin") else ones(0, 3)
    ours, theirs = (package.LOSSES[loss] if loss in package.LOSSES else getattr(package, loss)() for package in (manual, torch_ref))
    for method in (ours.value, ours.gradient):
        with pytest.raises(ValueError, match=complaint):
            method(output, y, reduction)
    with pytest.raises(ValueError, match=complaint):
        theirs(torch.tensor(output), torch.tensor(y), reduction)


@pytest.mark.parametrize("package", [manual, torch_ref])
def test_no_network_is_trained_on_no_records(package: Any) -> None:
    network = package.Network((3, 2))
    with pytest.raises(ValueError, match="the batch has 0 records; expected at least 1"):
        network.gradients(ones(0, 3), ones(0, 2))
    none = (ones(0, 3), ones(0, 2)) if package is manual else (torch.ones(0, 3), torch.ones(0, 2))
    with pytest.raises(ValueError, match="the batch has 0 records; expected at least 1"):
        package.accumulated_gradients(network, *none, parts=2)
    assert tuple(network.predict(ones(0, 3)).shape) == (0, 2)


@pytest.mark.parametrize("case", [case for cases in CASES.values() for case in cases])
def test_a_layer_passes_a_batch_of_no_records_on_as_pytorchs_does(case: Case) -> None:
    """All but batch normalisation, which has nothing to normalise by."""
    none, layer, twin = case.inputs(0)[:0], case.layer(), case.build(torch_ref, lambda *shape: torch.ones(shape, dtype=torch.float64))
    if isinstance(layer, manual.BatchNorm2d):
        with pytest.raises(ValueError, match="a batch of 0 records has no variance; expected at least 2"):
            layer.forward(none)
        return
    output = layer.forward(none)
    assert output.shape == tuple(twin(torch.tensor(none)).shape)
    grads = layer.gradients(output)
    assert not any(grad.any() for grad in grads.values())
    assert {name: grad.shape for name, grad in grads.items()} == {name: array.shape for name, array in layer.parameters().items()}
    assert case.words or layer.backward(output).shape == none.shape
