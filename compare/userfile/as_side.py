"""An attempt as an `Implementation`: its own train_step, or its gradients with the problem's plain descent."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..problem.problem import Problem
from ..sides.interface import StepRecord
from ..support.arrays import Array
from .conventions import NEW_PARAMETERS, Convention
from .interface import Candidate
from .line_trace import Assignment


class Attempted:
    """An attempt on a problem, by the convention that its arrays follow.

    Its arguments are float64, whatever the problem's precision, to which its answers are converted. What it raises is passed on, and so is
    ContractError for an answer that cannot be read.
    """

    def __init__(self, attempt: Candidate, problem: Problem, convention: Convention) -> None:
        self.attempt, self.problem, self.convention = attempt, problem, convention
        self.params: dict[str, Array] = {}
        self._in_place: Any = None      # the parameters of an attempt that changes them, which gets the same arrays at each step

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        """Copy these parameters, and start afresh."""
        self.attempt = self.attempt.fresh()
        self.params, self._in_place = {name: np.array(params[name]) for name in self.problem.shapes()}, None

    def step(self, x: Array, y: Array, masks: Mapping[str, Array] | None = None) -> StepRecord:
        """Make one step of training on inputs x (n, in) and targets y, (n, k) or class indices (n,); `masks` are dropout's."""
        convention, problem = self.convention, self.problem
        x, y = _float64(x), _float64(y)
        last = [convention.masks_in([masks[layer.dropout] for layer in problem.layers if layer.dropout])] if masks else []
        own = self._own_parameters() if self._in_place is None else self._in_place
        if "train_step" in self.attempt.functions:
            answer = self.attempt.call("train_step", own, convention.records_in(x), convention.records_in(y), problem.lr, *last)
            if answer is None:
                answer = own
                self._in_place = own if problem.dtype == "float64" else None      # else they have to be rounded
            self.params = self._parameters(answer, NEW_PARAMETERS)
            return StepRecord(params=self.params)
        if "forward" in self.attempt.functions:      # it may capture state that gradients reads
            self.attempt.call("forward", self._own_parameters(), convention.records_in(x), *last)
        answer = self.attempt.call("gradients", own, convention.records_in(x), convention.records_in(y), *last)
        grads = self._parameters(answer, "the gradients")
        deltas = {name: -problem.lr * grad for name, grad in grads.items()}
        self.params = {name: array + deltas[name] for name, array in self.params.items()}
        return StepRecord(grads=grads, deltas=deltas, params=self.params)

    def _own_parameters(self) -> Any:
        """Copy the parameters into the attempt's layout."""
        return self.convention.parameters_in(self.problem, {name: _float64(array) for name, array in self.params.items()})

    def _parameters(self, answer: Any, what: str) -> dict[str, Array]:
        found = self.convention.parameters_out(self.problem, answer, what)
        return {name: array.astype(self.problem.dtype, copy=False) for name, array in found.items()}

    def predict(self, x: Array) -> Array:
        """Return the output (n, k) for inputs x (n, in)."""
        answer = self.attempt.call("forward", self._own_parameters(), self.convention.records_in(_float64(x)))
        return self.convention.records_out(answer, (len(x), self.problem.sizes[-1]), "the output").astype(self.problem.dtype, copy=False)


def can_train(attempt: Candidate, problem: Problem) -> bool:
    """Return whether the attempt can make steps of training on that problem."""
    is_plain = problem.optimizer == "sgd" and problem.is_plain_descent
    return "train_step" in attempt.functions or ("gradients" in attempt.functions and is_plain)


def _float64(array: Array) -> Array:
    """Return numbers of any precision as float64, and class indices unchanged."""
    return array.astype(np.float64, copy=False) if array.dtype.kind == "f" else array


class Traced:
    """An attempt whose calls are followed line by line; `assignments` are those of its own file."""

    def __init__(self, attempt: Candidate) -> None:
        self.attempt = attempt
        self.assignments: list[Assignment] = []

    @property
    def functions(self) -> Sequence[str]:
        """The functions of the attempt."""
        return self.attempt.functions

    def takes(self, function: str) -> int:
        """Return how many arguments the attempt's function takes; 0 where that is not known."""
        return self.attempt.takes(function)

    def call(self, function: str, *args: Any) -> Any:
        """Return the answer, and record what the file's own lines assigned meanwhile."""
        answer, assignments = self.attempt.traced_call(function, *args)
        self.assignments += [each for each in assignments if each.path == self.attempt.path]
        return answer
