"""Every kind of normalisation by hand, of any shape and options: beside PyTorch's own, and against central differences."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import manual
import torch_ref
from tests.manual.beside import RECORDS, Case, fewer, trainings

KINDS = ("LayerNorm", "RMSNorm", "GroupNorm", "BatchNorm", "BatchNorm2d")


@st.composite
def cases(draw: st.DrawFn, kind: str | None = None, most: int = 8) -> Case:
    """A normalisation of drawn shape and options, of what another layer makes of the inputs."""

    def whole(least: int, most: int) -> int:
        return draw(st.integers(least, most))

    kind = kind or draw(st.sampled_from(KINDS))
    options: dict[str, Any] = {"eps": draw(st.sampled_from([1e-5, 1e-3, 0.1]))}
    if kind == "RMSNorm":
        options = draw(st.sampled_from([{}, options]))
    if kind.startswith("Batch"):
        options["momentum"] = draw(st.sampled_from([0.1, 0.5, 1.0]))
    groups = whole(1, 2)
    units = groups * whole(1, 3)
    places = tuple(whole(2, 3) for _ in range({"BatchNorm": 0, "BatchNorm2d": 2}.get(kind, whole(0, 2))))
    records, has_bias = whole(2, most), draw(st.booleans()) and kind != "RMSNorm"
    if kind in ("LayerNorm", "RMSNorm"):
        own, shape = (*places, units + 1), (records, whole(1, 2), *places, units + 1)
    else:
        own, shape = (units,), (records, units, *(places or ((3,) if kind == "GroupNorm" else ())))

    def build(package: Any, array: Any) -> Any:
        arrays = (array(*own), array(*own)) if has_bias else (array(*own),)
        return getattr(package, kind)(*((groups,) if kind == "GroupNorm" else ()), *arrays, **options)

    return Case(build, shape, draw(st.integers(0, 2**32 - 1)))


@fewer
@given(data=st.data(), training=trainings())
@pytest.mark.parametrize("kind", KINDS)
def test_it_trains_as_pytorchs(kind: str, data: st.DataObject, training: dict[str, Any]) -> None:
    data.draw(cases(kind, RECORDS)).held_to_pytorch(**training)


@given(case=cases())
def test_the_backward_pass_gives_the_slopes(case: Case) -> None:
    case.held_to_slopes()


def small(kind: str) -> Case:
    def build(package: Any, array: Any) -> Any:
        own = (4, 3) if kind in ("LayerNorm", "RMSNorm") else (4,)
        bias = () if kind == "RMSNorm" else (array(*own),)
        return getattr(package, kind)(*((2,) if kind == "GroupNorm" else ()), array(*own), *bias)

    return Case(build, {"BatchNorm": (5, 4), "BatchNorm2d": (2, 4, 3, 2)}.get(kind, (5, 4, 3)))


@pytest.mark.sampled(4)
@pytest.mark.parametrize("what", ["input", "weight", "bias"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_on_the_way_back_is_found(kind: str, what: str) -> None:
    is_there = what != "bias" or kind != "RMSNorm"
    assert small(kind).compared(("", what), steps=1).verdict == ("different" if is_there else "equivalent")


# What people take otherwise, each an attribute of the layer.
MISTAKES: list[tuple[str, str, Any]] = [
    ("LayerNorm", "axis", (-1,)), ("LayerNorm", "centres", False), ("RMSNorm", "centres", True), ("RMSNorm", "eps", 1e-5),
    ("GroupNorm", "groups", 1), ("GroupNorm", "eps", 1e-6), ("BatchNorm2d", "eps", 1e-3), ("BatchNorm", "momentum", 0.9),
]


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("kind", "name", "value"), MISTAKES)
def test_another_kind_is_different(kind: str, name: str, value: Any) -> None:
    case = small(kind)

    def build(package: Any, array: Any) -> Any:
        layer = case.build(package, array)
        if package is manual:
            setattr(layer, name, value)
        return layer

    assert Case(build, case.shape).compared(steps=1).verdict == "different"


def test_a_channel_of_one_number_in_all_records_is_refused() -> None:
    for layer, ones in ((manual.BatchNorm2d(np.ones(3)), np.ones), (torch_ref.BatchNorm2d(torch.ones(3)), torch.ones)):
        layer.forward(ones((1, 3, 2, 1)))
        with pytest.raises(ValueError, match="a batch of 1 record has no variance"):
            layer.forward(ones((1, 3, 1, 1)))
