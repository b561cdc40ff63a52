"""Traces in words and as JSON: what one holds, and how two differ."""

from collections.abc import Iterator
from typing import Any

from rich.text import Text

from ..lockstep.result import Comparison
from ..support.output import printable
from ..traces.trace import Trace, cut_off
from .console import make_console, print_summary, print_verdict
from .json import difference_object, fields, problem_object, rounding_object
from .words import described, summary_of_training


def about(trace: Trace) -> Iterator[str]:
    """Yield the lines that say what a trace holds."""
    kept = trace.manifest
    ran = ", ".join(f"{name} {version}" for name, version in kept.environment.items() if name in ("python", "numpy", "torch"))
    size = sum(part.bytes for part in kept.parts)
    yield f"Trace    {trace.folder}: {len(kept.parts)} parts, {size} bytes"
    if kept.is_of_module:
        yield f"Module   {', '.join(str(kept.problem.get(name)) for name in ('module', 'loss', 'optimizer', 'dtype'))}"
        records = "batches"
    else:
        problem = trace.problem
        yield f"Network  {described(problem)}, lr {problem.lr:g}, {problem.dtype}"
        records = f"{problem.records} records"
    yield f"Inputs   {records}, {'kept' if kept.has_inputs else 'their digest alone'}; SHA-256 {kept.inputs[:16]}…"
    yield f"Run      {kept.side} on {kept.device}; {ran}; {kept.environment.get('platform')}"
    shown = "with every layer's activations and errors" if kept.stages else "without the stages of the pass"
    yield f"Steps    {kept.recorded} of {kept.steps}, {shown}"
    if not kept.is_complete:
        yield f"         cut off: it is whole up to step {kept.recorded}, and the command that began it goes on from there"


def about_object(trace: Trace) -> dict[str, Any]:
    """Return what a trace holds as dicts and lists."""
    kept = trace.manifest
    return {
        "trace": str(trace.folder),
        "problem": kept.problem if kept.is_of_module else problem_object(trace.problem) | {"dtype": trace.problem.dtype},
        "data": kept.data,
        **fields(kept, "side", "device", "stages", "environment", "inputs", "has_inputs", "steps", "recorded"),
        "complete": kept.is_complete,
        "parts": [fields(part, "file", "bytes", "sha256") for part in kept.parts],
    }


def differing(actual: Trace, expected: Trace) -> Iterator[tuple[str, str, str]]:
    """Yield what differs between how the two runs were made, as (name, actual, expected)."""
    left, right = (
        {**fields(kept, "side", "device"), "dtype": trace.problem.dtype, "steps": kept.recorded, **kept.environment}
        for trace, kept in ((trace, trace.manifest) for trace in (actual, expected))
    )
    for name in dict.fromkeys((*left, *right)):
        if left.get(name) != right.get(name):
            yield name, printable(str(left.get(name, "none"))), printable(str(right.get(name, "none")))


def print_difference(comparison: Comparison, actual: Trace, expected: Trace, command: str, report: str | None) -> None:
    """Print how two runs compare, the verdict and its summary last."""
    console = make_console()
    console.say(f"{actual.folder} beside {expected.folder}: {described(comparison.problem)}", hang=2)
    for name, left, right in differing(actual, expected):
        console.say(f"  {name:16} {left}, and {right}", hang=19)
    for trace in (actual, expected):
        if not trace.manifest.is_complete:
            console.say(f"Note: {cut_off(trace)}", hang=6)
    if comparison.accuracies is not None:
        console.print(Text(f"Accuracy on the test records: {comparison.accuracies[0]:g} and {comparison.accuracies[1]:g}"))
    if comparison.first_divergence is None and comparison.worst is not None:
        worst = comparison.worst
        console.say(f"Nearest to its bound: step {worst.step}, {worst.phase} {worst.tensor}, {worst.share:.1%} of it", hang=2)
        console.print(Text(f"Drift between the two runs' weights: {comparison.drift:.1e} before step {comparison.steps}"))
    if comparison.stopped:
        console.print(Text(f"Stopped at step {comparison.steps}: {comparison.stopped}"))
    for line in comparison.method():
        console.say(line[0].upper() + line[1:])
    print_verdict(console, comparison.explanation(method=False), report)
    print_summary(console, summary_of_training(comparison, command))


def difference_as_object(comparison: Comparison, actual: Trace, expected: Trace) -> dict[str, Any]:
    """Return how two runs compare as dicts and lists."""
    return {
        "verdict": comparison.verdict,
        "explanation": comparison.explanation(),
        **fields(comparison, "steps", "compared"),
        "dtype": comparison.problem.dtype,
        "first_divergence": difference_object(comparison.first_divergence),
        "agreed_before": comparison.agreed,
        "worst": difference_object(comparison.worst),
        "drift": comparison.drift,
        "accuracy": comparison.accuracies,
        "stopped": comparison.stopped,
        "rounding": rounding_object(comparison),
        "differing": {name: [left, right] for name, left, right in differing(actual, expected)},
        "traces": [about_object(actual), about_object(expected)],
    }
