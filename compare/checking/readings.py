"""What a file computes, where it does not say so: its activations and its loss, found by the numbers of its forward pass and its step.

The activations are those with which the right formulas make exactly the file's output. A loss and its reduction are conventions that are
read off the step, as far as every parameter's step follows from the same one; which kind of loss it is has to agree with what the file says
of it, since an error without f′ at a sigmoid is the right one of another loss.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from ..diagnosis.probes import Limits, Probe, draw_probes
from ..problem.from_dict import declared_problem
from ..problem.pieces import ACTIVATIONS
from ..problem.problem import Problem
from ..sides.manual import Manual
from ..support.arrays import Array
from ..userfile.conventions import CHOICES, ContractError, Convention
from ..userfile.file import AttemptError
from ..userfile.interface import Recognised

_HIDDEN = tuple(name for name in ACTIVATIONS if name not in ("softmax", "log_softmax"))
_BENT = ("elu", "gelu", "softplus", "silu", "leaky_relu")      # of the hidden layers, that are taken where their names are in the text
_WRITTEN_RELU = re.compile(r"\b(max|maximum|clamp)\((\s*0(\.0?)?\s*,|[^()]*(\([^()]*\))?[^()]*,\s*0(\.0?)?\s*\))")
_CLOSE = 1e-7      # relative, of numbers that follow from the right formula: rounding is far below, another formula far above
_SQUARES = tuple((loss, reduction) for loss in ("half_mse", "mse") for reduction in ("batchmean", "mean", "sum"))
_ENTROPIES = {"bce": ("mean", "batchmean", "sum"), "cross_entropy": ("mean", "sum")}
_WORDS_OF_SQUARES = re.compile(r"\bmse\b|_mse|mse_|squared|\bsse\b|quadratic|np\.square\(|least.squares|\bl2.?loss|\brmse\b", re.IGNORECASE)
_WORDS_OF_LOGS = re.compile(r"entropy|log.?loss|likelihood|\bnll\b|\bbce\b|logistic.?(loss|regression|cost)|logit", re.IGNORECASE)
_ERRORS = re.compile(r"(.*(err|diff|loss|cost|delta|residual).*|e|d)$", re.IGNORECASE)


@dataclass(frozen=True)
class Reading:
    """A problem that the file may be meant for; `agreeing` counts the parameters whose step is right in it, out of `count`.

    `is_stated` says whether the file says of its loss that it is of this kind.
    """

    problem: dict[str, Any]
    agreeing: int
    count: int
    is_stated: bool

    @property
    def is_right(self) -> bool:
        """Whether the step of every parameter is right."""
        return self.agreeing == self.count


def readings(attempt: Recognised, declared: Mapping[str, Any]) -> list[Reading]:
    """Return the problems that the attempt may be meant for, those with the most right steps first; `declared` is what is known of it."""
    found: list[Reading] = []
    names = [declared["activations"]] if "activations" in declared else _activations(attempt, declared)
    for activations in names:
        for loss, is_stated in _losses(attempt, activations, declared):
            problem = {**loss, **declared}
            if problem not in [each.problem for each in found]:
                found.append(_tried(attempt, problem, is_stated))
    most = max((each.agreeing for each in found), default=0)
    return sorted(
        found,
        key=lambda each: (
            not each.is_right,
            not each.is_stated,
            most - each.agreeing,
            _is_unwritten(attempt.texts, each.problem.get("lr", 1.0)),
        ),
    )


def _is_unwritten(text: str, lr: float) -> int:
    """Return 0 for a learning rate of 1, 1 for one that is a number in the text, and 2 for any other."""
    return 0 if lr == 1.0 else 1 if re.search(rf"(?<![\d.]){re.escape(f'{lr:g}')}(?![\d.]*\d)", text) else 2


def _activations(attempt: Recognised, declared: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the activations with which the right formulas make exactly the file's output; else those that it names."""
    depth = len(declared["sizes"]) - 1
    named = _named_activations(attempt.texts, depth)
    if "forward" not in attempt.functions:
        return named
    probe = _probe(
        attempt,
        {
            **{name: value for name, value in declared.items() if name != "targets"},
            "activations": ("identity",) * depth,
            "loss": "half_mse",
        },
    )
    if probe is None:
        return named
    problem, drawn = probe
    convention, outputs = convention_of(attempt), []
    negated = {name: -array for name, array in drawn.parameters.items()}      # so that no z is above 0 throughout
    for (x, _), parameters in product(drawn.batches[:2], (drawn.parameters, negated)):
        try:
            answer = attempt.fresh().call("forward", convention.parameters_in(problem, parameters), convention.records_in(x))
            outputs.append((x, parameters, convention.records_out(answer, (len(x), problem.sizes[-1]), "the output")))
        except (AttemptError, ContractError):
            return named
    alike = [(hidden,) * (depth - 1) for hidden in _HIDDEN] if depth > 1 else [()]
    mixed = product(_HIDDEN, repeat=depth - 1) if depth in (3, 4) else ()
    for hidden in (*alike, *mixed):
        for last in ACTIVATIONS:
            side = Manual(replace(problem, activations=(*hidden, last)))
            with np.errstate(all="ignore"):
                if all(_is_output(side, *each) for each in outputs):
                    return [(*hidden, last)]
    return named


def _is_output(side: Manual, x: Array, parameters: Mapping[str, Array], output: Array) -> bool:
    side.load_state_dict(parameters)
    return is_close(output, side.predict(x))


def _named_activations(text: str, depth: int) -> list[tuple[str, ...]]:
    """Return activations by the names in the text: where the forward pass is not shown, or wrong."""
    names = ("sigmoid", "tanh", *_BENT, "relu", "softmax")
    found = [name for name in names if re.search(name.removesuffix("_relu"), text, re.IGNORECASE)]
    if not found and re.search(r"exp\(-", text):
        found = ["sigmoid"]
    if "relu" not in found and _WRITTEN_RELU.search(text):
        found.append("relu")
    hidden = [name for name in found if name != "softmax"] or ["sigmoid"]
    last: list[str] = [name for name in ("softmax", "sigmoid") if name in found] or ["identity"]
    pairs = [(one, other) for one in (*reversed(hidden), "identity") for other in (*last, *hidden, "identity")]
    return list(dict.fromkeys((*((one,) * (depth - 1)), other) for one, other in pairs))


def _losses(attempt: Recognised, activations: Sequence[str], declared: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield the losses that go with the output's activation, those first of the kind that the file says, and whether it says so."""
    last: str
    *hidden, last = (activations,) * (len(declared["sizes"]) - 1) if isinstance(activations, str) else activations
    squares, logs = evidence(attempt.texts)
    is_silent, has_classes = not squares and not logs, attempt.conventions.get("classes") == "all"
    kinds = []
    if last == "sigmoid":
        kinds = [("squares", squares or is_silent), ("bce", logs)]
    elif last == "softmax":
        kinds = [("cross_entropy", logs or is_silent), ("squares", squares)]
    elif last == "identity" and (logs or has_classes or re.search("softmax", attempt.texts, re.IGNORECASE)):
        kinds = [("cross_entropy", True), ("squares", squares)]
    else:
        kinds = [("squares", True)]
    asked = declared.get("loss")
    if asked is not None:
        kinds = [(each, True) for each in (asked if asked in ("bce", "cross_entropy") else "squares",)]
    for kind, is_stated in kinds:
        if kind == "squares":
            for loss, reduction in _SQUARES:
                yield {"activations": (*hidden, last), "loss": loss, "reduction": reduction}, is_stated
        else:
            output = "identity" if kind == "cross_entropy" else str(last)
            for reduction in _ENTROPIES[kind]:
                yield {"activations": (*hidden, output), "loss": kind, "reduction": reduction}, is_stated


def evidence(text: str) -> tuple[bool, bool]:
    """Return whether the file speaks of squared errors, and whether of cross-entropy, in words or in its code."""
    squares, logs = evidence_in_code(text)
    return squares or _WORDS_OF_SQUARES.search(text) is not None, logs or _WORDS_OF_LOGS.search(text) is not None


def evidence_in_code(text: str) -> tuple[bool, bool]:
    """Return whether the code squares an error, and whether it takes a logarithm."""
    squares = logs = False
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return squares, logs
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant) and node.right.value == 2:
            squares |= _is_error(node.left)
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Attribute, ast.Name)):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            logs |= called in ("log", "log2", "log1p", "xlogy")
            squares |= called in ("square", "power", "pow") and bool(node.args) and _is_error(node.args[0])
    return squares, logs


def _is_error(node: ast.expr) -> bool:
    """Return whether the expression is a difference of two variables, or is named as one."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        return not any(isinstance(each, ast.Constant) for each in (node.left, node.right))
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return _ERRORS.match(name) is not None


def convention_of(attempt: Recognised) -> Convention:
    """Return how the attempt lays out what it is handed."""
    return Convention(**{name: value for name, value in attempt.conventions.items() if name in CHOICES})


def _probe(attempt: Recognised, problem: Mapping[str, Any]) -> tuple[Problem, Probe] | None:
    made = declared_problem(problem)
    limits = Limits.of(made, attempt.conventions)
    return made, limits.within(draw_probes(made, 1)[0])


def _tried(attempt: Recognised, declared: dict[str, Any], is_stated: bool) -> Reading:
    """Return the reading with the count of parameters whose step is right, and the learning rate that the file has of its own."""
    problem = declared_problem(declared)
    count = len(problem.shapes())
    shown = _steps(attempt, problem, draw_probes(problem, 1)[0])
    if shown is None:
        return Reading(declared, 0, count, is_stated)
    has_rate = attempt.conventions.get("lr") != "fixed"
    right = [right_step(problem, probe) for probe, _ in shown]
    if has_rate:
        scales = [1.0] * len(shown)
    else:
        scales = [_scale(found, expected) for (_, found), expected in zip(shown, right, strict=True)]
        if not np.allclose(scales, scales[0], rtol=1e-6) or not scales[0] > 0:
            return Reading(declared, 0, count, is_stated)
        declared = {**declared, "lr": _without_rounding(scales[0])}
    agreeing = sum(
        all(is_close(found[name], scale * expected[name]) for (_, found), expected, scale in zip(shown, right, scales, strict=True))
        for name in problem.shapes()
    )
    return Reading(declared, agreeing, count, is_stated)


def _steps(attempt: Recognised, problem: Problem, probe: Probe) -> list[tuple[Probe, dict[str, Array]]] | None:
    """Return the file's steps, or gradients with the sign of a step, on two batches of different sizes; None where it raises."""
    convention, limits, shown = convention_of(attempt), Limits.of(problem, attempt.conventions), []
    is_step = "train_step" in attempt.functions
    for x, y in probe.batches[:2]:
        one = limits.within(Probe(((x, y),), (0.5 if is_step and attempt.conventions.get("lr") != "fixed" else 1.0,), probe.parameters))
        x, y = one.batches[0]
        given = convention.parameters_in(problem, probe.parameters), convention.records_in(x), convention.records_in(y)
        try:
            fresh = attempt.fresh()
            answer = fresh.call("train_step", *given, one.lrs[0]) if is_step else fresh.call("gradients", *given)
            found = convention.parameters_out(problem, answer, "the new parameters")
        except (AttemptError, ContractError):
            return None
        lr = one.lrs[0] if attempt.conventions.get("lr") != "fixed" else 1.0
        moved = {name: (array - probe.parameters[name]) / lr if is_step else -array for name, array in found.items()}
        shown.append((one, moved))
    return shown


def steps_of_file(attempt: Recognised, problem: Problem) -> list[dict[str, Array]] | None:
    """Return the file's steps, at a rate of 1, from the same parameters on batches of two sizes; None where it raises."""
    shown = _steps(attempt, problem, draw_probes(problem, 1)[0])
    return None if shown is None else [moved for _, moved in shown]


def probe_of(attempt: Recognised, declared: Mapping[str, Any]) -> Probe:
    """Return the first probe of that problem, with what the attempt leaves no choice of."""
    problem = declared_problem(declared)
    return Limits.of(problem, attempt.conventions).within(draw_probes(problem, 1)[0])


def right_step(problem: Problem, probe: Probe) -> dict[str, Array]:
    """Return the right step of each parameter, at a learning rate of 1."""
    side = Manual(replace(problem, optimizer="sgd", optimizer_options={}, lr=1.0))
    side.load_state_dict(probe.parameters)
    with np.errstate(all="ignore"):
        record = side.step(*probe.batches[0])
    return {name: np.array(array) for name, array in (record.deltas or {}).items()}


def _scale(found: Mapping[str, Array], expected: Mapping[str, Array]) -> float:
    """Return by what one factor most parameters' steps differ from the right ones."""
    with np.errstate(invalid="ignore"):      # gradients that are 0
        each = [float(np.vdot(found[name], expected[name]) / np.vdot(expected[name], expected[name])) for name in expected]
    return max(reversed(each), key=lambda one: sum(bool(np.isclose(one, other, rtol=1e-6)) for other in each))


def _without_rounding(scale: float) -> float:
    """Return the number of few digits, or the fraction, that the scale is but for rounding."""
    plain = float(f"{scale:.10g}"), float(Fraction(scale).limit_denominator(10**4))
    return next((each for each in plain if abs(each - scale) <= 1e-12 * scale), scale)


def is_close(actual: Array, expected: Array) -> bool:
    """Return whether they are the same but for rounding; another formula is farther off."""
    most = np.abs(expected).max(initial=0.0)
    return bool(np.isfinite(actual).all() and np.abs(actual - expected).max(initial=0.0) <= _CLOSE * most)
