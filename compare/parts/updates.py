"""Update rules, functions of (w, dw, config) that return (w, config): several steps of each beside PyTorch's optimiser."""

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..sides.interface import Key
from ..support.arrays import Array
from ..userfile.file import AttemptError
from .binding import plain
from .file import PartsFile, line_of_returned
from .judged import judged
from .result import Part

_STEPS = 6
_CONFIG = {
    "learning_rate": 0.05, "momentum": 0.8, "decay_rate": 0.9, "epsilon": 1e-6, "beta1": 0.85, "beta2": 0.95, "lr": 0.05, "eps": 1e-6,
}      # fmt: skip


@dataclass(frozen=True)
class Rule:
    """An update rule: PyTorch's optimiser with the options that the drawn config means."""

    optimizer: Callable[..., torch.optim.Optimizer]
    options: Mapping[str, Any]


_SGD, _ADAM = torch.optim.SGD, {"lr": 0.05, "eps": 1e-6, "betas": (0.85, 0.95)}
_MOMENTUM = {"lr": 0.05, "momentum": 0.8}
RULES: Mapping[str, Rule] = {
    "sgd": Rule(_SGD, {"lr": 0.05}),
    **dict.fromkeys(("sgdmomentum", "momentum"), Rule(_SGD, _MOMENTUM)),
    **dict.fromkeys(("nesterov", "sgdnesterov", "nesterovmomentum", "sgdnesterovmomentum"), Rule(_SGD, {**_MOMENTUM, "nesterov": True})),
    "rmsprop": Rule(torch.optim.RMSprop, {"lr": 0.05, "alpha": 0.9, "eps": 1e-6}),
    "adagrad": Rule(torch.optim.Adagrad, {"lr": 0.05, "eps": 1e-6}),
    "adam": Rule(torch.optim.Adam, _ADAM),
}


def rules_in(tree: ast.Module) -> list[str]:
    """Return the names of the file's update rules: functions of that name whose third argument is the config."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and plain(node.name) in RULES]
    return [node.name for node in functions if len(node.args.args) == 3 and "conf" in node.args.args[2].arg]


def check_updates(file: PartsFile, seed: int) -> Iterator[Part]:
    """Yield a part for each update rule."""
    for name in rules_in(file.tree):
        random = np.random.default_rng((seed, *name.encode()))
        shape = (4, 5)
        start, grads = random.standard_normal(shape), [random.standard_normal(shape) for _ in range(_STEPS)]
        yield _part(file, name, RULES[plain(name)], start, grads, seed)


def _part(file: PartsFile, name: str, rule: Rule, start: Array, grads: Sequence[Array], seed: int) -> Part:
    beside = f"torch.optim.{getattr(rule.optimizer, '__name__', '')}"
    lines, function = file.lines_of(name), vars(file.module)[name]
    w, config, shown = start.copy(), dict(_CONFIG), dict[Key, Any]()
    for step, grad in enumerate(grads, start=1):
        try:
            answer = file.run(name, function, w, grad.copy(), config)
        except AttemptError as error:
            return Part(name, "could not run", beside, lines=lines, line=error.line, reason=str(error))
        if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[1], dict):
            said = "it is not written yet" if isinstance(answer, tuple) and answer[0] is None else "it does not return (w, config)"
            return Part(name, "not compared", beside, lines=lines, reason=said)
        w, config = answer
        if w is None:
            return Part(name, "not compared", beside, lines=lines, reason="it is not written yet: it returns nothing")
        shown["outputs", f"w after step {step}"] = np.array(w)

    def reference() -> dict[Key, Tensor]:
        weight = torch.nn.Parameter(torch.from_numpy(start.copy()))
        optimizer = rule.optimizer([weight], **rule.options)
        numbers: dict[Key, Tensor] = {}
        for step, grad in enumerate(grads, start=1):
            weight.grad = torch.from_numpy(grad.copy())
            optimizer.step()
            numbers["outputs", f"w after step {step}"] = weight.detach().clone()
        return numbers

    result = judged(shown, reference, seed)
    compared = sum(result.sizes.values())
    if result.first is None:
        return Part(name, "agrees", beside, compared, lines=lines)
    node = file.node_of(name)
    line = line_of_returned(node, "w", 0) if node is not None and inspect.isfunction(function) else None
    on = ", ".join(f"{key} {value:g}" for key, value in _CONFIG.items() if key in config and key not in ("lr", "eps"))
    return Part(name, "wrong", beside, compared, result.first, f"w {start.shape}, {on}", lines, line)
