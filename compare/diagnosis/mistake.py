"""An entry of the catalogue: a mistake, the wrong formulas that it puts in the place of right ones, and where it can be made."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Literal

from ..problem.problem import Problem
from .formulas import Formula
from .graph import Formulas, Place, places

Where = Literal["once", "layer", "all", "hidden", "output"]
Applies = Callable[[Problem, int], bool]      # returns whether a mistake can be made in that layer, counted from 1

_OF_THE_STEP = ("lr", "options", "count", "together")
_IN_THE_UPDATE = ("_taken", "_kept", "_update", "_velocity", "_step", "_added", "_after")


def anywhere(problem: Problem, layer: int) -> bool:
    """Return True, for a mistake that can be made in every network and layer."""
    return True


@dataclass(frozen=True, eq=False)
class Mistake:
    """One entry of the catalogue.

    `sentence` says what was done, and may name "{layer}"; `expected` and `actual` are the formula as it should be and as it behaves.
    `formulas` maps each stage to the formula that replaces its right one; "*_used" stands for that stage of every kind of parameter, "+z"
    for that stage of every layer. `where` says whether the mistake is made once for the whole step, in a layer (one, or several), in all
    layers, in a hidden layer (one, or all), or in the output layer; `applies(problem, layer)` returns whether it can be made there. A
    mistake that is `alone` is not searched for in pairs, one that is `slow` only after all others.
    """

    id: str
    sentence: str
    expected: str
    actual: str
    formulas: Mapping[str, Formula] = field(repr=False)
    where: Where = "once"
    applies: Applies = field(default=anywhere, repr=False)
    alone: bool = False
    slow: bool = False

    def layers(self, problem: Problem) -> list[int]:
        """Return the layers of this network in which it can be made, from 1; [0] for the whole step."""
        every = range(1, len(problem.layers) + 1)
        each = {"once": range(1), "layer": every, "all": every, "hidden": every[:-1], "output": every[-1:]}[self.where]
        return [layer for layer in each if self.applies(problem, layer)]

    def causes(self, problem: Problem) -> Iterator["Cause"]:
        """Yield the mistake in each layer where it can be made in this network, then in all of them together, and in all hidden ones."""
        layers = tuple(self.layers(problem))
        hidden = tuple(layer for layer in layers if layer < len(problem.layers))
        several = [each for each in dict.fromkeys((layers, hidden)) if len(each) > 1]
        for choice in [layers] if self.where == "all" else [*((layer,) for layer in layers), *several]:
            yield Cause(self, choice, problem)


@dataclass(frozen=True)
class Cause:
    """A mistake made in these layers of a problem's network; (0,) for the whole step."""

    mistake: Mistake
    layers: tuple[int, ...]
    problem: Problem = field(repr=False, compare=False)

    @property
    def id(self) -> str:
        """The mistake's id."""
        return self.mistake.id

    @property
    def sentence(self) -> str:
        """The mistake's sentence with its layers in words."""
        return self.mistake.sentence.format(layer=layers_named(self.problem, self.layers))

    @property
    def is_in_the_update(self) -> bool:
        """Whether the mistake is in the update alone, and in no gradient."""
        return all(stage in _OF_THE_STEP or stage.endswith(_IN_THE_UPDATE) for stage, _ in self.formulas)

    @cached_property
    def formulas(self) -> Formulas:
        """The wrong formulas by place."""
        formulas: dict[Place, Formula] = {}
        for stage, formula in self.mistake.formulas.items():
            for layer in self.layers:
                if stage.startswith("*"):
                    here = [place for place in places(self.problem) if layer in (0, place[1])]
                    formulas |= {(kind + stage[1:], each): partial(formula, kind=kind) for kind, each in here}
                elif stage.startswith("+"):
                    formulas |= {(stage[1:], each): formula for each in range(1, len(self.problem.layers) + 1)}
                else:
                    formulas[stage, layer] = formula
        return formulas


def layers_named(problem: Problem, layers: tuple[int, ...]) -> str:
    """Return these layers in words."""
    depth = len(problem.layers)
    if len(layers) == depth > 1:
        return "every layer"
    if len(layers) > 1:
        numbers = ", ".join(map(str, layers[:-1])) + f" and {layers[-1]}"
        return "every hidden layer" if depth not in layers else f"layers {numbers}"
    if layers in ((0,), (depth,)):
        return "the output layer" if layers[0] else "the network"
    return "the hidden layer" if depth == 2 else f"hidden layer {layers[0]}"
