"""An attempt as an `Implementation`: its own train_step, or its gradients with the problem's plain descent."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..problem.problem import Problem
from ..sides.interface import StepRecord
from ..support.arrays import Array
from .conventions import Convention
from .interface import Candidate
from .line_trace import Assignment


class Attempted:
    """An attempt on a problem, by the convention of its arrays that fits.

    It is given float64, whatever the problem's precision, in which its answers are then taken. What it raises, and a ContractError for an
    answer that cannot be read, are let through.
    """

    def __init__(self, attempt: Candidate, problem: Problem, convention: Convention) -> None:
        self.attempt, self.problem, self.convention = attempt, problem, convention
        self.params: dict[str, Array] = {}

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        """Take over these parameters, and start afresh."""
        self.attempt = self.attempt.fresh()
        self.params = {name: np.array(params[name]) for name in self.problem.shapes()}

    def step(self, x: Array, y: Array, masks: Mapping[str, Array] | None = None) -> StepRecord:
        """One step of training on inputs x (n, in) and targets y, (n, k) or class indices (n,); `masks` are dropout's."""
        convention, problem = self.convention, self.problem
        x, y = _float64(x), _float64(y)
        last = [convention.masks_in([masks[layer.dropout] for layer in problem.layers if layer.dropout])] if masks else []
        given = self._given()
        if "train_step" in self.attempt.functions:
            answer = self.attempt.call("train_step", given, convention.records_in(x), convention.records_in(y), problem.lr, *last)
            self.params = self._parameters(given if answer is None else answer, "the new parameters")
            return StepRecord(params=self.params)
        if "forward" in self.attempt.functions:      # which may keep what the way back needs
            self.attempt.call("forward", self._given(), convention.records_in(x), *last)
        answer = self.attempt.call("gradients", given, convention.records_in(x), convention.records_in(y), *last)
        grads = self._parameters(answer, "the gradients")
        deltas = {name: -problem.lr * grad for name, grad in grads.items()}
        self.params = {name: array + deltas[name] for name, array in self.params.items()}
        return StepRecord(grads=grads, deltas=deltas, params=self.params)

    def _given(self) -> Any:
        """The parameters, as the attempt takes them."""
        return self.convention.parameters_in(self.problem, {name: _float64(array) for name, array in self.params.items()})

    def _parameters(self, answer: Any, what: str) -> dict[str, Array]:
        found = self.convention.parameters_out(self.problem, answer, what)
        return {name: array.astype(self.problem.dtype, copy=False) for name, array in found.items()}

    def predict(self, x: Array) -> Array:
        """The output (n, k) for inputs x (n, in)."""
        answer = self.attempt.call("forward", self._given(), self.convention.records_in(_float64(x)))
        return self.convention.records_out(answer, (len(x), self.problem.sizes[-1]), "the output").astype(self.problem.dtype, copy=False)


def can_train(attempt: Candidate, problem: Problem) -> bool:
    """Whether it makes steps of training on that problem."""
    return "train_step" in attempt.functions or (
        "gradients" in attempt.functions and problem.optimizer == "sgd" and problem.is_plain_descent
    )


def _float64(array: Array) -> Array:
    """The array as an attempt is given it, of whatever precision; class indices stay."""
    return array.astype(np.float64, copy=False) if array.dtype.kind == "f" else array


class Traced:
    """An attempt whose calls are followed line by line."""

    def __init__(self, attempt: Candidate) -> None:
        self.attempt = attempt
        self.assignments: list[Assignment] = []

    @property
    def functions(self) -> Sequence[str]:
        """Those of the attempt."""
        return self.attempt.functions

    def takes(self, function: str) -> int:
        """As the attempt's does."""
        return self.attempt.takes(function)

    def call(self, function: str, *args: Any) -> Any:
        """The answer; what the file's own lines assigned on the way is kept."""
        answer, assignments = self.attempt.traced_call(function, *args)
        self.assignments += [each for each in assignments if each.path == self.attempt.path]
        return answer
