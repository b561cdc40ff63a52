"""The stages of a module: each submodule's output by its path, the gradient at it, and which part of the module makes a number wrong."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.utils._pytree import tree_flatten


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
        self.outputs, self.gradients, self._versions = {}, {}, {}
        made = {id(leaf): (name, leaf) for name, leaf in leaves.items()}      # which tensor is whose output
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

    def _before(self, path: str, made: Mapping[int, tuple[str, Tensor]]) -> Any:
        def note(module: nn.Module, arguments: Any) -> None:
            self.takes[path] = [made[id(each)][0] if id(each) in made else "" for each in floats(arguments)]

        return note

    def _after(self, path: str, made: dict[int, tuple[str, Tensor]]) -> Any:
        def note(module: nn.Module, arguments: Any, out: Any) -> None:
            for i, each in enumerate(floats(out)):
                name = f"{path}[{i}]" if i else path
                calls = sum(1 for other in self.outputs if other == name or other.startswith(f"{name}, call "))
                self._note(f"{name}, call {calls + 1}" if calls else name, each, made)

        return note

    def _note(self, name: str, output: Tensor, made: dict[int, tuple[str, Tensor]]) -> None:
        made[id(output)] = name, output
        shown = output.detach()
        if self._copied is None:
            self._originals[name] = output, output._version
        self.outputs[name] = shown.clone() if self._copied is None or name in self._copied else shown
        self._versions[name] = self.outputs[name]._version
        if output.requires_grad:
            gradients = self.gradients      # of this pass

            def keep(grad: Tensor) -> None:
                gradients[name] = grad.detach()

            output.register_hook(keep)  # type: ignore[no-untyped-call]

    def part_of(self, phase: str, tensor: str) -> str | None:
        """Say which part of the module makes a number wrong, if all numbers before it are right; None if the module does not."""
        if not self.takes:
            return self.name_of("") if phase in ("output", "errors", "grads") else None
        name = tensor.split(", call ")[0].split("[")[0]
        parent = name.rpartition(".")[0]
        if phase == "activations":
            is_in_own_code = name in self.takes and "" in self.takes[name]
            return f"{self.name_of(parent)} in its own code before {name}, or {name}" if is_in_own_code else self.name_of(name)
        if phase == "output":
            return self.name_of("")
        if phase == "grads":
            return self.name_of(parent)
        if phase == "errors":
            takers = [path for path, taken in self.takes.items() if tensor in taken]
            inner = [path for path in takers if not any(other.startswith(f"{path}.") for other in takers)]
            return " or ".join(map(self.name_of, inner)) or f"{self.name_of(parent)} in its own code after {name}"
        return None

    def name_of(self, path: str) -> str:
        """Return the path of a submodule with its class."""
        try:
            kind = type(self.module.get_submodule(path)).__name__
        except AttributeError:
            return path
        return f"{path} ({kind})" if path else kind


def floats(out: Any) -> list[Tensor]:
    """Return the tensors of floating point in nested tuples, lists and dicts."""
    return [each for each in tree_flatten(out)[0] if isinstance(each, Tensor) and each.is_floating_point()]
