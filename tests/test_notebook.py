"""The lesson's notebook runs from top to bottom, and its last result is the verdict."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.slow

PATH = Path(__file__).parent.parent / "examples" / "lesson.ipynb"


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the machine's own, and no history left behind."""
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))


def read() -> Any:
    return nbformat.read(PATH, as_version=4)


def executed(notebook: Any) -> Any:
    """The notebook with its results; an error in a cell is raised."""
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(PATH.parent)}}).execute()
    return notebook


def test_it_is_kept_without_results() -> None:
    notebook = read()
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        assert cell.cell_type == "markdown" or (cell.outputs == [] and cell.execution_count is None)


def test_it_runs_and_ends_with_equivalent() -> None:
    notebook = executed(read())
    assert notebook.cells[-1].outputs[-1].data["text/plain"] == "'equivalent'"
    pictures = [output for cell in notebook.cells for output in cell.get("outputs", ()) if "image/png" in output.get("data", {})]
    assert len(pictures) == 4


def test_with_the_mistake_that_it_proposes_it_ends_with_different() -> None:
    notebook = read()
    (cell,) = (cell for cell in notebook.cells if cell.source.startswith("class ByHand"))
    cell.source = cell.source.replace("@ self.w2 * hidden * (1 - hidden)", "@ self.w2")
    for other in notebook.cells:
        other.source = other.source.replace("steps = 900", "steps = 20")
    assert executed(notebook).cells[-1].outputs[-1].data["text/plain"] == "'different'"
