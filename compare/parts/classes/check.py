"""Classes of layers that go forward and back: each gradient beside autograd of the class's own forward."""

import ast
import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...sides.interface import Key
from ...support.arrays import Array
from ...userfile.file import AttemptError
from ..binding import plain
from ..file import PartsFile, line_of_returned
from ..judged import Judged, judged
from ..repeatable import repeatable
from ..result import Part
from ..static_pairs import static_pair
from ..words import factor_of
from .containers import container_part, holds_layers
from .fused import taken_together
from .gates import gate_part
from .gradients import gradients_kept, kept_by_value
from .last import targets_of
from .losses import check_losses
from .methods import BACKWARDS, Methods, files_beside, may_be_targets, methods_in
from .objects import COLUMNS, ONE, SEVERAL, Made, Objects, own_nodes
from .own_updates import own_updates
from .primes import prime_parts
from .weights import weights

_LR = 0.3
_OTHER_SIZES = {"where the sizes differ": ((6, 6),), "where there are several features": ((1, 5), (COLUMNS,))}
_BESIDE = "autograd of its own forward, which is not compared"
_NEVER_RUNS = "no arguments and inputs were found with which it runs, as it is and on PyTorch's tensors"


def check_classes(file: PartsFile, seed: int) -> Iterator[Part]:
    """Yield a part for each class; where a loss and the activation before it share a derivative, they are compared together."""
    code = compile(repeatable(own_nodes(file)), str(file.path), "exec", dont_inherit=True)
    layers, losses, containers, parts = dict[str, Objects](), dict[str, Objects](), dict[str, Objects](), dict[str, Part]()
    for methods in methods_in(file.tree):
        objects = Objects(file, methods, code, seed)
        if methods.kind == "static":
            parts[methods.name] = static_pair(file, methods, seed)
        elif methods.kind == "gate":
            parts[methods.name] = gate_part(objects)
        elif methods.kind == "loss":
            losses[methods.name] = objects
        elif holds_layers(objects):
            containers[methods.name] = objects
        else:
            layers[methods.name] = objects
            parts[methods.name] = _Class(objects).part()
    parts |= check_losses(losses)
    parts |= _updates(layers, parts, has_loss=any(parts[name].mark == "agrees" for name in losses if name in parts))
    parts |= {name: container_part(objects, layers, losses, _LR) for name, objects in containers.items()}
    yield from taken_together(parts, layers, losses)
    yield from prime_parts(file, seed)
    yield from _beside(file, seed)


def _updates(layers: Mapping[str, Objects], parts: Mapping[str, Part], *, has_loss: bool) -> dict[str, Part]:
    """Return the parts of the updates of layers whose gradients agree; where some are compared, those that are not are said."""
    every = {name: own_updates(each) for name, each in layers.items() if parts[name].mark == "agrees" and each.methods.kind == "layer"}
    found = {update.name: update.part(has_loss=has_loss) for updates in every.values() for update in updates if update.shares}
    left = {name: updates for name, updates in every.items() if found and any(not update.shares for update in updates)}
    return {name: replace(parts[name], caveat="has an update that is not compared") for name in left} | found


def _beside(file: PartsFile, seed: int) -> Iterator[Part]:
    """Yield the parts of the classes that the file imports from its folder, and one of its own functions that use them."""
    used = list[str]()
    for path, names in files_beside(file.tree, file.path.parent):
        other = PartsFile(path, seed)
        wanted = [each for each in check_classes(other, seed) if each.name.partition(".")[0] in names]
        yield from (replace(each, file=each.file or path.name) for each in wanted)
        used += [each.name.partition(".")[0] for each in wanted]
    if used:
        made = [node for node in file.tree.body if isinstance(node, ast.Assign) and _names(node.value) & {*used}]
        held = {target.id for node in made for target in node.targets if isinstance(target, ast.Name)}
        reason = f"it uses {', '.join(sorted(held))} in a way that is not compared; these are compared one by one"
        for node in file.tree.body:
            if isinstance(node, ast.FunctionDef) and _names(node) & held and _goes_back(node):
                yield Part(node.name, "not compared", lines=file.lines_of(node.name), reason=reason)


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _goes_back(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Attribute) and plain(each.attr) in BACKWARDS for each in ast.walk(node))


class _Class:
    def __init__(self, objects: Objects) -> None:
        self.objects, self.file, self.seed = objects, objects.file, objects.seed
        methods: Methods = objects.methods
        self.label = f"{methods.name}.{methods.backward}"
        self.lines = self.file.lines_of(self.label) or self.file.lines_of(methods.name)

    def part(self) -> Part:
        """Return the part of the class's backward method."""
        try:
            made = self.file.run(self.objects.methods.name, lambda: next(iter(self.objects.running()), None))
            if made is None:
                return Part(self.label, "not compared", lines=self.lines, reason=_NEVER_RUNS)
            if self.objects.methods.kind == "last":
                return self._of_targets(made)
            part = self._part(made)
            if part.mark == "wrong" and may_be_targets(name := self.objects.methods.takes[0]):
                along = self._of_targets(made)
                if along.mark == "agrees":
                    return replace(along, beside=f"{along.beside}, {name} being targets")
            if part.mark == "wrong" and self._takes_one_class(made):
                return self._of_one_class(part, made)
            if part.mark == "agrees" and made.x.shape == ONE and (other := self.objects.again(made, SEVERAL)) is not None:
                return self._of_several(part, other)
        except AttemptError as error:
            failed = Part(self.label, "could not run", _BESIDE, lines=self.lines, line=error.line, reason=str(error))
            return (self._of_sizes(str(error)) if "ValueError" in str(error) else None) or failed
        return part

    def _of_sizes(self, error: str) -> Part | None:
        """Return the part where it is wrong with sizes for which it runs: the wrong array may fit there alone."""
        for said, sizes in _OTHER_SIZES.items():
            try:
                made = self.file.run(self.label, lambda sizes=sizes: next(iter(self.objects.running(*sizes)), None))
                part = None if made is None else self._part(made)
            except AttemptError:
                continue
            if part is not None and part.first is not None and part.first.actual is not None:      # not of another shape
                return replace(part, on=f"{part.on}; {said}, {error}")
        return None

    def _of_targets(self, made: Made) -> Part:
        """Return the part of a last layer, which goes along one of the losses of its output; of none the first."""
        out = np.asarray(self.objects.forward(copy.deepcopy(made.layer), made.x.copy()))
        first: Part | None = None
        for said, target, above in targets_of(out, self.seed):
            part = self._part(made, target, above)
            if part.mark == "agrees":
                return replace(part, beside=f"{part.beside}; along {said}")
            first = first or part
        assert first is not None
        return first

    def _of_several(self, part: Part, made: Made) -> Part:
        """Return what agrees for one record as it is for several, which it need not be made for."""
        try:
            several = self._part(made)
        except AttemptError as error:
            return replace(part, beside=f"{part.beside}; for one record alone, x {ONE}: with x {SEVERAL} it raises {error}")
        if several.first is not None and several.first.actual is None:      # another shape
            reason = f"it agrees for one record, x {ONE}; for several, x {SEVERAL}, {several.first.tensor} is wrong: {several.first.reason}"
            return replace(several, mark="not compared", first=None, reason=f"{reason}; is it meant for one record alone?")
        return replace(several, compared=part.compared + several.compared)

    def _takes_one_class(self, made: Made) -> bool:
        """Return whether the outputs are one record's probabilities, and the backward method passes over what is 0 of their gradient."""
        out = np.asarray(self.objects.forward(copy.deepcopy(made.layer), made.x.copy()))
        node = self.file.node_of(self.label)
        skips = [each for each in ast.walk(node) if isinstance(each, ast.If) and isinstance(each.body[0], ast.Continue)] if node else []
        return bool(out.size == max(out.shape, default=0) and (out > 0).all() and np.isclose(out.sum(), 1) and skips)

    def _of_one_class(self, part: Part, made: Made) -> Part:
        """Return the part for gradients of which one number alone is not 0, as cross-entropy's of one label is."""
        shape = np.shape(self.objects.forward(copy.deepcopy(made.layer), made.x.copy()))
        size, compared, agreed = int(np.prod(shape)), 0, part
        for at in range(size):
            each = self._part(made, -1.7 * np.eye(size)[at].reshape(shape))
            if each.mark != "agrees":
                return part
            agreed, compared = each, compared + each.compared
        said = "where one number of the gradient from above is not 0, as of cross-entropy, and not where several are"
        return replace(agreed, compared=compared, beside=f"{agreed.beside}; {said}")

    def _part(self, made: Made, given: Array | None = None, above: Array | None = None) -> Part:
        result, said, missing = self._compared(made, given, above)
        compared, first = sum(result.sizes.values()), result.first
        if first is not None:
            why = factor_of(first.tensor, [result.ratios.get(first.tensor)]) if len(result.wrong) == 1 else None
            node = self.file.node_of(self.label)
            line = None if node is None else line_of_returned(node, "", 0) if first.tensor == "dx" else None
            return Part(self.label, "wrong", _BESIDE, compared, first, made.on, self.lines, line, why)
        if missing or not compared:
            reason = f"its gradient of {', '.join(missing or ['x'])} was not found"
            return Part(self.label, "not compared", _BESIDE, compared, lines=self.lines, reason=reason)
        return Part(self.label, "agrees", f"{_BESIDE}; {said}", compared, lines=self.lines)

    def _compared(self, made: Made, given: Array | None, at_output: Array | None) -> tuple[Judged, str, list[str]]:
        """Return the judgement, what was compared in words, and the weights whose gradient was not found.

        The backward method is given the gradient at the output, or something else of which it makes that.
        """
        dx, others, handed, after = self.file.run(self.label, self.objects.backward, made, given, _LR)
        above: Array = handed if at_output is None else at_output
        before, expected = weights(made.layer), self._gradients(made, above)
        updated = [name for name, value in before.items() if _is_another(value, weights(after).get(name))]
        rate = self._rate(made, after) if updated else _LR
        kept = gradients_kept(made.layer, after, others)
        shown: dict[Key, Any] = {} if dx is None else {("gradients", "dx"): dx}
        missing = []
        for name in before:
            if name not in expected:      # it has no gradient, as a running average has none
                continue
            grad = kept[name] if name in kept else kept_by_value(after, made.layer, expected[name].numpy())
            if name in updated and rate is not None:
                shown["params", f"new {name}"] = weights(after)[name]
            elif grad is not None:
                shown["gradients", f"d{name}"] = grad
            else:
                missing.append(name)

        def reference() -> dict[Key, Tensor]:
            grads = self._gradients(made, above)
            numbers: dict[Key, Tensor] = {("gradients", f"d{name}"): grad for name, grad in grads.items()}
            stepped = [name for name in updated if name in grads]
            numbers |= {("params", f"new {name}"): torch.from_numpy(before[name]) - (rate or 0) * grads[name] for name in stepped}
            return {key: each for key, each in numbers.items() if key in shown}

        shapes = {"dx": made.x.shape} | {f"d{name}": value.shape for name, value in before.items()}
        shown = {key: _shaped(value, shapes.get(key[1], ())) for key, value in shown.items()}
        said = f"of {', '.join(name for _, name in shown)}" + ("; it returns no gradient of x" if dx is None else "")
        return self.file.run(self.label, judged, shown, reference, self.seed), said, missing

    def _gradients(self, made: Made, above: Array) -> dict[str, Tensor]:
        """Return autograd's gradients by name, of what the output depends on."""
        out, leaves = self.objects.on_tensors(made.layer, made.x)
        grads = torch.autograd.grad(out, list(leaves.values()), torch.from_numpy(above), allow_unused=True)
        return {name: grad for name, grad in zip(leaves, grads, strict=True) if grad is not None}

    def _rate(self, made: Made, after: Any) -> float | None:
        """Return the learning rate of a step that the backward makes: what it is given, or an attribute of the object."""
        if self.objects.methods.has_rate:
            return _LR
        known = (getattr(after, name, None) for name in ("lr", "learning_rate", "eta", "alpha", "rate", "learning_rate"))
        return next((float(each) for each in known if isinstance(each, (int, float))), None)


def _is_another(before: Array, after: Array | None) -> bool:
    return after is not None and not np.array_equal(before, after)


def _shaped(value: Any, shape: tuple[int, ...]) -> Any:
    """Return a gradient in its array's shape, where only axes of one entry are missing or more."""
    if isinstance(value, np.ndarray) and [n for n in value.shape if n > 1] == [n for n in shape if n > 1]:
        return value.reshape(shape)
    return value
