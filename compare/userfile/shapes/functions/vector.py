"""Find a network whose parameters are one vector, the first argument of a function that returns its gradient, as an optimiser takes it.

Where each parameter lies in it is told by the arrays that a call makes of it.
"""

import inspect
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from types import FrameType
from typing import Any

import numpy as np

from ..calls import LAYOUTS, called, filled, parameters_of, targets_of
from ..layers import Layer, chain
from ..network import Network
from ..spellings import BACK, LOSS, rank, role

_INPUTS, _HIDDEN, _RECORDS = 5, (7, 6, 8), 11


def networks(module: Any, options: Mapping[str, str]) -> Iterator[Network]:
    """Yield the networks of the file's functions that take sizes and a vector, and return its gradient."""
    if "class" in options:
        return
    functions = [name for name, each in vars(module).items() if inspect.isfunction(each) and each.__code__.co_filename == module.__file__]
    if "step" in options:
        functions = [name for name in functions if name in options["step"].split(",")]
    for name in sorted(functions, key=lambda name: (rank(name, BACK) < 0, rank(name, LOSS) < 0)):
        about = _network(module, name)
        if about is not None:
            yield about


def rebuilt(module: Any, network: Network) -> Network:
    """Return the same network in the module of the file that is loaded anew."""
    return _bound(replace(network, module=module, _last=None, _kept=None))


def _network(module: Any, name: str) -> Network | None:
    """Return the network by the first length of the vector, layout and form of targets with which a gradient comes out."""
    function = getattr(module, name)
    first, *others = [each.name for each in parameters_of(function)] or [""]
    stands = {each: role(each, constructs=True) for each in others}
    hidden = [each for each in others if stands[each] == "hidden"]
    if not {"outputs", "sizes"} & set(stands.values()):
        return None
    sizes = (_INPUTS, *_HIDDEN[: max(1, len(hidden))], 3)
    known: dict[str, Any] = dict(zip(hidden, sizes[1:-1], strict=False))
    values = {"inputs": sizes[0], "outputs": sizes[-1], "sizes": list(sizes), "hiddens": list(sizes[1:-1])}
    known |= {each: values[what] for each, what in stands.items() if what in values}
    for bias in (1, 0):
        length = sum((units_in + bias) * units for units_in, units in pairwise(sizes))
        for layout in ("rows", "columns"):
            for is_index, offset, form in ((True, 1, 0), (True, 1, 1), (True, 0, 0), (True, 0, 1), (False, 0, 0)):
                plan = {"function": name, "vector": first, "known": known, "layout": layout, "form": form, "offset": offset}
                about = Network(module, "", "", sizes, [], lambda x, y, lr: None, plan={**plan, "length": length})
                about.is_index = is_index
                with suppress(Exception), np.errstate(all="ignore"):
                    if _completed(about):
                        return about
    return None


def _completed(about: Network) -> bool:
    """Find the layers in the vector and the output; return whether the gradient is one of them all."""
    generator = np.random.default_rng(2)
    vector, x = generator.normal(size=about.plan["length"]), generator.normal(size=(_RECORDS, _INPUTS))
    y = about.drawn_targets(_RECORDS)
    frames, gradient = _call(about, vector, x, y)
    if gradient is None or not np.isfinite(gradient).all() or not _shows_targets(about, vector, x):
        return False
    parts = _tiled(vector, [array for frame in frames for _, array in frame])
    if parts is None:
        return False
    found = chain({_name(number, part): part[1] for number, part in enumerate(parts)}, about.sizes)
    if found is None:
        return False
    places = {_name(number, part): (("item", about.plan["vector"]), ("part", part[0])) for number, part in enumerate(parts)}
    at_0 = _call(about, vector, 0 * x, y)[1]
    for layer in found[1]:
        weight = places[str(layer.weight[-1][1])]
        bias = None if layer.bias is None else places[str(layer.bias[-1][1])]
        about.layers.append(replace(layer, weight=weight, bias=bias))
    if about.layers[0].within is not None:      # of records of zeros the bias alone has a gradient
        columns = np.abs(_whole(about.layers[0], {about.plan["vector"]: at_0})).max(axis=0)
        within = "first" if columns[0] else "last"
        about.layers = [replace(layer, within=within) for layer in about.layers]
    _find_output(about, vector, x, y)
    bound = _bound(about)
    about.new, about.back, about.run = bound.new, bound.back, bound.run
    name = about.plan["function"]
    about.said = f"a function {name}, whose first argument has all parameters in one vector"
    about.option = f"--step {name}"
    return about.gradients([np.ones(shape) for shape in about.shapes()], x, y) is not None


def _name(number: int, part: Any) -> str:
    return f"{'b' if 1 in (*part[1].shape, part[1].ndim) else 'W'}{number}"


def _whole(layer: Layer, root: Any) -> Any:
    weight, bias = layer.read(root)
    return np.column_stack((bias, weight) if layer.within == "first" else (weight, bias))


def _call(about: Network, vector: Any, x: Any, y: Any) -> tuple[list[list[tuple[str, Any]]], Any]:
    """Return the arrays that each of the file's functions has at its end, and the gradient that comes out."""
    plan, layout = about.plan, LAYOUTS[about.plan["layout"]]
    function = getattr(about.module, plan["function"])
    targets = list(targets_of(layout, y, about.is_index))[plan["form"]] + plan["offset"] * about.is_index
    strength = about.strength(len(x))
    values = {"x": layout.make(x), "y": targets, "n": len(x), "reg": strength, "lr": strength}      # there is no step that has a rate
    frames: list[list[tuple[str, Any]]] = []

    def watch(frame: FrameType, event: Any, answer: Any) -> None:
        if event == "return" and frame.f_code.co_filename == about.module.__file__:
            own = [(name, frame.f_locals.get(name)) for name in frame.f_code.co_varnames]
            frames.append([(name, each.copy()) for name, each in own if isinstance(each, np.ndarray) and each.dtype == np.float64])
        if former is not None:
            former(frame, event, answer)

    known = {plan["vector"]: vector.copy(), **plan["known"]}
    former = sys.getprofile()
    sys.setprofile(watch)
    try:
        answer = called(function, filled(function, values, known))
    finally:
        sys.setprofile(former)
    about.note_loss(answer)
    parts = answer if isinstance(answer, (tuple, list)) else [answer]
    return frames, next((np.ravel(each) for each in parts if np.size(each) == len(vector)), None)


def _shows_targets(about: Network, vector: Any, x: Any) -> bool:
    """Return whether each class has a target: labels that begin at another number leave the last one without, or raise."""
    if not about.is_index:
        return True
    own, k = [], about.sizes[-1]
    for classes in ([0], [k - 1]):
        gradient = _call(about, vector, x[:1], np.eye(k)[classes])[1]
        own.append(gradient)
    missing = replace(about, is_index=True, plan={**about.plan, "offset": about.plan["offset"] + 1})
    try:      # the class after the last: if it is a class like any other, or does the same as one, labels begin later
        beyond = _call(missing, vector, x[:1], np.eye(k)[[k - 1]])[1]
    except IndexError:
        return True
    changed, less = (np.count_nonzero(~np.isclose(own[0], each)) for each in (own[1], beyond))
    return bool(less < changed)


def _tiled(vector: Any, arrays: list[Any]) -> list[tuple[tuple[int, int, tuple[int, ...], str], Any]] | None:
    """Return the arrays that, one after the other, are the vector, each with its start, stop, shape and order; None where they are not."""
    starts = {number: at for at, number in enumerate(vector)}
    found: dict[int, tuple[tuple[int, int, tuple[int, ...], str], Any]] = {}
    for array in sorted(arrays, key=lambda each: -each.ndim):      # a matrix rather than its numbers in a row
        for order in ("C", "F"):
            numbers = array.ravel(order)
            at = starts.get(numbers[0], -1) if 0 < array.size < len(vector) and array.ndim <= 2 else -1
            if at >= 0 and np.array_equal(vector[at : at + array.size], numbers):
                found.setdefault(at, ((at, at + array.size, array.shape, order), array))
    parts, at = [], 0
    while at < len(vector):
        if at not in found:
            return None
        parts.append(found[at])
        at = found[at][0][1]
    return parts


def _find_output(about: Network, vector: Any, x: Any, y: Any) -> None:
    """Set the place of the output: the last array of that shape that depends on the records, before the first that depends on targets."""
    wanted = {(_RECORDS, about.sizes[-1]): False, (about.sizes[-1], _RECORDS): True}
    runs = [_call(about, vector, *each)[0] for each in ((x, y), (x, np.roll(y, 1, axis=0)), (x[::-1] / 2, y))]
    for at in (-1, *range(len(runs[0]) - 1)):      # the function's own are the last
        output = None
        for (name, one), (_, other), (_, third) in zip(*(run[at] for run in runs), strict=False):
            if one.shape not in wanted or np.array_equal(one, third):
                continue
            if not np.array_equal(one, other):
                break
            output = at, name, wanted[one.shape]
        if output is not None:
            about.plan["output"] = output
            return


def _bound(about: Network) -> Network:
    plan = about.plan

    def new(x: Any, y: Any, lr: float) -> Any:
        return {plan["vector"]: np.zeros(plan["length"])}

    def back(root: Any, x: Any, y: Any) -> Any:
        gradient = {plan["vector"]: np.array(_call(about, root[plan["vector"]], x, y)[1], dtype=float)}
        return [array for layer in about.layers for array in layer.read(gradient)]

    def run(root: Any, x: Any) -> Any:
        at, name, is_column = plan["output"]
        y = np.eye(about.sizes[-1])[np.resize(np.arange(about.sizes[-1]), len(x))]
        output = dict(_call(about, root[plan["vector"]], x, y)[0][at])[name]
        return output.T if is_column else output

    about = replace(about)
    about.new, about.back, about.run = new, back, run if "output" in plan else None
    return about
