"""A device is named as PyTorch names it, and one that is not there is refused."""

import pytest

from compare.sides.devices import checked_device
from compare.support.errors import ProblemError


@pytest.mark.parametrize("name", ["cpu", "cpu:0"])
def test_the_processor_is_one_device(name: str) -> None:
    assert checked_device(name) == name


@pytest.mark.parametrize("name", ["cpu:1", "meta", "no device"])
def test_what_is_no_device_is_refused(name: str) -> None:
    with pytest.raises(ProblemError, match="expected cpu, cuda or cuda:N"):
        checked_device(name)
