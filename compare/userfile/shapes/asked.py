"""The names that options say of a file's network: one that the file has not is refused, and one that was of no use is said."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from ...support.suggest import did_you_mean
from ..source import UnusableFileError
from .network import Network

_MOST = 8      # names that are listed
_KINDS = {"class": "class", "step": "function or method", "forward": "function or method"}      # weights and biases are names of values


def refuse_unknown(name: str, module: Any, options: Mapping[str, str]) -> None:
    """Raise UnusableFileError for an option that says a name that is not in the file of that name, or in those that it imports."""
    known = {"class": dict.fromkeys(_classes(module)), **dict.fromkeys(("step", "forward"), dict.fromkeys(_functions(module)))}
    values = dict.fromkeys(_values(module))
    texts = [each.value for each in ast.walk(module.__tree__) if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    for option, value in options.items():
        names = known.get(option, values)
        for said in value.split(","):
            is_made = option not in known and any(text and said.startswith(text) for text in texts)      # "W1" may be made of "W"
            if said in names or is_made:
                continue
            what = f"--{option} {said}: {name} has no {_KINDS.get(option, 'variable or attribute')} {said}"
            more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
            one_of = f"one of {', '.join(list(names)[:_MOST])}{more}" if names else f"no --{option}, for it has none"
            raise UnusableFileError(f"{what}; expected {one_of}{did_you_mean(said, names)}")


def of_no_use(network: Network, options: Mapping[str, str]) -> list[str]:
    """Return a note for each option with a name that the network found has no use for."""
    places = [place for layer in network.layers for place in (layer.weight, layer.bias or ())]
    used = {*network.option.replace(",", " ").split(), *(key for place in places for _, key in place if isinstance(key, str))}
    unused = [f"--{option} {value}" for option, value in options.items() if not used.issuperset(value.split(","))]
    return [f"of no use here: {each}" for each in unused]


def _classes(module: Any) -> Iterator[str]:
    """Yield the names of the user's classes."""
    own = (module.__name__, *getattr(module, "__own__", ()))
    yield from (name for name, each in vars(module).items() if inspect.isclass(each) and each.__module__ in own)


def _functions(module: Any) -> Iterator[str]:
    """Yield the names of the functions and methods of the file, and of those that it imports or its classes derive."""
    yield from (each.name for each in ast.walk(module.__tree__) if isinstance(each, ast.FunctionDef) and not each.name.startswith("__"))
    values = vars(module)
    for owner in (each for name, each in values.items() if name in set(_classes(module))):
        yield from (name for name in dir(owner) if not name.startswith("__") and callable(getattr(owner, name)))
    yield from (name for name, each in values.items() if inspect.isfunction(each))


def _values(module: Any) -> Iterator[str]:
    """Yield the names that the file assigns: attributes first, then variables and keys, arguments, and what its classes have."""
    nodes = list(ast.walk(module.__tree__))
    yield from (each.attr for each in nodes if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store))
    yield from (each.id for each in nodes if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store))
    yield from (each.arg for each in nodes if isinstance(each, ast.arg) and each.arg != "self")
    keys = (each.value for each in nodes if isinstance(each, ast.Constant) and isinstance(each.value, str))
    yield from (each for each in keys if each.isidentifier() and not each.startswith("__"))
    for name in set(_classes(module)):
        yield from (each for each in dir(getattr(module, name)) if not each.startswith("__"))
