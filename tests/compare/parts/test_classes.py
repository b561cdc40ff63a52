"""Classes of layers with forward and backward: each gradient beside autograd of the class's own forward."""

import ast
from pathlib import Path

import pytest

from compare.parts.check import check_parts
from compare.parts.classes.methods import classes_in
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
    assert "of dx, new weights, new bias; for one record alone" in result.parts[1].beside
    assert result.parts[2].beside.endswith("of dx, dwq, dwk, dwv")


@pytest.mark.sampled(3)
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
    result = checked(tmp_path, RIGHT.replace("dim", "name"))
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


BLOCKS = '''import numpy as np


class Dense:
    def __init__(self, m, n):
        self.w, self.b = np.random.randn(m, n), np.zeros((1, n))

    def forward(self, x):
        self.x = x
        self.out = x @ self.w + self.b

    def backward(self, above):
        self.dw, self.db = self.x.T @ above, above.sum(axis=0, keepdims=True)
        self.dinputs = above @ self.w.T


class Softmax:
    def forward(self, z):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        self.out = e / e.sum(axis=1, keepdims=True)

    def backward(self, above):
        self.dinputs = above


class CrossEntropy:
    def forward(self, p, y):
        self.p, self.y = p, y
        return float(-np.sum(y * np.log(p)) / len(y))

    def backward(self):
        return (self.p - self.y) / len(self.y)
'''


def test_a_loss_and_the_activation_before_it_are_right_together(tmp_path: Path) -> None:
    result = checked(tmp_path, BLOCKS)
    assert result.verdict == "equivalent", first(result)
    assert result.parts[0].beside.endswith("of dx, dw, db")
    assert "whose gradient it passes on" in result.parts[1].beside


@pytest.mark.parametrize(
    ("line", "wrong", "verdict"),
    [
        ("self.dinputs = above\n", "self.dinputs = 2 * above\n", "different"),
        ("(self.p - self.y) / len(self.y)", "(self.y - self.p) / len(self.y)", "different"),
        ("(self.p - self.y) / len(self.y)", "-self.y / self.p / len(self.y)", "different"),
        ("return (self.p - self.y) / len(self.y)", "return 3 * (self.p - self.y)", "different"),
        ("above.sum(axis=0, keepdims=True)", "above.mean(axis=0, keepdims=True)", "different"),
        ("self.dw, self.db = ", "self.one, self.other = 2 * ", "not a proof"),
    ],
)
def test_what_is_wrong_of_either_is_no_convention(tmp_path: Path, line: str, wrong: str, verdict: str) -> None:
    assert BLOCKS.count(line) == 1
    assert checked(tmp_path, BLOCKS.replace(line, wrong)).verdict == verdict


def test_what_only_the_other_class_could_tell_is_asked(tmp_path: Path) -> None:
    loss, softmax = BLOCKS.partition("class Softmax")[0], BLOCKS.partition("class CrossEntropy")[0]
    without = loss + "class CrossEntropy" + BLOCKS.partition("class CrossEntropy")[2]
    for text in (softmax, without):
        result = checked(tmp_path, text)
        assert (result.verdict, "no such class is found" in str(first(result).reason)) == ("not a proof", True)


CONTAINER = '''

class Tanh:
    def forward(self, x):
        self.out = np.tanh(x)
        return self.out

    def backward(self, above):
        return above * (1 - self.out**2)


class Affine:
    def __init__(self, m, n):
        self.w = np.random.randn(m, n)

    def forward(self, x):
        self.x = x
        return self.w.T @ x

    def backward(self, above):
        self.dw = self.x @ above.T
        return self.w @ above


class Chain:
    def __init__(self, *layers):
        self.layers = layers

    def forward(self, x):
        for each in self.layers:
            x = each.forward(x)
        return x

    def backward(self, above):
        for each in self.layers[::-1]:
            above = each.backward(above)
        return above
'''


def test_a_class_that_holds_layers_runs_them_one_after_the_other(tmp_path: Path) -> None:
    text = "import numpy as np\n" + CONTAINER
    result = checked(tmp_path, text)
    assert result.verdict == "equivalent", first(result)
    found = first(result := checked(tmp_path, text.replace("self.layers[::-1]", "self.layers")))
    assert (result.verdict, found.name) == ("different", "Chain.backward")


def test_a_class_that_begins_with_an_empty_list_of_layers_is_given_some(tmp_path: Path) -> None:
    begins = "def __init__(self):\n        self.layers = []\n\n    def add(self, layer):\n        self.layers.append(layer)\n"
    text = ("import numpy as np\n" + CONTAINER).replace("def __init__(self, *layers):\n        self.layers = layers\n", begins)
    text = text.removesuffix("        return above\n")      # nobody needs what goes back to the inputs
    assert checked(tmp_path, text).verdict == "equivalent"
    for old, new in (
        ("self.layers[::-1]", "self.layers"),
        ("above = each.backward(above)", "each.backward(above)"),
        ("self.layers[::-1]", "self.layers[:0:-1]"),
        ("above = each.backward(above)", "above = -each.backward(above)"),
    ):
        assert old in text
        found = first(result := checked(tmp_path, text.replace(old, new)))
        assert (result.verdict, found.name) == ("different", "Chain.backward")


def test_methods_of_other_names_are_known_where_several_classes_have_them(tmp_path: Path) -> None:
    text = ("import numpy as np\n" + CONTAINER).replace("forward", "avanza").replace("backward", "retrocede")
    assert checked(tmp_path, text).verdict == "equivalent"
    assert checked(tmp_path, text.replace("self.x @ above.T", "self.x @ -above.T")).verdict == "different"


STATIC = '''import torch


class Norm:
    @staticmethod
    def forward(x, w, b):
        mean = x.mean(-1, keepdim=True)
        rstd = (((x - mean) ** 2).mean(-1, keepdim=True) + 1e-5) ** -0.5
        return (x - mean) * rstd * w + b, (x, w, mean, rstd)

    @staticmethod
    def backward(dout, cache):
        x, w, mean, rstd = cache
        norm = (x - mean) * rstd
        dnorm = dout * w
        dx = rstd * (dnorm - dnorm.mean(-1, keepdim=True) - norm * (dnorm * norm).mean(-1, keepdim=True))
        axes = tuple(range(x.dim() - 1))
        return dx, (dout * norm).sum(axes), dout.sum(axes)


with open("never.bin", "wb") as file:
    file.write(b"1")
'''


def test_static_methods_with_a_cache_are_such_a_class(tmp_path: Path) -> None:
    result = checked(tmp_path, STATIC)
    assert result.verdict == "equivalent", first(result)
    assert not Path("never.bin").exists()
    found = first(result := checked(tmp_path, STATIC.replace(" - dnorm.mean(-1, keepdim=True)", "")))
    assert (result.verdict, found.name, found.first and found.first.tensor) == ("different", "Norm.backward", "gradient of x")


def test_one_record_alone_is_said(tmp_path: Path) -> None:
    text = "import numpy as np\n\n\nclass Dense:\n    def __init__(self, m, n):\n"
    text += "        self.w, self.b = np.random.randn(n, m), np.zeros((n, 1))\n\n"
    text += "    def forward(self, x):\n        self.x = x\n        return self.w @ x + self.b\n\n    def backward(self, above):\n"
    text += "        self.dw, self.db = above @ self.x.T, above\n        return self.w.T @ above\n"
    result = checked(tmp_path, text)
    assert (result.verdict, "one record alone" in str(first(result).reason)) == ("not a proof", True)
    assert checked(tmp_path, text.replace("x.T, above\n", "x.T, above.sum(axis=1, keepdims=True)\n")).verdict == "equivalent"
    assert checked(tmp_path, text.replace("x.T, above\n", "x.T, above.mean(axis=1, keepdims=True)\n")).verdict == "different"


GATES = '''import numpy as np


class Mul:
    def forward(self, x, y):
        self.x, self.y = x, y
        return x * y

    def backward(self, dout):
        return dout * self.y, dout * self.x


class Cell:
    def __init__(self, n, h):
        self.wx, self.wh = np.random.randn(n, h), np.random.randn(h, h)

    def forward(self, x, before):
        self.x, self.before = x, before
        self.h = np.tanh(x @ self.wx + before @ self.wh)
        return self.h

    def backward(self, dh):
        dz = dh * (1 - self.h**2)
        self.dwx, self.dwh = self.x.T @ dz, self.before.T @ dz
        return dz @ self.wx.T, dz @ self.wh.T


class SoftmaxWithLoss:
    def forward(self, x, t):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y, self.t = e / e.sum(axis=1, keepdims=True), t
        return -np.sum(t * np.log(self.y + 1e-7)) / len(t)

    def backward(self, dout=1):
        return dout * (self.y - self.t) / len(self.t)
'''


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("line", "wrong", "part"),
    [
        ("dout * self.y, dout * self.x", "dout * self.x, dout * self.y", "Mul"),
        ("self.before.T @ dz", "self.h.T @ dz", "Cell"),
        ("dz @ self.wx.T", "dz @ self.wx.T * self.x", "Cell"),
        ("(self.y - self.t)", "(self.y - self.t) * self.y", "SoftmaxWithLoss"),
    ],
)
def test_layers_of_several_inputs_and_a_loss_with_a_small_number(tmp_path: Path, line: str, wrong: str, part: str) -> None:
    result = checked(tmp_path, GATES)
    assert result.verdict == "equivalent", first(result)
    assert "but for the small number" in result.parts[-1].beside
    found = first(result := checked(tmp_path, GATES.replace(line, wrong)))
    assert (result.verdict, found.name) == ("different", f"{part}.backward")


def test_classes_of_files_beside_it_are_compared_and_what_uses_them_is_no_proof(tmp_path: Path) -> None:
    (tmp_path / "layers.py").write_text("import numpy as np\n" + CONTAINER)
    text = "from layers import Affine, Tanh\n\none, two = Affine(6, 5), Tanh()\naffine = Affine(6, 5)\n\n\n"
    text += "def forward(x):\n    return affine.forward(x)\n\n\ndef train(x, y):\n    out = forward(x)\n    affine.backward(out - y)\n"
    result = checked(tmp_path, text)
    assert [(part.file, part.name, part.mark) for part in result.parts] == [
        ("layers.py", "Tanh.backward", "agrees"), ("layers.py", "Affine.backward", "agrees"), ("", "train", "not compared"),
    ]      # fmt: skip
    assert result.verdict == "not a proof"
    (tmp_path / "layers.py").write_text(("import numpy as np\n" + CONTAINER).replace("self.x @ above.T", "self.x @ -above.T"))
    result = checked(tmp_path, text)
    assert (result.verdict, first(result).file) == ("different", "layers.py")
    assert result.text_of(first(result).line or first(result).lines[0], "layers.py") == "def backward(self, above):"      # type: ignore[index]


PRIMES = '''import numpy as np


class Activation:
    def __init__(self, f, df):
        self.f, self.df = f, df

    def forward(self, x):
        self.x = x
        return self.f(x)

    def backward(self, gradient, learning_rate):
        return gradient * self.df(self.x)


class Tanh(Activation):
    def __init__(self):
        super().__init__(lambda x: np.tanh(x), lambda x: 1 - np.tanh(x) ** 2)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_prime(x):
    return x * (1 - x)


def mse(y_true, y_pred):
    return np.mean((y_true - y_pred) ** 2)


def mse_prime(y_true, y_pred):
    return 2 * (y_pred - y_true) / np.size(y_true)
'''


@pytest.mark.parametrize(
    ("line", "wrong", "part", "verdict"),
    [
        ("1 - np.tanh(x) ** 2", "1 - np.tanh(x)", "Tanh.backward", "different"),
        ("gradient * self.df(self.x)", "gradient + self.df(self.x)", "Activation.backward", "different"),
        ("x * (1 - x)", "x * (1 + x)", "sigmoid_prime", "different"),
        ("2 * (y_pred - y_true)", "2 * (y_true - y_pred)", "mse_prime", "different"),
        ("2 * (y_pred - y_true)", "3 * (y_pred - y_true)", "mse_prime", "not a proof"),
    ],
)
def test_derived_classes_and_derivatives_by_name(tmp_path: Path, line: str, wrong: str, part: str, verdict: str) -> None:
    result = checked(tmp_path, PRIMES)
    assert result.verdict == "equivalent", first(result)
    assert "it takes the function's output" in result.parts[2].beside
    found = first(result := checked(tmp_path, PRIMES.replace(line, wrong)))
    assert (result.verdict, found.name) == (verdict, part)


CELL = '''import numpy as np


class Cell:
    def __init__(self, input_size, hidden_size):
        self.grads = []
        self.wh, self.wx = np.random.randn(hidden_size, hidden_size), np.random.randn(input_size, hidden_size)
        self.b = np.zeros((1, hidden_size))

    def forward(self, x, h_before):
        self.x, self.before = x, h_before
        self.h = np.tanh(np.dot(x, self.wx) + np.dot(h_before, self.wh) + self.b)
        return self.h

    def backward(self, above):
        dz = above * (1 - self.h**2)
        self.grads = [np.dot(self.before.T, dz), np.dot(self.x.T, dz), dz.sum(axis=0, keepdims=True)]
        d_before = np.dot(dz, self.wh.T)
        dx = np.dot(dz, self.wx.T)
        return d_before, dx
'''


@pytest.mark.parametrize(
    ("line", "wrong", "tensor"),
    [
        ("np.dot(dz, self.wh.T)", "np.dot(dz, self.wh)", "dh_before"),
        ("dz.sum(axis=0, keepdims=True)", "dz.mean(axis=0, keepdims=True)", "db"),
        ("(self.before.T, dz)", "(self.h.T, dz)", "dwh"),
    ],
)
def test_gradients_in_an_order_of_the_files_own(tmp_path: Path, line: str, wrong: str, tensor: str) -> None:
    result = checked(tmp_path, CELL)
    assert result.verdict == "equivalent", first(result)
    found = first(result := checked(tmp_path, CELL.replace(line, wrong)))
    assert (result.verdict, found.tensor.partition("[")[0]) == ("different", tensor)


def test_a_cell_that_is_right_for_one_record_alone_is_no_proof(tmp_path: Path) -> None:
    result = checked(tmp_path, CELL.replace("dz.sum(axis=0, keepdims=True)", "dz.copy()"))
    assert (result.verdict, "meant for one record alone" in str(first(result).reason)) == ("not a proof", True)


DENSE = '''import numpy as np


class Dense:
    def __init__(self, input_size, output_size):
        self.weights = 0.1 * np.random.randn(input_size, output_size)
        self.bias = np.zeros((1, output_size))

    def forward(self, x):
        self.x = x
        return x @ self.weights + self.bias

    def backward(self, grad, learning_rate):
        grad_input = grad @ self.weights.T
        self.weights -= learning_rate * (self.x.T @ grad)
        self.bias -= learning_rate * grad.sum(axis=0, keepdims=True)
        return grad_input
'''


def test_a_backward_that_fits_equal_sizes_alone_is_compared_with_these(tmp_path: Path) -> None:
    assert checked(tmp_path, DENSE).verdict == "equivalent"
    wrongs = (("self.weights.T", "self.weights"), ("self.x.T @ grad)", "self.x.T @ grad_input)"), ("x.T @ grad)", "x.T @ self.x)"))
    for line, wrong in wrongs:
        assert DENSE.count(line) == 1
        found = first(result := checked(tmp_path, DENSE.replace(line, wrong)))
        assert (result.verdict, "where the sizes differ" in found.on) == ("different", True)
    fixed = DENSE.replace("(self.x.T @ grad)", "(self.x.T @ grad)[:6, :6] * np.ones((6, 6))")
    assert checked(tmp_path, fixed).verdict == "could not run"      # it agrees where it runs
    raising = DENSE.replace("grad_input = ", "raise TypeError('no')\n        grad_input = 2 * ")
    assert checked(tmp_path, raising).verdict == "could not run"


NEURON = '''import numpy as np


class Neuron:
    def __init__(self, n_inputs):
        self.w, self.b = np.random.randn(n_inputs), 0.1

    def forward(self, x):
        self.x = x
        self.out = np.tanh(self.w @ x + self.b)
        return self.out

    def backward(self, signal):
        dz = signal * (1 - self.out**2)
        self.dw, self.db = dz * self.x, dz
        return dz * self.w
'''


def test_an_output_that_is_one_number_is_compared(tmp_path: Path) -> None:
    assert checked(tmp_path, NEURON).verdict == "equivalent"
    assert checked(tmp_path, NEURON.replace("dz * self.x", "dz * self.w")).verdict == "different"
    found = first(result := checked(tmp_path, NEURON.replace("self.x, dz", "self.x, signal")))
    assert (result.verdict, found.tensor) == ("different", "db")


ONLY_WEIGHTS = '''import numpy as np


class Dense:
    def __init__(self, n_in, n_out):
        self.weights, self.bias = np.random.randn(n_out, n_in), np.zeros((n_out, 1))

    def forward(self, x):
        self.x = x
        return self.weights @ x.T + self.bias

    def backward(self, dL_dZ):
        dL_dW = dL_dZ @ self.x
        dL_dB = dL_dZ.sum(axis=1).reshape(-1, 1)
        return dL_dW, dL_dB
'''


def test_what_has_the_weights_shapes_alone_is_no_gradient_at_the_input(tmp_path: Path) -> None:
    assert (right := checked(tmp_path, ONLY_WEIGHTS)).verdict == "equivalent", first(right)
    found = first(result := checked(tmp_path, ONLY_WEIGHTS.replace("sum(axis=1)", "mean(axis=1)")))
    assert (result.verdict, found.tensor.partition("[")[0]) == ("different", "dbias")


def test_a_network_that_takes_records_and_targets_is_no_layer() -> None:
    text = "class Net:\n    def forward(self, x):\n        return x\n\n    def backpropagation(self, x, alvo):\n        return x - alvo\n"
    assert [*classes_in(ast.parse(text))] == []
    assert [*classes_in(ast.parse(text.replace("alvo", "grad_output")))] == ["Net"]      # the control
