"""A program that is run to be checked leaves nothing behind, and goes the same way each time."""

from pathlib import Path

import pytest

from compare.parts.check import check_parts
from compare.parts.training.harmless import harmless
from compare.userfile.file import AttemptError

PROGRAM = """
BEFORE
random = np.random.default_rng(SEED)
x, y, w = random.normal(size=(9, 3)), random.normal(size=9), random.normal(size=3)
for _ in range(50):
    w -= 0.01 * x.T @ (x @ w - y)
    WITHIN
"""
IMPORTS = "import os, pathlib, pickle, shutil, socket, subprocess, threading, time\nimport numpy as np\n"


def written(folder: Path, before: str = "pass", within: str = "pass", seed: str = "0") -> Path:
    path = folder / "mine.py"
    path.write_text(PROGRAM.replace("BEFORE", IMPORTS + before).replace("WITHIN", within).replace("SEED", seed))
    return path


@pytest.mark.parametrize("act", [
    "pathlib.Path('note').write_text('x')",
    "open('note', 'w').write('x')",
    "os.makedirs('folder/inner', exist_ok=True)",
    "os.remove('precious')",
    "os.system('rm precious')",
    "subprocess.run(['touch', 'note'])",
    "np.savetxt('note', w)",
    "w.tofile('note')",
    "pickle.dump(w, open('note', 'wb'))",
    "time.sleep(1000)",
])
def test_what_a_program_does_beside_its_training_stays_undone(act: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "precious").touch()
    assert check_parts(written(tmp_path, within=act), "training", 1).verdict == "equivalent"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["mine.py", "precious"]


@pytest.mark.parametrize("act", [
    "shutil.rmtree('folder')",
    "os.close(os.open('note', os.O_CREAT | os.O_WRONLY))",
    "subprocess.Popen(['touch', 'note'])",
    "socket.create_connection(('127.0.0.1', 9))",
    "threading.Thread(target=lambda: None).start()",
])
def test_what_cannot_be_left_undone_is_refused(act: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(AttemptError, match="a program that is checked"):
        check_parts(written(tmp_path, before=act), "training", 1)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["folder", "mine.py"]


ASKING = """
import numpy as np
random = np.random.default_rng(0)
layers = int(input("How many hidden layers? "))
x, y = random.normal(size=(9, 4)), random.uniform(size=(9, 1))
weights = [random.uniform(size=(4, 4)) for _ in range(layers)] + [random.uniform(size=(4, 1))]
for epoch in range(20):
    outputs = [x]
    for w in weights:
        outputs.append(1 / (1 + np.exp(-outputs[-1] @ w)))
    delta = (outputs[-1] - y) * outputs[-1] * (1 - outputs[-1])
    for at in reversed(range(layers + 1)):
        before = (delta @ weights[at].T) * outputs[at] * (1 - outputs[at])
        weights[at] -= 0.5 * outputs[at].T @ delta
        delta = before
"""


@pytest.mark.parametrize(("fault", "verdict"), [(" * (1 - outputs[at])", "equivalent"), ("", "different")])
def test_a_program_that_asks_is_answered_by_a_small_count(fault: str, verdict: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(ASKING.replace(" * (1 - outputs[at])", fault))
    result = check_parts(path, "training", 1)
    assert (result.verdict, result.notes) == (verdict, ("what it asks is answered by 3",))
    assert [part.name for part in result.parts] == [f"weights[{at}]" for at in range(4)]


@pytest.mark.parametrize("seed", ["", "int(time.time())", "None"])
def test_a_program_without_a_seed_draws_the_same_numbers_each_time(seed: str, tmp_path: Path) -> None:
    assert check_parts(written(tmp_path, seed=seed), "training", 1).verdict == "equivalent"


def test_everything_is_as_before_afterwards(tmp_path: Path) -> None:
    with harmless(), open(tmp_path / "note", "w") as file:
        file.write("x")
    assert not (tmp_path / "note").exists()
    (tmp_path / "note").write_text("x")
    assert (tmp_path / "note").read_text() == "x"
