"""The page of a watch: one learner's file, as it was checked last."""

import ast
from pathlib import Path

from ..report.json import jsonable
from .outcome import Outcome
from .printing import next_lines, outcome_object
from .progress import Solved
from .sets import Exercise

_HERE = Path(__file__).parent
_STYLE = _HERE.parent / "report" / "page" / "style.css"


def live_html() -> str:
    """Return the page, which shows the state that it is sent."""
    return (_HERE / "live.html").read_text(encoding="utf-8").replace("/* style */", _STYLE.read_text(encoding="utf-8"), 1)


def live_state(exercise: Exercise, found: Outcome, level: int, solved: Solved) -> dict[str, object]:
    """Return the state of the page: the outcome with all hints, of which `level` are shown unasked, and the exercise."""
    state = outcome_object(found, len(found.hints), solved)
    upcoming = next_lines(solved, exercise.chapter) if found.verdict == "solved" else []
    return dict(jsonable({**state, "title": exercise.title, "task": task(exercise), "asked": level, "next": upcoming}))


def task(exercise: Exercise) -> list[str]:
    """Return the paragraphs in which the exercise says what is to be written, without the command that follows them."""
    paragraphs = (ast.get_docstring(ast.parse(exercise.path.read_text(encoding="utf-8"))) or "").split("\n\n")
    told = [" ".join(each.split()) for each in paragraphs if not each.startswith("    ")]
    return [each.removesuffix(" Then:") for each in told]
