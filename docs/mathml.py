"""Formulas as MathML, which a browser sets by itself: Sphinx's renderer of mathematics, by latex2mathml and without any script."""

import re
from typing import Any
from xml.etree import ElementTree

from latex2mathml.converter import convert

MINUS = "<mo>&#x02212;</mo>"
_SIGN = re.compile(rf"(<mo[^>]*>(?:&#x00028;|&#x0003D;|&#x02190;|&#x000B7;|&#x0002C;)</mo>|<mi />|<mtd[^>]*>){MINUS}")
_LOGARITHM = re.compile(r"(<m[io]>ln</m[io]>)(?!<mo)")


def mathml(latex: str, display: str) -> str:
    """Return a formula as MathML; raise ValueError for one that latex2mathml does not know how to set.

    A minus before a number stands close to it, as a sign, and a logarithm stands apart from its argument.
    """
    try:
        if latex.count("{") != latex.count("}"):
            raise ValueError("its braces are not closed")
        text = convert(latex.strip().replace("{aligned}", "{align*}"), display=display)
        left = [part for part in ElementTree.fromstring(text).itertext() if "\\" in part]
    except Exception as error:
        raise ValueError(f"{latex!r} is no formula that can be set: {error!r}; expected LaTeX that latex2mathml knows") from error
    if left:
        raise ValueError(f"{left[0]} is no command that can be set, in {latex!r}; expected LaTeX that latex2mathml knows")
    text = _SIGN.sub(lambda found: found[1] + MINUS.replace("<mo>", '<mo form="prefix">'), text)
    return _LOGARITHM.sub(r'\1<mspace width="0.17em" />', text)


def visit_math(self: Any, node: Any) -> None:
    """Write a formula within a line."""
    from docutils.nodes import SkipNode

    self.body.append(mathml(node.astext(), "inline"))
    raise SkipNode


def visit_displayed(self: Any, node: Any) -> None:
    """Write a displayed formula; one that is wider than a phone scrolls by itself."""
    from docutils.nodes import SkipNode

    self.body.append(f'<div class="formula" tabindex="0">{mathml(node.astext(), "block")}</div>\n')
    raise SkipNode
