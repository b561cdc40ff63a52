"""Probes: the same from the same seed, different steps, no dead unit."""

import numpy as np
import pytest

from compare.diagnosis.graph import Run, Step
from compare.diagnosis.probes import FAR, FAR_OUTPUT, Probe, dead_units, draw_probes
from compare.problem.from_dict import declared_problem


def test_a_seed_draws_the_same_probes_again_and_another_others() -> None:
    problem = declared_problem({"sizes": (4, 5, 2), "activations": "relu", "bias": True})
    first, again, other = draw_probes(problem, 3), draw_probes(problem, 3), draw_probes(problem, 4)
    np.testing.assert_array_equal(first[0].batches[0][0], again[0].batches[0][0])
    np.testing.assert_array_equal(first[1].parameters["0.weight"], again[1].parameters["0.weight"])
    assert not np.array_equal(first[0].batches[0][0], other[0].batches[0][0])


def test_steps_differ_in_records_and_learning_rate_and_relu_stands_at_zero_once() -> None:
    problem = declared_problem({"sizes": (4, 5, 2), "activations": ("relu", "identity"), "bias": True, "loss": "mse"})
    first, second, third = draw_probes(problem, 0)
    assert len({len(x) for x, _ in first.batches}) > 1
    assert len(set(first.lrs)) > 1
    assert all((x == 0).all(axis=1).any() for x, _ in second.batches)
    assert not second.parameters["0.bias"].any()
    run = Run(problem, [Step(*third.batches[0], 0.1, third.parameters)])
    assert [np.abs(run("z", 0, layer).value).max() for layer in (1, 2)] == pytest.approx([FAR, FAR_OUTPUT])


def test_a_dead_unit_is_noticed() -> None:
    problem = declared_problem({"sizes": (3, 2, 1), "activations": ("relu", "identity"), "bias": True, "loss": "mse"})
    probe = draw_probes(problem, 0)[0]
    assert not dead_units(problem, [probe])
    dead = Probe(probe.batches, probe.lrs, {**probe.parameters, "0.bias": np.array([0.0, -100.0])})
    assert dead_units(problem, [dead]) == [(1, 2)]


def test_records_of_the_data_are_taken_where_they_are_given() -> None:
    problem = declared_problem({"sizes": (2, 2, 1)})
    x, y = np.arange(40.0).reshape(20, 2), np.linspace(0, 1, 20)[:, None]
    rows = {tuple(row) for row in x}
    assert all(tuple(row) in rows for probe in draw_probes(problem, 0, (x, y))[:1] for batch in probe.batches for row in batch[0])
