"""Standard output as a console: lines wrap on a terminal and stay whole in a pipe; a progress bar, a verdict and its summary."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.cells import cell_len
from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from .words import Line

WIDTH = 80
_LABEL = 16      # columns that a label may take
_PATIENCE = 1.0      # seconds before a progress bar appears


def make_console() -> Output:
    """Return standard output as a console: a terminal wraps wider lines, a pipe has them whole, and tables have at least 80 columns."""
    console = Output(highlight=False, markup=False, soft_wrap=True)
    console.room = console.width
    console.width = max(console.width, WIDTH)
    return console


class Output(Console):
    """A console that wraps a line, on a terminal of `room` columns, with its further rows indented to its text."""

    room = WIDTH

    def say(self, text: Text | str, hang: int | None = None, whole: str = "") -> None:
        """Print a line; where it is wrapped, further rows begin at column `hang`, by default below the text after its label.

        A command at its end, passed as `whole`, is not broken, so that it can be copied: it has a row of its own where it does not fit.
        """
        text = text if isinstance(text, Text) else Text(text)
        hang = _hang(text.plain) if hang is None else hang
        if not self.is_terminal or cell_len(text.plain) <= self.room:
            self.print(text)
            return
        cut = len(text) - len(whole)
        rows = [*text[hang:cut].wrap(self, max(self.room - hang, 20)), *([text[cut:]] if whole else [])]
        for n, row in enumerate(rows):
            row.rstrip()
            self.print((text[:hang] if n == 0 else Text(" " * hang)) + row)

    def on_broken_pipe(self) -> None:
        """Raise for a closed pipe, instead of exiting with 1, which would mean "different"."""
        raise BrokenPipeError


def _hang(line: str) -> int:
    """Return the column at which a line's text begins: after its indentation and a label with two spaces behind it."""
    label = re.match(r" *[^ ]+( [^ ]+)* {2,}", line)
    return label.end() if label and label.end() <= _LABEL else len(line) - len(line.lstrip(" "))


@contextmanager
def progress_bar(
    steps: int, check: Callable[[], None], of: str = "steps", loading: str | None = None
) -> Iterator[Callable[..., None]]:
    """Yield a function that calls `check`, and shows the step that it takes as a bar on standard error, if that is a terminal.

    The bar appears after a second; with `loading`, the name of a large package that is imported first, at once.
    The function's second argument is how many steps there are, by default `steps`.
    """
    console = Console(stderr=True)
    bar = Progress(console=console, transient=True, disable=not console.is_terminal)
    started = time.monotonic()
    task = bar.add_task(of if loading is None else f"loading {loading}", total=steps if loading is None else None)
    if loading is not None:
        bar.start()

    def advance(step: int, total: int = steps) -> None:
        check()
        bar.update(task, description=of)
        if not bar.live.is_started and time.monotonic() - started > _PATIENCE:
            bar.start()
        bar.update(task, completed=step, total=total)

    try:
        yield advance
    finally:
        bar.stop()


def print_verdict(console: Output, sentence: str, report: str | None) -> None:
    """Print the report's path, if there is one, and the sentence, which begins with the verdict and a colon."""
    if report:
        console.print(Text(f"Report: {report}"))
    verdict, _, rest = sentence.partition(":")
    style = "bold green" if verdict == "equivalent" else "bold red"
    console.say(Text(verdict.upper(), style=style) + Text(f":{rest}"), hang=2)


def print_summary(console: Output, lines: Iterable[Line]) -> None:
    """Print where, why and what to do, a line each."""
    for line in lines:
        console.say(Text(f"{line.label:5}  ", style="bold") + Text(line.text), hang=7, whole=line.text.partition("repeat: ")[2])
