"""The documentation's tables of pieces are those of the one table."""

from pathlib import Path

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


if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text(encoding="utf-8").split(MARK)[0] + MARK + tables(), encoding="utf-8")
