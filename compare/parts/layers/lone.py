"""The backward function of a convolution or a pooling in a file without the forward one: what its arguments are, their names say."""

import ast
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from torch import Tensor

from ...sides.interface import Key
from ...userfile.file import AttemptError
from ..binding import BindingError, bound, gradients_by_role, plain
from ..file import PartsFile, line_of_returned
from ..judged import judged
from ..pairs import layer_of_backward
from ..result import Mark, Part
from .draws import Case, lone_images, lone_pools
from .table import LAYERS, Layer
from .twin import LayerTwin, in_shape

_CONVOLUTIONS, _POOLS = ("conv", "conv2d", "convolution"), ("pool", "pooling", "max_pool", "maxpool", "avg_pool", "avgpool", "average_pool")
_AVERAGES = ("avg", "average", "mean")      # what a file may call that mode
_STRIDES, _PADS, _BIASES = ("stride", "strides", "s"), ("pad", "padding", "p"), ("b", "bias", "biases")
_SIZES = ("kernel_shape", "pool_shape", "kernel_size", "pool_size", "size", "f")


def lone_backwards(tree: ast.Module) -> list[str]:
    """Return the names of such functions in a file that has none but these, and what they call."""
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    found = [name for name in functions if layer_of_backward(name) in (*_CONVOLUTIONS, *_POOLS)]
    called = {each.id for name in found for each in ast.walk(functions[name]) if isinstance(each, ast.Name)}
    has_class = any(isinstance(node, ast.ClassDef) for node in tree.body)
    return [] if has_class or functions.keys() - {*found, *called} else [name for name in found if len(functions[name].args.args) > 2]


def check_lone(file: PartsFile, seed: int) -> Iterator[Part]:
    """Yield a part for each such function, and of a pooling for each of its modes."""
    for name in lone_backwards(file.tree):
        node, mean = file.node_of(name), [each for each in _AVERAGES if each in plain(name)]
        if layer_of_backward(name) in _CONVOLUTIONS:
            yield _Lone(file, name, LAYERS["conv"], seed).part()
        elif node is not None and "mode" in inspect.signature(vars(file.module)[name]).parameters:
            words = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
            yield _Lone(file, name, LAYERS["max_pool"], seed, "max").part()
            yield _Lone(file, name, LAYERS["avg_pool"], seed, next((each for each in _AVERAGES if each in words), "avg")).part()
        else:
            yield _Lone(file, name, LAYERS["avg_pool" if mean else "max_pool"], seed).part()


@dataclass(frozen=True)
class _Form:
    """How a function takes its arguments: the layout, whether a stride is two numbers, and whether a pad is a name."""

    twin: LayerTwin
    is_pair: bool
    is_named: bool


@dataclass(frozen=True)
class _Answer:
    """The gradients by role that a function returned on a case, how many of them are right, or what it raised."""

    case: Case
    grads: Mapping[str, Any]
    right: int = 0
    error: Exception | None = None


class _Lone:
    """One such function on all cases, in the form that fits best."""

    def __init__(self, file: PartsFile, name: str, row: Layer, seed: int, mode: str = "") -> None:
        self.file, self.name, self.row, self.seed, self.mode = file, name, row, seed, mode
        self.function, self.node = vars(file.module)[name], file.node_of(name)
        self.defaults = {plain(each.name): each.default for each in inspect.signature(self.function).parameters.values()}
        draw = lone_images if row is LAYERS["conv"] else lone_pools
        cases = draw(np.random.default_rng((seed, *name.encode())))
        roles = ("x", "w", *(["b"] if self.defaults.keys() & {*_BIASES} else []))
        self.cases = [Case({role: array for role, array in each.arrays.items() if role in roles}, each.options) for each in cases]

    def part(self) -> Part:
        """Return the part: the first difference in the form in which all gradients are right, or most of them, and most cases run."""
        tried = [(form, [*self._answers(form)]) for form in self._forms()]
        form, answers = max(tried, key=lambda each: _fit(each[1]))
        name = f"{self.name}, mode {self.mode}" if self.mode else self.name
        said, lines, compared = form.twin.said, self.file.lines_of(self.name), 0
        for each in (answer for answer in answers if answer.error is None):
            actual: dict[Key, Any] = {("gradients", f"d{role}"): value for role, value in each.grads.items()}
            result = judged(actual, lambda case=each.case: self._expected(form, case), self.seed)      # type: ignore[misc]
            compared += sum(result.sizes.values())
            if (first := result.first) is not None:
                place = [*each.grads].index(first.tensor[1:])
                line = None if self.node is None else line_of_returned(self.node, first.tensor, place)
                return Part(name, "wrong", said, compared, first, each.case.said(), lines, line)
        raised = next((each for each in answers if each.error is not None), None)
        if raised is None:
            return Part(name, "agrees", said, compared, lines=lines)
        mark: Mark = "could not run" if compared else "not compared"      # its arguments may be others
        return Part(name, mark, said, compared, lines=lines, reason=f"on {raised.case.said()}: {raised.error}")

    def _forms(self) -> Iterator[_Form]:
        """Yield the forms that the defaults allow."""
        stride, pad = self._default(_STRIDES), self._default(_PADS)
        pairs = (False, True) if stride is inspect.Parameter.empty else (isinstance(stride, tuple),)
        names = (False, True) if pad is inspect.Parameter.empty else (isinstance(pad, str),)
        for layout, is_pair, is_named in product(self.row.layouts, pairs, names):
            if not (is_pair and layout.is_square and self.row is not LAYERS["conv"]):      # a window is a pair, too
                yield _Form(LayerTwin(self.row, layout, self.row.conventions[0]), is_pair, is_named)

    def _answers(self, form: _Form) -> Iterator[_Answer]:
        """Yield the answer on each case that can be had in a form."""
        for case in (each for each in self.cases if form.twin.layout.takes(each)):
            if (options := self._options(form, case.options)) is None:
                continue
            arrays = form.twin.layout.turned(case).arrays
            above = form.twin.layout.turn("out", self._above(form, case))
            shapes = {role: tuple(array.shape) for role, array in arrays.items()}
            try:
                arguments = bound(self.function, Case({"": above, **arrays}, options))      # what has no known name is taken for this
                returned = self.file.run(self.name, self.function, **arguments)
            except (AttemptError, BindingError) as error:
                yield _Answer(case, {}, error=error)
                continue
            found, _ = gradients_by_role(returned, shapes, self.node if isinstance(self.node, ast.FunctionDef) else None)
            grads = {role: in_shape(found.get(role), shape) for role, shape in shapes.items()}
            expected = self._expected(form, case)
            yield _Answer(case, grads, sum(_is_near(grads[role], expected["gradients", f"d{role}"]) for role in grads))

    def _options(self, form: _Form, options: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the options as the function takes them, None where it cannot."""
        stride, pad, size = options["stride"], options.get("pad", (0, 0)), (options.get("pool_height"), options.get("pool_width"))
        is_lacking = (self._default(_STRIDES) is None and stride != (1, 1)) or (self._default(_PADS) is None and pad != (0, 0))
        of_one = [stride, *([size] if self.defaults.keys() & {*map(plain, _SIZES)} else [])] if not form.is_pair else []
        is_unclear = form.is_named and any(pad) and stride != (1, 1)      # "same" is of several meanings then
        if is_lacking or is_unclear or any(len({*each}) > 1 for each in (*of_one, *([] if form.is_named else [pad]))):
            return None
        own = dict.fromkeys(_STRIDES, stride if form.is_pair else stride[0])
        own |= dict.fromkeys(_SIZES, size if form.is_pair else size[0])
        named = ("same" if any(pad) else "valid") if form.is_named else pad[0]
        return {**own, "pad": named, "pool_height": size[0], "pool_width": size[1], "mode": self.mode}

    def _default(self, names: Sequence[str]) -> Any:
        """Return the default of the argument of one of these names, Parameter.empty where it has none, None where there is no such."""
        return next((self.defaults[each] for each in names if each in self.defaults), None)

    def _above(self, form: _Form, case: Case) -> Any:
        """Return the gradient from above on a case, as drawn, which is the same each time."""
        (shape,) = form.twin.shapes(case, ())
        return np.random.default_rng((self.seed, *shape)).standard_normal(shape)

    def _expected(self, form: _Form, case: Case) -> dict[Key, Tensor]:
        numbers = form.twin.numbers(case, [*case.arrays], [self._above(form, case)], ())
        return {key: each for key, each in numbers.items() if key[0] == "gradients"}


def _fit(answers: Sequence[_Answer]) -> tuple[bool, int, int]:
    """Return whether all gradients are right, then how many, and how many cases ran."""
    right = sum(each.right for each in answers)
    return bool(answers) and all(each.right == len(each.case.arrays) for each in answers), right, sum(not each.error for each in answers)


def _is_near(value: Any, expected: Tensor) -> bool:
    return isinstance(value, np.ndarray) and value.shape == tuple(expected.shape) and np.allclose(value, expected.numpy(), 1e-6, 1e-9)
