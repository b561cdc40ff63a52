"""One's own autograd.Functions: right ones agree with autograd of their forward, planted mistakes do not, and others need a reference."""

from pathlib import Path

import pytest

from compare.parts.check import check_parts
from compare.parts.shapes import shape_of

from .checking import checked, first, right

RIGHT = right("functions")
HEAD = "import numpy as np\nimport torch\n\n\nclass Mine(torch.autograd.Function):\n"


def mine(forward: str, backward: str, arguments: str = "ctx, x") -> str:
    body = f"    @staticmethod\n    def forward({arguments}):\n        {forward}\n\n"
    return f"{HEAD}{body}    @staticmethod\n    def backward(ctx, g):\n        {backward}\n"


@pytest.mark.parametrize("seed", range(3))
def test_right_functions_are_equivalent(tmp_path: Path, seed: int) -> None:
    result = checked(tmp_path, RIGHT, seed, "autograd_functions")
    assert result.verdict == "equivalent", first(result)
    assert result.parts[3].beside.endswith("it gives no gradient of target")
    assert [part.name for part in result.parts] == [f"{name}.backward" for name in ("Swish", "Linear", "LayerNorm", "CrossEntropy")]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("line", "wrong", "part", "tensor"),
    [
        ("s + x * s * (1 - s)", "s + x * (1 - s)", "Swish", "x"),
        ("grad_output.t().mm(input)", "2 * grad_output.t().mm(input)", "Linear", "weight"),
        ("grad_output.sum(0) if", "grad_output.mean(0) if", "Linear", "bias"),
        ("grad_x = r * (g - g.mean(-1, keepdim=True) - ", "grad_x = r * (g - ", "LayerNorm", "x"),
        ("(grad_output * x_hat).sum(axes)", "(g * x_hat).sum(axes)", "LayerNorm", "weight"),
        ("grad_output * grad / len(target), None", "grad_output * grad, None", "CrossEntropy", "logits"),
        ("grad_output * grad / len(target), None", "grad / len(target), None", "CrossEntropy", "logits"),
    ],
)
def test_a_planted_mistake_is_found(tmp_path: Path, line: str, wrong: str, part: str, tensor: str) -> None:
    assert RIGHT.count(line) == 1
    result = checked(tmp_path, RIGHT.replace(line, wrong))
    assert (result.verdict, first(result).name) == ("different", f"{part}.backward")
    assert first(result).tensor.startswith(f"gradient of {tensor}")


def test_the_line_is_that_of_the_gradient(tmp_path: Path) -> None:
    found = first(result := checked(tmp_path, RIGHT.replace("grad_output.t().mm(input)", "-grad_output.t().mm(input)")))
    assert result.text_of(found.line or 0) == "grad_weight = -grad_output.t().mm(input)"
    assert found.why == "every number of gradient of weight has the wrong sign"


@pytest.mark.parametrize(
    ("forward", "backward", "arguments", "said"),
    [
        ("return torch.round(x)", "return g", "ctx, x", "straight-through"),
        ("return (x > 0).to(x.dtype)", "return g", "ctx, x", "straight-through"),
        ("return torch.from_numpy(np.exp(x.detach().numpy()))", "return g", "ctx, x", "autograd does not see"),
        ("return x.data * 2", "return 2 * g", "ctx, x", "autograd does not see"),
        ("return x.view_as(x)", "return -g", "ctx, x", "reversed"),
        ("return x * torch.rand_like(x)", "return g", "ctx, x", "other numbers"),
        ("return x * 2", "return 2 * g", "ctx, *x", "no inputs"),
    ],
)
def test_what_has_no_reference_is_no_proof_and_no_mistake(tmp_path: Path, forward: str, backward: str, arguments: str, said: str) -> None:
    result = checked(tmp_path, mine(forward, backward, arguments))
    assert result.verdict == "not a proof"
    assert said in str(first(result).reason)
    assert "--reference" in str(first(result).reason)


def test_a_gradient_of_another_shape_is_different(tmp_path: Path) -> None:
    result = checked(tmp_path, mine("return x * 2", "return 2 * g.sum(0)"))
    assert result.verdict == "different"
    assert "invalid gradient" in str(first(result).first)


def test_a_forward_in_place_and_one_with_a_set_up_are_compared(tmp_path: Path) -> None:
    assert checked(tmp_path, mine("return x.mul_(2)", "return 2 * g")).verdict == "equivalent"
    set_up = "    @staticmethod\n    def setup_context(ctx, inputs, output):\n        ctx.save_for_backward(output)\n"
    exp = mine("return x.exp()", "(y,) = ctx.saved_tensors\n        return g * y", "x") + set_up
    assert checked(tmp_path, exp).verdict == "equivalent"
    assert checked(tmp_path, exp.replace("g * y", "g")).verdict == "different"


def test_a_base_of_another_file_is_no_fault_of_ours(tmp_path: Path) -> None:
    (tmp_path / "base.py").write_text("import torch\n\n\nclass Base(torch.autograd.Function):\n    pass\n")
    text = mine("return 2 * x", "return 2 * g").replace("import torch\n", "from base import Base\n")
    text = text.replace("torch.autograd.Function", "Base")
    path = tmp_path / "mine.py"
    for each, verdict in ((text, "equivalent"), (text.replace("2 * g", "g"), "different")):
        path.write_text(each)
        assert shape_of(path, is_last=True) == "layer_classes"
        assert check_parts(path, "layer_classes", 1).verdict == verdict
    path.write_text(text.replace("import Base", "import Base as Other").replace("class Mine(Base)", "class Mine"))
    assert check_parts(path, "layer_classes", 1).verdict == "not a proof"      # no Function: its ctx is an argument
