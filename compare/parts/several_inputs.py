"""Code of several inputs that goes forward and back, beside autograd of its own forward: shapes are tried until it runs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, product
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..sides.interface import Key
from ..support.arrays import Array
from ..userfile.file import AttemptError
from .as_tensors import array_module, tensor_of
from .file import PartsFile
from .judged import Judged, judged
from .result import Part
from .words import factor_of

_SHAPES: tuple[tuple[int, ...], ...] = ((4, 6), (6, 5), (5,), (4, 1), (4, 5), (1, 5), (1, 6), (6,), ())
_TRIED = 729      # combinations of shapes
_FOUND = 30      # of those on which it runs
_FAILED = 20      # of those on which it runs, and not on PyTorch's tensors
BESIDE = "autograd of its own forward, which is not compared"


@dataclass(frozen=True)
class Code:
    """The code: `forward` returns the output, `backward` the gradients at the inputs; `on_tensors` is the forward again.

    `shapes` are tried first. The gradients of the `optional` inputs need not be there. `size` is that of the gradient from above.
    """

    label: str
    names: Sequence[str]
    forward: Callable[[Sequence[Array]], Any]
    backward: Callable[[Sequence[Array], Array], Sequence[Any]]
    on_tensors: Callable[[Sequence[Any]], Any]
    fixed: Sequence[Array] = ()      # inputs that are not drawn, as weights
    shapes: Sequence[Sequence[tuple[int, ...]]] = ()
    optional: Sequence[str] = ()
    size: float = 1.0


def part_of(file: PartsFile, code: Code, lines: tuple[int, int] | None, seed: int) -> Part:
    """Return the part of that code."""
    try:
        arrays, is_one = file.run(code.label, _fittest, code, seed)
        if arrays is None:
            reason = "no inputs were found with which it runs, as it is and on PyTorch's tensors"
            return Part(code.label, "not compared", lines=lines, reason=reason)
        result, missing = judged_on(file, code, arrays, seed)
    except AttemptError as error:
        return Part(code.label, "could not run", BESIDE, lines=lines, line=error.line, reason=str(error))
    on = ", ".join(f"{name} {np.shape(each)}" for name, each in zip(code.names, arrays, strict=True))
    without, missing = [name for name in missing if name in code.optional], [name for name in missing if name not in code.optional]
    said = f"{BESIDE}; of {', '.join(each.tensor for each in result.differences)}"
    said += f"; it returns no gradient of {', '.join(without)}" if without else ""
    part = Part(code.label, "agrees", said, sum(result.sizes.values()), lines=lines)
    if result.first is not None:
        why = factor_of(result.first.tensor, [result.ratios.get(result.first.tensor)]) if len(result.wrong) == 1 else None
        return replace(part, mark="wrong", beside=BESIDE, first=result.first, on=on, why=why)
    if missing or not part.compared:
        return replace(part, mark="not compared", reason=f"its gradient of {', '.join(missing or without)} was not found")
    if is_one:
        reason = f"it agrees for one record, {on}; for several its gradients have other shapes; is it meant for one record alone?"
        return replace(part, mark="not compared", reason=reason)
    return part


def _fittest(code: Code, seed: int) -> tuple[list[Array] | None, bool]:
    """Return the inputs that fit best, the first that fit in every way, and whether these are one record, and several do not fit.

    None where the code runs on none.
    """
    best: tuple[int, list[Array]] | None = None
    has_several = False
    for arrays in running(code, seed):
        unfitness = _unfitness(code, arrays)
        best = (unfitness, arrays) if best is None or unfitness < best[0] else best
        if unfitness == 0:
            break
        has_several |= not _is_one(code, arrays)
    return (None, False) if best is None else (best[1], has_several and best[0] == 0 and _is_one(code, best[1]))


def _is_one(code: Code, arrays: Sequence[Array]) -> bool:
    """Return whether no input of rows has several, and none of columns."""
    return not any(each.ndim > 1 and len(each) > 1 and each.shape[-1] > 1 for each in arrays[: len(arrays) - len(code.fixed)])


def running(code: Code, seed: int) -> Iterator[list[Array]]:
    """Yield inputs on which the code runs, with the same numbers on tensors, and a gradient at each of them."""
    random = np.random.default_rng((seed, 21))
    count = len(code.names) - len(code.fixed)
    found = failed = 0
    for number, shapes in enumerate(chain(code.shapes, product(_SHAPES, repeat=count))):
        arrays: list[Array] = [*(_drawn(random, shape) for shape in shapes), *code.fixed]
        if number >= _TRIED or found > _FOUND or failed > _FAILED:
            return
        try:
            out = np.asarray(code.forward(arrays), float)
        except Exception:      # whatever the code raises
            continue
        try:
            grads = _autograd(code, arrays, None)
        except Exception:      # whatever the code raises on tensors
            failed += 1
            continue
        if out.shape == grads[0].shape and np.allclose(out, grads[0].detach().numpy()) and all(each is not None for each in grads[1:]):
            found += 1
            yield arrays


def _drawn(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return drawn numbers; a square matrix is symmetric and above 0, as a graph's."""
    array = np.asarray(random.standard_normal(shape))
    return np.abs(array + array.T) if len(shape) == 2 and len({*shape}) == 1 else array


def _unfitness(code: Code, arrays: Sequence[Array]) -> int:
    """Return 0 where each gradient has its input's shape, 1 where some are missing, 2 for other shapes, 3 where it raises an error."""
    try:
        grads = code.backward(arrays, np.ones(np.shape(code.forward(arrays))))
    except Exception:      # whatever the code raises
        return 3
    if any(grad is not None and np.shape(grad) != np.shape(each) for grad, each in zip(grads, arrays, strict=True)):
        return 2
    return int(any(grad is None and name not in code.optional for name, grad in zip(code.names, grads, strict=True)))


def _autograd(code: Code, arrays: Sequence[Array], above: Array | None) -> list[Any]:
    """Return the output and the gradients, of ones or of a gradient from above."""
    leaves = [torch.from_numpy(np.array(each)).requires_grad_() for each in arrays]
    out = tensor_of(code.on_tensors([array_module().asarray(each.clone()) for each in leaves]))
    if out is None:
        raise ValueError("it gives no array")
    ahead = torch.randn_like(out) if above is None else torch.from_numpy(np.array(above))
    return [out, *torch.autograd.grad(out, leaves, ahead, allow_unused=True)]


def judged_on(file: PartsFile, code: Code, arrays: Sequence[Array], seed: int) -> tuple[Judged, list[str]]:
    """Return the judgement of the gradients at these inputs, and the names of those whose gradient was not found."""
    out = np.asarray(file.run(code.label, code.forward, arrays), float)
    above = code.size * np.asarray(np.random.default_rng((seed, 22)).standard_normal(out.shape)) if out.shape else np.ones(())
    grads = file.run(code.label, code.backward, arrays, above)
    named = dict(zip(code.names, grads, strict=True))
    shown: dict[Key, Any] = {("gradients", f"d{name}"): grad for name, grad in named.items() if grad is not None}

    def reference() -> dict[Key, Tensor]:
        found = zip(code.names, _autograd(code, arrays, above)[1:], strict=True)
        return {("gradients", f"d{name}"): each for name, each in found if ("gradients", f"d{name}") in shown}

    return file.run(code.label, judged, shown, reference, seed), [name for name, grad in named.items() if grad is None]
