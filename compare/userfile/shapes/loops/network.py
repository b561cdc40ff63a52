"""Find a network in a loop that trains: the names that it carries from pass to pass are the parameters, others are data and the rate."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np

from ..calls import LAYOUTS, Layout
from ..layers import Layer, chain
from ..network import Network
from ..spellings import fits_parameter, role
from .biases import added_biases
from .momentum import named_loops
from .names import carriers, data_of, fractions_in, frames_in, settings_of
from .output import find_output
from .parameters import HIDDEN, INPUTS, OUTPUTS, RECORDS, emptied, of_module, root_of
from .passes import bound
from .state import changed_in_place
from .target_shape import is_vector
from .training_loop import Loop, stored


def networks(module: Any, options: Mapping[str, str]) -> Iterator[Network]:
    """Yield the networks of the file's loops that train, the outermost loop first."""
    if {"class", "step"} & options.keys():
        return
    for number, loop in enumerate(named_loops(module.__tree__)):
        found = _network(module, loop, number, options)
        if found is not None:
            yield found


def rebuilt(module: Any, network: Network) -> Network:
    """Return the same network in the module of the file that is loaded anew."""
    loop = named_loops(module.__tree__)[network.plan["loop"]]
    plan = {**network.plan, "root": of_module(deepcopy(network.plan["root"]), module)}
    return bound(replace(network, module=module, plan=plan, _last=None, _kept=None), loop)


def _network(module: Any, loop: Loop, number: int, options: Mapping[str, str]) -> Network | None:
    """Return the network whose parameters the loop carries, if a pass changes them."""
    carried = [name for name in loop.carried if role(name) not in ("lr", "epochs", "x", "y")]
    data = data_of(module, loop)
    if not data["x"] or not data["y"]:
        return None
    wanted = set(options["weights"].split(",")) if "weights" in options else None
    for names in [*_asked(carried, options), *carriers(module, loop, carried)]:
        about = _carrying(module, loop, {"loop": number, "carried": names, **data}) if names else None
        if about is not None and wanted in (None, set(_names(about.layers))):
            return about
    return None


def _asked(carried: list[str], options: Mapping[str, str]) -> Iterator[list[str]]:
    """Yield the carried names without the weights and biases that the options do not name, where they name both."""
    if {"weights", "biases"} <= options.keys():
        wanted = f"{options['weights']},{options['biases']}".split(",")
        yield [name for name in carried if name in wanted or not fits_parameter(name)]


def _carrying(module: Any, loop: Loop, plan: dict[str, Any]) -> Network | None:
    """Return the network whose parameters lie in the carried names, by the first layout of the records that fits."""
    settings = settings_of(loop, plan["carried"])
    fractions = [] if settings["lr"] or loop.owner is not None else fractions_in(loop, plan["carried"])
    plan = {**plan, "settings": settings, "frames": frames_in(loop, {what: plan[what] for what in ("x", "y")})}
    for layout in (LAYOUTS["rows"], LAYOUTS["columns"], LAYOUTS["stack"]):
        for k in (OUTPUTS, 1, 10, 2):
            for is_index in (False, True):
                own = {**plan, "layout": layout.name, "is_index": is_index, "form": 0}
                about = _tried(module, loop, own, layout, k)
                if about is None:
                    continue
                for name in fractions if not about.has_rate else ():
                    other = _tried(module, loop, {**own, "settings": {**settings, "lr": [name]}}, layout, k)
                    if other is not None and other.is_proportional():
                        return other
                return about
    return None


def _tried(module: Any, loop: Loop, plan: dict[str, Any], layout: Layout, k: int) -> Network | None:
    """Return the network by that plan, with sizes of our own where it takes these."""
    root = root_of(module, loop, plan, layout, k)
    found = None if root is None else chain(root, None, of_biases=added_biases(module.__tree__))
    if found is None:
        return None
    sizes, layers = found
    if any(("each", "") in layer.weight for layer in layers):      # objects of neurons, which cannot be made anew in other sizes
        return None
    if RECORDS in sizes:      # the records are taken for units: they are laid out the other way
        return None
    if sizes[-1] != k and not (sizes[-1] > 1 and k == OUTPUTS):      # what is right for one output need not be for three
        return None
    own = [(INPUTS, *HIDDEN[: len(sizes) - 2], k)] if len(sizes) - 2 <= len(HIDDEN) else []
    own += [(INPUTS, *sizes[1:]), sizes] if sizes[-1] == k else []
    for units in dict.fromkeys(own):
        for form in _forms(loop, plan["y"]) if k == 1 else (0,):
            own_plan = {**plan, "form": form, "root": emptied(root, layers, units)}
            about = Network(module, "", "", units, layers, lambda x, y, lr: None, plan=own_plan, is_index=plan["is_index"])
            about = bound(about, loop)
            try:
                about.learn_limits()
                before, after, _, _ = about.tried()
            except Exception:
                continue
            is_changed = any(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))
            if is_changed and all(np.isfinite(array).all() for array in after):
                about = _with_state(about, loop)
                find_output(about, loop)
                about.note_rate(name for name in plan["settings"]["lr"] if name in stored(loop.node))
                where = "at top level" if loop.function is None else f"in {loop.owner + '.' if loop.owner else ''}{loop.function}"
                about.said = f"a loop that trains {where}, with {', '.join(_names(layers))}"
                about.option = f"--weights {','.join(_names(layers))}"
                return about
    return None


def _with_state(about: Network, loop: Loop) -> Network:
    """Return the network with what else a pass leaves to the one after it."""
    with suppress(Exception):
        if loop.owner is None and (kept := changed_in_place(about, loop)):
            about.plan["kept"] = kept
            return bound(about, loop)
    return about


def _forms(loop: Loop, targets: list[str]) -> tuple[int, ...]:
    """Return the forms of targets of one output in the order to be tried: a column, or first a vector where the file makes one."""
    return (1, 0) if any(is_vector([*loop.before, loop.node], name) for name in targets) else (0, 1)


def _names(layers: list[Layer]) -> list[str]:
    return list(dict.fromkeys(str(layer.weight[-1][1]) for layer in layers))
