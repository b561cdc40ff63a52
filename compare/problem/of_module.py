"""The problem of any `nn.Module`: module, loss, update, batches and initial parameters. Importing this module imports torch."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_map

from ..support.arrays import Array, Batch
from ..support.boundary import public
from ..support.errors import ProblemError
from ..support.kinds import kind_of
from .arrays import read_only
from .module_copy import as_array, copied_module, in_dtype
from .pieces import LOSSES, OPTIMIZERS, REDUCTIONS
from .validation import check_choice, check_flag, check_seed, checked_number, checked_optimizer_options, is_whole

DTYPES = {"float64": torch.float64, "float32": torch.float32, "bfloat16": torch.bfloat16}
DRAWN_BATCHES, DRAWN_LR = 5, 0.01
UNNAMED = "a function"
_TARGETS = ("target", "targets", "label", "labels", "y")      # a loss's second argument, where it has a default
_INPUTS, _PROJECTION = 3, 4      # part of the generators' seeds


@dataclass(frozen=True, kw_only=True, eq=False)
class ModuleProblem:
    """A module and its training. `module` is a copy, in `dtype`, which starts from `initial_parameters`, arrays by `state_dict` names.

    `batches` are tuples of arrays, or of nested tuples, lists and dicts of arrays. The last entry is the target, if the loss takes one;
    the others are the module's arguments. After the last batch follows the first again. Arrays are read-only; those of floating point are
    in `dtype`, where bfloat16 is held in float32.

    `loss` is a row of `compare.problem.pieces` with its `reduction`, or a callable (output, target) → scalar, or (output) → scalar.
    `optimizer` is a row too, with its `optimizer_options`, or a callable that returns a `torch.optim.Optimizer` of the parameters it is
    given. `lr` is a number, a sequence of one for each step, or a callable of the step, from 1; by default the optimiser's own. Gradients
    are clipped to a norm of `clip_grad_norm`, and then their numbers to ±`clip_grad_value`, if given. Before each step PyTorch's generators
    are seeded from `seed` and the step.

    With `input_gradients` the gradients of inputs of floating point have to be there; else they are compared where both sides make them.
    `tf32` is the precision of products on CUDA.
    """

    module: nn.Module
    batches: tuple[Batch, ...]
    loss: str | Callable[..., Any]
    has_target: bool
    reduction: str = "mean"
    optimizer: str | Callable[..., Any] = "sgd"
    optimizer_options: Mapping[str, Any] = field(default_factory=dict)
    lr: float | Sequence[float] | Callable[[int], float] | None = None
    clip_grad_norm: float | None = None
    clip_grad_value: float | None = None
    dtype: str = "float64"
    seed: int = 21
    input_gradients: bool = False
    tf32: bool = False
    initial_parameters: Mapping[str, Array] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The module's class, the loss and the optimiser, in a few words."""
        return ", ".join([type(self.module).__name__, name_of(self.loss), name_of(self.optimizer)])

    @property
    def array_dtype(self) -> str:
        """The dtype of arrays that hold the numbers: float32 for bfloat16, which NumPy does not have."""
        return "float32" if self.dtype == "bfloat16" else self.dtype

    def batch(self, step: int) -> Batch:
        """Return the arguments and the target, if any, of that step, counted from 1."""
        return self.batches[(step - 1) % len(self.batches)]

    def lr_at(self, step: int) -> float | None:
        """Return the learning rate of that step, counted from 1, or None where it is the optimiser's own."""
        if self.lr is None or isinstance(self.lr, (int, float)):
            return self.lr
        if callable(self.lr):
            try:
                return checked_number(f"lr of step {step}", self.lr(step), least=0)
            except TypeError as error:
                raise ProblemError(f"lr cannot be called with the step: {error}; expected a function of one number") from None
        if step > len(self.lr):
            raise ProblemError(f"lr has {len(self.lr)} numbers; expected one for each step, and this is step {step}")
        return self.lr[step - 1]

    def seed_of(self, step: int) -> int:
        """Return the seed of PyTorch's generators in that step."""
        return int(np.random.SeedSequence((self.seed, step)).generate_state(1, np.uint64)[0] >> np.uint64(1))


def name_of(part: Any) -> str:
    """Return the name of a loss or an optimiser, of a function or an object its own or its class's."""
    name: str = part if isinstance(part, str) else getattr(part, "__name__", type(part).__name__)
    return name.replace("<lambda>", UNNAMED).strip("_")


@public
def module_problem(
    module: Any,
    *,
    batches: Any = None,
    inputs: Any = None,
    loss: Any = None,
    reduction: str = "mean",
    optimizer: Any = "sgd",
    optimizer_options: Mapping[str, Any] | None = None,
    lr: Any = None,
    clip_grad_norm: float | None = None,
    clip_grad_value: float | None = None,
    dtype: Any = None,
    seed: int = 21,
    tf32: bool = False,
    initial_parameters: Mapping[str, Any] | None = None,
) -> ModuleProblem:
    """Return the problem; without `batches`, of inputs of that shape, or those shapes, drawn from a standard normal distribution.

    Without a loss it is Σ output · r / n for n records, with r drawn too. `dtype` is by default the module's own.
    Raises ProblemError for what cannot be trained.
    """
    if not isinstance(module, nn.Module):
        what = f"the class {module.__name__}" if isinstance(module, type) else kind_of(module)
        raise ProblemError(f"the reference is {what}; expected an object of torch.nn.Module")
    check_seed(seed)
    check_flag("tf32", tf32)
    name = _dtype_of(module, dtype)
    if (batches is None) == (inputs is None):
        found = "neither batches nor inputs are" if batches is None else "batches and inputs are both"
        raise ProblemError(f"{found} given; expected batches of arrays, or inputs as a shape to draw them of")
    if loss is None and batches is not None:
        raise ProblemError(f"loss is None; expected one of {', '.join(LOSSES)}, or a function of the output and the target")
    if isinstance(loss, str):
        check_choice("loss", loss, LOSSES)
    elif loss is not None and (isinstance(loss, type) or not callable(loss)):
        raise ProblemError(f"loss is {kind_of(loss)}; expected one of {', '.join(LOSSES)}, or a function of the output and the target")
    check_choice("reduction", reduction, REDUCTIONS)
    if isinstance(optimizer, str):
        check_choice("optimizer", optimizer, OPTIMIZERS)
        optimizer_options = checked_optimizer_options(optimizer, optimizer_options or {}, "float32" if name == "bfloat16" else name)
        lr = DRAWN_LR if lr is None else lr
    elif not callable(optimizer):
        example = "lambda parameters: torch.optim.SGD(parameters, lr=0.1)"
        raise ProblemError(f"optimizer is {kind_of(optimizer)}; expected one of {', '.join(OPTIMIZERS)}, or a function such as {example}")
    elif optimizer_options:
        raise ProblemError("optimizer_options are given with an optimizer that is a function; expected them inside it")
    has_target = loss is not None and (isinstance(loss, str) or _takes_target(loss))
    drawn = _drawn(inputs, seed) if batches is None else batches
    own = in_dtype(copied_module(module, "the reference"), DTYPES[name])
    converted = _checked_batches(drawn, has_target, "float32" if name == "bfloat16" else name)
    entries = tree_flatten(converted[0][:-1] if has_target else converted[0])[0]
    has_float = any(isinstance(each, np.ndarray) and each.dtype.kind == "f" for each in entries)
    has_parameters = any(each.is_floating_point() and each.requires_grad for each in own.parameters())
    if not (has_float or has_parameters):
        raise ProblemError("no parameter of the module is trained, and no input is of floating point; expected one that has a gradient")
    clips = {"clip_grad_norm": clip_grad_norm, "clip_grad_value": clip_grad_value}
    return ModuleProblem(
        module=own,
        batches=converted,
        loss=_Projection(seed) if loss is None else loss,
        has_target=has_target,
        reduction=reduction,
        optimizer=optimizer,
        optimizer_options=optimizer_options or {},
        lr=_checked_lr(lr),
        **{name: None if most is None else checked_number(name, most, above=0) for name, most in clips.items()},
        dtype=name,
        seed=seed,
        input_gradients=batches is None or not has_parameters,
        tf32=tf32,
        initial_parameters=_initial(own, initial_parameters or {}),
    )


class _Projection:
    """The loss Σ output · r / n, with r drawn for the output's shape."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(self, output: Any) -> Tensor:
        """Return the loss of a tensor, or of all tensors of floating point in the output."""
        outputs = [each for each in tree_flatten(output)[0] if isinstance(each, Tensor) and each.is_floating_point()]
        if not outputs:
            raise ProblemError(f"the module returns {kind_of(output)}; expected a tensor of floating point, or several")
        generator = np.random.default_rng((self.seed, _PROJECTION))
        total = outputs[0].new_zeros(())
        for each in outputs:
            r = torch.tensor(generator.normal(size=each.shape)).to(each)
            total = total + (each * r).sum() / (len(each) if each.dim() else 1)
        return total


def _dtype_of(module: nn.Module, dtype: Any) -> str:
    if dtype is None:
        own = next((each.dtype for each in module.parameters() if each.is_floating_point()), torch.float64)
        dtype = own if own in DTYPES.values() else torch.float32
    name = str(dtype).removeprefix("torch.")
    check_choice("dtype", name, DTYPES)
    return name


def _takes_target(loss: Callable[..., Any]) -> bool:
    """Return whether the loss takes two arguments."""
    try:
        signature = inspect.signature(loss.forward if isinstance(loss, nn.Module) else loss)
    except (TypeError, ValueError):      # of a function in C nobody knows
        return True
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    positional = [each for each in signature.parameters.values() if each.kind in kinds]
    is_target = [each.default is inspect.Parameter.empty or each.name in _TARGETS for each in positional]
    return sum(is_target) > 1 or any(each.kind == inspect.Parameter.VAR_POSITIONAL for each in signature.parameters.values())


def _drawn(inputs: Any, seed: int) -> list[Batch]:
    """Return batches of that shape, or those shapes."""
    is_one = isinstance(inputs, (tuple, list)) and bool(inputs) and all(is_whole(n, least=0) for n in inputs)
    shapes = [inputs] if is_one else inputs
    if not (isinstance(shapes, (tuple, list)) and shapes and all(isinstance(each, (tuple, list)) for each in shapes)):
        raise ProblemError(f"inputs are {inputs!r}; expected a shape such as (8, 16), or several; tokens and masks go into batches")
    if not all(is_whole(n, least=1) for shape in shapes for n in shape):
        raise ProblemError(f"inputs are {inputs!r}; expected shapes of whole numbers, each at least 1")
    generator = np.random.default_rng((seed, _INPUTS))
    return [tuple(generator.normal(size=tuple(shape)) for shape in shapes) for _ in range(DRAWN_BATCHES)]


def _checked_batches(batches: Any, has_target: bool, dtype: str) -> tuple[Batch, ...]:
    if not isinstance(batches, (tuple, list)):
        raise ProblemError(f"batches are {kind_of(batches)}; expected a list of tuples, such as [(x, y), …]")
    if not batches:
        raise ProblemError("there is no batch; expected at least one to train on")
    converted = []
    for i, batch in enumerate(batches):
        entries = tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)
        if len(entries) < 1 + has_target:
            expected = "inputs and a target, since the loss takes one" if has_target else "inputs"
            raise ProblemError(f"batch {i + 1} has {len(entries)} entries; expected {expected}")
        where = f"batch {i + 1}"
        converted.append(tree_map(lambda each, where=where: _converted(each, dtype, where), entries))
    return tuple(converted)


def _converted(entry: Any, dtype: str, where: str) -> Any:
    """Return an array or tensor as a read-only array, in that dtype if it is of floating point; None, bools and strings as they are."""
    if entry is None or isinstance(entry, (bool, str)):
        return entry
    if isinstance(entry, Tensor):
        if entry.layout is not torch.strided or entry.is_meta:
            raise ProblemError(f"{where} has a tensor that is {'meta' if entry.is_meta else entry.layout}; expected a dense one")
        entry = (entry.detach().float() if entry.dtype in (torch.bfloat16, torch.float16) else entry.detach()).numpy(force=True)
    try:
        array = np.array(entry)
    except (TypeError, ValueError):
        array = np.array(None)
    if array.dtype.kind not in "fiub":
        raise ProblemError(f"{where} has {kind_of(entry)} in it; expected arrays or tensors of numbers")
    if not array.size:
        raise ProblemError(f"{where} has an array of shape {list(array.shape)}; expected at least one number")
    if array.dtype.kind == "f":
        array = array.astype(dtype)
        if not np.isfinite(array[~np.isinf(array)]).all():
            raise ProblemError(f"{where} holds NaN; expected numbers")
    return read_only(array)


def _checked_lr(lr: Any) -> Any:
    if lr is None or callable(lr):
        return lr
    if isinstance(lr, (tuple, list, np.ndarray)):
        return tuple(checked_number(f"lr of step {i + 1}", each, least=0) for i, each in enumerate(lr))
    return checked_number("lr", lr, above=0)


def _initial(module: nn.Module, given: Any) -> dict[str, Array]:
    """Load the given parameters and buffers into the module, and return all parameters."""
    if not isinstance(given, Mapping):
        raise ProblemError(f"initial_parameters are {kind_of(given)}; expected arrays by name")
    own: dict[str, Tensor] = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    unknown = [name for name in given if name not in own]
    if unknown:
        raise ProblemError(f"initial_parameters have {', '.join(map(str, unknown))}; expected some of {', '.join(own) or 'none'}")
    for name, value in given.items():
        array = value.detach().double().numpy(force=True) if isinstance(value, Tensor) else np.array(value)
        if array.dtype.kind not in "fiub" or not np.isfinite(array).all():
            raise ProblemError(f"initial parameter {name} is {kind_of(value)}; expected finite numbers")
        tensor = torch.tensor(array)
        if tensor.shape != own[name].shape:
            raise ProblemError(f"initial parameter {name} has shape {list(tensor.shape)}; expected {list(own[name].shape)}")
        with torch.no_grad():
            own[name].copy_(tensor)
    return {name: read_only(as_array(each).copy()) for name, each in module.named_parameters()}
