"""Engines of scalars and arrays: each operator beside PyTorch's autograd, in expressions and networks."""

from pathlib import Path

import pytest

from compare.parts.shapes import shape_of

from .checking import checked, first, right

SCALARS, ARRAYS = map(right, ("engine", "array_engine"))


@pytest.mark.parametrize("text", [SCALARS, ARRAYS], ids=["scalars", "arrays"])
def test_right_engines_are_equivalent(tmp_path: Path, text: str) -> None:
    result = checked(tmp_path, text, shape="engine")
    assert result.verdict == "equivalent", first(result)
    assert ("MLP" in [part.name for part in result.parts]) == (text is SCALARS)


@pytest.mark.sampled(19)
@pytest.mark.parametrize(
    ("text", "line", "wrong", "part"),
    [
        (SCALARS, "self.grad += other.data * out.grad", "self.grad = other.data * out.grad", "Value: a * b"),
        (SCALARS, "other.grad += self.data * out.grad", "other.grad += self.data", "Value: a * b"),
        (SCALARS, "power * self.data ** (power - 1) * out.grad", "power * self.data ** (power - 1)", "Value: a ** 3"),
        (SCALARS, "(1 - out.data**2) * out.grad", "(1 - self.data**2) * out.grad", "Value: a.tanh()"),
        (SCALARS, "self.grad += out.data * out.grad", "self.grad += out.grad", "Value: a.exp()"),
        (SCALARS, "return self + (-other)", "return other + (-self)", "Value: a - b"),
        (SCALARS, "if node not in seen:", "if True:", "Value.backward"),
        (SCALARS, "reversed(order):\n            node._backward", "order:\n            node._backward", "Value.backward"),
        (ARRAYS, "        grad = grad.sum(axis=0)", "        grad = grad.mean(axis=0)", "Tensor: a + b"),
        (ARRAYS, "other.grad += self.data.T @ grad", "other.grad = self.data.T @ grad", "Tensor: a @ b"),
        (ARRAYS, "grad * (self.data > 0)", "(grad > 0) * self.data", "Tensor: a.relu()"),
    ],
)
def test_a_planted_mistake_is_found_in_its_operator(tmp_path: Path, text: str, line: str, wrong: str, part: str) -> None:
    assert text.count(line) == 1
    result = checked(tmp_path, text.replace(line, wrong))
    assert (result.verdict, first(result).name) == ("different", part)


@pytest.mark.slow
def test_what_is_made_of_a_wrong_operator_follows_from_it(tmp_path: Path) -> None:
    result = checked(tmp_path, SCALARS.replace("self.grad += other.data * out.grad", "self.grad = other.data * out.grad"))
    marks = {part.name: part.mark for part in result.parts}
    assert marks["Value: a * b"] == "wrong"
    assert marks["Value: a - b"] == marks["MLP"] == "unclear"
    assert result.text_of(first(result).line or 0) == "self.grad = other.data * out.grad"


@pytest.mark.slow
def test_an_engine_that_does_not_broadcast_is_told_so(tmp_path: Path) -> None:
    text = ARRAYS.replace("    while grad.ndim", '    if grad.shape != shape:\n        raise ValueError("no")\n    while grad.ndim')
    result = checked(tmp_path, text)
    assert result.verdict == "equivalent", first(result)
    assert "does not broadcast" in result.parts[0].beside
    result = checked(tmp_path, ARRAYS.replace("    while grad.ndim", "    return grad\n    while grad.ndim"))
    assert result.verdict == "equivalent", first(result)
    assert "does not broadcast" in result.parts[0].beside


def test_networks_of_an_engine_beside_the_file(tmp_path: Path) -> None:
    head, _, networks = SCALARS.partition("class Neuron")
    (tmp_path / "engine.py").write_text(head)
    text = f"import itertools\nimport random\n\nfrom engine import Value\n\n\nclass Neuron{networks}"
    result = checked(tmp_path, text, shape="engine")
    assert result.verdict == "equivalent"
    assert [part.name for part in result.parts] == ["MLP", "Layer", "Neuron"]


TRACE = '''

def trace(root):
    nodes = set()

    def build(node):
        nodes.add(node)
        for child in node._children:
            build(child)

    build(root)
    return nodes
'''


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("self.grad += other.data * out.grad", "self.grad = other.data * out.grad"),
        ("(1 - out.data**2) * out.grad", "(1 - out.data) * out.grad"),
        ("if node not in seen:", "if True:"),
    ],
)
def test_a_function_of_another_contract_by_its_arguments_is_no_step(tmp_path: Path, line: str, wrong: str) -> None:
    assert checked(tmp_path, SCALARS + TRACE, shape="engine").verdict == "equivalent"
    assert checked(tmp_path, SCALARS.replace(line, wrong) + TRACE, shape="engine").verdict == "different"
    path = tmp_path / "mine.py"
    path.write_text(SCALARS + TRACE.replace("trace(root)", "trace(params, x, y)"))
    assert shape_of(path) is None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["backprop_now", "run_backward", "do_backprop"])
def test_the_method_that_goes_back_has_such_a_word_in_its_name(tmp_path: Path, name: str) -> None:
    text = SCALARS.replace("def backward(self)", f"def {name}(self)")
    result = checked(tmp_path, text, shape="engine")
    assert result.verdict == "equivalent", first(result)
    assert f"Value.{name}" in [part.name for part in result.parts]
    wrongs = (("if node not in seen:", "if True:"), ("self.grad = 1.0", "self.grad = 2.0"), ("self.grad += out.grad", "self.grad = 1"))
    for line, wrong in wrongs:
        assert checked(tmp_path, text.replace(line, wrong)).verdict == "different"


LOG = """
    def log(self):
        out = Value(math.log(self.data + 1e-15), (self,))

        def _backward():
            self.grad += SLOPE * out.grad

        out._backward = _backward
        return out

    def tanh(self):"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("slope", "verdict"), [("1 / (self.data + 1e-15)", "equivalent"), ("1 / self.data", "equivalent"), ("self.data", "different")]
)
def test_a_small_number_that_keeps_a_logarithm_from_0_is_no_mistake(tmp_path: Path, slope: str, verdict: str) -> None:
    assert SCALARS.count("\n    def tanh(self):") == 1
    result = checked(tmp_path, SCALARS.replace("\n    def tanh(self):", LOG.replace("SLOPE", slope)), shape="engine")
    assert result.verdict == verdict
    assert [part.name for part in result.parts if part.mark == "wrong"] == (["Value: a.log()"] if verdict == "different" else [])


@pytest.mark.slow
def test_an_engine_with_slots_and_a_network_that_lists_its_parameters_by_another_name(tmp_path: Path) -> None:
    slots = 'class Value:\n    __slots__ = ("data", "grad", "_children", "_backward")\n'
    text = SCALARS.replace("class Value:\n", slots).replace("parameters", "parametros")
    result = checked(tmp_path, text, shape="engine")
    assert result.verdict == "equivalent", first(result)
    assert "MLP" in [part.name for part in result.parts]
    for line, wrong in (("self.grad += other.data * out.grad", "self.grad += out.grad"), ("if node not in seen:", "if True:")):
        assert checked(tmp_path, text.replace(line, wrong)).verdict == "different"


LISTS = """
class Matrix:
    def __init__(self, data):
        self.data, self.parents = data, ()
        self.grad = [[0.0] * len(row) for row in data]
        self.back = lambda: None

    def __add__(self, other):
        rows = other.data if len(other.data) > 1 else other.data * len(self.data)
        out = Matrix([[a + b for a, b in zip(one, two)] for one, two in zip(self.data, rows)])
        out.parents = (self, other)

        def back():
            for i, row in enumerate(out.grad):
                for j, g in enumerate(row):
                    self.grad[i][j] += g
                    other.grad[i if len(other.data) > 1 else 0][j] += g

        out.back = back
        return out

    def backward(self):
        order, seen = [], set()

        def visit(one):
            if id(one) not in seen:
                seen.add(id(one))
                for each in one.parents:
                    visit(each)
                order.append(one)

        visit(self)
        for each in reversed(order):
            each.back()
"""


def test_an_engine_of_lists_that_only_adds(tmp_path: Path) -> None:
    result = checked(tmp_path, LISTS, shape="engine")
    assert result.verdict == "equivalent", first(result)
    assert "broadcast" not in result.parts[0].beside
    row = "other.grad[i if len(other.data) > 1 else 0][j] += g"
    for right_one, wrong in (("self.grad[i][j] += g", "self.grad[i][j] = g"), (row, f"if i < len(other.data):\n{24 * ' '}{row}")):
        assert LISTS.count(right_one) == 1
        result = checked(tmp_path, LISTS.replace(right_one, wrong))
        assert (result.verdict, first(result).name) == ("different", "Matrix: a + b")
    assert "b (1, 4)" in first(result).on
