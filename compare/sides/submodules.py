"""The stages of a module: each submodule's output by its path, the gradient at it, and which part of the module makes a number wrong."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten

_OTHERWISE_IN_EVALUATION = (nn.modules.batchnorm._NormBase, nn.modules.dropout._DropoutNd)


class Submodules:
    """The submodules of a module, watched in its passes. The second tensor of an output is "path[1]", the second call "path, call 2".

    `outputs` and `gradients` are those of the last pass. `takes` has, by path, whose outputs a submodule takes; "" stands for what other
    code makes.
    """

    def __init__(self, module: nn.Module, named: Callable[[str], str]) -> None:
        self.module, self.watched = module, [(named(path), each) for path, each in module.named_modules() if path]
        self.outputs: dict[str, Tensor] = {}
        self.gradients: dict[str, Tensor] = {}
        self.takes: dict[str, list[str]] = {}
        self._versions: dict[str, int] = {}
        self._originals: dict[str, tuple[Tensor, int]] = {}
        self._copied: set[str] | None = None      # the outputs that are changed in place later on, as the first pass shows

    @contextmanager
    def pass_from(self, leaves: Mapping[str, Tensor]) -> Iterator[None]:
        """Watch the forward pass from these inputs."""
        self.outputs, self.gradients, self._versions, self.takes = {}, {}, {}, {}
        made = {id(leaf): (name, leaf, leaf._version) for name, leaf in leaves.items()}      # which tensor is whose output
        handles = [each.register_forward_pre_hook(self._before(path, made)) for path, each in self.watched]
        handles += [each.register_forward_hook(self._after(path, made)) for path, each in self.watched]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def unchanged(self) -> dict[str, Tensor]:
        """Return the outputs of the last pass, without those that were changed in place since, where this was not seen before."""
        changed = {name for name, each in self.outputs.items() if each._version != self._versions[name]}
        if self._copied is None:      # all are copies
            self._copied = {name for name, (original, version) in self._originals.items() if original._version != version}
            self._originals = {}
        self._copied |= changed
        return {name: each for name, each in self.outputs.items() if name not in changed}

    def _before(self, path: str, made: Mapping[int, tuple[str, Tensor, int]]) -> Any:
        def note(module: nn.Module, arguments: Any) -> None:
            calls = sum(1 for other in self.takes if other == path or other.startswith(f"{path}, call "))
            self.takes[f"{path}, call {calls + 1}" if calls else path] = [_maker(each, made) for each in floats(arguments)]

        return note

    def _after(self, path: str, made: dict[int, tuple[str, Tensor, int]]) -> Any:
        def note(module: nn.Module, arguments: Any, out: Any) -> None:
            for i, each in enumerate(floats(out)):
                name = f"{path}[{i}]" if i else path
                calls = sum(1 for other in self.outputs if other == name or other.startswith(f"{name}, call "))
                self._note(f"{name}, call {calls + 1}" if calls else name, each, made)

        return note

    def _note(self, name: str, output: Tensor, made: dict[int, tuple[str, Tensor, int]]) -> None:
        made[id(output)] = name, output, output._version
        shown = as_real(output.detach())
        if self._copied is None:
            self._originals[name] = output, output._version
        self.outputs[name] = shown.clone() if self._copied is None or name in self._copied else shown
        self._versions[name] = self.outputs[name]._version
        if output.requires_grad:
            gradients = self.gradients      # of this pass

            def keep(grad: Tensor | None) -> None:
                if grad is not None:      # as an `autograd.Function` may return
                    gradients[name] = as_real(grad.detach())

            output.register_hook(keep)  # type: ignore[no-untyped-call]

    def part_of(self, phase: str, tensor: str, agreed: Sequence[tuple[str, str]] = ()) -> str | None:
        """Say which part of the module makes a number wrong, if all numbers before it are right; None if the module does not.

        `agreed` are the stages that both sides show and that are right; a submodule that is not among them may be the part, too.
        """
        if phase == "prediction":      # every step agrees, so it is what is otherwise in evaluation
            own = [self.name_of(path) for path, each in self.module.named_modules() if isinstance(each, _OTHERWISE_IN_EVALUATION)]
            return " or ".join([*own, "what the candidate does in evaluation alone"])
        if phase == "output" or (not self.takes and phase == "errors"):
            return self.name_of("")
        if phase == "grads":
            named = self.module.named_parameters(remove_duplicate=False)
            parameter = dict(self.module.named_parameters()).get(tensor)
            owners = [name for name, each in named if each is parameter] or [tensor]      # of a tied one several
            return " or ".join(dict.fromkeys(self.name_of(name.rpartition(".")[0]) for name in owners))
        if phase not in ("activations", "errors") or not self.takes:
            return None
        order, shown = list(self.takes), {name for each, name in agreed if each == phase}
        parent = tensor.rpartition(".")[0]
        if phase == "activations":
            if tensor not in order:
                return self.name_of(parent)
            before = order[: order.index(tensor)]
            hidden = [path for path in reversed(before) if path not in shown and not tensor.startswith(f"{path}.")]
            own_code = "" in self.takes[tensor]
            suspects = [*(hidden if own_code else []), tensor]
        else:
            after = order[order.index(tensor) + 1 :] if tensor in order else order
            last = next((i for i, path in enumerate(after) if path in shown), len(after) - 1)
            suspects = [path for path in after[: last + 1] if not any(other.startswith(f"{path}.") for other in after[: last + 1])]
            takers = [path for path in order if tensor in self.takes[path]]
            suspects = list(dict.fromkeys([*suspects, *[path for path in takers if path in after and not self._has_inner(path, takers)]]))
            own_code = not any(tensor in self.takes[path] for path in suspects)
        names = " or ".join(dict.fromkeys(map(self.name_of, suspects)))
        where = f"{self.name_of(parent)} in its own code {'before' if phase == 'activations' else 'after'} {tensor}, or "
        return where + names if own_code else names

    @staticmethod
    def _has_inner(path: str, others: Sequence[str]) -> bool:
        return any(other.startswith(f"{path}.") for other in others)

    def name_of(self, path: str) -> str:
        """Return the path of a submodule with its class."""
        path = path.split(", call ")[0].split("[")[0]
        try:
            kind = type(self.module.get_submodule(path)).__name__
        except AttributeError:
            return path
        return f"{path} ({kind})" if path else kind


def _maker(tensor: Tensor, made: Mapping[int, tuple[str, Tensor, int]]) -> str:
    """Return whose output the tensor is, unless it was changed since; "" for what other code makes."""
    name, _, version = made.get(id(tensor), ("", tensor, -1))
    return name if version == tensor._version else ""


def floats(out: Any) -> list[Tensor]:
    """Return the tensors of floating point and complex ones in nested tuples, lists and dicts."""
    return [each for each in tree_flatten(out)[0] if isinstance(each, Tensor) and (each.is_floating_point() or each.is_complex())]


def as_real(tensor: Tensor) -> Tensor:
    """Return a complex tensor as one of real and imaginary parts, and any other as it is."""
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor
