"""A device is named as PyTorch names it, and one that is not there is refused."""

import pytest
import torch

from compare import Problem, TorchRef
from compare.sides.devices import checked_device
from compare.support.errors import ProblemError


@pytest.mark.parametrize("name", ["cpu", "cpu:0"])
def test_the_processor_is_one_device(name: str) -> None:
    assert checked_device(name) == name


@pytest.mark.parametrize("name", ["cpu:1", "meta", "no device"])
def test_what_is_no_device_is_refused(name: str) -> None:
    with pytest.raises(ProblemError, match="expected cpu, cuda or cuda:N"):
        checked_device(name)


@pytest.mark.parametrize("name", ["tpu", *([] if torch.cuda.is_available() else ["cuda", torch.device("cuda")])])
def test_the_torch_side_refuses_it_too(name: str | torch.device) -> None:
    with pytest.raises(ProblemError, match=f"device is '{name}'"):
        TorchRef(Problem.draw((3, 2, 1)), device=name)


def test_the_torch_side_takes_a_device_of_torch() -> None:
    assert TorchRef(Problem.draw((3, 2, 1)), device=torch.device("cpu")).network.device.type == "cpu"
