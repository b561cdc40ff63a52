"""The page of a whole network's training: what each side reaches, what the network has learnt, and every step's shares."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from ..lockstep.network_training import NetworkTraining
from ..problem.networks import NETWORKS
from ..support.arrays import Array
from . import plots
from .html import page_beside_module
from .networks import about_network
from .pictures import Picture
from .svg import Panel, drawn

_MOST_SHOWN = 16      # filters, or records


def network_page(training: NetworkTraining, device: str, command: str) -> str:
    """Return the page; raise MissingExtraError where the extra `report` is not installed."""
    about = [fact for fact in about_network(training, device) if fact[0] != "Mode"]
    return page_beside_module(training.comparison, about, device, command, [*_pictures(training)])


def _pictures(training: NetworkTraining) -> Iterator[Picture]:
    measure = NETWORKS[training.network].measure
    if training.epochs:
        yield Picture(
            "measure",
            f"On the test records: {measure}",
            "Of both sides, after the reported epochs; where the two are equal, one line lies on the other.",
            drawn("measure", partial(_measures, training), Panel(1.85, plots.SIDES)),
            ("epoch", *plots.SIDES),
            [
                (str(epoch), f"{manual:.12g}", f"{torch_ref:.12g}")
                for epoch, manual, torch_ref in zip(training.epochs, training.manual, training.torch_ref, strict=True)
            ],
        )
    learnt = training.comparison.final_parameters[0] or {}
    filters = next(((name, array) for name, array in learnt.items() if array.ndim == 4), None)
    if filters is not None:
        name, kernels = filters[0], filters[1].reshape(-1, *filters[1].shape[2:])[:_MOST_SHOWN]
        yield Picture(
            "filters",
            "The filters of the first convolution",
            f"{name} by hand after the last step, a kernel each: blue is negative, red positive.",
            drawn("filters", partial(_grid, kernels, 2, "RdBu_r"), Panel(1.2, left=0.1, above=0.05, below=0.05)),
            ("kernel", "numbers"),
            [(str(number), " ".join(f"{value:.3g}" for value in kernel.ravel())) for number, kernel in enumerate(kernels)],
        )
    x, y = training.records.test
    if training.attention:
        maps = np.concatenate(list(training.attention.values()))
        yield Picture(
            "attention",
            "Who looks at whom",
            "The weights of each head by hand, after the last step, in the first test record, a row of heads for each attention "
            f"({', '.join(training.attention)}): each place, from above, takes from those on its row, the more the darker.",
            drawn("attention", partial(_grid, maps, len(training.attention), "Purples"), Panel(2.6, left=0.1, above=0.05, below=0.05)),
            ("place", "word", "what follows, by hand", "and right"),
            [
                (str(place), str(word), str(found), str(right) if right >= 0 else "")
                for place, (word, found, right) in enumerate(zip(x[0], training.outputs[0].argmax(axis=-1), y[0], strict=True))
            ],
        )
    if NETWORKS[training.network].measure == "MSE":
        side, shown = int(x.shape[1] ** 0.5), min(_MOST_SHOWN // 2, len(x))
        images = np.concatenate([x[:shown], training.outputs[:shown]]).reshape(-1, side, side)
        yield Picture(
            "images",
            "What comes back",
            "Above test records, below what the network makes of them, by hand, after the last step.",
            drawn("images", partial(_grid, images, 2, "Greys"), Panel(1.3, left=0.1, above=0.05, below=0.05)),
            ("record", "mean squared error"),
            [(str(n), f"{float(np.mean((x[n] - training.outputs[n]) ** 2)):.6g}") for n in range(shown)],
        )


def _measures(training: NetworkTraining, ax: Any) -> None:
    styles: tuple[Any, ...] = ({"linestyle": "-", "linewidth": 3}, {"linestyle": (0, (2, 3)), "linewidth": 1.6})
    for values, name, color, style in zip((training.manual, training.torch_ref), plots.SIDES, plots.COLORS, styles, strict=False):
        ax.plot(training.epochs, values, color=color, marker="o", markersize=3, label=name, **style)
    ax.set_xlabel("epoch")
    ax.locator_params(axis="x", integer=True)
    ax.set_ylabel(NETWORKS[training.network].measure)
    ax.legend()


def _grid(images: Array, rows: int, colors: str, ax: Any) -> None:
    """Draw images (n, h, w) side by side, in so many rows, with one scale of colours: around 0, or from 0 where nothing is below it."""
    columns = -(-len(images) // rows)
    height, width = images.shape[1:]
    whole = np.full((rows * (height + 1), columns * (width + 1)), np.nan)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        whole[row * (height + 1) : row * (height + 1) + height, column * (width + 1) : column * (width + 1) + width] = image
    most = float(np.nanmax(np.abs(whole)))
    ax.imshow(whole, cmap=colors, vmin=-most if images.min() < 0 else 0, vmax=most, interpolation="nearest")
    ax.axis("off")
