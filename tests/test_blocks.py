"""What runs the documentation's code blocks: what is wrong in a page is noticed, and what is right is not."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from sybil import Document, Example
from sybil.example import SybilFailure

from tests.blocks import ROOT, Blocks, assert_printed, enter, leave

PAGES = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [page for page in PAGES if "_generated" not in page.parts]


@pytest.fixture
def folder() -> Iterator[None]:
    namespace: dict[str, object] = {}
    enter(namespace)
    yield
    leave(namespace)


def examples(page: str) -> list[Example]:
    document = Document(page, "page.md")
    for region in Blocks()(document):
        document.add(region)
    return list(document.examples())


def evaluate(page: str) -> None:
    for example in examples(page):
        example.evaluate()


def block(language: str, text: str) -> str:
    return f"```{language}\n{text}```\n\n"


ADDED = block("python", "n = 1\n") + block("python", "print(n + 1)\n") + block("text", "2\n")
FILE = "```{code-block} python\n:caption: mine.py\n\nn = 1\n```\n\n"
CHECKED = block("console", "$ backprop-compare check examples/right_hidden_error.py --seed 1 --quiet\n"
                "equivalent: 1096 numbers in 56 steps, each within what rounding allows\n")  # fmt: skip
WRITTEN = FILE + block("diff", "--- mine.py\n-n = 1\n+n = 3\n") + block("console", "$ python -c 'import mine; print(mine.n)'\n3\n")
CONTINUED = FILE + FILE.replace("mine.py", "mine.py, continued").replace("n = 1", "n += 1")
CONTINUED += block("console", "$ python -c 'import mine; print(mine.n)'\n2\n")
HIDDEN = "<!-- invisible-code-block: python\nn = 4\n-->\n\n" + block("python", "assert n == 4\n")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("page", [ADDED, CHECKED, WRITTEN, CONTINUED, HIDDEN, block("toml", "n = 1\n"), block("sh", "make test\n")])
def test_a_page_that_is_right_passes(page: str) -> None:
    evaluate(page)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("page", [ADDED, WRITTEN, CONTINUED, HIDDEN])
def test_a_block_passes_where_those_before_it_ran_elsewhere(page: str) -> None:
    """As where two processes share the tests of a page; run by itself, the last would find no name and no file."""
    examples(page)[-1].evaluate()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "page",
    [
        ADDED.replace("2\n", "3\n"),
        CHECKED.replace("1096", "1095"),
        CHECKED.replace("right_hidden", "wrong_hidden"),
        WRITTEN.replace("\n3\n", "\n1\n"),
        WRITTEN.replace("-n = 1", "-n = 2"),
        CONTINUED.replace(", continued", ""),
        HIDDEN.replace("n = 4", "n = 5"),
        block("console", "$ python -c 'raise SystemExit(3)'\n"),
        block("console", "$ python -c 'print(1); print(2)'\n1\n"),
        block("console", "backprop-compare\n"),
        block("toml", "n = \n"),
        block("json", "{'n': 1}\n"),
        block("sh", "make nothing\n"),
        block("sh", "if then\n"),
    ],
)
def test_a_planted_fault_in_a_page_is_noticed(page: str) -> None:
    with pytest.raises((AssertionError, SyntaxError, ValueError, NameError, subprocess.CalledProcessError)):
        evaluate(page)


def test_a_block_that_is_not_run_is_noticed() -> None:
    with pytest.raises(SybilFailure, match="'ruby'; expected one of python, console"):
        evaluate(block("ruby", "puts 1\n"))


def test_a_line_that_is_not_printed_is_noticed() -> None:
    with pytest.raises(AssertionError):
        assert_printed("...\nEQUIVALENT: 1 number\n", "EQUIVALENT: 2 numbers\n")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_block_of_a_page_is_run(page: Path) -> None:
    """Each block says its language, and each that is no directive of Sphinx's is found by the parser."""
    text = page.read_text(encoding="utf-8")
    blocks = [token for token in MarkdownIt().parse(text) if token.type in ("fence", "code_block")]
    assert all(token.info for token in blocks), "a block says no language"
    shown = [token for token in blocks if not token.info.startswith("{") or token.info.startswith("{code-block}")]
    hidden = re.findall("<!--+ *invisible-code-block", text)
    assert len(list(Blocks()(Document(text, str(page))))) == len(shown) + len(hidden)


def test_pytest_runs_the_pages() -> None:
    """A block of each page is collected where the tests are."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "docs"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("docs/other-files.md", "docs/bring-your-own.md", "docs/start.md"):
        assert f"{name}::line:" in done.stdout
