"""An attempt as an `Implementation`: its own train_step, or its gradients with the problem's plain descent."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from compare.adapters.assignments import Assignment
from compare.adapters.candidate import Candidate
from compare.adapters.readings import Reading
from compare.implementation import Array, StepRecord
from compare.problem import Problem


class Attempted:
    """An attempt on a problem, by the reading of its arrays that fits.

    What it raises, and a ContractError for an answer that cannot be read, are let through.
    """

    def __init__(self, attempt: Candidate, problem: Problem, reading: Reading) -> None:
        self.attempt, self.problem, self.reading = attempt, problem, reading
        self.params: dict[str, Array] = {}

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        """Take over these parameters, and start afresh."""
        self.attempt = self.attempt.fresh()
        self.params = {name: np.array(params[name]) for name in self.problem.shapes()}

    def step(self, x: Array, y: Array, masks: Mapping[str, Array] | None = None) -> StepRecord:
        """One step of training on inputs x (n, in) and targets y, (n, k) or class indices (n,); `masks` are dropout's."""
        reading, problem = self.reading, self.problem
        last = [reading.masks_in([masks[layer.dropout] for layer in problem.layers if layer.dropout])] if masks else []
        given = reading.parameters_in(problem, self.params)
        if "train_step" in self.attempt.functions:
            answer = self.attempt.call("train_step", given, reading.records_in(x), reading.records_in(y), problem.lr, *last)
            self.params = reading.parameters_out(problem, given if answer is None else answer, "the new parameters")
            return StepRecord(params=self.params)
        if "forward" in self.attempt.functions:      # which may keep what the way back needs
            self.attempt.call("forward", reading.parameters_in(problem, self.params), reading.records_in(x), *last)
        answer = self.attempt.call("gradients", given, reading.records_in(x), reading.records_in(y), *last)
        grads = reading.parameters_out(problem, answer, "the gradients")
        deltas = {name: -problem.lr * grad for name, grad in grads.items()}
        self.params = {name: array + deltas[name] for name, array in self.params.items()}
        return StepRecord(grads=grads, deltas=deltas, params=self.params)

    def predict(self, x: Array) -> Array:
        """The output (n, k) for inputs x (n, in)."""
        answer = self.attempt.call("forward", self.reading.parameters_in(self.problem, self.params), self.reading.records_in(x))
        return self.reading.records_out(answer, (len(x), self.problem.sizes[-1]), "the output")


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
