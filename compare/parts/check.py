"""Check a file part by part: recognise its shape, execute it, and compare each part."""

import secrets
from dataclasses import replace
from pathlib import Path

from ..support.errors import ProblemError
from ..support.threads import one_blas_thread
from ..userfile.file import AttemptError
from ..userfile.shapes.unused_rate import unused_rate
from .file import PartsFile
from .nested import tree_of
from .result import PartsCheck
from .shapes import SHAPES
from .uncompared import uncompared


def check_parts(path: Path, name: str, seed: int | None = None) -> PartsCheck:
    """Check each part of the file at that path, which has the shape of that name; inputs are drawn from the seed.

    Raises UnusableFileError for a file that cannot be used, ProblemError where it has no part of that shape.
    """
    shape = SHAPES[name]
    seed = secrets.randbelow(2**32) if seed is None else seed
    result = PartsCheck(path.name, name, shape.words, seed, reference=shape.reference)
    with one_blas_thread(True):
        try:
            file = shape.load(path.resolve(), seed % 2**32)
        except AttemptError as error:
            return replace(result, failure=str(error), at=error.line)
        result = replace(result, text=file.text)
        if not (signs := shape.found_in(tree_of(file.text), path.resolve())):
            raise ProblemError(f"{path.name} has no part of the shape {name}; expected {shape.words}")
        parts = tuple(shape.check(file, seed))
    found = f"{shape.words}: {', '.join(dict.fromkeys(signs))}"
    texts = {part.file: (path.parent / part.file).read_text(errors="replace") for part in parts if part.file}
    left_out = tuple(getattr(file, "left_out", ()))
    ran = getattr(file, "ran", None)
    is_whole = shape.load is not PartsFile
    left = uncompared(file.tree, name, parts, is_whole=is_whole, ran=ran)
    unused = unused_rate(file.tree) if is_whole else None
    caveats = (*getattr(file, "caveats", ()), *left.said, *([unused] if unused else []))
    result = replace(result, recognised=found, parts=(*parts, *left.parts), texts=texts, left_out=left_out)
    return replace(result, caveats=caveats, unused=left.names, notes=tuple(dict.fromkeys(file.notes)), printed=file.printed)
