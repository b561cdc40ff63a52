"""Functions that are called one after the other: each by its arguments' names, what they stand for, and the answer of the one before."""

import inspect
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..calls import LAYOUTS, Layout, arrays_in, called, filled, parameters_of, returned, roles_of, targets_of
from ..network import Network, assigned
from ..spellings import CACHE, GRADS, WHOLE


def values_for(about: Network, root: Any, x: Any, y: Any, lr: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what arguments stand for, and the values of those that have names of their own."""
    layout: Layout = LAYOUTS[about.plan["layout"]]
    targets = None if y is None else list(targets_of(layout, y, about.plan["is_index"]))[about.plan["form"]]
    values = {"x": layout.make(x), "lr": lr, "n": len(x), "batch": len(x), "reg": about.strength(len(x)), **about.moving}
    return values | ({} if y is None else {"y": targets}), dict(root) if isinstance(root, dict) else {}


def answer_of(about: Network, name: str, root: Any, values: Mapping[str, Any], known: Mapping[str, Any], former: Any = None) -> Any:
    """Call the function: by the names of its arguments, what they stand for, and the answer of the function before it."""
    function = getattr(about.module, name)
    own, stands = dict(known), roles_of(function)
    lower = {each.lower() for each in known}
    for each in parameters_of(function):
        if each.name.lower() in lower:
            continue
        if each.default is each.empty and (passed := _function_of(about.module, each.name)) is not None:
            own[each.name] = passed
            continue
        if WHOLE.fullmatch(each.name.lower()) and not isinstance(root, np.ndarray):
            own[each.name] = root
        elif former is not None and (CACHE.fullmatch(each.name.lower()) or GRADS.fullmatch(each.name.lower())):
            own[each.name] = former[-1] if isinstance(former, tuple) and len(former) == 2 else former
        elif stands[each.name] == "output" and former is not None:
            own[each.name] = former[0] if isinstance(former, tuple) else former
    return called(function, filled(function, values, own))


def _function_of(module: Any, name: str) -> Any:
    """Return the file's function that an argument of that name is: forward_prop for forward_prop_func."""
    bare = re.sub(r"_?(func(tion)?|fn|f)$", "", name)
    value = vars(module).get(bare)
    return value if bare != name and inspect.isfunction(value) else None


def _named_answer(about: Network, name: str, answer: Any) -> dict[str, Any]:
    """Return the parts of an answer by the names that the function's return has, or a dict by its own."""
    names = returned(about.module, name)
    if isinstance(answer, tuple) and len(names) == len(answer):
        return {key: value for key, value in zip(names, answer, strict=True) if key}
    if isinstance(answer, dict):
        return {str(key): value for key, value in answer.items()}
    return {names[0]: answer} if len(names) == 1 and names[0] else {}


def _way_back(about: Network, root: Any, values: Any, known: Any) -> tuple[Any, dict[str, Any]]:
    """Return the answer of the way back, after the way forward where there is one, and all names that are known then."""
    former = None
    if about.plan["forward"]:
        former = answer_of(about, about.plan["forward"], root, values, known)
        named = _named_answer(about, about.plan["forward"], former)
        known = {**known, **{name: value for name, value in named.items() if name not in known}}
    answer = answer_of(about, about.plan["back"], root, values, known, former)
    return answer, {**known, **_named_answer(about, about.plan["back"], answer)}


def gradients_of(about: Network, root: Any, x: Any, y: Any) -> Any:
    """Return the gradients of the way back, in the order of the parameters; None where they are not those."""
    values, known = values_for(about, root, x, y, 1.0)
    answer = _way_back(about, root, values, known)[0]
    about.note_loss(answer)
    return _gradients_in(about, answer)


def _gradients_in(about: Network, answer: Any) -> Any:
    """Return the gradients by the parameters' names in the answer, or else by their shapes."""
    named = _named_answer(about, about.plan["back"], answer)
    for value in answer if isinstance(answer, tuple) else ():
        if isinstance(value, dict):
            named |= {str(key): each for key, each in value.items()}
    found: list[Any] = []
    for name in _parameter_names(about):
        own = [each for each in (f"d{name}", f"grad_{name}", f"d_{name}", f"grad{name}", f"{name}_grad", name) if each in named]
        if not own:
            found = []
            break
        found.append(named[own[0]])
    arrays = found or list(arrays_in(answer))
    return assigned(arrays, about.shapes(), about.layers)


def _parameter_names(about: Network) -> list[str]:
    return [str(place[-1][1]) for layer in about.layers for place in (layer.weight, layer.bias) if place is not None]


def stepped(about: Network, root: Any, x: Any, y: Any, lr: float) -> Any:
    """Return the root after the way back and the update."""
    values, known = values_for(about, root, x, y, lr)
    answer, known = _way_back(about, root, values, known)
    changed = answer_of(about, about.plan["update"], root, values, known, answer)
    if changed is None:
        return root
    names = returned(about.module, about.plan["update"])
    if isinstance(changed, tuple) and isinstance(root, dict) and len(names) == len(changed) and set(root) <= set(names):
        return {name: value for name, value in zip(names, changed, strict=True) if name in root}
    return changed[0] if isinstance(changed, tuple) else changed
