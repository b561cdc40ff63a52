"""The losses that a file itself computes: numbers by the name of a loss, which its functions return or assign while it makes a step."""

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np

from .calls import LAYOUTS, called, filled, parameters_of, roles_of, targets_of
from .network import Network
from .settings import set_penalty
from .spellings import LOSS, WHOLE, rank

_RATE = 0.5


def own_losses(network: Network, params: Any, x: Any, y: Any) -> dict[str, list[float]]:
    """Return by name what the file computes as a loss of these records: in a step, and by functions that take an output and targets."""
    found: dict[str, list[float]] = {}
    root = network.with_parameters(params, x, y, _RATE)
    if "class" in network.plan:
        set_penalty(root, network.strength(len(x)))
    with _watched(network.module.__file__, found), np.errstate(all="ignore"):
        for function, arguments in _functions(network, params, x, y):
            try:
                called(function, arguments)
            except Exception:      # it is no loss of an output and targets
                continue
        if network.step is not None:
            network.step(root, x, y, _RATE)
        elif network.back is not None:
            network.back(root, x, y)
    return found


def _functions(network: Network, params: Any, x: Any, y: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield the functions and methods that are named as losses, with their arguments."""
    plan = network.plan
    own = LAYOUTS[plan["layout"]] if "layout" in plan else (plan.get("step") or plan["back"]).layout
    layout = own if own.is_whole else LAYOUTS["rows"]
    values: dict[str, Any] = {"x": layout.make(x), "y": next(targets_of(layout, y, network.is_index))}
    values |= {"n": len(x), "reg": network.strength(len(x))}
    forward = plan.get("forward")
    single = LAYOUTS["column" if isinstance(forward, tuple) and forward[1] in ("column", "columns", "stack") else "vector"]
    pairs = [(single.make(one), single.make(other)) for one, other in zip(x, y, strict=True)]
    values["pairs"] = pairs
    root = network.with_parameters(params, x, y, _RATE)
    if "class" in plan:
        set_penalty(root, network.strength(len(x)))
    if network.run is not None:
        values["output"] = layout.make(network.run(root, x))
    owners = [vars(network.module), {key: getattr(root, key) for key in dir(type(root)) if not key.startswith("__")}]
    for owner in owners if "class" in plan else owners[:1]:
        for key, function in owner.items():
            if rank(key, LOSS) < 0 or not (inspect.isfunction(function) or inspect.ismethod(function)):
                continue
            known = dict(root) if isinstance(root, dict) else {}
            known |= plan.get("known", {})
            known |= {each.name: root for each in parameters_of(function) if WHOLE.fullmatch(each.name.lower()) and each.name not in known}
            is_paired = not {"y", "output"} & set(roles_of(function).values())      # it takes records with their targets
            try:
                yield function, filled(function, values | ({"x": values["pairs"]} if is_paired else {}), known)
            except TypeError:
                continue


@contextmanager
def _watched(path: str, found: dict[str, list[float]]) -> Iterator[None]:
    """Collect the numbers that the file's functions return, or then have under the name of a loss."""

    def watch(frame: FrameType, event: str, answer: Any) -> None:
        if event != "return" or frame.f_code.co_filename != path:
            return
        named = dict(frame.f_locals)
        named |= getattr(named.get("self"), "__dict__", {})
        said = {name: value for name, value in named.items() if rank(name, LOSS) >= 0}
        for name, value in [*said.items(), (frame.f_code.co_name, answer)]:
            if (number := _number(value)) is not None:
                found.setdefault(name, []).append(number)

    former = sys.getprofile()
    sys.setprofile(watch)
    try:
        yield
    finally:
        sys.setprofile(former)


def _number(value: Any) -> float | None:
    """Return a number, or the last of a list of them; None for anything else."""
    if isinstance(value, list) and value:
        value = value[-1]
    if isinstance(value, tuple) and value:
        value = value[0]
    is_number = isinstance(value, (float, np.floating)) or (isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind == "f")
    return float(np.reshape(value, -1)[0]) if is_number else None
