"""The output of a loop: the array that a pass has made when it first uses the targets, of their shape, and not made of them."""

import ast
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..calls import LAYOUTS
from ..network import Network
from ..places import get, places
from .parameters import RECORDS
from .passes import bound
from .training_loop import Loop, stored


def find_output(about: Network, loop: Loop) -> None:
    """Set the forward pass to the array that a pass compares with the targets: the last of that shape before they are used."""
    plan = about.plan
    generator = np.random.default_rng(4)
    n, units = 1 if about.is_single else RECORDS, about.sizes[-1]
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
            flat = (units,) if about.is_single else (n,) if units == 1 else wanted
            if np.shape(array) in (wanted, flat) and np.asarray(array).dtype.kind == "f":
                found.append((name, place))
    values = {place: np.array(get(vars(about.module), place), dtype=float) for _, place in found}
    about.step(about.with_parameters(params, x, y, 0.0), x, np.roll(y, 1, axis=0) if n > 1 else 1 - y, 0.0)
    found = [each for each in found if _is_unchanged(about.module, each[1], values[each[1]])]      # an output depends on no targets
    targets = {*plan["y"], *_inner_targets(loop, set(plan["y"]))}
    first = _first_use(loop, targets) - targets
    before = [place for name, place in found if name in first]
    if before := [place for place in before if len(place) == 1] or before:      # what is kept for the way back may be that before it
        about.plan["output"] = before[-1]
        about.run = bound(about, loop).run
        if not _is_in_order(about, params, x):
            del about.plan["output"]
            about.run = None


def _is_in_order(about: Network, params: list[Any], x: Any) -> bool:
    """Return whether the output has the records in their order, which a pass that shuffles them changes."""
    assert about.run is not None
    one, other = (about.run(about.with_parameters(params, each, each, 0.0), each) for each in (x, x[::-1].copy()))
    return one is None or other is None or np.allclose(one, other[::-1])


def _is_unchanged(module: Any, place: Any, before: Any) -> bool:
    """Return whether the array at the place is still that one."""
    try:
        return np.array_equal(np.asarray(get(vars(module), place), dtype=float), before)
    except (KeyError, IndexError, TypeError, ValueError):
        return False


def _order(loop: Loop) -> list[str]:
    return list(dict.fromkeys(name for statement in loop.node.body for name in stored(statement)))


def _inner_targets(loop: Loop, targets: set[str]) -> set[str]:
    """Return the names that one record's targets have: in loops over the records, and where they are picked out."""
    inner = [
        each
        for each in ast.walk(loop.node)
        if isinstance(each, ast.For) and targets & {n.id for n in ast.walk(each.iter) if isinstance(n, ast.Name)}
    ]
    looped = {stored(each.target)[-1] for each in inner if isinstance(each.target, ast.Tuple)}
    return looped | {name for each in ast.walk(loop.node) for name in _picked(each, targets)}


def _picked(statement: ast.AST, targets: set[str]) -> list[str]:
    """Return the names to which an assignment gives entries of the targets."""
    if not isinstance(statement, ast.Assign) or len(statement.targets) > 1:
        return []
    target, value = statement.targets[0], statement.value
    pairs = [(target, value)]
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = list(zip(target.elts, value.elts, strict=False))
    return [one.id for one, other in pairs if isinstance(one, ast.Name) and _is_entry(other, targets)]


def _is_entry(value: ast.expr, targets: set[str]) -> bool:
    while isinstance(value, (ast.Subscript, ast.Attribute, ast.Call)):      # y[i : i + 1].reshape(-1, 1)
        value = value.func if isinstance(value, ast.Call) else value.value
    return isinstance(value, ast.Name) and value.id in targets


def _first_use(loop: Loop, targets: set[str]) -> set[str]:
    """Return the names that a pass has made when the targets are first used."""
    made: set[str] = set()
    for statement in _flat(loop.node.body):
        if _picked(statement, targets):
            made |= {*stored(statement)}
            continue
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
