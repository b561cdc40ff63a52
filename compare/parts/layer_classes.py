"""Classes of layers with `forward` and `backward`: each gradient beside autograd of the class's own forward."""

import ast
import copy
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, product
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..sides.interface import Key
from ..support.arrays import Array
from ..userfile.file import AttemptError
from .as_tensors import array_module, as_tensors, image_functions, tensor_of
from .binding import plain
from .engine_class import methods_of
from .file import PartsFile, line_of_returned
from .judged import Judged, judged
from .names_tree import repeatable
from .result import Part
from .signal import SIGNAL
from .words import factor_of

_INPUTS = ((4, 6), (3, 4, 6), (6, 1), (6,), (2, 6, 7), (3, 2, 6, 7), (3, 6, 7, 2), (6, 7))
_SELF_AND_INPUT = 2
_LR = 0.3
_MADE = 40      # ways to make an object that are tried
_BESIDE = "autograd of its own forward, which is not compared"
_ONE_OF: tuple[tuple[tuple[str, ...], tuple[Any, ...]], ...] = (
    (("prime", "deriv"), (lambda x: 3 * x * x,)),
    (("activation", "func", "fn"), (lambda x: x * x * x,)),
    (("shape", "xdim", "inputdim", "indim"), ((2, 6, 7), (6, 7, 2), (3, 2, 6, 7), 6)),
    (("kernel", "filtersize", "ksize", "poolsize", "hfilter", "wfilter"), (3, 2)),
    (("filter", "depth", "channels"), (4,)),
    (("prob", "rate", "ratio", "keep", "dropout"), (0.5,)),
    (("stride",), (1, 2)),
    (("pad",), (0, 1)),
    (("out", "neurons", "units", "hidden", "nodes"), (5,)),
    (("in", "embd", "dim", "features", "size", "d"), (6, 5)),
)


@dataclass(frozen=True)
class _Made:
    """An object of a class, and an input on which it runs."""

    layer: Any
    x: Array
    on: str


def classes_in(tree: ast.Module) -> list[str]:
    """Return the names of classes with a forward and a backward method of their own that returns something."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and {"forward", "backward"} <= methods_of(node)]
    return [node.name for node in classes if _takes_one(node) and "NotImplementedError" not in ast.unparse(node)]


def _takes_one(node: ast.ClassDef) -> bool:
    """Return whether a class's forward takes an input alone, and not a target beside it, and both methods return something."""
    methods = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name in ("forward", "backward")]
    forward = next(each for each in methods if each.name == "forward")
    returns = [any(isinstance(each, ast.Return) and each.value is not None for each in ast.walk(method)) for method in methods]
    return all(returns) and len(forward.args.args) - len(forward.args.defaults) == _SELF_AND_INPUT


def check_classes(file: PartsFile, seed: int) -> Iterator[Part]:
    """Yield a part for each class."""
    nodes = [node for node in file.tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.decorator_list]
    code = compile(repeatable(nodes), str(file.path), "exec", dont_inherit=True)
    for name in classes_in(file.tree):
        yield _Class(file, name, code, seed).part()


class _Class:
    def __init__(self, file: PartsFile, name: str, code: Any, seed: int) -> None:
        self.file, self.name, self.code, self.seed = file, name, code, seed
        self.kind = vars(file.module)[name]
        self.lines = file.lines_of(f"{name}.backward")

    def part(self) -> Part:
        """Return the part of the class's backward method."""
        label = f"{self.name}.backward"
        try:
            made = self.file.run(self.name, lambda: next(self._ways(), None))
            if made is None:
                reason = "no arguments and inputs were found with which it runs, as it is and on PyTorch's tensors"
                return Part(label, "not compared", lines=self.lines, reason=reason)
            result, said = self._compared(made)
        except AttemptError as error:
            return Part(label, "could not run", _BESIDE, lines=self.lines, line=error.line, reason=str(error))
        compared, first = sum(result.sizes.values()), result.first
        if first is None:
            return Part(label, "agrees", f"{_BESIDE}; {said}", compared, lines=self.lines)
        why = factor_of(first.tensor, [result.ratios.get(first.tensor)]) if len(result.wrong) == 1 else None
        node = self.file.node_of(label)
        line = None if node is None else line_of_returned(node, "", 0) if first.tensor == "dx" else None
        return Part(label, "wrong", _BESIDE, compared, first, made.on, self.lines, line, why)

    def _ways(self) -> Iterator[_Made]:
        """Yield objects and inputs with which the class runs, first those whose backward returns a gradient of the input's shape."""
        running = list(islice(self._running(), len(_INPUTS)))
        yield from sorted(running, key=lambda made: not self._returns_as_long(made))

    def _running(self) -> Iterator[_Made]:
        parameters = [each for each in inspect.signature(self.kind).parameters.values() if each.default is each.empty]
        random = np.random.default_rng(self.seed)
        for arguments in islice(product(*(_choices(each.name, random) for each in parameters)), _MADE):
            for shape in _INPUTS:
                x = random.standard_normal(shape)
                said = ", ".join(f"{each.name} {value}" for each, value in zip(parameters, arguments, strict=True))
                try:
                    layer = self.kind(*arguments)
                    for value in _weights(layer).values():      # which may be 0 at first
                        value[...] = value if value.any() else 0.5 * random.standard_normal(value.shape)
                    out = self._seeded(copy.deepcopy(layer)).forward(x.copy())
                    same = self._forward(layer, x)[0]
                except Exception:      # whatever the class raises
                    continue
                if np.shape(out) == tuple(same.shape) and np.allclose(out, same.detach().numpy()) and same.requires_grad:
                    yield _Made(layer, x, "; ".join(filter(None, (said, f"x {shape}"))))

    def _returns_as_long(self, made: _Made) -> bool:
        try:
            returned, *_ = self._backward(made)
        except Exception:      # whatever the class raises
            return False
        return bool(np.shape(returned) == made.x.shape)

    def _backward(self, made: _Made) -> tuple[Any, Any, Array, Any]:
        """Return the gradient at the input, what else came, the gradient from above, and the layer afterwards."""
        layer = self._seeded(copy.deepcopy(made.layer))
        out = np.asarray(layer.forward(made.x.copy()))
        above = np.random.default_rng((self.seed, 3)).standard_normal(out.shape)
        takes = [each for each in inspect.signature(layer.backward).parameters.values() if each.default is each.empty]
        returned = layer.backward(above.copy(), *([_LR] if len(takes) > 1 else []))
        values = returned if isinstance(returned, tuple) else (returned,)
        return values[0], values[1:], above, layer

    def _forward(self, layer: Any, x: Array) -> tuple[Tensor, dict[str, Tensor]]:
        """Run the forward method on tensors; return the output, and the input and weights as leaves by name."""
        space = dict(vars(self.file.module))
        space |= {name: array_module() for name, value in space.items() if value is np}
        signals = [name for name, value in space.items() if isinstance(value, ModuleType) and value.__name__ == "scipy.signal"]
        space |= {name: image_functions() for name in signals} | {name: vars(image_functions())[name] for name in SIGNAL if name in space}
        exec(self.code, space)
        twin = object.__new__(space[self.name])
        state = {name: as_tensors(copy.deepcopy(value)) for name, value in vars(layer).items()}
        leaves = {"x": torch.from_numpy(x.copy()).requires_grad_()}
        for name, value in _weights(layer).items():
            leaves[name] = torch.from_numpy(value.copy()).requires_grad_()
            state[name] = array_module().asarray(leaves[name].clone())
        vars(twin).update(state)
        with self.file.with_arrays_of(array_module()):
            self._seeded(twin)
            out = tensor_of(twin.forward(array_module().asarray(leaves["x"].clone())))
        if out is None:
            raise ValueError("its forward returns no array")
        return out, leaves

    def _seeded(self, layer: Any) -> Any:
        """Return the layer, which draws the same numbers each time from now on."""
        np.random.seed(self.seed % 2**32)
        return layer

    def _compared(self, made: _Made) -> tuple[Judged, str]:
        dx, others, above, after = self.file.run(f"{self.name}.backward", self._backward, made)
        before = _weights(made.layer)
        shown: dict[Key, Any] = {("gradients", "dx"): dx}
        updated = [name for name, value in before.items() if not np.array_equal(value, getattr(after, name))]
        listed = others[0] if others and isinstance(others[0], (list, tuple)) and len(others[0]) == len(before) else ()
        for i, name in enumerate(before):
            if name in updated:
                shown["params", f"new {name}"] = getattr(after, name)
            elif listed:
                shown["gradients", f"d{name}"] = listed[i]
            elif (grad := _gradient(after, name)) is not None:
                shown["gradients", f"d{name}"] = grad

        def reference() -> dict[Key, Tensor]:
            out, leaves = self._forward(made.layer, made.x)
            grads = torch.autograd.grad(out, list(leaves.values()), torch.from_numpy(above), allow_unused=True)
            zeros = {name: torch.zeros_like(leaf) for name, leaf in leaves.items()}
            by_name = {name: zero if grad is None else grad for (name, zero), grad in zip(zeros.items(), grads, strict=True)}
            numbers: dict[Key, Tensor] = {("gradients", f"d{name}"): grad for name, grad in by_name.items()}
            numbers |= {("params", f"new {name}"): leaves[name].detach() - _LR * by_name[name] for name in updated}
            return {key: each for key, each in numbers.items() if key in shown}

        shapes = {"dx": made.x.shape} | {f"d{name}": value.shape for name, value in before.items()}
        shown = {key: _shaped(value, shapes.get(key[1], ())) for key, value in shown.items()}
        missing = [name for name in before if name not in updated and ("gradients", f"d{name}") not in shown]
        said = f"of {', '.join(name for _, name in shown)}"
        result: Judged = self.file.run(f"{self.name}.backward", judged, shown, reference, self.seed)
        return result, said + (f"; no gradient of {', '.join(missing)} was found" if missing else "")


def _choices(name: str, random: Any) -> tuple[Any, ...]:
    """Return what an argument of that name may be."""
    text = plain(name)
    if text in ("w", "weight", "weights"):
        return random.standard_normal((6, 5)), random.standard_normal((5, 6))
    if text in ("b", "bias", "biases"):
        return random.standard_normal(5), random.standard_normal((5, 1))
    return next((values for words, values in _ONE_OF if any(word in text for word in words)), ())


def _shaped(value: Any, shape: tuple[int, ...]) -> Any:
    """Return a gradient in its array's shape, where only axes of one entry are missing or more."""
    if isinstance(value, np.ndarray) and [n for n in value.shape if n > 1] == [n for n in shape if n > 1]:
        return value.reshape(shape)
    return value


def _weights(layer: Any) -> dict[str, Array]:
    """Return the arrays of floating point that an object has."""
    return {name: value for name, value in vars(layer).items() if isinstance(value, np.ndarray) and value.dtype.kind == "f"}


def _gradient(layer: Any, name: str) -> Any:
    """Return the gradient of a weight that an object keeps: as an attribute, or in a dict by the weight's name."""
    for each in (f"d{name}", f"d_{name}", f"grad_{name}", f"{name}_grad", f"{name}_gradient", f"d{name.lower()}"):
        if isinstance(getattr(layer, each, None), np.ndarray):
            return getattr(layer, each)
    kept = next((value for key, value in vars(layer).items() if key in ("grads", "gradients", "grad") and isinstance(value, Mapping)), {})
    return next((kept[key] for key in (name, f"d{name}") if key in kept), None)
