"""What several commands are told: the problem, where to report, and how to repeat it."""

import shlex
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from ..problem.lesson import lesson_problem
from ..problem.problem import Problem
from ..support.errors import ProblemError
from ..support.output import check_writable
from . import arguments

PROBLEM_OPTIONS = (
    "hidden",
    "bias",
    "normalization",
    "dropout",
    "loss",
    "reduction",
    "optimizer",
    "lr",
    "batch_size",
    "drop_last",
    "accumulate",
    "seed",
    "split_seed",
    "standardize",
    "dtype",
)
CheckInterrupt = Callable[[], None]


def problem_of(options: Namespace) -> Problem:
    """The network and its data, as told."""
    from ..problem.from_csv import table_problem

    asked: dict[str, Any] = {name: getattr(options, name) for name in PROBLEM_OPTIONS}
    asked |= {"activations": arguments.activations(options), "optimizer_options": arguments.optimizer_options(options)}
    if options.target is None:
        return lesson_problem(options.data, **asked)
    if options.data is None:
        raise ProblemError(f"--target {options.target} is given without --data; expected a CSV with that column")
    return table_problem(options.data, options.target, **asked)


def check_report(options: Namespace) -> None:
    """Raise at once, and not after the run, where a report cannot be made or written."""
    if options.report is not None:
        from ..report.html import check_installed

        check_installed()
        check_writable(options.report)
    if getattr(options, "junitxml", None) is not None:
        check_writable(options.junitxml)


def again(options: Namespace) -> str:
    """The command without what says how to report."""
    words: list[str] = []
    skips_next = False
    for word in options.argv:
        if not skips_next and word not in ("--json", "--quiet", "--report") and not word.startswith("--report="):
            words.append(word)
        skips_next = word == "--report"
    return shlex.join(["backprop-compare", *words])
