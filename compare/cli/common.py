"""What several commands share: the problem that the options say, reports, and the command that repeats a run."""

import shlex
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import Any

from ..problem.lesson import lesson_problem
from ..problem.problem import Problem
from ..support.errors import ProblemError
from ..support.output import check_writable
from . import arguments

_OF_NETWORK = ("hidden", "bias", "normalization", "dropout", "loss", "reduction", "optimizer", "lr", "seed", "dtype")
_OF_BATCHES = ("batch_size", "drop_last", "accumulate", "split_seed", "standardize")
_OF_DATA = ("data", "target", "split_seed", "standardize")
_OF_COLUMNS = ("features", "drop", "missing")
CheckInterrupt = Callable[[], None]


def problem_of(options: Namespace) -> Problem:
    """Return the problem that the options say."""
    from ..problem.from_csv import table_problem

    asked: dict[str, Any] = {name: getattr(options, name) for name in (*_OF_NETWORK, *_OF_BATCHES)}
    asked |= {"activations": arguments.activations(options), "optimizer_options": arguments.optimizer_options(options)}
    columns = {name: getattr(options, name) for name in _OF_COLUMNS if getattr(options, name) is not None}
    if options.target is None and columns:
        raise ProblemError(f"--{next(iter(columns))} is given without --target; expected the column of --data that is to be learned")
    if options.target is None:
        return lesson_problem(options.data, **asked)
    if options.data is None:
        raise ProblemError(f"--target {options.target} is given without --data; expected a CSV with that column")
    return table_problem(options.data, options.target, **asked, **columns, say=_note)


def _note(text: str) -> None:
    """Say on standard error what was done with the data, so that a report of any form is left as it is."""
    print(f"backprop-compare: {text}", file=sys.stderr)


def data_options(options: Namespace) -> dict[str, Any]:
    """Return the options that say which data is read, and how."""
    chosen = {name: getattr(options, name) for name in _OF_COLUMNS if getattr(options, name) is not None}
    return {name: getattr(options, name) for name in _OF_DATA} | chosen


def check_report(options: Namespace) -> None:
    """Raise before the run, and not after it, if a report cannot be made or written."""
    if options.report is not None:
        from ..report.html import check_installed

        check_installed()
        check_writable(options.report)
    if getattr(options, "junitxml", None) is not None:
        check_writable(options.junitxml)


def option_words(flags: Mapping[str, Any]) -> list[str]:
    """Return the words that set these options of `check`, by their names; None and False are left out."""
    words: list[str] = []
    for name, value in flags.items():
        if value is None or value is False:
            continue
        text = ",".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
        words += [f"--{'activation' if name == 'activations' else name.replace('_', '-')}", *([] if value is True else [text])]
    return words


def again(options: Namespace) -> str:
    """Return the command line without the options that say how to report."""
    words, command = iter(options.argv), ["backprop-compare"]
    for word in words:
        if word == "--report":
            next(words, None)
        elif word not in ("--json", "--quiet", "--verbose") and not word.startswith("--report="):
            command.append(word)
    return shlex.join(command)
