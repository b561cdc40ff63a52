"""The process in which an attempt runs: load the file and answer the questions that come over the pipe, until BYE.

It does not know the right results. Standard input and output are the pipe; what the file prints is recorded, and what it writes to the
descriptors themselves is discarded.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..support.arrays import Array
from ..support.errors import CompareError
from ..userfile.file import Attempt, AttemptError
from ..userfile.pipe import frames
from ..userfile.pipe.frames import BYE, FAILED, HEADER, HELLO, REPLY
from .values import packed, unpacked

OPEN, CALL, TRACED, FRESH, WATCH, WATCHED = 16, 17, 18, 19, 20, 21
RECOGNISED = ("own_losses", "activations")      # what may be asked of a recognised file beside the contract's functions
MOST_NOTES, MOST_NOTE = 50, 500      # number of notes, and characters of each
MOST_LINES = 10_000      # that are said to have run


class _Served:
    """One file, loaded once for each set of options under a number of its own, and the answers to the questions about it."""

    def __init__(self, path: Path, adapter: Path | None) -> None:
        self.path, self.adapter = path, adapter
        self.attempts: dict[int, Attempt] = {}
        self.in_place: dict[int, Any] = {}      # the parameters as an attempt that changes them has left them
        self._watching, self._lines = ExitStack(), set[int]()

    def answer(self, kind: int, question: Mapping[str, Array]) -> dict[str, Any]:
        """Return the entries of the answer; none for a greeting, which comes before anything of the attempt is executed."""
        if kind == HELLO and not self.attempts:
            return {}
        number, *asked = unpacked(question)
        if kind in (OPEN, FRESH):
            attempt = Attempt(self.path, self.adapter, options=asked[0]) if kind == OPEN else self.attempts[number].fresh()
            self.attempts[number] = attempt
            self.in_place.pop(number, None)
            about = {"problem": attempt.problem, "conventions": attempt.conventions, "name": attempt.name, "found": list(attempt.found)}
            return {**packed(about), **self._about(number), "text": attempt.text, "texts": attempt.texts}
        if kind == WATCH:
            self._lines = self._watching.enter_context(self.attempts[number].lines_run())
        if kind == WATCHED:
            self._watching.close()
        if kind in (WATCH, WATCHED):
            return packed(sorted(self._lines)[:MOST_LINES])
        return self._called(kind, number, *asked)

    def _called(self, kind: int, number: int, function: str, args: list[Any]) -> dict[str, Any]:
        attempt = self.attempts[number]
        in_place = self.in_place.get(number)
        if in_place is not None and not _differ(packed(args[:1]), packed([in_place])):
            args[0] = in_place      # the very same arrays, as in a training loop
        before = packed(args)
        result: Any
        if kind == TRACED:
            answer, assigned = attempt.traced_call(function, *args)
            result = [answer, [[each.line, each.value] for each in assigned if each.path == self.path]]
        else:
            result = getattr(attempt, function)(*args) if function in RECOGNISED else attempt.call(function, *args)
        has_changed = _differ(before, packed(args))
        if function == "train_step" and (result[0] if kind == TRACED else result) is None:
            self.in_place[number] = args[0]
        return {**packed([result, args if has_changed else None]), **self._about(number)}

    def _about(self, number: int) -> dict[str, str]:
        """Return what every answer says about the attempt so far."""
        attempt = self.attempts[number]
        takes = {name: attempt.takes(name) for name in attempt.functions}
        notes = [note[:MOST_NOTE] for note in attempt.notes[:MOST_NOTES]]
        return {"about": json.dumps({"functions": attempt.functions, "takes": takes, "notes": notes, "printed": attempt.printed})}


def _differ(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one.keys() != other.keys() or any(not np.array_equal(one[name], array) for name, array in other.items())


def main(path: str, adapter: str | None = None) -> None:
    """Answer questions until the pipe is closed."""
    serve(_Served(Path(path), None if adapter is None else Path(adapter)).answer)


def serve(answer: Callable[[int, Mapping[str, Array]], dict[str, Any]]) -> None:
    """Answer questions of standard input on standard output, which the file does not get, until the pipe is closed."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for own in (0, 1):
        os.dup2(nowhere, own)
    while True:
        head = frames.header(_read(questions, HEADER.size))
        question = frames.entries(_read(questions, head.length))
        if head.kind == BYE:
            os._exit(0)
        kind = head.kind | REPLY
        try:
            entries = answer(head.kind, question)
        except AttemptError as error:
            about = {name: getattr(error, name) for name in ("function", "kind", "line", "source", "reached")}
            kind, entries = FAILED, _fault(error, **about)
        except CompareError as error:
            kind, entries = FAILED, _fault(error, function=None)
        answers.write(frames.frame(kind, head.nonce, head.step, entries))
        answers.flush()


def _fault(error: Exception, **about: Any) -> dict[str, str]:
    return {"message": json.dumps({"message": str(error), **about})}


def _read(questions: BinaryIO, size: int) -> bytes:
    data = questions.read(size)
    if len(data) < size:
        os._exit(0)
    return data


if __name__ == "__main__":
    main(*sys.argv[1:])
