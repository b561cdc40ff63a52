"""The modules that a confined process has: with each, all that it imports of this package when it is imported."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from compare.sandbox.confined import carried

COMPARE = Path(__file__).parents[3] / "compare"


def imported(path: Path, inside: str) -> Iterator[str]:
    """The package's modules, as files, that a module imports at its top, but for a type checker."""
    package = [*Path(inside).parent.parts]
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = [*package[: len(package) - node.level + 1], *(node.module.split(".") if node.module else [])]
        for name in node.names:
            for parts in ([*base, name.name], base):
                if parts and (found := COMPARE.joinpath(*parts).with_suffix(".py")).is_file():
                    yield str(found.relative_to(COMPARE))
                    break


def left_out(files: Mapping[str, Path]) -> set[str]:
    return {name for inside, path in files.items() for name in imported(path, inside)} - files.keys()


@pytest.mark.parametrize("with_torch", [False, True])
def test_all_that_is_imported_is_carried(with_torch: bool) -> None:
    assert left_out(dict(carried(with_torch))) == set()


def test_a_module_that_is_left_out_is_noticed() -> None:
    """The control."""
    files = dict(carried())
    del files["support/suggest.py"]
    assert left_out(files) == {"support/suggest.py"}
