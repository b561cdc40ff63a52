"""The code blocks of Markdown pages, run: Python executes, commands print what the page says, a change to a file can be made.

What a block is run as is said by its language:

- `python` is executed; the blocks of a page share their names. With a `caption`, a file's name, it is written to that file
  instead; with one that ends in ", continued" it is added to it.
- `console` holds commands, each after a `$`, and what they print; a line `...` stands for any number of lines that are left out.
- `text` after a Python block that prints is what it prints, and elsewhere is only shown.
- `diff` changes a file of the page's, named by its first line: the lines with `-` are found in it, and those with `+` put in their place.
- `sh` is for commands that cannot be run here: it is held to be shell, and what is made to be a target of the Makefile.
- `toml` and `json` can be read; `yaml` too, where a reader for it is installed.

A directive that is no code block is Sphinx's affair. A block of any other language fails.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

from sybil import Document, Example, Region
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown.lexers import DirectiveInHTMLCommentLexer, FencedCodeBlockLexer
from sybil.parsers.myst.lexers import DirectiveLexer

from compare.cli.main import main

ROOT = Path(__file__).parent.parent
LINKED = (      # what a page's commands find in its folder
    "backprop_compare",
    "compare",
    "constraints.txt",
    "data",
    "docs",
    "examples",
    "manual",
    "torch_ref",
)

# What differs between machines and versions: digits that rounding decides, shares, ulps, version numbers, times, paths.
MACHINE_DEPENDENT = [
    (re.compile(r"(-?\d\.\d{8})\d*(e[+-]\d+)"), r"\1\2"),
    (re.compile(r"\b\d\.\de[+-]\d+ +\d+\.\d +\d+\.\d%\*?"), "(rounding)"),
    (re.compile(r"\d+\.\d+\.\d+(\+\w+)?"), "(version)"),
    (re.compile(r"(difference|allowed) .*"), r"\1"),
    (re.compile(r"(actual|expected) +(-?\d\.\d{8})\d*"), r"\1 \2"),
    (re.compile(r"in \d+\.\d+s\b"), "in (time)"),
    (re.compile(r"=+"), "="),
    (re.compile(r" +"), " "),
]

FAILED = "different|unstable|not a proof|could not run|not equivalent|not written yet"
FAILS = re.compile(rf"^({FAILED})\b|\b\d+ (failed|error)", re.IGNORECASE | re.MULTILINE)


def masked(text: str) -> list[str]:
    """The lines without what differs between machines."""
    lines = []
    for line in text.splitlines():
        for pattern, replacement in MACHINE_DEPENDENT:
            line = pattern.sub(replacement, line)
        lines.append(line.strip())
    return lines


def assert_printed(promised: str, printed: str) -> None:
    """Every promised line is printed, in order; where no `...` stands between two, nothing else is."""
    actual = iter(masked(printed.rstrip()))
    skipping = False
    for line in masked(promised.rstrip()):
        if line == "...":
            skipping = True
            continue
        found = next((other for other in actual if not skipping or other == line), None)
        assert found == line, f"promised: {line!r}; printed: {found!r}, in\n{printed}"
        skipping = False
    assert skipping or (rest := next(actual, None)) is None, f"printed and not promised: {rest!r}, in\n{printed}"


def assert_session(session: str) -> None:
    """Each command prints what stands below it, and fails where that says so."""
    for command, promised in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", session, re.MULTILINE):
        code, printed = run(command)
        assert_printed(promised, printed)
        assert (code != 0) == bool(FAILS.search(promised)), f"{command} exits with {code} and prints\n{printed}"


def run(command: str) -> tuple[int, str]:
    """The exit code of a command and what it prints: the package's own runs here, all others in the shell."""
    words = shlex.split(command)
    if words[:1] == ["backprop-compare"] and not {"|", ">", ";", "&&"} & set(words):
        with redirect_stdout(StringIO()) as printed:
            code = main(words[1:])
        return code, printed.getvalue()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path})
    return done.returncode, done.stdout + done.stderr


class Blocks:
    """Sybil's parser for all code blocks of a page, whatever their language."""

    def __init__(self) -> None:
        self.lexers = (
            FencedCodeBlockLexer("(?!{).*", mapping={"language": "language", "source": "source"}),
            DirectiveLexer(
                "code-block", r"\w+", mapping={"arguments": "language", "source": "source", "options": "options"}
            ),
            DirectiveInHTMLCommentLexer("invisible-code-block", r"\w+", mapping={"arguments": "language", "source": "source"}),
        )

    def __call__(self, document: Document) -> Iterable[Region]:
        """The page's blocks, each with what evaluates it."""
        for lexer in self.lexers:
            for region in lexer(document):
                region.parsed = region.lexemes["source"]
                region.evaluator = in_order
                yield region


def in_order(example: Example) -> str | None:
    """The block, after all that stand before it on its page: these may be the tests of another process, where a page is split over two."""
    said, done = None, example.namespace.setdefault("__done__", set())
    for each in example.document.examples():
        if each.start <= example.start and each.start not in done:
            done.add(each.start)
            said = EVALUATORS.get(each.region.lexemes["language"], unknown)(each)
    return said


def unknown(example: Example) -> str:
    """A block that says no language, or one that is not run."""
    return f"a block of the language {example.region.lexemes['language']!r}; expected one of {', '.join(EVALUATORS)}"


def python(example: Example) -> None:
    """Executed among the page's names, or written to the file that its caption names."""
    file, _, more = (example.region.lexemes.get("options") or {}).get("caption", "").partition(", ")
    if file:
        compile(example.parsed, file, "exec")
        with open(file, "a" if more == "continued" else "w", encoding="utf-8") as written:
            written.write(example.parsed)
        return
    with redirect_stdout(StringIO()) as printed:
        PythonEvaluator()(example)
    PRINTED[id(example.document)] = printed.getvalue()


def console(example: Example) -> None:
    """Its commands, one after the other."""
    assert "$ " in example.parsed
    assert_session(example.parsed)


def text(example: Example) -> None:
    """What the Python block before it printed, if it printed anything."""
    printed = PRINTED.pop(id(example.document), "")
    if printed:
        assert_printed(example.parsed, printed)


def diff(example: Example) -> None:
    """A change to the file that its first line names."""
    first, *lines = example.parsed.splitlines(keepends=True)
    assert first.startswith("--- "), f"a change begins with {first!r}; expected '--- FILE'"
    file = Path(first.removeprefix("--- ").strip())
    lines = [line for line in lines if not line.startswith("+++ ")]
    before = "".join(line[1:] for line in lines if line[0] in " -")
    after = "".join(line[1:] for line in lines if line[0] in " +")
    found = file.read_text(encoding="utf-8")
    assert found.count(before) == 1, f"found {found.count(before)} times in {file}:\n{before}"
    file.write_text(found.replace(before, after), encoding="utf-8")


def sh(example: Example) -> None:
    """Shell, and targets that there are."""
    if shutil.which("bash"):
        subprocess.run(["bash", "-n"], input=example.parsed, text=True, check=True)
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for target in re.findall(r"^make ([\w-]+)", example.parsed, re.MULTILINE):
        assert target in targets, f"make {target}; expected one of {', '.join(targets)}"


def yaml(example: Example) -> None:
    """Can be read, where PyYAML is installed."""
    if find_spec("yaml"):
        from yaml import safe_load

        safe_load(example.parsed)


EVALUATORS: dict[str, Callable[[Example], str | None]] = {
    "python": python,
    "console": console,
    "text": text,
    "diff": diff,
    "sh": sh,
    "toml": lambda example: tomllib.loads(example.parsed) and None,
    "json": lambda example: json.loads(example.parsed) and None,
    "yaml": yaml,
}

PRINTED: dict[int, str] = {}      # by page, what its last Python block printed


def enter(namespace: dict[str, Any]) -> None:
    """A folder for the page, in which its commands find the packages and the examples, and may write."""
    namespace["__folder__"] = folder = tempfile.TemporaryDirectory()
    namespace["__before__"], namespace["__done__"] = Path.cwd(), set()
    for name in LINKED:
        (Path(folder.name) / name).symlink_to(ROOT / name)
    os.chdir(folder.name)


def leave(namespace: dict[str, Any]) -> None:
    """Out of it; it is gone."""
    os.chdir(namespace["__before__"])
    namespace["__folder__"].cleanup()
