"""A program on a pipe beside any module, as an `Implementation`: see docs/protocol.md."""

from collections.abc import Mapping
from json import dumps
from typing import Any

import numpy as np
from torch.utils._pytree import tree_flatten_with_path

from ..problem.of_module import ModuleProblem
from ..sides.interface import PHASES, StepRecord
from ..support.arrays import Array
from ..support.errors import ProblemError
from .pipe.frames import HELLO, LOAD, PREDICT, STEP
from .pipe.peer import Peer, PeerError
from .program import Program


class ProgramSide:
    """The program, started for this problem; it trains itself, and shows in its answers what it has. `close` ends it."""

    def __init__(self, program: Program, problem: ModuleProblem) -> None:
        self.name, self.problem, self.steps = program.name, problem, 0
        try:
            self._peer = Peer(program.command, program.timeout)
        except PeerError as error:
            raise ProblemError(f"{self.name}: {error}") from None
        self._asked(HELLO, {"problem": _described(problem)})

    def load_state_dict(self, params: Mapping[str, Array]) -> None:
        """Have the program load these parameters, and start afresh."""
        self.steps = 0
        self._asked(LOAD, params)

    def step(self, *batch: Any) -> StepRecord:
        """Return what the program shows of its step."""
        self.steps += 1
        inputs, target = (batch[:-1], batch[-1:]) if self.problem.has_target else (batch, ())
        lr = self.problem.lr_at(self.steps)
        entries = _entries("x", inputs) | _entries("y", target) | ({} if lr is None else {"lr": np.float64(lr)})
        fields: dict[str, Any] = {}
        for name, array in self._asked(STEP, entries).items():
            phase, _, tensor = name.partition("/")
            if phase not in PHASES:
                raise ProblemError(f"{self.name}: its answer has {name}; expected names that begin with one of {', '.join(PHASES)}")
            if tensor:
                fields.setdefault(phase, {})[tensor] = array
            else:
                fields[phase] = array
        return StepRecord(**fields)

    def predict(self, *inputs: Any) -> Array:
        """Return the program's output for these inputs."""
        answer = self._asked(PREDICT, _entries("x", inputs))
        if "output" not in answer:
            raise ProblemError(f"{self.name}: its answer to predict has {', '.join(answer) or 'nothing'}; expected output")
        return answer["output"]

    def close(self) -> None:
        """End the program."""
        self._peer.close()

    def _asked(self, kind: int, entries: Mapping[str, Any]) -> dict[str, Array]:
        try:
            return self._peer.ask(kind, entries, self.steps)
        except PeerError as error:
            self._peer.kill()
            raise ProblemError(f"{self.name}: {error}") from None


def _entries(name: str, values: tuple[Any, ...]) -> dict[str, Any]:
    """Return the arrays by name: "x" for one, "x/0", "x/1/mask" … for several or nested ones."""
    if len(values) == 1 and isinstance(values[0], np.ndarray):
        return {name: values[0]}
    leaves = tree_flatten_with_path(values)[0]
    named = {"/".join([name, *(str(getattr(key, "key", getattr(key, "idx", key))) for key in path)]): leaf for path, leaf in leaves}
    return {path: np.asarray(leaf) for path, leaf in named.items() if leaf is not None}


def _described(problem: ModuleProblem) -> str:
    """Describe the problem to the program, as JSON."""
    shapes = {name: list(array.shape) for name, array in problem.initial_parameters.items()}
    about = {name: getattr(problem, name) for name in ("loss", "optimizer") if isinstance(getattr(problem, name), str)}
    return dumps({**about, "optimizer_options": dict(problem.optimizer_options), "reduction": problem.reduction, "parameters": shapes})
