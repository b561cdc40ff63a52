"""Gradients made by hand under the names of tensors, each beside autograd of the code before it, run again on PyTorch's tensors."""

import ast
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from ...sides.interface import Key
from ...userfile.file import AttemptError
from ..file import PartsFile
from ..judged import Judged, as_numbers, judged
from ..result import Part
from ..small_numbers import but_for_small_numbers, has_small_numbers
from ..words import factor_of
from .reference import own_gradients, reference
from .run import NamesFile, Round
from .tree import Cluster, clusters_in, uses_torch
from .update import parameters_of, trained_in, update_parts

_LEAST = {"torch": 3, "numpy": 5}      # gradients by hand that make a file one of this shape
_BESIDE = "autograd of the same code"


def names_in(tree: ast.Module) -> list[str]:
    """Return the gradients by hand of a file with enough of them."""
    least = _LEAST["torch" if uses_torch(tree) else "numpy"]
    found = list(dict.fromkeys(name for cluster in clusters_in(tree) for name in cluster.names))
    return found if len(found) >= least else []


def check_names(file: PartsFile, seed: int) -> Iterator[Part]:
    """Yield a part for each gradient, in the order in which they are made."""
    assert isinstance(file, NamesFile)
    for cluster in file.clusters:
        rounds = file.hooks.rounds[cluster.number]
        if not rounds:
            reason = f"{cluster.scope or 'this part of the file'} is not reached when the file is run"
            yield Part(", ".join(cluster.names), "not compared", reason=reason, line=min(cluster.lines.values()))
            continue
        try:
            results = [_judged(file, cluster, each, seed) for each in rounds]
            if any(each.first is not None and each.first.phase == "outputs" for each in results):
                raise ValueError(f"{cluster.loss} is another number then")
        except (AttemptError, RuntimeError, TypeError, ValueError, AttributeError, NotImplementedError) as error:
            reason = f"the code before it does not run on PyTorch's tensors ({type(error).__name__}: {error})"
            yield Part(", ".join(cluster.names), "not compared", reason=reason, line=min(cluster.lines.values()))
            continue
        parts = list(_parts(cluster, results))
        if any(part.mark == "wrong" for part in parts) and has_small_numbers(file.tree):
            exact = [_judged(file, cluster, each, seed, has_small_numbers=False) for each in rounds]
            parts = but_for_small_numbers(parts, _parts(cluster, exact))
        yield from parts
        yield from _updates(file, cluster, rounds)


def _updates(file: NamesFile, cluster: Cluster, rounds: Sequence[Round]) -> Iterator[Part]:
    """Yield a part for the update of each parameter that a loop at top level changes, and leave the others out."""
    parts, trained = list[Part](), parameters_of(cluster)
    if not cluster.scope and cluster.outer and len(rounds) > 1:
        run = rounds[0].variables, rounds[0].grads, rounds[1].variables
        parts, trained = list(update_parts(cluster, *run)), list(trained_in(cluster, *run))
    compared = {part.name.removeprefix("update of ") for part in parts}
    file.left_out += [name for name in trained if name not in compared and name not in file.left_out]
    yield from parts


def _judged(file: NamesFile, cluster: Cluster, each: Round, seed: int, *, has_small_numbers: bool = True) -> Judged:
    numbers: dict[Key, Any] = {("outputs", cluster.loss): each.variables[cluster.loss]}
    for name, value in each.grads:
        label = name if ("gradients", name) not in numbers else f"{name}, made anew"
        numbers["gradients", label] = value
    labels = {label.partition(",")[0]: label for phase, label in numbers if phase == "gradients"}
    expected = reference(file, cluster, each, labels, has_small_numbers=has_small_numbers)
    plain = expected()
    shown = {key: _shaped(value, plain[key]) for key, value in numbers.items() if key in plain}
    again = own_gradients(file, cluster, each, plain, labels)
    return file.run("the code before the gradients", judged, shown, expected, seed, again)      # type: ignore[no-any-return]


def _parts(cluster: Cluster, results: list[Judged]) -> Iterator[Part]:
    wrong: list[str] = []
    order = list(dict.fromkeys(each.tensor for result in results for each in result.differences if each.phase == "gradients"))
    order.sort(key=lambda label: cluster.lines[label.partition(",")[0]])
    labels = {label: [each for result in results for each in result.differences if each.tensor == label] for label in order}
    of_roots = [label for label in order if cluster.names[label.partition(",")[0]] in cluster.roots]
    roots_agree = all(each.is_allowed for label in of_roots for each in labels[label])
    for label in order:
        name = label.partition(",")[0]
        first = next((each for each in labels[label] if not each.is_allowed), None)
        compared = sum(result.sizes.get(label, 0) for result in results)
        beside, line = f"{_BESIDE} at {cluster.names[name]}", cluster.lines[name]
        ratios = [result.ratios.get(label) for result in results]
        why = factor_of(name, ratios)
        if first is not None and first.actual is None and _is_of_something_else(cluster, name):
            continue
        if first is None:
            yield Part(label, "agrees", beside, compared, line=line)
        elif why is not None and roots_agree and cluster.names[name] not in cluster.roots and ratios[0]:
            yield Part(label, "agrees", f"{beside}, but for a factor of {ratios[0]:.6g}, and all that follows agrees", compared, line=line)
        elif cluster.reads[name] & {*wrong}:
            before = next(each for each in wrong if each in cluster.reads[name])
            wrong.append(name)
            yield Part(label, "unclear", beside, compared, first, line=line, reason=f"it is made from {before}, which is wrong before it")
        else:
            wrong.append(name)
            yield Part(label, "wrong", beside, compared, first, line=line, why=why)


def _is_of_something_else(cluster: Cluster, name: str) -> bool:
    """Return whether a name of another shape may be no gradient of the tensor: as db2_unused, where db2 is that of b2."""
    same = [each for each, tensor in cluster.names.items() if tensor == cluster.names[name]]
    return any(name.startswith(f"{each}_") for each in same)


def _shaped(value: Any, expected: Tensor) -> Any:
    """Return a gradient in the tensor's shape, where it has as many numbers: (64,) for (1, 64), or (n, 3, 8) for (n, 24)."""
    array = as_numbers(value)
    return array.reshape(tuple(expected.shape)) if isinstance(array, np.ndarray) and array.size == expected.numel() else value
