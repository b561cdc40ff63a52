"""The pictures of a page: nothing of them is cut off, and the steps of probes are apart from each other."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import nn

from compare import Check, Manual, Problem, TorchRef, check, train_in_lockstep
from compare.lockstep.of_module import train_beside_module
from compare.report import pictures, plots, svg
from compare.report.html import comparison_page

EXAMPLES = Path(__file__).parents[3] / "examples"
_HAIR = 0.01      # inches


def cut_off(figure: Figure) -> list[str]:
    """The sides on which something of the figure, such as a legend, a tick's label or a colour bar's title, is not whole inside it."""
    FigureCanvasAgg(figure).draw()
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    room = {"left": box.x0, "below": box.y0, "right": width - box.x1, "above": height - box.y1}
    return [f"{side} {-inches:.2f}" for side, inches in room.items() if inches < -_HAIR]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    """Every figure that is saved."""
    figures: list[Figure] = []
    save = Figure.savefig

    def saved(self: Figure, *args: Any, **options: Any) -> None:
        figures.append(self)
        save(self, *args, **options)

    monkeypatch.setattr(Figure, "savefig", saved)
    return iter([figures])


def trained(problem: Problem, steps: int = 3) -> Any:
    return train_in_lockstep(Manual(problem, stages=True), TorchRef(problem, stages=True), problem, steps=steps, keep=range(1, steps + 1))


class Deep(nn.Module):
    """Its parameters have names as long as those of large models are."""

    def __init__(self) -> None:
        super().__init__()
        self.transformer_of_the_encoder = nn.ModuleDict({"self_attention_projection_of_block_0": nn.Linear(3, 2)})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.transformer_of_the_encoder["self_attention_projection_of_block_0"](x)
        return output


def beside(module: type[nn.Module]) -> Any:
    problem = Problem.of(module(), inputs=(4, 3))
    return train_beside_module(module(), problem, steps=3)


PAGES = {
    "one layer": lambda: trained(Problem.draw((2, 1), records=(3,), lr=0.1)),
    "many layers": lambda: trained(Problem.draw((3, 9, 8, 7, 6, 2), records=(5,), bias=True, normalization="batch_norm", lr=0.1)),
    "adam": lambda: trained(Problem.draw((3, 4, 2), records=(5,), bias=True, optimizer="adam", lr=0.1)),
    "one step": lambda: trained(Problem.draw((3, 4, 2), records=(5,), lr=0.1), 1),
    "long names": lambda: beside(Deep),
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", PAGES)
def test_nothing_of_a_picture_is_cut_off(name: str, drawn: Iterator[list[Figure]]) -> None:
    figures = next(drawn)
    comparison_page(PAGES[name]())
    assert figures
    assert [cut_off(figure) for figure in figures] == [[]] * len(figures)


def test_nothing_is_cut_off_in_the_page_of_a_wrong_file(wrong: Check, drawn: Iterator[list[Figure]]) -> None:
    figures = next(drawn)
    wrong.to_html()
    assert len(figures) == 3
    assert [cut_off(figure) for figure in figures] == [[]] * len(figures)


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("fault", "side"),
    [
        (lambda panel: panel._replace(left=0.3), "left"),
        (lambda panel: panel._replace(right=0.5), "right"),
        (lambda panel: panel._replace(legend=(), below=0.2), "below"),
        (lambda panel: panel._replace(above=0.0), "above"),
    ],
)
def test_what_is_cut_off_is_noticed(
    fault: Callable[[svg.Panel], svg.Panel], side: str, drawn: Iterator[list[Figure]], monkeypatch: pytest.MonkeyPatch
) -> None:
    figures, draw = next(drawn), pictures.drawn
    monkeypatch.setattr(pictures, "drawn", lambda name, what, *panels: draw(name, what, *map(fault, panels)))
    comparison_page(PAGES["adam"]())
    assert any(cut.startswith(side) for figure in figures for cut in cut_off(figure))


@pytest.fixture(scope="module")
def wrong() -> Check:
    return check(EXAMPLES / "wrong_hidden_error.py", seed=1, keep=True)


def test_the_steps_of_probes_are_not_joined_by_lines_and_have_no_loss(wrong: Check) -> None:
    assert wrong.probes is not None
    joined = trained(Problem.draw((3, 4, 2), records=(5,), lr=0.1))
    for comparison, is_joined in ((wrong.probes, False), (joined, True)):
        for plot in (plots.plot_differences, plots.plot_loss):
            ax = plot(comparison, Figure().subplots())
            styles = {line.get_linestyle() for line in ax.lines if len(np.atleast_1d(line.get_xdata())) > 2}
            assert (styles != {"None"}) == is_joined
    assert 'id="loss"' not in wrong.to_html()
    assert 'id="loss"' in joined.to_html()


def test_a_long_name_keeps_its_beginning_and_its_end() -> None:
    comparison = beside(Deep)
    names = [plots.label(comparison.problem, key) for key in plots.update_shares(comparison)]
    assert names == ["Δ transf…of_block_0.bias", "Δ transf…_block_0.weight"]
