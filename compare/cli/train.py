"""Training both sides: the command itself, `example` and `plot`."""

import os
from argparse import Namespace
from collections.abc import Collection

from ..lockstep.result import steps_to_keep
from ..lockstep.training import Training, reported_epochs
from ..lockstep.training import train as train_both
from ..problem.lesson import example_problem
from ..problem.problem import Problem
from ..support.errors import ProblemError
from ..support.output import Writing, check_writable, write_file
from . import arguments
from .common import CheckInterrupt, again, check_report, data_options, problem_of


def train(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Train a network, by default the lesson's, on both sides, and report."""
    from ..report.deltas import FIRST_STEPS

    check_report(options)
    problem = problem_of(options)
    last = options.epochs * problem.steps_per_epoch
    spaced = [(epoch + 1) * problem.steps_per_epoch for epoch in reported_epochs(options.epochs, options.every)]
    printed = set() if options.json or options.quiet else {*range(1, min(FIRST_STEPS, last) + 1), *spaced, last}
    keep = printed | set(steps_to_keep(problem, last) if options.report else ())
    training, device = _trained(options, problem, keep, check_interrupt)
    return _report(options, training, device, printed)


def example(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Train the worked example for its one step on both sides, and report."""
    from ..sides.devices import checked_device

    check_report(options)
    problem = example_problem(options.dtype)
    device = checked_device(options.device)
    return _report(options, train_both(problem, epochs=1, device=device, keep=[1]), device, {1})


def plot(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Train on both sides, and draw one picture of it into a file."""
    from ..report import plots
    from ..report.picture import FORMATS, PICTURES, picture

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
        print(f"{options.file}: {PICTURES[options.picture].description}; {training.comparison.explanation().splitlines()[0]}")
    return training.comparison.verdict


def _trained(options: Namespace, problem: Problem, keep: Collection[int], check_interrupt: CheckInterrupt) -> tuple[Training, str]:
    """Train both sides with a progress bar; return the training and the device's name."""
    from ..report.console import progress_bar
    from ..sides.devices import checked_device

    chosen = {"epochs": options.epochs, "every": options.every, "mode": options.mode}
    with progress_bar(options.epochs * problem.steps_per_epoch, check_interrupt, loading="PyTorch") as progress:
        device = checked_device(options.device)
        return train_both(problem, **chosen, device=device, keep=keep, progress=progress), device


def _report(options: Namespace, training: Training, device: str, printed: Collection[int]) -> str:
    """Write and print the training, with the deltas of the steps in `printed`, and return its verdict."""
    command = again(options)
    if options.report:
        from ..report.html import training_page

        write_file(options.report, training_page(training, device, command))
    with Writing():
        if options.json:
            from ..report.json import as_json

            print(as_json(training, device, data_options(options)))
        elif options.quiet:
            print(training.comparison.explanation(method=False))
        else:
            from ..report.terminal import print_example, print_training

            if options.command == "example":
                print_example(training, command, options.report)
            else:
                how = {"is_lesson": _is_lesson(options), "steps": printed, "verbose": options.verbose}
                print_training(training, device, command, options.report, **how)
    return training.comparison.verdict


def _is_lesson(options: Namespace) -> bool:
    """Return whether this is the training whose figures the lesson prints."""
    defaults = vars(arguments.parsed(arguments.parser(), []))
    return all(getattr(options, name) == defaults[name] for name in defaults if name not in ("device", "mode", "report", "verbose", "argv"))
