"""A class of nodes: how an object is made, and where it keeps its number, the nodes that take it, and its gradients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from ...support.arrays import Array
from ..binding import plain

_VALUES = ("value", "data", "val", "v", "output", "out", "result", "valor", "valeur", "wert")
_GRADIENTS = ("grad", "gradient", "g", "derivative", "delta")


@dataclass(frozen=True)
class Kind:
    """A class of nodes by name, with the nodes that it is made of, its methods, and the class of nodes without inputs."""

    space: Mapping[str, Any]
    name: str
    inputs: Sequence[str]
    forward: str
    backward: str
    leaf: str

    def new_leaf(self) -> Any:
        """Return a node without inputs."""
        return self.space[self.leaf]()

    def of(self, nodes: Sequence[Any]) -> Any:
        """Return a node of these nodes."""
        return self.space[self.name](*nodes)

    def out(self, arrays: Sequence[Any]) -> Any:
        """Return the number of a node of these arrays."""
        node, _ = self._made(arrays)
        return getattr(node, value_of(node))

    def gradients(self, arrays: Sequence[Array], above: Array) -> list[Any]:
        """Return the gradients at the inputs, where two others take the node, and each gives it a part of the gradient from above."""
        node, leaves = self._made([np.array(each) for each in arrays])
        takers = _takers(leaves[0], node)
        kept = next((name for name, each in vars(node).items() if isinstance(each, dict)), None)
        grad = next((name for name in vars(node) if plain(name) in _GRADIENTS), None)
        if kept is not None and takers is not None:
            for share in (0.25, 0.75):
                getattr(node, takers).append(SimpleNamespace(**{kept: {node: share * above}}))
        elif grad is not None:
            setattr(node, grad, np.array(above))
            for leaf, array in zip(leaves, arrays, strict=True):
                setattr(leaf, grad, np.zeros(np.shape(array)))
        getattr(node, self.backward)()
        if kept is not None:
            return [getattr(node, kept).get(leaf) for leaf in leaves]
        return [getattr(leaf, grad) if grad else None for leaf in leaves]

    def leaf_gradients(self, _: Sequence[Array], above: Array) -> list[Any]:
        """Return the gradient of a node without inputs that two others take; None where it does not collect what these keep."""
        leaves = [self.new_leaf() for _ in self.inputs]
        node = self.of(leaves)
        leaf, takers = leaves[0], _takers(leaves[0], node)
        kept = next((name for name, each in vars(node).items() if isinstance(each, dict)), None)
        if takers is None or kept is None:
            return [None]
        vars(leaf)[takers][:] = [SimpleNamespace(**{kept: {leaf: share * above}}) for share in (0.25, 0.75)]
        getattr(leaf, self.backward)()
        return [gradient_of(leaf)]

    def _made(self, arrays: Sequence[Any]) -> tuple[Any, list[Any]]:
        """Return a node that went forward, and those that it is made of, which hold the arrays."""
        leaves = [self.new_leaf() for _ in arrays]
        node = self.of(leaves)
        for leaf, array in zip(leaves, arrays, strict=True):
            setattr(leaf, value_of(node), array)
        getattr(node, self.forward)()
        return node, leaves


def _takers(leaf: Any, node: Any) -> str | None:
    """Return the attribute in which a node keeps those that take it, of which one is given."""
    return next((name for name, each in vars(leaf).items() if isinstance(each, list) and any(one is node for one in each)), None)


def value_of(node: Any) -> str:
    """Return the attribute in which nodes keep their number."""
    return next((name for name in vars(node) if plain(name) in _VALUES), "value")


def gradient_of(node: Any) -> Any:
    """Return the gradient of a node without inputs: its own entry in its dict, or an attribute; None where it keeps none."""
    kept = next((each for each in vars(node).values() if isinstance(each, dict)), None)
    return kept.get(node) if kept is not None else next((each for name, each in vars(node).items() if plain(name) in _GRADIENTS), None)
