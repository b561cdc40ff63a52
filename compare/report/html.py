"""A comparison as a page: one file that opens offline, makes no request, and shows first what a person would ask first.

The template escapes what users bring: names, texts, exceptions. Pictures are SVG in the page's text colour, so that they follow its light
or dark scheme.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ..checking.result import Check
from ..lockstep.difference import ComparedStep, Difference, shares
from ..lockstep.result import Comparison
from ..lockstep.training import Training
from ..problem.problem import Problem
from ..support import __version__
from ..support.environment import environment
from ..support.errors import MissingExtraError
from . import plots
from .pictures import Picture, network, pictures, spaced, update_shares
from .plots import Sides
from .words import (
    MARKS,
    SAID,
    about,
    around,
    described,
    explained,
    headline,
    line_of,
    line_said,
    probes,
    step_and_index,
    summary_of_check,
    summary_of_training,
    whose,
    why,
)

PAGE = Path(__file__).parent / "page"
MOST_PICKED = 200      # steps to pick from
MOST_ENTRIES = 64      # of a parameter, that are shown as a matrix; else those with the largest share
_LARGE = 1e6
_OF_STAGES = ("Stage by stage", "stage", "largest in the first wrong step")      # a table's title and columns


def training_page(training: Training, device: str, command: str) -> str:
    """Return the page of both backends' training, with the losses after the reported epochs; `command` repeats it."""
    losses = zip(training.epochs, training.manual.loss, training.torch_ref.loss, strict=True)
    epochs = [(str(epoch), _aligned(manual), _aligned(torch_ref)) for epoch, manual, torch_ref in losses]
    return comparison_page(training.comparison, device=device, command=command, epochs=epochs)


def comparison_page(
    comparison: Comparison, *, sides: Sides = plots.SIDES, device: str = "cpu", command: str | None = None, epochs: Sequence[Any] = ()
) -> str:
    """Return the page of any comparison; raise MissingExtraError where the extra `report` is not installed."""
    sentence, *details = comparison.explanation(method=False).split("\n")
    if not isinstance(comparison.problem, Problem):
        facts = [("Reference", f"{comparison.problem.title}, {comparison.problem.dtype}, seed {comparison.problem.seed}")]
        return page_beside_module(comparison, facts, device, command)
    return rendered(
        verdict=comparison.verdict,
        sentence=sentence,
        title=f"{comparison.verdict}: {described(comparison.problem)}",
        last=tuple(summary_of_training(comparison, command)),
        facts=_facts(comparison, sides, device, command),
        notes=[comparison.stopped] if comparison.stopped else [],
        details=details,
        epochs=epochs,
        **_shown(comparison, sides),
    )


def check_page(check: Check, command: str, hint: Mapping[str, str] | None = None) -> str:
    """Return the page of a check; with a hint, only what the hint says."""
    comparison = check.comparison or check.probes
    facts = [
        ("What", about(check)),
        ("Probes", probes(check)),
        ("Compared", f"{check.compared} numbers in {check.steps} steps"),
        ("Versions", versions("cpu")),
        ("Repeat", command),
    ]
    last = () if check.verdict == "equivalent" else tuple(summary_of_check(check, command, hint))
    reason = [check.reason] if last and check.reason and not any(check.reason in line.text for line in last) else []
    shown = {"pictures": [network(check.problem)]} if comparison is None else _shown(comparison, ("yours", "PyTorch"))
    return rendered(
        verdict=check.verdict,
        sentence=headline(check),
        title=f"{check.verdict}: {check.name}",
        last=last,
        facts=[fact for fact in facts if fact[1]],
        notes=[*reason, *(f"Found: {sentence}" for sentence in (*check.conventions, *check.scales)), *check.notes],
        mistakes=[(each, around(check, each.line), _caption(check, each.line)) for each in map(explained, check.diagnosis)],
        details=[] if check.diagnosis else list(why(check, hint)),
        source=[] if check.diagnosis else around(check, line_of(check)),
        name=_caption(check, line_of(check)),
        stages=[(MARKS[stage.mark], stage.mark, stage.name, SAID[stage.mark], _where(stage.difference, check)) for stage in check.stages],
        printed=check.printed,
        **shown,
    )


def _caption(check: Check, line: int | None) -> str:
    return check.name if line is None else f"{check.name} {line_said(check, line)}"


def _where(difference: Difference | None, check: Check) -> str:
    if difference is None or difference.actual is None:
        return ""
    values = f"{difference.actual:.8g}, {whose(check)} {difference.expected:.8g}"
    return f"{step_and_index(difference)}: {values}; {difference.share:.3g} × allowed"


def _facts(comparison: Comparison, sides: Sides, device: str, command: str | None) -> list[tuple[str, str]]:
    problem = comparison.problem
    tests = 0 if problem.test is None else len(problem.test[0])
    facts = [
        ("Network", f"{described(problem)}, lr {problem.lr:g}, {problem.dtype}"),
        ("Data", f"{problem.records} training records, {tests} test records; seed {problem.seed}"),
        ("Sides", f"{sides[0]} beside {sides[1]} on {device}; {versions(device)}"),
        ("Compared", f"{comparison.compared} numbers in {comparison.steps} steps, mode {comparison.mode}"),
    ]
    if comparison.worst is not None and comparison.first_divergence is None:
        facts.append(("Nearest to its bound", f"step {comparison.worst.step}, {comparison.worst.share:.1%} of what rounding allows"))
        facts.append(("Drift of the weights", f"{comparison.drift:.2g}"))
    facts += _allowed(comparison)
    if comparison.accuracies is not None:
        actual, expected = comparison.accuracies
        facts.append(("Accuracy on the test records", f"{sides[0]} {actual:.4g}, {sides[1]} {expected:.4g}"))
    return facts + ([("Repeat", command)] if command else [])


def page_beside_module(
    comparison: Comparison, about: Sequence[tuple[str, str]], device: str, command: str | None, more: Sequence[Picture] = (), **shown: Any
) -> str:
    """Return the page of a comparison beside a module: what `about` says, each step's shares, and `more` pictures."""
    sentence, *details = comparison.explanation(method=False).split("\n")
    facts = [
        *about,
        ("Compared", f"{comparison.compared} numbers in {comparison.steps} steps, mode {comparison.mode}"),
        *_allowed(comparison),
        ("Versions", versions(device)),
    ]
    return rendered(
        verdict=comparison.verdict,
        sentence=sentence,
        title=f"{comparison.verdict}: {about[0][1]}",
        last=tuple(summary_of_training(comparison, command)),
        facts=facts + ([("Repeat", command)] if command else []),
        notes=[*([comparison.stopped] if comparison.stopped else []), *comparison.method()[2:]],
        details=details,
        pictures=[*more, *update_shares(comparison)],
        **shown,
    )


def _allowed(comparison: Comparison) -> list[tuple[str, str]]:
    """Return the fact of how it was found what rounding allows, if it was."""
    return [("Rounding", "; ".join(comparison.method()[:2]))] if comparison.rounding else []


def versions(device: str) -> str:
    """Say which versions ran."""
    ran = environment(device)
    return ", ".join(f"{name} {version}" for name, version in ran.items() if name in ("python", "numpy", "torch", "backprop-compare"))


def _aligned(value: float) -> str:
    """Write a number for a column with twelve decimals, or with twelve digits where it is too large for that."""
    return f"{value:.12f}" if abs(value) < _LARGE else f"{value:.12g}"


def _shown(comparison: Comparison, sides: Sides) -> dict[str, Any]:
    """Return the pictures, and the deltas of the steps that the reader can pick, with the first that differs."""
    shown: dict[str, Any] = {"pictures": list(pictures(comparison, sides)), "sides": sides}
    if comparison.kept:
        at = plots.kept_step(comparison).step
        picked = sorted({*spaced(sorted(comparison.kept), MOST_PICKED), at})
        deltas = {str(step): _deltas(comparison.kept[step]) for step in picked}
        if any(deltas.values()):      # there are none where only gradients are shown
            shown |= {"deltas": deltas, "step": at, "position": picked.index(at)}
    return shown


def _deltas(kept: ComparedStep) -> list[dict[str, Any]]:
    """Return each parameter's deltas in a step: all as matrices, or the eight entries that come nearest to their bounds."""
    found = []
    for name, actual, expected, allowed in kept.deltas():
        share = shares(actual, expected, np.broadcast_to(allowed, actual.shape))
        columns = ((actual, _number), (expected, _number), (share, _share))
        entry: dict[str, Any] = {"name": name, "shape": list(actual.shape)}
        if actual.size <= MOST_ENTRIES:
            entry["rows"] = [[[write(value) for value in row] for row in np.atleast_2d(array)] for array, write in columns]
        else:
            places = [np.unravel_index(at, actual.shape) for at in np.argsort(share, axis=None)[::-1][:8]]
            entry["entries"] = [[[*map(int, place)], *(write(array[place]) for array, write in columns)] for place in places]
        found.append(entry)
    return found


def _number(value: Any) -> str:
    return f"{float(value):.6g}"


def _share(value: Any) -> str:
    """Write a share with three digits, or with all where three would hide that it is more than 1."""
    share = float(value)
    text = f"{share:.3g}"
    return text if (float(text) > 1) == (share > 1) else repr(share)


def in_notebook(page: Callable[[], str], text: str) -> str:
    """Return the page in a frame, so that neither's style reaches the other; the text where the extra `report` is not installed."""
    try:
        content = page()
    except MissingExtraError:
        return f"<pre>{escape(text)}</pre>"
    frame = 'style="width: 100%; height: 40rem; border: 0"'
    return f'<iframe title="{escape(text)}" sandbox="allow-scripts" {frame} srcdoc="{escape(content)}"></iframe>'


def made_by() -> dict[str, str]:
    """Return the tool's name with its version, and today's date, for the top of a page."""
    today = date.today()
    return {"tool": f"backprop-compare {__version__}", "date": f"{today.day} {today:%B %Y}"}


def check_installed() -> None:
    """Raise MissingExtraError where the extra `report` is not installed."""
    plots.matplotlib()
    template("report.html")


@cache
def template(name: str) -> Any:
    """Return the template of that name; raise MissingExtraError where Jinja is not installed."""
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
        from markupsafe import Markup
    except ImportError:
        raise MissingExtraError("report", "jinja2") from None
    pages = Environment(loader=FileSystemLoader(PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    pages.filters["own"] = Markup      # marks what this package makes, which is not escaped: pictures, style, script
    return pages.get_template(name)


def rendered(**shown: Any) -> str:
    """Return the page of a report with what it is to show."""
    blank: dict[str, Any] = {"pictures": (), "sides": plots.SIDES, "deltas": None, "step": None, "position": 0, "stages": (), "printed": ""}
    blank |= {"epochs": (), "mistakes": (), "source": (), "name": "", "parts": (), "of_stages": _OF_STAGES}
    style, script = ((PAGE / name).read_text(encoding="utf-8") for name in ("style.css", "picker.js"))
    text: str = template("report.html").render({**blank, **shown, "style": style, "script": script, **made_by()})
    return text
