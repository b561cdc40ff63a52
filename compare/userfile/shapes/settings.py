"""The settings that an object keeps: its learning rate, its regularisation, its momentum, and a decay of the rate."""

import inspect
import re
from types import ModuleType
from typing import Any

from .spellings import rates, role

_MOMENTUM = re.compile(r"_?(momentum(_?(rate|factor|coef(ficient)?))?|mu)", re.IGNORECASE)
_DECAY = re.compile(r"_?(lr_?|learning_?rate_?)?decay(_?rate)?", re.IGNORECASE)
_ADAPTIVE = re.compile(r"_?(beta_?[12]|rho)", re.IGNORECASE)


def set_rate(root: Any, module: Any, lr: float) -> dict[str, Any]:
    """Set the learning rate where the object, its class or the module has one; return by name what has it then."""
    for owner in (root, type(root), module):
        values = vars(owner)
        names = rates(name for name in values if isinstance(values[name], (int, float)) and not isinstance(values[name], bool))
        if names:
            own = root if owner is type(root) else owner
            for name in names:
                setattr(own, name, lr)
            return dict.fromkeys(names, own)
    return {}


def set_penalty(root: Any, strength: float) -> None:
    """Set the strength of a regularisation where the object keeps one."""
    for name, value in list(vars(root).items()):
        if role(name) == "reg" and isinstance(value, float if name in ("l2", "lam") else (int, float)) and not isinstance(value, bool):
            setattr(root, name, strength)


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
