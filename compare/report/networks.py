"""The training of a whole network, on a terminal and as JSON: the deltas, what each side reaches on the test records, the verdict."""

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from ..lockstep.network_training import NetworkTraining
from ..problem.networks import NETWORKS
from ..support.environment import environment
from .console import make_console
from .json import as_text, difference_object, fields, rounding_object
from .terminal import print_comparison_verdict, print_deltas, table_of


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


def print_network(training: NetworkTraining, device: str, command: str, report: str | None) -> None:
    """Print a network's training with the largest of each tensor's deltas of the kept steps; `command` repeats it."""
    console = make_console()
    for label, text in about_network(training, device):
        console.say(f"{label:7}  {text}")
    console.print()
    print_deltas(console, training.comparison, training.comparison.kept, every_entry=0)
    if training.epochs:
        console.print(Text(f"On the test records: {NETWORKS[training.network].measure}", style="bold"))
        table = table_of("after epoch", "manual", "torch_ref")
        for epoch, *values in zip(training.epochs, training.manual, training.torch_ref, strict=True):
            table.add_row(str(epoch), *(f"{value:.12f}" for value in values))
        console.print(table)
        console.print()
    print_comparison_verdict(console, training.comparison, command, report)


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
