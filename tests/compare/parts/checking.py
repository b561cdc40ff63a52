"""What the tests of parts share: check a text as a file of the shape that it is recognised as."""

from pathlib import Path

from compare.parts.check import check_parts
from compare.parts.result import Part, PartsCheck
from compare.parts.shapes import shape_of

EXAMPLES = Path(__file__).parents[3] / "examples" / "parts"


def right(name: str) -> str:
    return (EXAMPLES / f"{name}_right.py").read_text()


def checked(folder: Path, text: str, seed: int = 1, shape: str | None = None) -> PartsCheck:
    path = folder / "mine.py"
    path.write_text(text)
    found = shape_of(path)
    assert found is not None
    assert shape is None or found == shape
    return check_parts(path, found, seed)


def first(result: PartsCheck) -> Part:
    assert result.worst is not None, "nothing was found"
    return result.worst


def is_found(folder: Path, text: str, line: str, wrong: str, tensor: str) -> None:
    """A file of layers is right, and wrong with another line, first at the tensor whose name begins so."""
    path = folder / "mine.py"
    path.write_text(text)
    assert shape_of(path, is_last=True) == "layer_classes"
    assert (right := check_parts(path, "layer_classes", 1)).verdict == "equivalent", first(right)
    assert text.count(line) == 1
    path.write_text(text.replace(line, wrong))
    found = first(result := check_parts(path, "layer_classes", 1))
    assert result.verdict == "different"
    assert str(found.tensor).startswith(tensor)
