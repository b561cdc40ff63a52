"""The command line: arguments in, a report out, and the exit code.

0 equivalent, 1 different, 2 bad usage or input, 3 internal fault, 130 interrupted, 141 standard output closed.
"""

from __future__ import annotations

import gc
import os
import sys
from argparse import Namespace

from ..support.output import ReportNotWrittenError, Writing, printable_lines
from . import arguments

TYPE_CHECKING = False      # as `typing` has it, which takes longer to import than the help to print
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

EQUIVALENT, DIFFERENT, UNUSABLE, FAULT, INTERRUPTED, CLOSED_PIPE = 0, 1, 2, 3, 130, 141


class _Interrupts:
    """Notes whether the process was interrupted since `watch`.

    An interrupt may arrive while torch is being imported, which then fails with another error, or goes on as if there had been none, or
    leaves the interpreter sure that the interrupt was not handled. So it is noted here, checked again later, and `run` exits at once.
    """

    noted = False

    def watch(self) -> None:
        """Note interrupts from now on, unless the program has a handler of its own."""
        import signal

        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._note)

    def check(self) -> None:
        """Raise KeyboardInterrupt if there was an interrupt."""
        if self.noted:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: object) -> None:
        self.noted = True
        raise KeyboardInterrupt


_interrupts = _Interrupts()


def run() -> NoReturn:
    """Run `main` on the process's arguments, and exit."""
    gc.set_threshold(50_000)      # libraries make many objects and few cycles: collecting after every 700 objects takes a tenth of a run
    code = main(watch=_interrupts.watch)
    if code == INTERRUPTED:
        os._exit(code)
    sys.exit(code)


def main(argv: Sequence[str] | None = None, *, watch: Callable[[], None] = lambda: None) -> int:
    """Run the command line with these arguments, or with the process's own, and return the exit code."""
    try:
        if sys.stdout is None:
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - it lives as long as the process
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")
        options = _parsed(argv)
        watch()
        code = _guarded(options)
        with Writing():
            sys.stdout.flush()
        return code
    except KeyboardInterrupt as interrupt:
        _say(f"interrupted: {str(interrupt) or 'nothing was decided'}")
        return INTERRUPTED
    except ReportNotWrittenError as failure:
        _discard_output()
        if isinstance(failure.__cause__, BrokenPipeError):
            return CLOSED_PIPE
        _say(f"error: the report cannot be written: {failure}")
        return UNUSABLE


def _discard_output() -> None:
    """Redirect standard output to nowhere, or the interpreter's last flush would fail again."""
    try:  # noqa: SIM105 - contextlib takes longer to import than the help to print
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError:      # standard output is no file of the operating system
        pass


def _guarded(options: Namespace) -> int:
    try:
        from importlib import import_module

        module, _, name = options.run.partition(".")
        command: Callable[..., str] = getattr(import_module(f".{module}", __package__), name)
        return EQUIVALENT if command(options, _interrupts.check) == "equivalent" else DIFFERENT
    except (KeyboardInterrupt, ReportNotWrittenError):
        raise
    except SystemExit as ended:      # of code that was run, whose 0 is no verdict
        _say(f"error: what was run ended the process with {ended.code!r}; expected it to leave that to this command")
        return UNUSABLE
    except MemoryError as error:
        _say(f"error: not enough memory: {error or 'for a network and data of this size'}; use fewer units or records")
        return UNUSABLE
    except Exception as error:
        from ..support.boundary import is_on_purpose

        if is_on_purpose(error):
            _say(f"error: {printable_lines(str(error))}")
            return UNUSABLE
        _interrupts.check()
        import traceback

        traceback.print_exc()
        _say("internal fault: this is a mistake in backprop-compare; please report it with the lines above")
        return FAULT


def _parsed(argv: Sequence[str] | None) -> Namespace:
    try:
        return arguments.parsed(arguments.parser(), argv)
    except SystemExit:      # after --help, which is a report too, or bad usage
        with Writing():
            sys.stdout.flush()
        raise


def _say(text: str) -> None:
    if sys.stderr is not None:
        print(f"backprop-compare: {text}", file=sys.stderr)
