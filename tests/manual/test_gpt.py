"""A small GPT by hand, of two blocks: beside PyTorch's, and by complex steps."""

from typing import Any

import pytest

from tests.manual.beside import LONG, Case


def gpt(seed: int, *, places: int = 6, units: int = 4, heads: int = 2, words: int = 5, n: int = 4, is_tied: bool = False) -> Case:
    """Words and places, two blocks with their norms before attention and before the network of each place, a norm, and the scores."""

    def build(package: Any, array: Any) -> Any:
        def linear(n_out: int, n_in: int) -> Any:
            return package.Linear(array(n_out, n_in) / n_in**0.5, array(n_out))

        def norm() -> Any:
            return package.LayerNorm(1 + array(units) / 8, array(units))

        def block() -> list[Any]:
            weight, bias = array(3 * units, units) / units**0.5, array(3 * units)
            attention = package.MultiheadAttention(heads, weight, bias, linear(units, units), causal=True)
            gelu = package.Activate(package.ACTIVATIONS["gelu"])
            network = package.Sequential(norm(), linear(2 * units, units), gelu, linear(units, 2 * units))
            return [package.Residual(package.Sequential(norm(), attention)), package.Residual(network)]

        embedding = package.Embedding(array(words, units))
        inner = [package.PositionalEmbedding(array(places, units)), *block(), *block(), norm()]
        if is_tied:
            return package.TiedEmbedding(embedding, package.Sequential(*inner))
        return package.Sequential(embedding, *inner, linear(words, units))

    return Case(build, (n, places), seed, words)


@pytest.mark.seeds(12)
@pytest.mark.sampled(5)
@pytest.mark.parametrize(("dtype", "mode"), [("float64", "free"), ("float32", "follow")])
def test_it_trains_as_pytorchs(dtype: str, mode: str, seed: int) -> None:
    """Every second one has one table at both ends."""
    options: dict[str, Any] = {"optimizer": "adamw", "optimizer_options": {}, "lr": 0.01}
    gpt(seed, n=4 + 4 * seed, is_tied=seed % 2 == 1).held_to_pytorch(dtype, steps=LONG, mode=mode, **options)


@pytest.mark.parametrize("is_tied", [False, True])
def test_its_backward_pass_gives_the_slopes_to_the_last_digits(is_tied: bool) -> None:
    gpt(0, places=3, n=2, is_tied=is_tied).held_to_complex_steps()


BEFORE = {      # by layer, whose output it makes the error at
    "2": "1", "2.layer": "1", "2.layer.0": "1", "2.layer.1": "2.layer.0", "3.layer.0": "2", "3.layer.1": "3.layer.0",
    "3.layer.2": "3.layer.1", "4.layer.0": "3", "4.layer.1": "4.layer.0", "5.layer": "4", "6": "5", "7": "6",
}


@pytest.mark.sampled(6)
@pytest.mark.parametrize("path", BEFORE)
def test_a_fault_on_the_way_back_is_found_in_its_layer(path: str) -> None:
    first = gpt(0).compared((path, "input"), steps=1).first_divergence
    assert first is not None
    assert (first.phase, first.tensor) == ("errors", BEFORE[path])
