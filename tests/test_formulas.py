"""The guide's displayed formulas are mathematics that a browser sets without a script, and that GitHub shows."""

import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

DOCS = Path(__file__).parent.parent / "docs"
DISPLAYED = re.compile(r"^\$\$\n(.*?)\n\$\$$", re.MULTILINE | re.DOTALL)
PAGES = [page for page in sorted(DOCS.glob("*.md")) if "$$" in page.read_text(encoding="utf-8")]
MATH = "{http://www.w3.org/1998/Math/MathML}"


@pytest.fixture(scope="module")
def formulas() -> ModuleType:
    sys.path.insert(0, str(DOCS))
    try:
        return import_module("mathml")
    finally:
        sys.path.remove(str(DOCS))


def test_the_derivations_have_formulas() -> None:
    derived = {"backpropagation", "convolution", "normalization", "embedding", "residuals", "attention", "recurrence"}
    assert derived <= {page.stem for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_formula_can_be_set(page: Path, formulas: ModuleType) -> None:
    text = page.read_text(encoding="utf-8")
    found = DISPLAYED.findall(text)
    assert len(found) * 2 == text.count("$$")
    for latex in found:
        root = ElementTree.fromstring(formulas.mathml(latex, "block"))
        assert root.tag == f"{MATH}math"
        assert len(root.findall(f".//{MATH}mtr")) >= (latex.count("\\\\") + 1 if "aligned" in latex else 0)


@pytest.mark.parametrize("latex", [r"\notacommand x", "a & b", r"\frac{a", r"\begin{alignad} a &= b \end{alignad}"])
def test_a_formula_that_cannot_be_set_is_refused(latex: str, formulas: ModuleType) -> None:
    with pytest.raises(ValueError, match="expected LaTeX that latex2mathml knows"):
        formulas.mathml(latex, "block")


def test_a_minus_is_a_sign_where_nothing_is_before_it(formulas: ModuleType) -> None:
    signs = formulas.mathml(r"\begin{aligned} a &= -1 \cdot (-2) - 3 \\ &= f(-4, -5) - b \end{aligned}", "block")
    assert (signs.count('<mo form="prefix">&#x02212;</mo>'), signs.count(formulas.MINUS)) == (4, 2)
