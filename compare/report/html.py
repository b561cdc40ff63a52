"""A comparison as a page: one file that opens offline, makes no request, and shows what a person would ask first.

What users bring (names, texts, exceptions) is escaped by the template; pictures are SVG, drawn in the page's own text colour, so that they
follow its light or dark.
"""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from html import escape
from io import StringIO
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..checking.result import Check
from ..lockstep.result import Comparison
from ..lockstep.training import Training
from ..problem.problem import Problem
from ..rounding.difference import ComparedStep, Difference, shares
from ..support.arrays import Array
from ..support.environment import environment
from ..support.errors import MissingExtraError
from . import plots
from .words import MARKS, about, described, headline, probes, summary_of_check, summary_of_training, why

PAGE = Path(__file__).parent / "page"
MOST_PICKED = 200      # steps to pick from
MOST_ENTRIES = 64      # of a parameter, that are shown as a matrix; else those with the largest share
_LARGE = 1e6
_WIDTH = 5.2      # of a picture in inches: narrow, so that its text can be read on a phone
_LETTER = 0.08      # its width in inches, in a picture's labels
_TABLE_ROWS = 24      # of a picture's data
_INK = "#010203"      # stands for the page's text colour while matplotlib draws
Sides = tuple[str, str]


@dataclass(frozen=True)
class Picture:
    """A drawing with what it shows in words, and its numbers as a table."""

    id: str
    title: str
    description: str
    svg: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def training_page(training: Training, device: str, command: str) -> str:
    """The page of both backends' training; `command` repeats it."""
    return comparison_page(training.comparison, device=device, command=command, epochs=_epochs(training))


def comparison_page(
    comparison: Comparison,
    *,
    sides: Sides = plots.SIDES,
    device: str = "cpu",
    command: str | None = None,
    epochs: Sequence[Sequence[str]] = (),
) -> str:
    """The page of any comparison; raises MissingExtraError where the extra `report` is not installed."""
    sentence = comparison.explanation().split("\n")[0]
    last = () if comparison.verdict == "equivalent" else tuple(summary_of_training(comparison, command))
    details = comparison.explanation().split("\n")[1:]
    return _rendered(
        verdict=comparison.verdict,
        sentence=sentence,
        title=f"{comparison.verdict}: {described(comparison.problem)}",
        last=last,
        facts=_facts(comparison, sides, device, command),
        notes=[comparison.stopped] if comparison.stopped else [],
        details=details,
        epochs=epochs,
        **_shown(comparison, sides),
    )


def check_page(check: Check, command: str, hint: Mapping[str, str] | None = None) -> str:
    """The page of a check; with a hint, only what the hint says."""
    comparison = check.comparison or check.probes
    facts = [
        ("What", about(check)),
        ("Probes", probes(check)),
        ("Compared", f"{check.compared} numbers in {check.steps} steps"),
        ("Versions", _versions("cpu")),
        ("Repeat", command),
    ]
    last = () if check.verdict == "equivalent" else tuple(summary_of_check(check, command, hint))
    beside = [check.reason] if last and check.reason and not any(check.reason in line.text for line in last) else []
    shown = {"pictures": [_network(check.problem)]} if comparison is None else _shown(comparison, ("yours", "PyTorch"))
    return _rendered(
        epochs=(),
        verdict=check.verdict,
        sentence=headline(check),
        title=f"{check.verdict}: {check.name}",
        last=last,
        facts=[fact for fact in facts if fact[1]],
        notes=[*beside, *(f"Found: {sentence}" for sentence in (*check.conventions, *check.scales)), *check.notes],
        details=list(why(check, hint)),
        stages=[(MARKS[stage.mark], stage.mark, stage.name, _where(stage.difference)) for stage in check.stages],
        printed=check.printed,
        **shown,
    )


def _where(difference: Difference | None) -> str:
    if difference is None or difference.actual is None:
        return ""
    index = f" {list(difference.index)}" if difference.index else ""
    return f"step {difference.step}{index}: {difference.actual:.8g}, PyTorch's {difference.expected:.8g}; {difference.share:.3g} × allowed"


def _facts(comparison: Comparison, sides: Sides, device: str, command: str | None) -> list[tuple[str, str]]:
    problem = comparison.problem
    tests = 0 if problem.test is None else len(problem.test[0])
    facts = [
        ("Network", f"{described(problem)}, lr {problem.lr:g}, {problem.dtype}"),
        ("Data", f"{problem.records} training records, {tests} test records; seed {problem.seed}"),
        ("Sides", f"{sides[0]} beside {sides[1]} on {device}; {_versions(device)}"),
        ("Compared", f"{comparison.compared} numbers in {comparison.steps} steps, mode {comparison.mode}"),
    ]
    if comparison.worst is not None and comparison.first_divergence is None:
        facts.append(("Nearest to its bound", f"step {comparison.worst.step}, {comparison.worst.share:.1%} of what rounding allows"))
        facts.append(("Drift of the weights", f"{comparison.drift:.2g}"))
    if comparison.accuracies is not None:
        ours, theirs = comparison.accuracies
        facts.append(("Accuracy on the test records", f"{sides[0]} {ours:.4g}, {sides[1]} {theirs:.4g}"))
    return facts + ([("Repeat", command)] if command else [])


def _versions(device: str) -> str:
    ran = environment(device)
    return ", ".join(f"{name} {version}" for name, version in ran.items() if name in ("python", "numpy", "torch", "backprop-compare"))


def _epochs(training: Training) -> list[list[str]]:
    """The losses after the reported epochs."""
    measures = zip(training.epochs, training.manual.loss, training.torch_ref.loss, strict=True)
    return [[str(epoch), _aligned(ours), _aligned(theirs)] for epoch, ours, theirs in measures]


def _aligned(value: float) -> str:
    """With its zeros, as the numbers of a column have; one that is too large for a column in twelve digits."""
    return f"{value:.12f}" if abs(value) < _LARGE else f"{value:.12g}"


def _shown(comparison: Comparison, sides: Sides) -> dict[str, Any]:
    """The pictures, and the deltas to pick from."""
    figures = list(_pictures(comparison, sides))
    if not comparison.kept:
        return {"pictures": figures, "sides": sides}
    picked, at = _picked(comparison), plots.kept_step(comparison).step
    deltas = {str(step): _deltas(comparison.kept[step]) for step in picked}
    if not any(deltas.values()):      # of gradients alone, say
        return {"pictures": figures, "sides": sides}
    return {"pictures": figures, "sides": sides, "deltas": deltas, "step": at, "position": picked.index(at)}


def _picked(comparison: Comparison) -> list[int]:
    """The steps that the reader can pick, with the first that differs."""
    steps = sorted(comparison.kept)
    chosen = {steps[i * (len(steps) - 1) // (MOST_PICKED - 1)] for i in range(MOST_PICKED)} if len(steps) > MOST_PICKED else set(steps)
    return sorted(chosen | {plots.kept_step(comparison).step})


def _deltas(kept: ComparedStep) -> list[dict[str, Any]]:
    """Each parameter's deltas in a step: whole as matrices, or as the entries that come nearest to their bounds."""
    found, says = [], (_number, _number, _share)
    for name, actual, expected, allowed in kept.deltas():
        share = shares(actual, expected, np.broadcast_to(allowed, actual.shape))
        as_rows = [array if array.ndim == 2 else array[None] for array in (actual, expected, share)]
        entry: dict[str, Any] = {"name": name, "shape": list(actual.shape)}
        if actual.size <= MOST_ENTRIES:
            entry["rows"] = [[[say(value) for value in row] for row in array] for array, say in zip(as_rows, says, strict=True)]
        else:
            nearest = np.argsort(share, axis=None)[::-1][:8]
            places = [[int(i) for i in np.unravel_index(at, actual.shape)] for at in nearest]
            arrays = list(zip((actual, expected, share), says, strict=True))
            entry["entries"] = [[place, *(say(array[tuple(place)]) for array, say in arrays)] for place in places]
        found.append(entry)
    return found


def _number(value: Any) -> str:
    return f"{float(value):.6g}"


def _share(value: Any) -> str:
    """In three digits, or in all where three would hide that it is more than 1."""
    share = float(value)
    text = f"{share:.3g}"
    return text if (float(text) > 1) == (share > 1) else repr(share)


def _network(problem: Problem, first: Difference | None = None) -> Picture:
    wrong = first if first is not None and first.phase in plots.PHASE_NAMES else None
    marked = f" The first that is wrong is marked: {plots.tensor_name(problem, (wrong.phase, wrong.tensor))}." if wrong else ""
    layers = ", ".join(f"{layer.units_in} to {layer.units} {layer.function}" for layer in problem.layers)
    return Picture(
        "network",
        "The network",
        f"{len(problem.layers)} layer{'s' if len(problem.layers) > 1 else ''}: {layers}.{marked}",
        _drawn("network", lambda ax: plots.plot_network(problem, wrong, ax), _Panel(2.9, left=0, above=0, below=0)),
        ("layer", "inputs", "units", "activation"),
        [(str(n), str(layer.units_in), str(layer.units), layer.function) for n, layer in enumerate(problem.layers, start=1)],
    )


def _pictures(comparison: Comparison, sides: Sides) -> Iterator[Picture]:
    problem = comparison.problem
    yield _network(problem, comparison.first_divergence)
    if not comparison.kept:
        return
    kept = [kept for _, kept in sorted(comparison.kept.items())]
    if all(one.actual.loss is not None or one.expected.loss is not None for one in kept):
        yield Picture(
            "loss",
            "The loss",
            f"The {problem.loss} of both sides before each step; where the two are equal, one line lies on the other.",
            _drawn("loss", lambda ax: plots.plot_loss(comparison, ax, sides=sides), _Panel(1.85, sides)),
            ("step", *sides),
            [(str(one.step), _scalar(one.actual.loss), _scalar(one.expected.loss)) for one in _some(kept)],
        )
    agreement = comparison.agreement
    if not agreement:      # of what shows nothing
        return
    names = {key: plots.tensor_name(problem, key) for key in agreement}
    widest = 0.3 + _LETTER * max(map(len, names.values()))
    yield Picture(
        "shares",
        "Every step and tensor",
        "Each step's largest difference as a share of what rounding allows: dark is far below it, red is beyond it. "
        "What the steps before left apart does not count.",
        _drawn("shares", lambda ax: plots.plot_shares(comparison, ax), _Panel(0.26 * len(names), left=widest, right=0.9)),
        ("tensor", "largest share of what is allowed"),
        [(names[key], f"{each.share.max():.3g}") for key, each in agreement.items()],
    )
    phases = list(dict.fromkeys(key[0] for key in agreement))
    legends = [[*(name for key, name in names.items() if key[0] == phase), plots.ALLOWED] for phase in phases]
    panels = [_Panel(1.15, legend, below=0.5 if legend is legends[-1] else 0.1) for legend in legends]
    steps = next(iter(agreement.values())).steps
    yield Picture(
        "differences",
        "How far apart, and how far rounding allows",
        "The largest difference of each tensor in each step, solid, and what rounding allows there, dashed. Equal means below it. "
        "Where there is no point, both sides are equal to the last bit.",
        _drawn("differences", partial(_differences, comparison, phases), *panels),
        ("step", *(text for name in names.values() for text in (name, "allowed"))),
        [
            [f"{steps[at]:.0f}", *(f"{value:.3g}" for each in agreement.values() for value in (each.difference[at], each.allowed[at]))]
            for at in _some(range(len(steps)))
        ],
    )


def _differences(comparison: Comparison, phases: Sequence[str], *axes: Any) -> None:
    for phase, ax in zip(phases, axes, strict=True):
        plots.plot_differences(comparison, ax, phase=phase)
        if ax is not axes[-1]:
            ax.sharex(axes[-1])
            ax.set_xlabel("")
            ax.tick_params(labelbottom=False)


def _scalar(value: Array | None) -> str:
    return "" if value is None else f"{float(value):.12g}"


def _some(rows: Sequence[Any]) -> list[Any]:
    """As many rows as a table has room for, evenly spaced."""
    if len(rows) <= _TABLE_ROWS:
        return list(rows)
    return [rows[i * (len(rows) - 1) // (_TABLE_ROWS - 1)] for i in range(_TABLE_ROWS)]


class _Panel(NamedTuple):
    """A pair of axes and the room around it in inches, with a legend of such names below.

    Given, since matplotlib takes long to work it out.
    """

    height: float
    legend: Sequence[str] = ()
    left: float = 0.8
    right: float = 0.1
    above: float = 0.3
    below: float = 0.5      # to the legend

    @property
    def whole(self) -> float:
        return self.above + self.height + self.below + 0.2 * ceil(len(self.legend) / _columns(self.legend)) + 0.05


def _drawn(name: str, draw: Callable[..., Any], *panels: _Panel) -> str:
    """The picture as SVG, drawn into axes of those sizes one below the other, its ids its own, and its ink the page's."""
    matplotlib = plots.matplotlib()
    from matplotlib.figure import Figure

    ink = dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _INK)
    style = {**ink, "svg.fonttype": "none", "svg.hashsalt": name, "font.family": "sans-serif", "axes.facecolor": "none", "font.size": 10}
    with matplotlib.rc_context({**style, "legend.facecolor": "none", "legend.edgecolor": "none", "path.simplify_threshold": 0.5}):
        whole = sum(panel.whole for panel in panels)
        figure, top = Figure(figsize=(_WIDTH, whole), facecolor="none"), whole
        for panel in panels:
            bottom, width = top - panel.above - panel.height, _WIDTH - panel.left - panel.right
            figure.add_axes((panel.left / _WIDTH, bottom / whole, width / _WIDTH, panel.height / whole))
            top -= panel.whole
        draw(*figure.axes)
        for ax in figure.axes:
            _legend_below(ax)
        text = StringIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")      # of glyphs, which the reader's own font has
            figure.savefig(text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r'(href="|url\()#', rf"\1#{name}-", svg)
    svg = re.sub(r'<svg [^>]*?viewBox="([^"]+)"[^>]*>', r'<svg viewBox="\1" aria-hidden="true" focusable="false">', svg, count=1)
    return svg.replace(_INK, "currentColor")


def _legend_below(ax: Any) -> None:
    """Have the legend, if there is one, in rows below the axes, where a phone has room for it."""
    from matplotlib.transforms import ScaledTranslation

    if ax.get_legend() is not None:
        below = 30 if ax.get_xlabel() else 4      # points
        place = ax.transAxes + ScaledTranslation(0, -below / 72, ax.figure.dpi_scale_trans)
        columns = _columns([text.get_text() for text in ax.get_legend().get_texts()])
        ax.legend(fontsize=9, loc="upper center", bbox_to_anchor=(0.5, 0), bbox_transform=place, ncols=columns, frameon=False)


def _columns(legend: Sequence[str]) -> int:
    """How many columns of a legend fit below the axes."""
    return max(1, min(3, int((_WIDTH - 0.8) / (0.5 + _LETTER * max(map(len, legend), default=0)))))


def in_notebook(page: Callable[[], str], text: str) -> str:
    """The page in a frame of its own, so that neither's style reaches the other; the text where no page can be made."""
    try:
        content = page()
    except MissingExtraError:
        return f"<pre>{escape(text)}</pre>"
    frame = 'style="width: 100%; height: 40rem; border: 0"'
    return f'<iframe title="{escape(text)}" sandbox="allow-scripts" {frame} srcdoc="{escape(content)}"></iframe>'


def check_installed() -> None:
    """Raise MissingExtraError where the extra `report` is not installed."""
    plots.matplotlib()
    template("report.html")


@cache
def template(name: str) -> Any:
    """The template of that name; raises MissingExtraError where Jinja is not installed."""
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
        from markupsafe import Markup
    except ImportError:
        raise MissingExtraError("report", "jinja2") from None
    pages = Environment(loader=FileSystemLoader(PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    pages.filters["own"] = Markup      # what this package made itself: its pictures, style and script
    return pages.get_template(name)


def _rendered(**about: Any) -> str:
    blank = {"pictures": (), "sides": plots.SIDES, "deltas": None, "step": None, "position": 0, "stages": (), "printed": ""}
    style, script = ((PAGE / name).read_text(encoding="utf-8") for name in ("style.css", "picker.js"))
    text: str = template("report.html").render({**blank, **about, "style": style, "script": script})
    return text
