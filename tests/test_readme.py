"""The README's code runs, and what it says is printed is printed."""

import re

import pytest

from compare import NotEquivalentError
from tests.blocks import ROOT, assert_printed, assert_session

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PYTHON = [text for language, text in BLOCKS if language == "python"]
CONSOLE = [text for language, text in BLOCKS if language == "console"]
SHOWN = [text for language, text in BLOCKS if language == "text"]


@pytest.mark.parametrize("code", PYTHON)
def test_its_python_runs(code: str) -> None:
    exec(code, {})


@pytest.mark.parametrize("session", CONSOLE)
def test_its_commands_print_what_it_shows(session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert_session(session)


def test_a_mistake_in_its_network_is_reported_as_it_shows() -> None:
    code = next(code for code in PYTHON if "class Mine" in code)
    with pytest.raises(NotEquivalentError) as caught:
        exec(code.replace(" * (1 - h * h)", ""), {})
    assert_printed(SHOWN[0], str(caught.value))


def test_it_opens_with_the_two_commands() -> None:
    assert README.index("make compare") < README.index("make test") < README.index("pip install -c constraints.txt")
