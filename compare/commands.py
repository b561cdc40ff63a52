"""What each command does: train, example, check and plot; each reports, and gives its verdict.

`check_interrupt` is called on the way, and raises KeyboardInterrupt if there was one.
"""

import os
import shlex
import sys
from argparse import Namespace
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from compare import arguments
from compare.comparison import steps_to_keep
from compare.errors import ProblemError
from compare.lesson import example_problem, lesson_problem
from compare.output import Writing, check_writable, write_file
from compare.problem import Problem
from compare.training import Training, reported_epochs
from compare.training import train as train_both
from compare.verdict import Check

if TYPE_CHECKING:
    from compare.grading.run import Workers

FIRST_STEPS = 3
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


def train(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Train a network, by default the lesson's, on both sides and report."""
    check_report(options)
    problem = problem_of(options)
    last = options.epochs * problem.steps_per_epoch
    spaced = [(epoch + 1) * problem.steps_per_epoch for epoch in reported_epochs(options.epochs, options.every)]
    printed = set() if options.json or options.quiet else {*range(1, min(FIRST_STEPS, last) + 1), *spaced, last}
    keep = printed | set(steps_to_keep(problem, last) if options.report else ())
    training, device = _trained(options, problem, keep, check_interrupt)
    command = _training_again(options)
    if options.report:
        from compare.report.html import training_page

        write_file(options.report, training_page(training, device, command))
    with Writing():
        _report(options, training, device, printed, command)
    return training.comparison.verdict


def example(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Take the worked example's one step on both sides and report."""
    from compare.devices import checked_device

    check_report(options)
    problem = example_problem(options.dtype)
    device = checked_device(options.device)
    training = train_both(problem, epochs=1, device=device, keep=[1])
    command = _training_again(options)
    if options.report:
        from compare.report.html import training_page

        write_file(options.report, training_page(training, device, command))
    with Writing():
        _report(options, training, device, {1}, command)
    return training.comparison.verdict


def check(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Check a user's file and report."""
    from compare.adapters.program import TIMEOUT, Program
    from compare.checking import STEPS
    from compare.checking import check as check_file
    from compare.report.checked import hinted

    check_report(options)
    checked = check_file(
        options.file if options.program is None else Program(options.program, options.timeout or TIMEOUT),
        adapter=options.adapter,
        problem=arguments.checked_problem(options),
        seed=options.probe_seed,
        steps=STEPS if options.steps is None else options.steps,
        data=lesson_problem().training_data() if options.probe_data == "lesson" else None,
        keep=options.report is not None,
    )
    checked, given = hinted(checked, options.hint)
    report_check(options, checked, given, _check_again(options, checked.seed))
    return checked.verdict


def report_check(options: Namespace, checked: Check, given: Mapping[str, str], command: str) -> None:
    """Write and print a check, or as much of it as is `given` away; `command` repeats it."""
    if options.junitxml is not None:
        from compare.report.ci import junit

        write_file(options.junitxml, junit(checked, given))
    if options.report is not None:
        from compare.report.html import check_page

        write_file(options.report, check_page(checked, command, given))
    with Writing():
        if options.json:
            from compare.report.check_json import as_json

            print(as_json(checked, given))
        elif options.quiet:
            from compare.report.checked import headline

            print(headline(checked))
        else:
            from compare.report.check_terminal import print_check

            print_check(checked, command, given, options.report)
        if options.github or os.environ.get("GITHUB_ACTIONS") == "true":
            from compare.report.ci import annotation

            print(annotation(checked, options.file or options.program, given), file=sys.stderr if options.json else sys.stdout)


def plot(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Train as told, and draw one picture of it into a file."""
    from compare import plots
    from compare.report.picture import FORMATS, PICTURES, picture

    plots.matplotlib()
    form = os.path.splitext(options.file)[1].removeprefix(".").lower()
    if form not in FORMATS:
        raise ProblemError(f"{options.file} does not end in .{', .'.join(FORMATS)}; expected one of them, which says the picture's format")
    check_writable(options.file)
    problem = problem_of(options)
    last = options.epochs * problem.steps_per_epoch
    if options.step is not None and options.step > last:
        raise ProblemError(f"--step {options.step} is given, and there are {last}; expected one of them")
    keep = {*steps_to_keep(problem, last), *([options.step] if options.step else [])} if PICTURES[options.picture].needs_steps else set()
    training, _ = _trained(options, problem, keep, check_interrupt)
    write_file(options.file, picture(options.picture, training.comparison, form, options.step))
    with Writing():
        print(f"{options.file}: {PICTURES[options.picture].said}; {training.comparison.explanation().splitlines()[0]}")
    return training.comparison.verdict


def grade(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Check every attempt of a folder, confined, and write the results."""
    import secrets
    from importlib.util import find_spec
    from pathlib import Path

    from compare.grading.one import WEIGHTS, Settings
    from compare.grading.results import LINES, PAGE, TABLE
    from compare.grading.run import grade as grade_folder
    from compare.report.grades import grades_page, print_grades
    from compare.report.terminal import progress_bar
    from compare.sandbox.confined import Limits
    from compare.sandbox.protections import check_protections

    if options.adapter is not None and not os.path.isfile(options.adapter):
        raise ProblemError(f"{options.adapter} is no file; expected an adapter")
    is_elsewhere = options.unsafe_no_sandbox or options.scheduler
    chosen = None if is_elsewhere else check_protections(confinement=options.confinement)
    out = Path(options.out)
    has_pages = find_spec("matplotlib") is not None and find_spec("jinja2") is not None
    settings = Settings(
        seed=secrets.randbelow(2**32) if options.probe_seed is None else options.probe_seed,
        steps=options.steps,
        adapter=None if options.adapter is None else Path(options.adapter).resolve(),
        hint=options.hint,
        weights=tuple({**WEIGHTS, **(options.weights or {})}.items()),
        limits=Limits(answer=options.timeout),
        confined=not options.unsafe_no_sandbox,
        confinement=chosen.confinement if chosen else options.confinement or "bubblewrap",
        reports=has_pages and options.reports,
    )
    with _workers(options) as workers, progress_bar(1, "attempts") as advance:

        def progress(done: int, of: int) -> None:
            check_interrupt()
            advance(done, of)

        folder, page = Path(options.folder), grades_page if has_pages else None
        lines = grade_folder(folder, out, settings, workers, options.shard, page, progress)
    with Writing():
        confined = "" if options.unsafe_no_sandbox else str(chosen or f"{settings.confinement} on each worker")
        print_grades(lines, confined, [out / LINES, out / TABLE, *([out / PAGE] if has_pages else [])])
    return "equivalent"


def _workers(options: Namespace) -> "AbstractContextManager[Workers]":
    """Who grades: processes of this machine, or the workers of a cluster."""
    if options.scheduler is None:
        from compare.grading.local import Local

        return nullcontext(Local(options.jobs or os.cpu_count() or 1))
    if options.jobs is not None:
        raise ProblemError(f"--jobs {options.jobs} is given with --scheduler; expected one of them, a cluster has the workers that it has")
    from compare.grading.cluster import cluster

    return cluster(options.scheduler)


def _trained(options: Namespace, problem: Problem, keep: Collection[int], check_interrupt: CheckInterrupt) -> tuple[Training, str]:
    """Both sides, trained with a bar to look at; and the device's name."""
    from compare.devices import checked_device
    from compare.report.terminal import progress_bar

    device = checked_device(options.device)
    with progress_bar(options.epochs * problem.steps_per_epoch) as advance:

        def progress(step: int) -> None:
            check_interrupt()
            advance(step)

        told = {"epochs": options.epochs, "every": options.every, "mode": options.mode}
        return train_both(problem, **told, device=device, keep=keep, progress=progress), device


def problem_of(options: Namespace) -> Problem:
    """The network and its data, as told."""
    from compare.table import table_problem

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
        from compare.report.html import check_installed

        check_installed()
        check_writable(options.report)
    if getattr(options, "junitxml", None) is not None:
        check_writable(options.junitxml)


def _report(options: Namespace, training: Training, device: str, printed: Collection[int], command: str) -> None:
    if options.json:
        from compare.report.json import as_json

        print(as_json(training, device, _asked(options)))
    elif options.quiet:
        print(training.comparison.explanation())
    else:
        from compare.report.terminal import Ending, print_example, print_training

        ending = Ending(command, options.report)
        if options.command == "example":
            print_example(training, ending)
        else:
            print_training(training, device, ending, is_lesson=_is_lesson(options), first_steps=FIRST_STEPS, steps=printed)


def _training_again(options: Namespace) -> str:
    """The command without what says how to report."""
    words: list[str] = []
    skips_next = False
    for word in options.argv:
        if not skips_next and word not in ("--json", "--quiet", "--report") and not word.startswith("--report="):
            words.append(word)
        skips_next = word == "--report"
    return shlex.join(["python", "-m", "compare", *words])


def _check_again(options: Namespace, seed: int) -> str:
    """The command that draws the same probes."""
    words = ["python", "-m", "compare", "check"]
    words += [options.file] if options.program is None else ["--command", options.program]
    words += ["--timeout", f"{options.timeout:g}"] if options.timeout else []
    words += ["--adapter", options.adapter] if options.adapter else []
    for name, value in arguments.checked_problem(options).items():
        flag = "--activation" if name == "activations" else f"--{name.replace('_', '-')}"
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        words += [flag] if value is True else [flag, text]
    words += ["--data", "lesson"] if options.probe_data == "lesson" else []
    words += ["--steps", str(options.steps)] if options.steps is not None else []
    words += ["--hint", str(options.hint)] if options.hint is not None else []
    return shlex.join([*words, "--seed", str(seed)])


def _asked(options: Namespace) -> dict[str, Any]:
    names = ("data", "target", "split_seed", "standardize")
    return {name: getattr(options, name) for name in names if hasattr(options, name)}


def _is_lesson(options: Namespace) -> bool:
    """Whether the lesson prints figures for just this."""
    defaults = vars(arguments.parser().parse_args([]))
    asked = vars(options)
    return all(asked[name] == defaults[name] for name in defaults if name not in ("device", "mode", "report"))
