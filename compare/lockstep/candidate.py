"""A candidate beside a module, as it runs: its random numbers are seeded, and what its own code raises is a ProblemError."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.utils._pytree import tree_map

from ..problem.of_module import ModuleProblem
from ..sides.interface import STAGES, Implementation, OfModule, StepRecord, abilities_of
from ..support.arrays import Array
from ..support.errors import CompareError, ProblemError
from .numbers import PARTIAL, Record, as_arrays


class Running:
    """A candidate that makes the problem's steps."""

    def __init__(self, side: Implementation, problem: ModuleProblem) -> None:
        self.side, self.problem, self.is_module = side, problem, isinstance(side, OfModule)
        # the phases in which it may show what the reference does not have, as its submodules may be others
        self.others = PARTIAL if self.is_module else STAGES if abilities_of(side).own_stages else ()

    def start(self, params: Mapping[str, Array]) -> None:
        """Load these parameters and buffers."""
        with _raised("load_state_dict"):
            self.side.load_state_dict(params)

    def step(self, number: int) -> StepRecord:
        """Make the step of that number on its batch."""
        batch = self.problem.batch(number) if self.is_module else tree_map(_copied, self.problem.batch(number))
        with _raised(f"step {number}"):
            if self.is_module or not abilities_of(self.side).draws:
                return self.side.step(*batch)
            with torch.random.fork_rng([]):
                torch.manual_seed(self.problem.seed_of(number))
                return self.side.step(*batch)

    def evaluation(self, batch: Any) -> Record:
        """Return the outputs of the batch in evaluation; raises NotImplementedError if the candidate predicts nothing."""
        if isinstance(self.side, OfModule):
            return as_arrays(self.side.evaluation(batch))
        with _raised("predict", NotImplementedError):
            inputs = tree_map(_copied, batch[:-1] if self.problem.has_target else batch)
            return {("prediction", "prediction"): np.array(self.side.predict(*inputs))}


def _copied(entry: Any) -> Any:
    """Return a copy of an array, read-only as it is: what a candidate does to it does not reach the reference."""
    if not isinstance(entry, np.ndarray):
        return entry
    own = entry.copy()
    own.setflags(write=entry.flags.writeable)
    return own


@contextmanager
def _raised(what: str, passed: type[Exception] = CompareError) -> Iterator[None]:
    """Raise ProblemError for what the candidate's code raises, unless it is one of ours, or passed on."""
    try:
        yield
    except (CompareError, passed):
        raise
    except (Exception, SystemExit) as error:
        said = (str(error).splitlines() or [""])[0]
        raise ProblemError(f"{what} of the candidate raised {type(error).__name__}: {said}") from error
