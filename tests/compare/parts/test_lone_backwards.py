"""Backward functions of convolutions and poolings without a forward one, in the form that their arguments' names and defaults say."""

from pathlib import Path

import pytest

from compare.parts.shapes import shape_of

from .checking import checked, first, right

RIGHT = right("lone_backwards")
FIRST = '''import numpy as np


def conv2d_backward(x, w, dout, stride, pad):
    h, width = x.shape[2:]
    kh, kw = w.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dx, dw = np.zeros_like(padded), np.zeros_like(w)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            rows, columns = slice(i * stride, i * stride + kh), slice(j * stride, j * stride + kw)
            dw += np.einsum("nf,nchw->fchw", dout[:, :, i, j], padded[:, :, rows, columns])
            dx[:, :, rows, columns] += np.einsum("nf,fchw->nchw", dout[:, :, i, j], w)
    return dx[:, :, pad : pad + h, pad : pad + width], dw
'''


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("text", [RIGHT, FIRST], ids=["channels last", "channels first"])
def test_right_ones_are_equivalent(tmp_path: Path, text: str, seed: int) -> None:
    result = checked(tmp_path, text, seed, "lone_backwards")
    assert result.verdict == "equivalent", first(result)
    assert result.caveats == ()
    names = ["conv_backward", "pool_backward, mode max", "pool_backward, mode avg"] if text is RIGHT else ["conv2d_backward"]
    assert [part.name for part in result.parts] == names
    assert ("channels last" in result.parts[0].beside) == (text is RIGHT)


@pytest.mark.parametrize(
    ("text", "line", "wrong", "tensor"),
    [
        (RIGHT, "(kh - 1) // 2, (kw", "(kh - 1), (kw", "dx"),
        (RIGHT, "(j * stride[1], j * stride[1] + kw)\n            dz", "(j * stride[0], j * stride[0] + kw)\n            dz", "dx"),
        (RIGHT, "db += dz.sum(0)", "db += dz.mean(0)", "db"),
        (RIGHT, "padded[:, rows, columns], dz", "padded[:, :kh, :kw], dz", "dw"),
        (RIGHT, "[:, rows, columns] += (window", "[:, rows, columns] = (window", "dx"),
        (RIGHT, "da / (kh * kw)", "da / kh**2", "dx"),
        (FIRST, "dx[:, :, pad : pad + h, pad : pad + width]", "dx[:, :, :h, :width]", "dx"),
        (FIRST, "dout[:, :, i, j], w)", "dout[:, :, i, j], w[:, :, ::-1, ::-1])", "dx"),
        (FIRST, "dw += ", "dw = ", "dw"),
    ],
)
def test_a_planted_mistake_is_found(tmp_path: Path, text: str, line: str, wrong: str, tensor: str) -> None:
    assert text.count(line) == 1
    result = checked(tmp_path, text.replace(line, wrong))
    assert result.verdict == "different"
    assert first(result).tensor.startswith(tensor)


def test_filters_that_have_to_be_square_are_said(tmp_path: Path) -> None:
    result = checked(tmp_path, FIRST.replace("kh, kw = w.shape[2:]", "kh, kw = 2 * w.shape[2:3]"))
    assert result.verdict == "equivalent", first(result)
    assert result.parts[0].beside == "F.conv2d; filters are square"


def test_other_arguments_are_no_mistake(tmp_path: Path) -> None:
    for line, other in (("x.shape[2:]", "x.shape"), ("w, dout, stride", "w, dout, cols, stride")):
        result = checked(tmp_path, FIRST.replace(line, other))
        assert (result.verdict, first(result).mark) == ("not a proof", "not compared")


@pytest.mark.parametrize("more", ["class Layer:\n    pass\n", "def train(x):\n    return x\n"])
def test_a_file_with_more_than_these_is_of_another_shape(tmp_path: Path, more: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(f"{FIRST}\n\n{more}")
    assert shape_of(path) is None
    path.write_text(FIRST.replace("conv2d_backward(", "relu_backward("))
    assert shape_of(path) is None
