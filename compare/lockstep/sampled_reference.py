"""Sampled rounding of a module: run its step several times under `Noise`, and take the spread of each of its numbers."""

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..rounding.allowance import Allowance
from ..rounding.noise import Noise
from ..rounding.spread import FEW, HALF, SAMPLES, Spread, spread
from ..sides.interface import CARRIED, Key
from ..support.arrays import Array
from ..support.errors import ProblemError

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
State = Mapping[Key, Tensor]
_NONE: State = {}


@dataclass(frozen=True)
class Sampled(Spread[K], Generic[K]):
    """The spread, the plain numbers, and the calls that had no row in the noise table."""

    plain: Mapping[K, Tensor]
    unknown: frozenset[str]


def sampled(
    step: Callable[[], Mapping[K, Tensor]],
    c: float,
    *,
    units: tuple[float, float],
    seed: int = 0,
    is_enough: Callable[[Mapping[K, Array]], bool] = lambda allowed: False,
) -> Sampled[K]:
    """Run a step plainly, and `SAMPLES` times under noise, and return what rounding allows: c σ.

    `units` are the unit roundoff of results and that of the sums behind them. `step` starts from the same state each time and returns
    fresh tensors of floating point. Few samples end it where `is_enough` says so of half of what they allow.
    """
    plain = step()
    squares = {key: torch.zeros_like(tensor, dtype=torch.float64) for key, tensor in plain.items()}
    most = {key: torch.zeros_like(tensor, dtype=torch.float64) for key, tensor in plain.items()}
    lost: dict[K, Tensor] = {}      # how many samples of each number are NaN, as of the root of what noise makes negative
    unknown: set[str] = set()
    for sample in range(1, SAMPLES + 1):
        with Noise(units[0], seed + sample, units[1], c / 2) as noise:
            moved = step()
        unknown |= noise.unknown
        for key, tensor in moved.items():
            off = (tensor.double() - plain[key].double()).abs_()
            if bool(off.sum().isnan()):
                is_lost = tensor.isnan() & ~plain[key].isnan()
                lost[key] = lost.get(key, 0) + is_lost.double()
                off.nan_to_num_(0.0)      # where both are −∞, as in a mask, 0
            torch.maximum(most[key], off, out=most[key])
            squares[key].addcmul_(off, off)
        if sample in (*FEW, SAMPLES):
            known = {key: _of_known(total, lost.get(key), sample) for key, total in squares.items()}
            found = spread(_arrays(plain), _arrays(known), _arrays(most), sample, units)
            if is_enough({key: HALF * each for key, each in found.allowed.items()}):
                break
    return Sampled(found.allowed, found.turned, found.usual, found.sizes, plain, frozenset(unknown))


def _of_known(total: Tensor, lost: Tensor | None, samples: int) -> Tensor:
    """Return what all samples would add up to if the lost ones were like the others; ∞ where these are not most: the most then counts."""
    return total if lost is None else torch.where(2 * lost < samples, total * (samples / (samples - lost)), math.inf)


def repeatable(run: Callable[[], T], seed: int) -> T:
    """Run with PyTorch's generators seeded, and without fused attention, whose one call hides many sums."""
    with torch.random.fork_rng(), sdpa_kernel(SDPBackend.MATH):
        torch.manual_seed(seed)
        return run()


class Reference(Protocol):
    """A side on tensors of float64, whose steps can be made again from any state."""

    def numbers(self, number: int, batch: Any) -> Mapping[Key, Tensor]:
        """Make the step of that number, and return what it shows by (phase, tensor)."""

    def evaluation(self, batch: Any) -> Mapping[Key, Tensor]:
        """Return the outputs for a batch in evaluation."""

    def load(self, state: State) -> None:
        """Start from that state: parameters, buffers and the optimiser's state."""


class SampledReference:
    """The samples of a reference's steps, of which an allowance is told."""

    def __init__(self, reference: Reference, allowance: Allowance, seed: int) -> None:
        self.reference, self.allowance, self.seed = reference, allowance, seed
        self.unknown: set[str] = set()

    def sample(self, number: int, batch: Any, start: State, gaps: Mapping[Key, Array], hidden: State = _NONE) -> dict[Key, Array]:
        """Return how far each number of that step from that state may be off; of what is carried, its change.

        Few samples are enough where the `gaps` are within half of what they allow. `hidden` says how far off parts of the state are already
        that the other side does not show; of these, the value may be off so far.
        """
        generator = torch.Generator().manual_seed(self.seed + number)
        is_plain, samples = True, 0
        last: dict[Key, Array] = {}      # what each number may be off in any case

        def step() -> dict[Key, Tensor]:
            nonlocal is_plain, samples
            own = start
            if not is_plain:
                samples += 1
                own = {k: _moved(value, hidden[k], generator, samples % 2 == 0) if k in hidden else value for k, value in start.items()}
            is_plain = False
            self.reference.load(own)
            numbers = self.reference.numbers(number, batch)
            if not last:
                last.update({key: self.allowance.last(each.double().numpy(force=True)) for key, each in numbers.items()})
            return {key: _change(key, each, own, hidden) for key, each in numbers.items() if each.is_floating_point()}

        def is_enough(allowed: Mapping[Key, Array]) -> bool:
            return all((each <= allowed[key] + last[key]).all() for key, each in gaps.items() if key in allowed)

        seed = self.seed + 1000 * number
        found = sampled(step, self.allowance.c, units=self.allowance.units, seed=seed, is_enough=is_enough)
        is_plain = True
        again = step()
        if not all(torch.equal(again[key].nan_to_num(), each.nan_to_num()) for key, each in found.plain.items()):
            expected = "a module, and an optimiser, that keep what they change in parameters, buffers and the optimiser's state"
            raise ProblemError(f"the reference does not make step {number} again as it did; expected {expected}")
        self.unknown |= found.unknown
        return self.allowance.learn(number, found, last)

    def sample_evaluation(self, batch: Any, state: State) -> dict[Key, Array]:
        """Return how far each output in evaluation from that state may be off."""

        def outputs() -> dict[Key, Tensor]:
            self.reference.load(state)
            return {key: each for key, each in self.reference.evaluation(batch).items() if each.is_floating_point()}

        found = sampled(outputs, self.allowance.c, units=self.allowance.units, seed=self.seed)
        return {key: each + self.allowance.last(found.plain[key].double().numpy(force=True)) for key, each in found.allowed.items()}


def _change(key: Key, value: Tensor, start: State, hidden: State) -> Tensor:
    """Return the change of what is carried and not hidden, and the value of all else."""
    return value - start[key] if key[0] in CARRIED and key in start and key not in hidden else value


def _moved(value: Tensor, off: Tensor, generator: torch.Generator, is_less: bool) -> Tensor:
    """Return the value with noise so that twice its spread is `off`, or much less; what is nowhere negative, as squares, stays so.

    Much less in every other sample, since what is divided by it may be large.
    """
    size = float(1e-8 ** torch.rand((), generator=generator)) if is_less else 1.0
    moved = value + torch.randn(value.shape, generator=generator, dtype=torch.float64).to(value) * off * (size / 2)
    if not bool((value >= 0).all()):
        return moved
    return torch.where(off >= value, moved - value * (1 - size), moved).abs()      # or next to nothing, if it may be as far off


def _arrays(tensors: Mapping[K, Tensor]) -> dict[K, Array]:
    return {key: tensor.double().numpy(force=True) for key, tensor in tensors.items()}
