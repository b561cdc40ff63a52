"""Pairs of a forward and a backward function with a cache, as of CS231n, and losses: each runs on drawn inputs beside PyTorch's."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...lockstep.difference import Difference
from ...sides.interface import Key
from ...support.arrays import Array
from ...userfile.file import AttemptError
from ..binding import BindingError, backward_arguments, bound, gradients_by_role
from ..file import PartsFile, line_of_returned, returned_names
from ..judged import Judged, judged
from ..names.tree import uses_torch
from ..own_forward import own_layer
from ..pairs import Pair, pairs_in
from ..result import Part
from ..static_pairs import pair_of_tensors
from ..words import factor_said
from .asked import as_asked
from .draws import Case
from .layouts import Layout
from .own_losses import own_loss
from .own_pairs import own_pair
from .table import LAYERS, LOSSES, Layer
from .twin import LayerTwin, in_shape

_WITH_GRADIENT = 2      # values that a loss returns
_OF_NETWORK = {"w", "w1", "weight", "weights", "theta", "params", "model"}      # arguments
_NOT_WRITTEN = "it is not written yet: it returns nothing"


def losses_in(tree: ast.Module) -> list[str]:
    """Return the names of losses that return a gradient beside the loss; one that takes weights is that of a network."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.lower() in LOSSES]
    alone = [node for node in functions if not _OF_NETWORK & {argument.arg.lower() for argument in node.args.args}]
    return [node.name for node in alone if len(returned_names(node)) == _WITH_GRADIENT]


def check_layers(file: PartsFile, seed: int) -> Iterator[Part]:
    """Yield a part for each forward and backward function, and each loss."""
    own = {name: value for name, value in file.own().items() if inspect.isfunction(value)}
    for pair in pairs_in(own, has_bare=True):
        row = LAYERS.get(pair.name) or LAYERS.get(pair.other_spelling)
        losses = [own_loss(file, pair.forward, name, seed) for name in pair.backwards if row is None]
        parts = [part for part in losses if part is not None]
        row = row or (None if parts else own_layer(file, pair, [*LAYERS.values()]))
        parts += _Layer(file, pair, row, seed).parts() if row is not None else []
        parts = parts or [part for name in pair.backwards if (part := own_pair(file, pair, name, seed)) is not None]
        if uses_torch(file.tree) and all(part.mark != "agrees" for part in parts if part.name in pair.backwards):
            tensors = [*pair_of_tensors(file, pair, seed)]      # it may be code for these alone
            parts = parts if any(part.mark == "wrong" for part in parts) else tensors
        yield from parts
        for name in (pair.forward, *pair.backwards) if not parts else ():
            reason = f"no layer of PyTorch is known by the name {pair.name}, and its forward does not run on PyTorch's tensors"
            yield Part(name, "not compared", lines=file.lines_of(name), reason=reason)
    for name in losses_in(file.tree):
        yield from _Layer(file, Pair(name, name, (name,)), LOSSES[name.lower()], seed).parts()


@dataclass(frozen=True)
class _Answer:
    """What a forward function returned for a case: the outputs, the cache or what else comes after them, and the options that it left."""

    case: Case
    above: tuple[Array, ...]
    outs: tuple[Any, ...]
    cache: Any
    options: Mapping[str, Any]


@dataclass(frozen=True)
class _Answers:
    """The answers on all cases, and the cases on which the forward function raised an error."""

    given: list[_Answer]
    raised: list[tuple[Case, Exception]]


class _Layer:
    """One layer's functions on all cases, in the layout and by the convention that fit."""

    def __init__(self, file: PartsFile, pair: Pair, row: Layer, seed: int) -> None:
        self.file, self.pair, self.seed = file, pair, seed
        self.row = as_asked(row, file.node_of(pair.forward), file.tree)

    def parts(self) -> Iterator[Part]:
        """Yield the part of the forward function, and one for each backward function."""
        tried: list[tuple[tuple[bool, bool, int], LayerTwin, _Answers]] = []
        for layout in self.row.layouts:
            answers = self._answers(layout)
            twins = [LayerTwin(self.row, layout, convention) for convention in self.row.conventions]
            right = [twin for twin in twins if all(_is_near(twin, each) for each in answers.given)]
            fits = all(_fits(twins[0], each) for each in answers.given)
            tried.append(((bool(right), fits, len(answers.given)), (right or twins)[0], answers))
            if right and answers.given and not answers.raised:
                break
        _, twin, answers = max((each for each in tried if each[2].given), key=lambda each: each[0], default=tried[0])
        if len(answers.given) < max(1, len(answers.raised)):
            error = answers.raised[0][1]
            not_taken = isinstance(error, BindingError)      # no mistake of the file's
            yield self._not_compared(self.pair.forward, str(error)) if not_taken else self._failed(self.pair.forward, error)
            for name in self.pair.backwards if not self.row.is_loss else ():
                yield self._not_compared(name, f"{self.pair.forward} could not run")
        elif all(each is None for answer in answers.given for each in answer.outs):
            for name in dict.fromkeys((self.pair.forward, *self.pair.backwards)):
                yield self._not_compared(name, _NOT_WRITTEN)
        else:
            yield from self._compared(twin, answers)

    def _compared(self, twin: LayerTwin, answers: _Answers) -> Iterator[Part]:
        results = [(answer, self._judged(twin, answer, {})) for answer in answers.given]
        said = "; ".join(filter(None, (twin.said, *(f"not on {case.said()}, where it raises" for case, _ in answers.raised[:1]))))
        forward = self._part(self.pair.forward, said, results, ("outputs",))
        if not self.row.is_loss and not self.row.is_own:
            yield forward
        for name in self.pair.backwards:
            part = self._backward(name, twin, answers.given, forward)
            if part.mark in ("wrong", "could not run") and all(each.cache is None for each in answers.given):
                other = self._backward(name, twin, [replace(each, cache=each.outs[0]) for each in answers.given], forward)
                part = replace(other, beside=f"{other.beside}; it takes the output") if other.mark == "agrees" else part
            yield part

    def _answers(self, layout: Layout) -> _Answers:
        """Call the forward function on each case."""
        random = np.random.default_rng((self.seed, *self.pair.forward.encode()))
        function, found = getattr(self.file.module, self.pair.forward), _Answers([], [])
        for case in (each for each in self.row.draw(random) if layout.takes(each)):
            try:
                arguments = bound(function, layout.turned(case))
                answer = self.file.run(self.pair.forward, function, **arguments)
            except (AttemptError, BindingError) as error:
                found.raised.append((case, error))
                continue
            count = len(self.row.outputs)
            values = answer if isinstance(answer, tuple) else (answer,)
            outs, rest = values[:count] + (None,) * (count - len(values)), values[count:]
            shapes = LayerTwin(self.row, layout, self.row.conventions[0]).shapes(case, outs)
            above = tuple(random.standard_normal(shape) for shape in shapes) if not self.row.is_loss else ()
            options: dict[str, Any] = {}
            for each in arguments.values():
                options |= each if isinstance(each, dict) else {}
            found.given.append(_Answer(case, above, outs, rest[0] if len(rest) == 1 else rest or None, options))
        return found

    def _backward(self, name: str, twin: LayerTwin, answers: list[_Answer], forward: Part) -> Part:
        results, said, node = [], twin.said, self.file.node_of(name)
        for answer in answers:
            turned = twin.layout.turned(answer.case)
            roles = {role: tuple(array.shape) for role, array in turned.arrays.items() if array.dtype.kind == "f"}
            if self.row.is_loss:
                by_role, words, returned = {"x": answer.cache}, "", answer.cache
                roles = {"x": roles["x"]}
            else:
                if turned.options.get("mode") == "test" and not self.row.in_test:
                    continue
                function = getattr(self.file.module, name)
                above = [twin.layout.turn("out", each).copy() for each in answer.above]
                try:
                    arguments = backward_arguments(function, above, answer.cache, turned, answer.outs[0])
                    returned = self.file.run(name, function, *arguments)
                except (AttemptError, BindingError) as error:
                    return self._failed(name, error)
                by_role, words = gradients_by_role(returned, roles, node if isinstance(node, ast.FunctionDef) else None)
            if all(each is None for each in (returned if isinstance(returned, tuple) else (returned,))):
                return self._not_compared(name, _NOT_WRITTEN)
            others = {role: value for role, value in by_role.items() if in_shape(value, roles[role]) is not value}
            by_role |= {role: in_shape(value, roles[role]) for role, value in others.items()}
            shapes = ", ".join(f"d{role} is {np.shape(value)}" for role, value in others.items())
            said = "; ".join(filter(None, (twin.said, words, shapes)))
            grads: dict[Key, Any] = {("gradients", f"d{role}"): by_role.get(role) for role in roles}
            results.append((answer, self._judged(twin, answer, grads)))
        part = self._part(name, said, results, ("outputs", "gradients") if self.row.is_loss else ("gradients",))
        if part.mark == "wrong" and forward.mark == "wrong" and not self.row.is_loss:
            about = part.beside, part.compared, part.first, part.on, part.lines
            return Part(name, "unclear", *about, reason=f"{self.pair.forward} is wrong before it")
        return part

    def _judged(self, twin: LayerTwin, answer: _Answer, grads: Mapping[Key, Any]) -> Judged:
        actual: dict[Key, Any] = {("outputs", name): value for name, value in zip(self.row.outputs, answer.outs, strict=True)}
        actual |= {("outputs", name): answer.options.get(name) for name in twin.running}
        wanted = [name.removeprefix("d") for _, name in grads]
        return judged(actual | dict(grads), lambda: twin.numbers(answer.case, wanted, answer.above, answer.outs), self.seed)

    def _part(self, name: str, beside: str, results: list[tuple[_Answer, Judged]], phases: tuple[str, ...]) -> Part:
        of_phases = [(answer, each) for answer, result in results for each in result.differences if each.phase in phases]
        compared = sum(result.sizes[each.tensor] for _, result in results for each in result.differences if each.phase in phases)
        wrong = [(answer, each) for answer, each in of_phases if not each.is_allowed]
        lines = self.file.lines_of(name)
        if not wrong:
            return Part(name, "agrees", beside, compared, lines=lines)
        answer, first = wrong[0]
        why = factor_said(first.tensor, [(result.ratios.get(first.tensor), answer.case) for answer, result in results])
        why = why if {each.tensor for _, each in wrong} == {first.tensor} else None
        return Part(name, "wrong", beside, compared, first, answer.case.said(), lines, self._line(name, first), why)

    def _line(self, name: str, first: Difference) -> int | None:
        """Return the line that makes the array which is returned."""
        node = self.file.node_of(name)
        place = self.row.outputs.index(first.tensor) if first.tensor in self.row.outputs else 1 if self.row.is_loss else None
        return None if node is None else line_of_returned(node, first.tensor, place)

    def _failed(self, name: str, error: Exception) -> Part:
        line = error.line if isinstance(error, AttemptError) else None
        return Part(name, "could not run", self.row.title, lines=self.file.lines_of(name), line=line, reason=str(error))

    def _not_compared(self, name: str, reason: str) -> Part:
        return Part(name, "not compared", self.row.title, lines=self.file.lines_of(name), reason=reason)


def _fits(twin: LayerTwin, answer: _Answer) -> bool:
    """Return whether the outputs have the right shapes."""
    shapes = twin.shapes(answer.case, answer.outs, is_turned=True)
    return all(np.shape(out) == shape for out, shape in zip(answer.outs, shapes, strict=True))


def _is_near(twin: LayerTwin, answer: _Answer) -> bool:
    """Return whether the outputs, and running averages, are the twin's up to much more than rounding."""
    shown = {**dict(zip(twin.row.outputs, answer.outs, strict=True)), **{name: answer.options.get(name) for name in twin.running}}
    with suppress(TypeError, ValueError):
        expected = twin.numbers(answer.case, (), (), answer.outs)
        arrays = {name: each.detach().numpy() for (_, name), each in expected.items()}
        return all(
            np.shape(shown[name]) == each.shape and np.allclose(np.asarray(shown[name], float), each, 1e-6, 1e-9)
            for name, each in arrays.items()
        )
    return False
