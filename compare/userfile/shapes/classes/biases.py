"""What a class's network has beside its weights: biases, whether they count and are trained, and matrices that are none of its layers."""

import ast
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..layers import put_like
from ..network import Network
from ..places import Place, get, places
from .trial import Trial

_FIXED = re.compile(
    r"bias(es)?\W+((is|are|stays?|remains?|kept|not|never|left)\W+){1,3}(fixed|constant|frozen|unchanged|updated|trained|learn(ed|t))",
    re.IGNORECASE,
)


def depends_on_biases(trial: Trial) -> bool:
    """Return whether the output depends on every bias that was found by its shape alone."""
    about = trial.about
    if about.run is None:
        return False
    one = about.run(trial.fresh(), trial.x)
    for at, shape in enumerate(about.shapes()):
        if len(shape) == 1:
            root = trial.fresh()
            moved = np.arange(1, shape[0] + 1)      # a softmax does not see the same added to all
            arrays = [array + moved if number == at else array for number, array in enumerate(about.parameters(root))]
            if np.allclose(one, about.run(about.written(root, arrays), trial.x)):
                return False
    return True


def has_another_matrix(trial: Trial) -> bool:
    """Return whether a new object holds a drawn matrix that its methods use, and that is none of the weights and no copy of one.

    That of a recurrent layer is such a one: one record alone neither shows it nor changes it.
    """
    about = trial.about
    root = about.new(trial.x, trial.y, 0.5)
    weights = {layer.weight for layer in about.layers}
    known = [np.sort(each, axis=None) for each in (trial.x, trial.y, *(get(root, place) for place in weights if ("each", "") not in place))]
    used = _used_by_methods(about.module.__tree__)
    others = [array for place, array in places(root) if place not in weights and place[0][1] in used and _is_drawn(array)]
    return any(not any(np.array_equal(np.sort(other, axis=None), each) for each in known) for other in others)


def _is_drawn(array: Any) -> bool:
    return np.ndim(array) == 2 and min(np.shape(array)) > 1 and len(np.unique(array)) == np.size(array)


def _used_by_methods(tree: ast.Module) -> set[str]:
    """Return the attributes that functions other than constructors use."""
    functions = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef) and each.name != "__init__"]
    return {each.attr for function in functions for each in ast.walk(function) if isinstance(each, ast.Attribute)}


def take_in_others(trial: Trial) -> bool:
    """Take vectors that a step changes, and the output depends on, for biases of layers without one; return whether nothing else is so."""
    about = trial.about
    if about.step is None or about.run is None:
        return True
    try:
        others = _others_trained(trial, about.step, about.run)
    except Exception:      # whatever the file raises, it raises again where that is said
        return True
    for place, size in others.items():
        bare = [each for each, layer in enumerate(about.layers) if layer.bias is None and layer.within is None]
        at = next((each for each in bare if size == about.sizes[each + 1]), None)
        if at is None:
            return False
        about.layers[at] = replace(about.layers[at], bias=place)
    generator = np.random.default_rng(3)
    trial.params[:] = [generator.normal(size=shape, scale=0.7) for shape in about.shapes()]
    return True


def _others_trained(trial: Trial, step: Callable[..., Any], run: Callable[..., Any]) -> dict[Place, int]:
    """Return the places of arrays beside the parameters that a step changes, and the output depends on: the length of a vector, else 0."""
    rows = slice(0, 1) if trial.about.is_single else slice(None)
    x, y, generator = trial.x[rows], trial.y[rows], np.random.default_rng(3)
    known = {place for layer in trial.about.layers for place in (layer.weight, layer.bias)}
    before = {place: np.array(array, float) for place, array in places(trial.fresh(rows)) if place not in known}
    after = {place: np.array(array, float) for place, array in places(step(trial.fresh(rows), x, y, 0.5))}
    output, found = run(trial.fresh(rows), x), dict[Place, int]()
    for place, array in before.items():
        if place in after and after[place].shape == array.shape and not np.array_equal(after[place], array):
            moved = array + generator.normal(size=array.shape)      # a softmax does not see the same added to all
            if not np.allclose(output, run(put_like(trial.fresh(rows), place, moved), x)):
                found[place] = array.size if array.size == max(array.shape, default=1) else 0
    return found


def place_bias(trial: Trial) -> None:
    """Take the last column for the bias where the output of a record of zeros does not depend on the first."""
    about = trial.about
    if about.run is None or about.layers[0].within is None:
        return
    root = trial.fresh()
    moved = [array + (number == 1) for number, array in enumerate(about.parameters(root))]
    if np.allclose(about.run(trial.fresh(), 0 * trial.x), about.run(about.written(root, moved), 0 * trial.x)):
        other = "last" if about.layers[0].within == "first" else "first"
        about.layers = [replace(layer, within=other) for layer in about.layers]


def leave_out_fixed_biases(about: Network) -> None:
    """Set biases that the file says are not trained, and that no step changes, to 0, and compare the others' training."""
    before, after, _, _ = about.tried()
    pairs = [(one, two) for one, two in zip(before, after, strict=True) if one.ndim == 1]
    if not pairs or not all(np.array_equal(*each) for each in pairs) or about.layers[0].within is not None:
        return
    if not _FIXED.search(Path(about.module.__file__).read_text(encoding="utf-8", errors="replace")):
        return
    about.fixed = list(about.layers)
    about.layers = [replace(layer, bias=None) for layer in about.layers]
    about.notes.append("its biases are not trained, as it says: they are 0 here, and the weights alone are compared")
