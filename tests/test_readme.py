"""The README's code runs, and what it says is printed is printed."""

import re
import shlex
from pathlib import Path

import pytest

from compare import NotEquivalentError
from compare.cli import main

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PYTHON = [text for language, text in BLOCKS if language == "python"]
CONSOLE = [text for language, text in BLOCKS if language == "console"]
SHOWN = [text for language, text in BLOCKS if language == "text"]

# What differs between machines and versions: digits that rounding decides, shares, ulps, version numbers.
MACHINE_DEPENDENT = [
    (re.compile(r"(-?\d\.\d{8})\d*(e[+-]\d+)"), r"\1\2"),
    (re.compile(r"\b\d\.\de[+-]\d+ +\d+\.\d +\d+\.\d%\*?"), "(rounding)"),
    (re.compile(r"\d+\.\d+\.\d+(\+\w+)?"), "(version)"),
    (re.compile(r"(difference|allowed) .*"), r"\1"),
    (re.compile(r"(actual|expected) +(-?\d\.\d{8})\d*"), r"\1 \2"),
    (re.compile(r" +"), " "),
]


def masked(text: str) -> list[str]:
    lines = []
    for line in text.splitlines():
        for pattern, replacement in MACHINE_DEPENDENT:
            line = pattern.sub(replacement, line)
        lines.append(line.strip())
    return lines


def assert_printed(promised: str, printed: str) -> None:
    """Every promised line is printed, in order; where no `...` stands between two, nothing else is."""
    actual = iter(masked(printed))
    skipping = False
    for line in masked(promised):
        if line == "...":
            skipping = True
            continue
        found = next((other for other in actual if not skipping or other == line), None)
        assert found == line
        skipping = False


@pytest.mark.parametrize("code", PYTHON)
def test_its_python_runs(code: str) -> None:
    exec(code, {})


@pytest.mark.parametrize("session", CONSOLE)
def test_its_commands_print_what_it_shows(session: str, capsys: pytest.CaptureFixture[str]) -> None:
    for command, promised in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", session, re.MULTILINE):
        words = shlex.split(command)
        assert words[:3] == ["python", "-m", "compare"]
        assert main(words[3:]) == (1 if "DIFFERENT: " in promised else 0)
        assert_printed(promised, capsys.readouterr().out)


def test_a_mistake_in_its_network_is_reported_as_it_shows() -> None:
    code = next(code for code in PYTHON if "class Mine" in code)
    with pytest.raises(NotEquivalentError) as caught:
        exec(code.replace(" * (1 - h * h)", ""), {})
    assert_printed(SHOWN[0], str(caught.value))


def test_a_line_that_is_not_printed_is_noticed() -> None:
    with pytest.raises(AssertionError):
        assert_printed("...\nEQUIVALENT: 1 number\n", "EQUIVALENT: 2 numbers\n")


def test_it_opens_with_the_two_commands() -> None:
    assert README.index("make compare") < README.index("make test") < README.index("pip install -c constraints.txt")
