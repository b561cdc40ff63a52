"""Checking one attempt: the command `check`, and the report of a check."""

import os
import shlex
import sys
from argparse import Namespace
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..problem.lesson import lesson_problem
from ..support.errors import ProblemError
from ..support.output import Writing, write_file
from . import arguments
from .common import CheckInterrupt, check_report, option_words

if TYPE_CHECKING:
    from ..report.checked import Checked


def check(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Check a user's file and report."""
    if options.watch:
        from .watch import watch_check

        return watch_check(options, check_interrupt)
    if options.reference is not None:
        return beside(options)
    from ..checking.check import STEPS
    from ..checking.check import check as check_file
    from ..parts.result import PartsCheck

    check_report(options)
    checked = check_file(
        attempt_of(options),
        adapter=options.adapter,
        shape=arguments.shape(options),
        problem=arguments.checked_problem(options),
        seed=options.probe_seed,
        steps=STEPS if options.steps is None else options.steps,
        data=lesson_problem().training_data() if options.probe_data == "lesson" else None,
        keep=options.report is not None,
    )
    if isinstance(checked, PartsCheck) and options.steps is not None:
        note = f"--steps {options.steps} changes nothing: no part is trained"
        checked = replace(checked, notes=(*checked.notes, note))
    return report_check(options, checked, _check_again(options, checked.seed))


def beside(options: Namespace) -> str:
    """Train what a user's file offers, or take a recorded run, beside any module, report, and return the verdict."""
    from ..lockstep.of_module import train_beside_module
    from ..lockstep.result import hardly_moved
    from ..traces.trace import Trace
    from ..userfile.candidate import offered, problem_in

    shape = {f"--{name}": value for name, value in arguments.shape(options).items()}
    taken = {"--adapter": options.adapter, **shape, "--report": options.report, "--hint": options.hint}
    taken |= {"--junitxml": options.junitxml, **{f"--{name}": True for name in arguments.checked_problem(options)}}
    wrong = [flag for flag, value in taken.items() if value is not None]
    if wrong:
        raise ProblemError(f"{', '.join(wrong)} cannot be given with --reference; expected what defines the problem in its function")
    is_trace = options.program is None and os.path.isdir(options.file)
    problem = problem_in(options.reference, None if is_trace else options.file)
    name = options.file or options.program
    with offered(Trace(options.file) if is_trace else attempt_of(options), problem) as candidate:
        comparison = train_beside_module(candidate, problem, steps=options.steps, names=options.names)
    verdict = "not a proof" if comparison.verdict == "equivalent" and comparison.unmoved else comparison.verdict
    with Writing():
        if options.json:
            from ..report.json import beside_json

            print(beside_json(comparison, name, options.reference))
        else:
            print(f"{name}: {verdict}" if options.quiet else f"{name}: {comparison.explanation()}")
            if verdict == "not a proof":
                print(f"  not a proof: {hardly_moved(comparison.unmoved)}")
    return verdict


def attempt_of(options: Namespace) -> Any:
    """Return the path of the file, or the program, that the options say to check."""
    from ..userfile.program import TIMEOUT, Program

    return options.file if options.program is None else Program(options.program, options.timeout or TIMEOUT)


def report_check(options: Namespace, checked: "Checked", command: str) -> str:
    """Write and print a check, with --hint only what the hint says, and return its verdict; `command` repeats it."""
    from ..report.checked import as_json, headline, hinted, page, print_checked

    checked, hint = hinted(checked, options.hint)
    if options.junitxml is not None:
        from ..report.ci import junit

        write_file(options.junitxml, junit(checked, hint))
    if options.report is not None:
        write_file(options.report, page(checked, command, hint))
    with Writing():
        if options.json:
            print(as_json(checked, hint))
        elif options.quiet:
            print(headline(checked))
        else:
            print_checked(checked, command, hint, options.report)
        if options.github or os.environ.get("GITHUB_ACTIONS") == "true":
            from ..report.ci import annotation

            print(annotation(checked, options.file or options.program, hint), file=sys.stderr if options.json else sys.stdout)
    return checked.verdict


def _check_again(options: Namespace, seed: int) -> str:
    """Return the command that checks the same attempt with the same probes."""
    flags = {"command": options.program, "timeout": options.timeout and f"{options.timeout:g}", "adapter": options.adapter or None}
    flags |= arguments.shape(options)
    flags |= arguments.checked_problem(options)
    flags |= {"data": "lesson" if options.probe_data == "lesson" else None, "steps": options.steps, "hint": options.hint, "seed": seed}
    return shlex.join(["backprop-compare", "check", *([options.file] if options.program is None else []), *option_words(flags)])
