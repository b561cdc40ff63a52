"""What no part of a file speaks of is in the verdict's line."""

from pathlib import Path

import pytest

from compare.report.parts import headline

from .checking import checked, right

LAYERS = """
import numpy as np

def affine_forward(x, w, b):
    return x @ w + b, (x, w)

def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)

def cube_forward(x):
    return _cubed(x), x

def _cubed(x):
    return x * x * x

def cube_backward(dout, cache):
    return 3 * cache**2 * dout
"""
NETWORK = """
class Network:
    def __init__(self):
        self.w, self.b = np.zeros((3, 2)), np.zeros(2)

    def step(self, x, dout):
        out, cache = affine_forward(x, self.w, self.b)
        dx, dw, db = affine_backward(dout, cache)
        self.w += dw

network = Network()
for _ in range(3):
    network.step(x, dout)
"""


def test_a_forward_pass_of_its_own_and_inputs_on_which_one_raises_are_said(tmp_path: Path) -> None:
    result = checked(tmp_path, LAYERS)
    assert result.verdict == "equivalent"
    assert result.caveats == (
        "cube_backward is held to the file's own forward pass, which is not compared",
        "affine_forward raises an error on some of the drawn inputs",
    )
    assert headline(result).endswith(f"within what rounding allows; but {result.caveats[0]}; {result.caveats[1]}")


def test_what_uses_the_parts_and_is_none_is_said(tmp_path: Path) -> None:
    lines = (LAYERS + NETWORK).splitlines()
    step, loop = (next(i for i, each in enumerate(lines, start=1) if what in each) for what in ("def step", "for _ in"))
    assert checked(tmp_path, LAYERS + NETWORK).caveats[-1] == f"Network.step (line {step}) and the loop in line {loop} are not compared"


def test_a_function_beside_tensors_by_name_is_said(tmp_path: Path) -> None:
    text = right("tensor_names")
    assert checked(tmp_path, text, shape="tensor_names").caveats == ()
    beside = "\n\ndef backward(h, dlogits):\n    return h.T @ dlogits\n"
    assert "backward (line" in checked(tmp_path, text + beside, shape="tensor_names").caveats[0]


@pytest.mark.parametrize("name", ["layer_pairs", "engine", "update_rules"])
def test_of_a_file_that_is_compared_nothing_is_said(tmp_path: Path, name: str) -> None:
    assert checked(tmp_path, right(name)).caveats == ()
