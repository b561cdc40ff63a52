"""Networks in plain NumPy, in many forms, beside PyTorch's modules: honest ones are equivalent, and the smallest planted fault is not."""

import pytest

from tests.compare.numpy_networks.networks import NETWORKS
from tests.compare.numpy_networks.runs import drawn, drawn_run
from tests.compare.numpy_networks.trainer import MEANS

FAULTY = {
    "convolutional": ("conv1.weight", "conv2.weight", "linear.weight"),
    "attention": ("tokens.weight", "places", "blocks.0.attention.qkv.weight", "blocks.0.norm2.weight", "blocks.0.down.weight"),
    "recurrent": ("rnn.weight_ih_l0", "rnn.weight_hh_l0", "head.bias"),
    "normalising": ("conv.weight", "norm1.weight", "norm2.weight", "head.weight"),
}
IN_ERROR, IN_UPDATE = ({"mean": MEANS.index(where)} for where in ("error", "update"))      # where 1/N goes


@pytest.mark.sampled(3)
@pytest.mark.seeds(12)
@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_honest_trainer_is_equivalent(kind: str, dtype: str, seed: int) -> None:
    run = drawn(seed, kind=kind, dtype=dtype, steps=4)
    comparison = run.compared()
    assert comparison.verdict == "equivalent", f"{run}\n{comparison.explanation()}"
    assert comparison.steps == 4


@pytest.mark.slow
def test_what_is_not_shown_of_a_gradient_that_is_rounding_alone_is_no_difference() -> None:
    """Softmax makes the gradient of the keys' bias 0, but for rounding; adam divides it by its own root, which is not shown."""
    run = drawn(584)
    assert run.kind == "attention"
    assert not run.trainer.shows_state
    comparison = run.compared()
    assert comparison.verdict == "equivalent", comparison.explanation()


@pytest.mark.sampled(11)
@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in FAULTY.items() for name in names])
def test_a_fault_is_found_where_it_is(kind: str, name: str) -> None:
    run = drawn(7, kind=kind, dtype="float64", steps=3, ways=IN_ERROR)
    run.trainer.faults, run.trainer.fault_at = {name: 1 - 1e-9}, 2
    found = run.compared().first_divergence
    assert found is not None
    assert (found.step, found.phase, found.tensor) == (2, "grads", name)


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_fault_that_is_not_shown_is_found_in_the_step(kind: str) -> None:
    """Where 1/N goes into the update, the gradients have another convention and are not shown."""
    name = FAULTY[kind][-1]
    given = {"update": "momentum", "decay": 0.0, "shows_state": False, "shows_deltas": True, "ways": IN_UPDATE}
    run = drawn(8, kind=kind, dtype="float64", steps=2, **given)
    run.trainer.faults = {name: 1 - 1e-9}
    found = run.compared().first_divergence
    assert found is not None
    assert (found.step, found.phase, found.tensor) == (1, "deltas", name)


def test_a_drawn_run_is_the_same_again() -> None:
    first, again = drawn_run(6), drawn_run(6)
    assert (first.steps, first.compared, first.worst) == (again.steps, again.compared, again.worst)
