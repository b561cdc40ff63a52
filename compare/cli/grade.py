"""Grading a folder of attempts: `grade`."""

import os
from argparse import Namespace
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from ..support.errors import ProblemError
from ..support.output import Writing
from . import arguments
from .common import CheckInterrupt, option_words

if TYPE_CHECKING:
    from ..grading.run import Workers


def grade(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Check every attempt of a folder, confined, and write the results."""
    from importlib.util import find_spec
    from pathlib import Path

    from ..grading.adapter import checked_adapter
    from ..grading.attempts import skipped
    from ..grading.one import Settings, check_size
    from ..grading.results import LINES, PAGE, TABLE
    from ..grading.run import grade as grade_folder
    from ..grading.score import WEIGHTS
    from ..problem.from_dict import LESSON, declared_problem
    from ..report.console import progress_bar
    from ..report.grades import grades_page, print_grades
    from ..sandbox.limits import Limits
    from ..sandbox.protections import check_protections
    from ..sandbox.temporary import run_folder
    from ..userfile.shapes import PARTS

    if options.unsafe_no_sandbox and options.confinement:
        said = "expected one of them, nothing confines the attempts without a sandbox"
        raise ProblemError(f"--confinement {options.confinement} is given with --unsafe-no-sandbox; {said}")
    with run_folder():
        shape = options.adapter if options.adapter in PARTS else None
        adapter = None if options.adapter is None or shape else checked_adapter(Path(options.adapter))
        problem = arguments.checked_problem(options)
        check_size(problem, "--sizes")
        declared_problem(problem)
        is_elsewhere = options.unsafe_no_sandbox or options.scheduler
        chosen = None if is_elsewhere else check_protections(confinement=options.confinement)
        out = Path(options.out)
        has_pages = find_spec("matplotlib") is not None and find_spec("jinja2") is not None
        common = {"adapter": options.adapter, "steps": options.steps, "hint": options.hint} | ({**LESSON, **problem} if problem else {})
        settings = Settings(
            seed=options.probe_seed,
            steps=options.steps,
            adapter=adapter,
            problem=problem,
            hint=options.hint,
            weights=tuple({**WEIGHTS, **(options.weights or {})}.items()),
            limits=Limits(answer=options.timeout),
            confined=not options.unsafe_no_sandbox,
            confinement=chosen.confinement if chosen else options.confinement or "bubblewrap",
            reports=has_pages and options.reports,
            folder=options.folder,
            repeat=tuple(option_words(common)),
            shape=shape,
        )
        with _workers(options, settings.limits.longest) as workers, progress_bar(1, check_interrupt, "attempts") as progress:
            folder, page = Path(options.folder), grades_page if has_pages else None
            lines = grade_folder(folder, out, settings, workers, options.shard, page, progress)
        with Writing():
            confined = "" if options.unsafe_no_sandbox else str(chosen or f"{settings.confinement} on each worker")
            print_grades(lines, confined, [out / LINES, out / TABLE, *([out / PAGE] if has_pages else [])], skipped(folder, out))
    return "equivalent"


def _workers(options: Namespace, longest: float) -> "AbstractContextManager[Workers]":
    """Return what runs the checks: processes of this machine, or the workers of a cluster."""
    if options.scheduler is None:
        from ..grading.local import Local

        return nullcontext(Local(options.jobs or os.cpu_count() or 1, longest))
    if options.jobs is not None:
        raise ProblemError(f"--jobs {options.jobs} is given with --scheduler; expected one of them, a cluster has the workers that it has")
    from ..grading.cluster import cluster

    return cluster(options.scheduler)
