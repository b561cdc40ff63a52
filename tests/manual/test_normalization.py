"""Normalisation and dropout by hand: against central differences, and against PyTorch's own modules."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import torch_ref
from compare.problem.pieces import ACTIVATIONS, LOSSES, NORMALIZATIONS
from manual import NORMALIZATIONS as OURS
from manual import Dropout, Network
from manual.arrays import Array
from manual.normalization import Normalization
from tests.manual.test_derivatives import central_differences
from tests.pieces import KINKED_ACTIVATIONS, KINKED_LOSSES, ON_PROBABILITIES

MODULES: dict[str, Any] = {"layer_norm": nn.LayerNorm, "batch_norm": nn.BatchNorm1d}      # else torch_ref's
SHAPES = [(5, 3), (2, 4), (7, 1)]
EVERY_ROW = pytest.mark.parametrize("name", NORMALIZATIONS)

# What people leave out on the way back, given the layer and g = ∂L/∂ẑ: each is another slope.
MISTAKES: dict[str, Callable[[Normalization, Array, Array], Array]] = {
    "through the mean": lambda layer, error, g: g - layer.normal * (g * layer.normal).mean(axis=layer.axis, keepdims=True),
    "through the variance": lambda layer, error, g: g - g.mean(axis=layer.axis, keepdims=True),
    "the weight": lambda layer, error, g: (
        error - error.mean(axis=layer.axis, keepdims=True) - layer.normal * (error * layer.normal).mean(axis=layer.axis, keepdims=True)
    ),
}


def drawn(name: str, shape: tuple[int, int], seed: int = 0) -> tuple[Normalization, Array, Array]:
    """The layer with a weight and a bias of its own, an input, and the error at the output."""
    generator = np.random.default_rng(seed)
    layer = OURS[name](generator.normal(size=shape[1]), generator.normal(size=shape[1]))
    return layer, generator.normal(size=shape) * 2 + 1, generator.normal(size=shape)


def twin(name: str, layer: Normalization) -> nn.Module:
    """PyTorch's module with that layer's weight and bias."""
    weight, bias = torch.tensor(layer.weight), torch.tensor(layer.bias)
    if name not in MODULES:
        return torch_ref.NORMALIZATIONS[name](weight, bias)
    module: nn.Module = MODULES[name](len(weight), dtype=torch.float64)
    module.load_state_dict({"weight": weight, "bias": bias}, strict=False)
    return module


def close(actual: Any, expected: Any) -> None:
    np.testing.assert_allclose(np.asarray(actual), expected.detach().numpy(), rtol=1e-11, atol=1e-12)


@EVERY_ROW
@pytest.mark.parametrize("shape", SHAPES)
def test_normalisation_sends_back_the_slope_of_what_it_computes(name: str, shape: tuple[int, int]) -> None:
    layer, z, error = drawn(name, shape)

    def total() -> float:
        return float((error * layer.forward(z)).sum())

    slopes = {what: central_differences(total, array) for what, array in (("z", z), *layer.parameters().items())}
    layer.forward(z)
    found = {"z": layer.backward(error), **layer.gradients(error)}
    for what, slope in slopes.items():
        np.testing.assert_allclose(found[what], slope, rtol=1e-6, atol=1e-8, err_msg=what)


@EVERY_ROW
@pytest.mark.parametrize("mistake", MISTAKES)
def test_central_differences_catch_a_term_left_out_on_the_way_back(name: str, mistake: str) -> None:
    layer, z, error = drawn(name, (5, 3))
    slope = central_differences(lambda: float((error * layer.forward(z)).sum()), z)
    layer.forward(z)
    wrong = layer.scale * MISTAKES[mistake](layer, error, error * layer.weight)
    assert not np.allclose(wrong, slope, rtol=1e-3, atol=1e-3)


@EVERY_ROW
@pytest.mark.parametrize("shape", SHAPES)
def test_it_computes_keeps_and_sends_back_what_pytorchs_module_does(name: str, shape: tuple[int, int]) -> None:
    layer, *_ = drawn(name, shape)
    module = twin(name, layer)
    for batch in range(4):
        _, z, error = drawn(name, shape, seed=batch)
        argument = torch.tensor(z, requires_grad=True)
        module.train()
        module.zero_grad()
        output = module(argument)
        output.backward(torch.tensor(error))
        close(layer.forward(z), output)
        close(layer.backward(error), argument.grad)
        for key, gradient in layer.gradients(error).items():
            close(gradient, module.get_parameter(key).grad)
        assert list(layer.buffers()) == [key for key, _ in module.named_buffers()]
        for key, array in layer.buffers().items():
            close(array, module.get_buffer(key))
        before = {key: array.copy() for key, array in layer.buffers().items()}
        close(layer.predict(z[:1]), module.eval()(argument[:1]))
        assert all((array == before[key]).all() for key, array in layer.buffers().items())


def test_what_batch_norm_keeps_tells_biased_from_unbiased_and_a_batch_from_evaluation() -> None:
    """The controls of the test above."""
    layer, z, _ = drawn("batch_norm", (5, 3))
    output = layer.forward(z)
    assert not np.allclose(layer.buffers()["running_var"], 0.9 + 0.1 * z.var(axis=0), rtol=1e-3)
    np.testing.assert_allclose(layer.buffers()["running_var"], 0.9 + 0.1 * z.var(axis=0, ddof=1), rtol=1e-14)
    assert not np.allclose(layer.predict(z), output, rtol=1e-3)


@EVERY_ROW
def test_a_batch_of_one_is_refused_by_what_keeps_statistics_of_batches_and_changes_nothing(name: str) -> None:
    layer, z, _ = drawn(name, (4, 3))
    other = torch_ref.NORMALIZATIONS[name](torch.tensor(layer.weight), torch.tensor(layer.bias))
    sides = ((layer, z, layer.buffers()), (other, torch.tensor(z), dict(other.named_buffers())))
    for side, batch, buffers in sides:
        side.forward(batch)
        before = {key: np.asarray(values).copy() for key, values in buffers.items()}
        if buffers:
            with pytest.raises(ValueError, match="a batch of 1 record has no variance; expected at least 2"):
                side.forward(batch[:1])
        else:
            side.forward(batch[:1])
        assert all((np.asarray(values) == before[key]).all() for key, values in buffers.items())


@given(p=st.floats(0.01, 0.99), seed=st.integers(0, 2**32 - 1))
def test_a_mask_given_is_used_once_both_ways_and_scaled(p: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    layer, a, error = Dropout(p, np.random.default_rng(seed)), generator.normal(size=(20, 10)), generator.normal(size=(20, 10))
    mask = generator.random((20, 10)) < 0.5
    layer.mask = mask
    np.testing.assert_allclose(layer.forward(a), np.where(mask, a / (1 - p), 0), rtol=1e-14)
    np.testing.assert_allclose(layer.backward(error), np.where(mask, error / (1 - p), 0), rtol=1e-14)
    drawn = layer.forward(a) != 0
    assert (drawn == (np.random.default_rng(seed).random((20, 10)) >= p)).all()      # the generator's first, not the mask again
    assert (drawn != mask).any()


def test_a_mask_drawn_keeps_about_its_share_and_each_is_another() -> None:
    a = np.ones((300, 100))
    for p in (0.1, 0.5, 0.8):
        layer = Dropout(p, np.random.default_rng(0))
        first, second = layer.forward(a) != 0, layer.forward(a) != 0
        assert abs(first.mean() - (1 - p)) < 0.015      # 5 deviations
        assert abs((first == second).mean() - (p * p + (1 - p) ** 2)) < 0.015


def test_in_evaluation_nothing_is_dropped() -> None:
    network = Network((3, 8, 2), "tanh", dropout=0.5)
    x = np.random.default_rng(0).normal(size=(6, 3))
    plain = Network((3, 8, 2), "tanh")
    plain.load_state_dict({"0.weight": network.parameters()["0.weight"], "2.weight": network.parameters()["3.weight"]})
    np.testing.assert_array_equal(network.predict(x), plain.predict(x))
    assert (network.forward(x) != network.predict(x)).any()


def held_to_slopes(network: Network, loss: str, seed: int, spoil: float = 0.0) -> None:
    """Every gradient of the network on a drawn batch with fixed masks, plus `spoil`, is the loss's slope."""
    generator = np.random.default_rng(seed)
    x, y = generator.normal(size=(6, network.sizes[0])), generator.random((6, network.sizes[-1]))
    dropouts = {str(index): layer for index, layer in enumerate(network.layers) if isinstance(layer, Dropout)}
    masks = {index: generator.random((6, 4)) >= 0.3 for index in dropouts}
    assert len(masks) == len(network.sizes) - 2
    _, _, grads = network.gradients(x, y, loss, masks=masks)
    for name, array in network.parameters().items():
        slope = central_differences(lambda: float(network.gradients(x, y, loss, masks=masks)[1]), array)
        np.testing.assert_allclose(grads[name] + spoil, slope, rtol=1e-5, atol=1e-7, err_msg=name)


@EVERY_ROW
@pytest.mark.parametrize("activation", sorted(set(ACTIVATIONS) - KINKED_ACTIVATIONS))
def test_the_backward_pass_through_normalisation_and_dropout_gives_the_slopes_of_the_loss(name: str, activation: str) -> None:
    network = Network((3, 4, 4, 2), (activation, activation, "identity"), bias=True, normalization=name, dropout=0.3)
    held_to_slopes(network, "mse", seed=1)
    with pytest.raises(AssertionError):
        held_to_slopes(network, "mse", seed=1, spoil=1e-4)


@EVERY_ROW
@pytest.mark.parametrize("loss", sorted(set(LOSSES) - set(KINKED_LOSSES)))
def test_so_it_does_for_every_loss(name: str, loss: str) -> None:
    output = "sigmoid" if loss in ON_PROBABILITIES else "identity"
    held_to_slopes(Network((3, 4, 2), ("tanh", output), bias=True, normalization=name, dropout=0.3), loss, seed=2)


@EVERY_ROW
def test_the_networks_state_is_that_of_the_plain_sequential_module_and_loads_into_it(name: str) -> None:
    network = Network((3, 4, 5, 2), "tanh", bias=True, normalization=name, dropout=0.5)
    x = np.random.default_rng(0).normal(size=(6, 3)) * 3
    modules: list[nn.Module] = []
    masks: dict[str, Array] = {}
    for n, units in ((3, 4), (4, 5)):
        dropout = nn.Dropout(0.5)
        key = str(len(modules) + 3)
        dropout.register_forward_hook(lambda _, arguments, output, key=key: masks.update({key: (output != 0).numpy()}))
        modules += [nn.Linear(n, units), twin(name, OURS[name](np.ones(units), np.zeros(units))), nn.Tanh(), dropout]
    plain = nn.Sequential(*modules, nn.Linear(5, 2), nn.Tanh()).double()
    network.forward(x)      # so that what it keeps is not what it began with
    state = {key: torch.tensor(array) for key, array in network.state_dict().items()}
    assert list(state) == list(plain.state_dict())
    assert all(tensor.dtype == plain.state_dict()[key].dtype for key, tensor in state.items())
    plain.load_state_dict(state, strict=True)
    with torch.no_grad():
        close(network.predict(x), plain.eval()(torch.tensor(x)))
        outputs = plain.train()(torch.tensor(x))      # by masks of PyTorch's own
    close(network.forward(x, masks), outputs)
