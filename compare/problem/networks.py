"""The table of whole networks: what each learns, from which records, and how it is trained.

Importing this module loads neither NumPy nor torch.
"""

from __future__ import annotations

from ..support.packages import beside

TYPE_CHECKING = False      # as `typing` has it; it and `dataclasses` take longer to import than the command line's help to print
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Literal

    from ..support.arrays import Batch

    Measure = Literal["accuracy", "bits per character", "MSE"]


class Records:
    """Arrays to train on and to test with, each (x, y); `sizes` are what the network's own sizes follow from."""

    def __init__(self, training: Batch, test: Batch, **sizes: int) -> None:
        self.training, self.test, self.sizes = training, test, sizes


class NetworkPiece:
    """One row: the `network` of `manual.NETWORKS` and `torch_ref.NETWORKS`, what it learns, and a training that shows it.

    `read(path, split_seed)` returns its `Records`, by default from the file in `data`; of the two it `takes` some.
    `measure` is what is printed of the test records.
    """

    loss, optimizer, lr = "cross_entropy", "adam", 0.005

    def __init__(
        self, network: str, says: str, read: Callable[[str | None, int], Records], *, measure: Measure = "accuracy", batch_size: int = 64,
        epochs: int = 8, takes: tuple[str, ...] = ("data", "split_seed"), **training: Any,
    ) -> None:
        self.takes = takes
        self.network, self.says, self.read, self.measure, self.batch_size, self.epochs = network, says, read, measure, batch_size, epochs
        vars(self).update(training)

    def batches(self, records: Records, epochs: int, batch_size: int, seed: int) -> list[Batch]:
        """Return the mini-batches of all epochs in their order, drawn anew for each epoch; the last of an epoch may be short."""
        import numpy as np

        x, y = records.training
        generator = np.random.default_rng((seed, _ORDER))
        orders = (generator.permutation(len(x)) for _ in range(epochs))
        return [(x[order[at : at + batch_size]], y[order[at : at + batch_size]]) for order in orders for at in range(0, len(x), batch_size)]

    def measured(self, output: Any, y: Any) -> float:
        """Return the measure of outputs for targets y."""
        import numpy as np

        if self.measure == "MSE":
            return float(np.mean((output - y) ** 2))
        known = y >= 0
        if self.measure == "accuracy":
            return float(np.mean(output.argmax(axis=-1)[known] == y[known]))
        logits = output.astype(np.float64)
        surprise = np.logaddexp.reduce(logits, axis=-1) - np.take_along_axis(logits, y[..., None], axis=-1)[..., 0]
        return float(surprise[known].mean() / np.log(2))


_ORDER = 1      # part of the generator's seed


def _digits(path: str | None, split_seed: int) -> tuple[Sequence[Any], Any]:
    data = beside("data")
    found = data.load_digits(path or data.DIGITS_CSV, split_seed=split_seed)
    return (found.images, found.images_test), (found.digits, found.digits_test)


def _images(path: str | None, split_seed: int) -> Records:
    (x, x_test), (y, y_test) = _digits(path, split_seed)
    return Records((x[:, None], y), (x_test[:, None], y_test))


def _rows(path: str | None, split_seed: int) -> Records:
    (x, x_test), (y, y_test) = _digits(path, split_seed)
    return Records((x, y), (x_test, y_test))


def _codes(path: str | None, split_seed: int) -> Records:
    x, x_test = (each.reshape(len(each), -1) for each in _digits(path, split_seed)[0])
    return Records((x, x), (x_test, x_test))


def _sorting(path: str | None, split_seed: int) -> Records:
    found = beside("data").draw_sorting(seed=split_seed)
    training, test = (found.sequences, found.following), (found.sequences_test, found.following_test)
    return Records(training, test, words=10, length=found.sequences.shape[1])


def _characters(path: str | None, split_seed: int) -> Records:
    data = beside("data")
    found = data.load_text(path or data.ALICE_TXT)
    words, length = len(found.characters), found.windows.shape[1]
    return Records((found.windows, found.following), (found.windows_test, found.following_test), words=words, length=length)


NETWORKS: Mapping[str, NetworkPiece] = {
    "lenet": NetworkPiece("lenet", "digits of 8 × 8 pixels", _images),
    "autoencoder": NetworkPiece("autoencoder", "images of 8 × 8 pixels in 8 numbers", _codes, loss="mse", measure="MSE"),
    "lstm": NetworkPiece("lstm", "digits of 8 × 8 pixels, row by row", _rows, lr=0.02),
    "gru": NetworkPiece("gru", "digits of 8 × 8 pixels, row by row", _rows, lr=0.02),
    "gpt": NetworkPiece("gpt", "sorting 6 digits", _sorting, batch_size=32, epochs=4, takes=("split_seed",), optimizer="adamw"),
    "gpt-text": NetworkPiece(
        "gpt", "the characters of a text", _characters, measure="bits per character", batch_size=16, epochs=2, takes=("data",),
        optimizer="adamw",
    ),
}
