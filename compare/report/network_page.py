"""The page of a whole network's training: what each side reaches, what the network has learnt, and every step's shares."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from ..lockstep.network_training import NetworkTraining
from ..problem.networks import NETWORKS
from ..support.arrays import Array
from . import plots
from .html import Picture, page_beside_module
from .networks import about_network
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
            drawn("filters", partial(_grid, kernels, "RdBu_r"), Panel(1.2, left=0.1, above=0.05, below=0.05)),
            ("kernel", "numbers"),
            [(str(number), " ".join(f"{value:.3g}" for value in kernel.ravel())) for number, kernel in enumerate(kernels)],
        )


def _measures(training: NetworkTraining, ax: Any) -> None:
    styles: tuple[Any, ...] = ({"linestyle": "-", "linewidth": 3}, {"linestyle": (0, (2, 3)), "linewidth": 1.6})
    for values, name, color, style in zip((training.manual, training.torch_ref), plots.SIDES, plots.COLORS, styles, strict=False):
        ax.plot(training.epochs, values, color=color, marker="o", markersize=3, label=name, **style)
    ax.set_xlabel("epoch")
    ax.locator_params(axis="x", integer=True)
    ax.set_ylabel(NETWORKS[training.network].measure)
    ax.legend()


def _grid(images: Array, colors: str, ax: Any) -> None:
    """Draw images (n, h, w) side by side, in two rows, with one scale of colours around 0."""
    columns = -(-len(images) // 2)
    height, width = images.shape[1:]
    whole = np.full((2 * (height + 1), columns * (width + 1)), np.nan)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        whole[row * (height + 1) : row * (height + 1) + height, column * (width + 1) : column * (width + 1) + width] = image
    most = float(np.nanmax(np.abs(whole)))
    ax.imshow(whole, cmap=colors, vmin=-most, vmax=most, interpolation="nearest")
    ax.axis("off")
