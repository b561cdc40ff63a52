"""How a file's function takes its arguments, and which of the arrays that it returns is which."""

import ast
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .file import returned_names
from .layers.draws import Case

# The names that a role is known by, in lower case without underscores.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "x": ("x", "inputs", "input", "inp", "a", "aprev", "z", "xt", "scores", "logits", "out", "data"),
    "w": ("w", "weight", "weights", "theta", "kernel", "filters"),
    "b": ("b", "bias", "biases"),
    "gamma": ("gamma", "scale"),
    "beta": ("beta", "shift"),
    "y": ("y", "labels", "target", "targets", "t"),
    "W": ("w", "weight", "weights", "embedding", "table"),
    "Wx": ("wx", "wxh", "wax"),
    "Wh": ("wh", "whh", "waa"),
    "prev_h": ("prevh", "hprev", "h", "aprev"),
    "prev_c": ("prevc", "cprev", "c"),
    "h0": ("h0", "a0"),
    "mask": ("mask",),
}
_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "stride": ("s",),
    "pad": ("padding", "p"),
    "eps": ("epsilon",),
    "p": ("prob", "keepprob", "dropprob", "dropoutprob", "rate", "dropoutrate", "droprate", "ratio", "dropoutratio"),
    "G": ("groups", "numgroups"),
    "pool_height": ("ph", "size", "poolsize", "kernelsize", "f", "hh"),
    "pool_width": ("pw", "ww"),
}
_KEYS: Mapping[str, tuple[str, ...]] = {"pad": ("padding",), "eps": ("epsilon",), "pool_height": ("f", "size")}      # also in a dict
_IS_DICT = ("param", "params", "hparameters", "hparams", "config", "options", "cfg")
IS_TRAINING = ("training", "istraining", "train", "istrain")


class BindingError(Exception):
    """A function takes arguments that no role is known for; the message says which."""


def plain(name: str) -> str:
    """Return a name in lower case without underscores."""
    return name.lower().replace("_", "")


def is_dict(name: str) -> bool:
    """Return whether an argument of that name is a dict of options."""
    return any(part in _IS_DICT for part in name.lower().split("_"))


def bound(function: Callable[..., Any], case: Case, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the arguments by the function's own names; options go into its dict, or one by one; raises BindingError.

    `given` are values by role that the case does not have, such as an output.
    """
    values = {**{role: array.copy() for role, array in case.arrays.items()}, **(given or {})}
    options = {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in case.options.items()}
    left, arguments, unknown = dict(values), dict[str, Any](), list[inspect.Parameter]()
    for parameter in inspect.signature(function).parameters.values():
        name = plain(parameter.name)
        role = next((each for each in left if name == plain(each) or name in _NAMES.get(each, ())), None)
        option = next((each for each in options if name == plain(each) or name in _OPTIONS.get(each, ())), None)
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if role is not None:
            arguments[parameter.name] = left.pop(role)
        elif is_dict(parameter.name):
            arguments[parameter.name] = _options_for(parameter.name, options)
        elif option is not None:
            arguments[parameter.name] = options[option]
        elif name in IS_TRAINING and "mode" in options:
            arguments[parameter.name] = options["mode"] == "train"
        else:
            arguments[parameter.name] = inspect.Parameter.empty
            unknown.append(parameter)
    for parameter in unknown:
        if left and parameter.default is parameter.empty:
            arguments[parameter.name] = left.pop(next(iter(left)))
        elif parameter.default is parameter.empty:
            raise BindingError(f"its argument {parameter.name} is of no known role; expected {', '.join((*values, *options))}")
        else:
            del arguments[parameter.name]
    if left:
        raise BindingError(f"it takes no {', '.join(left)}; expected {', '.join((*values, *options))}")
    return arguments


def _options_for(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options for a dict of that name, under all keys that they may have; of several dicts each has its own stride."""
    own = {key: value.get(name.partition("_")[0]) if isinstance(value, dict) else value for key, value in options.items()}
    return {**own, **{other: own[key] for key, others in _KEYS.items() if key in own for other in others}}


def backward_arguments(function: Callable[..., Any], above: Sequence[Any], cache: Any, case: Case, out: Any) -> list[Any]:
    """Return the arguments of a backward pass, in its order: the gradients from above, then the cache, or what it asks for by name."""
    names = list(inspect.signature(function).parameters)
    required = [each for each in inspect.signature(function).parameters.values() if each.default is each.empty]
    if len(required) == len(above) + 1 and (cache is not None or len(case.arrays) == 1):
        value = cache if cache is not None else next(iter(case.arrays.values())).copy()
        if "cache" in names[0].lower():
            return [value, *above]
        return [*above, value]
    known = {"x": case.arrays.get("x"), "out": out}
    rest = names[len(above) : len(required)]
    values = {plain(role): array for role, array in {**known, **case.arrays}.items()}
    values |= {alias: array for role, array in case.arrays.items() for alias in _NAMES.get(role, ())}
    values |= {plain(name): value for name, value in case.options.items()} | {"cache": cache}
    missing = [name for name in rest if plain(name) not in values]
    if missing:
        raise BindingError(f"its argument {missing[0]} is of no known role; expected the gradient from above, and the cache")
    return [*above, *(values[plain(name)] for name in rest)]


def gradients_by_role(returned: Any, roles: Mapping[str, tuple[int, ...]], node: ast.FunctionDef | None) -> tuple[dict[str, Any], str]:
    """Return what a backward pass returned by role, and the words for its order where that is not the arguments'.

    Arrays go by the names in the return statement, or the keys of a dict, where these say all roles; else by their places, or by their
    shapes, where these tell them apart.
    """
    names = list(roles)
    if isinstance(returned, Mapping):
        return {role: value for role in names for key, value in returned.items() if _role_of(str(key), names) == role}, ""
    values = list(returned) if isinstance(returned, (tuple, list)) else [returned]
    said = returned_names(node) if node is not None else []
    own = [_role_of(name, names) for name in said]
    if len(own) == len(values) and None not in own and len(set(own)) == len(own):
        order = [str(role) for role in own]
    elif len(values) == len(names) and len(set(roles.values())) == len(roles):
        shapes = [np.shape(value) if value is not None else None for value in values]
        order = [next((role for role in names if roles[role] == shape), "") for shape in shapes]
        order = order if sorted(order) == sorted(names) else names
    else:
        order = names[: len(values)]
    words = "" if order == names[: len(order)] else f"returns {', '.join('d' + role for role in order)}"
    return dict(zip(order, values, strict=False)), words


def _role_of(name: str, roles: Sequence[str]) -> str | None:
    """Return the role whose gradient a name says: dw, grad_w, dW1."""
    text = plain(name).removeprefix("grad").removeprefix("d")
    exact = next((role for role in roles if text == plain(role)), None)
    return exact or next((role for role in roles if text in _NAMES.get(role, ())), None)
