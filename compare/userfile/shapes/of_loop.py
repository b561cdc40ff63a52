"""Find a network in a loop that trains: the names that it carries from pass to pass are the parameters, others are data and the rate."""

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from .arrays import Layer, chain, get, places, put
from .calls import LAYOUTS, Layout, targets_of
from .making import makers
from .network import Network
from .settings import made_plain, set_penalty, set_rate
from .spellings import fits_parameter, is_bias, role
from .target_shape import is_vector
from .training_loop import Loop, loops, stored

_INPUTS, _OUTPUTS, _RECORDS = 5, 3, 11
_HIDDEN = (7, 6, 8)
_PASSES = 100      # that a loop is said to make, of which it makes one


def networks(module: Any, options: Mapping[str, str]) -> Iterator[Network]:
    """Yield the networks of the file's loops that train, the outermost loop first."""
    if {"class", "step"} & options.keys():
        return
    for number, loop in enumerate(loops(module.__tree__)):
        found = _network(module, loop, number, options)
        if found is not None:
            yield found


def rebuilt(module: Any, network: Network) -> Network:
    """Return the same network in the module of the file that is loaded anew."""
    loop = list(loops(module.__tree__))[network.plan["loop"]]
    return _bound(replace(network, module=module, _last=None, _kept=None), loop)


def _network(module: Any, loop: Loop, number: int, options: Mapping[str, str]) -> Network | None:
    """Return the network whose parameters the loop carries, if a pass changes them."""
    carried = [name for name in loop.carried if role(name) not in ("lr", "epochs", "x", "y")]
    data = {
        what: [name for name in loop.read if role(name) == what and name not in carried and not inspect.isroutine(vars(module).get(name))]
        for what in ("x", "y")
    }
    if "weights" in options:
        wanted = [*options["weights"].split(","), *options.get("biases", "").split(",")]
        carried = [name for name in carried if name in wanted] or carried
    if loop.owner is not None:
        made = _before(loop)
        data = {what: [name for name in made if role(name) == what] for what in ("x", "y")}
        given = _arguments(module, loop)      # what the method itself makes of them need not be given
        data = {what: [name for name in names if name in given] or names for what, names in data.items()}
        carried = ["self"]
    if not data["x"] or not data["y"]:
        return None
    changed = [name for name in loop.read if role(name) is None and not _is_code(vars(module).get(name)) and name not in carried]
    for names in (carried, changed if loop.owner is None else []):      # objects that a pass changes need not be assigned
        about = _carrying(module, loop, number, names, data) if names else None
        if about is not None:
            return about
    return None


def _is_code(value: Any) -> bool:
    return inspect.isroutine(value) or inspect.isclass(value) or inspect.ismodule(value)


def _carrying(module: Any, loop: Loop, number: int, carried: list[str], data: Mapping[str, list[str]]) -> Network | None:
    """Return the network whose parameters lie in these names, by the first layout of the records that fits."""
    text = ast.unparse(loop.node)
    frames = [name for name in (*data["x"], *data["y"]) if re.search(rf"\b{name}\.(values|iloc|loc|iterrows|to_numpy|columns)\b", text)]
    rates = [name for name in loop.read if role(name) == "lr" and name not in carried]
    batches, passes, penalties, momenta = (
        [name for name in loop.read if role(name) == what and name not in carried] for what in ("batch", "epochs", "reg", "momentum")
    )
    momenta = [name for name in momenta if re.search(rf"(?m)^\s*_?(v|m|prev|delta)\w*[\w\[\].]* = .*\b{name}\b", text)]
    unnamed = [] if rates else _constants(loop, carried)
    for layout in (LAYOUTS["rows"], LAYOUTS["columns"], LAYOUTS["stack"]):
        for k in (_OUTPUTS, 1, 10, 2):
            for is_index in (False, True):
                plan = {
                    "loop": number,
                    "carried": carried,
                    **data,
                    "rates": rates,
                    "batches": batches,
                    "passes": passes,
                    "penalties": penalties,
                    "momenta": momenta,
                    "frames": frames,
                    "layout": layout.name,
                    "is_index": is_index,
                    "form": 0,
                }
                about = _tried(module, loop, plan, layout, k)
                if about is None:
                    continue
                for name in unnamed if not about.has_rate and loop.owner is None else ():
                    other = _tried(module, loop, {**plan, "rates": [name]}, layout, k)
                    if other is not None and other.is_proportional():
                        return other
                return about
    return None


def _constants(loop: Loop, carried: list[str]) -> list[str]:
    """Return the names that a pass reads, and that hold a fraction that is written out: one may be the rate, whatever its name."""
    assigned = [each for statement in loop.before for each in ast.walk(statement) if isinstance(each, ast.Assign)]
    fractions = [each for each in assigned if isinstance(each.value, ast.Constant) and isinstance(each.value.value, float)]
    names = {target.id for each in fractions for target in each.targets if isinstance(target, ast.Name)}
    return [name for name in loop.read if name in names and name not in carried and role(name) is None]


def _tried(module: Any, loop: Loop, plan: dict[str, Any], layout: Layout, k: int) -> Network | None:
    """Return the network by that plan, with sizes of our own where it takes these."""
    generator = np.random.default_rng(3)
    x, y = generator.normal(size=(_RECORDS, _INPUTS)), np.eye(k)[np.resize(np.arange(k), _RECORDS)]
    y = y if k > 1 else np.resize([0.0, 1.0], (_RECORDS, 1))
    space = _space(module, plan, x, y, 0.5)
    if loop.owner is not None:
        try:
            space["self"] = _object(module, loop.owner, x, y)
        except TypeError:
            return None
    for name in plan["carried"] if loop.owner is None else ():      # what an earlier try has left
        space.pop(name, None)
    try:
        exec(loop.code(module.__file__, _given(plan), plan["carried"], runs=False), space)
    except Exception:
        return None
    root = {
        name: space[name]
        for name in plan["carried"]
        if name in space and not callable(space[name]) and any(True for _ in places(space[name]))
    }
    if not root or chain(root, None) is None:
        root = _supposed(plan["carried"], layout, k)
    found = chain(root, None)
    if found is None:
        return None
    sizes, layers = found
    if _RECORDS in sizes:      # the records are taken for units: they are laid out the other way
        return None
    if sizes[-1] != k and not (sizes[-1] > 1 and k == _OUTPUTS):      # what is right for one output need not be for three
        return None
    own = [(_INPUTS, *_HIDDEN[: len(sizes) - 2], k)] + ([(_INPUTS, *sizes[1:]), sizes] if sizes[-1] == k else [])
    for units in dict.fromkeys(own):
        for form in _forms(loop, plan["y"]) if k == 1 else (0,):
            about = Network(
                module, "", "", units, layers, lambda x, y, lr: None, plan={**plan, "form": form, "root": _emptied(root, layers, units)}
            )
            about.is_index = plan["is_index"]
            about = _bound(about, loop)
            try:
                about.learn_limits()
                before, after, _, _ = about.tried()
            except Exception:
                continue
            if all(np.isfinite(array).all() for array in after) and any(
                not np.array_equal(a, b) for a, b in zip(before, after, strict=True)
            ):
                _find_output(about, loop)
                where = "at top level" if loop.function is None else f"in {loop.owner + '.' if loop.owner else ''}{loop.function}"
                about.said = f"a loop that trains {where}, with {', '.join(_names(layers))}"
                about.option = f"--weights {','.join(_names(layers))}"
                return about
    return None


def _forms(loop: Loop, targets: list[str]) -> tuple[int, ...]:
    """Return the forms of targets of one output in the order to be tried: a column, or first a vector where the file makes one."""
    return (1, 0) if any(is_vector([*loop.before, loop.node], name) for name in targets) else (0, 1)


def _supposed(carried: list[str], layout: Layout, k: int) -> dict[str, Any]:
    """Return arrays as such names usually have them: where what they start from cannot be made, as its data is not there."""
    weights = sorted((name for name in carried if fits_parameter(name) == 2 and not is_bias(name)), key=_number)
    biases = sorted((name for name in carried if is_bias(name) and fits_parameter(name)), key=_number)
    sizes = (_INPUTS, *_HIDDEN[: max(0, len(weights) - 1)], k)
    is_column = layout.name == "columns"
    root: dict[str, Any] = {}
    for name, units_in, units in zip(weights, sizes, sizes[1:], strict=False):
        root[name] = np.ones((units, units_in) if is_column else (units_in, units))
    for name, units in zip(biases, sizes[1:], strict=False):
        root[name] = np.ones((units, 1) if is_column else (1, units))
    return root


def _number(name: str) -> int:
    return int("".join(each for each in name if each.isdigit()) or 0)


def _before(loop: Loop) -> list[str]:
    """Return the names that a method reads before and in its loop, such as its arguments."""
    statements = [*loop.before, loop.node]
    return sorted(
        {node.id for each in statements for node in ast.walk(each) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    )


def _arguments(module: Any, loop: Loop) -> list[str]:
    """Return the names of the arguments of the method that the loop is in."""
    owners = [each for each in module.__tree__.body if isinstance(each, ast.ClassDef) and each.name == loop.owner]
    methods = [each for owner in owners for each in owner.body if isinstance(each, ast.FunctionDef) and each.name == loop.function]
    return [arg.arg for each in methods for arg in each.args.args]


def _object(module: Any, owner: str, x: Any, y: Any) -> Any:
    """Return an object of the class, made with sizes of our own where it takes these."""
    for _, new in makers(getattr(module, owner), y.shape[-1]):
        try:
            return new(x, y, 0.5)
        except Exception:
            continue
    raise TypeError(f"{owner} cannot be made")


def _names(layers: list[Layer]) -> list[str]:
    return list(dict.fromkeys(str(layer.weight[-1][1]) for layer in layers))


def _emptied(root: Any, layers: list[Layer], units: Any) -> Any:
    """Return the root's values with arrays of zeros in the shapes of these units."""
    root = deepcopy(root)
    for number, layer in enumerate(layers, start=1):
        units_in, units_out = units[number - 1] + (layer.within is not None), units[number]
        shape: tuple[int, ...] = (units_out, units_in) if layer.is_out_in else (units_in, units_out)
        root = put(root, layer.weight, np.zeros(shape if np.ndim(get(root, layer.weight)) == 2 else units_in))
        if layer.bias is not None:
            root = put(root, layer.bias, np.zeros(_bias_shape(np.shape(get(root, layer.bias)), units_out)))
    return root


def _bias_shape(there: tuple[int, ...], units: int) -> tuple[int, ...]:
    """Return the shape of a bias of so many units that is laid out as the one that is there."""
    at = next((i for i, size in enumerate(there) if size > 1), len(there) - 1)
    return tuple(units if i == at else 1 for i in range(len(there)))


def _given(plan: Mapping[str, Any]) -> list[str]:
    return [*plan["x"], *plan["y"], *plan["rates"], *plan["batches"], *plan["passes"], *plan["penalties"], *plan["momenta"]]


def _space(module: Any, plan: Mapping[str, Any], x: Any, y: Any, lr: float, strength: float = 0.0) -> dict[str, Any]:
    """Return the module's names, with the data, the rate and the batch size that are given."""
    layout = LAYOUTS[plan["layout"]]
    targets = list(targets_of(layout, y, plan["is_index"]))[plan["form"]]
    space: dict[str, Any] = vars(module)
    space.update({name: layout.make(x) for name in plan["x"]} | {name: np.array(targets) for name in plan["y"]})
    for name in plan["frames"]:
        space[name] = pd.DataFrame(space[name]) if np.ndim(space[name]) == 2 else pd.Series(space[name])
    space.update(dict.fromkeys(plan["rates"], lr) | dict.fromkeys(plan["batches"], len(x)) | dict.fromkeys(plan["passes"], _PASSES))
    space.update(dict.fromkeys(plan["penalties"], strength) | dict.fromkeys(plan["momenta"], plan.get("momentum", 0.0)))
    return space


def _bound(about: Network, loop: Loop) -> Network:
    """Return the network with its step, and its forward pass if its output was found, in its module."""
    plan, module, momentum = about.plan, about.module, about.plan.get("momentum", 0.0)
    code = loop.code(module.__file__, [*_given(plan), *plan["carried"]], plan["carried"], runs=True)
    others = loop.code(module.__file__, _given(plan), plan["carried"], runs=False)

    def passed(root: Any, x: Any, y: Any, lr: float) -> Any:
        space = _space(module, plan, x, y, lr, about.strength(len(x)))
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
        about.note_plain(made_plain({name: space[name] for name in loop.read if name in space and not _is_code(space[name])}, momentum))
        exec(code, space)
        return space

    def new(x: Any, y: Any, lr: float) -> Any:
        return deepcopy(plan["root"])

    def step(root: Any, x: Any, y: Any, lr: float) -> Any:
        space = passed(root, x, y, lr)
        return {name: space[name] for name in root}

    about = replace(about, new=new, step=step)
    if "output" in plan:
        about.run = _runner(passed, plan, about.sizes[-1])
    return about


def _runner(passed: Any, plan: Mapping[str, Any], units: int) -> Any:
    def run(root: Any, x: Any) -> Any:
        y = np.eye(units)[(units - 1 - np.arange(len(x))) % units] if units > 1 else np.resize([0.0, 1.0], (len(x), 1))
        return LAYOUTS[plan["layout"]].back(_value(passed(root, x, y, 0.0), plan["output"]), len(x), units)

    def run_each(root: Any, x: Any) -> Any:
        rows = [run(root, record[None, :]) for record in x]
        return None if any(row is None for row in rows) else np.vstack(rows)

    return run_each if plan["layout"] == "stack" else run


def _value(space: Mapping[str, Any], place: Any) -> Any:
    value: Any = space
    for _, key in place:
        value = value[key]
    return value


def _find_output(about: Network, loop: Loop) -> None:
    """Set the forward pass to the array that a pass compares with the targets: the last of that shape before they are used."""
    plan = about.plan
    generator = np.random.default_rng(4)
    n, units = 1 if about.is_single else _RECORDS, about.sizes[-1]
    x, y = generator.normal(size=(n, about.sizes[0])), about.drawn_targets(n)
    params = [generator.normal(size=shape, scale=0.7) for shape in about.shapes()]
    assert about.step is not None
    about.step(about.with_parameters(params, x, y, 0.0), x, y, 0.0)
    made = [name for name in _order(loop) if name in vars(about.module) and name not in plan["carried"]]
    layout = LAYOUTS[plan["layout"]]
    found = []
    for name in made:
        for place, array in places({name: vars(about.module)[name]}):
            wanted = (n, units) if layout.name == "rows" else (units, n)
            if np.shape(array) in (wanted, (n,) if units == 1 else wanted) and np.asarray(array).dtype.kind == "f":
                found.append((name, place))
    values = {place: np.array(_value(vars(about.module), place), dtype=float) for _, place in found}
    about.step(about.with_parameters(params, x, y, 0.0), x, np.roll(y, 1, axis=0) if n > 1 else 1 - y, 0.0)
    found = [each for each in found if _is_unchanged(about.module, each[1], values[each[1]])]      # an output depends on no targets
    targets = {*plan["y"], *_inner_targets(loop, set(plan["y"]))}
    first = _first_use(loop, targets) - targets
    before = [place for name, place in found if name in first]
    if before:
        about.plan["output"] = before[-1]
        about.run = _bound(about, loop).run


def _is_unchanged(module: Any, place: Any, before: Any) -> bool:
    """Return whether the array at the place is still that one."""
    try:
        return np.array_equal(np.asarray(_value(vars(module), place), dtype=float), before)
    except (KeyError, IndexError, TypeError, ValueError):
        return False


def _order(loop: Loop) -> list[str]:
    return list(dict.fromkeys(name for statement in loop.node.body for name in stored(statement)))


def _inner_targets(loop: Loop, targets: set[str]) -> set[str]:
    """Return the names that one record's targets have in loops over the records."""
    inner = [
        each
        for each in ast.walk(loop.node)
        if isinstance(each, ast.For) and targets & {n.id for n in ast.walk(each.iter) if isinstance(n, ast.Name)}
    ]
    return {stored(each.target)[-1] for each in inner if isinstance(each.target, ast.Tuple)}


def _first_use(loop: Loop, targets: set[str]) -> set[str]:
    """Return the names that a pass has made when the targets are first used."""
    made: set[str] = set()
    for statement in _flat(loop.node.body):
        if targets & {each.id for each in ast.walk(statement) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}:
            break
        made |= set(stored(statement))
    return made


def _flat(block: Any) -> Iterator[ast.stmt]:
    for statement in block:
        if isinstance(statement, (ast.For, ast.While, ast.With)) and not isinstance(statement, ast.If):
            if isinstance(statement, ast.For):
                yield ast.copy_location(ast.Assign([statement.target], ast.Constant(0)), statement)
            yield from _flat(statement.body)
        else:
            yield statement
