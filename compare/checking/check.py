"""Check an attempt: is it equal to PyTorch, and if not, where does it part, and which mistake explains it?"""

import gc
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from ..parts.result import PartsCheck
from ..problem.arrays import checked_batch
from ..problem.from_dict import declared_problem
from ..problem.problem import Problem
from ..problem.validation import check_seed, is_whole
from ..support.arrays import Batch
from ..support.boundary import public
from ..support.errors import ProblemError
from ..support.kinds import kind_of
from ..support.threads import one_blas_thread
from ..userfile.file import Attempt, AttemptError
from ..userfile.in_memory import Functions
from ..userfile.interface import Candidate, Recognised
from ..userfile.program import Program
from ..userfile.shapes import RECOGNISED
from ..userfile.shapes.definitions import offers_contract
from .examination import Examination
from .recognition import check_recognised
from .result import Check

STEPS = 50
SHAPE = ("class", "weights", "biases", "step", "forward")      # what can be said of a file's shape
_FRAMES = 60      # stack frames per layer; some twenty are needed


@public
def check(
    attempt: Any,
    *,
    adapter: str | PathLike[str] | None = None,
    shape: Mapping[str, str] | None = None,
    problem: Mapping[str, Any] | None = None,
    seed: int | None = None,
    steps: int = STEPS,
    data: Batch | None = None,
    keep: bool = False,
) -> Check | PartsCheck:
    """Check a file of hand-written functions against PyTorch on probes, and then over `steps` steps of training in lockstep.

        check("my_network.py").verdict

    In place of the path, `attempt` may be functions: a module, a mapping of their names, an object that has them, or one of them; or a
    `Program` in any language. A file without the contract's functions is searched for a network; `shape` says names that it has, by the
    keys of SHAPE. A file without a network, or with the name of such a shape as `adapter`, is checked part by part: a PartsCheck has the
    same fields, and `parts`. The network is that of `problem`, a dict with the keys of the JSON's `problem`, or of the file's own PROBLEM;
    by default it is the lesson's. Probes are drawn from `seed`, or with `data`, an (x, y), from its records. With `keep` the check has the
    numbers of every step, for a report. See docs/bring-your-own.md.

    Raises UnusableFileError for a file that cannot be used, ProblemError for invalid options, and for an object without any function.
    """
    if seed is not None:
        check_seed(seed)
    if not is_whole(steps, least=0):
        raise ProblemError(f"steps are {steps!r}; expected a whole number, at least 0")
    seed = secrets.randbelow(2**32) if seed is None else int(seed)

    def network(named: Mapping[str, str] | None = None) -> Check:
        return check_network(attempt, adapter, named or shape, problem, seed=seed, steps=steps, data=data, keep=keep)

    def parts(name: str) -> PartsCheck:
        return parts_of(Path(attempt), name, [*(problem or {}), *(["data"] if data is not None else [])], seed)

    if not isinstance(attempt, (str, PathLike)):
        return network()
    from .by_shape import by_shape, named_network, parts_of      # isort: skip - it loads torch

    if shape:
        return named_network(Path(attempt), shape, network)

    return by_shape(Path(attempt), None if adapter is None else fspath(adapter), network, parts)


def check_network(
    attempt: Any,
    adapter: str | PathLike[str] | None = None,
    shape: Mapping[str, str] | None = None,
    problem: Mapping[str, Any] | None = None,
    *,
    seed: int,
    steps: int = STEPS,
    data: Batch | None = None,
    keep: bool = False,
) -> Check:
    """Check the attempt as a network, as `check` does."""
    if not isinstance(attempt, Candidate):
        try:
            attempt = loaded(attempt, adapter, shape)
        except AttemptError as error:
            about = str(attempt), declared_problem(problem or {}), seed
            return Check("could not run", *about, reason=str(error), line=error.line, source=error.source)
    if isinstance(attempt, Recognised) and attempt.found:
        with one_blas_thread(True):
            return check_recognised(attempt, problem or {}, seed, steps, data, keep)
    agreed = declared_problem({**attempt.problem, **(problem or {})})
    try:
        records = None if data is None else _checked_data(data, agreed)
        if isinstance(attempt, Program):
            attempt.prepare(agreed)
        with _room_for(agreed), one_blas_thread(not agreed.is_large):
            return Examination(attempt, agreed, seed, steps, records, keep).result()
    finally:
        attempt.close()


def recognised_in(path: Path, shape: Mapping[str, str]) -> Attempt:
    """Return the file with the network that is found in it, of which `shape` says some names; raises UnusableFileError without one."""
    if not isinstance(shape, Mapping) or not all(isinstance(value, str) for value in shape.values()):
        raise ProblemError(f"shape is {shape!r}; expected names by some of {', '.join(SHAPE)}, as {{'class': 'NN', 'weights': 'wih,who'}}")
    unknown = [name for name in shape if name not in SHAPE]
    if unknown:
        raise ProblemError(f"shape has {', '.join(map(repr, unknown))}; expected some of {', '.join(SHAPE)}")
    return Attempt.load(path, RECOGNISED, shape)


def _checked_data(data: Any, problem: Problem) -> Batch:
    """Return the records as arrays that the problem takes; raises ProblemError."""
    if not (isinstance(data, (tuple, list)) and len(data) == 2):
        what = "'lesson', a word of the command line" if isinstance(data, str) and data == "lesson" else kind_of(data)
        raise ProblemError(f"data is {what}; expected a pair (x, y) of arrays")
    return checked_batch("data", data, problem.sizes, problem.loss, problem.dtype)


@contextmanager
def _room_for(problem: Problem) -> Iterator[None]:
    """Raise the recursion limit, as each stage is computed recursively from the one before it, and run the garbage collector less often.

    A check makes many objects and few cycles, and each pass of the collector visits all objects of torch.
    """
    limit, (first, *others) = sys.getrecursionlimit(), gc.get_threshold()
    sys.setrecursionlimit(limit + _FRAMES * len(problem.layers))
    gc.set_threshold(first and max(first, 50_000), *others)
    try:
        yield
    finally:
        gc.set_threshold(first, *others)
        sys.setrecursionlimit(limit)


def loaded(attempt: Any, adapter: str | PathLike[str] | None, shape: Mapping[str, str] | None = None) -> Attempt:
    """Load the file at that path, or wrap the functions; raises ProblemError for an adapter or a shape without a path."""
    if isinstance(attempt, (str, PathLike)):
        path = Path(fspath(attempt))
        if shape:
            return recognised_in(path, shape)
        if adapter is None and path.is_file() and not offers_contract(path):
            return recognised_in(path, {})
        return Attempt.load(fspath(attempt), None if adapter is None else fspath(adapter))
    if adapter is not None:
        raise ProblemError(f"an adapter is given with {kind_of(attempt)}; expected the path of the file that it adapts")
    if shape:
        raise ProblemError(f"a shape is given with {kind_of(attempt)}; expected the path of the file that has it")
    return Functions(attempt)
