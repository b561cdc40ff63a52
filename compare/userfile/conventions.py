"""How a file may lay out its arrays: which names parameters have, which way round weights lie, whether records are rows or columns."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..problem.problem import Problem
from ..support.arrays import Array
from ..support.errors import ProblemError

CHOICES = {
    "params": ("state_dict", "W1b1", "list", "pairs", "attributes"),
    "weights": ("out_in", "in_out"),
    "records": ("rows", "columns"),
    "bias": ("(k,)", "(1, k)", "(k, 1)"),
}
_SAID = {
    "params": {
        "W1b1": "your parameters are named W1, b1, W2, …",
        "list": "your parameters are a list W1, b1, W2, …",
        "pairs": "your parameters are a list of pairs (W, b)",
        "attributes": "your parameters are attributes W1, b1, W2, …",
    },
    "weights": {"in_out": "your weights are (in, out)"},
    "records": {"columns": "your records are columns"},
    "bias": {"(1, k)": "your biases are (1, k)", "(k, 1)": "your biases are (k, 1)"},
}


Spread = Callable[[str], None] | None      # is told, in a sentence, of one number that stands for several


class ContractError(Exception):
    """An answer that is not of the contract: `kind` is "shape", "dtype", "missing", "none", "nan" or "type"."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


@dataclass(frozen=True)
class Convention:
    """One way in which a file may mean its arrays; each field is one of its `CHOICES`, the first the contract's own."""

    params: str = "state_dict"
    weights: str = "out_in"
    records: str = "rows"
    bias: str = "(k,)"

    def said(self) -> list[str]:
        """What differs from the contract's own layout, a sentence each."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return [_SAID[name][value] for name, value in values.items() if value in _SAID[name]]

    def differs_in_biases_alone(self, other: "Convention") -> bool:
        """Whether the other takes the arrays as this one does, but for the shape of biases."""
        return self != other and replace(self, bias=other.bias) == other

    def declaration(self) -> str:
        """The line that says so in a file."""
        return f"CONVENTIONS = {asdict(self)}"

    def parameters_in(self, problem: Problem, params: Mapping[str, Array]) -> Any:
        """Fresh copies of the parameters, as the file takes them."""
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
        """Parameters or gradients by the problem's names, in its layout; raises ContractError. `spread` is as in `parameter_out`."""
        found = _by_name(problem, answer, what)
        return {name: self.parameter_out(found[name], shape, f"{what}: {name}", spread) for name, shape in problem.shapes().items()}

    def records_in(self, rows: Array) -> Array:
        """A fresh copy of the records (n, units), as the file takes them; class indices (n,) stay."""
        return np.array(rows.T if self.records == "columns" and rows.ndim == 2 else rows, order="C")

    def masks_in(self, masks: Sequence[Array]) -> list[Array]:
        """Dropout's masks of the hidden layers (n, units), as the file takes records."""
        return [np.array(mask.T if self.records == "columns" else mask) for mask in masks]

    def records_out(self, answer: Any, shape: tuple[int, ...], what: str) -> Array:
        """Numbers for each record (n, units); raises ContractError. (n,) for (n, 1) is taken as it is meant."""
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
        """One parameter of that shape, weights (out, in), as the file gives it; raises ContractError.

        One number in a bias's place stands for all, as NumPy would add it, where `spread` is there to be told so.
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
    """Every way in which a file may mean its arrays that agrees with what it declares; the contract's own first.

    Raises ProblemError for a convention that is none.
    """
    for name, value in declared.items():
        if name not in CHOICES or value not in CHOICES[name]:
            expected = f"{name} as one of {', '.join(CHOICES[name])}" if name in CHOICES else f"one of {', '.join(CHOICES)}"
            raise ProblemError(f"CONVENTIONS has {name}: {value!r}; expected {expected}")
    options = [(declared[name],) if name in declared else choices for name, choices in CHOICES.items()]
    if not problem.bias and "bias" not in declared:
        options[-1] = ("(k,)",)
    for values in sorted(
        product(*options), key=lambda values: sum(value != CHOICES[name][0] for name, value in zip(CHOICES, values, strict=True))
    ):
        yield Convention(*values)


def short_name(problem: Problem, name: str) -> str:
    """W1 for the first layer's weight, b1 for its bias, gamma1 and beta1 for its normalisation's."""
    owner, kind = name.split(".")
    number, layer = next((i, layer) for i, layer in enumerate(problem.layers, start=1) if owner in (layer.linear, layer.norm))
    short = {"weight": "W", "bias": "b"} if owner == layer.linear else {"weight": "gamma", "bias": "beta"}
    return f"{short[kind]}{number}"


def numbers(value: Any, what: str) -> Array:
    """The value as an array of float64; raises ContractError for what is none, or not of finite numbers."""
    if value is None:
        raise ContractError("none", f"{what} is None; expected an array: is a return missing?")
    if isinstance(value, np.ma.MaskedArray):
        raise ContractError("type", f"{what} is a masked array; expected a plain array")
    try:
        array = np.asarray(value)
    except ValueError:
        raise ContractError("shape", f"{what} is a ragged {type(value).__name__}; expected an array of numbers") from None
    except Exception as error:  # whatever an object of the file's own does when it is read
        raise ContractError("type", f"{what} is a {type(value).__name__} that cannot be read: {error}; expected an array") from None
    if array.dtype.kind not in "fiu":
        raise ContractError("dtype", f"{what} is of dtype {array.dtype}; expected float64")
    array = np.array(array, dtype=np.float64, subok=False)
    if not np.isfinite(array).all():
        kind = "NaN" if np.isnan(array).any() else "infinite"
        raise ContractError(
            "nan", f"{what} is {kind} at index {tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])}; expected finite numbers"
        )
    return array


def _by_name(problem: Problem, answer: Any, what: str) -> dict[str, Any]:
    names = list(problem.shapes())
    if answer is None:
        raise ContractError("none", f"{what} is None; expected {', '.join(names)}: is a return missing?")
    if isinstance(answer, SimpleNamespace) or (hasattr(answer, "__dict__") and not isinstance(answer, (Mapping, Sequence, np.ndarray))):
        answer = vars(answer)
    if isinstance(answer, Mapping):
        found = {name: next((answer[key] for key in _spellings(problem, name) if key in answer), None) for name in names}
        missing = [name for name in names if not any(key in answer for key in _spellings(problem, name))]
        if missing:
            has = ", ".join(map(str, answer)) or "nothing"
            raise ContractError("missing", f"{what} has {has}; expected also {', '.join(missing)}")
        return found
    if not isinstance(answer, Sequence) or isinstance(answer, str):
        raise ContractError("type", f"{what} is a {type(answer).__name__}; expected a dict of {', '.join(names)}")
    flat: list[Any] = []
    for item in answer:
        flat += list(item) if isinstance(item, (tuple, list)) and any(isinstance(part, np.ndarray) for part in item) else [item]
    if len(flat) != len(names):
        raise ContractError("missing", f"{what} has {len(flat)} arrays; expected {len(names)}: {', '.join(names)}")
    return dict(zip(names, flat, strict=True))


def _spellings(problem: Problem, name: str) -> tuple[str, ...]:
    short = short_name(problem, name)
    return name, short, f"d{short}", f"grad_{short}", short.lower(), f"d{short.lower()}"
