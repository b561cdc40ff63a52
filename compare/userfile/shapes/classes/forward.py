"""The forward pass of a class: the method that returns an output for records, or leaves it in the object."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..calls import LAYOUTS, Layout, called, filled, parameters_of, returned, roles_of
from ..spellings import FORWARD, rank, ranked, role
from .trial import RECORDS, Trial


def find_forward(trial: Trial) -> tuple[str, Layout] | None:
    """Set the network's forward pass to the first method that returns an output, in the first layout that it takes."""
    about, x = trial.about, trial.x
    usual = [trial.options["forward"]] if "forward" in trial.options else ranked(trial.names, FORWARD)
    for name in dict.fromkeys([*usual, *trial.others]):
        for layout in LAYOUTS.values():
            run = runner(about.module, name, layout, about.sizes[-1])
            try:
                output = run(trial.fresh(), x)
                if output is None or (name not in usual and np.allclose(output, run(halved(trial), x))):
                    continue      # an output depends on the weights
                each = [slice(i, i + 1) for i in range(RECORDS)]
                if layout.is_whole and not np.allclose(np.vstack([run(trial.fresh(row), x[row]) for row in each]), output):
                    continue
            except Exception:
                continue
            about.run = run
            about.plan["forward"] = name, layout.name
            return name, layout
    return None


def halved(trial: Trial) -> Any:
    """Return a new root with its parameters halved."""
    root = trial.fresh()
    return trial.about.written(root, [array / 2 for array in trial.about.parameters(root)])


def runner(module: Any, name: str, layout: Layout, units: int) -> Callable[[Any, Any], Any]:
    """Return the forward pass by that method: a function of the root and the records, that returns the output as rows."""
    names = returned(module, name)

    def run(root: Any, x: Any) -> Any:
        method = getattr(root, name)
        without = _without_targets(method) if rank(name, FORWARD) >= 0 else {}

        def answer(records: Any) -> Any:
            return called(method, filled(method, {"x": layout.make(records)}, without))

        if layout.is_whole:
            return _output(root, answer(x), names, layout, len(x), units)
        rows = [_output(root, answer(row), names, layout, 1, units) for row in x]
        return None if any(row is None for row in rows) else np.vstack(rows)

    return run


def _without_targets(method: Any) -> dict[str, None]:
    """Return None for targets that have to be given: loss(X, y) returns the scores where y is None."""
    stands = roles_of(method)
    return {each.name: None for each in parameters_of(method) if stands[each.name] == "y" and each.default is each.empty}


def _output(root: Any, answer: Any, names: Sequence[str], layout: Layout, n: int, units: int) -> Any:
    """Return the output as rows: what was returned, of several arrays that by its name or the last, or what the object keeps.

    `names` are those in the return.
    """
    parts = [answer] if isinstance(answer, np.ndarray) or not isinstance(answer, (tuple, list)) else [answer, *reversed(answer)]
    if isinstance(answer, tuple) and len(answer) == len(names):
        parts[:0] = [part for part, name in zip(answer, names, strict=True) if role(name) == "output"]
    if answer is None:
        parts = [value for name, value in vars(root).items() if role(name) == "output"][::-1]
    for part in parts:
        if isinstance(part, (list, tuple)) and part and isinstance(part[-1], np.ndarray):
            part = part[-1]
        rows = layout.back(part, n, units)
        if rows is not None:
            return rows
    return None
