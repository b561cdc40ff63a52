"""Negative controls: mistakes planted in a backward pass are each found at the right step, phase and tensor."""

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compare import Problem, StepRecord, TorchRef, train_in_lockstep
from compare.support.arrays import Array

pytestmark = pytest.mark.sampled(4)

# A trainer as people write them. Each mistake below is an edit of its text.
TRAINER = """
    W1, b1, W2, b2 = params["0.weight"], params["0.bias"], params["2.weight"], params["2.bias"]
    z1 = x @ W1.T + b1
    h = np.tanh(z1)
    z2 = h @ W2.T + b2
    output = 1 / (1 + np.exp(-z2))
    error = output - y
    loss = np.sum(error ** 2) / (2 * y.size)
    delta2 = error * output * (1 - output) / y.size
    back = delta2 @ W2
    delta1 = back * (1 - h * h)
    dW2 = delta2.T @ h
    db2 = delta2.sum(axis=0)
    dW1 = delta1.T @ x
    db1 = delta1.sum(axis=0)
    step2, step1 = -lr * dW2, -lr * dW1
    step_b2, step_b1 = -lr * db2, -lr * db1
    after = {"0.weight": W1 + step1, "0.bias": b1 + step_b1, "2.weight": W2 + step2, "2.bias": b2 + step_b2}
"""

# name: (the line as it should be, as it is, phase and tensor with stages shown, phase and tensor without)
MISTAKES = {
    "slope at the output left out": ("delta2 = error * output * (1 - output)", "delta2 = error", "errors 2", "grads 2.bias"),
    "slope taken of the activation": ("(1 - output) /", "(1 - 1 / (1 + np.exp(-output))) /", "errors 2", "grads 2.bias"),
    "sign of the error": ("delta2 = error", "delta2 = -error", "errors 2", "grads 2.bias"),
    "mean over records left out": ("/ y.size\n    back", "/ y.shape[1]\n    back", "errors 2", "grads 2.bias"),
    "mean over one record too many": ("/ y.size\n    back", "/ (y.size + y.shape[1])\n    back", "errors 2", "grads 2.bias"),
    "slope at the hidden layer left out": ("delta1 = back * (1 - h * h)", "delta1 = back", "errors 0", "grads 0.bias"),
    "sigmoid's slope for tanh's": ("(1 - h * h)", "(h * (1 - h))", "errors 0", "grads 0.bias"),
    "raw error sent back": ("back = delta2 @", "back = error / y.size @", "errors 0", "grads 0.bias"),
    "updated weights used on the way back": ("@ W2\n", "@ (W2 - lr * delta2.T @ h)\n", "errors 0", "grads 0.bias"),
    "batch summed before the product": ("delta1 = back *", "delta1 = back.mean(axis=0) *", "errors 0", "grads 0.bias"),
    "float32 in the middle": ("h = np.tanh(z1)", "h = np.tanh(z1.astype('float32')).astype('float64')", "activations 1", "output output"),
    "last record only": ("dW2 = delta2.T @ h", "dW2 = delta2[-1:].T @ h[-1:]", "grads 2.weight", "grads 2.weight"),
    "first record dropped": ("dW1 = delta1.T @ x", "dW1 = delta1[1:].T @ x[1:]", "grads 0.weight", "grads 0.weight"),
    "input before the activation": ("delta2.T @ h", "delta2.T @ z1", "grads 2.weight", "grads 2.weight"),
    "mean for sum in a bias": ("db2 = delta2.sum(axis=0)", "db2 = delta2.mean(axis=0)", "grads 2.bias", "grads 2.bias"),
    "a bias never updated": ("-lr * db1", "0 * db1", "deltas 0.bias", "deltas 0.bias"),
    "learning rate twice": ("step2, step1 = -lr * dW2", "step2, step1 = -lr * lr * dW2", "deltas 2.weight", "deltas 2.weight"),
    "the delta subtracted": ("W1 + step1", "W1 - step1", "params 0.weight", "params 0.weight"),
    "half of the loss lost": ("/ (2 * y.size)", "/ y.size", "loss loss", "loss loss"),
    "one weight's gradient off by 1e-11": ("delta1.T @ x", "delta1.T @ x * (1 + 1e-11 * (np.arange(3) == 2))", *["grads 0.weight"] * 2),
}


def compiled(text: str) -> Any:
    names: dict[str, Any] = {"np": np}
    exec("def step(params, x, y, lr):" + text + "    return locals()", names)
    return names["step"]


class Trainer:
    """The text above, run; from step `since` on with one of its lines edited."""

    def __init__(self, problem: Problem, line: str, edited: str, since: int, stages: bool) -> None:
        assert TRAINER.count(line) == 1, line
        self.right, self.wrong = compiled(TRAINER), compiled(TRAINER.replace(line, edited))
        self.problem, self.since, self.stages, self.taken = problem, since, stages, 0

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        self.params = dict(params)

    def step(self, x: Array, y: Array) -> StepRecord:
        self.taken += 1
        v = (self.wrong if self.taken >= self.since else self.right)(self.params, x, y, self.problem.lr)
        self.params = v["after"]
        return StepRecord(
            activations={"1": v["h"], "3": v["output"]} if self.stages else None,
            output=v["output"],
            loss=v["loss"],
            errors={"0": v["delta1"], "2": v["delta2"]} if self.stages else None,
            grads={"0.weight": v["dW1"], "0.bias": v["db1"], "2.weight": v["dW2"], "2.bias": v["db2"]},
            deltas={"0.weight": v["step1"], "0.bias": v["step_b1"], "2.weight": v["step2"], "2.bias": v["step_b2"]},
            params=v["after"],
        )

    def predict(self, x: Array) -> Array:
        output: Array = self.right(self.params, x, np.zeros((len(x), self.problem.sizes[-1])), 0)["output"]
        return output


@pytest.fixture(scope="module")
def problem() -> Problem:
    return Problem.draw((3, 4, 2), activations=("tanh", "sigmoid"), bias=True, lr=0.3, records=(9, 7, 8), seed=5)


@pytest.mark.sampled(11)
@pytest.mark.parametrize("mode", ["free", "follow"])
@pytest.mark.parametrize("stages", [True, False])
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_found_where_it_is(problem: Problem, name: str, stages: bool, mode: Any) -> None:
    line, edited, with_stages, without = MISTAKES[name]
    for since in (1, 57):
        trainer = Trainer(problem, line, edited, since, stages)
        comparison = train_in_lockstep(trainer, TorchRef(problem, stages=stages), problem, steps=60, mode=mode)
        found = comparison.first_divergence
        assert found is not None
        assert (found.step, f"{found.phase} {found.tensor}") == (since, with_stages if stages else without)


def test_the_trainer_is_equivalent_as_it_stands(problem: Problem) -> None:
    line = "h = np.tanh(z1)"
    for stages in (True, False):
        trainer = Trainer(problem, line, line, 1, stages)
        comparison = train_in_lockstep(trainer, TorchRef(problem, stages=stages), problem, steps=60)
        assert comparison.verdict == "equivalent", comparison.explanation()


def by_key(record: StepRecord) -> dict[tuple[str, str], Array]:
    return {(phase, tensor): array for phase, tensor, array in record.tensors()}


class Nudged:
    """PyTorch's own records, with one number of one step changed after the fact."""

    def __init__(self, problem: Problem, step: int, key: tuple[str, str], index: tuple[int, ...], value: float) -> None:
        self.side = TorchRef(problem, stages=True)
        self.number, self.key, self.index, self.value, self.taken = step, key, index, value, 0

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        self.side.load_state_dict(params)

    def step(self, x: Array, y: Array) -> StepRecord:
        record = self.side.step(x, y)
        self.taken += 1
        if self.taken == self.number:
            by_key(record)[self.key][self.index] = self.value
        return record

    def predict(self, x: Array) -> Array:
        return self.side.predict(x)


@settings(max_examples=4 * settings.default.max_examples // 3)      # 80 in the slow lane
@given(choice=st.data(), dtype=st.sampled_from(["float64", "float32"]), step=st.integers(1, 5), up=st.booleans())
def test_one_element_beyond_what_rounding_allows_is_found(choice: Any, dtype: str, step: int, up: bool) -> None:
    """And the same element well within it is not. What is allowed is sampled anew, so that it is not the same to the last digit."""
    problem = Problem.draw((3, 4, 2), activations=("tanh", "sigmoid"), bias=True, lr=0.3, dtype=dtype)
    kept = train_in_lockstep(TorchRef(problem, stages=True), TorchRef(problem, stages=True), problem, steps=5, keep={step}).kept[step]
    key, expected = choice.draw(st.sampled_from(list(by_key(kept.expected).items())))
    index = choice.draw(st.sampled_from(list(np.ndindex(expected.shape))))
    allowed = by_key(kept.allowed)[key][index]
    ulp = np.spacing(np.maximum(np.abs(expected[index]), np.asarray(allowed, dtype)))
    sign = 1 if up else -1

    beyond = float(expected[index] + sign * ((4 if step <= 2 else 40) * allowed + 3 * ulp))      # a later step's is at half strength
    found = train_in_lockstep(
        Nudged(problem, step, key, index, beyond), TorchRef(problem, stages=True), problem, steps=5
    ).first_divergence
    assert found is not None
    assert (found.step, (found.phase, found.tensor), found.index) == (step, key, index)

    within = float(expected[index] + sign * max(allowed / 4 - 3 * ulp, 0))
    side = Nudged(problem, step, key, index, within)
    assert train_in_lockstep(side, TorchRef(problem, stages=True), problem, steps=step).verdict == "equivalent"


def test_the_explanation_says_all_that_is_known(problem: Problem) -> None:
    line, edited, *_ = MISTAKES["slope at the hidden layer left out"]
    comparison = train_in_lockstep(Trainer(problem, line, edited, 3, True), TorchRef(problem, stages=True), problem, steps=4)
    found = comparison.first_divergence
    assert found is not None
    assert comparison.explanation(method=False) == textwrap.dedent(f"""\
        different: first at step 3, errors 0, index {list(found.index or ())}
          actual      {found.actual!r}
          expected    {found.expected!r}
          difference  {found.difference:.3g}, {found.ulps:.3g} ulp
          allowed     {found.allowed:.3g} by rounding; {found.share:.3g} times that
          agreed before it: every number of 2 steps, activations 1, activations 3, output, loss, errors 2""")
