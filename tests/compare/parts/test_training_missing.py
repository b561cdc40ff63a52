"""Programs whose tables of data are not there: drawn numbers stand in, which is said."""

from pathlib import Path

import pytest

from compare.parts.check import check_parts
from compare.userfile.file import AttemptError

LOADED = {
    "open": """
rows = [line.strip().split(",") for line in open("data/points.csv")]
data = np.array([[float(each) for each in row] for row in rows])
""",
    "loadtxt": 'data = np.loadtxt("points.csv", delimiter=",")',
    "genfromtxt": 'data = np.genfromtxt("points.txt")',
    "read_csv": """
import pandas as pd
data = pd.read_csv("points.csv", header=None).values
""",
    "read_csv by names": """
import pandas as pd
frame = pd.read_csv("prices.csv", sep=";")
data = np.column_stack([frame.drop(columns="target").to_numpy(), frame["target"]])
""",
    "read_excel": """
import pandas as pd
frame = pd.read_excel("data/curve.xlsx")
data = frame[["height", "outcome"]].values
""",
}
TRAINED = """
import numpy as np
{loaded}
x, y = data[:, :-1], data[:, -1]
w, b = np.zeros(x.shape[1]), 0.0
for step in range(50):
    p = 1 / (1 + np.exp(-(x @ w + b)))
    error = p - y
    w -= 0.1 * {gradient}
    b -= 0.1 * error.mean()
"""


@pytest.mark.parametrize("how", LOADED)
def test_a_table_of_numbers_stands_in(tmp_path: Path, how: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(TRAINED.format(loaded=LOADED[how], gradient="x.T @ error / len(x)"))
    result = check_parts(path, "training", 1)
    assert result.verdict == "equivalent"
    said = {"read_csv by names": "drawn numbers in a, b, c, d, target", "read_excel": "drawn numbers in height, outcome"}
    assert any(f"is not there: 60 rows of {said.get(how, '5 drawn numbers and 0 or 1')} stand in for it" in note for note in result.notes)


def test_a_wrong_step_on_it_is_different(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(TRAINED.format(loaded=LOADED["open"], gradient="x.T @ error / 2"))
    assert check_parts(path, "training", 1).verdict == "different"


def test_digits_and_irises_are_known_by_name(tmp_path: Path) -> None:
    text = """
import numpy as np
pixels = np.array([line.split(",") for line in open("mnist_train.csv")], float)
kinds = [line.strip().split(",")[-1] for line in open("iris.csv")]
assert pixels.shape == (60, 785) and set(kinds) == {"Iris-setosa", "Iris-versicolor", "Iris-virginica"}
x, y = pixels[:, 1:] / 255, pixels[:, 0]
w = np.zeros(784)
for step in range(9):
    error = x @ w - y
    w -= 0.01 * x.T @ error
"""
    path = tmp_path / "mine.py"
    path.write_text(text)
    assert check_parts(path, "training", 1).verdict == "equivalent"


@pytest.mark.slow
def test_digits_may_have_names(tmp_path: Path) -> None:
    text = """
import numpy as np
import pandas as pd
frame = pd.read_csv("train_mnist.csv")
y, x = frame["label"].values, frame.drop("label", axis=1).values / 255
assert x.shape == (60, 784)
w = np.zeros(784)
for step in range(9):
    error = x @ w - y
    w -= 0.01 * x.T @ error
"""
    path = tmp_path / "mine.py"
    path.write_text(text)
    assert check_parts(path, "training", 1).verdict == "equivalent"


def test_other_files_are_missed(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(TRAINED.format(loaded='data = np.load("points.npy")', gradient="x.T @ error"))
    with pytest.raises(AttemptError, match=r"points\.npy"):
        check_parts(path, "training", 1)
