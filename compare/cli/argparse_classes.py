"""The classes of argparse as used here: bad usage is one line and exit code 2, and a command's options are added when it is used."""

from __future__ import annotations

import argparse
import os

TYPE_CHECKING = False      # as `typing` has it, which takes longer to import than the help to print
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """A parser that takes no abbreviations, and answers bad usage with one line and exit code 2."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=_Formatter, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where all options are listed, and exit with 2."""
        self.exit(2, f"{self.prog}: error: {message}; see {self.prog} --help\n")


class Command(Parser):
    """A command's parser; `fill` adds its options when it is used, since most runs use no command."""

    fill: Callable[[argparse.ArgumentParser], None] | None = None

    def parse_known_args(self, *args: Any, **kwargs: Any) -> Any:
        """Add the options at the first call, then parse."""
        fill, self.fill = self.fill, None
        if fill is not None:
            fill(self)
        return super().parse_known_args(*args, **kwargs)


class _Formatter(argparse.HelpFormatter):
    """As wide as the terminal; argparse would ask `shutil`, which is slow to import."""

    def __init__(self, prog: str) -> None:
        columns = os.environ.get("COLUMNS", "")
        try:
            width = int(columns) if columns.isdecimal() and int(columns) else os.get_terminal_size(1).columns
        except OSError:
            width = 80
        super().__init__(prog, width=(width or 80) - 2)
