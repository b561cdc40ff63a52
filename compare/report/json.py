"""A comparison as one JSON object; numbers that are not finite, which JSON has not, as "NaN", "Infinity", "-Infinity"."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from itertools import takewhile
from typing import Any

import numpy as np

from ..checking.result import Check
from ..diagnosis.catalogue import kind_of
from ..lockstep.training import Training
from ..problem.problem import Problem
from ..rounding.difference import Difference
from ..support.environment import environment
from .words import headline


def as_json(training: Training, device: str, asked: Mapping[str, Any]) -> str:
    """The whole result as text; `asked` joins what the problem says of itself."""
    return json.dumps(jsonable(as_object(training, device, asked)), indent=2, allow_nan=False, ensure_ascii=False)


def as_object(training: Training, device: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The whole result as dicts, lists and NumPy arrays."""
    comparison = training.comparison
    problem = comparison.problem

    def both(name: str) -> dict[str, Any]:
        return {"manual": getattr(training.manual, name), "torch_ref": getattr(training.torch_ref, name)}

    def of(pair: Any) -> dict[str, Any]:
        return dict(zip(("manual", "torch_ref"), pair or (None, None), strict=True))

    result: dict[str, Any] = {
        "verdict": comparison.verdict,
        "explanation": comparison.explanation(),
        "steps": comparison.steps,
        "steps_per_epoch": problem.steps_per_epoch,
        "compared": comparison.compared,
        "mode": comparison.mode,
        "dtype": problem.dtype,
        "device": device,
        "problem": {**problem_object(problem), **asked},
        "reported_epochs": training.epochs,
        "loss": both("loss"),
        "lesson_loss": both("lesson_loss"),
        "mse": both("mse"),
        "accuracy": of(comparison.accuracies),
        "worst": difference_object(comparison.worst),
        "first_divergence": difference_object(comparison.first_divergence),
        "agreed_before": comparison.agreed,
        "drift": comparison.drift,
        "stopped": comparison.stopped,
        "followed_from": comparison.followed_from,
        "initial_parameters": of(training.initial_parameters),
        "final_parameters": of(comparison.final_parameters),
        "environment": environment(device),
    }
    if comparison.kept:
        result["deltas"] = {
            str(step): of((kept.actual.deltas, kept.expected.deltas)) for step, kept in sorted(comparison.kept.items())
        }
    return result


def problem_object(problem: Problem) -> dict[str, Any]:
    """What the problem says of itself."""
    return {
        "sizes": problem.sizes,
        "activations": problem.activations,
        "bias": problem.bias,
        "normalization": problem.normalization,
        "dropout": problem.dropout,
        "loss": problem.loss,
        "reduction": problem.reduction,
        "optimizer": problem.optimizer,
        "lr": problem.lr,
        **problem.optimizer_options,
        "batch_size": problem.batch_size,
        "drop_last": problem.drop_last,
        "accumulate": problem.accumulate,
        "seed": problem.seed,
        "records": problem.records,
        "test_records": 0 if problem.test is None else len(problem.test[0]),
    }


def difference_object(difference: Difference | None) -> dict[str, Any] | None:
    """A difference by the names of its fields, or None."""
    return None if difference is None else asdict(difference)


def jsonable(value: Any) -> Any:
    """The value as JSON can hold it."""
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return jsonable(value.tolist())
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def check_json(check: Check, hint: Mapping[str, str] | None = None) -> str:
    """The whole check as text; with a hint, only what the hint says."""
    return json.dumps(jsonable(check_object(check, hint)), indent=2, allow_nan=False, ensure_ascii=False)


def check_object(check: Check, hint: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The whole check as dicts and lists; what it shares with a training's has the same keys."""
    comparison = check.comparison
    conventions = (*check.conventions, *check.scales)
    return {
        **({"hint": dict(hint)} if hint else {}),
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
