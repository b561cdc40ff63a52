"""The pages that are made from the code say all of it: each mistake of the catalogue, measured, and each public name."""

import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import compare
import compare.report.plots
import data
import manual
import torch_ref
from compare.diagnosis.catalogue import LISTED
from compare.diagnosis.mistake import Mistake

DOCS = Path(__file__).parent.parent / "docs"
API = (DOCS / "api.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page() -> ModuleType:
    sys.path.insert(0, str(DOCS))
    try:
        return import_module("mistakes_page")
    finally:
        sys.path.remove(str(DOCS))


def mistake(id: str) -> Mistake:
    return next(each for each in LISTED if each.id == id)


@pytest.mark.slow
def test_every_mistake_is_on_its_page_and_measured(page: ModuleType) -> None:
    on_page = [each for by_id in page.sections().values() for readings in by_id.values() for each in readings]
    assert {each.id for each in on_page} == {each.id for each in LISTED}
    assert [each.sentence for each in on_page if page.measured(each) is None] == []


@pytest.mark.parametrize(
    ("id", "said"),
    [
        ("sign-flipped", "both layers: with the opposite sign"),
        ("mean-missing", "both layers: 7 times as large"),
        ("layer-never-updated", "the hidden layer: 0; the output layer: right"),
        ("loss-term-lost", "right, and the loss is 0.413 where it should be 0.718"),
        ("bias-mean-missing", "the hidden layer: weights right, biases 7 times as large; the output layer: right"),
    ],
)
def test_what_is_said_of_the_deltas_is_so(page: ModuleType, id: str, said: str) -> None:
    assert page.said_of(mistake(id)) == said


def test_what_changes_nothing_is_not_measured(page: ModuleType) -> None:
    none = Mistake("none", "nothing", "lr", "lr", {"lr": lambda at: at.now.lr}, "all")
    assert page.said_of(none).startswith("not measured")


def test_the_files_name_their_pictures(page: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, by_id = next(iter(page.sections().items()))
    monkeypatch.setattr(page, "sections", lambda: {kind: {"slope-missing": by_id["slope-missing"]}})
    page.write(tmp_path)
    text = (tmp_path / "1.md").read_text(encoding="utf-8")
    assert "### f′ is left out of the error term (`slope-missing`)\n" in text
    assert f"({tmp_path.as_posix()}/1-slope-missing.svg)" in text
    assert (tmp_path / "1-slope-missing.svg").read_text(encoding="utf-8").count("<path") > 10


def undocumented(package: Any, text: str) -> list[str]:
    """The public names that the package's own section does not name; whatever is in a module that it documents whole is named."""
    section = text.split(f"\n## {package.__name__}\n")[1].split("\n## ")[0]
    names = [name for name in package.__all__ if not isinstance(getattr(package, name), (dict, Path, tuple))]
    homes = getattr(package, "_HOMES", {})
    whole = [name for name in names if f"automodule:: {package.__name__}.{homes.get(name)}\n" in section]
    return [name for name in names if name not in whole and not re.search(rf"\b{name}\b", section)]


@pytest.mark.parametrize("package", [compare, compare.report.plots, manual, torch_ref, data], ids=lambda package: package.__name__)
def test_every_public_name_is_on_the_page_of_the_api(package: Any) -> None:
    assert undocumented(package, API) == []


def test_a_public_name_that_is_missing_is_noticed() -> None:
    assert undocumented(manual, API.replace("accumulated_gradients, ", "")) == ["accumulated_gradients"]
