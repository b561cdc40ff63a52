"""`torch.optim` as a third opinion on the optimisers of both backends, over hyperparameters that Hypothesis draws."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import manual
import torch_ref
from compare.problem.pieces import DECAYS, OPTIMIZERS
from tests.manual.test_optimizers import SPOILT, every_option

LR, STEPS = 0.05, 5
X = np.random.default_rng(0).normal(size=(7, 3))
Y = np.random.default_rng(1).random((7, 2))
BACKENDS = {"manual": manual, "torch_ref": torch_ref}
EVERY_ROW = pytest.mark.parametrize("name", OPTIMIZERS)

Arrays = dict[str, Any]


def values(default: Any) -> Any:
    """Values for an option with that default, the default among them."""
    if isinstance(default, bool):
        return st.booleans()
    if isinstance(default, tuple):
        return st.tuples(*[st.floats(0, 0.999) for _ in default])
    if isinstance(default, str):
        return st.sampled_from(DECAYS)
    return st.just(default) | st.floats(1e-8, 0.95)


def options_of(name: str) -> Any:
    def allowed(options: dict[str, Any]) -> dict[str, Any]:
        options |= {"momentum": 0.9, "dampening": 0.0} if options.get("nesterov") else {}
        return options | ({"alpha": 0.9} if options.get("centered") else {})      # near 0 little but rounding is left of the variance

    return st.fixed_dictionaries({option: values(default) for option, default in OPTIMIZERS[name].options.items()}).map(allowed)


def wrong_values(value: Any) -> list[Any]:
    """Values that an option's right one is mistaken for."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, tuple):
        return [tuple(0.9 * beta if i == j else beta for j, beta in enumerate(value)) for i in range(len(value))]
    if isinstance(value, str):
        return [other for other in DECAYS if other != value]
    return [value / 1.5]


WRONG_OPTIONS = [
    (name, option, wrong) for name in OPTIMIZERS for option, value in every_option(name).items() for wrong in wrong_values(value)
]


def options_beside(name: str, option: str) -> dict[str, Any]:
    """Every option, but for a dampening beside nesterov, which is refused."""
    return every_option(name) | ({"dampening": 0.0} if option == "nesterov" else {})


def plain_class(name: str) -> Any:
    return getattr(torch.optim, OPTIMIZERS[name].torch.rpartition(".")[2])


@dataclass
class Run:
    """A training: each step's gradients, the parameters after it, and what the optimiser keeps at the end."""

    grads: list[Arrays] = field(default_factory=list)
    params: list[Arrays] = field(default_factory=list)
    slots: Arrays = field(default_factory=dict)


def run_of_torch(name: str, options: dict[str, Any]) -> Run:
    """A plain module, trained by its own optimiser."""
    module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2), nn.Sigmoid()).double()
    module.load_state_dict(torch_ref.Network((3, 4, 2), ("tanh", "sigmoid"), bias=True).state_dict())
    params, run = dict(module.named_parameters()), Run()
    own = {option: value for option, value in options.items() if option != "decay"}
    matrices, vectors = ([param for param in params.values() if (param.ndim == 2) == is_matrix] for is_matrix in (True, False))
    without = {"params": vectors} if options["decay"] == "all" else {"params": vectors, "weight_decay": 0.0}
    optimizer = plain_class(name)([{"params": matrices}, without], lr=LR, **own)
    for _ in range(STEPS):
        optimizer.zero_grad()
        nn.functional.mse_loss(module(torch.tensor(X)), torch.tensor(Y)).backward()
        optimizer.step()
        run.grads.append({key: param.grad.clone() for key, param in params.items() if param.grad is not None})
        run.params.append({key: param.detach().numpy().copy() for key, param in params.items()})
    slots = OPTIMIZERS[name].slots_with(options)
    run.slots = {f"{key}.{slot}": optimizer.state[param][slot].numpy() for key, param in params.items() for slot in slots}
    return run


def run_of(backend: Any, name: str, options: dict[str, Any], given_grads: list[Arrays] | None = None) -> Run:
    """A backend's network, trained by the gradients given or by its own."""
    network, optimizer = backend.Network((3, 4, 2), ("tanh", "sigmoid"), bias=True), backend.OPTIMIZERS[name](LR, **options)
    network.load_state_dict(torch_ref.Network((3, 4, 2), ("tanh", "sigmoid"), bias=True).state_dict())
    run = Run()
    for step in range(STEPS):
        grads = given_grads[step] if given_grads else network.gradients(X, Y, "mse")[2]
        optimizer.step(network, {key: grad if backend is torch_ref else np.asarray(grad) for key, grad in grads.items()})
        run.params.append({key: np.asarray(array).copy() for key, array in network.state_dict().items()})
    run.slots = {key: np.asarray(array) for key, array in optimizer.state_dict().items() if key != "steps"}
    return run


def agree(one: Run, other: Run) -> bool:
    pairs = [(one.slots, other.slots), *zip(one.params, other.params, strict=True)]
    return all(list(a) == list(b) and all(np.allclose(a[key], b[key], rtol=1e-12, atol=1e-14) for key in a) for a, b in pairs)


@EVERY_ROW
@settings(max_examples=40)
@given(data=st.data())
def test_both_backends_make_the_steps_of_torch_optim_and_keep_what_it_keeps(name: str, data: Any) -> None:
    """From the same gradients, since where a beta is 0 a last digit of a small one can turn the step."""
    options = data.draw(options_of(name))
    theirs = run_of_torch(name, options)
    for which, backend in BACKENDS.items():
        assert agree(run_of(backend, name, options, theirs.grads), theirs), which


@EVERY_ROW
def test_the_tables_defaults_are_those_of_torch_optim(name: str) -> None:
    """But for which parameters decay, which is said there by groups: all, where there is one."""
    defaults = plain_class(name)([nn.Parameter(torch.zeros(1))]).defaults | {"decay": "all"}
    assert {option: defaults[option] for option in OPTIMIZERS[name].options} == OPTIMIZERS[name].options


@pytest.mark.parametrize(("name", "option", "wrong"), WRONG_OPTIONS)
@pytest.mark.parametrize("which", BACKENDS)
def test_a_wrong_value_of_any_option_is_seen(which: str, name: str, option: str, wrong: Any) -> None:
    options = options_beside(name, option)
    theirs = run_of_torch(name, options)
    assert agree(run_of(BACKENDS[which], name, options), theirs)
    assert not agree(run_of(BACKENDS[which], name, options | {option: wrong}), theirs)


def pair(name: str, seed: int = 0) -> tuple[torch_ref.Network, torch_ref.Optimizer]:
    return torch_ref.Network((3, 4, 2), "tanh", bias=True, seed=seed), torch_ref.OPTIMIZERS[name](LR, **every_option(name))


@EVERY_ROW
def test_training_goes_on_from_its_state_as_if_it_had_not_stopped(name: str) -> None:
    whole, first, second, forgetful = (pair(name, seed) for seed in (0, 0, 1, 2))
    losses = torch_ref.train(whole[0], X, Y, epochs=5, optimizer=whole[1])
    torch_ref.train(first[0], X, Y, epochs=2, optimizer=first[1])
    for network in (second[0], forgetful[0]):
        network.load_state_dict(first[0].state_dict())
    second[1].load_state_dict(first[1].state_dict(), second[0])
    torch_ref.train(first[0], X, Y, epochs=1, optimizer=first[1])      # what was taken over are copies
    assert torch_ref.train(second[0], X, Y, epochs=3, optimizer=second[1]) == losses[2:]
    assert torch_ref.train(forgetful[0], X, Y, epochs=3, optimizer=forgetful[1]) != losses[2:]
    for one, other in zip(whole, second, strict=True):
        assert all(torch.equal(tensor, other.state_dict()[key]) for key, tensor in one.state_dict().items())


@EVERY_ROW
@pytest.mark.parametrize("spoilt", SPOILT)
def test_an_entry_that_does_not_fit_is_named_and_changes_nothing(name: str, spoilt: str) -> None:
    spoil, complaint = SPOILT[spoilt]
    network, optimizer = pair(name)
    torch_ref.train(network, X, Y, epochs=2, optimizer=optimizer)
    before = optimizer.state_dict()
    for key in before:
        state: dict[str, Any] = optimizer.state_dict()
        spoil(state, key)
        with pytest.raises(ValueError, match=complaint.format(key, key)):
            optimizer.load_state_dict(state, network)
        assert list(optimizer.state_dict()) == list(before)
        assert all(torch.equal(tensor, before[entry]) for entry, tensor in optimizer.state_dict().items())
