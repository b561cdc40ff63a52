"""Mistakes in what is done with the gradients: what they are multiplied by, what they are added to, and which records they are of."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...rounding.arithmetic import Bounded
from ..formulas import KINDS, Formula
from ..graph import At, Place, Run, Step, places
from ..mistake import Mistake
from .where import has_bias, is_mean

_UPDATE = "Δw = −lr ∂L/∂w"


def _scaled(stage: str, factor: float) -> Formula:
    def formula(at: At, kind: str) -> Bounded:
        return at.right(kind + stage).scaled(factor)

    return formula


def _flipped(stage: str) -> Formula:
    def formula(at: At, kind: str) -> Bounded:
        return -at.right(kind + stage)

    return formula


def _none(at: At, kind: str) -> Bounded:
    zeros = np.zeros_like(at(kind).value)
    return at.exact(zeros, zeros)


def _no_step(at: At) -> Bounded:
    return _none(at, "weight")


def _weights_added(times_lr: bool, over_n: bool) -> Formula:
    def formula(at: At, kind: str) -> Bounded:
        w: Bounded = at(kind)
        factor = (at("lr") if times_lr else 1.0) / (at("x").value.shape[0] if over_n else 1)
        return w.scaled(factor)

    return formula


def _lr_missing(at: At) -> float:
    return 1.0


def _lr_twice(at: At) -> float:
    return at.now.lr ** 2


def _times_n(at: At, kind: str) -> Bounded:
    return at.right(f"{kind}_used").scaled(at("x").value.shape[0])


def _over_n(at: At, kind: str) -> Bounded:
    return at.right(f"{kind}_used").scaled(1 / at("x").value.shape[0])


def _gathered(at: At, kind: str) -> Bounded:
    """The gradient and all those of the steps before."""
    gradient, before = at.right(f"{kind}_used"), at.before
    return gradient if before is None else before(f"{kind}_used") + gradient


def _gathered_sums(at: At, kind: str) -> Bounded:
    """The same of the sums over the records, which are divided by the number of the step's own."""
    gradient, before = at.right(f"{kind}_used"), at.before
    return gradient if before is None else before(f"{kind}_used").scaled(before.records / at.records) + gradient


def _previous_batch(stage: str) -> Formula:
    return lambda at: (at.before or at).right(stage)


def _sliced(stage: str, rows: slice) -> Formula:
    def formula(at: At) -> Any:
        value = at.right(stage)
        if at.records < 2:
            raise ValueError("no record is left")
        return at.exact(value.value[rows]) if isinstance(value, Bounded) else value[rows]

    return formula


def _rolled(by: int) -> Formula:
    return lambda at: np.roll(at.right("y"), by, axis=0)


def _one_by_one(mean: bool) -> Formula:
    """All after one update for each record, at the weights so far; with `mean`, each by its share of lr."""
    return lambda at: _after_records(at, mean)


def _one_by_one_kept(at: At, kind: str) -> Any:
    return at.right(f"{kind}_kept") if at.before is None else at.before("together")[f"{kind}_kept", at.layer]


def _after_records(at: At, mean: bool) -> dict[Place, Any]:
    """The parameters, what the optimiser keeps, the number of updates so far and each record's run, after one update for each record."""
    at.run.reads_everything()
    facts = at.now
    now: dict[Place, Any] = {(f"{kind}_kept", layer): at.of(layer)(f"{kind}_kept") for kind, layer in places(at.problem)}
    count = 0 if at.before is None else at.before("together")["count", 0]
    n, records = len(facts.x), []
    share = at("share") * (1 if at.problem.reduction == "sum" else n)
    for row in range(len(facts.x)):
        count += 1
        single = _of_record(at.run, facts, row, now | {("share", 0): share, ("count", 0): count}, n if mean else 1)
        records.append(single)
        now = {}
        for kind, layer in places(at.problem):
            now[kind, layer] = single(f"{kind}_after", 0, layer)
            now[f"{kind}_kept", layer] = single(f"{kind}_update", 0, layer)[1]
    return now | {("count", 0): count, ("records", 0): records}


def _of_record(run: Run, facts: Step, row: int, values: Mapping[Place, Any], lr_over: int) -> Run:
    """The step of one record alone, where those places have these values, and by a part of the learning rate."""
    record = Step(facts.x[row : row + 1], facts.y[row : row + 1], facts.lr / lr_over, facts.before)
    others = {
        place: formula
        for place, formula in run.formulas.items()
        if place[0] not in ("together", *_OF_A_RECORD) and getattr(formula, "func", formula) not in _SHOWN.values()
    }
    return Run(run.problem, [record], others, known=values, precision=run.precision)


def _row_by_row(stage: str) -> Formula:
    """What each record came to, at the weights so far; its δ as that of a mean, which is its convention."""

    def formula(at: At) -> Bounded:
        rows = [single(stage, 0, at.layer) for single in at("together")["records", 0]]
        errors = [np.broadcast_to(row.error, row.value.shape) for row in rows]
        value = at.exact(np.concatenate([row.value for row in rows]), np.concatenate(errors))
        return value.scaled(1 / len(rows)) if stage == "delta" and at.problem.reduction == "mean" else value

    return formula


def _of_the_last(stage: str) -> Formula:
    """What the last record came to; of a kind of parameter, where the stage begins with an underscore."""

    def formula(at: At, kind: str = "") -> Bounded:
        return at("together")["records", 0][-1](kind + stage, 0, at.layer)

    return formula


_ROWS = {"+z": "z", "+a": "a", "+delta": "delta", "output": "output", "probabilities": "probabilities"}
_LAST = {"loss": "loss", **{f"*{stage}": stage for stage in ("_used", "_velocity", "_step")}}
_SHOWN = {place: _row_by_row(stage) for place, stage in _ROWS.items()} | {place: _of_the_last(stage) for place, stage in _LAST.items()}
_OF_A_RECORD = tuple(f"{kind}_{stage}" for kind in KINDS for stage in ("after", "kept"))


def _with_the_step(stage: str) -> Iterator[Mistake]:
    """What is wrong with Δw as a whole, as it is worked out or as it is added to w."""
    yield Mistake("sign-flipped", "every step goes uphill: a sign is wrong", _UPDATE, "Δw = +lr ∂L/∂w", {"*" + stage: _flipped(stage)})
    yield Mistake("sign-flipped-in-layer", "the step of {layer} has the wrong sign", _UPDATE, "Δw = +lr ∂L/∂w",
                  {"*" + stage: _flipped(stage)}, "layer")
    for name, much, by, factor in (("2", "twice", "2", 2.0), ("half", "half", "½", 0.5), ("4", "four times", "4", 4.0)):
        sentence, actual = f"every step is {much} as large as it should be", f"Δw = {by} · (−lr ∂L/∂w)"
        yield Mistake(f"factor-{name}", sentence, _UPDATE, actual, {"*" + stage: _scaled(stage, factor)})
    yield Mistake("layer-never-updated", "{layer} is never updated", _UPDATE, "Δw = 0", {"*" + stage: _none}, "layer")
    yield Mistake("weights-never-updated", "the weights of {layer} are never updated", _UPDATE, "ΔW = 0", {"weight" + stage: _no_step},
                  "layer", has_bias)


_STEPS = ("_step", "_added")

UPDATES = (
    *(mistake for stage in _STEPS for mistake in _with_the_step(stage)),
    Mistake("gradient-added", "the gradient is added where it is to be taken off, and the weight decay has its right sign",
            "Δw = −lr (∂L/∂w + λ w)", "Δw = −lr (−∂L/∂w + λ w)", {"*_taken": _flipped("_taken")},
            applies=lambda problem, layer: bool(problem.optimizer_options.get("weight_decay"))),
    Mistake("lr-missing", "the learning rate is left out", _UPDATE, "Δw = −∂L/∂w", {"lr": _lr_missing}, "all"),
    Mistake("lr-twice", "the learning rate is multiplied in twice", _UPDATE, "Δw = −lr² ∂L/∂w", {"lr": _lr_twice}, "all"),
    Mistake("lr-missing-in-layer", "the learning rate is left out in {layer}", _UPDATE, "Δw = −∂L/∂w", {"lr": _lr_missing}, "layer"),
    Mistake("lr-twice-in-layer", "the learning rate is multiplied in twice in {layer}", _UPDATE, "Δw = −lr² ∂L/∂w", {"lr": _lr_twice},
            "layer"),
    Mistake("gradient-missing", "the gradients of {layer} stay zero: they are never worked out", "g = ∂L/∂w", "g = 0", {"*_used": _none},
            "layer"),
    Mistake("gradient-missing", "the weight gradient of {layer} stays zero: it is never worked out", "∂L/∂W = δᵀ a", "∂L/∂W = 0",
            {"weight_used": _no_step}, "layer", has_bias),
    Mistake("mean-missing-in-layer", "the gradients of {layer} are not divided by the number of records", "∂L/∂W = 1/n Σₙ", "∂L/∂W = Σₙ",
            {"*_used": _times_n}, "layer", is_mean),
    Mistake("mean-missing-in-layer", "the weights' gradients of {layer} are not divided by the number of records", "∂L/∂W = 1/n Σₙ",
            "∂L/∂W = Σₙ", {"weight_used": lambda at: _times_n(at, "weight")}, "layer",
            lambda problem, layer: is_mean(problem, layer) and problem.bias),
    Mistake("mean-twice-in-layer", "the gradients of {layer} are divided by the number of records twice", "∂L/∂W = 1/n Σₙ",
            "∂L/∂W = 1/n² Σₙ", {"*_used": _over_n}, "layer", is_mean),
    Mistake("mean-twice-in-layer", "the weights' gradients of {layer} are divided by the number of records twice", "∂L/∂W = 1/n Σₙ",
            "∂L/∂W = 1/n² Σₙ", {"weight_used": lambda at: _over_n(at, "weight")}, "layer",
            lambda problem, layer: is_mean(problem, layer) and problem.bias),
    Mistake("accumulator-not-reset", "the gradients of {layer} are added to those of the steps before: they are not set back to 0",
            "g = ∂L/∂w", "g = ∂L/∂w + g of the step before", {"*_used": _gathered}, "layer"),
    Mistake("accumulator-not-reset",
            "the sums over the records of {layer} go on from those of the steps before: they are not set back to 0", "g = 1/n Σₙ ∂Lₙ/∂w",
            "g = 1/n (Σₙ ∂Lₙ/∂w + the sum of the step before)", {"*_used": _gathered_sums}, "layer", is_mean),
    *(
        Mistake("update-per-record", f"the weights are updated after each record, in the loop over records{said}", "Δw = −lr/n Σₙ ∂Lₙ/∂w",
                f"Δw = −{rate} ∂Lₙ/∂w after each n",
                {"together": _one_by_one(mean), "*_after": lambda at, kind: at("together")[kind, at.layer],
                 "*_kept": _one_by_one_kept, **shown},
                applies=lambda problem, layer: not (problem.is_large or problem.normalization or problem.dropout),
                alone=bool(shown), slow=True)
        for shown in ({}, _SHOWN)
        for mean, said, rate in ((True, "", "lr/n"), (False, ", and by its whole gradient", "lr"))
    ),
    *(
        Mistake("weights-added", f"{said} added in place of the step, in {{layer}}", _UPDATE, f"Δw = {what}",
                {"*" + stage: _weights_added(times_lr, over_n)}, "layer")
        for stage in _STEPS
        for said, what, times_lr, over_n in (
            ("the weights themselves are", "w", False, False),
            ("lr times the weights themselves is", "lr w", True, False),
            ("lr/n times the weights themselves is", "lr/n w", True, True),
        )
    ),
    Mistake("previous-batch", "the step uses the batch of the step before: off by one", "x, y of step t", "x, y of step t − 1",
            {"x": _previous_batch("x"), "y": _previous_batch("y")}),
    Mistake("first-record-dropped", "the first record of each batch is dropped", "x, y", "x[1:], y[1:]",
            {"x": _sliced("x", slice(1, None)), "y": _sliced("y", slice(1, None))}),
    Mistake("last-record-dropped", "the last record of each batch is dropped", "x, y", "x[:-1], y[:-1]",
            {"x": _sliced("x", slice(-1)), "y": _sliced("y", slice(-1))}),
    Mistake("only-last-record", "only the last record of each batch is used", "x, y", "x[-1:], y[-1:]",
            {"x": _sliced("x", slice(-1, None)), "y": _sliced("y", slice(-1, None))}),
    Mistake("only-first-record", "only the first record of each batch is used", "x, y", "x[:1], y[:1]",
            {"x": _sliced("x", slice(1)), "y": _sliced("y", slice(1))}),
    Mistake("targets-out-of-step", "the targets are those of the record before: x and y are out of step", "yₙ", "yₙ₋₁", {"y": _rolled(1)}),
    Mistake("targets-out-of-step", "the targets are those of the record after: x and y are out of step", "yₙ", "yₙ₊₁", {"y": _rolled(-1)}),
)
