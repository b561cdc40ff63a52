"""A check as one JSON object."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from itertools import takewhile
from typing import Any

from ..checking.result import Check
from ..diagnosis.catalogue import kind_of
from ..support.environment import environment
from .checked import headline
from .json import difference_object, jsonable, problem_object


def as_json(check: Check, given: Mapping[str, str] | None = None) -> str:
    """The whole check as text; of one with a hint, what is `given` away."""
    return json.dumps(jsonable(as_object(check, given)), indent=2, allow_nan=False, ensure_ascii=False)


def as_object(check: Check, given: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The whole check as dicts and lists; what it shares with a training's has the same keys."""
    comparison = check.comparison
    conventions = (*check.conventions, *check.scales)
    return {
        **({"hint": dict(given)} if given else {}),
        "verdict": check.verdict,
        "explanation": headline(check),
        "reason": check.reason,
        "file": check.name,
        "functions": check.functions,
        "line": check.line,
        "steps": check.steps,
        "compared": check.compared,
        "mode": comparison.mode if comparison else "stage",
        "dtype": check.problem.dtype,
        "device": "cpu",
        "problem": {**problem_object(check.problem), "seed": check.seed},
        "seed": check.seed,
        "first_divergence": difference_object(check.first),
        "worst": difference_object(comparison.worst if comparison else None),
        "drift": comparison.drift if comparison else None,
        "stopped": comparison.stopped if comparison else None,
        "followed_from": comparison.followed_from if comparison else None,
        "agreed_before": [stage.name for stage in takewhile(lambda stage: stage.mark == "agrees", check.stages)],
        "steps_per_epoch": check.problem.steps_per_epoch,
        "environment": environment("cpu"),
        "stages": [
            {
                "stage": stage.name,
                "name": stage.stage,
                "layer": stage.layer or None,
                "mark": stage.mark,
                "difference": difference_object(stage.difference),
            }
            for stage in check.stages
        ],
        "diagnosis": [
            {
                "causes": [
                    {
                        "id": cause.id,
                        "layers": [layer for layer in cause.layers if layer],
                        "kind": kind_of(cause.mistake),
                        "sentence": cause.sentence,
                        "formula": {"expected": cause.mistake.expected, "actual": cause.mistake.actual},
                    }
                    for cause in found.causes
                ],
                "evidence": asdict(found.evidence) if found.evidence else None,
                "line": found.line,
                "probe_to_separate": found.probe_to_separate,
                "conventions": conventions,
            }
            for found in check.diagnosis
        ],
        "conventions": conventions,
        "notes": check.notes,
        "printed": check.printed,
    }
