"""Check an attempt part by part in a confined process, which has PyTorch and compares the parts itself.

So an attempt could change its own check. One that reaches for the means to do so is not run; whoever looks for others may find one.
"""

import ast
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from ..parts.remote import RUNNER, asked
from ..parts.result import PartsCheck
from ..parts.shapes import SHAPES
from ..sandbox.confined import bytes_of_torch
from ..sandbox.confinement import CONFINEMENTS
from ..sandbox.limits import Limits
from ..sandbox.remote import NotStartedError
from ..support.errors import CompareError
from ..userfile.pipe.peer import Peer, PeerError
from ..userfile.shapes.definitions import parsed

_ANSWERS = 5      # as long as so many answers of a network may take
_MODULES = ("builtins", "compare", "backprop_compare", "ctypes", "gc", "importlib", "inspect", "subprocess", "unittest")
_NAMES = ("__builtins__", "__import__", "compile", "eval", "exec", "globals")
_ATTRIBUTES = (
    "__builtins__", "__closure__", "__code__", "__globals__", "__subclasses__", "_getframe", "f_back", "f_builtins", "f_globals",
    "f_locals", "gi_frame", "meta_path", "modules", "path_hooks", "setprofile", "settrace", "tb_frame",
)      # fmt: skip


def confined_parts(path: Path, folder: Path | None, shape: str, seed: int, confinement: str, limits: Limits) -> PartsCheck:
    """Return the check of the file's parts. Raises UnusableFileError, NotStartedError and SandboxError."""
    failed = PartsCheck(path.name, shape, SHAPES[shape].words, seed)
    for file in [path] if folder is None else sorted(folder.rglob("*.py")):
        if (found := next(_reaching(file), None)) is not None:
            said = f"{file.name} uses {found}, by which it could change its own check: read it before you check it by itself"
            return replace(failed, failure=said)
    limits = replace(limits, memory=limits.memory + bytes_of_torch())
    with ExitStack() as stack:
        confined = stack.enter_context(CONFINEMENTS[confinement](path, None, limits, folder, RUNNER))
        peer = Peer([*confined.words, *confined.files], _ANSWERS * limits.answer, limits.output, limits.altogether, **confined.options)
        stack.callback(peer.close)
        stack.enter_context(confined.watched(peer.pid))
        try:
            peer.greet(limits.start)
        except PeerError as error:
            raise NotStartedError(f"its process did not start: {error}; nothing of the attempt was run") from None
        try:
            return asked(peer, path, shape, seed)
        except PeerError as error:
            return replace(failed, failure=f"{path.name}: {error}")


def _reaching(file: Path) -> Iterator[str]:
    """Yield what the file uses of what reaches beyond its own code: modules, names and attributes."""
    try:
        tree = parsed(file)
    except (SyntaxError, ValueError, OSError, RecursionError, MemoryError, CompareError):      # whoever executes it says so
        return
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                yield from (each.name for each in node.names if each.name.partition(".")[0] in _MODULES)
            case ast.ImportFrom():
                names = [f"{node.module}.{each.name}" for each in node.names]
                is_module = not node.level and (node.module or "").partition(".")[0] in _MODULES
                yield from (name for name in names if is_module or name.rpartition(".")[2] in _ATTRIBUTES)
            case ast.Name() if node.id in _NAMES:
                yield node.id
            case ast.Attribute() if node.attr in _ATTRIBUTES:
                yield node.attr
