"""The documentation's tables of pieces are those of the one table, and what it shows of the code is there."""

import ast
import re
from pathlib import Path

import pytest

from compare.pieces import ACTIVATIONS, LOSSES, NORMALIZATIONS, OPTIMIZERS

PAGE = Path(__file__).parent.parent / "docs" / "adding-a-piece.md"
MARK = "<!-- pieces: held to compare/pieces.py by tests/test_docs.py -->\n"


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def tables() -> str:
    """Every row of `compare.pieces`, kind by kind, as Markdown."""
    lines = []
    for title, rows in (
        ("Activation", ACTIVATIONS),
        ("Loss, a term of it", LOSSES),
        ("Normalisation", NORMALIZATIONS),
        ("Optimiser", OPTIMIZERS),
    ):
        lines += ["", f"| {title} | equation | PyTorch's |", "|---|---|---|"]
        lines += [f"| `{row.name}` | {cell(row.equation)} | `{row.torch}` |" for row in rows.values()]
    return "\n".join(lines) + "\n"


def test_the_pages_tables_are_those_of_the_pieces() -> None:
    """To renew them: `python -m tests.test_docs`."""
    assert PAGE.read_text(encoding="utf-8").split(MARK)[1] == tables()


def test_a_row_that_is_missing_is_noticed() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page.replace("| `elu` |", "| `selu` |").split(MARK)[1] != tables()


def missing(page: str, folder: Path) -> list[str]:
    """What a page of that folder includes of the code and is not there: files, definitions, lines; and listed pages that are not there."""
    found = []
    for name, options in re.findall(r"^```\{literalinclude\} (.*)\n((?::.*\n)*)```$", page, re.MULTILINE):
        path = folder / name
        source = path.read_text(encoding="utf-8") if path.exists() else ""
        said = dict(re.findall(r"^:([\w-]+): (.*)$", options, re.MULTILINE))
        lines = [said[key] for key in ("start-at", "start-after", "end-at", "end-before") if key in said]
        if not source or not set(re.findall(r"^:([\w-]+):", options, re.MULTILINE)) & {"pyobject", "start-at", "start-after"}:
            found.append(name)
        found += [line for line in lines if line not in source]
        found += [said["pyobject"]] if "pyobject" in said and said["pyobject"] not in definitions(source) else []
    for listed in re.findall(r"^```\{toctree\}\n(.*?)```$", page, re.MULTILINE | re.DOTALL):
        found += [name for name in listed.split("\n") if name and name[0] != ":" and not list(folder.glob(f"{name}.md"))]
    return found


def definitions(source: str) -> set[str]:
    """The functions, classes and methods of a file by their names: `Linear.forward`."""
    names = set()
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names |= {node.name} | {f"{node.name}.{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)}
    return names


@pytest.mark.parametrize("path", sorted(PAGE.parent.glob("*.md")), ids=lambda path: path.name)
def test_what_a_page_shows_of_the_code_is_there(path: Path) -> None:
    """Shown by the name of what is defined, or by a line's text: by lines' numbers it would go stale and nobody would notice."""
    assert missing(path.read_text(encoding="utf-8"), path.parent) == []


def test_what_a_page_shows_and_is_not_there_is_noticed() -> None:
    page = (PAGE.parent / "backpropagation.md").read_text(encoding="utf-8") + (PAGE.parent / "index.md").read_text(encoding="utf-8")
    for there, not_there in (
        ("pyobject: Linear.forward", "pyobject: Linear.forwards"),
        ("start-at: def half_mse(", "start-at: def half_mean("),
        ("../manual/layers.py\n", "../manual/layer.py\n"),
        (":pyobject: SGD.delta", ":lines: 3-4"),
        ("\nbackpropagation\n", "\nderivation\n"),
    ):
        assert there in page
        assert missing(page.replace(there, not_there), PAGE.parent) != []


if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text(encoding="utf-8").split(MARK)[0] + MARK + tables(), encoding="utf-8")
