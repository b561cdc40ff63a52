"""An attempt that is checked in confinement is told just what it is told without: every number, line and sentence."""

import ast
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from compare.checking.result import Check
from compare.grading.one import Settings, _checked
from compare.userfile.shapes import FOLDER
from tests.compare.grading.test_hostile import MISSING
from tests.mistakes.neighbours import neighbours
from tests.mistakes.networks import NETWORKS
from tests.mistakes.plants import plants
from tests.mistakes.trainer import source

pytestmark = pytest.mark.sampled(3)

EXAMPLES = Path(__file__).parents[3] / "examples"
FILES = {
    "right_hidden_error": None,
    "wrong_hidden_error": None,
    "parameters_dict_wrong_sum_for_mean": "parameters_dict",
    "loss_and_grads_wrong_mask_of_gradient": "loss_and_grads",
}
RECOGNISED = [*(f"shapes/{name}.py" for name in ("script", "layer_objects")), "shapes/notebook.ipynb"]
PLANTED = {plant.id: (NETWORKS[0], plant) for plant in list(plants(NETWORKS[0]))[::40]}
BY_ID = next(each.text for each in neighbours() if each.name == "in place, moments by the id")
RAISING = "import numpy as np\n\n\ndef train_step(params, x, y, lr):\n    return np.zeros(3) @ np.zeros(4)\n"
SEED, STEPS = 5, 2
# Arrays have no plain ==, and `first` and the stages hold what is shown of them; what is printed by copies is kept in confinement alone.
NOT_COMPARED = ("comparison", "probes", "printed")


@cache
def told(path: Path, adapter: str | None, confinement: str | None = None) -> dict[str, Any]:
    place = None if adapter is None else FOLDER / f"{adapter}.py"
    how: dict[str, Any] = {"confined": False} if confinement is None else {"confinement": confinement}
    check: Check = _checked(path, None, Settings(seed=SEED, steps=STEPS, adapter=place, **how), SEED)
    return {each.name: repr(getattr(check, each.name)) for each in fields(check) if each.name not in NOT_COMPARED}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("confinement", [pytest.param(name, marks=missing) for name, missing in MISSING.items()])
@pytest.mark.parametrize("name", FILES)
def test_examples_are_told_the_same(name: str, confinement: str) -> None:
    path = EXAMPLES / f"{name}.py"
    found = told(path, FILES[name], confinement=confinement)
    assert found == told(path, FILES[name])
    assert found["verdict"] == repr("equivalent" if "right" in name else "different")


@pytest.mark.sampled(12)
@pytest.mark.parametrize("confinement", [pytest.param(name, marks=missing) for name, missing in MISSING.items()])
@pytest.mark.parametrize("kind", ["right", "wrong"])
@pytest.mark.parametrize("name", RECOGNISED)
def test_what_is_recognised_is_told_the_same(name: str, kind: str, confinement: str) -> None:
    path = next((EXAMPLES / name).parent.glob(f"{Path(name).stem}_{kind}*"))
    found, expected = {**told(path, None, confinement=confinement)}, {**told(path, None)}
    beside = " is not installed; a placeholder stands in for it"      # fewer packages are in confinement
    for each in (found, expected):
        each["notes"] = [note for note in ast.literal_eval(each["notes"]) if not note.endswith(beside)]
    assert found == expected
    assert found["verdict"] == repr("equivalent" if kind == "right" else "different")
    assert "--class" in found["conventions"] or "--weights" in found["conventions"]


@pytest.mark.sampled(5)
@pytest.mark.parametrize("confinement", [pytest.param(name, marks=missing) for name, missing in MISSING.items()])
@pytest.mark.parametrize("id", PLANTED)
def test_planted_mistakes_are_told_the_same(id: str, confinement: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    network, plant = PLANTED[id]
    path = tmp_path_factory.getbasetemp() / f"{id}.py"
    path.write_text(plant.apply(source(network)))
    found = told(path, None, confinement=confinement)
    assert found == told(path, None)
    assert found["verdict"] != repr("equivalent")
    assert found["diagnosis"] != "()"


@pytest.mark.parametrize("confinement", [pytest.param(name, marks=missing) for name, missing in MISSING.items()])
def test_what_changes_its_parameters_gets_the_same_arrays_again(confinement: str, tmp_path: Path) -> None:
    """Its moments are kept by the id of each array: new arrays at each step would have none."""
    path = tmp_path / "attempt.py"
    path.write_text(BY_ID)
    found = told(path, None, confinement=confinement)
    assert found == told(path, None)
    assert found["verdict"] == repr("equivalent")


@pytest.mark.parametrize("confinement", [pytest.param(name, marks=missing) for name, missing in MISSING.items()])
def test_what_raises_is_told_the_same(confinement: str, tmp_path: Path) -> None:
    path = tmp_path / "attempt.py"
    path.write_text(RAISING)
    found = told(path, None, confinement=confinement)
    assert found == told(path, None)
    assert found["source"] == repr("return np.zeros(3) @ np.zeros(4)")
