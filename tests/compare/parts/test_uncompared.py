"""What no part of a file speaks of is in the verdict's line."""

from pathlib import Path

import pytest

from compare.parts.pairs import pairs_in
from compare.report.parts import headline

from .checking import checked, first, right

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


@pytest.mark.parametrize("name", ["gate_backward", "backward_gate", "d_gate", "gate_grad", "bprop_gate"])
def test_what_goes_back_by_its_name_and_is_not_compared_is_no_proof(tmp_path: Path, name: str) -> None:
    text = LAYERS + f"\ndef {name}(dout, gate):\n    return dout * gate + gate\n"
    result = checked(tmp_path, text)
    assert (result.verdict, first(result).name) == ("not a proof", name)
    assert "nothing that is compared uses it" in str(first(result).reason)


def test_a_helper_that_a_compared_backward_calls_is_no_part(tmp_path: Path) -> None:
    text = LAYERS.replace("return 3 * cache**2 * dout", "return d_cube(cache) * dout") + "\ndef d_cube(x):\n    return 3 * x**2\n"
    assert checked(tmp_path, text).verdict == "equivalent"
    assert checked(tmp_path, text.replace("3 * x**2", "2 * x**2")).verdict == "different"


@pytest.mark.parametrize("name", ["clip_grads", "zero_grad", "step"])
def test_what_only_uses_gradients_is_said_beside_the_verdict(tmp_path: Path, name: str) -> None:
    result = checked(tmp_path, LAYERS + f"\ndef {name}(grads, most):\n    return [each * most for each in grads]\n")
    assert (result.verdict, name in str(result.caveat)) == ("equivalent", True)


@pytest.mark.parametrize(("right", "wrong"), [("dout @ w.T, x.T @ dout", "dout @ w.T, -x.T @ dout")])
@pytest.mark.parametrize("spelled", ["afine_forward", "affinee_forward", "Aff_ine_forward"])
def test_a_pair_that_is_spelled_in_two_ways_is_compared(tmp_path: Path, spelled: str, right: str, wrong: str) -> None:
    text = LAYERS.replace("affine_forward", spelled)
    result = checked(tmp_path, text)
    assert (result.verdict, spelled in result.functions) == ("equivalent", True)
    assert checked(tmp_path, text.replace(right, wrong)).verdict == "different"


def test_other_names_and_numbers_are_no_spelling() -> None:
    assert [pair.forward for pair in pairs_in(["layernom_forward", "layernorm_backward"])] == ["layernom_forward"]
    for names in (["conv1d_forward", "conv2d_backward"], ["relu_forward", "elu_backward"], ["max_pool_forward", "avg_pool_backward"]):
        assert pairs_in(names) == []
    assert [pair.backwards for pair in pairs_in(["affine_forward", "affine_backward", "afine_backward"])] == [("affine_backward",)]
