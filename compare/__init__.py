"""Two implementations of one network, trained in lockstep and compared at every step down to rounding.

Names are imported when they are first used, and so is what imports them: `import compare` loads neither NumPy nor torch.
"""

TYPE_CHECKING = False      # as `typing` has it, which takes longer to import than the help to print
if TYPE_CHECKING:
    from typing import Any

    from compare.adapters.manual import Manual
    from compare.adapters.program import Program
    from compare.adapters.torch_ref import TorchRef
    from compare.assertions import assert_equivalent
    from compare.checking import check
    from compare.comparison import Comparison, Difference
    from compare.errors import CompareError, NotEquivalentError, ProblemError
    from compare.implementation import Implementation, StepRecord
    from compare.lesson import lesson_problem
    from compare.lockstep import train_in_lockstep
    from compare.problem import Problem
    from compare.recording import record
    from compare.replaying import differences, replay
    from compare.traces.trace import Trace
    from compare.verdict import Check

__all__ = [
    "Check",
    "CompareError",
    "Comparison",
    "Difference",
    "Implementation",
    "Manual",
    "NotEquivalentError",
    "Problem",
    "ProblemError",
    "Program",
    "StepRecord",
    "TorchRef",
    "Trace",
    "assert_equivalent",
    "check",
    "differences",
    "lesson_problem",
    "record",
    "replay",
    "train_in_lockstep",
]

_HOMES = {
    "Check": "verdict",
    "CompareError": "errors",
    "Comparison": "comparison",
    "Difference": "comparison",
    "Implementation": "implementation",
    "Manual": "adapters.manual",
    "NotEquivalentError": "errors",
    "Problem": "problem",
    "ProblemError": "errors",
    "Program": "adapters.program",
    "StepRecord": "implementation",
    "TorchRef": "adapters.torch_ref",
    "Trace": "traces.trace",
    "assert_equivalent": "assertions",
    "check": "checking",
    "differences": "replaying",
    "lesson_problem": "lesson",
    "record": "recording",
    "replay": "replaying",
    "train_in_lockstep": "lockstep",
}


def __getattr__(name: str) -> "Any":
    if name not in _HOMES:
        raise AttributeError(f"module 'compare' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"compare.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
