"""The training of a whole network, on a terminal and as JSON: the verdict, the deltas, what each side reaches on test records."""

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from ..lockstep.network_training import NetworkTraining
from ..lockstep.result import hardly_moved
from ..problem.networks import NETWORKS
from ..support.environment import environment
from .console import make_console, print_verdict
from .deltas import print_deltas, print_few_deltas, table_of
from .json import as_text, difference_object, fields, rounding_object
from .terminal import few, print_comparison_verdict, print_how_near, print_where_more_is


def about_network(training: NetworkTraining, device: str) -> list[tuple[str, str]]:
    """Return what was trained, on what and by whom, each with its label."""
    row, problem, ran = NETWORKS[training.network], training.comparison.problem, environment(device)
    parameters = sum(each.size for each in problem.initial_parameters.values())
    counts = [len(each[0]) for each in (training.records.training, training.records.test)]
    update = f"loss {row.loss}, {problem.optimizer}, lr {problem.lr:g}"
    return [
        ("Network", f"{training.network}, for {row.says}: {parameters} parameters; {update}"),
        ("Data", f"{counts[0]} training records, {counts[1]} test records; initial weights and mini-batches from seed {problem.seed}"),
        ("Sides", f"manual: NumPy {ran['numpy']}; torch_ref: PyTorch {ran['torch']} on {device}"),
        ("Mode", f"{training.comparison.mode}, {training.comparison.steps} steps in {problem.dtype}"),
    ]


def print_network(training: NetworkTraining, device: str, command: str, report: str | None, *, verbose: bool = False) -> None:
    """Print the verdict, then a network's training with the largest of each tensor's deltas, on a screen or, `verbose`, all kept steps."""
    console = make_console()
    comparison = training.comparison
    if comparison.verdict == "equivalent" and comparison.unmoved:
        print_verdict(console, f"not a proof: {hardly_moved(comparison.unmoved)}", None)
    print_comparison_verdict(console, comparison, command)
    for label, text in about_network(training, device):
        console.say(f"{label:7}  {text}")
    print_how_near(console, comparison)
    if verbose:
        print_deltas(console, comparison, comparison.kept, every_entry=0)
    else:
        print_few_deltas(console, comparison, comparison.kept)
    if training.epochs:
        console.print(Text(f"On the test records: {NETWORKS[training.network].measure}", style="bold"))
        table = table_of("after epoch", "manual", "torch_ref")
        for at in few(range(len(training.epochs)), verbose):
            values = training.manual[at], training.torch_ref[at]
            table.add_row(str(training.epochs[at]), *(f"{value:.12f}" for value in values))
        console.print(table)
    print_where_more_is(console, report, verbose)


def network_json(training: NetworkTraining, device: str, asked: Mapping[str, Any]) -> str:
    """Return a network's training as JSON text, with the keys of a perceptron's where they mean the same; `asked` joins its `problem`."""
    comparison = training.comparison
    problem = comparison.problem
    result = {
        **fields(comparison, "verdict", "steps", "compared", "mode"),
        "explanation": comparison.explanation(),
        "network": training.network,
        "steps_per_epoch": training.steps_per_epoch,
        "dtype": problem.dtype,
        "device": device,
        "problem": {
            "loss": NETWORKS[training.network].loss,
            **fields(problem, "optimizer", "lr", "seed"),
            **problem.optimizer_options,
            **asked,
        },
        "reported_epochs": training.epochs,
        "measure": NETWORKS[training.network].measure,
        **fields(training, "manual", "torch_ref"),
        "worst": difference_object(comparison.worst),
        "first_divergence": difference_object(comparison.first_divergence),
        "agreed_before": comparison.agreed,
        **fields(comparison, "drift", "stopped", "followed_from", "part", "unmoved"),
        "rounding": rounding_object(comparison),
        "environment": environment(device),
    }
    return as_text(result)
