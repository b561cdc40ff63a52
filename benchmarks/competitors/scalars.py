"""The LeNet of W10 on one record, number by number, as micrograd does it: each knows what it was made of, and passes its gradient on."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

from benchmarks.work import Competitor
from compare.problem.of_module import ModuleProblem
from compare.sides.by_hand import ByHand


class Value:
    """A number, with the numbers that it was made of and its slope in each."""

    __slots__ = ("data", "grad", "of")

    def __init__(self, data: float, of: tuple[tuple[Value, float], ...] = ()) -> None:
        self.data, self.grad, self.of = data, 0.0, of

    def __add__(self, other: Value) -> Value:
        """Return the sum."""
        return Value(self.data + other.data, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other: Value) -> Value:
        """Return the product."""
        return Value(self.data * other.data, ((self, other.data), (other, self.data)))

    def relu(self) -> Value:
        """Return max(self, 0)."""
        return Value(max(self.data, 0.0), ((self, float(self.data > 0)),))


def backward(value: Value) -> None:
    """Give each number that the value was made of its gradient."""
    order: list[Value] = []
    seen: set[int] = set()
    stack = [(value, False)]
    while stack:
        each, is_done = stack.pop()
        if is_done:
            order.append(each)
        elif id(each) not in seen:
            seen.add(id(each))
            stack.append((each, True))
            stack += [(part, False) for part, _ in each.of]
    value.grad = 1.0
    for each in reversed(order):
        for part, slope in each.of:
            part.grad += slope * each.grad


def competitor(name: str, side: ByHand, problem: ModuleProblem) -> Competitor:
    """Return one pass there and back of the problem's LeNet on its first record; 64 of them are a step."""
    shapes = {key: array.shape for key, array in problem.initial_parameters.items()}
    x, y = problem.batch(1)

    def run(steps: int) -> None:
        p = {key: [Value(float(each)) for each in array.ravel()] for key, array in problem.initial_parameters.items()}
        image = [[[Value(float(each)) for each in row] for row in channel] for channel in x[0]]
        for layer in ("0", "3"):
            image = pooled(convolved(image, p[f"{layer}.weight"], p[f"{layer}.bias"], shapes[f"{layer}.weight"]))
        a = [each for channel in image for row in channel for each in row]
        a = [each.relu() for each in linear(a, p["7.weight"], p["7.bias"])]
        scores = linear(a, p["9.weight"], p["9.bias"])
        total = sum(math.exp(each.data) for each in scores)
        backward(Value(0.0, tuple((each, math.exp(each.data) / total - (k == y[0])) for k, each in enumerate(scores))))

    return Competitor(run)


def convolved(image: Any, weight: Any, bias: Any, shape: Any) -> Any:
    """Return relu of the convolution with kernels of that shape."""
    outputs, inputs, kernel, _ = shape
    size = len(image[0])
    z = [[[bias[o]] * size for _ in range(size)] for o in range(outputs)]
    for o, c, i, j in product(range(outputs), range(inputs), range(kernel), range(kernel)):
        w = weight[((o * inputs + c) * kernel + i) * kernel + j]
        for row, column in product(range(size), range(size)):
            if 0 <= row + i - 1 < size and 0 <= column + j - 1 < size:
                z[o][row][column] = z[o][row][column] + w * image[c][row + i - 1][column + j - 1]
    return [[[each.relu() for each in row] for row in channel] for channel in z]


def pooled(image: Any) -> Any:
    """Return the largest of each two by two."""
    half = range(len(image[0]) // 2)
    corners = ((0, 0), (0, 1), (1, 0), (1, 1))
    return [[[max((c[2 * i + k][2 * j + m] for k, m in corners), key=lambda each: each.data) for j in half] for i in half] for c in image]


def linear(a: Any, weight: Any, bias: Any) -> Any:
    """Return W a + b."""
    outputs = []
    for o, z in enumerate(bias):
        for i, each in enumerate(a):
            z = z + weight[o * len(a) + i] * each
        outputs.append(z)
    return outputs
