"""A last layer whose backward method takes the targets, and layers that add up their gradients."""

from pathlib import Path

import pytest

from compare.parts.check import check_parts

TEXT = """
import numpy as np

class Layer:
    def __init__(self, n_in, n_out):
        self.W, self.B = np.random.randn(n_in, n_out), np.zeros((1, n_out))
        self.dL_dW, self.dL_dB = np.zeros((n_in, n_out)), np.zeros((1, n_out))

    def keep(self, error):
        self.dL_dW += self.X.T @ error
        self.dL_dB += error.sum(axis=0, keepdims=True)
        return error @ self.W.T

class Hidden(Layer):
    def forward(self, x):
        self.X = x
        self.Z = x @ self.W + self.B
        return np.maximum(self.Z, 0)

    def backward(self, grad):
        return self.keep(grad * (self.Z > 0))

class Output(Layer):
    def forward(self, x):
        self.X = x
        self.A = 1 / (1 + np.exp(-(x @ self.W + self.B)))
        return self.A

    def backward(self, y_target):
        return self.keep((self.A - y_target) * SLOPE)
"""


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    ("slope", "was", "now", "wrong"),
    [
        ("1", "", "", ""),
        ("self.A * (1 - self.A)", "", "", ""),
        ("2 / len(self.A)", "", "", ""),
        ("-1", "", "", "Output"),
        ("self.A", "", "", "Output"),
        ("1", ".sum(axis=0, keepdims=True)", ".mean(axis=0, keepdims=True)", "Output Hidden"),
        ("1", " * (self.Z > 0)", "", "Hidden"),
        ("1", "self.dL_dB +=", "self.dL_dB -=", "Output Hidden"),
    ],
)
def test_a_last_layer_goes_along_a_loss_of_its_output(tmp_path: Path, slope: str, was: str, now: str, wrong: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(TEXT.replace("SLOPE", slope).replace(was, now) if was else TEXT.replace("SLOPE", slope))
    result = check_parts(path, "layer_classes", 1)
    assert {part.name for part in result.parts if part.mark == "wrong"} == {f"{name}.backward" for name in wrong.split()}
    assert {part.mark for part in result.parts} <= {"agrees", "wrong"}


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("takes", "given", "wrong"),
    [
        ("y_verdadero", "(self.A - y_verdadero) * self.A * (1 - self.A)", set()),
        ("y_verdadero", "(y_verdadero - self.A) * self.A * (1 - self.A)", {"Output.backward"}),
        ("y_verdadero", "(self.A - y_verdadero) * self.A", {"Output.backward"}),
        ("soll", "soll * self.A * (1 - self.A)", set()),
        ("dvalores", "(self.A - dvalores) * self.A * (1 - self.A)", {"Output.backward"}),
    ],
)
def test_targets_of_an_unknown_name_are_found_by_what_is_done(tmp_path: Path, takes: str, given: str, wrong: set[str]) -> None:
    path = tmp_path / "mine.py"
    path.write_text(TEXT.replace("(self.A - y_target) * SLOPE", given).replace("y_target", takes))
    result = check_parts(path, "layer_classes", 1)
    assert {part.name for part in result.parts if part.mark == "wrong"} == wrong
    assert {part.mark for part in result.parts} <= {"agrees", "wrong"}
