"""The process of a file that is checked part by part: it answers one question, with all that came out, as JSON.

The file's own functions are run on PyTorch's tensors, so the reference is in this process, unlike that of a network.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..sandbox.runner import serve
from ..sandbox.values import unpacked
from ..support.arrays import Array
from ..userfile.pipe.frames import HELLO
from .check import check_parts

PARTS = 32      # the kind of the question, which has the shape and the seed


def main(path: str) -> None:
    """Answer one question about the file at that path: what comes out of checking its parts."""

    def answer(kind: int, question: Mapping[str, Array]) -> dict[str, Any]:
        if kind == HELLO:
            return {}
        shape, seed = unpacked(question)
        return {"check": json.dumps(asdict(check_parts(Path(path), shape, int(seed))))}

    serve(answer)
