"""What is carried between an attempt's process and ours comes out as it went in; what is made up raises one error, and takes no memory."""

import json
import tracemalloc
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from compare.problem.problem import Problem
from compare.sandbox.values import packed, unpacked
from compare.support.kinds import Opaque
from compare.userfile.conventions import NEW_PARAMETERS, ContractError, Convention, numbers
from compare.userfile.pipe import frames

CARRIED = ("?", "<i8", "<f4", "<f8")      # the dtypes that come out as themselves
MOST = 64 << 20      # bytes; far more than any of these need
WORDS = ("plain", "array", "dtype", "number", "float32")
NUMBERS: list[Any] = [0, 1, 0.0, "0", float("inf"), -1, 9]

arrays = st.sampled_from(CARRIED).flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)))
whole = st.integers(-(2**63), 2**63 - 1)
names = st.text(max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.text() | st.just(NotImplemented) | whole | st.floats() | arrays,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(names | whole, inner, max_size=4)
        | st.dictionaries(names, inner, max_size=4).map(lambda own: SimpleNamespace(**own))
    ),
    max_leaves=12,
)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=10,
)
trees: st.SearchStrategy[Any] = st.recursive(
    json_values
    | st.fixed_dictionaries({"array": st.sampled_from(NUMBERS)}, optional={"dtype": st.sampled_from("biuf"), "float32": st.just(True)}),
    lambda inner: st.dictionaries(
        st.sampled_from(["list", "tuple", "dict", "object", "masked", "nothing", "opaque"]),
        st.lists(inner | st.tuples(names, inner), max_size=4) | inner,
        max_size=2,
    ),
    max_leaves=12,
)


def carried(value: Any) -> Any:
    """The value, as it comes out at the other end of the pipe."""
    return unpacked(frames.entries(frames.frame(1, bytes(16), 0, packed(value))[frames.HEADER.size :]))


def depth(value: Any) -> int:
    if isinstance(value, SimpleNamespace):
        value = vars(value)
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, (list, tuple)) else 0


def same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return bool(one.dtype == other.dtype and one.shape == other.shape and np.array_equal(one, other, equal_nan=True))
    if isinstance(one, SimpleNamespace):
        return same(vars(one), vars(other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other or (one != one and other != other))


@given(values.filter(lambda value: depth(value) <= 6))
def test_every_kind_of_value_comes_out_as_it_went_in(value: Any) -> None:
    assert same(carried(value), value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (object(), "an object"),
        (len, "a builtin_function_or_method"),
        ({(1, 2): 3}, "a dict"),
        (2**70, "an int"),
        (1j, "a complex"),
        (np.array(["text"]), "an array of dtype <U4"),
        (np.array([None]), "an array of dtype object"),
        ([0] * 20_000, "a list"),
    ],
)
def test_what_cannot_be_carried_is_no_number(value: Any, said: str) -> None:
    found = carried(value)
    assert isinstance(found, (Opaque, SimpleNamespace))
    if isinstance(found, Opaque):
        assert found.said.startswith(said)
        with pytest.raises(TypeError):
            np.asarray(found, dtype=np.float64)


@pytest.mark.parametrize(
    ("value", "said"),
    [(1j * np.ones(2), "an array of dtype complex128"), ((n for n in ()), "a generator"), (object(), "an object"), (1j, "a complex")],
)
def test_what_is_no_array_of_numbers_is_named_alike_in_both_processes(value: Any, said: str) -> None:
    for answer in (value, carried(value)):
        with pytest.raises(ContractError, match=rf"^the loss is {said}; expected float64$"):
            numbers(answer, "the loss")
        with pytest.raises(ContractError, match=rf"^the new parameters are {said}; expected a dict of 0\.weight, 2\.weight, or None if"):
            Convention().parameters_out(Problem.draw((3, 2, 1)), answer, NEW_PARAMETERS)


def test_what_is_nested_too_deep_is_cut_off() -> None:
    nested: Any = []
    for _ in range(50):
        nested = [nested]
    assert "a list" in repr(carried(nested))


@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda data: b"\x01\x00\x00\x00\x04\x00tree\x04\x01" + data))
def test_arbitrary_bytes_raise_one_error(data: bytes) -> None:
    with suppress(frames.FrameError, ValueError):
        unpacked(frames.entries(data))


@given(trees, arrays, arrays)
def test_an_arbitrary_tree_raises_one_error(tree: Any, first: Any, second: Any) -> None:
    entries = {"tree": np.frombuffer(json.dumps(tree).encode(), dtype=np.uint8), "0": first, "1": second}
    with suppress(ValueError):
        unpacked(entries)


@pytest.mark.parametrize(
    "tree",
    [
        {"list": [{"array": 0, "dtype": "b"}] * 10_000},
        {"list": [{"array": 0, "dtype": "f", "float32": True}] * 10_000},
        {"list": [{"list": []}] * 400_000},
    ],
    ids=["array as bool", "array as float32", "lists"],
)
def test_a_small_answer_makes_nothing_large(tree: Any) -> None:
    """One array that is asked for again and again, or brackets alone."""
    entries = {"tree": np.frombuffer(json.dumps(tree, separators=(",", ":")).encode(), dtype=np.uint8), "0": np.zeros(1 << 20)}
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="an answer"):
            unpacked(entries)
        assert tracemalloc.get_traced_memory()[1] < MOST
    finally:
        tracemalloc.stop()
