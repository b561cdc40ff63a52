"""Classes of layers with forward and backward: each gradient beside autograd of the class's own forward."""

from pathlib import Path

import pytest

from compare.parts.check import check_parts
from compare.parts.result import PartsCheck
from compare.parts.shapes import shape_of

from .checking import first, right

RIGHT = right("layer_classes")


def checked(folder: Path, text: str, seed: int = 1) -> PartsCheck:
    path = folder / "mine.py"
    path.write_text(text)
    assert shape_of(path) is None, "a network is searched for first"
    assert shape_of(path, is_last=True) == "layer_classes"
    return check_parts(path, "layer_classes", seed)


def test_right_classes_are_equivalent(tmp_path: Path) -> None:
    result = checked(tmp_path, RIGHT)
    assert result.verdict == "equivalent", first(result)
    assert [part.name for part in result.parts] == ["Convolution.backward", "Dense.backward", "Attention.backward"]
    assert result.parts[1].beside.endswith("of dx, new weights, new bias")
    assert result.parts[2].beside.endswith("of dx, dwq, dwk, dwv")


@pytest.mark.parametrize(
    ("line", "wrong", "part", "tensor"),
    [
        ("signal.convolve2d(gradient", "signal.correlate2d(gradient", "Convolution", "dx"),
        ("dkernels[i, j] = signal.correlate2d", "dkernels[i, j] = signal.convolve2d", "Convolution", "new kernels"),
        ("        return dx\n\n\nclass Attention", "        return self.weights.T @ gradient\n\n\nclass Attention", "Dense", "dx"),
        ("self.bias -= learning_rate * gradient", "self.bias += learning_rate * gradient", "Dense", "new bias"),
        ("(dp - (dp * self.p).sum(-1, keepdims=True))", "dp", "Attention", "dx"),
        ('("wv", dv)', '("wv", dk)', "Attention", "dwv"),
    ],
)
def test_a_planted_mistake_is_found(tmp_path: Path, line: str, wrong: str, part: str, tensor: str) -> None:
    assert RIGHT.count(line) == 1
    found = first(result := checked(tmp_path, RIGHT.replace(line, wrong)))
    assert (result.verdict, found.name, found.tensor.partition("[")[0]) == ("different", f"{part}.backward", tensor)


def test_a_class_that_cannot_be_made_is_no_proof(tmp_path: Path) -> None:
    result = checked(tmp_path, RIGHT.replace("dim", "what"))
    assert result.verdict == "not a proof"
    assert "no arguments" in str(first(result).reason)


def test_a_layer_that_draws_is_run_with_the_same_numbers(tmp_path: Path) -> None:
    text = "import numpy as np\n\n\nclass Dropout:\n    def __init__(self, prob):\n        self.prob = prob\n\n    def forward(self, x):\n"
    text += "        self.mask = np.random.binomial(1, self.prob, size=x.shape) / self.prob\n        return x * self.mask\n\n"
    text += "    def backward(self, dout):\n        return dout * self.mask\n"
    assert checked(tmp_path, text).verdict == "equivalent"
    assert checked(tmp_path, text.replace("dout * self.mask", "dout * (self.mask > 0)")).verdict == "different"


def test_what_lies_beside_the_file_is_run_on_tensors_too(tmp_path: Path) -> None:
    (tmp_path / "helpers.py").write_text("import numpy as np\n\n\ndef sigmoid(x):\n    return 1 / (1 + np.exp(-x))\n")
    text = "from helpers import sigmoid\n\n\nclass Sigmoid:\n    def forward(self, x):\n"
    text += "        self.out = sigmoid(x)\n        return self.out\n\n"
    text += "    def backward(self, dout):\n        return dout * self.out * (1 - self.out)\n"
    assert checked(tmp_path, text).verdict == "equivalent"
    assert checked(tmp_path, text.replace("dout * self.out *", "dout *")).verdict == "different"
