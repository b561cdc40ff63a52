"""The mistakes of docs/convolution.md, each in the second convolution of a small network or in a pooling, measured beside PyTorch.

`python docs/convolution_mistakes.py` prints the table.
"""

import numpy as np
from deltas_off import table
from torch import nn

from compare import ByHand, Problem
from data import DIGITS_CSV, load_digits
from manual import ACTIVATIONS, SGD, Activate, AvgPool2d, Conv2d, Flatten, Linear, MaxPool2d, Sequential
from manual.arrays import Array
from manual.networks import drawing

MODULE = nn.Sequential(
    nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2),
    nn.Flatten(), nn.Linear(16, 10),
)  # fmt: skip
NAMES = "0.weight", "0.bias", "3.weight", "3.bias"      # the parameters that are shown


class TurnedForward(Conv2d):
    """The kernel is turned by 180° forward, and in the error at the input, but not in its gradient."""

    def matrices(self) -> Array:
        """Return the turned weight as a matrix."""
        return np.flip(self.weight, axis=(2, 3)).reshape(1, len(self.weight), -1)


class TurnedBack(Conv2d):
    """The kernel is turned by 180° on the way back to the input."""

    def backward(self, delta: Array) -> Array:
        """Return the error of a convolution with the turned kernel."""
        other = Conv2d(np.flip(self.weight, axis=(2, 3)), padding=1)
        other.forward(np.zeros(self.x.shape))
        return other.backward(delta)


class ChannelsSwapped(Conv2d):
    """On the way back to the input, channels in and out are swapped in the weight."""

    def backward(self, delta: Array) -> Array:
        """Return the error of a convolution with the swapped kernel."""
        other = Conv2d(self.weight.swapaxes(0, 1), padding=1)
        other.forward(np.zeros(self.x.shape))
        return other.backward(delta)


class Overwritten(Conv2d):
    """Where windows overlap, the error of one overwrites that of the other."""

    def backward(self, delta: Array) -> Array:
        """Return the error of the window that came last."""
        n, _, height, width = delta.shape
        error = np.zeros((n, self.weight.shape[1], height + 2, width + 2))
        for i, j in np.ndindex(3, 3):
            error[:, :, i : i + height, j : j + width] = np.einsum("oc,noab->ncab", self.weight[:, :, i, j], delta)
        return error[:, :, 1:-1, 1:-1]


class BiasMean(Conv2d):
    """The bias gets the mean of δ over the places of the image, and not the sum."""

    def gradients(self, delta: Array) -> dict[str, Array]:
        """Return the right gradient of the weight, and a wrong one of the bias."""
        return super().gradients(delta) | {"bias": delta.mean(axis=(2, 3)).sum(axis=0)}


class AllOfEquals(MaxPool2d):
    """Every number that is as large as the window's largest gets its error, and not only the first."""

    def forward(self, x: Array) -> Array:
        """Return y, and keep what the way back compares."""
        self.x, self.y = x, super().forward(x)
        return self.y

    def backward(self, error: Array) -> Array:
        """Return the error wherever x is the y of its window of 2 × 2."""
        y, error = (each.repeat(2, axis=2).repeat(2, axis=3) for each in (self.y, error))
        return np.where(self.x == y, error, 0)


class LastOfEquals(AllOfEquals):
    """Of equal numbers the last gets the error, and not the first."""

    def backward(self, error: Array) -> Array:
        """Return the error of the image turned by 180°, in which the last is the first."""
        other = MaxPool2d(2)
        other.forward(np.flip(self.x, axis=(2, 3)))
        return np.flip(other.backward(np.flip(error, axis=(2, 3))), axis=(2, 3))


class Undivided(AvgPool2d):
    """Each number of a window gets the whole error of the mean."""

    def backward(self, error: Array) -> Array:
        """Return the error without 1/4."""
        return 4 * super().backward(error)


def network(
    convolution: type[Conv2d] = Conv2d, max_pool: type[MaxPool2d] = MaxPool2d, avg_pool: type[AvgPool2d] = AvgPool2d, *, stages: bool = True
) -> ByHand:
    """Return the network by hand, made of these layers; without `stages` it shows no layer but the last."""
    draw, relu = drawing(seed=3), ACTIVATIONS["relu"]
    layers = Sequential(
        Conv2d(draw(4, 1, 3, 3), draw(4), padding=1), Activate(relu), max_pool(2),
        convolution(draw(4, 4, 3, 3), draw(4), padding=1), Activate(relu), avg_pool(2),
        Flatten(), Linear(draw(10, 16), draw(10)),
    )  # fmt: skip
    return ByHand(layers, "cross_entropy", SGD(0.3), stages=stages)


def main() -> None:
    """Print what is seen in the first step; and of max pooling what is seen of the deltas alone, in two steps."""
    digits = load_digits(DIGITS_CSV)
    batches = [(digits.images[at : at + 16, None], digits.digits[at : at + 16]) for at in (0, 16, 32)]
    start = network().layer.parameters()
    problem = Problem.of(MODULE, batches=batches, loss="cross_entropy", lr=0.3, dtype="float64", initial_parameters=start)
    none = {"no mistake": network()}
    convolutions = TurnedForward, TurnedBack, ChannelsSwapped, Overwritten, BiasMean
    mistakes = {each.__name__: network(convolution=each) for each in convolutions}
    print(table(none | mistakes | {"AllOfEquals": network(max_pool=AllOfEquals), "Undivided": network(avg_pool=Undivided)}, problem, NAMES))
    print("\nof the deltas alone, in two steps")
    print(table({each.__name__: network(max_pool=each, stages=False) for each in (AllOfEquals, LastOfEquals)}, problem, NAMES, steps=2))


if __name__ == "__main__":
    main()
