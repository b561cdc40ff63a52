"""A file's own `torch.autograd.Function`s: each backward beside autograd of its own forward, run again as plain PyTorch code."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...lockstep.difference import Difference
from ...sides.interface import Key
from ...support.errors import ProblemError
from ...support.kinds import kind_of
from ...userfile.file import AttemptError
from ..file import PartsFile, line_of_returned
from ..in_float64 import in_float64
from ..judged import Judged, judged
from ..result import Part
from ..words import factor_of
from .contexts import Context, most_given, takes_context, with_context
from .inputs import INPUTS, Inputs, drawn_inputs, parameters_of, tensors_of

_NEEDED = "; a reference is needed: --reference"
_MISSHAPEN = ("invalid gradient", "incorrect number of gradients")      # PyTorch's words for another shape, and for too few of them
_MOVED = 1e-6      # how far an input is moved, to see whether the outputs depend on it


def check_functions(file: PartsFile, seed: int) -> Iterator[Part]:
    """Yield a part for each of the file's own Functions that has a backward."""
    for name, value in file.own().items():
        if isinstance(value, type) and issubclass(value, torch.autograd.Function):
            if takes_context(value):
                yield check_function(file, name, f"{name}.backward", value, seed)
            else:
                yield _without_context(file, name, value, seed)


def _without_context(file: PartsFile, name: str, function: Any, seed: int) -> Part:
    """Return the part of a Function whose methods take no context: PyTorch cannot apply it, but it may be right, if the file never does."""
    if most_given(file.tree, name):
        reason = f"{name}.backward takes no context, and PyTorch cannot apply it; expected forward(ctx, …) and backward(ctx, …)"
        return Part(f"{name}.backward", "could not run", lines=file.lines_of(name), reason=reason)
    part = check_function(file, name, f"{name}.backward", with_context(function), seed)
    return replace(part, caveat="takes no ctx, so that PyTorch cannot apply it") if part.mark == "agrees" else part


def check_function(file: PartsFile, name: str, backward: str, function: Any, seed: int) -> Part:
    """Return the part of one Function of that name; `backward` says where in the file its backward is, as "Class.method"."""
    return _Function(file, name, backward, function, seed).part()


class _Function:
    def __init__(self, file: PartsFile, name: str, backward: str, function: Any, seed: int) -> None:
        self.file, self.name, self.function, self.seed = file, name, function, seed
        self.backward = backward
        self.beside = "autograd of its own forward"
        self.varying, self.constant = set[str](), set[str]()      # names of inputs that the forward depends on, and others

    def part(self) -> Part:
        """Return the part: the first difference on any of the inputs."""
        name = self.backward
        lines = self.file.lines_of(name) or self.file.lines_of(self.name)
        given = most_given(self.file.tree, self.name)
        with torch.random.fork_rng(), in_float64():
            torch.manual_seed(self.seed % 2**63)
            try:
                inputs = self.file.run(f"{self.name}.forward", drawn_inputs, self.function, self.file.node_of(name), self.seed, given)
                if not inputs:
                    reason = f"no inputs were found that its forward takes{_NEEDED}"
                    return Part(name, "not compared", lines=lines, reason=reason)
                opaques = (said for each in inputs if (said := self._opaque(each)))
                if (opaque := next(opaques, None) or self._straight_through()) is not None:
                    return Part(name, "not compared", lines=lines, reason=opaque)
                results = [self._judged_or_shares(each) for each in inputs]
            except AttemptError as error:
                if any(each in str(error) for each in _MISSHAPEN):
                    misshapen = Difference(1, "gradients", "the gradients", reason=str(error))
                    return Part(name, "wrong", self.beside, 0, misshapen, lines=lines)
                return Part(name, "could not run", self.beside, lines=lines, line=error.line, reason=str(error))
            except ProblemError as error:
                return Part(name, "not compared", self.beside, lines=lines, reason=str(error))
        compared = sum(sum(result.sizes.values()) for _, result in results)
        wrong = [(each, result) for each, result in results if result.first is not None]
        if not wrong:
            left = [each for each in inputs[0].names if each not in inputs[0].wanted]
            beside = f"{self.beside}; it gives no gradient of {', '.join(left)}" if left else self.beside
            absent = [each.name for each in parameters_of(self.function) if each.name not in inputs[0].names]
            caveats = [f"is right for {', '.join(absent)} by default only, for which its backward returns no gradient"] if absent else []
            shares = dict.fromkeys(name for each, _ in results for name in each.shares)
            caveats += [f"is right for {each} that sums to 1" for each in shares]
            caveats += [f"gives no gradient of {each}, which has to be data" for each in left if each in INPUTS]
            return Part(name, "agrees", beside, compared, lines=lines, caveat=", and ".join(caveats))
        at, result = wrong[0]
        first = result.first
        assert first is not None
        why = factor_of(first.tensor, [each.ratios.get(first.tensor) for _, each in results]) if len(result.wrong) == 1 else None
        return Part(name, "wrong", self.beside, compared, first, at.said(), lines, self._line(name, first.tensor, at), why)

    def _applied(self, arguments: list[Any]) -> Any:
        return self.file.run(f"{self.name}.forward", self.function.apply, *arguments)

    def _plain(self, arguments: list[Any]) -> Any:
        """Run the forward as plain code, with gradients."""
        needs = tuple(isinstance(each, Tensor) and each.requires_grad for each in arguments)
        if "setup_context" in vars(self.function):
            return self.file.run(f"{self.name}.forward", self.function.forward, *arguments)
        return self.file.run(f"{self.name}.forward", self.function.forward, Context(needs), *arguments)

    def _opaque(self, inputs: Inputs) -> str | None:
        """Say why autograd does not see through the forward, None where it does."""
        arguments, leaves = inputs.fresh()
        moved = self._by_moving(inputs)
        try:
            outs = _tensors(self._plain(arguments))
            ends = [each for each in outs if each.requires_grad]
            above = [torch.randn_like(each) for each in ends]      # not ones: the sum of what is normalised has no gradient
            found = torch.autograd.grad(ends, list(leaves.values()), above, allow_unused=True) if ends else [None] * len(leaves)
        except (AttemptError, RuntimeError) as error:
            return f"its forward is not code that autograd sees through ({error}){_NEEDED}"
        applied = _tensors(self._applied(inputs.fresh()[0]))
        if len(outs) != len(applied) or not all(torch.equal(one, other) for one, other in zip(outs, applied, strict=True)):
            return f"its forward gives other numbers when it is run again, as where it draws{_NEEDED}"
        given = [each.detach() for each in inputs.fresh()[0] if isinstance(each, Tensor)]
        if any(torch.equal(out.detach(), each) for out in outs for each in given) and self._judged(inputs).first is not None:
            return f"its forward returns its input, and its backward another gradient, as where gradients are reversed or scaled{_NEEDED}"
        for name, grad in zip(leaves, found, strict=True):
            if grad is not None and bool(grad.any()):
                self.varying.add(name)
            elif moved[name]:
                return f"its forward depends on {name} by what autograd does not see, as NumPy, .data or no_grad{_NEEDED}"
            elif self._gives(inputs, name):
                self.constant.add(name)
        return None

    def _straight_through(self) -> str | None:
        """Say so where the backward gives a gradient of what the forward was constant in on all inputs, None where there is no such."""
        text = "is constant where its backward is not 0, as a straight-through estimator is meant to be"
        return f"its forward {text}{_NEEDED}" if self.constant - self.varying else None

    def _by_moving(self, inputs: Inputs) -> dict[str, bool]:
        """Return of each input whether the outputs change when it is moved a little."""
        outs = _tensors(self._applied(inputs.fresh()[0]))
        changed = {}
        for name in inputs.wanted:
            arguments, _ = inputs.fresh()
            at = inputs.names.index(name)
            arguments[at] = (arguments[at] + _MOVED).detach()
            moved = _tensors(self._applied(arguments))
            changed[name] = any(not torch.equal(one, other) for one, other in zip(outs, moved, strict=True))
        return changed

    def _gives(self, inputs: Inputs, name: str) -> bool:
        """Return whether the file's backward gives a gradient other than 0 for that input."""
        arguments, leaves = inputs.fresh()
        outs = [each for each in _tensors(self._applied(arguments)) if each.requires_grad]
        if not outs:
            return False
        ahead = [torch.ones_like(each) for each in outs]
        grad = self.file.run(self.backward, torch.autograd.grad, outs, [leaves[name]], ahead, allow_unused=True)[0]
        return grad is not None and bool(grad.any())

    def _judged_or_shares(self, inputs: Inputs) -> tuple[Inputs, Judged]:
        """Judge the backward on inputs, and where it differs, on shares of 1 as data: return those on which it agrees, if there are."""
        result = self._judged(inputs)
        others = ((each, self._judged(each)) for each in inputs.with_shares()) if result.first is not None else ()
        return next(((each, other) for each, other in others if other.first is None), (inputs, result))

    def _judged(self, inputs: Inputs) -> Judged:
        arguments, leaves = inputs.fresh()
        outs = _tensors(self._applied(arguments))
        random = np.random.default_rng((self.seed, 5))
        above = [torch.from_numpy(np.asarray(random.standard_normal(tuple(each.shape)))) for each in outs]

        def back(outs: list[Tensor], leaves: dict[str, Tensor]) -> Any:
            pairs = [(out, ahead.to(out)) for out, ahead in zip(outs, above, strict=True) if out.requires_grad]
            return torch.autograd.grad([out for out, _ in pairs], list(leaves.values()), [ahead for _, ahead in pairs], allow_unused=True)

        found = self.file.run(self.backward, back, outs, leaves)
        actual: dict[Key, Any] = {
            ("gradients", f"gradient of {name}"): torch.zeros_like(leaf) if grad is None else grad
            for (name, leaf), grad in zip(leaves.items(), found, strict=True)
        }

        def reference() -> dict[Key, Tensor]:
            arguments, leaves = inputs.fresh()
            grads = back(_tensors(self._plain(arguments)), leaves)
            return {
                ("gradients", f"gradient of {name}"): torch.zeros_like(leaf) if grad is None else grad
                for (name, leaf), grad in zip(leaves.items(), grads, strict=True)
            }

        def again() -> dict[Key, Tensor]:
            arguments, leaves = inputs.fresh()
            found = back(_tensors(self._applied(arguments)), leaves)
            pairs = zip(leaves.items(), found, strict=True)
            return {("gradients", f"gradient of {name}"): grad for (name, _), grad in pairs if grad is not None}

        return judged(actual, reference, self.seed, again)

    def _line(self, name: str, tensor: str, inputs: Inputs) -> int | None:
        node = self.file.node_of(name)
        order = [f"gradient of {each}" for each in inputs.names]
        return None if node is None or tensor not in order else line_of_returned(node, "", order.index(tensor))


def _tensors(out: Any) -> list[Tensor]:
    if not (outs := tensors_of(out)):
        raise ProblemError(f"its forward returns {kind_of(out)}; expected a tensor")
    return outs
