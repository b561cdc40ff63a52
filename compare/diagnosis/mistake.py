"""What an entry of the catalogue is: a mistake, the formulas that it puts in the place of the right ones, and where it can be made."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Literal

from ..problem.problem import Problem
from .formulas import Formula
from .graph import Formulas, Place, places

Where = Literal["once", "layer", "all", "hidden", "output"]
Applies = Callable[[Problem, int], bool]      # whether a mistake can be made in that layer, counted from 1


def anywhere(problem: Problem, layer: int) -> bool:
    """In every network and layer."""
    return True


@dataclass(frozen=True, eq=False)
class Mistake:
    """One entry.

    `sentence` says what was done, and may name "{layer}"; `expected` and `actual` are the formula as it should be and as it behaves.
    `formulas` are put in the place of the stages they are named by; a stage "*_used" is that of weights and of biases, "+z" that of every
    layer. `where` it is made: once for the whole step, in a layer (one of them, or several), in all layers, in a hidden layer (one, or
    all), or in the output layer; and `applies(problem, layer)` says whether it can be. A mistake that is `alone` is not looked for in
    pairs, one that is `slow` only after all others.
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
        """Those of this network in which it can be made; 0 for the whole step."""
        every = range(1, len(problem.layers) + 1)
        each = {"once": range(1), "layer": every, "all": every, "hidden": every[:-1], "output": every[-1:]}[self.where]
        return [layer for layer in each if self.applies(problem, layer)]

    def causes(self, problem: Problem) -> Iterator["Cause"]:
        """The mistake in each place where it can be made in this network."""
        depth, layers = len(problem.layers), self.layers(problem)
        if self.where == "all":
            yield Cause(self, tuple(layers), problem)
            return
        for layer in layers:
            yield Cause(self, (layer,), problem)
        hidden = [layer for layer in layers if layer < depth]
        for several in (layers, hidden) if len(hidden) < len(layers) else (layers,):
            if len(several) > 1:
                yield Cause(self, tuple(several), problem)


@dataclass(frozen=True)
class Cause:
    """A mistake, made in these layers; (0,) for the whole step."""

    mistake: Mistake
    layers: tuple[int, ...]
    problem: Problem = field(repr=False, compare=False)

    @property
    def id(self) -> str:
        """The mistake's."""
        return self.mistake.id

    @property
    def sentence(self) -> str:
        """What was done, and where."""
        return self.mistake.sentence.format(layer=layers_named(self.problem, self.layers))

    @cached_property
    def formulas(self) -> Formulas:
        """The formulas by place."""
        formulas: dict[Place, Formula] = {}
        for stage, formula in self.mistake.formulas.items():
            for layer in self.layers:
                if stage.startswith("+"):
                    formulas |= {(stage[1:], each): formula for each in range(1, len(self.problem.layers) + 1)}
                    continue
                if not stage.startswith("*"):
                    formulas[stage, layer] = formula
                    continue
                for kind, each in places(self.problem):
                    if layer in (0, each):
                        formulas[kind + stage[1:], each] = partial(formula, kind=kind)
        return formulas


def layers_named(problem: Problem, layers: tuple[int, ...]) -> str:
    """Those layers in words."""
    depth = len(problem.layers)
    if len(layers) > 1:
        return "every layer" if len(layers) == depth else "every hidden layer" if depth not in layers else "layers " + _listed(layers)
    if layers == (0,):
        return "the network"
    if layers == (depth,):
        return "the output layer"
    return "the hidden layer" if depth == 2 else f"hidden layer {layers[0]}"


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers[:-1])) + f" and {numbers[-1]}"
