"""Conventions by which a file may lay out its arrays: the names of parameters, (out, in) or (in, out), records as rows or columns."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..problem.problem import Problem
from ..support.arrays import Array
from ..support.errors import ProblemError
from ..support.kinds import Opaque, kind_of

CHOICES = {
    "params": ("state_dict", "W1b1", "list", "pairs", "attributes"),
    "weights": ("out_in", "in_out"),
    "records": ("rows", "columns"),
    "bias": ("(k,)", "(1, k)", "(k, 1)"),
}
LIMITS = {      # what a file leaves no choice of: one record in each step, a learning rate of its own, every class among the targets
    "batch": (1,),
    "lr": ("fixed",),
    "classes": ("all",),
}
_SAID = {      # of every choice that is not the contract's own
    "W1b1": "your parameters are named W1, b1, W2, …",
    "list": "your parameters are a list W1, b1, W2, …",
    "pairs": "your parameters are a list of pairs (W, b)",
    "attributes": "your parameters are attributes W1, b1, W2, …",
    "in_out": "your weights are (in, out)",
    "columns": "your records are columns",
    "(1, k)": "your biases are (1, k)",
    "(k, 1)": "your biases are (k, 1)",
}

NEW_PARAMETERS = "the new parameters"      # what a train_step answers, in messages
Spread = Callable[[str], None] | None      # called with a sentence about one number that stands for several


class ContractError(Exception):
    """An answer breaks the contract: `kind` is "shape", "dtype", "missing", "none", "nan" or "type"."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


@dataclass(frozen=True)
class Convention:
    """One layout of a file's arrays; each field is one of its `CHOICES`, of which the first is the contract's own."""

    params: str = "state_dict"
    weights: str = "out_in"
    records: str = "rows"
    bias: str = "(k,)"

    def said(self) -> list[str]:
        """Describe what differs from the contract's own layout, in a sentence each."""
        return [_SAID[value] for value in asdict(self).values() if value in _SAID]

    def differs_in_biases_alone(self, other: "Convention") -> bool:
        """Return whether the two conventions differ in the shape of biases, and in nothing else."""
        return self != other and replace(self, bias=other.bias) == other

    def declaration(self) -> str:
        """Return the line that declares the convention in a file."""
        return f"CONVENTIONS = {asdict(self)}"

    def parameters_in(self, problem: Problem, params: Mapping[str, Array]) -> Any:
        """Copy the parameters into the file's layout."""
        own = {name: self._own(array.copy()) for name, array in params.items()}
        if self.params == "state_dict":
            return own
        short = {short_name(problem, name): array for name, array in own.items()}
        if self.params == "W1b1":
            return short
        if self.params == "attributes":
            return SimpleNamespace(**short)
        if self.params == "list":
            return list(short.values())
        return [tuple(short[f"{kind}{layer}"] for kind in "Wb" if f"{kind}{layer}" in short) for layer in range(1, len(problem.layers) + 1)]

    def parameters_out(self, problem: Problem, answer: Any, what: str, spread: Spread = None) -> dict[str, Array]:
        """Return parameters or gradients by name in the problem's layout; raises ContractError. `spread` is that of `parameter_out`."""
        found = _by_name(problem, answer, what)
        return {name: self.parameter_out(found[name], shape, f"{what}: {name}", spread) for name, shape in problem.shapes().items()}

    def records_in(self, rows: Array) -> Array:
        """Copy the records (n, units) into the file's layout; class indices (n,) stay as they are."""
        return np.array(rows.T if self.records == "columns" and rows.ndim == 2 else rows, order="C")

    def masks_in(self, masks: Sequence[Array]) -> list[Array]:
        """Copy dropout's masks of the hidden layers (n, units) into the file's layout of records."""
        return [np.array(mask.T if self.records == "columns" else mask) for mask in masks]

    def records_out(self, answer: Any, shape: tuple[int, ...], what: str) -> Array:
        """Return the file's numbers for each record as (n, units), also from (n,) where units is 1; raises ContractError."""
        array = numbers(answer, what)
        wanted = shape[::-1] if self.records == "columns" else shape
        if array.shape != wanted and not (shape[-1] == 1 and array.shape == shape[:1]):
            raise ContractError("shape", f"{what} has shape {array.shape}; expected {wanted}")
        return np.array(array.reshape(wanted).T if self.records == "columns" else array.reshape(shape))

    def _own(self, array: Array) -> Array:
        if array.ndim == 2:
            return np.ascontiguousarray(array.T) if self.weights == "in_out" else array
        return {"(k,)": array, "(1, k)": array[None, :], "(k, 1)": array[:, None]}[self.bias]

    def parameter_out(self, value: Any, shape: tuple[int, ...], what: str, spread: Spread = None) -> Array:
        """Return one of the file's parameters in that shape, weights as (out, in); raises ContractError.

        One number in a bias's place stands for all, as NumPy would broadcast it, if `spread` can be called with a note of that.
        """
        array = numbers(value, what)
        if array.size == 1 and set(shape) == {1}:  # a number, for the one that there is
            return array.reshape(shape).copy()
        if len(shape) == 1:
            expected = {"(k,)": shape, "(1, k)": (1, *shape), "(k, 1)": (*shape, 1)}[self.bias]
            if array.size == 1 and spread:
                spread(f"wrong shape: {what} has shape {array.shape}, and stands for all {shape[0]} numbers; expected {expected}")
                return np.full(shape, array.item())
            if array.shape not in (shape, (1, *shape), (*shape, 1)):
                raise ContractError("shape", f"{what} has shape {array.shape}; expected {expected}")
            return array.reshape(shape).copy()
        wanted = shape[::-1] if self.weights == "in_out" else shape
        is_vector = 1 in shape and array.ndim == 1 and array.size == max(shape)  # (k,) for the weights to or from one unit
        if array.shape != wanted and not is_vector:
            raise ContractError("shape", f"{what} has shape {array.shape}; expected {wanted}")
        array = array.reshape(wanted)
        return np.array(array.T if self.weights == "in_out" else array)


def conventions(problem: Problem, declared: Mapping[str, Any]) -> Iterator[Convention]:
    """Yield every convention that agrees with what a file declares, the contract's own first; raises ProblemError for an unknown choice."""
    for name, value in declared.items():
        if name not in CHOICES | LIMITS or value not in (CHOICES | LIMITS)[name]:
            expected = f"{name} as one of {', '.join(CHOICES[name])}" if name in CHOICES else f"one of {', '.join(CHOICES)}"
            raise ProblemError(f"CONVENTIONS has {name}: {value!r}; expected {expected}")
    options = [(declared[name],) if name in declared else choices for name, choices in CHOICES.items()]
    if not problem.bias and "bias" not in declared:
        options[-1] = ("(k,)",)
    own = asdict(Convention())
    yield from sorted((Convention(*values) for values in product(*options)), key=lambda each: len(asdict(each).items() - own.items()))


def short_name(problem: Problem, name: str) -> str:
    """Return W1 for the first layer's weight, b1 for its bias, gamma1 and beta1 for its normalisation's."""
    owner, kind = name.split(".")
    number, layer = next((i, layer) for i, layer in enumerate(problem.layers, start=1) if owner in (layer.linear, layer.norm))
    short = {"weight": "W", "bias": "b"} if owner == layer.linear else {"weight": "gamma", "bias": "beta"}
    return f"{short[kind]}{number}"


def numbers(value: Any, what: str) -> Array:
    """Return the value as an array of float64; raises ContractError for what is no array of finite numbers."""
    if value is None:
        raise ContractError("none", f"{what} is None; expected an array: is a return missing?")
    if isinstance(value, np.ma.MaskedArray):
        raise ContractError("type", f"{what} is a masked array; expected a plain array")
    if isinstance(value, Opaque):
        raise ContractError("type", f"{what} is {kind_of(value)}; expected float64")
    try:
        array = np.asarray(value)
    except ValueError:
        raise ContractError("shape", f"{what} is a ragged {type(value).__name__}; expected an array of numbers") from None
    except Exception as error:  # whatever an object of the file's own does when it is read
        raise ContractError("type", f"{what} is {kind_of(value)} that cannot be read: {error}; expected an array") from None
    if array.dtype.kind not in "fiu":
        found = f"{kind_of(value)} of dtype {array.dtype}" if isinstance(value, (list, tuple)) else kind_of(value)
        raise ContractError("dtype", f"{what} is {found}; expected float64")
    array = np.array(array, dtype=np.float64, subok=False)
    if not np.isfinite(array).all():
        kind, index = "NaN" if np.isnan(array).any() else "infinite", tuple(map(int, np.argwhere(~np.isfinite(array))[0]))
        raise ContractError("nan", f"{what} is {kind} at index {index}; expected finite numbers")
    return array


def _by_name(problem: Problem, answer: Any, what: str) -> dict[str, Any]:
    """Return the parameters or gradients by name; `what` is a plural. Raises ContractError."""
    names = list(problem.shapes())
    if answer is None:
        raise ContractError("none", f"{what} are None; expected {', '.join(names)}: is a return missing?")
    if isinstance(answer, SimpleNamespace) or (hasattr(answer, "__dict__") and not isinstance(answer, (Mapping, Sequence, np.ndarray))):
        answer = vars(answer)
    if isinstance(answer, Mapping):
        found = {name: answer[key] for name in names for key in reversed(_spellings(problem, name)) if key in answer}
        missing = [name for name in names if name not in found]
        if missing:
            has = ", ".join(map(str, answer)) or "nothing"
            raise ContractError("missing", f"{what} have {has}; expected also {', '.join(missing)}")
        return found
    if not isinstance(answer, Sequence) or isinstance(answer, str):
        in_place = ", or None if you change params in place" if what == NEW_PARAMETERS else ""
        raise ContractError("type", f"{what} are {kind_of(answer)}; expected a dict of {', '.join(names)}{in_place}")
    flat: list[Any] = []
    for item in answer:
        flat += list(item) if isinstance(item, (tuple, list)) and any(isinstance(part, np.ndarray) for part in item) else [item]
    if len(flat) != len(names):
        raise ContractError("missing", f"{what} have {len(flat)} arrays; expected {len(names)}: {', '.join(names)}")
    return dict(zip(names, flat, strict=True))


def _spellings(problem: Problem, name: str) -> tuple[str, ...]:
    short = short_name(problem, name)
    return name, short, f"d{short}", f"grad_{short}", short.lower(), f"d{short.lower()}"
