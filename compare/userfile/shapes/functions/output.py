"""The output of functions: the function that makes it, and the part of its answer that has its shape."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..calls import LAYOUTS, numbers, parameters_of
from ..network import Network
from ..spellings import role
from .calls import answer_of, values_for


def find_output(about: Network, params: Any, x: Any) -> None:
    """Set the forward pass to the function on the way forward, or the one that does all, if a part of its answer is an output."""
    name = about.plan["forward"] or about.plan["back"]
    try:
        answer = _answer_without_targets(about, name, about.with_parameters(params, x, None, 1.0), x)
    except Exception:
        return
    wanted = (about.sizes[-1], len(x)) if about.plan["layout"] == "columns" else (len(x), about.sizes[-1])
    fitting = [place for place, part in _parts(answer, ()) if np.shape(part) == wanted and numbers(part) is not None]
    if fitting:
        is_first = isinstance(answer, np.ndarray) or (isinstance(answer, tuple) and np.shape(answer[0]) == wanted and len(answer) == 2)
        about.plan["output"] = name, fitting[0 if is_first else -1]
        about.run = runner(about)


def runner(about: Network) -> Callable[[Any, Any], Any]:
    """Return the forward pass: a function of the root and the records, that returns the output as rows."""

    def run(root: Any, x: Any) -> Any:
        name, place = about.plan["output"]
        value = _answer_without_targets(about, name, root, x)
        for key in place:
            value = value[key]
        return LAYOUTS[about.plan["layout"]].back(value, len(x), about.sizes[-1])

    return run


def _answer_without_targets(about: Network, name: str, root: Any, x: Any) -> Any:
    values, known = values_for(about, root, x, None, 1.0)
    known |= {each.name: None for each in parameters_of(getattr(about.module, name)) if role(each.name) == "y"}
    return answer_of(about, name, root, values, known)


def _parts(value: Any, place: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, np.ndarray):
        yield place, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _parts(each, (*place, key))
    elif isinstance(value, (tuple, list)):
        for key, each in enumerate(value):
            yield from _parts(each, (*place, key))
