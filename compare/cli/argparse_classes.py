"""The classes of argparse as used here: bad usage is one line and exit code 2, and a command's options are added when it is used."""

from __future__ import annotations

import argparse
import os
import sys

TYPE_CHECKING = False      # as `typing` has it, which takes longer to import than the help to print
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """A parser that takes no abbreviations, and answers bad usage with one line and exit code 2.

    An unknown option or command is said to be that, before anything else is found missing; `family` are all parsers of the command line,
    by command, which say whose option it is.
    """

    family: Mapping[str, Parser] = {}      # one mapping for all, set by `arguments.parser`
    fill: Callable[[argparse.ArgumentParser], None] | None = None
    others: Callable[[Sequence[str]], Mapping[str, str]] | None = None      # given all words, by what one may mean: its command line

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=_Formatter, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where all options are listed, and exit with 2."""
        message = message.replace("the following arguments are required:", "the command is not complete; expected")
        if (words := message.removeprefix("unrecognized arguments: ")) != message:
            message = f"{words} is more than the command takes; expected what its usage says"
        self.exit(2, f"{self.prog}: error: {message}{' See' if message.endswith('?') else '; see'} {self.prog} --help\n")

    def filled(self) -> Parser:
        """Add the options, if they are not there yet, and return the parser."""
        fill, self.fill = self.fill, None
        if fill is not None:
            fill(self)
        return self

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Look for unknown options and commands, then parse."""
        words = sys.argv[1:] if args is None else list(args)
        self.filled()._check_words(words)
        return super().parse_known_args(words, namespace)

    def _check_words(self, words: Sequence[str]) -> None:
        """Exit with 2 for the first word that is an option or a command of another spelling; a command has its own parser for the rest."""
        known, is_value = self._option_string_actions, False
        commands = {} if self._subparsers is None else self._subparsers._group_actions[0].choices
        for word in words:
            name, equals, _ = word.partition("=")
            is_option = len(word) > 1 and word.startswith("-") and not self._negative_number_matcher.match(word) and " " not in name
            if word == "--":
                return
            if is_option and name not in known:
                self.error(self._unknown_option(name))
            if not is_option and not is_value and commands:
                if word not in commands:
                    self.error(_unknown_command(word, commands, known, self.others(words) if self.others else {}))
                return
            is_value = is_option and not equals and known[name].nargs is None

    def _unknown_option(self, name: str) -> str:
        """Say whose option it is, or which it may have been meant to be."""
        from ..support.suggest import did_you_mean

        own = next((command for command, parser in self.family.items() if parser is self), "")
        having = [command for command, parser in self.family.items() if name in parser.filled()._option_string_actions]
        owners = [command or f"{self.family[''].prog} itself" for command in having]
        message = f"{name} is no option of {own or self.prog}"
        return message + (f"; it is one of {', '.join(owners)}" if owners else did_you_mean(name, self._option_string_actions))

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Raise ArgumentError for a value that is not among the choices."""
        from ..support.suggest import did_you_mean

        if action.choices is not None and value not in action.choices:
            choices = [str(each) for each in action.choices]
            meant = did_you_mean(value, choices)
            raise argparse.ArgumentError(action, f"{value!r} is no choice; expected one of {', '.join(choices)}{meant}")


def _unknown_command(word: str, commands: Iterable[str], options: Iterable[str], others: Mapping[str, str]) -> str:
    """Say which command, option or other word was meant, if it is like one; or that a file is checked by `check`."""
    from ..support.suggest import did_you_mean, nearest

    meant = did_you_mean(word, names := [*commands, *options, *others])
    if (other := others.get(nearest(word, names) or "")) is not None:
        meant = f"; did you mean: {other}?"
    if not meant and (word.endswith((".py", ".ipynb")) or os.path.exists(word)):
        meant = f"; did you mean: backprop-compare {'grade' if os.path.isdir(word) else 'check'} {word}?"
    return f"{word!r} is no command; expected one of {', '.join(commands)}{meant}"


class _Formatter(argparse.HelpFormatter):
    """As wide as the terminal; argparse would ask `shutil`, which is slow to import."""

    def __init__(self, prog: str) -> None:
        columns = os.environ.get("COLUMNS", "")
        try:
            width = int(columns) if columns.isdecimal() and int(columns) else os.get_terminal_size(1).columns
        except OSError:
            width = 80
        super().__init__(prog, width=(width or 80) - 2)
