"""What the methods of a class are tried with: drawn records, targets and parameters, in an object that is new for each try."""

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..network import Network
from ..settings import set_rate

RECORDS = 7
_SIDE_EFFECT = re.compile(
    r"\b(open|input|plt|pyplot|pickle|os|sys|shutil|subprocess|requests|urllib|print)\b|\.(save|dump|load|to_csv|show)\w*\("
)


@dataclass(frozen=True)
class Trial:
    """A network whose parameters are found, the methods of its class, and what they are tried with.

    `others` are the methods that may be called whatever they are named.
    """

    about: Network
    options: Mapping[str, str]
    names: list[str]
    others: list[str]
    x: Any
    y: Any
    params: list[Any]

    @classmethod
    def draw(cls, about: Network, each: type, options: Mapping[str, str], is_by_name: bool) -> "Trial":
        """Draw records and parameters for the network of that class."""
        generator = np.random.default_rng(2)
        x, y = generator.normal(size=(RECORDS, about.sizes[0])), about.drawn_targets()
        params = [generator.normal(size=shape, scale=0.7) for shape in about.shapes()]
        names = methods(each)
        others = [] if is_by_name else [name for name in names if _is_arithmetic(getattr(each, name))]
        return cls(about, options, names, others, x, y, params)

    def fresh(self, rows: slice = slice(None)) -> Any:
        """Return the root of a new network with the drawn parameters, made with these of the records where it is made with some."""
        root = self.about.with_parameters(self.params, self.x[rows], self.y[rows], 0.5)
        set_rate(root, self.about.module, 0.5)
        return root


def methods(each: type) -> list[str]:
    """Return the names of the methods of a class."""
    found = [name for name, value in inspect.getmembers(each) if callable(value) and (not name.startswith("__") or name == "__call__")]
    return [name for name in found if not inspect.isclass(getattr(each, name))]


def _is_arithmetic(method: Any) -> bool:
    """Return whether the method may be called to see what it does: it neither writes files, nor plots, nor asks."""
    try:
        return _SIDE_EFFECT.search(inspect.getsource(method)) is None
    except (OSError, TypeError):
        return False
