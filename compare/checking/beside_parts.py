"""A network in a file that is compared part by part: what uses its layers may be wrong where each of them is right."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import replace

from ..parts.result import Part, PartsCheck
from ..parts.uncompared import UNCOMPARED, uncompared
from ..support.errors import CompareError
from .result import Check


def with_networks(parts: PartsCheck, network: Callable[[Mapping[str, str]], Check]) -> PartsCheck | Check:
    """Return the check of the parts with a part for each network that agrees among what no part uses.

    A network that makes a known mistake is returned in its place. `network` checks the one of that class, or with that step.
    """
    compared = tuple(part for part in parts.parts if part.reason != UNCOMPARED)
    if replace(parts, parts=compared).verdict != "equivalent":
        return parts
    tree, agreed = ast.parse(parts.text), list[Part]()
    classes = {each.name for each in tree.body if isinstance(each, ast.ClassDef)}
    for name in parts.unused:
        try:
            tested = network({"class" if name in classes else "step": name})
        except CompareError:      # it is no network
            continue
        if tested.verdict == "different" and tested.diagnosis:
            return replace(tested, notes=(*tested.notes, f"its {len(compared)} parts agree one by one, and {name} does not"))
        if tested.verdict == "equivalent":
            agreed.append(Part(name, "agrees", "PyTorch, as a network", tested.compared))
    if not agreed:
        return parts
    left = uncompared(tree, parts.shape, compared, known=[each.name for each in agreed])
    return replace(parts, parts=(*compared, *agreed, *left.parts), caveats=left.said, unused=left.names)
