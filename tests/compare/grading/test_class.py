"""What a teacher sees of a class: verdicts in order, mistakes by how many have them, own names, and commands that repeat a check."""

import csv
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from compare.cli.main import main
from compare.grading.results import Lines
from compare.report.grades import MOST_NAMED, counted, grades_page, print_grades, sorted_places, tallied
from compare.support import __version__

EXAMPLES = Path(__file__).parents[3] / "examples"
WRONG = (EXAMPLES / "wrong_hidden_error.py").read_text(encoding="utf-8")
TWO_READINGS = """
PROBLEM = {"sizes": (3, 1), "loss": "mse", "bias": False, "activations": "identity"}
def gradients(params, x, y):
    return {"0.weight": (x @ params["0.weight"].T - y).T @ x / len(x)}
"""
AGAIN = ["--seed", "1", "--unsafe-no-sandbox", "--steps", "3"]


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `attempts` of all kinds, and their `results`."""
    root = tmp_path_factory.mktemp("class")
    folder = root / "attempts"
    for name in ("eve", "fay"):
        (folder / name).mkdir(parents=True)
        (folder / name / "main.py").write_text(f"{WRONG}# {name}\n", encoding="utf-8")
    shutil.copy(EXAMPLES / "right_hidden_error.py", folder / "anna.py")
    (folder / "two readings.py").write_text(TWO_READINGS)
    (folder / "raises.py").write_text("def train_step(params, x, y, lr):\n    raise ValueError('no idea')\n")
    (folder / "syntax.py").write_text("def train_step(\n")
    with zipfile.ZipFile(folder / "gus.zip", "w") as archive:
        archive.writestr("src/network.py", f"{WRONG}# gus\n")
    assert main(["grade", str(folder), "--out", str(root / "results"), *AGAIN]) == 0
    return root


def lines(graded: Path) -> dict[str, dict[str, Any]]:
    found = map(json.loads, (graded / "results" / "results.jsonl").read_text(encoding="utf-8").splitlines())
    return {line["attempt"]: line for line in found}


@pytest.mark.slow
def test_each_attempt_goes_by_its_own_name(graded: Path) -> None:
    found = lines(graded)
    for name, shown in (("eve", "eve/main.py"), ("fay", "fay/main.py"), ("gus.zip", "gus.zip/src/network.py"), ("anna.py", "anna.py")):
        page = (graded / "results" / found[name]["report"]).read_text(encoding="utf-8")
        assert f"<title>{found[name]['verdict']}: {shown}</title>" in page
    assert "at raises.py line 2" in found["raises.py"]["reason"]
    assert found["syntax.py"]["reason"].startswith("syntax.py is not Python")
    assert "attempt.py" not in (graded / "results" / "results.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["anna.py", "eve", "gus.zip", "two readings.py", "raises.py"])
def test_the_command_that_repeats_one_is_a_command(graded: Path, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = lines(graded)[name]
    script = line["repeat"].replace("backprop-compare check", "printf '%s\\n'")
    words = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    if name.endswith(".zip") and "not found" in words.stderr:      # without unzip: do what it does
        with zipfile.ZipFile(graded / "attempts" / name) as archive:
            archive.extractall(tmp_path / "gus")
        words = subprocess.run(["sh", "-c", script.partition("&& ")[2]], cwd=tmp_path, capture_output=True, text=True, check=True)
    path, *options = [word for word in words.stdout.splitlines() if not word.startswith(("Archive:", "  inflating:", " extracting:"))]
    main(["check", str(tmp_path / path), *options, "--json"])
    again = json.loads(capsys.readouterr().out)
    assert (again["verdict"], again["seed"]) == (line["verdict"], line["seed"])
    assert [each["causes"][0]["id"] for each in again["diagnosis"]] == line["mistakes"]


def test_the_table_has_all_ids_lines_and_what_makes_the_same_numbers(graded: Path) -> None:
    with (graded / "results" / "grades.csv").open(encoding="utf-8") as file:
        rows = {row["attempt"]: row for row in csv.DictReader(file)}
    assert (rows["eve"]["mistakes"], rows["eve"]["lines"]) == ("slope-missing", "23")
    assert rows["two readings.py"]["mistakes"] == "factor-half or other-loss"
    assert rows["anna.py"]["mistakes"] == rows["anna.py"]["lines"] == ""


def test_the_page_sorts_by_verdict_and_tallies_the_mistakes(graded: Path) -> None:
    page = (graded / "results" / "index.html").read_text(encoding="utf-8")
    table = page.partition('id="grades"')[2]
    names = ["eve", "fay", "gus.zip", "two readings.py", "raises.py", "syntax.py", "anna.py"]
    assert [name for _, name in sorted((table.index(f">{name}<"), name) for name in names)] == names
    assert page.index("slope-missing") < page.index("factor-half or other-loss") < page.index('id="grades"')
    assert re.search(rf"<p class=\"tool\">backprop-compare {re.escape(__version__)}, \d+ \w+ \d{{4}}</p>", page)


def line(verdict: str, *mistakes: str, **others: Any) -> dict[str, Any]:
    return {
        "attempt": "a", "verdict": verdict, "mistakes": list(mistakes), "alternatives": [[] for _ in mistakes], "hint": None, "stage": None
    } | others  # fmt: skip


def test_verdicts_are_in_order_and_names_within_each() -> None:
    found = [line("equivalent"), line("could not run"), line("different"), line("not a proof"), line("different")]
    assert sorted_places(found) == [2, 4, 3, 1, 0]
    assert counted(found) == [("different", 2), ("not a proof", 1), ("could not run", 1), ("equivalent", 1)]


def test_a_mistake_counts_once_an_attempt_and_a_hint_in_its_place() -> None:
    found = [line("different", "b", "a", "a"), line("different", "a"), line("different"), line("different", hint="h"), line("not a proof")]
    assert tallied(found) == [("a", 2), ("b", 1), ("h", 1), ("unexplained", 1)]


def test_a_large_class_is_named_in_part(capsys: pytest.CaptureFixture[str]) -> None:
    found = [line("different", f"m{i:02}", attempt=f"s{i:02}.py") for i in range(30)]
    print_grades(found, "", [])
    out = capsys.readouterr().out
    assert "s09.py, and 20 more" in out.replace("\n", " ")
    assert f"and {30 - MOST_NAMED} others" in out
    assert "s10.py" not in out


def test_the_lines_of_a_file_are_sorted_without_all_in_memory(graded: Path) -> None:
    path = graded / "results" / "results.jsonl"
    places, at = [], 0
    for text in path.read_bytes().splitlines(keepends=True):
        places.append(at)
        at += len(text)
    assert "".join(grades_page(Lines(path, places))) == (graded / "results" / "index.html").read_text(encoding="utf-8")
