"""The documentation's tables of pieces are those of the one table, and what it shows of the code is there."""

import ast
import re
from pathlib import Path

import pytest

from compare import NotEquivalentError
from compare.checking.trials import DRAWN, directions
from compare.problem.from_dict import declared_problem
from compare.problem.pieces import ACTIVATIONS, LOSSES, NORMALIZATIONS, OPTIMIZERS
from tests.blocks import assert_printed

PAGE = Path(__file__).parent.parent / "docs" / "adding-a-piece.md"
MARK = "<!-- pieces: held to compare/problem/pieces.py by tests/test_docs.py -->\n"


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def tables() -> str:
    """Every row of `compare.problem.pieces`, kind by kind, as Markdown."""
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


LIMITS = PAGE.parent / "bring-your-own.md"
ROWS = {      # of its table, and where the trials are that it is about
    "how many records": r"with \{\} records",
    "round numbers of records": r"in batches of 64, .* records",
    "the same batch again": r"on a batch that comes (again|\d+ times).*",
    "a loss that rises": r"where the loss rises from step to step",
    "batches that look alike": r"on two batches that begin and end alike",
    "records alike": r"where (a record is there twice|all records are alike)",
    "targets of a regression": r"(with negative targets|for targets|where targets are met up to|with targets of ((-1|0) and 1 a|about)).*",
    "targets all the same": r"where all records have the same target",
    "a step without gradients": r"where all gradients of a step are 0",
    "weights alike": r"where (each layer has weights all alike|all weights and biases are 0)",
    "zeros": r"where (an input is 0|all inputs of|a unit's z is 0|.* targets are 0.*|the \w+ class does not|targets are met ex).*",
    "a loss that jumps": r"where the loss is large for one step|where every class is right by far, and wrong for one step",
    "targets of classes": r"with targets of 0 and 1|where (all of 40 records have .*|every class is (right|wrong) by far, by z of ±\{\})",
    "learning rates": r"(for|with) a learning rate (up to|of) \{\}|where the learning rate (rises|is 0 in the first step)",
    "a step beside its weight": r"for a step beside its weight up to \{\}",
    "z of each layer": r"for z (below 0 )?of the .* layer up to \{\}",
    "γ and β of each normalisation": r"for (gamma|beta) of the .* layer up to \{\}|where z of the .* layer has a mean of about 1000",
    "small z of each layer": r"for z of the .* layer of about \{\}",
    "weights and biases of each layer": r"for (weights|biases) of the .* layer up to \{\}",
    "inputs": r"(for|with) inputs (up to|of about) \{\}",
    "inputs of one sign": r"where no input is (below 0, and all are up to about \{\}|above 0)",
    "an input that is the same in every record": r"where an input is the same in every record",
    "inputs as tables have them": r"where (all inputs are (w|-?[01] or)|one input of|two inputs|an input of one of).*|on inputs of very .*",
    "targets as tables have them": r"where (records are in|all targets are whole|a target of one|one output's|2 of 100|1 of 151).*",
    f"4 to {DRAWN} problems drawn at random": r"on a problem of \d+ records? drawn at random.*",
}


def unsaid(page: str) -> list[str]:
    """The trials that no row of the page's table is about, and the values of trials that their row does not have."""
    found = []
    for loss in ("half_mse", "bce", "cross_entropy"):
        activations = ("tanh", "identity" if loss == "cross_entropy" else "sigmoid")
        norm = {"normalization": "layer_norm"} if loss == "half_mse" else {}
        problem = declared_problem({"sizes": (4, 5, 3), "activations": activations, "bias": True, "loss": loss, **norm})
        for direction in directions(problem, 1, None):
            titles = [title for title, where in ROWS.items() if re.fullmatch(where, direction.where)]
            rows = [row for title in titles for row in re.findall(rf"^\| {title} \| (.*) \|$", page, re.MULTILINE)]
            said = {float(number) for row in rows for number in re.findall(r"\d+(?:\.\d+)?(?:e-?\d+)?", row)}
            known = said | set(problem.sizes if direction.is_count and "as many as a layer has units" in rows[0] else ())
            found += [] if len(rows) == 1 else [direction.where]
            found += [direction.said(value) for value in direction.values if "{}" in direction.where and value not in known]
    return found


def test_how_far_the_trials_go_is_what_the_page_says() -> None:
    assert unsaid(LIMITS.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("said", "other"),
    [
        ("100, 151 and 1031,", "100 and 1030,"),
        ("12, 40, 600", "12, 600"),
        ("24 at most", "20 at most"),
        ("| inputs |", "| outputs |"),
    ],
)
def test_a_trial_of_which_the_page_does_not_say_how_far_it_goes_is_noticed(said: str, other: str) -> None:
    page = LIMITS.read_text(encoding="utf-8")
    assert said in page
    assert unsaid(page.replace(said, other)) != []


if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text(encoding="utf-8").split(MARK)[0] + MARK + tables(), encoding="utf-8")


CLASS = (PAGE.parent / "pytest-and-ci.md").read_text(encoding="utf-8").split("## Your own class, step by step")[1].split("\n## ")[0]


def test_a_mistake_in_the_class_of_the_page_on_tests_is_reported_as_it_shows() -> None:
    code, shown = re.findall(r"^```(?:python|text)\n(.*?)^```$", CLASS, re.MULTILINE | re.DOTALL)
    exec(code, {})
    with pytest.raises(NotEquivalentError) as caught:
        exec(code.replace(" * (1 - h * h)", ""), {})
    assert_printed(shown, str(caught.value))
