"""Which numbers are by their names gradients of parameters, or what these become: dW1, grad_w1, dE_dw1, delta_w1, grads['W1'], w1_new."""

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from ....userfile.shapes.languages import translated

Kind = Literal["new", "gradient", "step"]      # a step may have either sign: what is added, or subtracted

_OF_LOSS = r"(e|l|c|j|s?loss|cost|err|error|e?total|etot|totalerror|errortotal|totalloss)"
_GRADIENT = re.compile(
    rf"d|g|nabla|deriv(atives?)?|derivadas?|gradientes?|grad(ient)?s?(of|wrt|for|{_OF_LOSS})?"
    rf"|d?{_OF_LOSS}?(by|over|wrt)?(d|partial)|partial{_OF_LOSS}?(d|partial)?"
)
_STEP = re.compile(r"deltas?|changes?|adjust(ment)?s?|correction|step|update|ajuste|incremento?|variacion|variacao")
_NEW = re.compile(r"new|updated|upd|next|after|plus|nuevo|nueva|novo|nova|neu|nouveau")
_KINDS: Mapping[Kind, re.Pattern[str]] = {"gradient": _GRADIENT, "step": _STEP, "new": _NEW}
_PARAMETER = re.compile(
    r"[wb][a-z]{0,2}|weights?|bias(es)?|bais|thetas?|thresholds?|kernels?|gammas?|betas?|syn"
)
_DATA = re.compile(r"[xyt]\w?|a_?0|[xy]_?\w*|inputs?|data|features?|samples?|targets?|labels?|wanted|expected|desired", re.IGNORECASE)
_AFFIXED = re.compile(r"d_?[a-z]+\w*|(?i:.*(grad|delta|nabla|deriv).*)")


@dataclass(frozen=True)
class _Name:
    """A path's last name and the one before it in lower case, without underscores, and the numbers of its entries."""

    last: str
    owner: str
    entries: tuple[str, ...]
    words: frozenset[str]


def _name(path: str) -> _Name:
    entries = tuple(re.findall(r"\[(\d+)\]", path))
    keys = _keys(path)
    last = keys[-1]
    words = [word.lower() for word in re.findall(r"[A-Z]+[a-z]*\d*|[a-z]+\d*|\d+", last)]
    return _Name(_plain(last), _plain(keys[-2]) if len(keys) > 1 else "", entries, frozenset(word.rstrip("s") for word in words))


def _keys(path: str) -> list[str]:
    """Return the names in a path, without the numbers of entries."""
    return [key for key in re.split(r"[.\[\]']+", path) if key and not key.isdigit()] or [""]


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def is_parameter(path: str) -> bool:
    """Return whether a name is that of weights, or of something else that is trained."""
    words = [word.lower() for word in re.findall(r"[A-Z]+[a-z]*|[a-z]+", translated(_keys(path)[-1]))]
    return any(_PARAMETER.fullmatch(each) for each in (words[0], words[-1])) if words else False


def is_data(path: str) -> bool:
    """Return whether a name is that of inputs or targets."""
    return _DATA.fullmatch(translated(_keys(path)[-1])) is not None


def is_gradient(name: str) -> bool:
    """Return whether a name may be that of a gradient, of whatever it is."""
    return _AFFIXED.fullmatch(name) is not None


def gradients_in(tree: ast.Module) -> list[str]:
    """Return the variables of a module that are by their names gradients of others, or what these become."""
    targets = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    names = [each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)]
    return [where for name in dict.fromkeys(names) for every in shown_by(name, dict.fromkeys(names)).values() for where in every]


def shown_by(path: str, others: Iterable[str]) -> dict[Kind, list[str]]:
    """Return by kind the paths among others that are by their names what a parameter becomes, or its gradient."""
    found: dict[Kind, list[str]] = {}
    own = _name(path)
    for other in others:
        if other != path and (kind := _kind(own, _name(other))) is not None:
            found.setdefault(kind, []).append(other)
    return found


def _kind(own: _Name, other: _Name) -> Kind | None:
    if own.entries != other.entries:
        return None
    for kind, pattern in _KINDS.items():
        owners = [other.owner, *_around(own.owner, other.owner)] if own.owner != other.owner else []
        if own.last == other.last and any(pattern.fullmatch(each) for each in owners):
            return kind
        if any(pattern.fullmatch(each) for each in _around(own.last, other.last)):
            return kind
        if len(own.words) > 1 and own.words < other.words and all(pattern.fullmatch(each) for each in other.words - own.words):
            return kind
    return None


def _around(name: str, longer: str) -> list[str]:
    """Return what a longer name has before and after a name, which may be a plural there; all of it where it has no name in it."""
    found = []
    for each in dict.fromkeys((name, name.removesuffix("s"))):
        if each and longer.startswith(each):
            found.append(longer.removeprefix(each))
        if each and longer.endswith(each):
            found.append(longer.removesuffix(each))
        if each and longer.endswith(f"{each}s"):
            found.append(longer.removesuffix(f"{each}s"))
    return [each for each in found if each]
