"""The process that a watch keeps warm: it runs one command line after the other, and answers with the exit code and what was printed."""

import json
import os
import queue
import sys
import threading
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TextIO

from ..exercises.checking import checked
from ..exercises.sets import exercise_set
from .main import FAULT, main


def serve() -> None:
    """Run the command lines that come as JSON, a line each, until standard input ends."""
    requests, answers = (os.fdopen(os.dup(number), mode, encoding="utf-8") for number, mode in ((0, "r"), (1, "w")))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for own in (0, 1, 2):
        os.dup2(nowhere, own)
    sys.dont_write_bytecode = True      # a file of the same second and size would be taken for the one before
    first = exercise_set().exercises[0]
    checked(first, first.solution)      # imports what a first check imports
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests, lines), daemon=True).start()
    while True:
        print(json.dumps("ready"), file=answers, flush=True)
        print(json.dumps(_answer(json.loads(lines.get()))), file=answers, flush=True)


def _read(requests: TextIO, lines: "queue.SimpleQueue[str]") -> None:
    """Pass the lines on, and end the process with the last one, whatever it is doing: nobody waits for its answer."""
    for line in requests:
        lines.put(line)
    os._exit(0)


def _answer(argv: list[str]) -> tuple[int, str, str]:
    before = set(sys.modules)
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as error:
        try:
            code = main(argv)
        except SystemExit as ended:      # for bad usage
            code = ended.code if isinstance(ended.code, int) else FAULT
    _forget(set(sys.modules) - before, {Path(word.rpartition(":")[0] or word).resolve().parent for word in argv})
    return code, out.getvalue(), error.getvalue()


def _forget(names: set[str], folders: set[Path]) -> None:
    """Forget the modules that lie beside the files: they may be other ones the next time."""
    for name in names:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is not None and Path(file).parent in folders:
            del sys.modules[name]
