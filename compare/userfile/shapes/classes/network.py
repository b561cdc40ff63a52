"""Find a network in a class: what makes an object of it, where its parameters lie, and which methods are its forward pass and its step."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from ..calls import LAYOUTS
from ..layers import chain
from ..making import has_one_output, makers, numbered_makers
from ..network import Network
from ..spellings import BACK, FORWARD, STEP, rank
from .biases import depends_on_biases, has_another_matrix, leave_out_fixed_biases, place_bias, take_in_others
from .forward import find_forward, runner
from .loss import coster, find_loss
from .step import backer, find_gradients, find_step, likely_gradients, stepper
from .trial import RECORDS, Trial, methods


def networks(module: Any, options: Mapping[str, str]) -> Iterator[Network]:
    """Yield the networks of the module's classes whose methods have usual names, the most likely first."""
    for each in _classes(module, options):
        if _likeness(each) or "class" in options:
            network = _network(module, each, options)
            if network is not None and ("class" in options or len(network.layers) > 1 or not _is_part(each, module)):
                yield network


def networks_by_behaviour(module: Any, options: Mapping[str, str]) -> Iterator[Network]:
    """Yield the networks of the module's classes by what their methods do, whatever they are called."""
    for each in _classes(module, options):
        network = _network(module, each, options, is_by_name=False)
        if network is not None and len(network.layers) > 1:      # a single layer is a part of one
            yield network


def _classes(module: Any, options: Mapping[str, str]) -> list[type]:
    classes = [each for each in vars(module).values() if inspect.isclass(each) and _is_users(each, module)]
    if "class" in options:
        classes = [each for each in classes if each.__name__ == options["class"]]
    return sorted(classes, key=lambda each: -_likeness(each))


def _is_users(each: type, module: Any) -> bool:
    return each.__module__ == module.__name__ or each.__module__ in getattr(module, "__own__", ())


def _is_part(each: type, module: Any) -> bool:
    """Return whether another class of the file makes such objects, as a layer makes its neurons, or they are handed on or listed."""
    nodes = list(ast.walk(module.__tree__))
    others = [node for node in nodes if isinstance(node, ast.ClassDef) and node.name != each.__name__]
    made = [call for other in others for call in ast.walk(other)]
    made += [call for node in nodes if isinstance(node, ast.Call) for call in node.args]
    made += [call for node in nodes if isinstance(node, (ast.List, ast.Tuple)) for call in node.elts]
    return any(isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == each.__name__ for call in made)


def _likeness(each: type) -> int:
    names = methods(each)
    return int(any(rank(name, FORWARD) >= 0 for name in names)) + 2 * int(
        any(rank(name, STEP) >= 0 or rank(name, BACK) >= 0 for name in names)
    )


def _network(module: Any, each: type, options: Mapping[str, str], is_by_name: bool = True) -> Network | None:
    """Return the network of the class, by the first way of making an object whose parameters follow one another and take a step."""
    seen: set[tuple[int, ...]] = set()
    only = 1 if has_one_output(module, each) else None
    for number, (sizes, new), activation in numbered_makers(module, each, only):
        try:
            root = new(np.ones((RECORDS, sizes[0])), np.ones((RECORDS, sizes[-1])), 0.5)
        except Exception:
            continue
        names = [options[key].split(",") if key in options else [] for key in ("weights", "biases")]
        found = chain(root, sizes, *names, is_by_name=is_by_name) or chain(root, None, *names, is_by_name=is_by_name)
        if found is None or found[0] in seen:
            continue
        seen.add(found[0])
        about = Network(module, "", "", found[0], found[1], new, plan={"class": each.__name__, "maker": number, "only": only})
        about.plan["activation"] = activation
        about.is_made_of_data, about.is_made_with_rate = new.takes_data, new.rate is not None
        if _completed(about, each, options, is_by_name):
            return about
    return None


def rebuilt(module: Any, network: Network) -> Network:
    """Return the same network in the module of the file that is loaded anew."""
    plan, each = network.plan, getattr(module, network.plan["class"])
    _, new = next(islice(makers(each, plan["only"], plan["activation"], network.moving), plan["maker"], None))
    about = replace(network, module=module, new=new, _last=None, _kept=None)
    if "forward" in plan:
        about.run = runner(module, plan["forward"][0], LAYOUTS[plan["forward"][1]], about.sizes[-1])
    if "step" in plan:
        about.step = stepper(about, plan["step"])
    if "back" in plan:
        about.back = backer(about, plan["back"])
    if "cost" in plan:
        owner, name, layout = plan["cost"]
        about.cost = coster(about, owner, name, LAYOUTS[layout])
    return about


def _completed(about: Network, each: type, options: Mapping[str, str], is_by_name: bool) -> bool:
    """Find the forward pass and the step of the network; return whether it has a step, or gradients."""
    trial = Trial.draw(about, each, options, is_by_name)
    try:
        trial.fresh()
    except Exception:      # what was taken for its parameters has other shapes with other records: it holds these
        return False
    forward, layout = find_forward(trial) or (None, None)
    place_bias(trial)
    layouts = [layout] if layout else []
    layouts += [other for other in LAYOUTS.values() if other is not layout]
    chosen = find_step(trial, layouts, forward) or find_gradients(trial, layouts, forward, likely_gradients(trial, forward))
    if chosen is None or (not is_by_name and about.has_bias and not depends_on_biases(trial)):
        return False
    if ("weights" not in options and has_another_matrix(trial)) or not take_in_others(trial):
        return False
    if about.step is not None:
        about.learn_limits()
        leave_out_fixed_biases(about)
        trial.params[:] = [array for array in trial.params if array.ndim > 1 or not about.fixed]
    if about.is_random and (back := find_gradients(trial, layouts, forward, trial.names)) is not None:
        about.step, about.is_random, about.has_rate = None, False, True      # records drawn at random show no batch
        del about.plan["step"]
        chosen = back
    _say(about, each, chosen, forward)
    find_loss(trial, layouts[0])
    return True


def _say(about: Network, each: type, chosen: str, forward: str | None) -> None:
    """Say what was recognised, and the option that would say it."""
    how = dict.fromkeys([chosen] if forward is None else [chosen, forward])
    about.said = f"a class {each.__name__} with {' and '.join(how)}"
    weights = ",".join(dict.fromkeys(str(next(key for _, key in layer.weight if isinstance(key, str))) for layer in about.layers))
    about.option = f"--class {each.__name__} --weights {weights} --step {chosen.replace(', ', ',')}"
    about.option += f" --forward {forward}" if forward else ""
