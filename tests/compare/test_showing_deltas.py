"""Sides that show deltas and no parameters: what a step started from is worked out, and a wrong record is not taken for drift."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import manual
from compare import Comparison, Manual, Problem, ProblemError, StepRecord, TorchRef, train_in_lockstep
from compare.sides.interface import InBlocks
from compare.support.arrays import Array, Batch
from tests.compare.problems import drawn_problem

SHOWN = ("activations", "output", "loss", "errors", "deltas")
SMALL, LARGE, HUGE = (6, 4, 2), (400, 100, 2), (1200, 400, 2)


def run(problem: Problem, steps: int, show: tuple[str, ...] = SHOWN, actual: Any = None) -> Comparison:
    side = actual if actual is not None else Manual(problem, show=show)
    return train_in_lockstep(side, TorchRef(problem, show=show), problem, steps=steps)


class Partly(Manual):
    """Moves the weights by less than the deltas that it shows."""

    def __init__(self, problem: Problem, part: float, show: tuple[str, ...]) -> None:
        super().__init__(problem, show=show)
        inner = self.optimizer

        class Optimizer(manual.SGD):
            def step(self, network: manual.Network, grads: Mapping[str, Array]) -> dict[str, Array]:
                deltas = inner.step(network, grads)
                for name, array in network.parameters().items():
                    array -= (1 - part) * deltas[name]
                return deltas

        self._fresh_optimizer = lambda: Optimizer(problem.lr)  # type: ignore[method-assign]
        self.optimizer = self._fresh_optimizer()


@pytest.mark.parametrize("sizes", [SMALL, LARGE, HUGE])
@pytest.mark.parametrize("part", [0.0, 0.9, 0.999999, 1.1])
def test_weights_that_do_not_move_by_the_deltas_shown_are_different(sizes: tuple[int, ...], part: float) -> None:
    problem = Problem.draw(sizes, records=(16,), lr=0.5, bias=True)
    show = ("activations", "errors", "deltas")
    assert run(problem, 5, show, Partly(problem, part, show)).verdict == "different"
    at_once = run(problem, 1, show, Partly(problem, part, show))
    assert at_once.first_divergence is not None
    assert at_once.first_divergence.phase == "params"
    assert "have not moved by the deltas" in at_once.explanation()
    assert run(problem, 5, show, Partly(problem, 1.0, show)).verdict == "equivalent"


PLAIN = {"optimizer": "sgd", "optimizer_options": {}, "accumulate": 1, "dropout": 0.0, "normalization": None, "dtype": "float32"}


@pytest.mark.parametrize(
    "problem",
    [
        Problem.draw((1, 2, 1), records=(2,), activations="identity", bias=True, loss="mse", lr=0.3),
        *(drawn_problem(seed, **PLAIN) for seed in range(60)),
    ],
)
def test_honest_sides_fare_as_they_do_with_their_parameters_shown(problem: Problem) -> None:
    shown = run(problem, 12, (*SHOWN, "params"))
    if shown.followed_from is None:
        assert run(problem, 12).verdict == shown.verdict
    else:
        with pytest.raises(ProblemError, match=r"drifted so far apart .* params are not shown; expected them"):
            run(problem, 12)


def test_what_looking_back_rounds_is_no_difference() -> None:
    """A large network's deltas may be larger than its weights: then the start of a step is known too badly, and that is said."""
    with pytest.raises(ProblemError, match="drifted so far apart"):
        run(Problem.draw(HUGE, records=(16,), lr=1e6, activations="relu"), 3)
    assert run(Problem.draw(HUGE, records=(16,), lr=20.0, activations="relu"), 3).verdict == "equivalent"
    assert run(Problem.draw(LARGE, records=(16,), lr=1e6, activations="relu"), 3).verdict == "equivalent"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_run_that_overflows_is_blamed_on_the_step_where_it_does(dtype: str) -> None:
    problem = Problem.draw(SMALL, records=(16,), activations="identity", lr=30.0, dtype=dtype)
    found = [run(problem, 600, show).first_divergence for show in (SHOWN, (*SHOWN, "params"))]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].step == found[1].step > 1


class Nudged(Manual):
    """Its outputs of one step are off by almost as much as rounding allows, more than any other number on any machine."""

    done = 0

    def _step(self, *batch: Any) -> dict[str, Any]:
        shown = super()._step(*batch)
        self.done += 1
        if self.done == 350:
            shown["output"] = shown["output"] + 48 * np.spacing(shown["output"])
        return shown


def test_what_came_nearest_to_its_bound_does_not_depend_on_showing_parameters() -> None:
    problem = Problem.draw(SMALL, records=(16,), lr=5.0)
    shows = [("output", "grads", "deltas"), ("output", "grads", "deltas", "params")]
    worst = [run(problem, 600, show, Nudged(problem, show=show)).worst for show in shows]
    assert worst[0] is not None
    assert worst[1] is not None
    assert (worst[1].phase, worst[1].step) == ("output", 350)
    assert 0.6 < worst[0].share < 1
    assert worst[0] == worst[1]


@pytest.mark.parametrize("sizes", [SMALL, LARGE, HUGE])
def test_follow_mode_needs_parameters(sizes: tuple[int, ...]) -> None:
    problem = Problem.draw(sizes, records=(16,), lr=0.5)
    with pytest.raises(ProblemError, match="params are not shown after each step; expected them"):
        train_in_lockstep(Manual(problem, show=SHOWN), TorchRef(problem, show=SHOWN), problem, steps=3, mode="follow")


@pytest.mark.parametrize("show", [("grads",), ("output",), ("activations", "errors", "grads")])
def test_a_side_shows_parameters_or_deltas(show: tuple[str, ...]) -> None:
    with pytest.raises(ProblemError, match="neither params nor deltas are shown; expected either"):
        run(Problem.draw(SMALL), 2, show)


def test_a_side_that_cannot_be_asked_for_its_parameters_shows_them() -> None:
    class Mine(InBlocks):
        def __init__(self, problem: Problem) -> None:
            self.side = Manual(problem, show=("output", "deltas"))

        def load_state_dict(self, params: Mapping[str, Array]) -> None:
            self.side.load_state_dict(params)

        def step(self, x: Array, y: Array) -> StepRecord:
            return self.side.step(x, y)

        def steps(self, batches: Any, before: Any = None) -> StepRecord:
            return self.side.steps(batches, before)

        def predict(self, x: Array) -> Array:
            return self.side.predict(x)

        def checkpoint(self) -> Callable[[], None]:
            return self.side.checkpoint()

    problem = Problem.draw(SMALL)
    with pytest.raises(ProblemError, match="not shown after each step; expected"):
        run(problem, 3, actual=Mine(problem))


class SlopeAtZero(Manual):
    """A relu whose slope at an exact 0 is 1, not 0."""

    def steps(self, batches: list[Batch], before: Any = None) -> StepRecord:  # type: ignore[override]
        relu = manual.ACTIVATIONS["relu"]
        for layer in self.network.layers:
            if isinstance(layer, manual.Activate) and layer.activation.name == "relu":
                layer.activation = replace(relu, derivative=lambda z, a: (z >= 0).astype(z.dtype))
        return super().steps(batches, before)


def test_a_relu_at_an_exact_0_is_in_no_doubt() -> None:
    weights = dict(Problem.draw(LARGE).initial_parameters)
    weights["0.weight"] = weights["0.weight"].copy()
    weights["0.weight"][17] = 0
    problem = Problem.draw(LARGE, records=(16,), activations=("relu", "identity"), lr=0.01, initial_parameters=weights)
    found = run(problem, 3, actual=SlopeAtZero(problem, show=SHOWN)).first_divergence
    assert found is not None
    assert (found.step, found.phase, found.tensor, found.index and found.index[0]) == (1, "deltas", "0.weight", 17)
