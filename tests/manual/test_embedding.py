"""Embedding of words and places by hand: beside PyTorch's own, and against central differences and complex steps."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import manual
from tests.manual.beside import RECORDS, Case, few, trainings


@st.composite
def cases(draw: st.DrawFn, records: int = 8) -> Case:
    """An embedding of a few words, most of which come more than once, alone or before a linear layer."""
    words, units, is_alone = draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.booleans())

    def build(package: Any, array: Any) -> Any:
        table = package.Embedding(array(words, units))
        later = (package.Flatten(), package.Linear(array(3, 4 * units), array(3)))
        return table if is_alone else package.Sequential(package.Sequential(table), *later)

    shape = tuple(draw(st.lists(st.integers(1, 4), max_size=2))) if is_alone else (4,)
    return Case(build, (draw(st.integers(1, records)), *shape), draw(st.integers(0, 2**32 - 1)), words)


@few
@given(case=cases(RECORDS), training=trainings())
def test_it_trains_as_pytorchs(case: Case, training: dict[str, Any]) -> None:
    case.held_to_pytorch(**training)


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


@st.composite
def tied(draw: st.DrawFn, records: int) -> Case:
    """A table at both ends of a network that adds places, in sequences that may be shorter than its table of these."""
    words, units, places, extra = draw(st.integers(2, 5)), draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(0, 2))
    has_bias = draw(st.booleans())

    def build(package: Any, array: Any) -> Any:
        inner = (package.PositionalEmbedding(array(places + extra, units)), package.Linear(array(units, units)))
        return package.TiedEmbedding(package.Embedding(array(words, units)), package.Sequential(*inner), array(words) if has_bias else None)

    return Case(build, (draw(st.integers(1, records)), places), draw(st.integers(0, 2**32 - 1)), words)


@few
@given(case=tied(RECORDS), training=trainings())
def test_a_tied_one_trains_as_pytorchs(case: Case, training: dict[str, Any]) -> None:
    case.held_to_pytorch(**training)


@given(case=tied(records=4))
def test_the_gradient_of_a_tied_one_is_the_slope(case: Case) -> None:
    case.held_to_complex_steps()
    case.held_to_slopes()


def small(package: Any, array: Any) -> Any:
    inner = package.Sequential(package.PositionalEmbedding(array(4, 2)), package.Linear(array(2, 2)))
    return package.TiedEmbedding(package.Embedding(array(5, 2)), inner, array(5))


SMALL = Case(small, (3, 4), words=5)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "plant",
    [("", "bias"), ("embedding", "weight"), ("layer", "input"), ("layer", "0.weight"), ("layer.0", "input"), ("layer.1", "weight")],
)
def test_a_fault_in_a_tied_one_is_found(plant: tuple[str, str]) -> None:
    assert SMALL.compared(plant, steps=1).verdict == "different"


@pytest.mark.parametrize("forgotten", ["embedding", "output"])
def test_one_use_of_the_table_forgotten_is_different(forgotten: str) -> None:
    def build(package: Any, array: Any) -> Any:
        layer = small(package, array)
        if package is manual:
            part = getattr(layer, forgotten)
            gradients = part.gradients
            part.gradients = lambda error: gradients(error) | {"weight": np.zeros((5, 2))}
        return layer

    found = Case(build, (3, 4), words=5).compared(steps=1).first_divergence
    assert found is not None
    assert (found.phase, found.tensor) == ("grads", "embedding.weight")


def test_a_tied_table_is_one_parameter_under_its_first_name() -> None:
    layer = SMALL.layer()
    names = ["bias", "embedding.weight", "layer.0.weight", "layer.1.weight"]
    assert list(layer.parameters()) == list(layer.entries()) == names
    assert list(layer.gradients(layer.forward(SMALL.inputs(0)))) == names
    with pytest.raises(TypeError, match="words have no gradient"):
        layer.backward(np.zeros((3, 4, 5)))


def test_in_evaluation_what_is_inside_is_too() -> None:
    layer = manual.TiedEmbedding(manual.Embedding(np.eye(3)), manual.Dropout(0.5, np.random.default_rng(0)))
    np.testing.assert_array_equal(layer.predict(np.array([[0, 2]])), [[[1, 0, 0], [0, 0, 1]]])


def test_places_that_no_sequence_has_get_no_gradient_and_more_are_refused() -> None:
    layer = manual.PositionalEmbedding(np.zeros((3, 2)))
    layer.forward(np.ones((4, 2, 2)))
    assert layer.gradients(np.ones((4, 2, 2)))["weight"].tolist() == [[4, 4], [4, 4], [0, 0]]
    with pytest.raises(ValueError, match="a has 4 places; expected at most 3"):
        layer.forward(np.ones((1, 4, 2)))
