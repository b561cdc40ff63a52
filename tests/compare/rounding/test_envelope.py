"""The envelope of a step, and the screen that lies below it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare import Problem, TorchRef
from compare.lockstep.carried import initial_state, shown_state
from compare.rounding.block import Block, tensors_by_key
from compare.rounding.envelope import decay, envelope, screen
from compare.sides.interface import StepRecord
from compare.support.arrays import Array
from tests.compare.problems import DTYPES, problems


def block_of(problem: Problem, steps: list[int], before: dict[str, Array], drift: dict[str, Array], expected: StepRecord) -> Block:
    """A block of those steps, stacked, in which both sides show the same."""
    batches = [problem.batch(step) for step in steps]
    masks = {index: np.array([batch[2][index] for batch in batches]) for index in (batches[0][2] if problem.dropout else ())}
    x, y = (np.array([batch[i] for batch in batches]) for i in (0, 1))
    return Block(np.array(steps), x, y, masks, before, drift, {}, decay(problem), expected, expected)


@given(problem=problems(), spread=st.sampled_from([0.0, 1e-12, 1e-3]), steps=st.integers(1, 3))
def test_the_screen_clears_nothing_that_the_envelope_refuses(problem: Problem, spread: float, steps: int) -> None:
    """Elementwise, each bound of the screen is at most the envelope's, whatever gaps the two sides enter with."""
    side = TorchRef(problem, stages=True)
    side.load_state_dict({**problem.initial_parameters, **problem.initial_buffers()})
    carried = initial_state(problem)
    generator = np.random.default_rng(0)
    for step in range(1, steps + 1):
        expected = side.steps([problem.batch(step)])
        drift = {name: (array * spread * generator.random(array.shape))[None] for name, array in carried.items()}
        block = block_of(problem, [step], {name: array[None] for name, array in carried.items()}, drift, expected)
        bounds = tensors_by_key(envelope(problem, block))
        with np.errstate(all="ignore"):
            floors = screen(problem, block)
            assert expected.deltas is not None
            assert floors.deltas is not None
            cleared = {name: array + 0.99 * floors.deltas[name].astype(array.dtype) for name, array in expected.deltas.items()}
            apart = replace(block, actual=replace(expected, deltas=cleared))
            for key, floor in [*tensors_by_key(floors).items(), *tensors_by_key(screen(problem, apart)).items()]:
                assert (floor <= bounds[key] * (1 + 1e-9)).all() or not np.isfinite(bounds[key]).all(), key
        carried = {name: array[0] for name, array in shown_state(expected).items()}


def test_steps_stacked_have_the_envelopes_of_the_steps_alone() -> None:
    problem = Problem.draw((4, 3, 2), activations=("relu", "tanh"), bias=True, records=(5, 5), lr=0.3, optimizer="adam", dropout=0.5)
    carried = {name: np.stack([array, array * 1.5]) for name, array in initial_state(problem).items()}
    drift = {name: array * 1e-9 for name, array in carried.items()}
    together = envelope(problem, block_of(problem, [1, 2], carried, drift, StepRecord()))
    for i in range(2):
        of_one = [{name: array[i : i + 1] for name, array in arrays.items()} for arrays in (carried, drift)]
        alone = envelope(problem, block_of(problem, [i + 1], *of_one, StepRecord()))
        for key, bound in tensors_by_key(alone).items():
            np.testing.assert_allclose(tensors_by_key(together)[key][i], bound[0], rtol=1e-9)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_envelope_of_the_lesson_is_far_below_any_mistake(dtype: str) -> None:
    """Its bound on a gradient is near the unit roundoff, not near the gradient."""
    problem = Problem.draw((6, 2, 1), records=(360,), dtype=dtype)
    before = {name: array[None] for name, array in problem.initial_parameters.items()}
    x, y = problem.batches[0]
    bounds = envelope(problem, block_of(problem, [1], before, {name: 0 * array for name, array in before.items()}, StepRecord()))
    assert bounds.grads is not None
    side = TorchRef(problem)
    side.load_state_dict(problem.initial_parameters)
    grads = side.step(x, y).grads
    assert grads is not None
    for name, bound in bounds.grads.items():
        assert bound.max() < 2e4 * np.finfo(dtype).eps * np.abs(grads[name]).max()
