"""Find a network in functions: those that make parameters, go forward, go back and update; or one that does all."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from .arrays import Place, chain
from .calls import LAYOUTS, Layout, arrays_in, called, filled, numbers, parameters_of, returned, roles_of, targets_of
from .making import makers
from .network import Network, assigned
from .spellings import BACK, CACHE, FORWARD, GRADS, INIT, UPDATE, WHOLE, fits_parameter, is_bias, rank, role

_INPUTS, _HIDDEN, _RECORDS = 5, (7, 6, 8), 11


def networks(module: Any, options: Mapping[str, str]) -> Iterator[Network]:
    """Yield the networks that the file's functions make, the way back by each function that returns gradients."""
    functions = {
        name: value for name, value in vars(module).items() if inspect.isfunction(value) and value.__code__.co_filename == module.__file__
    }
    backs = sorted(
        (name for name in functions if _may_return_gradients(name)), key=lambda name: rank(name, BACK) if rank(name, BACK) >= 0 else 99
    )
    forwards = [name for name in sorted(functions, key=lambda name: rank(name, FORWARD)) if rank(name, FORWARD) >= 0]
    inits = [name for name in sorted(functions, key=lambda name: rank(name, INIT)) if rank(name, INIT) >= 0]
    if "class" in options:
        return
    if "forward" in options:
        forwards = [options["forward"]]
    if "step" in options:
        backs = [name for name in options["step"].split(",")[:1] if name in functions]
    found: list[Network] = []
    for back in backs:
        for forward in (None, *(each for each in forwards if each != back)):
            network = _network(module, functions, {"init": inits[0] if inits else None, "forward": forward, "back": back})
            if network is not None:
                found.append(network)
                yield network
                break


def _may_return_gradients(name: str) -> bool:
    return rank(name, BACK) >= 0 or "loss" in name.lower() or "grad" in name.lower() or "net" in name.lower() or "back" in name.lower()


def rebuilt(module: Any, network: Network) -> Network:
    """Return the same network in the module of the file that is loaded anew."""
    return _bound(replace(network, module=module, _last=None, _kept=None))


def _roots(module: Any, init: str | None, function: Any, k: int) -> Iterator[Any]:
    """Yield parameters as the file makes them, by name, or as such names usually have them."""
    if init is not None:
        for _, new in islice(makers(getattr(module, init), k), 6):
            try:
                made = new(np.ones((_RECORDS, _INPUTS)), np.ones((_RECORDS, k)), 0.5)
            except Exception:
                continue
            names = returned(module, init)
            yield dict(zip(names, made, strict=True)) if isinstance(made, tuple) and len(names) == len(made) else made
    whole = next((each.name for each in parameters_of(function) if WHOLE.fullmatch(each.name.lower())), None)
    own = (_keys_of(module, whole) if whole is not None else []) or [
        each.name
        for each in parameters_of(function)
        if fits_parameter(each.name) and roles_of(function)[each.name] not in ("x", "y", "lr", "zero", "momentum", "reg")
    ]
    weights = [name for name in own if name[0] in "wWtT" and not is_bias(name)]
    biases = [name for name in own if is_bias(name)]
    sizes = (_INPUTS, *_HIDDEN[: max(0, len(weights) - 1)], k)
    for is_out_in in (False, True):
        for is_flat in (False, True):
            root: dict[str, Any] = {}
            for name, units_in, units in zip(weights, sizes, sizes[1:], strict=False):
                root[name] = np.zeros((units, units_in) if is_out_in else (units_in, units))
            for name, units in zip(biases, sizes[1:], strict=False):
                root[name] = np.zeros(units if is_flat else (units, 1) if is_out_in else (1, units))
            if root:
                yield root


def _keys_of(module: Any, name: str) -> list[str]:
    """Return the keys by which the file takes parameters from a dict of that name, in order."""
    keys = [
        str(node.slice.value)
        for node in ast.walk(module.__tree__)
        if isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id == name
        and isinstance(node.slice, ast.Constant)
    ]
    return sorted({key for key in keys if fits_parameter(key) == 2}, key=lambda key: ("".join(filter(str.isdigit, key)), key))


def _network(module: Any, functions: Mapping[str, Any], plan: dict[str, Any]) -> Network | None:
    """Return the network by these functions, in the first layout in which gradients come out for all parameters."""
    back = functions[plan["back"]]
    updates = [
        name
        for name in sorted(functions, key=lambda name: rank(name, UPDATE))
        if rank(name, UPDATE) >= 0 and name not in (plan["back"], plan["forward"])
    ]
    for k in (3, 1, 10):
        for root in _roots(module, plan["init"], back, k):
            found = chain(root, None)
            if found is None or found[0][-1] not in (k, 10) or _RECORDS in found[0]:
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
    about = Network(module, "", "", sizes, layers, lambda x, y, lr: deepcopy(plan["root"]), plan=plan)
    about.is_index = plan["is_index"]
    generator = np.random.default_rng(2)
    params = [generator.normal(size=shape, scale=0.7) for shape in about.shapes()]
    x, y = generator.normal(size=(_RECORDS, sizes[0])), about.drawn_targets(_RECORDS)
    try:
        gradients = _back(about, about.with_parameters(params, x, y, 1.0), x, y)
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
    about = _with_forward(about, params, x)
    names = [name for name in (plan["init"], plan["forward"], plan["back"], about.plan["update"]) if name]
    about.said = f"functions {', '.join(names)}"
    about.option = f"--step {','.join(name for name in (plan['back'], about.plan['update']) if name)}"
    about.option += f" --forward {plan['forward']}" if plan["forward"] else ""
    return about


def _values(about: Network, root: Any, x: Any, y: Any, lr: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what arguments stand for, and the values of those that have names of their own."""
    layout: Layout = LAYOUTS[about.plan["layout"]]
    targets = None if y is None else list(targets_of(layout, y, about.plan["is_index"]))[about.plan["form"]]
    values = {"x": layout.make(x), "lr": lr, "n": len(x), "batch": len(x), "reg": about.strength(len(x)), **about.moving}
    return values | ({} if y is None else {"y": targets}), dict(root) if isinstance(root, dict) else {}


def _answer(about: Network, name: str, root: Any, values: Mapping[str, Any], known: Mapping[str, Any], former: Any = None) -> Any:
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


def _back(about: Network, root: Any, x: Any, y: Any) -> Any:
    values, known = _values(about, root, x, y, 1.0)
    answer = _way_back(about, root, values, known)[0]
    about.note_loss(answer)
    return _gradients_in(about, answer)


def _way_back(about: Network, root: Any, values: Any, known: Any) -> tuple[Any, dict[str, Any]]:
    """Return the answer of the way back, after the way forward where there is one, and all names that are known then."""
    former = None
    if about.plan["forward"]:
        former = _answer(about, about.plan["forward"], root, values, known)
        known = {
            **known,
            **{name: value for name, value in _named_answer(about, about.plan["forward"], former).items() if name not in known},
        }
    answer = _answer(about, about.plan["back"], root, values, known, former)
    return answer, {**known, **_named_answer(about, about.plan["back"], answer)}


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
    names = []
    for layer in about.layers:
        names += [_last(place) for place in (layer.weight, layer.bias) if place is not None]
    return names


def _last(place: Place) -> str:
    return str(place[-1][1])


def _bound(about: Network) -> Network:
    """Return the network with its gradients or its step, in its module."""
    plan = about.plan

    def step(root: Any, x: Any, y: Any, lr: float) -> Any:
        values, known = _values(about, root, x, y, lr)
        answer, known = _way_back(about, root, values, known)
        changed = _answer(about, plan["update"], root, values, known, answer)
        if changed is None:
            return root
        names = returned(about.module, plan["update"])
        if isinstance(changed, tuple) and isinstance(root, dict) and len(names) == len(changed) and set(root) <= set(names):
            return {name: value for name, value in zip(names, changed, strict=True) if name in root}
        return changed[0] if isinstance(changed, tuple) else changed

    about.new = lambda x, y, lr: deepcopy(plan["root"])
    about.back = None if plan.get("update") else lambda root, x, y: _back(about, root, x, y)
    about.step = step if plan.get("update") else None
    if "output" in plan:
        about.run = _runner(about)
    return about


def _with_forward(about: Network, params: Any, x: Any) -> Network:
    """Find the function and the part of its answer that is the output."""
    candidates = [about.plan["forward"]] if about.plan["forward"] else [about.plan["back"]]
    for name in candidates:
        root = about.with_parameters(params, x, None, 1.0)
        values, known = _values(about, root, x, None, 1.0)
        function = getattr(about.module, name)
        known |= {each.name: None for each in parameters_of(function) if role(each.name) == "y"}
        try:
            answer = _answer(about, name, root, values, known)
        except Exception:
            continue
        parts = list(_parts(answer, ()))
        layout = LAYOUTS[about.plan["layout"]]
        wanted = (about.sizes[-1], len(x)) if layout.name == "columns" else (len(x), about.sizes[-1])
        fitting = [place for place, part in parts if np.shape(part) == wanted and numbers(part) is not None]
        if fitting:
            about.plan["output"] = (name, fitting[0] if isinstance(answer, np.ndarray) or _is_first(answer, wanted) else fitting[-1])
            about.run = _runner(about)
            return about
    return about


def _is_first(answer: Any, wanted: Any) -> bool:
    return isinstance(answer, tuple) and np.shape(answer[0]) == wanted and len(answer) == 2


def _parts(value: Any, place: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, np.ndarray):
        yield place, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _parts(each, (*place, key))
    elif isinstance(value, (tuple, list)):
        for key, each in enumerate(value):
            yield from _parts(each, (*place, key))


def _runner(about: Network) -> Callable[[Any, Any], Any]:
    def run(root: Any, x: Any) -> Any:
        name, place = about.plan["output"]
        values, known = _values(about, root, x, None, 1.0)
        function = getattr(about.module, name)
        known |= {each.name: None for each in parameters_of(function) if role(each.name) == "y"}
        value = _answer(about, name, root, values, known)
        for key in place:
            value = value[key]
        return LAYOUTS[about.plan["layout"]].back(value, len(x), about.sizes[-1])

    return run
