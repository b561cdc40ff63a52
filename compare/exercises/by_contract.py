"""A learner's file by the contract of `check FILE`: the stages of a perceptron, and no diagnosis that was not asked for."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..checking.check import check_network
from ..checking.result import Check
from ..report.words import described_in_full, hinted
from .outcome import SEED, Outcome, Verdict, not_written
from .sets import Exercise

_VERDICTS: dict[str, Verdict] = {"equivalent": "solved", "could not run": "could not run"}      # all others are "different"


def by_contract(exercise: Exercise, path: Path) -> Outcome:
    """Check the file; raises CompareError for a file that cannot be used."""
    found = check_network(path, exercise.adapter, seed=SEED)
    plain, _ = hinted(found, 1)      # without the mistake's name, which is for the learner to find
    task, first, network = not_written(plain.reason, found.name), found.first, described_in_full(found.problem)
    outcome = Outcome(
        exercise.name,
        str(path),
        _VERDICTS.get(found.verdict, "different") if task is None else "not written yet",
        tuple((stage.name, stage.mark) for stage in found.stages),
        where=first.place(of_phase=False) if first else None,
        yours=first.actual if first else None,
        expected=first.expected if first else None,
        said=task or plain.reason or (first.reason if first else None),
        line=found.line,
        source=found.source,
        hints=exercise.hints or tuple(_hints(found)),
        printed=found.printed,
        network=network,
    )
    if outcome.verdict == "solved" and exercise.network not in (None, network):      # a mistake may make it right for another network
        return replace(outcome, verdict="different", said=f"it is right for {network}; expected {exercise.network}")
    return outcome


def _hints(found: Check) -> Iterator[str]:
    """Yield what the three levels of `check --hint` say, each once."""
    said: list[str] = []
    for level in (1, 2, 3):
        _, hint = hinted(found, level)
        if hint and (text := list(hint.values())[-1]) not in said:
            said.append(text)
    yield from said
