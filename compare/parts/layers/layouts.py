"""The layouts that a file's arrays may have: each says how an array of a role is turned from what is drawn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ...support.arrays import Array
from .draws import Case

_TURNS: Mapping[str, Callable[[Array], Array]] = {
    "transposed": lambda a: a.T.copy(),
    "as a column": lambda a: a[:, None],
    "as a row": lambda a: a[None],
    "channels last": lambda a: np.moveaxis(a, 1, -1).copy(),
    "filters last": lambda a: a.transpose(2, 3, 1, 0).copy(),
    "of one record": lambda a: a[0],
    "over four axes": lambda a: a.reshape(1, 1, 1, -1),
}


@dataclass(frozen=True)
class Layout:
    """How the arrays of each role are turned, with the words for it.

    `is_flat` takes the records of two axes alone, `is_square` filters and windows that are as high as wide, `is_one` one record.
    """

    said: str
    turns: Mapping[str, str] = field(default_factory=dict)
    is_flat: bool = False
    is_square: bool = False
    is_one: bool = False

    def takes(self, case: Case) -> bool:
        """Return whether the case can be had in this layout."""
        if self.is_square:
            sizes = case.arrays["w"].shape[2:] if "w" in case.arrays else [case.options[name] for name in ("pool_height", "pool_width")]
            return len({*sizes}) == 1
        if self.is_one:
            return len(case.arrays["x"]) == 1
        return not self.is_flat or all(array.ndim == 2 for role, array in case.arrays.items() if role == "x")

    def turned(self, case: Case) -> Case:
        """Return the case with its arrays in this layout."""
        return Case({role: self.turn(role, array) for role, array in case.arrays.items()}, case.options)

    def turn(self, role: str, array: Array) -> Array:
        """Return an array of that role in this layout."""
        return _TURNS[self.turns[role]](array) if role in self.turns else array


AS_DRAWN = Layout("")
_COLUMNS = {"x": "transposed", "w": "transposed", "out": "transposed"}
AFFINE = (
    AS_DRAWN,
    Layout("x is (N, D)", {}, True),
    Layout("x is (N, D), b (1, M)", {"b": "as a row"}, True),
    Layout("x is (N, D), w (M, D)", {"w": "transposed"}, True),
    Layout("x is (N, D), w (M, D), b (1, M)", {"w": "transposed", "b": "as a row"}, True),
    Layout("records in columns, w (M, D), b (M, 1)", {**_COLUMNS, "b": "as a column"}, True),
)
FEATURES = (
    AS_DRAWN,
    Layout("γ and β are (1, D)", {"gamma": "as a row", "beta": "as a row"}),
    Layout("records in columns", {"x": "transposed", "out": "transposed", "gamma": "as a column", "beta": "as a column"}, True),
)
_LAST = {"x": "channels last", "out": "channels last"}
_FILTERS = {**_LAST, "w": "filters last"}
IMAGES = tuple(
    Layout("; ".join(filter(None, (said, "filters are square" if is_square else ""))), turns, is_square=is_square)
    for said, turns in (
        ("", {}),
        ("b is (F, 1)", {"b": "as a column"}),
        ("channels last", _FILTERS),
        ("channels last, b (1, 1, 1, F)", {**_FILTERS, "b": "over four axes"}),
    )
    for is_square in (False, True)
)
POOLS = tuple(
    Layout("; ".join(filter(None, (said, "windows are square" if is_square else ""))), turns, is_square=is_square)
    for said, turns in (("", {}), ("channels last", _LAST))
    for is_square in (False, True)
)
_ONE = {"x": "of one record", "out": "of one record"}
SEQUENCES = (
    AS_DRAWN,
    Layout("one sequence, x is (T, D), h0 (1, H)", _ONE, is_one=True),
    Layout("one sequence, x is (T, D), h0 (H,)", {**_ONE, "h0": "of one record"}, is_one=True),
)
