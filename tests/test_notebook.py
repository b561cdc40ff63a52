"""The lesson's notebook runs from top to bottom to the results that it is kept with, and its last one is the verdict.

To keep it with new results: `python -m tests.test_notebook`.
"""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.blocks import masked

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


def results(notebook: Any) -> list[list[list[str]]]:
    """What each cell has printed or shown, without what differs between machines; of a picture that it is one."""
    return [[_shown(output) for output in cell.outputs] for cell in notebook.cells if cell.cell_type == "code"]


def _shown(output: Any) -> list[str]:
    if "text" in output:
        return masked(output.text)
    if "image/png" in output.data:
        return ["a picture"]
    return masked(re.sub(r"\d\.\d{8,}(e-?\d+)?", lambda number: f"{float(number[0]):.6g}", output.data["text/plain"]))


def test_it_is_kept_with_its_results() -> None:
    notebook = read()
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    numbers = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert numbers == list(range(1, len(numbers) + 1))
    assert sum(shown == ["a picture"] for cell in results(notebook) for shown in cell) == 4
    assert PATH.stat().st_size < 300_000


def test_it_runs_to_the_results_that_it_is_kept_with_and_ends_with_equivalent() -> None:
    kept, notebook = results(read()), executed(read())
    assert results(notebook) == kept
    assert notebook.cells[-1].outputs[-1].data["text/plain"] == "'equivalent'"


def test_another_result_than_the_kept_one_is_noticed() -> None:
    notebook = read()
    (cell,) = (cell for cell in notebook.cells if cell.source.startswith("def sigmoid"))
    right = results(notebook)
    cell.outputs[0].data["text/plain"] = cell.outputs[0].data["text/plain"].replace("0.13", "0.14")
    assert results(notebook) != right


def test_with_the_mistake_that_it_proposes_it_ends_with_different() -> None:
    notebook = read()
    (cell,) = (cell for cell in notebook.cells if cell.source.startswith("class ByHand"))
    cell.source = cell.source.replace("@ self.w2 * hidden * (1 - hidden)", "@ self.w2")
    for other in notebook.cells:
        other.source = other.source.replace("steps = 900", "steps = 20")
    assert executed(notebook).cells[-1].outputs[-1].data["text/plain"] == "'different'"


if __name__ == "__main__":
    done = executed(read())
    for each in done.cells:
        each.metadata.pop("execution", None)      # when it ran
    nbformat.write(done, PATH)
