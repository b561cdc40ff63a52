"""Completion in a shell: `--completion SHELL` prints the script, so that pressing TAB starts no Python."""

from __future__ import annotations

import argparse

TYPE_CHECKING = False      # as `typing` has it, which takes longer to import than the help to print
if TYPE_CHECKING:
    from typing import Any

    from .argparse_classes import Parser

SHELLS = ("bash", "zsh", "tcsh")
_FILES, _FOLDERS = ("FILE",), ("DIR", "TRACE", "RESULTS")      # by the metavar


class PrintCompletion(argparse.Action):
    """Prints the shell's script and exits; with 2 if shtab, which writes it, is not installed."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: str | None = None) -> None:
        """Print the script that completes this parser's commands, options, choices and files."""
        from ..support.errors import MissingExtraError

        try:
            print(script(parser, values))
        except MissingExtraError as error:
            parser.error(str(error))
        parser.exit()


def script(parser: Parser, shell: str) -> str:
    """Return the completion script for the shell; raise MissingExtraError without the extra `completion`."""
    from ..support.errors import MissingExtraError

    try:
        import shtab  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        raise MissingExtraError("completion", "shtab") from None
    for command in parser.family.values():
        for action in command.filled()._actions:
            if action.metavar in (*_FILES, *_FOLDERS):
                action.complete = shtab.FILE if action.metavar in _FILES else shtab.DIRECTORY  # type: ignore[attr-defined]
    return str(shtab.complete(parser, shell))
