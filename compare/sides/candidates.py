"""What may stand beside a module, each as an `Implementation`: another module, a function of gradients, a side with other names."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from ..problem.module_copy import as_array
from ..problem.of_module import ModuleProblem
from ..support.arrays import Array
from ..support.errors import CompareError, ProblemError
from ..support.kinds import kind_of
from ..support.suggest import did_you_mean
from .interface import PHASES, BecomesSide, Implementation, StepRecord, abilities_of
from .module import ModuleSide

FUNCTION = "gradients"      # of a candidate's functions the one that is called
Names = Mapping[str, str]      # theirs: ours


def candidate_of(candidate: Any, problem: ModuleProblem, names: Names | None = None, *, stages: bool = True) -> Implementation:
    """Return the candidate as an `Implementation` of the problem's names.

    It is a module, an `Implementation`, a recorded run, or a function `gradients(params, *batch)`, by itself, in a mapping, or in a module
    or object. `names` map its names to the reference's, where they differ. Raises ProblemError for anything else.
    """
    names = _checked_names(names, problem)
    if isinstance(candidate, type):
        raise ProblemError(f"the candidate is the class {candidate.__name__}; expected an object, {candidate.__name__}(…)")
    if isinstance(candidate, nn.Module):
        return _module_side(candidate, problem, names, stages)
    if isinstance(candidate, BecomesSide):
        if names or not stages:
            raise ProblemError("names or stages are given with a recorded run; expected them in the call of record")
        return candidate.as_side(problem)
    is_side = isinstance(candidate, Implementation)
    function = None if is_side else _function(candidate)
    if function is None and not is_side:
        expected = "a torch.nn.Module, an object with load_state_dict, step and predict, or a function gradients(params, *batch)"
        raise ProblemError(f"the candidate is {kind_of(candidate)}; expected {expected}")
    if _draws(problem) and not (is_side and abilities_of(candidate).draws):
        which = ", ".join(path for path, module in problem.module.named_modules() if isinstance(module, nn.modules.dropout._DropoutNd))
        raise ProblemError(
            f"the reference draws random numbers ({which or 'in its own code'}), which a candidate outside PyTorch does not get; expected "
            "dropout's masks among the inputs, a reference in eval(), or a candidate that draws from torch's seeded generator and declares "
            "abilities = Abilities(draws=True)"
        )
    side = candidate if function is None else GradientsSide(function, problem, names)
    return Renamed(side, names) if names and function is None else side


def _module_side(candidate: nn.Module, problem: ModuleProblem, names: Names, stages: bool) -> ModuleSide:
    check_apart(names, [name for name, _ in (*candidate.named_parameters(), *candidate.named_buffers())])
    side = ModuleSide(problem, candidate, stages=stages, names=names)
    own = {name: tuple(each.shape) for name, each in side.parameters.items()}
    right = {name: tuple(each.shape) for name, each in problem.module.named_parameters()}
    if own != right:
        wrong = [name for name in {**right, **own} if own.get(name) != right.get(name)]
        pairs = ((name, _shape(own.get(name)), _shape(right.get(name))) for name in wrong[:8])
        said = "; ".join(f"{name} is {ours} in the candidate and {theirs} in the reference" for name, ours, theirs in pairs)
        raise ProblemError(f"the parameters do not match: {said}; expected the same names and shapes, or names={{theirs: ours}}")
    return side


def _shape(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else f"of shape {list(shape)}"


def _draws(problem: ModuleProblem) -> bool:
    """Return whether the reference's first step depends on the seed of PyTorch's generators."""
    sides = ModuleSide(problem, plain=True), ModuleSide(problem, plain=True)
    first, other = (side.numbers(1, problem.batch(1), seed=seed) for side, seed in zip(sides, (1, 2), strict=True))
    return not all(torch.equal(first[key].nan_to_num(), other[key].nan_to_num()) for key in first)


def _function(candidate: Any) -> Callable[..., Any] | None:
    """Return the function of gradients of a candidate: itself, or the one of that name."""
    found = candidate.get(FUNCTION) if isinstance(candidate, Mapping) else getattr(candidate, FUNCTION, candidate)
    return found if callable(found) and not isinstance(found, type) else None


def _checked_names(names: Any, problem: ModuleProblem) -> Names:
    if names is None:
        return {}
    if not isinstance(names, Mapping) or not all(isinstance(each, str) for pair in names.items() for each in pair):
        raise ProblemError(f"names are {kind_of(names)}; expected a mapping from the candidate's names to the reference's")
    ours = {name for name, _ in (*problem.module.named_parameters(), *problem.module.named_buffers(), *problem.module.named_modules())}
    unknown = [name for name in names.values() if name not in ours]
    if unknown:
        known, meant = ", ".join(name for name, _ in problem.module.named_parameters()), did_you_mean(unknown[0], sorted(ours))
        raise ProblemError(f"names map to {', '.join(unknown)}, which the reference does not have; expected some of {known}{meant}")
    doubled = sorted({name for name in names.values() if list(names.values()).count(name) > 1})
    if doubled:
        raise ProblemError(f"names map twice to {', '.join(doubled)}; expected each once")
    return names


def check_apart(names: Names, own: Collection[str]) -> None:
    """Raise ProblemError where one name of the candidate's is mapped to another of its own, which keeps its name."""
    twice = [theirs for theirs, ours in names.items() if theirs in own and ours in own and names.get(ours, ours) == ours and ours != theirs]
    if twice:
        said = ", ".join(f"{theirs} to {names[theirs]}" for theirs in twice)
        raise ProblemError(f"names map {said}, which the candidate has, too; expected another name for each")


@dataclass
class Renamed:
    """An `Implementation` that has other names for parameters, buffers and stages."""

    side: Implementation
    names: Names

    def __post_init__(self) -> None:
        self.abilities = abilities_of(self.side)
        self._theirs = {ours: theirs for theirs, ours in self.names.items()}

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        """Load the parameters under the side's own names."""
        self.side.load_state_dict({self._theirs.get(name, name): array for name, array in params.items()})

    def step(self, *batch: Any) -> StepRecord:
        """Return the side's record under the reference's names."""
        record = self.side.step(*batch)
        if not isinstance(record, StepRecord):
            return record
        fields: dict[str, Any] = {}
        for phase in PHASES:
            shown = getattr(record, phase)
            fields[phase] = self._ours(phase, shown) if isinstance(shown, Mapping) else shown
        return StepRecord(**fields)

    def predict(self, *inputs: Any) -> Array:
        """Return the side's prediction."""
        return self.side.predict(*inputs)

    def _ours(self, phase: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
        if phase != "state":
            check_apart(self.names, arrays)
            return {self.names.get(name, name): array for name, array in arrays.items()}
        split = {name: name.rpartition(".") for name in arrays}
        check_apart(self.names, [owner for owner, _, _ in split.values()])
        return {f"{self.names.get(owner, owner)}.{slot}": arrays[name] for name, (owner, _, slot) in split.items()}


class GradientsSide:
    """A function `gradients(params, *batch)`, trained with the problem's own optimiser; it returns gradients by name, or (loss, gradients).

    Its arguments are arrays: the parameters by name, and the batch's entries.
    """

    def __init__(self, function: Callable[..., Any], problem: ModuleProblem, names: Names) -> None:
        self.function, self.names = function, {ours: theirs for theirs, ours in names.items()}
        self.trainer = ModuleSide(problem)

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        """Copy these parameters, and start a fresh optimiser."""
        self.trainer.load_state_dict(params)

    def step(self, *batch: Any) -> StepRecord:
        """Call the function, and make the step of the optimiser with its gradients."""
        trained = {name: each for name, each in self.trainer.parameters.items() if each.requires_grad}
        params = {self.names.get(name, name): as_array(each).copy() for name, each in self.trainer.parameters.items()}
        try:
            result = self.function(params, *batch)
        except CompareError:
            raise
        except NotImplementedError as error:
            raise ProblemError(f"{FUNCTION} is not written yet: {(str(error).splitlines() or ['it says no more'])[0]}") from error
        except Exception as error:
            said = f"{FUNCTION} raised {type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
            raise ProblemError(f"{said}; expected a function of params ({', '.join(params)}) and the batch's entries") from error
        loss, grads = result if isinstance(result, tuple) and len(result) == 2 else (None, result)
        if not isinstance(grads, Mapping):
            expected = "a mapping from each parameter's name to its gradient, or (loss, mapping)"
            raise ProblemError(f"{FUNCTION} returned {kind_of(result)}; expected {expected}")
        theirs = {name: self.names.get(name, name) for name in trained}
        wrong = {"lacks": sorted(set(theirs.values()) - set(grads)), "has the unknown": sorted(set(map(str, grads)) - set(theirs.values()))}
        faults = [f"{what} {', '.join(names)}" for what, names in wrong.items() if names]
        if faults:
            raise ProblemError(f"what {FUNCTION} returned {' and '.join(faults)}; expected {', '.join(theirs.values())}")
        arrays = {name: _as_numbers(grads[theirs[name]], name, each.shape) for name, each in trained.items()}
        self.trainer.steps += 1
        self.trainer.update(self.trainer.steps, arrays)
        after = self.trainer.state()
        state = {name: as_array(each) for (phase, name), each in after.items() if phase == "state"}
        shown = {name: as_array(each).copy() for name, each in self.trainer.parameters.items()}
        value = None if loss is None else np.asarray(loss.detach().cpu() if isinstance(loss, torch.Tensor) else loss)
        if value is not None and (value.shape != () or value.dtype.kind not in "fi"):
            raise ProblemError(f"the loss that {FUNCTION} returned is {kind_of(loss)}; expected a number")
        value = None if value is None else value.astype(self.trainer.problem.array_dtype)
        return StepRecord(loss=value, grads=arrays, state=state, params=shown)

    def predict(self, *inputs: Any) -> Array:
        """Raise NotImplementedError, as gradients predict nothing."""
        raise NotImplementedError


def _as_numbers(grad: Any, name: str, shape: Any) -> Array:
    array = np.array(as_array(grad) if isinstance(grad, torch.Tensor) else grad)
    if array.shape != tuple(shape) or array.dtype.kind not in "fi":
        found = f"of shape {list(array.shape)}" if array.dtype.kind in "fi" else f"of shape {list(array.shape)} and dtype {array.dtype}"
        found = "None, as of a function without a return" if grad is None else found
        raise ProblemError(f"the gradient of {name} is {found}; expected numbers of shape {list(shape)}")
    return array
