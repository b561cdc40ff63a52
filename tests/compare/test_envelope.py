"""The envelope of a step, and the screen that lies below it."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare import Problem, TorchRef
from compare.envelope import envelope, screen
from compare.judge import tensors_by_key
from compare.rounding import ACTIVATIONS, LOSSES

DTYPES = ("float64", "float32")


@st.composite
def problems(draw: Any) -> Problem:
    """Problems of one to three layers, any activations, any loss, both dtypes, also with large, tiny and repeated inputs."""
    sizes = tuple(draw(st.lists(st.integers(1, 6), min_size=2, max_size=4)))
    seed = draw(st.integers(0, 2**32 - 1))
    generator = np.random.default_rng(seed)
    scale = draw(st.sampled_from([1.0, 30.0, 1e-30]))
    batches = []
    for n in draw(st.lists(st.integers(1, 20), min_size=1, max_size=3)):
        x = generator.normal(size=(n, sizes[0])) * scale
        x[0] = draw(st.sampled_from([0.0, 1.0]))
        batches.append((x, generator.normal(size=(n, sizes[-1]))))
    return Problem(
        sizes=sizes,
        activations=tuple(draw(st.sampled_from(sorted(ACTIVATIONS))) for _ in sizes[1:]),
        bias=draw(st.booleans()),
        loss=draw(st.sampled_from(sorted(LOSSES))),
        lr=draw(st.sampled_from([0.5, 0.05, 1.0])),
        seed=seed,
        dtype=draw(st.sampled_from(DTYPES)),
        batches=tuple(batches),
    )


@given(problem=problems(), spread=st.sampled_from([0.0, 1e-12, 1e-3]))
def test_the_screen_clears_nothing_that_the_envelope_refuses(problem: Problem, spread: float) -> None:
    """Elementwise, each bound of the screen is at most the envelope's, whatever gaps the two sides enter with."""
    x, y = problem.batches[0]
    side = TorchRef(problem, stages=True)
    side.load_state_dict(problem.initial_parameters)
    expected = side.step(x, y)
    generator = np.random.default_rng(0)
    gaps = {name: np.abs(array) * spread * generator.random(array.shape) for name, array in problem.initial_parameters.items()}
    bounds = tensors_by_key(envelope(problem, x, y, problem.initial_parameters, gaps))
    for key, floor in tensors_by_key(screen(problem, expected)).items():
        assert (floor <= bounds[key]).all(), key


def test_steps_stacked_have_the_envelopes_of_the_steps_alone() -> None:
    problem = Problem.draw((4, 3, 2), activations=("relu", "tanh"), bias=True, records=(5, 5), lr=0.3)
    params = {name: np.stack([array, array * 1.5]) for name, array in problem.initial_parameters.items()}
    gaps = {name: np.abs(array) * 1e-9 for name, array in params.items()}
    (x0, y0), (x1, y1) = problem.batches
    together = envelope(problem, np.stack([x0, x1]), np.stack([y0, y1]), params, gaps)
    for i, (x, y) in enumerate(problem.batches):
        alone = envelope(problem, x, y, {n: a[i] for n, a in params.items()}, {n: a[i] for n, a in gaps.items()})
        for key, bound in tensors_by_key(alone).items():
            np.testing.assert_allclose(tensors_by_key(together)[key][i], bound, rtol=1e-9)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_envelope_of_the_lesson_is_far_below_any_mistake(dtype: str) -> None:
    """Its bound on a gradient is near the unit roundoff, not near the gradient."""
    problem = Problem.draw((6, 2, 1), records=(360,), dtype=dtype)
    gaps = {name: np.zeros_like(array) for name, array in problem.initial_parameters.items()}
    x, y = problem.batches[0]
    bounds = envelope(problem, x, y, problem.initial_parameters, gaps)
    assert bounds.grads is not None
    side = TorchRef(problem)
    side.load_state_dict(problem.initial_parameters)
    grads = side.step(x, y).grads
    assert grads is not None
    for name, bound in bounds.grads.items():
        assert bound.max() < 2e4 * np.finfo(dtype).eps * np.abs(grads[name]).max()
