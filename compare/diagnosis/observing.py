"""Run an attempt on the probes and collect every number that it shows, by stage, step and layer, in the problem's own layout."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from ..problem.problem import Problem
from ..support.arrays import Array
from ..support.kinds import kind_of
from ..userfile.conventions import NEW_PARAMETERS, ContractError, Convention, numbers, short_name
from .graph import Node, Run, Step, place_of, places
from .handed import Handed, differ
from .probes import Probe, steps_of
from .stages import Group, in_order, stage_name

_ACTIVATION_STAGES = ("z", "u", "a", "delta")      # named in a trace by the stage and the layer's number
_PARAMETER_STAGES = {"d": "used", "step_": "step", "v": "velocity", "": "after"}      # by the prefix of the parameter's name in a trace
_ADDED = ("used", "step", "velocity")      # stages that are added to an array, and may be one number for all of it
_Named = tuple[str, int, tuple[int, ...], str | None]      # of a trace's name: the stage, layer, shape, and the parameter, if it is of one


class Callee(Protocol):
    """Something with functions of the contract: a user's file."""

    @property
    def functions(self) -> Sequence[str]:
        """The names of the functions that it offers."""

    def call(self, function: str, *args: Any) -> Any:
        """Return the function's answer."""

    def takes(self, function: str) -> int:
        """Return how many arguments the function takes, without an adapter's first."""


@dataclass
class Observed:
    """The steps of the probes, the numbers that the attempt shows of them, and notes for the report."""

    steps: list[Step] = field(default_factory=list)
    shown: dict[Node, Array] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    works_in_place: bool = False
    skipped: frozenset[str] = frozenset()  # functions that are not called
    answered: set[str] = field(default_factory=set)  # functions that did not return NotImplemented
    _right: Run | None = field(default=None, repr=False)

    def right(self, problem: Problem) -> Run:
        """Return the right run of the same steps, from the parameters that each started from; only once all steps are observed."""
        if self._right is None:
            self._right = Run(problem, self.steps)
        return self._right


class FaultError(Exception):
    """An answer that cannot be compared, of which function, at which step (from 1).

    `groups` are the stages and layers that it shows, if they are known. `entries` are the names of a trace with this fault; the others
    can be compared.
    """

    def __init__(self, kind: str, function: str, step: int, reason: str, group: Group | None = None) -> None:
        super().__init__(reason)
        self.kind, self.function, self.step = kind, function, step
        self.groups: tuple[Group, ...] = () if group is None else (group,)
        self.entries: tuple[Any, ...] = ()


def observe(fresh: Callable[[], Callee], problem: Problem, probes: tuple[Probe, ...], convention: Convention, observed: Observed) -> None:
    """Call an attempt, started anew for each probe, for every step of the probes, and add its answers to `observed`.

    Raises FaultError for an answer that breaks the contract, and lets through what the attempt itself raises.
    """
    befores: list[dict[str, Array]] = []
    for probe in probes:
        attempt = fresh()
        params = {name: array.copy() for name, array in probe.parameters.items()}
        handed = Handed()
        for (x, y), lr in zip(probe.batches, probe.lrs, strict=True):
            befores.append(params)
            index = len(befores) - 1
            step = _Step(attempt, problem, convention, steps_of(probes, befores)[index], index, observed, handed)
            params = step.observed(x, y, lr)
    observed.steps = steps_of(probes, befores)
    observed.shown = in_order(observed.shown)


def changed_stage(problem: Problem, observed: Observed, again: Observed) -> str | None:
    """Return a sentence with the first stage that the same calls answered differently, beyond rounding; or None."""
    run = observed.right(problem)
    for node, second in again.shown.items():
        with np.errstate(all="ignore"):
            bound = run.worked_out(*node).error
            is_same = node in observed.shown and (np.abs(observed.shown[node] - second) <= bound) | (observed.shown[node] == second)
        if not np.all(is_same):
            return f"a different answer on the same call twice: {stage_name(problem, (node[0], node[2]))} at step {node[1] + 1}"
    return None


class _Step:
    """One step of a probe, which calls every function that the attempt offers."""

    def __init__(
        self, attempt: Callee, problem: Problem, convention: Convention, facts: Step, index: int, observed: Observed, handed: Handed
    ) -> None:
        self.attempt, self.problem, self.convention, self.index = attempt, problem, convention, index
        self.before, self.so_far, self.handed = dict(facts.before), observed, handed
        self.masks = [facts.masks[layer] for layer in sorted(facts.masks)]
        self.right = Run(problem, [replace(facts, number=1, previous=None)])

    def observed(self, x: Array, y: Array, lr: float) -> dict[str, Array]:
        """Call every function that is offered, and return the parameters that the next step starts from."""
        offered = set(self.attempt.functions) - self.so_far.skipped
        if "forward" in offered and (answer := self._asked("forward", x)) is not NotImplemented:
            self._forward(answer)
        if "loss" in offered:
            self._loss(y)
        if "trace" in offered:
            takes_lr = self.attempt.takes("trace") >= 4 + bool(self.masks)
            answer = self._asked("trace", x, y, lr=lr if takes_lr else None)
            if answer is not NotImplemented:
                self._trace(answer, len(x), knows_lr=takes_lr or lr == self.problem.lr)
        if "gradients" in offered and (answer := self._asked("gradients", x, y)) is not NotImplemented:
            self._show_parameters("used", self._parameters(answer, "gradients", "the gradients"))
        if "train_step" in offered and (answer := self._asked("train_step", x, y, lr=lr)) is not NotImplemented:
            after = self._parameters(answer, "train_step", NEW_PARAMETERS)
            self._show_parameters("after", after)
            return after
        with np.errstate(all="ignore"):
            return {self.right.name(*place): self.right(f"{place[0]}_after", 0, place[1]).value for place in places(self.problem)}

    def _asked(self, function: str, x: Array, y: Array | None = None, lr: float | None = None) -> Any:
        """Return the function's answer; raise FaultError if it changes an argument that it must not change."""
        params = self.convention.parameters_in(self.problem, self.before) if self.handed.params is None else self.handed.params
        untouched = self.convention.parameters_in(self.problem, self.before)
        rows = {"x": x} if y is None else {"x": x, "y": y}
        given = {name: self.handed.the_same(array, self.convention.records_in) for name, array in rows.items()}
        copies = {name: array.copy() for name, array in given.items()}
        masks = self.convention.masks_in(self.masks)
        rest: list[Any] = ([] if lr is None else [lr]) + ([masks] if masks else [])
        answer = self.attempt.call(function, params, *given.values(), *rest)
        self.so_far.answered |= set() if answer is NotImplemented else {function}
        for name, array in given.items():
            if not np.array_equal(array, copies[name]):
                raise self._fault("mutated", function, f"{function} changes {name}, which is the caller's; expected it to work on a copy")
        if differ(masks, self.convention.masks_in(self.masks)):
            raise self._fault("mutated", function, f"{function} changes the masks, which are the caller's; expected it to work on copies")
        is_changed = differ(params, untouched)
        if function != "train_step" and is_changed:
            raise self._fault("mutated", function, f"{function} changes the parameters that it is given; expected it to leave them")
        if function == "train_step" and answer is None and (is_changed or self.so_far.works_in_place):
            self.so_far.works_in_place = True
            answer = self.handed.params = params
        if answer is not params:      # which an attempt that works in place changes again in the next step
            with self._read(function):
                for note in self.handed.aliases(function, self.index + 1, answer, given):
                    self._note(note)
        return answer

    def _note(self, note: str) -> None:
        if note.partition(" at step")[0] not in {each.partition(" at step")[0] for each in self.so_far.notes}:
            self.so_far.notes.append(note)

    def _forward(self, answer: Any) -> None:
        """Record the output, alone or first of a tuple with the cache for the backward pass; or each layer's activation."""
        depth, n = self.right.depth, len(self.right.steps[0].x)
        parts = answer if isinstance(answer, (list, tuple)) else ()
        sizes = [n * units for units in self.problem.sizes[1:]]
        if [part.size if isinstance(part, np.ndarray) else None for part in parts][-depth:] == sizes and len(parts) in (depth, depth + 1):
            for layer, activation in enumerate(parts[-depth:], start=1):
                shape = n, self.problem.sizes[layer]
                array = self._checked("forward", ("a", layer), self.convention.records_out, activation, shape, f"activation {layer}")
                self._show("a", layer, array)
            return
        output = parts[0] if isinstance(answer, tuple) and parts and isinstance(parts[0], np.ndarray) else answer
        shape = n, self.problem.sizes[-1]
        self._show("output", 0, self._checked("forward", ("output", 0), self.convention.records_out, output, shape, "the output"))

    def _loss(self, y: Array) -> None:
        output = self.so_far.shown.get(("output", self.index, 0))
        if output is None:
            with np.errstate(all="ignore"):
                output = self.right("output", 0).value
        given = self.convention.records_in(output), self.convention.records_in(y)
        copies = [array.copy() for array in given]
        answer = self.attempt.call("loss", *given)
        if answer is NotImplemented:
            return
        if not all(np.array_equal(one, other) for one, other in zip(given, copies, strict=True)):
            raise self._fault("mutated", "loss", "loss changes what it is given; expected it to work on a copy")
        self._show_loss("loss", answer, "the loss")

    def _show_loss(self, function: str, answer: Any, what: str) -> None:
        value = self._checked(function, ("loss", 0), numbers, answer, what)
        if value.size != 1:
            raise self._fault("shape", function, f"{what} has shape {value.shape}; expected one number")
        self._show("loss", 0, value.reshape(()))

    def _trace(self, answer: Any, n: int, knows_lr: bool) -> None:
        """Record the numbers of a trace; if it does not know the learning rate, none that depend on it."""
        if not isinstance(answer, Mapping):
            raise self._fault("type", "trace", f"trace answers {kind_of(answer)}; expected a dict of named intermediates")
        expected = self._trace_names(n)
        with self._read("trace"):
            shown = dict(answer.items())
        unknown = [name for name in shown if name not in expected and name not in ("input", "loss")]
        if unknown:
            names = ", ".join([*expected, "loss"])
            fault = self._fault("missing", "trace", f"trace names {', '.join(map(str, unknown))}; expected names such as {names}")
            fault.entries = tuple(unknown)
            raise fault
        faults: dict[str, FaultError] = {}
        for name, value in shown.items():
            try:
                if name == "loss" and "loss" not in self.so_far.skipped:
                    self._show_loss("trace", value, "trace: loss")
                elif name not in ("input", "loss"):
                    self._trace_entry(name, value, expected[name], knows_lr)
            except FaultError as fault:
                faults[name] = fault
        if faults:
            first = next(iter(faults.values()))
            alike = {name: fault for name, fault in faults.items() if fault.kind == first.kind}
            first.entries, first.groups = tuple(alike), tuple(group for fault in alike.values() for group in fault.groups)
            raise first

    def _trace_entry(self, name: str, value: Any, named: _Named, knows_lr: bool) -> None:
        stage, layer, shape, parameter = named
        if stage in ("step", "velocity", "after") and not knows_lr:
            return
        if parameter is None:
            self._show(stage, layer, self._checked("trace", (stage, layer), self.convention.records_out, value, shape, f"trace: {name}"))
            return
        shape, spread = self.problem.shapes()[parameter], self._note if stage in _ADDED else None
        group = f"{place_of(self.problem, parameter)[0]}_{stage}", layer
        array = self._checked("trace", group, self.convention.parameter_out, value, shape, f"trace: {parameter}", spread)
        self._show_parameters(stage, {parameter: array})

    def _trace_names(self, n: int) -> dict[str, _Named]:
        """Return the names that a trace may have, for a batch of n records."""
        names: dict[str, _Named] = {}
        for layer, units in enumerate(self.problem.sizes[1:], start=1):
            names |= {f"{stage}{layer}": (stage, layer, (n, units), None) for stage in _ACTIVATION_STAGES}
        names["output"] = ("output", 0, (n, self.problem.sizes[-1]), None)
        for parameter in self.problem.shapes():
            short, layer = short_name(self.problem, parameter), place_of(self.problem, parameter)[1]
            names |= {f"{prefix}{short}": (stage, layer, (), parameter) for prefix, stage in _PARAMETER_STAGES.items()}
        return names

    def _parameters(self, answer: Any, function: str, what: str) -> dict[str, Array]:
        spread = self._note if function == "gradients" else None
        arrays: dict[str, Array] = self._checked(function, None, self.convention.parameters_out, self.problem, answer, what, spread)
        return arrays

    def _show_parameters(self, stage: str, arrays: Mapping[str, Array]) -> None:
        for name, array in arrays.items():
            kind, layer = place_of(self.problem, name)
            self._show(f"{kind}_{stage}", layer, array)

    def _show(self, stage: str, layer: int, array: Array) -> None:
        self.so_far.shown[stage, self.index, layer] = array
        if (stage, layer) == ("a", self.right.depth):
            self.so_far.shown.setdefault(("output", self.index, 0), array)

    def _checked(self, function: str, group: Group | None, make: Callable[..., Any], *args: Any) -> Any:
        """Return what `make` makes of the arguments; raise FaultError where that breaks the contract."""
        with self._read(function):
            try:
                return make(*args)
            except ContractError as error:
                raise self._fault(error.kind, function, str(error), group) from None

    @contextmanager
    def _read(self, function: str) -> Iterator[None]:
        """Turn whatever an answer raises while it is read, SystemExit too, into a FaultError."""
        try:
            yield
        except (FaultError, KeyboardInterrupt, MemoryError):
            raise
        except BaseException as error:
            raise self._fault("type", function, f"what {function} answers cannot be read: it raises {type(error).__name__}") from error

    def _fault(self, kind: str, function: str, reason: str, group: Group | None = None) -> FaultError:
        return FaultError(kind, function, self.index + 1, reason, group)
