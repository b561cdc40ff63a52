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


@pytest.mark.sampled(3)
@pytest.mark.parametrize("seed", range(3))
def test_right_functions_are_equivalent(tmp_path: Path, seed: int) -> None:
    result = checked(tmp_path, RIGHT, seed, "autograd_functions")
    assert result.verdict == "equivalent", first(result)
    assert result.parts[3].beside.endswith("it gives no gradient of target")
    assert [part.name for part in result.parts] == [f"{name}.backward" for name in ("Swish", "Linear", "LayerNorm", "CrossEntropy")]


@pytest.mark.sampled(7)
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


PACT = mine("ctx.save_for_backward(x, alpha)\n        return x.clamp(min=0).min(alpha)", "x, alpha = ctx.saved_tensors\n        "
            "return g * ((x > 0) & (x < alpha)), (g * (x >= alpha)).sum().reshape(1)", "ctx, x, alpha").replace(
    "import torch\n", "import torch\nfrom torch.autograd.function import InplaceFunction\n").replace(
    "torch.autograd.Function)", "InplaceFunction)")      # fmt: skip


@pytest.mark.slow
def test_functions_of_another_base_are_known(tmp_path: Path) -> None:
    result = checked(tmp_path, PACT, shape="autograd_functions")
    assert result.verdict == "equivalent", first(result)
    for right_one, wrong in (("x < alpha", "x < 2 * alpha"), ("x >= alpha", "x <= alpha"), ("(x > 0) & ", "")):
        assert checked(tmp_path, PACT.replace(right_one, wrong)).verdict == "different"


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


SIGMOID = mine("y = 1 / (1 + torch.exp(-x))\n        ctx.save_for_backward(y)\n        return y", "(y,) = ctx.saved_tensors\n        "
               "return g * y * (1.0 - y)")      # fmt: skip


@pytest.mark.sampled(2)
@pytest.mark.parametrize("seed", range(12))
def test_the_rounding_of_its_own_formula_is_allowed(tmp_path: Path, seed: int) -> None:
    assert checked(tmp_path, SIGMOID, seed).verdict == "equivalent"


@pytest.mark.sampled(3)
@pytest.mark.parametrize("wrong", ["g * y * (1.0 - y * y)", "g * y * (1.0 + 1e-9 - y)", "y * (1.0 - y)", "g * (y * 1e9 - y * (1e9 - 0.2))"])
def test_its_own_rounding_explains_no_mistake(tmp_path: Path, wrong: str) -> None:
    assert checked(tmp_path, SIGMOID.replace("g * y * (1.0 - y)", wrong)).verdict == "different"


LEAKY = mine("ctx.save_for_backward(x, torch.as_tensor(slope).double())\n        return torch.where(x < 0, slope * x, x)",
             "x, slope = ctx.saved_tensors\n        return g * torch.where(x < 0, slope, 1.0)",
             "ctx, x, slope: float = 0.01")      # fmt: skip


@pytest.mark.slow
def test_a_function_may_be_meant_for_its_defaults(tmp_path: Path) -> None:
    result = checked(tmp_path, LEAKY)
    assert result.verdict == "equivalent", first(result)
    assert "slope by default only" in result.parts[0].caveat
    for right_one, wrong in (("slope, 1.0", "slope, 1.1"), ("x < 0, slope, 1", "x > 0, slope, 1"), ("return g *", "return 2 * g *")):
        assert checked(tmp_path, LEAKY.replace(right_one, wrong)).verdict == "different"
    assert checked(tmp_path, LEAKY.replace("slope: float = 0.01", "slope: float")).verdict == "different"
    assert checked(tmp_path, LEAKY + "\n\nprint(Mine.apply(torch.ones(2), 0.1))\n").verdict == "different"
    assert checked(tmp_path, LEAKY + "\n\nleaky = Mine.apply\nprint(leaky(torch.ones(2), 0.1))\n").verdict == "different"
    assert checked(tmp_path, LEAKY + "\n\nleaky = Mine.apply\nprint(leaky(torch.ones(2)))\n").verdict == "equivalent"


def test_a_gradient_of_a_weight_that_may_be_none_is_not_left_out(tmp_path: Path) -> None:
    body = ("ctx.save_for_backward(x, weight)\n        out = x @ weight.t()\n        return out if bias is None else out + bias",
            "x, weight = ctx.saved_tensors\n        return g @ weight, g.t() @ x", "ctx, x, weight, bias=None")      # fmt: skip
    assert checked(tmp_path, mine(*body)).verdict != "equivalent"


LOSS = mine(
    "p = torch.sigmoid(x.mv(weight) + bias)\n        ctx.save_for_backward(x, weight, p, y)\n        ctx.lam = lam\n"
    "        return -(y * p.log() + (1 - y) * (1 - p).log()).mean() + lam * weight.abs().sum()",
    "x, weight, p, y = ctx.saved_tensors\n        off = (p - y) / len(y)\n"
    "        return None, g * (x.t().mv(off) + ctx.lam * weight.sign()), g * off.sum().reshape(1), None, None",
    "ctx, x, weight, bias, y, lam",
)      # fmt: skip


@pytest.mark.slow
def test_a_loss_of_weights_and_targets_takes_its_input_as_data(tmp_path: Path) -> None:
    result = checked(tmp_path, LOSS)
    assert result.verdict == "equivalent", first(result)
    assert result.parts[0].caveat == "gives no gradient of x, which has to be data"
    for right_one, wrong in (("weight.sign()", "weight"), (" / len(y)", ""), ("x.t().mv", "x.t().abs().mv"), ("g * off.sum", "off.sum")):
        assert checked(tmp_path, LOSS.replace(right_one, wrong)).verdict == "different"


NUMBER = mine(
    "ctx.save_for_backward(x)\n        return (data / x).pow(2).sum() * x",
    "(x,) = ctx.saved_tensors\n        return -g * (data / x).pow(2).sum().reshape(1, 1)",
) + "\n\ndata = torch.randn(1, 100)\n"


def test_a_function_of_one_number_is_compared(tmp_path: Path) -> None:
    result = checked(tmp_path, NUMBER)
    assert result.verdict == "equivalent", first(result)
    for right_one, wrong in (("return -g", "return g"), ("return -g", "return -2 * g"), ("pow(2).sum().r", "sum().r")):
        assert checked(tmp_path, NUMBER.replace(right_one, wrong)).verdict == "different"


BARE = mine("return 3 * x", "return 3 * g", "x").replace("backward(ctx, g)", "backward(g)")


@pytest.mark.slow
def test_a_function_without_context_is_compared_if_it_is_never_applied(tmp_path: Path) -> None:
    result = checked(tmp_path, BARE)
    assert result.verdict == "equivalent", first(result)
    assert "cannot apply it" in result.parts[0].caveat
    for wrong in ("2 * g", "-3 * g", "3 * g * g"):
        assert checked(tmp_path, BARE.replace("return 3 * g", f"return {wrong}")).verdict == "different"
    applied = checked(tmp_path, BARE + "\n\nprint(Mine.apply(torch.ones(2)))\n")
    assert applied.verdict == "could not run"
    assert "takes no context" in str(first(applied).reason)


POOL = mine(
    "y = torch.logsumexp(r * x, dim=1) / r\n        ctx.save_for_backward(x, y)\n        ctx.r = r\n        return y",
    "x, y = ctx.saved_tensors\n        return g.unsqueeze(1) * torch.exp(ctx.r * (x - y.unsqueeze(1))), None",
    "ctx, x, r",
)      # fmt: skip
WEIGHTED = mine(
    "p = torch.softmax(w, 0).view(1, -1, 1)\n        ctx.save_for_backward(x, p)\n        return (x * p).sum(1)",
    "x, p = ctx.saved_tensors\n        d = (g.unsqueeze(1) * x).sum((0, 2))\n        p1 = p.flatten()\n"
    "        return g.unsqueeze(1) * p, p1 * (d - (d * p1).sum())",
    "ctx, x, w",
)      # fmt: skip
SQUARES = mine(
    "ctx.save_for_backward(x, target)\n        return ((x - target) ** 2).mean()",
    "x, target = ctx.saved_tensors\n        return g * 2 * (x - target) / target.numel(), None",
    "ctx, x, target",
)      # fmt: skip


@pytest.mark.sampled(9)
@pytest.mark.parametrize(
    ("text", "right_one", "wrong"),
    [
        (POOL, "g.unsqueeze(1) * torch", "g.unsqueeze(1) * ctx.r * torch"),
        (POOL, "exp(ctx.r * (", "exp(("),
        (WEIGHTED, "d - (d * p1).sum()", "d"),
        (SQUARES, "target.numel()", "len(target)"),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_inputs_that_fit_by_broadcasting_alone_are_no_proof_of_a_mistake(
    tmp_path: Path, text: str, right_one: str, wrong: str, seed: int
) -> None:
    result = checked(tmp_path, text, seed)
    assert result.verdict == "equivalent", first(result)
    assert text.count(right_one) == 1
    assert checked(tmp_path, text.replace(right_one, wrong), seed).verdict == "different"


HOT = mine(
    "p = torch.softmax(logits, dim=1)\n        ctx.save_for_backward(p, one_hot)\n        return -(one_hot * p.log()).sum() / len(p)",
    "p, one_hot = ctx.saved_tensors\n        return g * (p - one_hot) / len(p), None",
    "ctx, logits, one_hot",
)      # fmt: skip


@pytest.mark.slow
def test_targets_of_a_softmax_may_have_to_sum_to_1(tmp_path: Path) -> None:
    result = checked(tmp_path, HOT)
    assert result.verdict == "equivalent", first(result)
    assert result.parts[0].caveat == "is right for one_hot that sums to 1"
    for right_one, wrong in (("p - one_hot", "p + one_hot"), ("p - one_hot", "p - one_hot**2"), (" / len(p), None", ", None")):
        assert HOT.count(right_one) == 1
        assert checked(tmp_path, HOT.replace(right_one, wrong)).verdict == "different"
