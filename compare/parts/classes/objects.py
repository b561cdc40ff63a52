"""Objects of a file's class, made by the names of their arguments, and inputs on which they run, in NumPy and on PyTorch's tensors."""

import ast
import copy
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...support.arrays import Array
from ..as_tensors import array_module, as_tensors, image_functions, kept_as_copies, tensor_of
from ..binding import plain
from ..file import PartsFile
from ..repeatable import repeatable
from ..signal import SIGNAL
from ..small_numbers import NoSmallNumbers
from .arguments import SIZES, choices
from .gradients import gradients_kept
from .methods import Methods, attributes_stored
from .returned import by_role, outputs_in, place_of, returned
from .weights import is_gradient_of, paths, put, weights

ONE, SEVERAL = (6, 1), (6, 7)      # records in columns
COLUMNS = (4, 6, 1)      # one after the other
_INPUTS = ((4, 6), (3, 4, 6), ONE, (6,), (2, 6, 7), (3, 2, 6, 7), (3, 6, 7, 2), SEVERAL, (6, 7, 2), COLUMNS)
_MADE = 60      # ways to make an object that are tried
_LITTLE, _UNFIT = 0.01, 2


@dataclass(frozen=True)
class Made:
    """An object of a class, and an input on which it runs."""

    layer: Any
    x: Array
    arguments: str

    @property
    def on(self) -> str:
        """The arguments and the shape of the input, in words."""
        return "; ".join(filter(None, (self.arguments, f"x {self.x.shape}")))


class Objects:
    """Makes objects of one class, and calls their methods."""

    def __init__(self, file: PartsFile, methods: Methods, code: Any, seed: int) -> None:
        self.file, self.methods, self.code, self.seed = file, methods, code, seed
        self.kind, self.label = vars(file.module)[methods.name], f"{methods.name}.{methods.backward}"
        forward, backward = (file.node_of(f"{methods.name}.{name}") for name in (methods.forward, methods.backward))
        self.outputs, self.gradients, self.way_back = attributes_stored(forward), attributes_stored(backward), backward
        self.caches = dict[int, Any]()      # by the object
        self.place = place_of(methods.takes[0] if methods.takes else "", forward)
        self.size = _LITTLE if "clip" in file.text else 1.0      # of the gradient from above, so that nothing is clipped

    def without_small_numbers(self) -> "Objects":
        """Return the same with code on tensors in which what keeps a logarithm from 0, as in log(p + 1e-7), is 0."""
        tree = repeatable([NoSmallNumbers().visit(copy.deepcopy(each)) for each in own_nodes(self.file)])
        return Objects(self.file, self.methods, compile(tree, str(self.file.path), "exec", dont_inherit=True), self.seed)

    def all(self, sizes: tuple[int, int] = SIZES) -> Iterator[Any]:
        """Yield objects with the arguments in words; `sizes` are those of inputs and outputs."""
        parameters = [each for each in inspect.signature(self.kind).parameters.values() if each.default is each.empty]
        parameters = [each for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
        random = np.random.default_rng(self.seed)
        for arguments in islice(product(*(choices(each.name, random, sizes) for each in parameters)), _MADE):
            shown = [np.shape(each) if isinstance(each, np.ndarray) else each for each in arguments]
            said = ", ".join(f"{each.name} {value}" for each, value in zip(parameters, shown, strict=True))
            try:
                layer = self._seeded(self.kind)(*arguments)
            except Exception:      # whatever the class raises
                continue
            for value in weights(layer).values():      # which may be 0 at first
                value[...] = value if value.any() else 0.5 * random.standard_normal(value.shape)
            yield layer, said

    def running(self, sizes: tuple[int, int] = SIZES, inputs: Sequence[tuple[int, ...]] = _INPUTS) -> list[Made]:
        """Return objects and inputs with which the class runs, first those whose backward returns a gradient of the input's shape."""
        random = np.random.default_rng((self.seed, 1))
        shapes = [tuple(sizes[0] if n == SIZES[0] else n for n in shape) for shape in inputs]
        tried = (Made(layer, random.standard_normal(shape), said) for layer, said in self.all(sizes) for shape in shapes)
        found = [(self._unfitness(made), made) for made in islice((made for made in tried if self._runs(made)), len(_INPUTS))]
        found = [(unfitness, made) for unfitness, made in found if unfitness < _UNFIT or made.x.shape != COLUMNS]
        return [made for _, made in sorted(found, key=lambda each: each[0])]

    def again(self, made: Made, shape: tuple[int, ...]) -> Made | None:
        """Return the same object on an input of another shape, None if it does not run forward."""
        return self.on(made, np.random.default_rng((self.seed, 2)).standard_normal(shape))

    def on(self, made: Made, x: Array) -> Made | None:
        """Return the same object on another input, None if it does not run forward."""
        other = Made(made.layer, x, made.arguments)
        return other if self._runs(other) else None

    def _runs(self, made: Made) -> bool:
        try:
            out = self.forward(copy.deepcopy(made.layer), made.x.copy())
            same, leaves = self.on_tensors(made.layer, made.x)
            torch.autograd.grad(same.sum(), list(leaves.values()), allow_unused=True)
        except Exception:      # whatever the class raises
            return False
        return np.shape(out) == tuple(same.shape) and bool(np.allclose(out, same.detach().numpy())) and same.requires_grad

    def _unfitness(self, made: Made) -> int:
        """Return 0 where the backward returns a gradient of the input's shape, 1 where it has those of the weights alone, else more."""
        try:
            dx, others, _, after = self.backward(made)
        except Exception:      # whatever the class raises
            return _UNFIT
        own, kept = weights(made.layer), gradients_kept(made.layer, after, others)
        if dx is None:
            return 1 if all(np.size(kept[name]) == own[name].size for name in kept) else _UNFIT
        return 0 if np.shape(dx) == made.x.shape else _UNFIT

    def forward(self, layer: Any, *inputs: Any) -> Any:
        """Return what the forward method returns, or keeps last as an attribute; of several the output that the way back begins at."""
        outs = self.outs(layer, *inputs)
        return outs[self.place if self.place < len(outs) else 0] if outs else None

    def outs(self, layer: Any, *inputs: Any) -> list[Any]:
        """Return all outputs that the forward method returns, each once; a list of arrays is one."""
        inputs = inputs[::-1] if self.methods.is_turned else inputs
        out = getattr(self._seeded(layer), self.methods.forward)(*inputs)
        if self.methods.has_cache:
            *outs, self.caches[id(layer)] = out
            out = tuple(outs)
        found = outputs_in(getattr(layer, self.outputs[0], None) if out is None and self.outputs else out)
        return list({id(each): each for each in found}.values())

    def backward(self, made: Made, above: Array | None = None, rate: float = 0.0) -> tuple[Any, Any, Array, Any]:
        """Return the gradient at the input, what else came, the gradient from above, and the layer afterwards."""
        layer = copy.deepcopy(made.layer)
        out = np.asarray(self.forward(layer, made.x.copy()))
        drawn = self.size * np.random.default_rng((self.seed, 3)).standard_normal(out.shape)
        above = np.asarray(drawn) if above is None else above
        values, own = returned(self.back_all(layer, above, made.x, rate), self.way_back), weights(made.layer)
        are_named = len(values) > 1 and any(name == each or is_gradient_of(name, each) for name, _ in values for each in own)
        are_shaped = [np.shape(each) for _, each in values] == [each.shape for each in own.values()]
        if are_named or (are_shaped and np.shape(values[0][1]) != made.x.shape):
            by_name = by_role(values, ["x"] if are_named else [], [*own])
            return self.at_input(by_name.pop("x", None), layer, made.x.shape), by_name, above, layer
        return self.at_input(values[0][1], layer, made.x.shape), [each for _, each in values[1:]], above, layer

    def back(self, layer: Any, above: Array, x: Array, rate: float) -> Any:
        """Let an object go back from a gradient above its output of x, and return its gradient at the input."""
        returned = self.back_all(layer, above, x, rate)
        return returned[0] if isinstance(returned, tuple) else returned

    def back_all(self, layer: Any, above: Array, x: Array, rate: float = 0.0) -> Any:
        """Let an object go back, and return all that it returns."""
        others = [above.copy(), *([rate] if self.methods.has_rate else [])]
        return self.going_back(layer, [x.copy()], others)

    def going_back(self, layer: Any, inputs: Sequence[Any], others: Sequence[Any]) -> Any:
        """Call the backward method with inputs, gradients and a rate, and what the forward method kept for it."""
        return getattr(layer, self.methods.backward)(*self.methods.given(inputs, others, self.caches.get(id(layer))))

    def at_input(self, returned: Any, layer: Any, shape: tuple[int, ...]) -> Any:
        """Return the gradient at the input: what was returned, or what the backward method keeps in the input's shape."""
        if returned is not None:
            return returned
        kept = (getattr(layer, name, None) for name in self.gradients if "in" in plain(name) or plain(name) in ("dx", "gradx", "da"))
        return next((each for each in kept if isinstance(each, np.ndarray) and each.shape == shape), None)

    def on_tensors(self, layer: Any, x: Array, *others: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """Run the forward method on tensors; return the output, and the input and weights as leaves by name."""
        leaves = {"x": torch.from_numpy(x.copy()).requires_grad_()}
        leaves |= {name: torch.from_numpy(value.copy()).requires_grad_() for name, value in weights(layer).items()}
        return self.of_tensors(layer, leaves, leaves["x"], *others), leaves

    def of_tensors(self, layer: Any, leaves: Mapping[str, Tensor], x: Tensor, *others: Any) -> Tensor:
        """Run the forward method on a tensor, with these leaves as weights; raises ValueError where it returns none."""
        outs = self.outs_of_tensors(layer, leaves, array_module().asarray(x.clone()), *map(as_tensors, others))
        return outs[self.place if self.place < len(outs) else 0]

    def outs_of_tensors(self, layer: Any, leaves: Mapping[str, Tensor], *inputs: Any) -> list[Tensor]:
        """Return all outputs of the forward method on tensors; raises ValueError where one is none."""
        space = dict(vars(self.file.module))
        space |= {name: array_module() for name, value in space.items() if value is np}
        signals = [name for name, value in space.items() if isinstance(value, ModuleType) and value.__name__ == "scipy.signal"]
        space |= {name: image_functions() for name in signals} | {name: vars(image_functions())[name] for name in SIGNAL if name in space}
        exec(self.code, space)
        twin = object.__new__(space[self.methods.name])
        state = {name: as_tensors(copy.deepcopy(value)) for name, value in vars(layer).items()}
        for name, path in paths(layer):
            if name in leaves:
                put(state, path, array_module().asarray(leaves[name].clone()))
        for value in state.values():      # an object of the file's that it holds runs on tensors, too
            if type(value) is vars(self.file.module).get(type(value).__name__) and type(value).__name__ in space:
                value.__class__ = space[type(value).__name__]
        vars(twin).update(state)
        with self.file.with_arrays_of(array_module()), kept_as_copies():
            outs = [tensor_of(each) for each in self.outs(twin, *inputs)]
        found = [each for each in outs if each is not None]
        if not found or len(found) < len(outs):
            raise ValueError("its forward returns no array")
        return found

    def _seeded(self, layer: Any) -> Any:
        """Return the layer, which draws the same numbers each time from now on."""
        np.random.seed(self.seed % 2**32)
        return layer


def own_nodes(file: PartsFile) -> list[ast.stmt]:
    """Return the file's functions and classes, but for those that are decorated."""
    return [node for node in file.tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.decorator_list]
