"""A learner's folder, and what a learner writes there."""

import re
from pathlib import Path

from compare.exercises.sets import GUIDE

WRONG = "return p * dp"
RIGHT = "return p * (dp - (dp * p).sum(axis=-1, keepdims=True))"


def write(path: Path, body: str) -> None:
    """Write this in place of what raises NotImplementedError in that file, or of what was written there before."""
    given = (GUIDE / path.name).read_text(encoding="utf-8")
    text, count = re.subn(r"raise NotImplementedError\(.*\)", lambda _: body, given)
    assert count == 1
    path.write_text(text, encoding="utf-8")
