"""Two implementations of one network, trained in lockstep and compared at every step down to rounding.

Names are imported when they are first used, and so is what imports them: `import compare` loads neither NumPy nor torch.
"""

from .support import __version__ as __version__

TYPE_CHECKING = False      # as `typing` has it, which takes longer to import than the help to print
if TYPE_CHECKING:
    from typing import Any

    from .checking.check import check
    from .checking.result import Check
    from .lockstep.difference import Difference
    from .lockstep.loop import train_in_lockstep
    from .lockstep.result import Comparison
    from .parts.result import PartsCheck
    from .problem.lesson import lesson_problem
    from .problem.problem import Problem
    from .sides.by_hand import ByHand
    from .sides.interface import Implementation, StepRecord
    from .sides.manual import Manual
    from .sides.torch_ref import TorchRef
    from .support.errors import CompareError, NotEquivalentError, ProblemError
    from .testing.assertions import assert_equivalent, assert_same_gradients
    from .traces.record import record
    from .traces.replay import differences, replay
    from .traces.trace import Trace
    from .userfile.program import Program

__all__ = [
    "ByHand",
    "Check",
    "CompareError",
    "Comparison",
    "Difference",
    "Implementation",
    "Manual",
    "NotEquivalentError",
    "PartsCheck",
    "Problem",
    "ProblemError",
    "Program",
    "StepRecord",
    "TorchRef",
    "Trace",
    "assert_equivalent",
    "assert_same_gradients",
    "check",
    "differences",
    "lesson_problem",
    "record",
    "replay",
    "train_in_lockstep",
]

_HOMES = {
    "ByHand": "sides.by_hand",
    "Check": "checking.result",
    "CompareError": "support.errors",
    "Comparison": "lockstep.result",
    "Difference": "lockstep.difference",
    "Implementation": "sides.interface",
    "Manual": "sides.manual",
    "NotEquivalentError": "support.errors",
    "PartsCheck": "parts.result",
    "Problem": "problem.problem",
    "ProblemError": "support.errors",
    "Program": "userfile.program",
    "StepRecord": "sides.interface",
    "TorchRef": "sides.torch_ref",
    "Trace": "traces.trace",
    "assert_equivalent": "testing.assertions",
    "assert_same_gradients": "testing.assertions",
    "check": "checking.check",
    "differences": "traces.replay",
    "lesson_problem": "problem.lesson",
    "record": "traces.record",
    "replay": "traces.replay",
    "train_in_lockstep": "lockstep.loop",
}


if not TYPE_CHECKING:      # to a type checker there are the names above, and no others

    def __getattr__(name: str) -> "Any":
        if name not in _HOMES:
            raise AttributeError(f"module 'compare' has no attribute {name!r}")
        from importlib import import_module

        value = globals()[name] = getattr(import_module(f".{_HOMES[name]}", __name__), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
