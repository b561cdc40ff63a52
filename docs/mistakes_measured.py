"""The mistakes of the catalogue made in small networks: what each changes in the weights of one step."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from compare.diagnosis.graph import Run, Step, places
from compare.diagnosis.matcher import is_within
from compare.diagnosis.mistake import Cause, Mistake
from compare.diagnosis.probes import draw_probes, steps_of
from compare.formulas.sampled import Sampled
from compare.problem.problem import Problem
from compare.support.arrays import Array

SEED = 4      # of the weights and records
_MOMENTUM = {"momentum": 0.9}
_DECAY = {"weight_decay": 0.05}


def _network(sizes: tuple[int, ...], *activations: str, **about: object) -> Problem:
    """Return a problem with these layers, with biases, and with one batch that only shows the form of its targets."""
    fields = {"bias": True, "loss": "half_mse", "lr": 0.3, **about}
    y = np.full((2, sizes[-1]), 1 / sizes[-1])
    return Problem(sizes=sizes, activations=activations, batches=((np.zeros((2, sizes[0])), y),), initial_parameters={}, **fields)  # type: ignore[arg-type]


@cache
def networks() -> tuple[Problem, ...]:
    """Return the networks to measure in: a mistake is measured in the first one where it can be made and has an effect."""
    plain = (3, 4, 2), "sigmoid", "sigmoid"
    tanh = (3, 4, 2), "tanh", "identity"
    return (
        _network(*plain),
        _network((3, 4, 4, 2), "sigmoid", "sigmoid", "sigmoid"),
        _network((3, 4, 1), "sigmoid", "sigmoid"),
        _network(*tanh, loss="mse"),
        _network((3, 4, 4, 2), "relu", "relu", "identity", loss="mse"),
        _network((3, 4, 2), "leaky_relu", "identity", loss="mse"),
        _network((3, 4, 3), "tanh", "softmax", loss="mse"),
        _network((3, 4, 3), "tanh", "identity", loss="cross_entropy"),
        _network((3, 4, 2), "tanh", "sigmoid", loss="bce"),
        _network((3, 4, 2), "tanh", "identity", loss="bce_with_logits"),
        _network(*plain, reduction="sum"),
        _network(*plain, normalization="layer_norm"),
        _network(*plain, normalization="batch_norm"),
        _network(*plain, dropout=0.4),
        _network(*tanh, loss="mse", optimizer_options=_DECAY),
        _network(*tanh, loss="mse", optimizer_options={**_DECAY, "decay": "weights"}),
        _network(*tanh, loss="mse", optimizer_options=_DECAY, normalization="layer_norm"),
        _network(*tanh, loss="mse", optimizer_options={**_DECAY, "decay": "weights"}, normalization="layer_norm"),
        _network(*tanh, loss="mse", optimizer_options=_MOMENTUM),
        _network(*tanh, loss="mse", optimizer_options={**_MOMENTUM, "dampening": 0.5}),
        _network(*tanh, loss="mse", optimizer_options={**_MOMENTUM, "nesterov": True}),
        _network(*tanh, loss="mse", optimizer_options={**_MOMENTUM, **_DECAY}),
        _network(*tanh, loss="mse", optimizer="adam"),
        _network(*tanh, loss="mse", optimizer="adamw"),
    )


@cache
def _steps(number: int) -> tuple[tuple[Step, ...], Run]:
    """Return the steps of two probes of a network, each from the weights after the right step before, and the run of the right formulas."""
    problem = networks()[number]
    probes = draw_probes(problem, SEED)[:2]
    befores: list[dict[str, Array]] = []
    for probe in probes:
        params = probe.parameters
        for _ in probe.batches:
            befores.append(params)
            run = Run(problem, steps_of(probes, befores))
            params = {run.name(*place): run(f"{place[0]}_after", len(befores) - 1, place[1]).value for place in places(problem)}
    steps = tuple(steps_of(probes, befores))
    return steps, Run(problem, steps)


@dataclass(frozen=True)
class Change:
    """A parameter's change in one step: with the right formulas, with the mistake, and where the two are equal up to rounding."""

    kind: str
    layer: int
    right: Array
    wrong: Array
    same: Array      # True for each element that is equal


@dataclass(frozen=True)
class Measured:
    """A mistake made in a small network, at the first step where it has an effect."""

    cause: Cause
    step: Step
    changes: tuple[Change, ...]
    losses: tuple[float, float] | None = None      # right and wrong, if the mistake changes the loss alone

    @property
    def problem(self) -> Problem:
        """Return the network's problem."""
        return self.cause.problem


@cache
def measured(mistake: Mistake) -> Measured | None:
    """Return the mistake in the first network, place and step where it changes the weights, or at least the loss; else None."""
    for number, problem in enumerate(networks()):
        steps, right = _steps(number)
        for cause in mistake.causes(problem):
            wrong = right.with_formulas(cause.formulas)
            for at in range(len(steps)):
                with np.errstate(all="ignore"):
                    changes = _changes(problem, right, wrong, at)
                if changes and not all(change.same.all() for change in changes):
                    return Measured(cause, steps[at], changes)
                losses = _losses(right, wrong, at)
                if changes and losses:
                    return Measured(cause, steps[at], changes, losses)
    return None


def _losses(right: Run, wrong: Run, at: int) -> tuple[float, float] | None:
    """Return the right and the wrong loss, if they differ."""
    with np.errstate(all="ignore"):
        ours, theirs = (run.worked_out("loss", at) for run in (right, wrong))
    is_other = theirs.value.shape == () and np.isfinite(theirs.value) and not is_within(ours.value, theirs)
    return (float(ours.value), float(theirs.value)) if is_other else None


def _changes(problem: Problem, right: Run, wrong: Run, at: int) -> tuple[Change, ...]:
    changes = []
    for kind, layer in places(problem):
        before = right.steps[at].before[right.name(kind, layer)]
        try:
            ours: Sampled = right.worked_out(f"{kind}_after", at, layer)
            theirs: Sampled = wrong.worked_out(f"{kind}_after", at, layer)
        except (ValueError, IndexError):      # the mistake cannot be made here
            return ()
        if theirs.value.shape != before.shape or not np.isfinite(theirs.value).all():
            return ()
        same = np.array([is_within(ours.value[i], theirs[i]) for i in np.ndindex(before.shape)]).reshape(before.shape)
        changes.append(Change(kind, layer, ours.value - before, np.where(same, ours.value, theirs.value) - before, same))
    return tuple(changes)
