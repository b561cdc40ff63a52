"""The PyTorch network alone."""

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from torch_ref import Network, exact_settings, train

CPU = torch.device("cpu")


def test_its_state_dict_is_that_of_the_plain_sequential_module() -> None:
    ours = Network((3, 4, 2), ("tanh", "sigmoid"), bias=True)
    plain = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2), nn.Sigmoid()).double()
    plain.load_state_dict(ours.state_dict())
    x = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(ours(x), plain(x))


def test_its_steps_are_those_of_torch_optim() -> None:
    """A third opinion: `torch.optim.SGD` with `backward()`."""
    x = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = torch.rand(5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    ours, other = Network((3, 4, 2), "tanh", bias=True), Network((3, 4, 2), "tanh", bias=True)
    train(ours, x, y, lr=0.3, epochs=4, loss="mse")
    optimizer = torch.optim.SGD(other.parameters(), lr=0.3)
    for _ in range(4):
        optimizer.zero_grad()
        nn.functional.mse_loss(other(x), y).backward()
        optimizer.step()
    for name, tensor in ours.state_dict().items():
        torch.testing.assert_close(tensor, other.state_dict()[name], rtol=1e-13, atol=1e-15)


def test_it_takes_arrays_and_trains_alone() -> None:
    network = Network((3, 2, 1), seed=3)
    losses = train(network, np.eye(3), np.ones((3, 1)), lr=1.0, epochs=20)
    assert losses[-1] < losses[0]
    assert network.predict(np.eye(3)).shape == (3, 1)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"sizes": (3,)}, "sizes"),
        ({"sizes": (3, 0)}, "sizes"),
        ({"sizes": (3, 2), "activations": "sigmoidal"}, "activations"),
        ({"sizes": (3, 2), "dtype": "float16"}, "dtype"),
        ({"sizes": (3, 2), "dtype": torch.bfloat16}, "dtype"),
    ],
)
def test_a_network_that_cannot_be_is_refused(arguments: dict, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Network(**arguments)


def test_misshapen_data_are_refused_instead_of_broadcast() -> None:
    with pytest.raises(ValueError, match="x has shape"):
        Network((3, 1)).forward(np.ones((4, 2)))
    with pytest.raises(ValueError, match="y has shape"):
        Network((3, 1)).gradients(np.ones((4, 3)), np.ones(4))


def settings_now() -> tuple:
    return (
        torch.backends.cuda.matmul.fp32_precision,
        torch.backends.cudnn.conv.fp32_precision,
        torch.backends.mkldnn.matmul.fp32_precision,
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"),
    )


def test_settings_are_exact_within_and_put_back_after() -> None:
    before = settings_now()
    with torch.inference_mode(), torch.autocast("cpu"), exact_settings(CPU):
        assert settings_now() == ("ieee", "ieee", "ieee", True, False, True, False, False)
    assert settings_now() == before


@pytest.mark.slow
def test_training_imports_no_compiler() -> None:
    train = "from torch_ref import Network, train; train(Network((3, 1)), np.eye(3), np.ones((3, 1)), lr=0.1, epochs=1)"
    code = f"import sys, numpy as np; {train}; sys.exit('torch._dynamo' in sys.modules)"      # which takes as long as torch itself
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_settings_are_put_back_after_an_error_too() -> None:
    before = settings_now()
    with pytest.raises(KeyError), exact_settings(CPU):
        raise KeyError
    assert settings_now() == before


def test_a_caller_who_allows_tf32_gets_it_back() -> None:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        callers = settings_now()
        train(Network((3, 1), dtype="float32"), np.eye(3), np.ones((3, 1)), lr=0.1, epochs=1)
        assert settings_now() == callers
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)
        torch.use_deterministic_algorithms(False)


def test_a_setting_that_is_inherited_is_inherited_again() -> None:
    matmul = torch.backends.cuda.matmul
    before = torch.backends.fp32_precision, matmul.fp32_precision
    try:
        torch.backends.fp32_precision = "tf32"
        matmul.fp32_precision = "none"
        with exact_settings(CPU):
            assert torch.backends.cuda.matmul.fp32_precision == "ieee"
        assert torch.backends.cuda.matmul.fp32_precision == "tf32"
        torch.backends.fp32_precision = "ieee"
        assert torch.backends.cuda.matmul.fp32_precision == "ieee"
    finally:
        torch.backends.fp32_precision, matmul.fp32_precision = before


def test_a_caller_without_gradients_can_still_train() -> None:
    with torch.no_grad():
        losses = train(Network((3, 1)), np.eye(3), np.ones((3, 1)), lr=1.0, epochs=5)
    assert losses[-1] < losses[0]


def test_a_callers_autocast_changes_no_prediction() -> None:
    network = Network((3, 4, 1), dtype="float32")
    x = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)
    plain = network.predict(x)
    with torch.autocast("cpu"):
        assert torch.equal(network.predict(x), plain)


def test_cublas_is_told_to_be_deterministic_while_it_runs_on_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")      # where there is no CUDA, autocast says so
        with exact_settings(torch.device("cuda")):
            assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ


def test_a_mask_is_given_for_each_dropout_in_the_shape_of_what_it_drops_from() -> None:
    network = Network((3, 4, 2), dropout=0.5)
    x = np.ones((5, 3))
    with pytest.raises(ValueError, match="masks are of the layers none; expected one of layer 2 too"):
        network.forward(x, {})
    with pytest.raises(ValueError, match=r"a mask has shape \(1, 4\); expected \(5, 4\)"):
        network.forward(x, {"2": np.ones((1, 4), bool)})
