"""Runs that are kept: `record`, `replay`, `diff`, `info` and `verify`."""

import json
from argparse import Namespace
from collections.abc import Iterable, Mapping
from typing import Any

from ..problem.problem import Problem
from ..support.errors import ProblemError
from ..support.output import Writing, printable, write_file
from ..traces.manifest import Manifest
from ..traces.trace import Trace
from .check import report_check
from .common import CheckInterrupt, again, check_report, problem_of

_OF_DATA = ("data", "target", "split_seed", "standardize")


def record(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Train one side as told, and keep the run."""
    from ..report.terminal import progress_bar
    from ..traces.record import record as record_run

    problem = problem_of(options)
    steps = options.epochs * problem.steps_per_epoch
    with progress_bar(steps) as advance:

        def progress(step: int) -> None:
            try:
                check_interrupt()
            except KeyboardInterrupt:
                raise KeyboardInterrupt(f"{options.out} keeps the run up to step {step}, and the same command goes on from there") from None
            advance(step)

        trace = record_run(
            problem,
            options.out,
            steps=steps,
            side=options.side,
            device=options.device,
            stages=options.stages,
            keep_inputs=not options.hash_inputs,
            data={name: getattr(options, name) for name in _OF_DATA},
            progress=progress,
        )
    _print_about(trace, options.json)
    return "equivalent"


def info(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Say what a trace keeps."""
    _print_about(_trace(options.trace, options.data), options.json)
    return "equivalent"


def verify(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Read every part of a trace, and say that it is as it was written."""
    trace = _trace(options.trace, options.data)
    trace.verify()
    kept = trace.manifest
    _print_about(trace, options.json, [f"VERIFIED: {len(kept.parts)} parts, {kept.recorded} steps, each as it was written"])
    return "equivalent"


def replay(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Hold an attempt against a recorded run, and report."""
    from ..report.words import hinted
    from ..traces.replay import replay as replay_attempt
    from ..userfile.program import TIMEOUT, Program

    check_report(options)
    checked = replay_attempt(
        _trace(options.trace, options.data),
        options.file if options.program is None else Program(options.program, options.timeout or TIMEOUT),
        adapter=options.adapter,
        keep=options.report is not None,
    )
    checked, hint = hinted(checked, options.hint)
    report_check(options, checked, hint, again(options))
    return checked.verdict


def diff(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Compare two recorded runs, and report."""
    from ..report.traces import difference_as_object, print_difference
    from ..traces.replay import differences

    check_report(options)
    actual, expected = (_trace(folder, options.data) for folder in (options.actual, options.expected))
    comparison = differences(actual, expected, keep=options.report is not None)
    if options.report is not None:
        from ..report.html import comparison_page

        sides = (options.actual, options.expected)
        write_file(options.report, comparison_page(comparison, sides=sides, command=again(options)))
    with Writing():
        if options.json:
            _print_json(difference_as_object(comparison, actual, expected))
        elif options.quiet:
            print(comparison.explanation())
        else:
            print_difference(comparison, actual, expected, again(options), options.report)
    return comparison.verdict


def _trace(folder: str, data: str | None) -> Trace:
    """The trace in that folder; `data` holds the inputs of one that has their digest alone, and those of any other are held against it."""
    trace = Trace(folder, inputs=lambda manifest: _read_anew(manifest, data))
    if data is not None and trace.manifest.has_inputs:
        trace.check_inputs(_read_anew(trace.manifest, data))
    return trace


def _read_anew(manifest: Manifest, path: str | None) -> Problem:
    """A problem with the inputs of a run that keeps their digest alone, from the file at the path, or where they were."""
    from ..problem.from_csv import table_problem
    from ..problem.lesson import lesson_problem
    from ..problem.pieces import LOSSES

    said, problem = manifest.data, manifest.problem
    loss = str(problem.get("loss"))
    options: dict[str, Any] = {"hidden": (), "loss": loss, "activations": LOSSES[loss].output, "dtype": problem.get("dtype")}
    options |= {name: said.get(name) for name in ("split_seed", "standardize")}
    path = path or said.get("data")
    if said.get("target") is None:
        return lesson_problem(path, **options)
    if path is None:
        raise ProblemError("the trace does not say where its inputs were read from; expected --data with the file")
    return table_problem(path, said["target"], **options)


def _print_about(trace: Trace, as_json: bool, last: Iterable[str] = ()) -> None:
    from ..report.traces import about, about_object

    with Writing():
        if as_json:
            _print_json(about_object(trace))
        else:
            print("\n".join([*map(printable, about(trace)), *last]))


def _print_json(found: Mapping[str, Any]) -> None:
    from ..report.json import jsonable

    print(json.dumps(jsonable(found), indent=2, allow_nan=False, ensure_ascii=False))
