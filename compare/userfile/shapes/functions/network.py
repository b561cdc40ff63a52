"""Find a network in functions: those that make parameters, go forward, go back and update; or one that does all."""

import inspect
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..calls import LAYOUTS
from ..layers import chain
from ..network import Network
from ..spellings import BACK, FORWARD, INIT, UPDATE, ranked
from .calls import gradients_of, stepped
from .output import find_output, runner
from .parameters import RECORDS, roots


def networks(module: Any, options: Mapping[str, str]) -> Iterator[Network]:
    """Yield the networks that the file's functions make, the way back by each function that returns gradients."""
    functions = {
        name: value for name, value in vars(module).items() if inspect.isfunction(value) and value.__code__.co_filename == module.__file__
    }
    usual = ranked(functions, BACK)
    backs = [*usual, *(name for name in functions if name not in usual and re.search("loss|grad|net|back", name, re.IGNORECASE))]
    forwards, init = ranked(functions, FORWARD), next(iter(ranked(functions, INIT)), None)
    if "class" in options:
        return
    if "forward" in options:
        forwards = [options["forward"]]
    if "step" in options:
        backs = [name for name in options["step"].split(",")[:1] if name in functions]
    for back in backs:
        for forward in (None, *(each for each in forwards if each != back)):
            network = _network(module, functions, {"init": init, "forward": forward, "back": back})
            if network is not None:
                yield network
                break


def rebuilt(module: Any, network: Network) -> Network:
    """Return the same network in the module of the file that is loaded anew."""
    return _bound(replace(network, module=module, _last=None, _kept=None))


def _network(module: Any, functions: Mapping[str, Any], plan: dict[str, Any]) -> Network | None:
    """Return the network by these functions, in the first layout in which gradients come out for all parameters."""
    updates = [name for name in ranked(functions, UPDATE) if name not in (plan["back"], plan["forward"])]
    for k in (3, 1, 10):
        for root in roots(module, plan, k):
            found = chain(root, None)
            if found is None or found[0][-1] not in (k, 10) or RECORDS in found[0]:
                continue
            for layout in (LAYOUTS["columns"], LAYOUTS["rows"]):
                for is_index in (False, True):
                    for form in (0, 1) if found[0][-1] == 1 or is_index else (0,):
                        made = {**plan, "root": root, "layout": layout.name, "is_index": is_index, "form": form, "updates": updates}
                        about = _tried(module, made, *found)
                        if about is not None:
                            return about
    return None


def _tried(module: Any, plan: dict[str, Any], sizes: tuple[int, ...], layers: Any) -> Network | None:
    """Return the network by that plan, if gradients come out; with a step, if one of the updates changes the parameters."""
    about = Network(module, "", "", sizes, layers, lambda x, y, lr: deepcopy(plan["root"]), plan=plan)
    about.is_index = plan["is_index"]
    generator = np.random.default_rng(2)
    params = [generator.normal(size=shape, scale=0.7) for shape in about.shapes()]
    x, y = generator.normal(size=(RECORDS, sizes[0])), about.drawn_targets(RECORDS)
    try:
        gradients = gradients_of(about, about.with_parameters(params, x, y, 1.0), x, y)
    except Exception:
        return None
    if gradients is None or not all(np.isfinite(each).all() for each in gradients):
        return None
    for update in [*plan["updates"], None]:
        about.plan["update"] = update
        about = _bound(about)
        if update is None:
            break
        try:
            after = about.after([array.copy() for array in params], x, y, 0.5)
        except Exception:
            continue
        if any(not np.array_equal(a, b) for a, b in zip(params, after, strict=True)):
            about.learn_limits()
            break
    find_output(about, params, x)
    names = [name for name in (plan["init"], plan["forward"], plan["back"], about.plan["update"]) if name]
    about.said = f"functions {', '.join(names)}"
    about.option = f"--step {','.join(name for name in (plan['back'], about.plan['update']) if name)}"
    about.option += f" --forward {plan['forward']}" if plan["forward"] else ""
    return about


def _bound(about: Network) -> Network:
    """Return the network with its gradients or its step, in its module."""
    plan = about.plan
    about.new = lambda x, y, lr: deepcopy(plan["root"])
    about.back = None if plan.get("update") else partial(gradients_of, about)
    about.step = partial(stepped, about) if plan.get("update") else None
    if "output" in plan:
        about.run = runner(about)
    return about
