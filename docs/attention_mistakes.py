"""The mistakes of docs/attention.md, each in the attention of a small network that reads digits row by row, measured beside PyTorch.

`python docs/attention_mistakes.py` prints the table.
"""

import math
from typing import Any

import numpy as np
import torch
from deltas_off import table

import manual
import torch_ref
from compare import ByHand, Problem
from data import DIGITS_CSV, load_digits
from manual import SGD
from manual.arrays import Array
from manual.attention import MultiheadAttention, joined, named
from manual.nesting import with_paths
from manual.networks import drawing
from manual.softmax import softmax, softmax_pullback

NAMES = "0.weight", "1.in_proj_weight", "1.in_proj_bias", "1.out_proj.weight"      # the parameters that are shown


class Attention(MultiheadAttention):
    """The layer, with a method for each line in which a mistake is made."""

    def forward(self, x: Array) -> Array:
        """Return y (n, T, E)."""
        self.q, self.k, self.v = self.split(self.in_proj.forward(x), 3)
        self.q = self.q / self.root()
        self.weights = self.weighed(self.q @ self.k.swapaxes(2, 3), self.mask_of(x))
        return self.out_proj.forward(self.joined(self.weights @ self.v))

    def gradients(self, error: Array) -> dict[str, Array]:
        """Return the gradients of all parameters by name."""
        self.given = error
        grads = with_paths({"out_proj": self.out_proj.gradients(error)})
        (do,) = self.split(self.out_proj.backward(error), 1)
        dv = self.weights.swapaxes(2, 3) @ do
        ds = self.of_scores(do @ self.v.swapaxes(2, 3))
        self.error = np.concatenate([joined(each) for each in (self.of_queries(ds), self.of_keys(ds), dv)], axis=-1)
        return named(self.in_proj.gradients(self.error)) | grads

    def root(self) -> float:
        """Return √d."""
        return math.sqrt(self.k.shape[-1])

    def weighed(self, scores: Array, mask: Any) -> Array:
        """Return P from S without the mask, and the mask."""
        return softmax(scores + mask)

    def joined(self, o: Array) -> Array:
        """Return o of all heads (n, T, E)."""
        return joined(o)

    def of_scores(self, dp: Array) -> Array:
        """Return ∂L/∂S from ∂L/∂P."""
        return softmax_pullback(dp, self.weights)

    def of_queries(self, ds: Array) -> Array:
        """Return ∂L/∂q from ∂L/∂S."""
        found: Array = ds @ self.k / self.root()
        return found

    def of_keys(self, ds: Array) -> Array:
        """Return ∂L/∂k from ∂L/∂S."""
        found: Array = ds.swapaxes(2, 3) @ self.q
        return found


class DiagonalAlone(Attention):
    """On the way back through the softmax, each weight is taken to depend on its own score alone."""

    def of_scores(self, dp: Array) -> Array:
        """Return ∂L/∂P ∘ P ∘ (1 − P), the slope of a sigmoid."""
        return dp * self.weights * (1 - self.weights)


class NoMean(Attention):
    """On the way back through the softmax, its sum is taken for a constant."""

    def of_scores(self, dp: Array) -> Array:
        """Return P ∘ ∂L/∂P."""
        return dp * self.weights


class RootForgotten(Attention):
    """The error at q is not divided by √d."""

    def of_queries(self, ds: Array) -> Array:
        """Return ∂L/∂q̂."""
        found: Array = ds @ self.k
        return found


class NotTransposed(Attention):
    """The error at k is ∂L/∂S q̂, without the transpose."""

    def of_keys(self, ds: Array) -> Array:
        """Return rows where columns are meant."""
        found: Array = ds @ self.q
        return found


class ValuesAlone(Attention):
    """At the input, the error has only come through the values, not through queries and keys."""

    def backward(self, error: Array) -> Array:
        """Return a third of the sum."""
        self.error[..., : -error.shape[-1]] = 0
        return super().backward(error)


class Unscaled(Attention):
    """The scores are not divided by √d."""

    def root(self) -> float:
        """Return 1, forward and back."""
        return 1.0


class OverQueries(Attention):
    """The softmax is taken down the columns, over the queries that see a key."""

    def weighed(self, scores: Array, mask: Any) -> Array:
        """Return a P whose columns sum to 1."""
        return softmax((scores + mask).swapaxes(2, 3)).swapaxes(2, 3)

    def of_scores(self, dp: Array) -> Array:
        """Return its way back."""
        return softmax_pullback(dp.swapaxes(2, 3), self.weights.swapaxes(2, 3)).swapaxes(2, 3)


class MaskOfZeros(Attention):
    """Later places get the score 0, and not −∞."""

    def weighed(self, scores: Array, mask: Any) -> Array:
        """Return a P in which every place sees all."""
        self.seen = mask == 0
        return softmax(np.where(self.seen, scores, 0))

    def of_scores(self, dp: Array) -> Array:
        """Return the error at the scores that were seen."""
        found: Array = super().of_scores(dp) * self.seen
        return found


class MaskTurned(Attention):
    """No place sees an earlier one, where it should not see a later one."""

    def mask_of(self, x: Array) -> Array:
        """Return the transposed mask."""
        mask: Array = np.asarray(super().mask_of(x)).T
        return mask


class HeadsMixed(Attention):
    """The heads are put side by side without bringing the places to the front first."""

    def joined(self, o: Array) -> Array:
        """Return (n, h, T, d) read as (n, T, E)."""
        return o.reshape(len(o), o.shape[2], -1)


def layers(package: Any, array: Any, attention: Any) -> Any:
    """Return the network of one of the two packages: rows of pixels with their places, attention of two heads, and the scores."""
    out_proj = package.Linear(array(8, 8), array(8))
    return package.Sequential(
        package.PositionalEmbedding(array(8, 8)),
        attention(2, array(24, 8), array(24), out_proj, causal=True),
        package.Flatten(),
        package.Linear(array(10, 64), array(10)),
    )


def network(attention: type[MultiheadAttention] = MultiheadAttention) -> ByHand:
    """Return the network by hand, with this attention."""
    return ByHand(layers(manual, drawing(seed=3), attention), "cross_entropy", SGD(0.1))


def main() -> None:
    """Print what is seen in the first step."""
    digits = load_digits(DIGITS_CSV)
    batches = [(digits.images[at : at + 16], digits.digits[at : at + 16]) for at in (0, 16, 32)]
    draw = drawing(seed=3)
    module = layers(torch_ref, lambda *shape: torch.tensor(draw(*shape)), torch_ref.MultiheadAttention)
    problem = Problem.of(module, batches=batches, loss="cross_entropy", lr=0.1, dtype="float64")
    backward = DiagonalAlone, NoMean, RootForgotten, NotTransposed, ValuesAlone
    forward = Unscaled, OverQueries, MaskOfZeros, MaskTurned, HeadsMixed
    mistakes = {each.__name__: network(each) for each in (*backward, *forward)}
    with np.errstate(over="ignore", invalid="ignore"):      # the training of one of them overflows
        print(table({"no mistake": network()} | mistakes, problem, NAMES))


if __name__ == "__main__":
    main()
