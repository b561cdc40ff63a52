"""A file that is run from its beginning as a program, each time in the same way, until what watches it has seen enough."""

import ast
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, ClassVar

from ...support.errors import ProblemError
from ...userfile.file import AttemptError
from ...userfile.stubs import _nothing
from ..file import PartsFile, definitions_alone
from . import missing, stand_ins
from .harmless import harmless
from .instrumented import WATCH, instrumented
from .page.tree import page_of
from .variants import variants_of
from .watch import Seen

_ANSWER = "3"      # to what a program asks: of so many layers none is too deep for differences
_SECONDS = 90.0      # in which a file is run again and again
_CLIPS = re.compile(r"clip|norm\b", re.IGNORECASE)
ROOTS = re.compile(r"sqrt|\*\*\s*\(?0?\.5")
_SIGNS = re.compile(r"\bsign\(|copysign|else\s*\(?-\s*1\b|,\s*-\s*1(\.0?)?\s*\)|/\s*(\w+\.)?abs\(")


class TooLongError(ProblemError):
    """A file takes too long to be run again and again."""


class TrainingFile(PartsFile):
    """A user's file that is run as a program, and not for its definitions."""

    ran: frozenset[int] = frozenset()      # the lines of the functions that ran
    clips: bool = False      # whether it may clip gradients
    takes_signs: bool = False      # whether it may go along |output − target|
    takes_roots: bool = False      # whether its update may divide by a root, as Adam's
    left_out: tuple[str, ...] = ()      # what it trains by more than a multiple of the gradient
    caveats: tuple[str, ...] = ()      # what else is not compared
    untold: tuple[str, ...] = ()      # activations of which nothing is told
    MODULES: ClassVar[Mapping[str, Any]] = {**PartsFile.MODULES, **stand_ins.MODULES}

    def __init__(self, path: Path, seed: int = 0, change: Callable[[ast.Module], ast.Module] = lambda tree: tree) -> None:
        super().__init__(path, seed)
        self.seed, self._until = seed, time.process_time() + _SECONDS
        self._columns = missing.columns_in(self.tree)
        self.clips = _CLIPS.search(self.text) is not None
        self.takes_signs = _SIGNS.search(self.text) is not None
        self.takes_roots = ROOTS.search(self.text) is not None
        self.drive: Callable[[Mapping[str, Any], Any], None] | None = None      # what trains what the file defines, if it does not itself
        self._program, self._defined = (
            compile(instrumented(tree), str(path), "exec", dont_inherit=True)
            for tree in (change(ast.parse(self.text)), definitions_alone(change(ast.parse(self.text))))
        )

    def variants(self) -> Iterator[tuple[str, "TrainingFile | None"]]:
        """Yield the other ways in which the file may be run by its own words, with the file as it is run so; None where time is out."""
        for said, change in variants_of(self.tree):
            yield said, TrainingFile(self.path, self.seed, change) if time.process_time() < self._until - _SECONDS / 2 else None

    @cached_property
    def page(self) -> CodeType:
        """The file's code as a page."""
        return compile(page_of(ast.parse(self.text)), str(self.path), "exec", dont_inherit=True)

    def watched(self, watch: Callable[[dict[str, Any]], Any], code: CodeType | None = None) -> Any:
        """Run the file under what the function makes of its namespace, and return that; raises AttemptError for what it raises before.

        The code may be another than that of the file. Raises TooLongError where all runs together take too long.
        """
        if time.process_time() > self._until:
            said = f"{self.name} could not be run often enough in {_SECONDS:g} s to tell whether its steps are right"
            raise TooLongError(f"{said}; expected fewer records, smaller arrays, or less before its first step")
        missing.begin(self._columns)
        space = vars(ModuleType("__main__" if self.drive is None else "attempt"))
        space["__tree__"] = self.tree
        space.update(__file__=str(self.path), print=_nothing, input=self._answered, exit=_leave, quit=_leave)
        made = space[WATCH] = watch(space)
        self._process.begin_anew()      # each run draws the same numbers

        def run() -> None:
            with harmless(), suppress(Seen, SystemExit):
                exec(code or (self._program if self.drive is None else self._defined), space)
                if self.drive is not None:
                    self.drive(space, made)

        self.run("the file", run)
        self.notes += missing.notes()
        return made

    def _answered(self, *_: Any) -> str:
        """Answer what the program asks, and note that."""
        said = f"what it asks is answered by {_ANSWER}"
        self.notes += [said] if said not in self.notes else []
        return _ANSWER

    def watched_if_it_runs(self, watch: Callable[[dict[str, Any]], Any], code: CodeType | None = None) -> Any | None:
        """Return what `watched` does, None if the file raises something."""
        try:
            return self.watched(watch, code)
        except AttemptError:
            return None


def _leave(*_: Any) -> None:
    raise SystemExit
