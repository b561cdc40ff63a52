"""One class of layers: each gradient of its backward method beside autograd of its own forward."""

import ast
import copy
import inspect
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...sides.interface import Key
from ...support.arrays import Array
from ...userfile.file import AttemptError
from ..file import line_of_returned
from ..judged import Judged, judged
from ..result import Part
from ..words import factor_of
from .gradients import gradients_kept, kept_by_value
from .last import targets_of
from .objects import COLUMNS, ONE, SEVERAL, Made, Objects
from .spellings import is_rate, may_be_targets
from .weights import weights

LR = 0.3
MEAN = "has 1/n of each weight's gradient, n being the number of records"
_OTHER_SIZES = {"where the sizes differ": ((6, 6),), "where there are several features": ((1, 5), (COLUMNS,))}
_BESIDE = "autograd of its own forward, which is not compared"
_NEVER_RUNS = "no arguments and inputs were found with which it runs, as it is and on PyTorch's tensors"


class LayerClass:
    """A class that goes forward and back, with what makes its objects."""

    def __init__(self, objects: Objects, *, takes_means: bool = True) -> None:
        self.objects, self.file, self.seed, self.takes_means = objects, objects.file, objects.seed, takes_means
        self.label = objects.label
        self.lines = self.file.lines_of(self.label) or self.file.lines_of(objects.methods.name)

    def part(self) -> Part:
        """Return the part of the class's backward method."""
        try:
            made = self.file.run(self.objects.methods.name, lambda: next(iter(self.objects.running()), None))
            if made is None:
                return Part(self.label, "not compared", lines=self.lines, reason=_NEVER_RUNS)
            if self.objects.methods.kind == "last":
                return self._of_targets(made)
            part = self._part(made)
            if part.mark == "wrong" and (mean := self._of_mean(made)) is not None:
                return mean
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
            several = (self._of_mean(made) if several.mark == "wrong" else None) or several
        except AttemptError as error:
            return replace(part, beside=f"{part.beside}; for one record alone, x {ONE}: with x {SEVERAL} it raises {error}")
        if several.first is not None and several.first.actual is None:      # another shape
            reason = f"it agrees for one record, x {ONE}; for several, x {SEVERAL}, {several.first.tensor} is wrong: {several.first.reason}"
            return replace(several, mark="not compared", first=None, reason=f"{reason}; is it meant for one record alone?")
        return replace(several, compared=part.compared + several.compared)

    def _of_mean(self, made: Made) -> Part | None:
        """Return the part where each weight's gradient is that of a mean over the records, in two sizes; None elsewhere."""
        for axis, n in enumerate(made.x.shape if weights(made.layer) and self.takes_means else ()):
            other = self.objects.again(made, (*made.x.shape[:axis], n + 3, *made.x.shape[axis + 1 :]))
            if n > 1 and other is not None:
                parts = [self._part(each, share=1 / each.x.shape[axis]) for each in (made, other)]
                if all(part.mark == "agrees" for part in parts):
                    return replace(parts[0], compared=sum(part.compared for part in parts), caveat=MEAN)
        return None

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

    def _part(self, made: Made, given: Array | None = None, above: Array | None = None, share: float = 1.0) -> Part:
        result, said, missing = self._compared(made, given, above, share)
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

    def _compared(self, made: Made, given: Array | None, at_output: Array | None, share: float) -> tuple[Judged, str, list[str]]:
        """Return the judgement, what was compared in words, and the weights whose gradient was not found.

        The backward method is given the gradient at the output, or something else of which it makes that. `share` is which part of its
        gradient each weight is to have.
        """
        dx, others, handed, after = self.file.run(self.label, self.objects.backward, made, given, LR)
        above: Array = handed if at_output is None else at_output
        before, expected = weights(made.layer), self._gradients(made, above)
        updated = [name for name, value in before.items() if _is_another(value, weights(after).get(name))]
        rate = self._rate(made, after) if updated else LR
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
            grads = {name: grad if name == "x" else share * grad for name, grad in self._gradients(made, above).items()}
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
        """Return the learning rate of a step that the backward makes: what it is given, an attribute, or a default."""
        if self.objects.methods.has_rate:
            return LR
        takes = inspect.signature(getattr(after, self.objects.methods.backward)).parameters.values()
        known = [getattr(after, name, None) for name in ("lr", "learning_rate", "eta", "alpha", "rate")]
        known += [each.default for each in takes if is_rate(each.name)]
        return next((float(each) for each in known if isinstance(each, (int, float))), None)


def _is_another(before: Array, after: Array | None) -> bool:
    return after is not None and not np.array_equal(before, after)


def _shaped(value: Any, shape: tuple[int, ...]) -> Any:
    """Return a gradient in its array's shape, where only axes of one entry are missing or more."""
    if isinstance(value, np.ndarray) and [n for n in value.shape if n > 1] == [n for n in shape if n > 1]:
        return value.reshape(shape)
    return value
