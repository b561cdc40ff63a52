"""A constant weight decay in the step of a file that says that it regularises, and has no loss in which that might be another."""

import ast
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from ..userfile.shapes.spellings import fits_parameter
from .result import Check

_NAMES = re.compile(r"regulari[sz]|weight_?decay|\bl2\b|\bridge\b", re.IGNORECASE)
_STAGES = ("_used", "_taken")      # of gradients, as they go into the update


def named_decay(check: Check, texts: str) -> Mapping[str, Any] | None:
    """Return the decay as part of a problem, where that in every layer is all that differs, and the texts name it; None otherwise."""
    if check.verdict != "different" or len(check.diagnosis) != 1 or not _NAMES.search(texts) or _squares_weights(texts):
        return None
    cause = check.diagnosis[0].causes[0]
    found = [(stage, formula.keywords) for stage, formula in cause.mistake.formulas.items() if isinstance(formula, partial)]
    if cause.id != "penalty-l2" or cause.layers != tuple(range(1, len(check.problem.layers) + 1)) or len(found) != 1:
        return None
    stage, given = found[0]
    if not stage.endswith(_STAGES) or given["over_n"] or given["number"] <= 0:
        return None
    return {"weight_decay": given["number"], "decay": "all" if stage.startswith("*") else "weights"}


def _squares_weights(text: str) -> bool:
    """Return whether the code squares weights, or takes their norm, as a loss with a penalty of them does; or cannot be parsed."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except SyntaxError:
        return True
    powers = [each.left for each in nodes if isinstance(each, ast.BinOp) and isinstance(each.op, ast.Pow)]
    calls = [each for each in nodes if isinstance(each, ast.Call) and ast.unparse(each.func).endswith(("square", "norm", "power", "pow"))]
    squared = [*powers, *(argument for each in calls for argument in each.args)]
    names = [getattr(each, "id", None) or getattr(each, "attr", "") for one in squared for each in ast.walk(one)]
    return any(name and fits_parameter(name) == 2 for name in names)
