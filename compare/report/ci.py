"""A check for continuous integration: JUnit's XML, and GitHub's annotations."""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from ..checking.result import Check
from ..parts.result import Mark, PartsCheck
from .checked import Checked, Hint, headline, place, why
from .parts import said

_Case = tuple[str, str, str]      # the name of a stage or part, "" or what JUnit calls its outcome, and a message


def junit(check: Checked, hint: Hint = None) -> str:
    """Return a test suite with one test case for the verdict, and one for each stage or part that was compared."""
    bad = check.verdict not in ("equivalent", "different")
    cases = list(_of_parts(check) if isinstance(check, PartsCheck) else _of_stages(check))
    failures, errors = (sum(outcome == each for _, outcome, _ in cases) for each in ("failure", "error"))
    suite = ElementTree.Element(
        "testsuite",
        name="backprop-compare",
        tests=str(1 + len(cases)),
        failures=str(failures + (check.verdict == "different")),
        errors=str(errors + bad),
    )
    verdict = ElementTree.SubElement(suite, "testcase", classname=_legal(check.name), name=_legal(f"equal to {check.reference}"))
    if check.verdict != "equivalent":
        what = ElementTree.SubElement(verdict, "error" if bad else "failure", message=_legal(headline(check)), type=check.verdict)
        what.text = _legal("\n".join(why(check, hint)))
    for name, outcome, message in cases:
        case = ElementTree.SubElement(suite, "testcase", classname=_legal(check.name), name=_legal(name))
        if outcome:
            kind = {"type": "different"} if outcome == "failure" else {}
            ElementTree.SubElement(case, outcome, {"message": _legal(message), **kind})
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def _of_stages(check: Check) -> Iterator[_Case]:
    outcomes = {
        "wrong": ("failure", "does not follow from what was shown before it"),
        "inherits": ("skipped", "follows from what was shown before it, which is wrong"),
    }
    for stage in check.stages:
        yield (stage.name, *outcomes.get(stage.mark, ("", "")))


def _of_parts(check: PartsCheck) -> Iterator[_Case]:
    outcomes: dict[Mark, str] = {"agrees": "", "wrong": "failure", "could not run": "error"}
    for part in check.parts:
        yield part.name, outcomes.get(part.mark, "skipped"), said(part)


def annotation(check: Checked, path: str, hint: Hint = None) -> str:
    """Return a workflow command that GitHub shows beside the file's line; of a notebook, whose lines it does not know, the text has it."""
    file, line, said_place = place(check)
    kind = "notice" if check.verdict == "equivalent" else "error"
    path = str(Path(path).with_name(file)) if isinstance(check, PartsCheck) and file != check.name else path
    is_notebook = path.lower().endswith(".ipynb")
    at = f",line={line}" if line and not is_notebook and not (hint and isinstance(check, PartsCheck)) else ""
    where = [f"  {said_place}"] if is_notebook and said_place and not hint else []
    text = "\n".join([headline(check), *where, *why(check, hint)])
    return f"::{kind} file={_property(path)}{at},title={_property(check.verdict)}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _legal(text: str) -> str:
    """Replace the characters that XML cannot hold."""
    return re.sub("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
