"""One pass through a loop that trains: the names that it runs with, and the network whose step and forward pass it is."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ..calls import LAYOUTS, targets_of
from ..network import Network
from ..places import get
from ..settings import made_plain, set_penalty, set_rate
from .names import is_code
from .training_loop import Loop

_PASSES = 100      # that a loop is said to make, of which it makes one


def space_of(module: Any, plan: Mapping[str, Any], x: Any, y: Any, lr: float, strength: float = 0.0) -> dict[str, Any]:
    """Return the module's names, with the data, the rate and the batch size that are given."""
    layout = LAYOUTS[plan["layout"]]
    targets = list(targets_of(layout, y, plan["is_index"]))[plan["form"]]
    space: dict[str, Any] = vars(module)
    space.update({name: layout.make(x) for name in plan["x"]} | {name: np.array(targets) for name in plan["y"]})
    for name in plan["frames"]:
        space[name] = pd.DataFrame(space[name]) if np.ndim(space[name]) == 2 else pd.Series(space[name])
    values = {"lr": lr, "batch": len(x), "epochs": _PASSES, "reg": strength, "momentum": plan.get("momentum", 0.0)}
    space.update({name: values[what] for what, names in plan["settings"].items() for name in names})
    return space


def given_names(plan: Mapping[str, Any]) -> list[str]:
    """Return the names to which the data and the settings are given, in place of what the file assigns them."""
    return [*plan["x"], *plan["y"], *(name for names in plan["settings"].values() for name in names)]


def bound(about: Network, loop: Loop) -> Network:
    """Return the network with its step, and its forward pass if its output was found, in its module."""
    plan, module, momentum = about.plan, about.module, about.plan.get("momentum", 0.0)
    own, kept = [*given_names(plan), *plan["carried"]], plan.get("kept", [])
    code = loop.code(module.__file__, own, plan["carried"], runs=True)
    following = loop.code(module.__file__, [*own, *kept], plan["carried"], runs=True) if kept else code      # a pass after the first
    others = loop.code(module.__file__, given_names(plan), plan["carried"], runs=False)

    def passed(root: Any, x: Any, y: Any, lr: float) -> Any:
        space = space_of(module, plan, x, y, lr, about.strength(len(x)))
        if loop.owner is not None:
            params = about.parameters(root)
            space.update(root)
            exec(others, space)
            about.written({"self": space["self"]}, params)
            set_rate(space["self"], module, lr)
            set_penalty(space["self"], about.strength(len(x)))
            exec(code, space)
            return space
        missing = [name for name in plan["carried"] if name not in root]
        if missing:
            exec(others, space)
        space.update(root)
        about.note_plain(made_plain({name: space[name] for name in loop.read if name in space and not is_code(space[name])}, momentum))
        exec(following if {*kept} <= {*root} else code, space)
        return space

    def new(x: Any, y: Any, lr: float) -> Any:
        return deepcopy(plan["root"])

    def step(root: Any, x: Any, y: Any, lr: float) -> Any:
        space = passed(root, x, y, lr)
        begun = [name for name in plan["carried"] if name not in root and np.ndim(space.get(name))]      # velocities that were the number 0
        return {name: space[name] for name in (*root, *kept, *begun)}

    about = replace(about, new=new, step=step)
    if "output" in plan:
        about.run = _runner(passed, plan, about.sizes[-1])
    return about


def _runner(passed: Any, plan: Mapping[str, Any], units: int) -> Any:
    def run(root: Any, x: Any) -> Any:
        y = np.eye(units)[(units - 1 - np.arange(len(x))) % units] if units > 1 else np.resize([0.0, 1.0], (len(x), 1))
        return LAYOUTS[plan["layout"]].back(get(passed(root, x, y, 0.0), plan["output"]), len(x), units)

    def run_each(root: Any, x: Any) -> Any:
        rows = [run(root, record[None, :]) for record in x]
        return None if any(row is None for row in rows) else np.vstack(rows)

    return run_each if plan["layout"] == "stack" else run
