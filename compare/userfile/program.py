"""A program in any language at the end of the pipe, as an attempt whose steps are checked like those of a file's functions."""

import shlex
from collections.abc import Mapping, Sequence
from json import dumps
from types import MappingProxyType
from typing import Any

import numpy as np

from ..problem.problem import Problem
from ..support.arrays import Array
from ..support.boundary import public_methods
from ..support.errors import ProblemError
from .conventions import Convention, short_name
from .file import AttemptError
from .pipe.frames import HELLO, LOAD, PREDICT, STEP
from .pipe.peer import TIMEOUT, Peer, PeerError
from .source import UnusableFileError

__all__ = ["TIMEOUT", "Program"]

_OF_LAYERS = {"activations": "a", "errors": "delta"}      # the phases of a `StepRecord`, and the prefix of their names in a trace
_OF_PARAMETERS = {"grads": "d", "deltas": "step_", "params": ""}
_OWN = Convention()


@public_methods
class Program:
    """A program started by this command, which speaks the protocol of docs/protocol.md.

        check(Program("./my_network"), problem={"sizes": (4, 5, 2), "bias": True})

    It has `timeout` seconds for each answer, and arrays in the contract's own layout. Raises ProblemError for a command that is empty, or
    has an open quote.
    """

    functions: Sequence[str] = ("forward", "trace", "train_step")
    problem: Mapping[str, Any] = MappingProxyType({})
    conventions: Mapping[str, Any] = MappingProxyType(_OWN.__dict__)
    text, path = "", None

    def __init__(self, command: str | Sequence[str], timeout: float = TIMEOUT) -> None:
        try:
            self.command = shlex.split(command) if isinstance(command, str) else list(command)
        except ValueError as error:
            raise ProblemError(f"the command {command!r:.200} cannot be split into words: {error}; expected a shell's quoting") from None
        if not self.command:
            raise ProblemError("the command is empty; expected a program that can be run, and its arguments")
        if not timeout > 0:
            raise ProblemError(f"the timeout is {timeout!r}; expected seconds, more than 0")
        self.name, self.timeout = shlex.join(self.command), timeout
        self.notes: list[str] = []
        self.problem_asked: Problem | None = None
        self._peer: Peer | None = None
        self._printed = ""
        self._steps = 0
        self._params: Mapping[str, Array] | None = None      # its present parameters, as far as they are known
        self._last: tuple[bytes, dict[str, Array]] | None = None      # the question and the record of its last step

    def prepare(self, problem: Problem) -> None:
        """Prepare for calls about that problem."""
        self.problem_asked = problem

    def fresh(self) -> "Program":
        """Make the program load parameters before its next step, which starts it afresh; returns the same object."""
        self._params = self._last = None
        return self

    def takes(self, function: str) -> int:
        """Return how many arguments the function takes, without masks."""
        return 2 if function == "forward" else 4

    def call(self, function: str, *args: Any) -> Any:
        """Return new parameters, a trace, or the output; raises AttemptError, or UnusableFileError if the program cannot be started."""
        try:
            return self._predict(*args) if function == "forward" else self._step(function, *args)
        except PeerError as error:
            self._end(kills=True)
            if error.kind == "start":
                raise UnusableFileError(str(error)) from None
            raise AttemptError(f"{self.name}: {error}", function, error.kind, None) from None

    def traced_call(self, function: str, *args: Any) -> tuple[Any, list[Any]]:
        """Return what `call` does, and no assignments, as lines of a program cannot be followed."""
        return self.call(function, *args), []

    @property
    def printed(self) -> str:
        """The beginning of its standard error."""
        return self._printed if self._peer is None else self._peer.printed

    def close(self) -> None:
        """End the program; another call starts it again."""
        self._end(kills=False)

    def _end(self, *, kills: bool) -> None:
        if self._peer is not None:
            (self._peer.kill if kills else self._peer.close)()
            self._printed = self._peer.printed
        self._peer = self._params = self._last = None

    def _asked(self, kind: int, entries: Mapping[str, Any]) -> dict[str, Array]:
        if self._peer is None:
            self._peer = Peer(self.command, self.timeout)
            self._peer.ask(HELLO, {"problem": _described(self.problem_asked)})
        return self._peer.ask(kind, entries, self._steps)

    def _load(self, params: Mapping[str, Array]) -> None:
        if self._params is None or any(not np.array_equal(array, self._params[name]) for name, array in params.items()):
            self._steps = 0
            self._asked(LOAD, params)
            self._params, self._last = {name: array.copy() for name, array in params.items()}, None

    def _predict(self, params: Mapping[str, Array], x: Array) -> Array:
        self._load(params)
        answer = self._asked(PREDICT, {"x": x})
        if "output" not in answer:
            raise PeerError("malformed", f"its answer has {', '.join(answer) or 'nothing'}; expected output")
        return answer["output"]

    def _step(self, function: str, params: Mapping[str, Array], x: Array, y: Array, lr: float, masks: Sequence[Array] = ()) -> Any:
        question = b"".join(np.ascontiguousarray(array).tobytes() for array in (*params.values(), x, y, np.float64(lr), *masks))
        if self._last is None or self._last[0] != question:
            self._load(params)
            self._steps += 1
            entries = {"x": x, "y": y, "lr": np.float64(lr), **{f"masks/{n}": mask for n, mask in enumerate(masks, start=1)}}
            record = self._asked(STEP, entries)
            self._params, self._last = _params(record) or None, (question, record)
        record = self._last[1]
        return _params(record) if function == "train_step" else {self._trace_name(name): array for name, array in record.items()}

    def _trace_name(self, entry: str) -> str:
        """Return the name that an entry of a record has in a trace: "delta1" for "errors/0", "dW1" for "grads/0.weight"."""
        assert self.problem_asked is not None
        phase, _, tensor = entry.partition("/")
        if phase in _OF_LAYERS:
            for number, layer in enumerate(self.problem_asked.layers, start=1):
                if tensor in (layer.activation, layer.linear):
                    return f"{_OF_LAYERS[phase]}{number}"
        if phase in _OF_PARAMETERS and tensor in self.problem_asked.shapes():
            return _OF_PARAMETERS[phase] + short_name(self.problem_asked, tensor)
        return entry


def _params(record: Mapping[str, Array]) -> dict[str, Array]:
    """Return a record's new parameters."""
    return {name.removeprefix("params/"): array for name, array in record.items() if name.startswith("params/")}


def _described(problem: Problem | None) -> str:
    """Describe the problem to the program, as JSON."""
    assert problem is not None
    names = ("sizes", "activations", "bias", "normalization", "dropout", "loss", "reduction", "optimizer")
    shapes = {name: list(shape) for name, shape in problem.shapes().items()}
    about = {name: getattr(problem, name) for name in names}
    return dumps({**about, "optimizer_options": problem.chosen_options, "lr": problem.lr, "parameters": shapes})
