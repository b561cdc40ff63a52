"""Recorded runs: the commands `record`, `replay`, `diff`, `info` and `verify`."""

from argparse import Namespace
from typing import Any

from ..problem.problem import Problem
from ..support.errors import ProblemError
from ..support.output import Writing, printable, write_file
from ..traces.manifest import Manifest
from ..traces.trace import Trace
from .check import attempt_of, report_check
from .common import CheckInterrupt, again, check_report, data_options, problem_of


def record(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Train one side, and record the run as a trace."""
    problem = problem_of(options)
    return record_run(options, problem, options.epochs * problem.steps_per_epoch, options.side, check_interrupt)


def record_run(options: Namespace, problem: Any, steps: int, side: Any, check_interrupt: CheckInterrupt) -> str:
    """Train that side of any problem for that many steps, and record the run as the options say."""
    from ..report.console import progress_bar
    from ..traces.record import record as recorded

    with progress_bar(steps, lambda: None) as advance:

        def progress(step: int) -> None:
            try:
                check_interrupt()
            except KeyboardInterrupt:
                raise KeyboardInterrupt(f"{options.out} keeps the run up to step {step}, and the same command goes on from there") from None
            advance(step)

        trace = recorded(
            problem,
            options.out,
            steps=steps,
            side=side,
            device=options.device,
            stages=options.stages,
            keep_inputs=not options.hash_inputs,
            data=data_options(options),
            progress=progress,
        )
    _print_about(trace, options.json)
    return "equivalent"


def info(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Print what a trace holds."""
    _print_about(_trace(options.trace, options.data), options.json)
    return "equivalent"


def verify(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Check every part of a trace against its manifest, and print that it is as it was written."""
    trace = _trace(options.trace, options.data)
    trace.verify()
    verified = f"VERIFIED: {len(trace.manifest.parts)} parts, {trace.manifest.recorded} steps, each as it was written"
    _print_about(trace, options.json, verified)
    return "equivalent"


def replay(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Compare an attempt with a recorded run, and report."""
    from ..traces.replay import replay as replay_attempt

    check_report(options)
    trace, keep = _trace(options.trace, options.data), options.report is not None
    checked = replay_attempt(trace, attempt_of(options), adapter=options.adapter, keep=keep)
    return report_check(options, checked, again(options))


def diff(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Compare two recorded runs, and report."""
    from ..report.json import as_text
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
            print(as_text(difference_as_object(comparison, actual, expected)))
        elif options.quiet:
            print(comparison.explanation())
        else:
            print_difference(comparison, actual, expected, again(options), options.report)
    return comparison.verdict


def _trace(folder: str, data: str | None) -> Trace:
    """Return the trace in that folder; the file `data` has the inputs where it holds only their digest, else they must be equal."""
    trace = Trace(folder, inputs=lambda manifest: _read_anew(manifest, data))
    if data is not None and trace.manifest.has_inputs:
        trace.check_inputs(_read_anew(trace.manifest, data))
    return trace


def _read_anew(manifest: Manifest, path: str | None) -> Problem:
    """Read the inputs of a run that has only their digest, from the file at the path or where they were, and return a problem with them."""
    from ..problem.from_csv import table_problem
    from ..problem.lesson import lesson_problem
    from ..problem.pieces import LOSSES

    source, problem = manifest.data, manifest.problem
    loss = str(problem.get("loss"))
    options: dict[str, Any] = {"hidden": (), "loss": loss, "activations": LOSSES[loss].output, "dtype": problem.get("dtype")}
    options |= {name: source.get(name) for name in ("split_seed", "standardize")}
    path = path or source.get("data")
    if source.get("target") is None:
        return lesson_problem(path, **options)
    if path is None:
        raise ProblemError("the trace does not say where its inputs were read from; expected --data with the file")
    options |= {name: source[name] for name in ("features", "drop", "missing") if name in source}
    return table_problem(path, source["target"], **options)


def _print_about(trace: Trace, as_json: bool, *last: str) -> None:
    from ..report.json import as_text
    from ..report.traces import about, about_object

    with Writing():
        print(as_text(about_object(trace)) if as_json else "\n".join([*map(printable, about(trace)), *last]))
