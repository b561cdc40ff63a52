"""Where the weights of a class are: attributes, a list of parameters, or an object that it holds."""

from pathlib import Path

import pytest

from .checking import is_found

LISTED = '''import numpy as np


class Scaled:
    def __init__(self, weights, bias):
        self.params, self.grads = [weights, bias], [np.zeros_like(weights), np.zeros_like(bias)]

    def forward(self, x):
        weights, bias = self.params
        self.x = x
        return 3 * x @ weights + bias

    def backward(self, above):
        self.grads[0][...] = 3 * self.x.T @ above
        self.grads[1][...] = above.sum(axis=0)
        return 3 * above @ self.params[0].T
'''
ALIASED = LISTED.replace("self.params, ", "self.w = weights\n        self.params, ").replace("= [weights,", "= [self.w,")
HELD = '''import numpy as np


class Kernel:
    def __init__(self):
        self.w = np.random.randn(6, 5)

    def __call__(self, x):
        return x @ self.w


class Outer:
    def __init__(self):
        self.kernel = Kernel()

    def forward(self, x):
        self.x = x
        return self.kernel(x) ** 2

    def backward(self, above):
        inner = 2 * above * self.kernel(self.x)
        self.kernel.dw = self.x.T @ inner
        return inner @ self.kernel.w.T
'''


@pytest.mark.parametrize(
    ("text", "line", "wrong", "tensor"),
    [
        (LISTED, "= 3 * self.x.T @ above", "= self.x.T @ above", "dparams[0]"),
        (LISTED, "above.sum(axis=0)", "above.mean(axis=0)", "dparams[1]"),
        (ALIASED, "= 3 * self.x.T @ above", "= self.x.T @ above", "dw"),
        (HELD, "self.kernel.dw = self.x.T", "self.kernel.dw = 2 * self.x.T", "dkernel.w"),
    ],
)
def test_every_weight_has_its_gradient_compared(tmp_path: Path, text: str, line: str, wrong: str, tensor: str) -> None:
    is_found(tmp_path, text, line, wrong, tensor)
