"""The files about the project: what they link to and name is there, and the forms for issues are forms."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from compare.support import __version__

ROOT = Path(__file__).parent.parent
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*-*.yml"))


def missing(text: str) -> list[str]:
    """The links that lead nowhere, and the targets of make that are none."""
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if not link.startswith("http")]
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    files = re.findall(r"tests/[\w/]+\.py", text)
    asked = set(re.findall(r"\bmake ([a-z-]+)", text))
    return [each for each in (*links, *files) if not (ROOT / each).exists()] + sorted(asked - targets)


def test_what_contributing_names_is_there() -> None:
    assert missing((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")) == []


def test_what_is_not_there_is_noticed() -> None:
    """The control."""
    assert missing("[a](docs/none.md), tests/none.py, make nothing") == ["docs/none.md", "tests/none.py", "nothing"]


def test_the_citation_is_of_this_version() -> None:
    said = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"cff-version", "message", "title", "authors"} <= said.keys()      # which the format requires
    assert (said["title"], said["version"], said["license"]) == (project["name"], __version__, project["license"])
    assert [author["name"] for author in said["authors"]] == [author["name"] for author in project["authors"]]


def faults(form: Any) -> list[str]:
    """What GitHub would refuse in a form."""
    if not isinstance(form, dict) or not {"name", "description", "body"} <= form.keys():
        return ["it has no name, description or body"]
    kinds = {"input": {"label"}, "textarea": {"label"}, "markdown": {"value"}}
    ids = [field.get("id") for field in form["body"]]
    found = [f"{field.get('id')}: {field.get('type')}" for field in form["body"] if field.get("type") not in kinds]
    needed = ((field, kinds.get(field.get("type"), set())) for field in form["body"])
    found += [str(field.get("id")) for field, names in needed if not names <= field.get("attributes", {}).keys()]
    return found + [each for each in ids if ids.count(each) > 1]


def test_there_is_a_form_for_each_kind_of_failure() -> None:
    assert [form.stem for form in FORMS] == ["does-not-run", "false-alarm", "false-pass", "wrong-name"]


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_is_one_and_asks_for_what_repeats_it(path: Path) -> None:
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert faults(form) == []
    required = {field["id"] for field in form["body"] if field.get("validations", {}).get("required")}
    assert {"command", "file", "printed", "expected"} <= required


def test_a_form_that_is_none_is_noticed() -> None:
    """The control."""
    assert faults({"name": "a", "description": "b", "body": [{"type": "inputs", "id": "c", "attributes": {}}]}) == ["c: inputs"]
    assert faults({"name": "a", "description": "b", "body": [{"type": "input", "id": "c", "attributes": {}}]}) == ["c"]
