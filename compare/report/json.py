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
from ..lockstep.difference import Difference
from ..lockstep.result import Comparison
from ..lockstep.training import Training
from ..problem.problem import Problem
from ..support.environment import environment
from .words import headline, place_of


def as_json(training: Training, device: str, asked: Mapping[str, Any]) -> str:
    """Return a training's result as JSON text; `asked` joins the keys of its `problem`."""
    comparison = training.comparison
    problem = comparison.problem

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
        **{name: of((getattr(training.manual, name), getattr(training.torch_ref, name))) for name in ("loss", "lesson_loss", "mse")},
        "accuracy": of(comparison.accuracies),
        "worst": difference_object(comparison.worst),
        "first_divergence": difference_object(comparison.first_divergence),
        "agreed_before": comparison.agreed,
        **fields(comparison, "drift", "stopped", "followed_from"),
        "rounding": rounding_object(comparison),
        "initial_parameters": of(training.initial_parameters),
        "final_parameters": of(comparison.final_parameters),
        "environment": environment(device),
    }
    if comparison.kept:
        result["deltas"] = {step: of((kept.actual.deltas, kept.expected.deltas)) for step, kept in sorted(comparison.kept.items())}
    return as_text(result)


def problem_object(problem: Problem) -> dict[str, Any]:
    """Return what defines the problem, without its arrays."""
    return {
        **fields(problem, "sizes", "activations", "bias", "normalization", "dropout", "loss", "reduction", "optimizer", "lr"),
        **problem.optimizer_options,
        **fields(problem, "batch_size", "drop_last", "accumulate", "seed", "records"),
        "test_records": 0 if problem.test is None else len(problem.test[0]),
    }


def fields(of: object, *names: str) -> dict[str, Any]:
    """Return the attributes of those names; None for each where `of` is None."""
    return {name: None if of is None else getattr(of, name) for name in names}


def difference_object(difference: Difference | None) -> dict[str, Any] | None:
    """Return a difference as a dict of its fields, or None."""
    return None if difference is None else asdict(difference)


def rounding_object(comparison: Comparison | None) -> dict[str, Any] | None:
    """Return how it was found what rounding allows, as a dict, or None."""
    return None if comparison is None or comparison.rounding is None else asdict(comparison.rounding)


def as_text(result: Mapping[str, Any]) -> str:
    """Return the JSON text of dicts, lists, tuples and NumPy arrays."""
    return json.dumps(jsonable(result), indent=2, allow_nan=False, ensure_ascii=False)


def jsonable(value: Any) -> Any:
    """Return the value as dicts, lists, texts and finite numbers, with arrays as lists and other numbers as texts such as "NaN"."""
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return jsonable(value.tolist())
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def beside_json(comparison: Comparison, file: str, reference: str) -> str:
    """Return what came out beside a module as JSON text, with the keys of a training's where they mean the same."""
    result = {
        **fields(comparison, "verdict", "steps", "compared", "mode", "unmoved", "drift", "stopped", "followed_from", "part"),
        "explanation": comparison.explanation(),
        "file": file,
        "reference": reference,
        **fields(comparison.problem, "dtype", "seed"),
        "first_divergence": difference_object(comparison.first_divergence),
        "worst": difference_object(comparison.worst),
        "agreed_before": comparison.agreed,
        "rounding": rounding_object(comparison),
        "environment": environment("cpu"),
    }
    return as_text(result)


def check_json(check: Check, hint: Mapping[str, str] | None = None) -> str:
    """Return a check as JSON text, with the keys of a training's where they mean the same; with a hint, only what the hint says."""
    comparison = check.comparison
    conventions = (*check.conventions, *check.scales)
    result = {
        **({"hint": dict(hint)} if hint else {}),
        "verdict": check.verdict,
        "explanation": headline(check),
        "reason": check.reason,
        "caveat": check.caveat,
        "file": check.name,
        "functions": check.functions,
        "line": check.line,
        "place": None if hint else place_of(check),
        **fields(check, "steps", "compared"),
        "mode": comparison.mode if comparison else "stage",
        "dtype": check.problem.dtype,
        "device": "cpu",
        "problem": {**problem_object(check.problem), "seed": check.seed},
        "seed": check.seed,
        "first_divergence": difference_object(check.first),
        "worst": difference_object(comparison.worst if comparison else None),
        **fields(comparison, "drift", "stopped", "followed_from"),
        "rounding": rounding_object(comparison),
        "agreed_before": [stage.name for stage in takewhile(lambda stage: stage.mark == "agrees", check.stages)],
        "steps_per_epoch": check.problem.steps_per_epoch,
        "environment": environment("cpu"),
        "stages": [
            {"stage": stage.name, "name": stage.stage, "layer": stage.layer or None, "mark": stage.mark}
            | {"difference": difference_object(stage.difference)}
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
                **fields(found, "line", "probe_to_separate"),
                "conventions": conventions,
            }
            for found in check.diagnosis
        ],
        "conventions": conventions,
        **fields(check, "notes", "printed"),
    }
    return as_text(result)
