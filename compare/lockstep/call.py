"""One call of two functions or modules on the same inputs, with its backward pass, compared down to sampled rounding."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import keystr, tree_flatten, tree_flatten_with_path, tree_map, tree_unflatten

from ..problem.validation import check_seed
from ..rounding.allowance import UNITS
from ..rounding.spread import CHANCE, LAST, SAMPLES, critical
from ..sides.interface import Key
from ..support.arrays import Array
from ..support.errors import ProblemError
from ..support.kinds import kind_of
from .difference import Difference, Verdict, on_unknown
from .numbers import gap, nearest_difference
from .sampled_reference import Sampled, repeatable, sampled

_AHEAD = 3      # part of a generator's seed

Numbers = Mapping[Key, Tensor]


@dataclass(frozen=True)
class CallComparison:
    """The result of comparing one call: of each tensor the number nearest to what rounding allows, outputs first, and how that was found.

    `c` is how many σ are allowed, of `samples` samples, so that an honest function differs with a chance below `chance`. `unknown` are
    PyTorch's calls that have no row in the noise table. `lost` names the gradients that are no larger than what is allowed: zeros would
    pass for them.
    """

    differences: tuple[Difference, ...]
    compared: int
    c: float
    samples: int
    chance: float
    unknown: tuple[str, ...]
    lost: tuple[str, ...]

    @property
    def first_divergence(self) -> Difference | None:
        """The first tensor's number that rounding cannot explain."""
        return next((each for each in self.differences if not each.is_allowed), None)

    @property
    def verdict(self) -> Verdict:
        """The verdict "equivalent" if rounding explains every difference, else "different"."""
        return "equivalent" if self.first_divergence is None else "different"

    def explanation(self) -> str:
        """Say the verdict in words."""
        method = f"  allowed is {self.c:.3g} σ of rounding, sampled up to {self.samples} times; "
        method += f"chance of a false alarm below {self.chance:.0e}"
        found = self.first_divergence
        if found is None:
            return f"equivalent: {self.compared} numbers of {_listed(self.differences)}, each within what rounding allows\n{method}"
        before = self.differences[: self.differences.index(found)]
        lines = [f"different: first at {_place(found)}", *found.lines(), f"  agreed before it: {_listed(before) or 'nothing'}", method]
        return "\n".join([*lines, *(f"  {line}" for line in on_unknown(self.unknown))])


def compare_call(actual: Any, expected: Any, inputs: Sequence[Any], *, seed: int = 0) -> CallComparison:
    """Call both with the same inputs, go back from the same drawn gradient of each output, and compare outputs and gradients.

    Gradients are those of the inputs that require one, or of all inputs of floating point where none does; and of a module's parameters,
    which are the expected module's on both sides. Rounding is sampled from the expected function, in float64 where it runs so, which one
    with constants of its own may not. Raises ProblemError for inputs that cannot be used, and where the expected function gives other
    numbers when it is called again.
    """
    check_seed(seed)
    actual, expected = map(_applied, (actual, expected))
    call = _Call(expected, inputs, seed)
    shown = call.of(expected)
    if not all(torch.equal(again.nan_to_num(), shown[key].nan_to_num()) for key, again in call.of(expected).items()):
        raise ProblemError(f"{_name(expected)}, the expected one, gives other numbers when it is called again; expected the same ones")
    answer = call.of(actual)
    compared = sum(tensor.numel() for tensor in shown.values())
    if not compared:
        raise ProblemError(f"{_name(expected)} returns no number for these inputs; expected some, else nothing is proved")
    c = critical(SAMPLES, compared)
    units = UNITS[str(call.dtype).removeprefix("torch.")]
    matches = all(key in answer and answer[key].shape == right.shape for key, right in shown.items())

    def is_enough(allowed: Mapping[Key, Array]) -> bool:
        gaps = ((gap(key, _array(answer[key]), _array(shown[key])), each) for key, each in allowed.items())
        return matches and all(bool((apart <= each).all()) for apart, each in gaps)

    def samples_of(exact: _Call) -> Sampled[Key]:
        def floats() -> Numbers:
            return {key: each for key, each in exact.of(exact.function).items() if each.is_floating_point()}

        return sampled(floats, c, units=units, seed=seed, is_enough=is_enough)

    try:
        found = samples_of(_Call(_in_double(expected), [_in_double(each) for each in inputs], seed))
    except (RuntimeError, TypeError):      # constants of float32 in its code, which do not go with float64
        found = samples_of(call)
    allowed = {key: each + LAST * units[0] * _array(found.plain[key].abs()) for key, each in found.allowed.items()}
    differences = tuple(_difference(key, answer.get(key), right, allowed.get(key)) for key, right in shown.items() if right.numel())
    differences += tuple(Difference(1, *key, reason="it is missing on the expected side") for key in answer if key not in shown)
    lost = tuple(key[1] for key, tensor in found.plain.items() if key[0] == "gradients" and _is_lost(tensor, allowed[key]))
    return CallComparison(differences, compared, c, SAMPLES, CHANCE, tuple(sorted(found.unknown)), lost)


class _Call:
    """One call and its backward pass, on fixed inputs and parameters."""

    def __init__(self, expected: Any, inputs: Sequence[Any], seed: int) -> None:
        self.function, self.seed = expected, seed
        with_paths, self.spec = tree_flatten_with_path(tuple(inputs))
        self.inputs = [each for _, each in with_paths]
        self.names = ["input " + keystr(path).replace("[", "", 1).replace("]", "", 1) for path, _ in with_paths]
        if any(isinstance(each, Tensor) and each.is_complex() for each in self.inputs):
            raise ProblemError("an input is complex; expected real ones, whose real and imaginary parts are compared by themselves")
        layout = next((each.layout for each in self.inputs if isinstance(each, Tensor) and each.layout is not torch.strided), None)
        if layout is not None:
            raise ProblemError(f"an input is a tensor that is {layout}; expected a dense one, of which the function makes what it needs")
        floats = [i for i, each in enumerate(self.inputs) if isinstance(each, Tensor) and each.is_floating_point()]
        self.wanted = [i for i in floats if self.inputs[i].requires_grad] or floats
        is_module = isinstance(expected, nn.Module)
        self.values = {name: each.detach() for name, each in expected.named_parameters()} if is_module else {}
        self.buffers = {name: each.detach().clone() for name, each in expected.named_buffers()} if is_module else {}
        if not self.wanted and not self.values:
            kinds = ", ".join(map(kind_of, inputs)) or "none"
            raise ProblemError(f"inputs are {kinds}; expected a tensor of floating point among them, to have a gradient")
        self.dtype = (self.inputs[self.wanted[0]] if self.wanted else next(iter(self.values.values()))).dtype
        known = [f"torch.{kind}" for kind in UNITS if kind != "tf32"]
        if str(self.dtype) not in known:
            raise ProblemError(f"the inputs are of {self.dtype}; expected one of {', '.join(known)}")

    def of(self, function: Any) -> Numbers:
        """Return the outputs and the gradients of a function or module."""
        parameters = self._parameters(function)
        arguments = [each.detach().clone() if isinstance(each, Tensor) else copy.deepcopy(each) for each in self.inputs]
        leaves = {i: arguments[i].requires_grad_() for i in self.wanted}
        for i, leaf in leaves.items():
            arguments[i] = leaf.clone()      # which may be changed in place, and that is seen
        versions = [each._version if isinstance(each, Tensor) else 0 for each in arguments]
        self._load_buffers(function)
        out = repeatable(lambda: function(*tree_unflatten(arguments, self.spec)), self.seed)
        if any(isinstance(each, Tensor) and each._version != before for each, before in zip(arguments, versions, strict=True)):
            raise ProblemError(f"{_name(function)} changes its inputs in place; expected it to leave them as they are")
        outs = [torch.as_tensor(each) for each in tree_flatten(out)[0] if isinstance(each, (Tensor, int, float))]
        if any(each.is_complex() for each in outs):
            raise ProblemError(f"{_name(function)} returns complex numbers; expected real ones, as `torch.view_as_real` gives")
        ends = [each for each in outs if each.requires_grad]
        if not ends:
            raise ProblemError(f"{_name(function)} returns {kind_of(out)} without a gradient; expected a tensor that has one, or several")
        sources = {("gradients", self.names[i]): leaf for i, leaf in leaves.items()}
        sources |= {("gradients", name): parameter for name, parameter in parameters.items()}
        random = np.random.default_rng((self.seed, _AHEAD))      # no stream of PyTorch's, from which the inputs may be
        ahead = [torch.from_numpy(np.asarray(random.standard_normal(each.shape))).to(each) for each in ends]
        grads = repeatable(lambda: torch.autograd.grad(ends, list(sources.values()), ahead, allow_unused=True), self.seed)
        numbers = {("outputs", f"output {i}" if i else "output"): each.detach() for i, each in enumerate(outs)}
        unused = (torch.zeros_like(source) if grad is None else grad for source, grad in zip(sources.values(), grads, strict=True))
        after = dict(function.named_buffers()) if self.buffers and isinstance(function, nn.Module) else {}
        kept = {("buffers", name): each.detach().clone() for name, each in after.items() if name in self.buffers}
        return numbers | dict(zip(sources, unused, strict=True)) | kept

    def _load_buffers(self, function: Any) -> None:
        """Set the function's buffers to the expected module's, before either has changed them."""
        own = dict(function.named_buffers()) if self.buffers and isinstance(function, nn.Module) else {}
        with torch.no_grad():
            for name, value in self.buffers.items():
                if name in own and own[name].shape == value.shape:
                    own[name].copy_(value)

    def _parameters(self, function: Any) -> Mapping[str, Tensor]:
        """Return the function's parameters by name, set to the expected module's."""
        own: dict[str, Tensor] = dict(function.named_parameters()) if self.values and isinstance(function, nn.Module) else {}
        if {name: each.shape for name, each in own.items()} != {name: each.shape for name, each in self.values.items()}:
            one, other = (", ".join(f"{name} {list(each.shape)}" for name, each in named.items()) or "none" for named in (own, self.values))
            raise ProblemError(f"the parameters of {_name(function)} are {one}; expected {other}")
        with torch.no_grad():
            for name, value in self.values.items():
                own[name].copy_(value)
        return own


def _difference(key: Key, actual: Tensor | None, expected: Tensor, allowed: Array | None) -> Difference:
    """Return the number of a tensor that is nearest to what is allowed, or why the two cannot be compared."""
    if actual is None:
        return Difference(1, *key, reason="it is missing on the actual side")
    if actual.shape != expected.shape or actual.dtype != expected.dtype:
        one, other = (f"{list(each.shape)} of {str(each.dtype).removeprefix('torch.')}" for each in (actual, expected))
        return Difference(1, *key, reason=f"it is {one}; expected {other}")
    if allowed is None:
        allowed = np.zeros(expected.shape)
    underflow = torch.finfo(expected.dtype).smallest_normal if expected.is_floating_point() else 0.0
    return nearest_difference(1, key, _shown(actual), _shown(expected), allowed + underflow)


def _is_lost(gradient: Tensor, allowed: Array) -> bool:
    return bool((gradient != 0).any()) and bool((_array(gradient.abs()) <= allowed).all())


def _shown(tensor: Tensor) -> Array:
    """Return it as an array: in float64 where NumPy does not have its dtype."""
    array: Array = tensor.numpy(force=True) if tensor.dtype in (torch.float64, torch.float32) else _array(tensor)
    return array


def _array(tensor: Tensor) -> Array:
    array: Array = tensor.double().numpy(force=True)
    return array


def _applied(function: Any) -> Any:
    """Return the function that applies an `autograd.Function`; any other as it is. Raises ProblemError for what is no function."""
    if isinstance(function, type) and issubclass(function, torch.autograd.Function):
        return function.apply
    if isinstance(function, type) or not callable(function):
        what = f"the class {function.__name__}" if isinstance(function, type) else kind_of(function)
        raise ProblemError(f"{what} cannot be called; expected a function, a module, or an autograd.Function")
    return function


def _in_double(value: Any) -> Any:
    if isinstance(value, nn.Module):
        return copy.deepcopy(value).double()
    if isinstance(value, (tuple, list, dict)):
        return tree_map(_in_double, value)
    is_number = isinstance(value, Tensor) and value.is_floating_point()
    return value.detach().double().requires_grad_(value.requires_grad) if is_number else value


def _place(found: Difference) -> str:
    name = f"the gradient of {found.tensor}" if found.phase == "gradients" else found.tensor
    return name + (f", index {list(found.index)}" if found.index else "")


def _listed(differences: Sequence[Difference]) -> str:
    return ", ".join(_place(Difference(each.step, each.phase, each.tensor)) for each in differences)


def _name(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)
