"""The picture and tables of docs/layout.md: the rooms of compare by the import contract, and the first sentence of each module.

`python docs/layout_page.py` writes it into docs/_generated/layout/, as the build of the documentation does.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from drawing import save
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "_generated" / "layout"
PACKAGES = ("manual", "torch_ref", "compare", "data")
WIDTH, RIGHT = 1.5, 7.4      # of a box, and where the backends stand
_INK, _BOX, _BACKEND = "#333333", "#e8eef5", "#f6e7d4"


def layers() -> list[list[str]]:
    """Return the rooms of compare from the top down; those in one row do not import each other."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = next(each for each in config["tool"]["importlinter"]["contracts"] if each["type"] == "layers")
    return [row.split(" | ") for row in contract["layers"]]


def picture() -> Figure:
    """Draw the rooms from the top down, each with what it owns, and beside them the backends, which only sides imports."""
    rooms = [room for row in layers() for room in row]
    figure = Figure(figsize=(7.2, 0.33 * (len(rooms) + 1)))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(-0.7, RIGHT + WIDTH + 0.1), ylim=(-len(rooms) + 0.3, 0.7))
    ax.set_axis_off()
    for number, room in enumerate(rooms):
        _box(ax, 0, -number, room, _BOX)
        ax.text(WIDTH + 0.2, -number, _owns(room), fontsize=6.5, color=_INK, ha="left", va="center_baseline")
        if room == "sides":
            _backends(ax, RIGHT - 0.9, -number)
    ax.annotate("", (-0.3, -len(rooms) + 0.7), (-0.3, 0.3), arrowprops={"arrowstyle": "->", "color": _INK})
    ax.text(-0.5, -len(rooms) / 2 + 0.5, "imports", rotation=90, fontsize=8, color=_INK, ha="center", va="center")
    return figure


def _owns(room: str) -> str:
    """Return the first sentence of the room's docstring, without its full stop."""
    place = ROOT / "compare" / room
    text = (place / "__init__.py" if place.is_dir() else place.with_suffix(".py")).read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(text)) or "").splitlines()[0].rstrip(".").replace("`", "")


def _backends(ax: Axes, left: float, y: float) -> None:
    """Draw the two backends to the right of the sides, with an arrow to each."""
    for name, imports, up in (("manual", "NumPy only", 1.0), ("torch_ref", "torch only", -1.0)):
        _box(ax, RIGHT, y + up, name, _BACKEND)
        ax.text(RIGHT + WIDTH / 2, y + up - 0.55, imports, fontsize=6.5, color=_INK, ha="center", va="center")
        ax.annotate("", (RIGHT, y + up), (left, y), arrowprops={"arrowstyle": "->", "color": _INK, "linewidth": 0.8})


def _box(ax: Axes, x: float, y: float, name: str, color: str) -> None:
    style = {"boxstyle": "round,pad=0.05", "facecolor": color, "edgecolor": "#9aa7b4", "linewidth": 0.6}
    ax.add_patch(FancyBboxPatch((x + 0.06, y - 0.3), WIDTH - 0.12, 0.6, **style))
    ax.text(x + WIDTH / 2, y, name, fontsize=7.5, color=_INK, ha="center", va="center_baseline")


def modules(package: str) -> Iterator[tuple[str, str]]:
    """Yield the path of each module of the package, and the first sentence of its docstring."""
    for path in sorted((ROOT / package).rglob("*.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        sentence = re.split(r"(?<=[.?!])\s", " ".join(docstring.split("\n\n")[0].split()))[0]
        if sentence and path.stem not in ("__init__", "__main__") and "guide" not in path.parts:
            yield path.relative_to(ROOT).as_posix(), sentence


def table(package: str) -> str:
    """Return the table of modules in Markdown."""
    rows = [f"| `{path.removeprefix(package + '/')}` | {sentence.replace('|', chr(92) + '|')} |\n" for path, sentence in modules(package)]
    return "".join([f"| `{package}/` | |\n", "|---|---|\n", *rows])


def write(folder: Path = FOLDER) -> None:
    """Write the picture and the tables into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    save(picture, folder / "layers.svg")
    for package in PACKAGES:
        (folder / f"{package}.md").write_text(table(package), encoding="utf-8")


if __name__ == "__main__":
    write()
