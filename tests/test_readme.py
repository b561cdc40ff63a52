"""The README's code runs, and what it says is printed is printed."""

import re

import pytest

from tests.blocks import ROOT, assert_session

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PYTHON = [text for language, text in BLOCKS if language == "python"]
CONSOLE = [text for language, text in BLOCKS if language == "console"]


@pytest.mark.parametrize("code", PYTHON)
def test_its_python_runs(code: str) -> None:
    exec(code, {})


@pytest.mark.parametrize("session", CONSOLE)
def test_its_commands_print_what_it_shows(session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert_session(session)


def test_it_is_short_and_opens_with_what_it_is_a_picture_and_two_commands() -> None:
    assert README.count("\n") <= 100
    order = ["You wrote a backward pass", "![The report of a wrong file", "make compare", "make test", "pip install -c constraints.txt"]
    places = [README.index(part) for part in order]
    assert places == sorted(places)


def links(page: str) -> list[str]:
    """The files that it links to, and the headings in them."""
    return [target for target in re.findall(r"\]\(([^)]+)\)", page) if "://" not in target]


def missing(page: str) -> list[str]:
    found = []
    for target in links(page):
        path, _, heading = target.partition("#")
        there = (ROOT / path).exists()
        headings = re.findall(r"^#+ (.*)$", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE) if there and heading else []
        if not there or (heading and heading not in [re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings]):
            found.append(target)
    return found


def test_what_it_links_to_is_there() -> None:
    assert missing(README) == []


def test_a_link_that_leads_nowhere_is_noticed() -> None:
    assert missing(README.replace("(docs/start.md#install)", "(docs/start.md#installed)")) == ["docs/start.md#installed"]
    assert missing(README.replace("(docs/traces.md)", "(docs/tracks.md)")) == ["docs/tracks.md"]
