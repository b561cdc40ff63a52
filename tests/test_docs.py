"""The documentation's tables of pieces are those of the one table."""

import re
from pathlib import Path
from typing import Any

import pytest

from compare.adapters.readings import Reading, readings
from compare.declared import declared_problem
from compare.pieces import ACTIVATIONS, LOSSES, NORMALIZATIONS, OPTIMIZERS

PAGE = Path(__file__).parent.parent / "docs" / "adding-a-piece.md"
BRING = PAGE.parent / "bring-your-own.md"
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


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", BRING.read_text(encoding="utf-8"), re.DOTALL))
def test_the_code_that_the_guide_to_a_file_shows_runs(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BRING.parent.parent)
    names: dict[str, Any] = {}
    exec(code, names)
    if "PROBLEM" in names:
        declared_problem(names["PROBLEM"])
    if "CONVENTIONS" in names:
        assert list(readings(declared_problem({"bias": True}), names["CONVENTIONS"])) == [Reading(**names["CONVENTIONS"])]


if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text(encoding="utf-8").split(MARK)[0] + MARK + tables(), encoding="utf-8")
