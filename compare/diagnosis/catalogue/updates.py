"""Mistakes in what is done with the gradients: what they are multiplied by, what they are added to, and which records they are of."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from ...formulas.sampled import Sampled
from ..formulas import KINDS, Formula
from ..graph import At, Place, Run, Step, places
from ..mistake import Mistake
from .where import both, has_bias, is_mean, uses

_UPDATE = "Δw = −lr ∂L/∂w"


def _scaled(at: At, kind: str, stage: str, factor: float) -> Sampled:
    return at.right(kind + stage).scaled(factor)


def _flipped(at: At, kind: str, stage: str) -> Sampled:
    return -at.right(kind + stage)


def _none(at: At, kind: str) -> Sampled:
    return at(kind).zeros()


def _weights_added(at: At, kind: str, times_lr: bool, over_n: bool) -> Sampled:
    factor = (at("lr") if times_lr else 1.0) / (at("x").value.shape[0] if over_n else 1)
    return at(kind).scaled(factor)


def _times_n(at: At, kind: str) -> Sampled:
    return at.right(f"{kind}_used").scaled(at("x").value.shape[0])


def _over_n(at: At, kind: str) -> Sampled:
    return at.right(f"{kind}_used").scaled(1 / at("x").value.shape[0])


def gathered(at: At, kind: str, sums: bool) -> Sampled:
    """Return the gradient plus those of the steps before; with `sums` the sums over records are added, over this step's number of them."""
    gradient, before = at.right(f"{kind}_used"), at.before
    if before is None:
        return gradient
    earlier = before(f"{kind}_used")
    return (earlier.scaled(before.records / at.records) if sums else earlier) + gradient


def _previous_batch(at: At, stage: str) -> Any:
    return (at.before or at).right(stage)


def _sliced(at: At, stage: str, rows: slice) -> Any:
    value = at.right(stage)
    if at.records < 2:
        raise ValueError("no record is left")
    return at.exact(value.value[rows]) if isinstance(value, Sampled) else value[rows]


def _rolled(at: At, by: int) -> Any:
    return np.roll(at.right("y"), by, axis=0)


def _after_records(at: At, mean: bool) -> dict[Place, Any]:
    """Make one update for each record, each at the weights so far, with `mean` by its share of lr.

    Return the parameters, the optimiser's slots, the number of updates so far and each record's run, by place.
    """
    at.run.reads_everything()
    facts = at.now
    now: dict[Place, Any] = {(f"{kind}_kept", layer): at.of(layer)(f"{kind}_kept") for kind, layer in places(at.problem)}
    count = 0 if at.before is None else at.before("together")["count", 0]
    n, records = len(facts.x), []
    share = at("share") * (1 if at.problem.reduction == "sum" else n)
    for row in range(n):
        count += 1
        single = _of_record(at.run, facts, row, now | {("share", 0): share, ("count", 0): count}, n if mean else 1)
        records.append(single)
        now = {}
        for kind, layer in places(at.problem):
            now[kind, layer] = single(f"{kind}_after", 0, layer)
            now[f"{kind}_kept", layer] = single(f"{kind}_update", 0, layer)[1]
    return now | {("count", 0): count, ("records", 0): records}


def _of_record(run: Run, facts: Step, row: int, values: Mapping[Place, Any], lr_over: int) -> Run:
    """Return the run of one record's step at lr / lr_over, with these values in their places."""
    record = Step(facts.x[row : row + 1], facts.y[row : row + 1], facts.lr / lr_over, facts.before)
    of_all = ("together", *(f"{kind}_{stage}" for kind in KINDS for stage in ("after", "kept")))
    others = {
        place: formula
        for place, formula in run.formulas.items()
        if place[0] not in of_all and getattr(formula, "func", None) not in (_row_by_row, _of_the_last)
    }
    return Run(run.problem, [record], others, known=values, precision=run.precision)


def _slots_so_far(at: At, kind: str) -> Any:
    return at.right(f"{kind}_kept") if at.before is None else at.before("together")[f"{kind}_kept", at.layer]


def _row_by_row(at: At, stage: str) -> Sampled:
    """Return the stage of each record, at the weights so far; δ as that of a mean, which is its convention   (n, …)."""
    rows = [single(stage, 0, at.layer) for single in at("together")["records", 0]]
    errors = [np.broadcast_to(row.error, row.value.shape) for row in rows]
    value = at.exact(np.concatenate([row.value for row in rows]), np.concatenate(errors))
    return value.scaled(1 / len(rows)) if stage == "delta" and at.problem.reduction != "sum" else value


def _of_the_last(at: At, stage: str, kind: str = "") -> Sampled:
    """Return the stage of the last record; of a kind of parameter, where the stage begins with an underscore."""
    return at("together")["records", 0][-1](kind + stage, 0, at.layer)


_BY_RECORD: dict[str, Formula] = {
    **{place: partial(_row_by_row, stage=place.strip("+")) for place in ("+z", "+a", "+delta", "output", "probabilities")},
    **{place: partial(_of_the_last, stage=place.strip("*")) for place in ("loss", "*_used", "*_velocity", "*_step")},
}


def _with_the_step(stage: str) -> Iterator[Mistake]:
    """Yield the mistakes in Δw as a whole, as it is computed (stage "_step") or as it is added to w ("_added")."""
    flipped = {"*" + stage: partial(_flipped, stage=stage)}
    yield Mistake("sign-flipped", "every step goes uphill: a sign is wrong", _UPDATE, "Δw = +lr ∂L/∂w", flipped)
    yield Mistake("sign-flipped-in-layer", "the step of {layer} has the wrong sign", _UPDATE, "Δw = +lr ∂L/∂w", flipped, "layer")
    for name, much, by, factor in (("2", "twice", "2", 2.0), ("half", "half", "½", 0.5), ("4", "four times", "4", 4.0)):
        yield Mistake(f"factor-{name}", f"every step is {much} as large as it should be", _UPDATE, f"Δw = {by} · (−lr ∂L/∂w)",
                      {"*" + stage: partial(_scaled, stage=stage, factor=factor)})
    yield Mistake("layer-never-updated", "{layer} is never updated", _UPDATE, "Δw = 0", {"*" + stage: _none}, "layer")
    yield Mistake("weights-never-updated", "the weights of {layer} are never updated", _UPDATE, "ΔW = 0",
                  {"weight" + stage: partial(_none, kind="weight")}, "layer", has_bias)


_STEPS = ("_step", "_added")

UPDATES = (
    *(mistake for stage in _STEPS for mistake in _with_the_step(stage)),
    Mistake("gradient-added", "the gradient is added where it is to be taken off, and the weight decay has its right sign",
            "Δw = −lr (∂L/∂w + λ w)", "Δw = −lr (−∂L/∂w + λ w)", {"*_taken": partial(_flipped, stage="_taken")},
            applies=uses("weight_decay")),
    Mistake("lr-missing", "the learning rate is left out", _UPDATE, "Δw = −∂L/∂w", {"lr": lambda at: 1.0}, "all"),
    Mistake("lr-twice", "the learning rate is multiplied in twice", _UPDATE, "Δw = −lr² ∂L/∂w", {"lr": lambda at: at.now.lr ** 2}, "all"),
    Mistake("lr-missing-in-layer", "the learning rate is left out in {layer}", _UPDATE, "Δw = −∂L/∂w", {"lr": lambda at: 1.0}, "layer"),
    Mistake("lr-twice-in-layer", "the learning rate is multiplied in twice in {layer}", _UPDATE, "Δw = −lr² ∂L/∂w",
            {"lr": lambda at: at.now.lr ** 2}, "layer"),
    Mistake("gradient-missing", "the gradients of {layer} stay zero: they are never worked out", "g = ∂L/∂w", "g = 0", {"*_used": _none},
            "layer"),
    Mistake("gradient-missing", "the weight gradient of {layer} stays zero: it is never worked out", "∂L/∂W = δᵀ a", "∂L/∂W = 0",
            {"weight_used": partial(_none, kind="weight")}, "layer", has_bias),
    Mistake("mean-missing-in-layer", "the gradients of {layer} are not divided by the number of records", "∂L/∂W = 1/n Σₙ", "∂L/∂W = Σₙ",
            {"*_used": _times_n}, "layer", is_mean),
    Mistake("mean-missing-in-layer", "the weights' gradients of {layer} are not divided by the number of records", "∂L/∂W = 1/n Σₙ",
            "∂L/∂W = Σₙ", {"weight_used": partial(_times_n, kind="weight")}, "layer", both(is_mean, has_bias)),
    Mistake("mean-twice-in-layer", "the gradients of {layer} are divided by the number of records twice", "∂L/∂W = 1/n Σₙ",
            "∂L/∂W = 1/n² Σₙ", {"*_used": _over_n}, "layer", is_mean),
    Mistake("mean-twice-in-layer", "the weights' gradients of {layer} are divided by the number of records twice", "∂L/∂W = 1/n Σₙ",
            "∂L/∂W = 1/n² Σₙ", {"weight_used": partial(_over_n, kind="weight")}, "layer", both(is_mean, has_bias)),
    Mistake("accumulator-not-reset", "the gradients of {layer} are added to those of the steps before: they are not set back to 0",
            "g = ∂L/∂w", "g = ∂L/∂w + g of the step before", {"*_used": partial(gathered, sums=False)}, "layer"),
    Mistake("accumulator-not-reset",
            "the sums over the records of {layer} go on from those of the steps before: they are not set back to 0", "g = 1/n Σₙ ∂Lₙ/∂w",
            "g = 1/n (Σₙ ∂Lₙ/∂w + the sum of the step before)", {"*_used": partial(gathered, sums=True)}, "layer", is_mean),
    *(
        Mistake("update-per-record", f"the weights are updated after each record, in the loop over records{said}", "Δw = −lr/n Σₙ ∂Lₙ/∂w",
                f"Δw = −{rate} ∂Lₙ/∂w after each n",
                {"together": partial(_after_records, mean=mean), "*_after": lambda at, kind: at("together")[kind, at.layer],
                 "*_kept": _slots_so_far, **shown},
                applies=lambda problem, layer: not (problem.is_large or problem.normalization or problem.dropout),
                alone=bool(shown), slow=True)
        for shown in ({}, _BY_RECORD)
        for mean, said, rate in ((True, "", "lr/n"), (False, ", and by its whole gradient", "lr"))
    ),
    *(
        Mistake("weights-added", f"{said} added in place of the step, in {{layer}}", _UPDATE, f"Δw = {what}",
                {"*" + stage: partial(_weights_added, times_lr=times_lr, over_n=over_n)}, "layer")
        for stage in _STEPS
        for said, what, times_lr, over_n in (
            ("the weights themselves are", "w", False, False),
            ("lr times the weights themselves is", "lr w", True, False),
            ("lr/n times the weights themselves is", "lr/n w", True, True),
        )
    ),
    Mistake("previous-batch", "the step uses the batch of the step before: off by one", "x, y of step t", "x, y of step t − 1",
            {stage: partial(_previous_batch, stage=stage) for stage in ("x", "y")}),
    *(
        Mistake(id, sentence, "x, y", actual, {stage: partial(_sliced, stage=stage, rows=rows) for stage in ("x", "y")})
        for id, sentence, actual, rows in (
            ("first-record-dropped", "the first record of each batch is dropped", "x[1:], y[1:]", slice(1, None)),
            ("last-record-dropped", "the last record of each batch is dropped", "x[:-1], y[:-1]", slice(-1)),
            ("only-last-record", "only the last record of each batch is used", "x[-1:], y[-1:]", slice(-1, None)),
            ("only-first-record", "only the first record of each batch is used", "x[:1], y[:1]", slice(1)),
        )
    ),
    *(
        Mistake("targets-out-of-step", f"the targets are those of the record {word}: x and y are out of step", "yₙ", actual,
                {"y": partial(_rolled, by=by)})
        for word, actual, by in (("before", "yₙ₋₁", 1), ("after", "yₙ₊₁", -1))
    ),
)
