"""Pictures: each is drawn on the axes that it is given, or on its own, shows what was compared, and is the same each time."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from compare import Comparison, Manual, Problem, ProblemError, TorchRef, train_in_lockstep
from compare.cli.arguments import PICTURES as OFFERED
from compare.cli.main import main
from compare.lockstep.difference import Difference
from compare.report import plots
from compare.report.picture import FORMATS, PICTURES, picture
from compare.support.errors import MissingExtraError

MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "pdf": b"%PDF-", "svg": b"<?xml"}
PLOTS = (plots.plot_loss, plots.plot_differences, plots.plot_shares)


@pytest.fixture(autouse=True)
def _no_window() -> Iterator[None]:
    pyplot.switch_backend("agg")
    yield
    pyplot.close("all")


def trained(steps: int = 4, lr: float = 0.1, keep: Any = None, **options: Any) -> Comparison:
    problem = Problem.draw((3, 4, 2), **{"records": (6,), "bias": True, "lr": lr, **options})
    sides = (Manual(problem, stages=True), TorchRef(problem, stages=True))
    with np.errstate(all="ignore"):
        return train_in_lockstep(*sides, problem, steps=steps, keep=range(1, steps + 1) if keep is None else keep)


@pytest.fixture(scope="module")
def equal() -> Comparison:
    return trained()


@pytest.fixture(scope="module")
def different(equal: Comparison) -> Comparison:
    """As if the second step's gradients of the output layer had been wrong."""
    return replace(equal, first_divergence=Difference(2, "grads", "2.weight", (0, 1), 1.0, 2.0, 1.0, 1e-16, 1e16))


def axes() -> Any:
    return Figure().subplots()


def drawn(figure: Any) -> None:
    """Raise where the figure cannot be drawn; a warning is an error."""
    figure.canvas.draw()


def texts(ax: Any) -> str:
    legend = [] if ax.get_legend() is None else ax.get_legend().get_texts()
    return "\n".join(text.get_text() for text in (*ax.texts, *legend, ax.title, ax.xaxis.label, ax.yaxis.label))


@pytest.mark.parametrize("plot", PLOTS)
def test_a_plot_is_drawn_on_the_axes_that_it_is_given_and_returns_them(plot: Any, equal: Comparison) -> None:
    ax = axes()
    assert plot(equal, ax) is ax
    assert ax.get_xlabel() == "step"
    drawn(ax.figure)


@pytest.mark.parametrize("plot", PLOTS)
def test_a_plot_makes_its_own_axes_and_returns_them(plot: Any, equal: Comparison) -> None:
    ax = plot(equal)
    assert ax.get_xlabel() == "step"
    drawn(ax.figure)


def test_the_network_is_drawn_on_given_axes_or_its_own(equal: Comparison) -> None:
    ax = axes()
    assert plots.plot_network(equal.problem, None, ax) is ax
    own = plots.plot_network(equal.problem)
    assert [text.get_text() for text in own.texts] == ["input\n3", "hidden 1\n4\nsigmoid", "output\n2\nsigmoid"]
    drawn(own.figure)


def test_the_deltas_are_drawn_on_given_axes_or_their_own(equal: Comparison) -> None:
    given = Figure().subplots(4, 3)
    assert plots.plot_deltas(equal, 2, given) is given
    own = plots.plot_deltas(equal)
    assert own.shape == (4, 3)
    assert [ax.get_title() for ax in own[0]] == ["Δ 0.weight: manual", "Δ 0.weight: torch_ref", "Δ 0.weight: share"]
    assert own[0, 0].figure.get_suptitle() == "step 4"
    drawn(own[0, 0].figure)


def test_the_deltas_are_the_numbers_of_that_step(equal: Comparison) -> None:
    shown = plots.plot_deltas(equal, 3)[0, 0].images[0].get_array()
    deltas = equal.kept[3].actual.deltas
    assert deltas is not None
    np.testing.assert_array_equal(shown, deltas["0.weight"])
    assert not np.array_equal(shown, plots.plot_deltas(equal, 2)[0, 0].images[0].get_array())


def test_the_loss_has_a_line_for_each_side(equal: Comparison) -> None:
    lines = plots.plot_loss(equal, axes(), sides=("mine", "theirs")).lines
    assert [line.get_label() for line in lines] == ["mine", "theirs"]
    expected = [float(kept.expected.loss) for kept in equal.kept.values() if kept.expected.loss is not None]
    np.testing.assert_array_equal(lines[1].get_ydata(), expected)


@pytest.mark.parametrize("phase", ["activations", "output", "loss", "errors", "grads", "deltas", "params"])
def test_each_phase_can_be_drawn_its_differences_below_what_is_allowed(phase: str, equal: Comparison) -> None:
    ax = plots.plot_differences(equal, axes(), phase=phase)
    assert ax.get_yscale() == "log"
    assert ax.get_title() == plots.PHASE_NAMES[phase]
    *pairs, _ = ax.lines
    for gap, allowed in zip(pairs[::2], pairs[1::2], strict=True):
        assert not (np.asarray(gap.get_ydata()) > np.asarray(allowed.get_ydata())).any()
    drawn(ax.figure)


@pytest.mark.parametrize("phase", ["prediction", "weights", ""])
def test_a_phase_that_is_not_shown_is_refused_with_those_that_are(phase: str, equal: Comparison) -> None:
    if not phase:
        equal = replace(equal, kept={})
    with pytest.raises(ProblemError, match="is not shown in the kept steps; expected one of"):
        plots.plot_differences(equal, phase=phase or None)


def test_a_step_that_was_not_kept_is_refused_with_one_that_was(equal: Comparison) -> None:
    with pytest.raises(ProblemError, match="step 7 was not kept; expected one that was, such as 4"):
        plots.plot_deltas(equal, 7)
    with pytest.raises(ProblemError, match="no step was kept; expected some: train with keep="):
        plots.plot_deltas(replace(equal, kept={}))


def test_the_first_that_is_wrong_is_marked(different: Comparison, equal: Comparison) -> None:
    assert "first wrong: ∂L/∂2.weight" in texts(plots.plot_network(different.problem, different.first_divergence, axes()))
    assert "first wrong" not in texts(plots.plot_network(equal.problem, None, axes()))
    for plot in (plots.plot_loss, plots.plot_differences):
        assert "step 2" in texts(plot(different, axes()))
        assert "step 2" not in texts(plot(equal, axes()))
    assert plots.kept_step(different).step == 2


@pytest.mark.parametrize(
    ("phase", "tensor", "place"),
    [
        ("activations", "1", ("unit", 1)),
        ("errors", "2", ("unit", 2)),
        ("grads", "0.bias", ("weight", 1)),
        ("params", "2.weight", ("weight", 2)),
        ("output", "output", None),
        ("loss", "loss", None),
    ],
)
def test_what_is_wrong_is_marked_at_its_place(phase: str, tensor: str, place: Any, equal: Comparison) -> None:
    wrong = Difference(1, phase, tensor)
    assert plots._place(equal.problem, wrong) == place
    drawn(plots.plot_network(equal.problem, wrong, axes()).figure)


def test_a_share_beyond_its_bound_is_red_in_the_heat_map(equal: Comparison) -> None:
    image = plots.plot_shares(equal, axes()).images[0]
    values = np.asarray(image.get_array())
    assert values.shape == (len(equal.agreement), 4)
    assert (values <= 1).all()
    red = to_rgba(plots.WRONG)
    assert image.cmap(image.norm(1e6)) == red
    assert image.cmap(image.norm(1.0)) != red


def test_numbers_that_are_not_finite_can_be_drawn() -> None:
    comparison = trained(6, lr=1e308, activations="identity")
    assert comparison.verdict == "different"
    for plot in PLOTS:
        drawn(plot(comparison, axes()).figure)
    for step in comparison.kept:
        drawn(plots.plot_deltas(comparison, step)[0, 0].figure)


def test_a_large_network_is_drawn_with_as_many_units_as_there_is_room_for() -> None:
    ax = plots.plot_network(Problem.draw((300, 200, 1), records=(2,)), None, axes())
    assert len(ax.lines) < 100
    assert "⋮" in texts(ax)
    drawn(ax.figure)


def test_without_matplotlib_a_plot_says_what_to_install(equal: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for draw in (lambda: plots.plot_loss(equal), lambda: plots.plot_network(equal.problem), lambda: picture("loss", equal, "png")):
        with pytest.raises(MissingExtraError, match=r"pip install 'backprop-compare\[report\]'"):
            draw()


@pytest.mark.sampled(3)
@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_is_the_same_byte_for_byte(kind: str, equal: Comparison) -> None:
    assert picture(kind, equal, "svg") == picture(kind, equal, "svg")


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_the_same_byte_for_byte_and_what_it_says(form: str, equal: Comparison, different: Comparison) -> None:
    once = picture("network", equal, form)
    assert once.startswith(MAGIC[form])
    assert picture("network", equal, form) == once
    assert picture("network", different, form) != once


def test_the_command_offers_every_picture() -> None:
    assert tuple(PICTURES) == OFFERED


@pytest.mark.parametrize(("kind", "name"), [("loss", "a.png"), ("difference", "b.svg"), ("deltas", "c.pdf"), ("network", "d.PNG")])
def test_the_command_writes_the_picture_in_the_format_of_its_name(
    kind: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / name
    assert main(["plot", kind, str(file), "--epochs", "2"]) == 0
    assert file.read_bytes().startswith(MAGIC[name[-3:].lower()])
    assert capsys.readouterr().out.startswith(f"{file}: {PICTURES[kind].description}; equivalent: ")


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("a.gif", [], "does not end in .png, .svg, .pdf"),
        ("png", [], "does not end in"),
        ("no/folder/a.png", [], "is no folder"),
        ("a.png", ["--step", "3"], "--step 3 is given, and there are 2"),
    ],
)
def test_a_picture_that_cannot_be_made_is_refused_before_anything_is_trained(
    name: str, options: list[str], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise AssertionError("it was begun")

    monkeypatch.setattr("compare.cli.train.train_both", fail)
    assert main(["plot", "deltas", str(tmp_path / name), "--epochs", "2", *options]) == 2
    err = capsys.readouterr().err
    assert complaint in err
    assert len(err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_the_command_says_so_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise AssertionError("it was begun")

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr("compare.cli.train.train_both", fail)
    assert main(["plot", "loss", str(tmp_path / "a.png")]) == 2
    assert "pip install 'backprop-compare[report]'" in capsys.readouterr().err
