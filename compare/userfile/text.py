"""A user's file as the text of Python 3: the cells of a notebook one after the other, and Python 2 converted in memory."""

import io
import json
import re
import tokenize
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..support.errors import CompareError

_OF_PYTHON_2 = re.compile(
    r"(?m)^\s*print\s+[^(=\s]|^\s*print\s*$|^\s*exec\s+['\"]|\bxrange\s*\(|\braw_input\s*\(|^\s*except\s+[\w.]+\s*,\s*\w+\s*:"
    r"|^\s*raise\s+\w+\s*,|<>|\bimport cPickle\b"
)
_OLD_SYNTAX = re.compile(r"call to '(print|exec)'|multiple exception types|leading zeros|inconsistent use of tabs|Did you mean print")
_MAGIC = re.compile(r"^(\s*)[%!?]|^\s*\S+\?{1,2}\s*$")
_FIXES = [
    "print",
    "xrange",
    "raw_input",
    "except",
    "raise",
    "dict",
    "has_key",
    "ne",
    "exec",
    "imports",
    "long",
    "map",
    "zip",
    "filter",
    "reduce",
    "unicode",
    "basestring",
    "next",
    "tuple_params",
    "numliterals",
    "repr",
    "itertools",
    "input",
    "execfile",
    "funcattrs",
]
_CELL = "# cell {} of the notebook"
_HEAD = re.compile(_CELL.format(r"(\d+)"))


class TextError(CompareError):
    """A file is no text that could be read as Python."""


@lru_cache(maxsize=64)
def python_text(path: Path, content: bytes) -> tuple[str, tuple[str, ...]]:
    """Return the file's text as Python 3, with line feeds as line ends, and sentences that say what was converted; raises TextError."""
    text, notes = _decoded(path, content), []
    if path.suffix == ".ipynb":
        text = _of_notebook(path, text)
        notes.append(f"{path.name} is a notebook: its code cells are read one after the other, without magics")
    if _is_python_2(text):
        text = _converted(path, text)
        notes.append(f"{path.name} is Python 2: it is converted in memory, by fissix")
    return text.removesuffix("\n"), tuple(notes)


def _decoded(path: Path, content: bytes) -> str:
    """Decode the text by its encoding cookie or byte-order mark."""
    try:
        text = content.decode("utf-8" if path.suffix == ".ipynb" else tokenize.detect_encoding(io.BytesIO(content).readline)[0])
        if "\0" in text:
            raise ValueError("it has null bytes")
    except (SyntaxError, ValueError, LookupError) as error:      # a codec that makes no text is a LookupError
        raise TextError(f"{path.name} is not text: {error}; expected Python in UTF-8, or in the encoding that it names") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _of_notebook(path: Path, text: str) -> str:
    """Return the code cells of a notebook, each below a line with its number."""
    try:
        cells: Any = json.loads(text)["cells"]
        code = [(number, "".join(cell["source"])) for number, cell in enumerate(cells, start=1) if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError):
        raise TextError(f"{path.name} is no notebook that can be read; expected one of format 4") from None
    lines = []
    for number, source in code:
        own = source.split("\n")
        own = [] if own[0].startswith("%%") and not own[0].startswith("%%time") else own
        lines += [
            _CELL.format(number),
            *(_MAGIC.sub(lambda match: f"{match[1] or ''}pass      # ", line) if _MAGIC.match(line) else line for line in own),
            "",
        ]
    return "\n".join(lines) + "\n"


def place_in(text: str, path: Path, line: int) -> str:
    """Return where a line is in words: "line 7", or of a notebook "cell 3, line 7"."""
    cell, within = cell_of(text, path, line)
    return f"line {line}" if cell is None else f"cell {cell}, line {within}"


def cell_of(text: str, path: Path, line: int) -> tuple[int | None, int]:
    """Return the number of the notebook's cell in which a line of its text is, and the line's in that; None and the line of other files."""
    heads = [] if path.suffix.lower() != ".ipynb" else [
        (at, match[1]) for at, each in enumerate(text.split("\n")[:line], start=1) if (match := _HEAD.fullmatch(each))
    ]
    return (int(heads[-1][1]), line - heads[-1][0]) if heads else (None, line)


def _is_python_2(text: str) -> bool:
    if not _OF_PYTHON_2.search(text) and "\t" not in text:
        return False
    try:
        compile(text, "text", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return isinstance(error, SyntaxError) and (_OF_PYTHON_2.search(text) is not None or _OLD_SYNTAX.search(error.msg or "") is not None)
    return (
        re.search(r"\bxrange\s*\(|\bimport cPickle\b|\braw_input\s*\(", text) is not None
        and "xrange =" not in text
        and "import xrange" not in text
    )


def _converted(path: Path, text: str) -> str:
    """Return the text as Python 3; raises TextError without the extra, and for what cannot be converted."""
    if find_spec("fissix") is None:
        said = "is Python 2, which fissix converts in memory; expected it to be installed: pip install 'backprop-compare[python2]'"
        raise TextError(f"{path.name} {said}")
    from fissix import refactor
    from fissix.pgen2.parse import ParseError

    make: Any = refactor.RefactoringTool
    fixers = [f"fissix.fixes.fix_{name}" for name in _FIXES]
    try:
        tool: Any = make(fixers, {"print_function": False})
        return str(tool.refactor_string(text.expandtabs(8) + "\n", path.name))
    except (ParseError, tokenize.TokenError, ValueError) as error:
        raise TextError(f"{path.name} is Python 2 that cannot be converted: {error}; expected Python") from None
