"""Embedding by hand: beside PyTorch's own, and against central differences."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import manual
from tests.manual.beside import DTYPES, Case, few


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """An embedding of a few words, most of which come more than once, alone or before a linear layer."""
    words, units, is_alone = draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.booleans())

    def build(package: Any, array: Any) -> Any:
        table = package.Embedding(array(words, units))
        later = (package.Flatten(), package.Linear(array(3, 4 * units), array(3)))
        return table if is_alone else package.Sequential(package.Sequential(table), *later)

    shape = tuple(draw(st.lists(st.integers(1, 4), max_size=2))) if is_alone else (4,)
    return Case(build, (draw(st.integers(1, 8)), *shape), draw(st.integers(0, 2**32 - 1)), words)


@few
@given(case=cases(), dtype=st.sampled_from(DTYPES), optimizer=st.sampled_from(["sgd", "adam"]))
def test_it_trains_as_pytorchs(case: Case, dtype: str, optimizer: str) -> None:
    case.held_to_pytorch(dtype, optimizer=optimizer, optimizer_options={}, lr=0.01)


@given(case=cases())
def test_the_backward_pass_gives_the_slopes(case: Case) -> None:
    case.held_to_slopes()


def test_a_fault_on_the_way_back_is_found() -> None:
    case = Case(lambda package, array: package.Embedding(array(5, 3)), (8,), words=5)
    assert case.compared(("", "weight"), steps=1).verdict == "different"


def test_a_word_that_comes_twice_counts_twice() -> None:
    layer = manual.Embedding(np.zeros((3, 2)))
    layer.forward(np.array([[2, 0], [2, 2]]))
    error = np.array([[[1.0, 10.0], [2.0, 20.0]], [[3.0, 30.0], [4.0, 40.0]]])
    assert layer.gradients(error)["weight"].tolist() == [[2, 20], [0, 0], [8, 80]]


@pytest.mark.parametrize("word", [3, -1])
def test_a_word_that_is_not_in_the_table_is_refused(word: int) -> None:
    with pytest.raises(IndexError, match=str(word)):
        manual.Embedding(np.zeros((3, 2))).forward(np.array([0, word]))


def test_words_have_no_gradient() -> None:
    with pytest.raises(TypeError, match="words have no gradient; expected an embedding to be the first layer"):
        manual.Embedding(np.zeros((3, 2))).backward(np.zeros((1, 2)))
