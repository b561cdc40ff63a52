"""Processes that have imported what commands need, so that an answer takes as long as the check alone.

One runs the commands, another waits: a command that crashes its process or does not end costs only that process, and the next command
runs in the other at once.
"""

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ..support.errors import ProblemError

LIMIT = 10.0      # seconds of a command
SAVED_AGAIN = 2.0      # seconds of a command whose file has been saved again meanwhile
_LOOK = 0.05
_START = (      # in -P mode nothing is imported from the current folder, which is a user's
    "import json, sys; from importlib import import_module; sys.path[:] = json.loads(sys.argv[1]); import_module(sys.argv[2]).serve()"
)


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code; `ended` says why there is none."""

    code: int = 0
    out: str = ""
    error: str = ""
    ended: str | None = None


class Warm:
    """Runs commands in a process that calls `serve` of the module of that name."""

    def __init__(self, module: str, environment: Mapping[str, str] | None = None, limit: float = LIMIT) -> None:
        self.module, self.environment, self.limit = module, environment, limit
        self._process = self._start()
        self._other: _Process | None = None

    def run(self, argv: Sequence[str], is_outdated: Callable[[], bool] = lambda: False) -> Answer:
        """Run the command; it is stopped when it takes too long, and sooner if it is outdated."""
        while (ready := self._process.line()) is None:      # it may take some seconds
            pass
        if not ready:
            raise ProblemError("the process that checks could not be started; expected it to import what this one has imported")
        if self._other is None:      # only now, as both would start more slowly
            self._other = self._start()
        self._process.ask(argv)
        started = time.monotonic()
        while (line := self._process.line()) is None:
            took = time.monotonic() - started
            if took > self.limit:
                return self._stopped(f"it took longer than {self.limit:g} s and was stopped, as if by a loop without end")
            if took > SAVED_AGAIN and is_outdated():
                return self._stopped("it was saved again meanwhile")
        return Answer(*json.loads(line)) if line else self._stopped(self._process.ending())

    def close(self) -> None:
        """End the processes."""
        for each in (self._process, self._other):
            if each is not None:
                each.close()

    def _start(self) -> "_Process":
        return _Process(self.module, self.environment)

    def _stopped(self, why: str) -> Answer:
        self._process.close()
        self._process, self._other = self._other or self._start(), None
        return Answer(ended=why)


class _Process:
    """A process in a session of its own, which an interrupt at the terminal does not reach; it ends with its standard input."""

    def __init__(self, module: str, environment: Mapping[str, str] | None) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-c", _START, json.dumps(sys.path), module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def ask(self, argv: Sequence[str]) -> None:
        """Send a command."""
        assert self._popen.stdin is not None
        with suppress(OSError):      # of a process that has just died, which is seen when its answer is read
            self._popen.stdin.write(json.dumps(argv) + "\n")
            self._popen.stdin.flush()

    def line(self) -> str | None:
        """Return the next line that it says, "" if it has ended, or None if it says nothing yet."""
        try:
            return self._lines.get(timeout=_LOOK)
        except queue.Empty:
            return None

    def ending(self) -> str:
        """Say how it has ended."""
        code = self._popen.wait()
        return f"it ended the process, {f'by signal {-code}' if code < 0 else f'with exit code {code}'}"

    def close(self) -> None:
        """End it."""
        self._popen.kill()
        self._reader.join()
        with suppress(OSError), self._popen:      # closes its pipes, and waits for it
            pass

    def _read(self) -> None:
        """Put each line into the queue, and "" at the end: a queue can be waited for with a limit on every system, a pipe cannot."""
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            self._lines.put(line)
        self._lines.put("")
