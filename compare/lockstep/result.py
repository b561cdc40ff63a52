"""The result of a comparison: the verdict, the first divergence, the number nearest to its bound, and the differences over the steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from ..problem.pieces import LOSSES
from ..problem.problem import Problem
from ..sides.interface import Key
from ..support.arrays import Array
from ..support.boundary import public_methods
from .difference import ComparedStep, Difference, Mode, Verdict, on_unknown, shares

_MOST_LISTED = 24      # tensors that agreed
_CLEARLY = 16      # times what rounding allows
_MOST_KEPT, _KEPT_NUMBERS = 1000, 1 << 23      # steps, and numbers in all of them


@dataclass(frozen=True)
class Agreement:
    """The number of one tensor that is nearest to its bound in each kept step: its difference, bound and share, all of shape (steps,)."""

    steps: Array
    difference: Array
    allowed: Array
    share: Array


@dataclass(frozen=True)
class Rounding:
    """How it was found what rounding allows: `c` σ, of `samples` samples of the reference, at the steps `sampled`.

    At those `turned` rounding turns a choice. `unknown` are PyTorch's calls without a row in the noise table, `unmoved`
    the parameters whose steps were never clearly larger than what rounding allows, `notes` what else is to be known.
    """

    c: float
    samples: int
    chance: float
    sampled: tuple[int, ...]
    turned: tuple[int, ...] = ()
    unknown: tuple[str, ...] = ()
    unmoved: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@public_methods
@dataclass(frozen=True)
class Comparison:
    """The result of training two implementations side by side.

    `mode` is "stage" where each stage was judged by its own inputs. `steps` is how many steps were compared, `compared` how many numbers.
    `worst` is the difference with the largest share of what rounding allows. `series` holds each step's largest difference by
    (phase, tensor); `shares`, beside a module, its largest share of what rounding allows, or more. `drift` is the largest gap between the
    two sides' weights before the last step. `stopped` says why the run ended before its last step, or is None. `followed_from` is the step
    from which a run in free mode went on in follow mode because of drift, or None. `kept` has, by number, the steps that were to be kept,
    and the first that differs. `rounding` says how it was found what rounding allows; of a module problem, `part` which part of the module
    makes the first divergence.
    """

    problem: Problem
    mode: Mode | Literal["stage"]
    steps: int
    compared: int
    first_divergence: Difference | None
    worst: Difference | None
    agreed: tuple[Key, ...]
    series: Mapping[Key, Array]
    drift: float
    predictions: tuple[Array, Array] | None
    final_parameters: tuple[Mapping[str, Array] | None, Mapping[str, Array] | None]
    stopped: str | None = None
    followed_from: int | None = None
    kept: Mapping[int, ComparedStep] = field(default_factory=dict)
    rounding: Rounding | None = None
    part: str | None = None
    shares: Mapping[Key, Array] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """The verdict "equivalent" if every number of every step was within its bound, else "different"."""
        return "equivalent" if self.first_divergence is None else "different"

    @property
    def accuracies(self) -> tuple[float, float] | None:
        """The share of the test records that each side classifies right; None without test records, with NaN, or for other targets than
        classes or numbers from 0 to 1.

        For a loss of classes, a record's class is the largest output; else each output is one of two: above ½ (0, for a logit) or not.
        """
        if self.predictions is None or self.problem.test is None:
            return None
        y = self.problem.test[1]
        if not all(np.isfinite(outputs).all() for outputs in self.predictions) or (y.ndim == 2 and (y.min() < 0 or y.max() > 1)):
            return None
        threshold = 0.0 if self.problem.loss.endswith("with_logits") else 0.5
        if y.ndim == 1 or LOSSES[self.problem.loss].targets == "classes":
            right = [outputs.argmax(axis=-1) == (y if y.ndim == 1 else y.argmax(axis=-1)) for outputs in self.predictions]
        else:
            right = [(outputs > threshold) == (y > 0.5) for outputs in self.predictions]
        return float(np.mean(right[0])), float(np.mean(right[1]))

    @cached_property
    def agreement(self) -> Mapping[Key, Agreement]:
        """How near each (phase, tensor) came to its bound in the kept steps, in the order of comparison."""
        columns: dict[Key, dict[tuple[int, ...], list[tuple[int, Array, Array, Array]]]] = {}
        for step, kept in self.kept.items():
            for key, actual, expected, bound in kept.tensors():
                same_shape = columns.setdefault(key, {}).setdefault(actual.shape, [])
                same_shape.append((step, actual, expected, np.broadcast_to(bound, actual.shape)))
        found = {key: np.concatenate([_nearest(rows) for rows in shapes.values()]) for key, shapes in columns.items()}
        return {key: Agreement(*rows[np.argsort(rows[:, 0])].T) for key, rows in found.items()}

    @property
    def unmoved(self) -> list[str]:
        """The weights that no kept step moves, apart from weight decay, by clearly more than rounding allows: wrong steps would pass."""
        if not isinstance(self.problem, Problem):
            return list(self.rounding.unmoved) if self.rounding else []
        moved: dict[str, bool] = {}
        for kept in self.kept.values():
            for name, _, expected, allowed in list(kept.deltas()) or kept.gradients():
                is_clear = np.abs(self._by_the_gradient(kept, name, expected)) > _CLEARLY * np.asarray(allowed)
                moved[name] = moved.get(name, False) or bool(is_clear.any())
        return [name for name in (f"{layer.linear}.weight" for layer in self.problem.layers) if not moved.get(name, True)]

    def _by_the_gradient(self, kept: ComparedStep, name: str, delta: Array) -> Array:
        """Return the step without the part of weight decay: 0 where the gradient is lost in a decay that is added to it."""
        decay = self.problem.update_options(name)["weight_decay"]
        if not decay:
            return delta
        if self.problem.optimizer == "adamw":
            return np.asarray(delta + self.problem.lr * decay * kept.before[name])
        gradient = (kept.expected.grads or {}).get(name)
        if gradient is None:
            return delta
        is_seen = np.abs(gradient) > _CLEARLY * np.finfo(self.problem.dtype).eps * np.abs(decay * kept.before[name])
        return np.asarray(np.where(is_seen, delta, 0.0))

    def __repr__(self) -> str:
        """Return the verdict's first line."""
        return f"Comparison({self._said().splitlines()[0]})"

    def to_html(self) -> str:
        """Return the report as one page that opens offline; raise MissingExtraError where the extra `report` is not installed."""
        from ..report.html import comparison_page

        return comparison_page(self)

    def _repr_html_(self) -> str:
        """Return the report for a notebook."""
        from ..report.html import in_notebook

        return in_notebook(self.to_html, self.explanation())

    def explanation(self, *, method: bool = True) -> str:
        """Say the verdict in words: what was compared, where the two sides part, if they do, and how what is allowed was found."""
        return "\n".join([self._said(), *(f"  {line}" for line in self.method())] if method else [self._said()])

    def method(self) -> list[str]:
        """Say how it was found what rounding allows, and what else has to be known, a line each."""
        if self.rounding is None:
            return []
        found, sampled = self.rounding, _count(len(self.rounding.sampled), "step")
        text = f"allowed is {found.c:.3g} σ of rounding, sampled up to {found.samples} times at {sampled}"
        lines = [text, f"the chance of a false alarm is below {found.chance:.0e}"]
        if found.turned:
            where = f"at {len(found.turned)} of these, first at step {found.turned[0]},"
            lines.append(f"{where} rounding turns a choice, as of a relu at 0")
        return [*lines, *(on_unknown(found.unknown) if self.first_divergence else []), *found.notes]

    def _said(self) -> str:
        found = self.first_divergence
        if found is None:
            text = f"equivalent: {self.compared} numbers in {_count(self.steps, 'step')}, each within what rounding allows"
            if self.followed_from is not None:
                text += f"\n  from step {self.followed_from} on in follow mode: so far had the two sides' weights drifted apart"
            return text
        lines = [f"different: first at {self._worded(found.place())}", *found.lines()]
        lines += [f"  part        {self.part}"] if self.part else []
        whole_steps = found.step if found.phase == "prediction" else found.step - 1
        before = [f"every number of {_count(whole_steps, 'step')}"] if whole_steps else []
        before += [self._worded(each) for each in _listed(self.agreed)]
        lines.append(f"  agreed before it: {', '.join(before) if before else 'nothing'}")
        return "\n".join(lines)

    def _worded(self, place: str) -> str:
        """Return the place with the stages of a module in words."""
        if isinstance(self.problem, Problem):
            return place
        return place.replace("activations ", "output of ").replace("errors ", "gradient at ")


def _nearest(rows: list[tuple[int, Array, Array, Array]]) -> Array:
    """Return (step, difference, allowed, share) of the number with the largest share in each step's arrays, which have one shape."""
    numbers, *columns = zip(*rows, strict=True)
    actual, expected, allowed = (np.stack([array.ravel() for array in column]) for column in columns)
    share = shares(actual, expected, allowed)
    at = np.argmax(share, axis=1)[:, None]
    with np.errstate(all="ignore"):
        gap = np.abs(np.take_along_axis(actual, at, 1) - np.take_along_axis(expected, at, 1))
    return np.hstack([np.array(numbers)[:, None], gap, np.take_along_axis(allowed, at, 1), np.take_along_axis(share, at, 1)])


def _listed(keys: Sequence[Key]) -> list[str]:
    """Name the tensors; of many in one phase the last, and how many there are."""
    phases = list(dict.fromkeys(phase for phase, _ in keys))
    if len(keys) <= _MOST_LISTED:
        return [phase if phase == tensor else f"{phase} {tensor}" for phase, tensor in keys]
    named = {phase: [tensor for each, tensor in keys if each == phase] for phase in phases}
    return [phase if names == [phase] else f"{_count(len(names), phase[:-1])} up to {names[-1]}" for phase, names in named.items()]


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def hardly_moved(names: Sequence[str]) -> str:
    """Say why a comparison proves nothing of those weights."""
    return f"the steps of {', '.join(names)} are about as small as what rounding allows, or none: wrong ones would pass too"


def steps_to_keep(problem: Problem, steps: int) -> list[int]:
    """Return the steps of a run that a report shows: all, or as many as memory has room for, evenly spaced from the first to the last."""
    parameters = sum(array.size for array in problem.initial_parameters.values())
    records = max(problem.batch_lengths(problem.steps_per_epoch))
    numbers = 3 * (4 * parameters + records * sum(problem.sizes[1:]))
    most = max(3, min(_MOST_KEPT, _KEPT_NUMBERS // numbers))
    return sorted({1 + i * (steps - 1) // max(1, most - 1) for i in range(most)}) if steps > most else list(range(1, steps + 1))
