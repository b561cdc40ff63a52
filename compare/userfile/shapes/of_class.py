"""Find a network in a class: what makes an object of it, where its parameters lie, and which methods are its forward pass and its step."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np

from .arrays import chain, places
from .calls import LAYOUTS, Layout, UnfilledError, arrays_in, called, filled, numbers, parameters_of, returned, roles_of, targets_of
from .network import Network, assigned
from .spellings import ACTIVATION_NAMES, BACK, FORWARD, LOSS, STEP, UPDATE, plain, rank, rates, role

_INPUTS, _HIDDEN, _OUTPUTS = 4, (7, 6), 3
_RECORDS = 7
_MOMENTUM = re.compile(r"_?(momentum(_?(rate|factor|coef(ficient)?))?|mu)", re.IGNORECASE)
_DECAY = re.compile(r"_?(lr_?|learning_?rate_?)?decay(_?rate)?", re.IGNORECASE)
_ADAPTIVE = re.compile(r"_?(beta_?[12]|rho)", re.IGNORECASE)
_MOST = 8      # methods of unknown names, of which each two are tried as a way back and an update
_SIDE_EFFECT = re.compile(
    r"\b(open|input|plt|pyplot|pickle|os|sys|shutil|subprocess|requests|urllib|print)\b|\.(save|dump|load|to_csv|show)\w*\("
)
_FIXED_BIASES = re.compile(
    r"bias(es)?\W+((is|are|stays?|remains?|kept|not|never|left)\W+){1,3}(fixed|constant|frozen|unchanged|updated|trained|learn(ed|t))",
    re.IGNORECASE,
)
_FORMS = 3      # of targets; those above are of records that are handed over in pairs


def networks(module: Any, options: Mapping[str, str]) -> Iterator[Network]:
    """Yield the networks of the module's classes whose methods have usual names, the most likely first."""
    for each in _classes(module, options):
        if _likeness(each) or "class" in options:
            network = _network(module, each, options)
            if network is not None:
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


def _likeness(each: type) -> int:
    names = _methods(each)
    return int(any(rank(name, FORWARD) >= 0 for name in names)) + 2 * int(
        any(rank(name, STEP) >= 0 or rank(name, BACK) >= 0 for name in names)
    )


def _methods(each: type) -> list[str]:
    found = [name for name, value in inspect.getmembers(each) if callable(value) and (not name.startswith("__") or name == "__call__")]
    return [name for name in found if not inspect.isclass(getattr(each, name))]


def _network(module: Any, each: type, options: Mapping[str, str], is_by_name: bool = True) -> Network | None:
    """Return the network of the class, by the first way of making an object whose parameters follow one another and take a step."""
    seen: set[tuple[int, ...]] = set()
    only = 1 if _has_one_output(module, each) else None
    for number, (sizes, new), activation in _made(module, each, only):
        try:
            root = new(np.ones((_RECORDS, sizes[0])), np.ones((_RECORDS, sizes[-1])), 0.5)
        except Exception:
            continue
        names = [options[key].split(",") if key in options else [] for key in ("weights", "biases")]
        found = chain(root, sizes, *names, is_by_name=is_by_name) or chain(root, None, *names, is_by_name=is_by_name)
        if found is None or found[0] in seen:
            continue
        seen.add(found[0])
        about = Network(module, "", "", found[0], found[1], new, plan={"class": each.__name__, "maker": number, "only": only})
        about.plan["activation"] = activation
        about.is_made_of_data = {"x", "y"} & set(roles_of(each, constructs=True).values()) != set()
        if _completed(about, each, options, is_by_name):
            return about
    return None


def rebuilt(module: Any, network: Network) -> Network:
    """Return the same network in the module of the file that is loaded anew."""
    plan, each = network.plan, getattr(module, network.plan["class"])
    _, new = next(islice(makers(each, plan["only"], plan["activation"], network.moving), plan["maker"], None))
    about = replace(network, module=module, new=new, _last=None, _kept=None)
    if "forward" in plan:
        about.run = _runner(plan["forward"][0], LAYOUTS[plan["forward"][1]], about.sizes[-1])
    for key, make in (("step", _stepper), ("back", _backer)):
        if key in plan:
            sequence, layout, is_index, form = plan[key]
            setattr(about, key, make(about, sequence, LAYOUTS[layout], is_index, form))
    if "cost" in plan:
        owner, name, layout = plan["cost"]
        about.cost = _coster(about, owner, name, LAYOUTS[layout])
    return about


def _has_one_output(module: Any, each: type) -> bool:
    """Return whether the file itself makes such objects with one output alone: what is right for one need not be for three."""
    calls = [
        node
        for node in ast.walk(module.__tree__)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == each.__name__
    ]
    stands = roles_of(each, constructs=True)
    found = []
    for call in calls:
        given = [
            *zip(stands, call.args, strict=False),
            *((keyword.arg, keyword.value) for keyword in call.keywords if keyword.arg in stands),
        ]
        for name, value in given:
            if stands[name] == "sizes" and isinstance(value, (ast.List, ast.Tuple)) and value.elts:
                found.append(ast.unparse(value.elts[-1]))
            elif stands[name] == "outputs":
                found.append(ast.unparse(value))
    return bool(found) and set(found) == {"1"}


def _made(module: Any, each: type, only: int | None) -> Iterator[tuple[int, tuple[tuple[int, ...], Any], str | None]]:
    """Yield the makers, numbered, with an activation by name where one has to be given, of those that the file names."""
    own = [parameter for parameter in parameters_of(each) if role(parameter.name, constructs=True) == "activation"]
    names = activation_names(module) if any(parameter.default is parameter.empty for parameter in own) else [None]
    for activation in names:
        yield from ((number, made, activation) for number, made in enumerate(makers(each, only, activation)))


def activation_names(module: Any) -> list[Any]:
    """Return the names of activations that the file has as strings, as it spells them."""
    strings = [node.value for node in ast.walk(module.__tree__) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return list(dict.fromkeys(each for each in strings if plain(each) in ACTIVATION_NAMES))


def takes_activation(network: Network) -> bool:
    """Return whether an object of the network's class is made with an activation by name."""
    each = getattr(network.module, network.plan.get("class", ""), None)
    own = [parameter for parameter in parameters_of(each) if role(parameter.name, constructs=True) == "activation"] if each else []
    return any(parameter.default is parameter.empty or isinstance(parameter.default, str) for parameter in own)


def makers(
    each: Any, only: int | None = None, activation: str | None = None, moving: Mapping[str, float] = MappingProxyType({})
) -> Iterator[tuple[tuple[int, ...], Callable[[Any, Any, float], Any]]]:
    """Yield sizes, and a function that makes an object with them, and with data, a learning rate and a momentum where it takes these."""
    stands = roles_of(each, constructs=True)
    roles = list(stands.values())
    own = [name for name, what in stands.items() if what == "hidden"]
    unknown = [each.name for each in parameters_of(each) if stands[each.name] is None and each.default is each.empty]
    tried: list[tuple[tuple[int, ...], dict[str, Any]]] = []
    for k in (_OUTPUTS, 1) if only is None else (only,):
        deep, flat = (_INPUTS, *_HIDDEN, k), (_INPUTS, _HIDDEN[1], k)
        if "sizes" in roles:
            tried += [(sizes, {"sizes": list(sizes)}) for sizes in (deep, flat)]
        if "hiddens" in roles:
            tried += [
                (deep, {"hiddens": list(_HIDDEN), "inputs": _INPUTS, "outputs": k}),
                (flat, {"hiddens": _HIDDEN[1], "inputs": _INPUTS, "outputs": k}),
            ]
            tried += [(flat, {"hiddens": [_HIDDEN[1]], "inputs": _INPUTS, "outputs": k})]
        if len(unknown) == 1 and not tried:      # all sizes, by another name
            tried += [(sizes, {unknown[0]: list(sizes)}) for sizes in (deep, flat)]
        if {"inputs", "hidden", "outputs"} & set(roles) or not tried:
            units = _HIDDEN[: len(own)] if len(own) > 1 else (_HIDDEN[1],)
            tried.append(((_INPUTS, *units, k), {"inputs": _INPUTS, "outputs": k, "hidden": units[0]}))
    for sizes, values in tried:
        known = dict(zip(own, sizes[1:-1], strict=False)) if len(own) > 1 else {}
        known |= {name: value for name, value in values.items() if name in unknown}
        if unknown and len(unknown) == len(sizes):      # all of them counts, by other names
            known |= dict(zip(unknown, sizes, strict=True))
        yield sizes, _maker(each, {**values, **({} if activation is None else {"activation": activation}), **moving}, known)


def _maker(each: type, values: Mapping[str, Any], known: Mapping[str, Any]) -> Callable[[Any, Any, float], Any]:
    def new(x: Any, y: Any, lr: float) -> Any:
        root = called(each, filled(each, {**values, "lr": lr, "x": np.array(x), "y": np.array(y)}, known, constructs=True))
        return root

    return new


def set_rate(root: Any, module: Any, lr: float) -> None:
    """Set the learning rate where the object, its class or the module has one."""
    for owner in (root, type(root), module):
        values = vars(owner)
        names = rates(name for name in values if isinstance(values[name], (int, float)) and not isinstance(values[name], bool))
        if names:
            for name in names:
                setattr(root if owner is type(root) else owner, name, lr)
            return


def made_plain(root: Any, momentum: float = 0.0, depth: int = 3) -> list[str]:
    """Set momentum, and a decay of the rate to 0, in the object and those in it, and return the names of those that were not 0.

    Raises TypeError for an optimiser that is no plain descent without them, such as Adam.
    """
    found = []
    values = list(root.values()) if isinstance(root, dict) else list(root) if isinstance(root, (list, tuple)) else [root]
    for value in values if depth else ():
        if isinstance(value, (dict, list, tuple)):
            found += made_plain(value, momentum, depth - 1)
        elif hasattr(value, "__dict__") and not isinstance(value, (type, ModuleType)) and not inspect.isroutine(value):
            for name, kept in list(vars(value).items()):
                if _ADAPTIVE.fullmatch(name):
                    raise TypeError(f"{type(value).__name__} has {name}; expected plain descent")
                is_number = isinstance(kept, (int, float)) and not isinstance(kept, bool)
                is_momentum = _MOMENTUM.fullmatch(name) is not None
                if is_number and (is_momentum or _DECAY.fullmatch(name)):
                    setattr(value, name, momentum if is_momentum else 0.0)
                    found += [name] if kept else []
            found += made_plain(vars(value), momentum, depth - 1)
    return found


def set_penalty(root: Any, strength: float) -> None:
    """Set the strength of a regularisation where the object keeps one."""
    for name, value in list(vars(root).items()):
        if role(name) == "reg" and isinstance(value, float if name in ("l2", "lam") else (int, float)) and not isinstance(value, bool):
            setattr(root, name, strength)


def _completed(about: Network, each: type, options: Mapping[str, str], is_by_name: bool) -> bool:
    """Find the forward pass and the step of the network; return whether it has a step, or gradients."""
    generator = np.random.default_rng(2)
    x, y = generator.normal(size=(_RECORDS, about.sizes[0])), about.drawn_targets()
    params = [generator.normal(size=shape, scale=0.7) for shape in about.shapes()]

    def fresh(rows: Any = x, targets: Any = y, lr: float = 0.5) -> Any:
        root = about.with_parameters(params, rows, targets, lr)
        set_rate(root, about.module, lr)
        return root

    names = _methods(each)
    others = [] if is_by_name else [name for name in names if _is_arithmetic(getattr(each, name))]
    forward = _forward(about, names, others, options, fresh, x)
    _place_bias(about, fresh, x)
    layouts = _ordered(forward[1] if forward else None)
    by_forward = forward[0] if forward else None
    chosen = _step(about, names, others, options, fresh, (x, y), layouts, by_forward)
    if chosen is None or (not is_by_name and about.has_bias and not _depends_on_biases(about, fresh, x)):
        return False
    how = dict.fromkeys([chosen] if by_forward is None else [chosen, by_forward])
    about.said = f"a class {each.__name__} with {' and '.join(how)}"
    weights = ",".join(dict.fromkeys(str(next(key for _, key in layer.weight if isinstance(key, str))) for layer in about.layers))
    about.option = f"--class {each.__name__} --weights {weights} --step {chosen.replace(', ', ',')}" + (
        f" --forward {by_forward}" if by_forward else ""
    )
    if about.step is not None:
        about.learn_limits()
        _leave_out_fixed_biases(about)
        params[:] = [array for array in params if array.ndim > 1 or not about.fixed]
    if about.is_random and (back := _gradients(about, names, fresh, (x, y), layouts, by_forward)) is not None:
        about.step, about.is_random, about.has_rate = None, False, True      # records drawn at random show no batch
        del about.plan["step"]
        about.said, about.option = (
            f"a class {each.__name__} with {' and '.join(dict.fromkeys([back, *([by_forward] if by_forward else [])]))}",
            about.option.replace(f"--step {chosen}", f"--step {back}"),
        )
    _find_cost(about, names, fresh, layouts[0], x, y)
    return True


def _ordered(first: Layout | None) -> list[Layout]:
    every = list(LAYOUTS.values())
    return every if first is None else [first, *(each for each in every if each is not first)]


def _is_arithmetic(method: Any) -> bool:
    """Return whether the method may be called to see what it does: it neither writes files, nor plots, nor asks."""
    try:
        return _SIDE_EFFECT.search(inspect.getsource(method)) is None
    except (OSError, TypeError):
        return False


def _forward(
    about: Network, names: list[str], others: list[str], options: Mapping[str, str], fresh: Callable[..., Any], x: Any
) -> tuple[str, Layout] | None:
    """Set the network's forward pass to the first method that returns an output, in the first layout that it takes."""
    ranked = (
        [options["forward"]]
        if "forward" in options
        else sorted((each for each in names if rank(each, FORWARD) >= 0), key=lambda each: rank(each, FORWARD))
    )
    for name in dict.fromkeys([*ranked, *others]):
        for layout in LAYOUTS.values():
            run = _runner(name, layout, about.sizes[-1])
            try:
                output = run(fresh(), x)
                if output is None or (name not in ranked and np.allclose(output, run(_halved(about, fresh()), x))):
                    continue      # an output depends on the weights
                if (
                    layout.is_whole and not np.allclose(np.vstack([run(fresh(x[i : i + 1]), x[i : i + 1]) for i in range(len(x))]), output)
                ):
                    continue
            except Exception:
                continue
            about.run = run
            about.plan["forward"] = name, layout.name
            return name, layout
    return None


def _depends_on_biases(about: Network, fresh: Callable[..., Any], x: Any) -> bool:
    """Return whether the output depends on every bias that was found by its shape alone."""
    if about.run is None:
        return False
    one = about.run(fresh(), x)
    for at, shape in enumerate(about.shapes()):
        if len(shape) == 1:
            root = fresh()
            arrays = [array + (number == at) for number, array in enumerate(about.parameters(root))]
            if np.allclose(one, about.run(about.written(root, arrays), x)):
                return False
    return True


def _place_bias(about: Network, fresh: Callable[..., Any], x: Any) -> None:
    """Take the last column for the bias where the output of a record of zeros does not depend on the first."""
    if about.run is None or about.layers[0].within is None:
        return
    root = fresh()
    moved = [array + (number == 1) for number, array in enumerate(about.parameters(root))]
    if np.allclose(about.run(fresh(), 0 * x), about.run(about.written(root, moved), 0 * x)):
        other = "last" if about.layers[0].within == "first" else "first"
        about.layers = [replace(layer, within=other) for layer in about.layers]


def _leave_out_fixed_biases(about: Network) -> None:
    """Set biases that the file says are not trained, and that no step changes, to 0, and compare the others' training."""
    before, after, _, _ = about.tried()
    pairs = [(one, two) for one, two in zip(before, after, strict=True) if one.ndim == 1]
    if not pairs or not all(np.array_equal(*each) for each in pairs) or about.layers[0].within is not None:
        return
    if not _FIXED_BIASES.search(Path(about.module.__file__).read_text(encoding="utf-8", errors="replace")):
        return
    about.fixed = list(about.layers)
    about.layers = [replace(layer, bias=None) for layer in about.layers]
    about.notes.append("its biases are not trained, as it says: they are 0 here, and the weights alone are compared")


def _halved(about: Network, root: Any) -> Any:
    """Return the root with its parameters halved."""
    return about.written(root, [array / 2 for array in about.parameters(root)])


def _runner(name: str, layout: Layout, units: int) -> Callable[[Any, Any], Any]:
    def run(root: Any, x: Any) -> Any:
        method = getattr(root, name)
        if layout.is_whole:
            return _output(root, called(method, filled(method, {"x": layout.make(x)})), layout, len(x), units)
        rows = [_output(root, called(method, filled(method, {"x": layout.make(row)})), layout, 1, units) for row in x]
        return None if any(row is None for row in rows) else np.vstack(rows)

    return run


def _output(root: Any, answer: Any, layout: Layout, n: int, units: int) -> Any:
    """Return the output as rows: what was returned, the last of several arrays, or what the object keeps by such a name."""
    parts = [answer] if isinstance(answer, np.ndarray) or not isinstance(answer, (tuple, list)) else [answer, *reversed(answer)]
    if answer is None:
        parts = [value for name, value in vars(root).items() if role(name) == "output"][::-1]
    for part in parts:
        if isinstance(part, (list, tuple)) and part and isinstance(part[-1], np.ndarray):
            part = part[-1]
        rows = layout.back(part, n, units)
        if rows is not None:
            return rows
    return None


def _step(
    about: Network,
    names: list[str],
    others: list[str],
    options: Mapping[str, str],
    fresh: Callable[..., Any],
    data: Any,
    layouts: list[Layout],
    forward: str | None,
) -> str | None:
    """Set the network's step, or its gradients, by the first calls that change the parameters, or return as many; return their names."""
    x, y = data
    before = about.parameters(fresh())
    wanted = options["step"].split(",") if "step" in options else None
    ranked = sorted((each for each in names if rank(each, STEP) >= 0 and each != forward), key=lambda each: rank(each, STEP))
    back = sorted(
        (each for each in names if rank(each, BACK) >= 0 and (each != forward or rank(each, LOSS) >= 0)), key=lambda each: rank(each, BACK)
    )
    updates = sorted((each for each in names if rank(each, UPDATE) >= 0), key=lambda each: rank(each, UPDATE))
    sequences = [wanted] if wanted else [[each] for each in ranked]
    if not wanted:
        sequences += [[one, other] for one in back for other in updates if one != other]
        others = [name for name in others if name not in ranked and name != forward]
        sequences += [[each] for each in others]
        sequences += [[one, other] for one in others for other in others if one != other and len(others) < _MOST]
    for sequence in sequences:
        for layout in layouts:
            for is_index in (False, True):
                for first in ((), (forward,)) if forward else ((),):
                    for form in (*range(_FORMS), *(range(_FORMS, 2 * _FORMS) if layout.name == "rows" else ())):
                        step = _stepper(about, (*first, *sequence), layout, is_index, form)
                        rows = slice(None) if layout.is_whole else slice(1)
                        try:
                            root = step(fresh(x[rows], y[rows]), x[rows], y[rows], 0.5)
                            after = about.parameters(root)
                            if [array.shape for array in after] != [array.shape for array in before]:
                                continue
                        except Exception:
                            continue
                        if any(not np.array_equal(a, b) for a, b in zip(before, after, strict=True)) and all(
                            np.isfinite(a).all() for a in after
                        ):
                            about.step, about.is_index, about.is_single = step, is_index, not layout.is_whole
                            about.plan["step"] = (*first, *sequence), layout.name, is_index, form
                            return ", ".join(sequence)
    return _gradients(
        about, [wanted[0]] if wanted else list(dict.fromkeys([*back, *ranked, *others])), fresh, data, layouts, forward
    )


def _stepper(about: Network, sequence: tuple[str, ...], layout: Layout, is_index: bool, form: int) -> Callable[..., Any]:
    """Return a step that calls these methods one after the other, each with what it has arguments for."""

    def step(root: Any, x: Any, y: Any, lr: float) -> Any:
        set_rate(root, about.module, lr)
        set_penalty(root, about.strength(len(x)))
        about.note_plain(made_plain(root, about.plan.get("momentum", 0.0)))
        _sequence(about, root, sequence, layout, is_index, form, x, y, lr)
        return root

    return step


def _sequence(
    about: Network, root: Any, sequence: tuple[str, ...], layout: Layout, is_index: bool, form: int, x: Any, y: Any, lr: float
) -> Any:
    is_paired, form = form >= _FORMS, form % _FORMS
    if layout.is_whole:
        given = layout.make(x)
        targets = list(targets_of(layout, y, is_index))[form]
    else:
        given, targets = layout.make(x[0]), list(targets_of(layout, y[0], is_index))[form]
    single = LAYOUTS["column"] if form == 0 else LAYOUTS["vector"]
    pairs = [(single.make(one), single.make(other)) for one, other in zip(x, y, strict=True)]
    values: dict[str, Any] = {
        "x": given,
        "y": targets,
        "lr": lr,
        "n": len(x),
        "pairs": pairs,
        "batch": len(x),
        "reg": about.strength(len(x)),
        **about.moving,
    }
    answer: Any = None
    parts: dict[str, Any] = {}      # of the answers, by the names that they are returned by
    for name in sequence:
        method = getattr(root, name)
        known = {"grads": answer, "gradients": answer, "cache": answer, "caches": answer, "delta": answer}
        own = values | {"x": pairs} if is_paired and "y" not in roles_of(method).values() else values
        answer = called(method, filled(method, own, parts if answer is None else known | parts))
        names = returned(about.module, name)
        if isinstance(answer, tuple) and len(names) == len(answer):
            parts |= {key: value for key, value in zip(names, answer, strict=True) if key and role(key) not in ("x", "y", "lr")}
        if rank(name, FORWARD) >= 0:
            values["output"] = answer if not isinstance(answer, tuple) else answer[0]
    return answer


def _gradients(
    about: Network, names: list[str], fresh: Callable[..., Any], data: Any, layouts: list[Layout], forward: str | None
) -> str | None:
    x, y = data
    for name in names:
        for layout in layouts:
            for is_index in (False, True):
                for first in ((), (forward,)) if forward and forward != name else ((),):
                    for form in range(_FORMS):
                        back = _backer(about, (*first, name), layout, is_index, form)
                        rows = slice(None) if layout.is_whole else slice(1)
                        try:
                            found = back(fresh(x[rows], y[rows]), x[rows], y[rows])
                        except Exception:
                            continue
                        if found is not None:
                            about.back, about.is_index, about.is_single = back, is_index, not layout.is_whole
                            about.plan["back"] = (*first, name), layout.name, is_index, form
                            return name
    return None


def _backer(about: Network, sequence: tuple[str, ...], layout: Layout, is_index: bool, form: int) -> Callable[..., Any]:
    def back(root: Any, x: Any, y: Any) -> Any:
        before = {id(array) for _, array in places(root)}
        set_penalty(root, about.strength(len(x)))
        answer = _sequence(about, root, sequence, layout, is_index, form, x, y, 1.0)
        about.note_loss(answer)
        found = assigned(arrays_in(answer), about.shapes(), about.layers)
        if found is None:      # kept in the object
            kept = [array for place, array in places(root) if id(array) not in before]
            found = assigned(kept, about.shapes(), about.layers)
        return found

    return back


def _find_cost(about: Network, names: list[str], fresh: Callable[..., Any], layout: Layout, x: Any, y: Any) -> None:
    """Set the loss to the first method, or function of the module, that returns one number for an output and targets."""
    if about.run is None:
        return
    output = about.run(fresh(), x)
    for owner in ("root", "module"):
        offered = names if owner == "root" else [name for name, value in vars(about.module).items() if inspect.isfunction(value)]
        for name in sorted((each for each in offered if rank(each, LOSS) >= 0), key=lambda each: rank(each, LOSS)):
            cost = _coster(about, owner, name, layout)
            with np.errstate(all="ignore"):
                try:
                    value = numbers(cost(fresh(), output, y))
                except Exception:
                    continue
            if value is not None and value.size == 1:
                about.cost = cost
                about.plan["cost"] = owner, name, layout.name
                return


def _coster(about: Network, owner: str, name: str, layout: Layout) -> Callable[..., Any]:
    def cost(root: Any, output: Any, y: Any) -> Any:
        function = getattr(root if owner == "root" else about.module, name)
        stands = roles_of(function)
        if sorted(what for what in stands.values() if what in ("y", "output", "x")) != ["output", "y"]:
            raise UnfilledError(f"{name} takes {', '.join(stands)}; expected an output and targets")
        whole = layout if layout.is_whole else LAYOUTS["rows"]
        return called(function, filled(function, {"output": whole.make(output), "y": whole.make(y)}))

    return cost
