"""Gradients that a file computes in vain: no statement reads them, so that what they are of is not trained by them."""

import ast
import re

_OF = re.compile(r"(?:d|g|grad|gradient|delta)_?(\w+)|(\w+?)_(?:d|g|grad|gradient|delta)")


def differentiated_in_vain(tree: ast.AST) -> set[str]:
    """Return the variables whose gradient is assigned to a name that says so, as `dm` or `grad_m`, and is read nowhere."""
    names = [each for each in ast.walk(tree) if isinstance(each, ast.Name)]
    read = {each.id for each in names if isinstance(each.ctx, ast.Load)}
    found = (_OF.fullmatch(name) for name in {each.id for each in names} - read)
    return {each[1] or each[2] for each in found if each} & read
