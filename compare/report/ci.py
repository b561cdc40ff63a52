"""A check for continuous integration: JUnit's XML, and GitHub's annotations."""

import re
from collections.abc import Mapping
from xml.etree import ElementTree

from ..checking.result import Check
from .words import headline, line_of, why


def junit(check: Check, hint: Mapping[str, str] | None = None) -> str:
    """Return a test suite with one test case for the verdict, and one for each stage that was shown."""
    bad = check.verdict not in ("equivalent", "different")
    failures = sum(stage.mark == "wrong" for stage in check.stages) + (check.verdict == "different")
    suite = ElementTree.Element(
        "testsuite", name="backprop-compare", tests=str(1 + len(check.stages)), failures=str(failures), errors=str(int(bad))
    )
    verdict = ElementTree.SubElement(suite, "testcase", classname=_legal(check.name), name=_legal(f"equal to {check.reference}"))
    if check.verdict != "equivalent":
        what = ElementTree.SubElement(verdict, "error" if bad else "failure", message=_legal(headline(check)), type=check.verdict)
        what.text = _legal("\n".join(why(check, hint)))
    for stage in check.stages:
        case = ElementTree.SubElement(suite, "testcase", classname=_legal(check.name), name=_legal(stage.name))
        if stage.mark == "wrong":
            ElementTree.SubElement(case, "failure", message="does not follow from what was shown before it", type="different")
        elif stage.mark == "inherits":
            ElementTree.SubElement(case, "skipped", message="follows from what was shown before it, which is wrong")
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def annotation(check: Check, path: str, hint: Mapping[str, str] | None = None) -> str:
    """Return a workflow command that GitHub shows beside the file's line."""
    line = line_of(check)
    kind = "notice" if check.verdict == "equivalent" else "error"
    place = f"file={_property(path)}" + (f",line={line}" if line else "") + f",title={_property(check.verdict)}"
    text = "\n".join([headline(check), *why(check, hint)])
    return f"::{kind} {place}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _legal(text: str) -> str:
    """Replace the characters that XML cannot hold."""
    return re.sub("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
