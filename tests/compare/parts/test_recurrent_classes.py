"""Classes of recurrent layers: cells that take a state, and layers over a sequence, in rows and in columns."""

from pathlib import Path

import pytest

from compare.parts.check import check_parts

from .checking import first, is_found

COLUMN_CELL = '''import numpy as np


class ColumnCell:
    def __init__(self, n_x, n_h):
        self.wx, self.wh, self.b = np.random.randn(n_h, n_x), np.random.randn(n_h, n_h), np.zeros((n_h, 1))

    def forward(self, x, before):
        self.x, self.before = x, before
        self.h = np.tanh(self.wx @ x + self.wh @ before + self.b)
        return self.h

    def backward(self, above):
        dz = above * (1 - self.h**2)
        self.dwx, self.dwh, self.db = dz @ self.x.T, dz @ self.before.T, dz.sum(axis=1, keepdims=True)
        dnext = self.wh.T @ dz
        dx = self.wx.T @ dz
        return dnext, dx
'''
GATED = '''import numpy as np


class Gated:
    """Its output is h, and its state h and c."""

    def __init__(self, size, hidden):
        self.w, self.hidden = 0.3 * np.random.randn(size + hidden, 3 * hidden), hidden

    def forward(self, x, state):
        h, self.c = state
        self.z = np.hstack([x, h])
        a = self.z @ self.w
        self.f, self.o = (1 / (1 + np.exp(-a[:, k * self.hidden : (k + 1) * self.hidden])) for k in (0, 1))
        self.g = np.tanh(a[:, 2 * self.hidden :])
        self.next = self.f * self.c + self.g
        self.h = self.o * np.tanh(self.next)
        return self.h, (self.h, self.next)

    def backward(self, dh, dc):
        t = np.tanh(self.next)
        dc = dc + dh * self.o * (1 - t**2)
        da = np.hstack([dc * self.c * self.f * (1 - self.f), dh * t * self.o * (1 - self.o), dc * (1 - self.g**2)])
        self.dw = self.z.T @ da
        dz = da @ self.w.T
        n = dz.shape[1] - self.hidden
        return dz[:, :n], (dz[:, n:], dc * self.f)
'''
OVER_TIME = '''import numpy as np


class OverTime:
    """Takes columns one after the other, and returns an output for each, and the last state."""

    def __init__(self, n_x, n_h, n_y):
        self.u, self.w, self.v = (np.random.randn(*shape) for shape in ((n_h, n_x), (n_h, n_h), (n_y, n_h)))
        self.b, self.c = np.zeros((n_h, 1)), np.zeros((n_y, 1))

    def forward(self, xs, h):
        self.xs, self.hs, ys = xs, {-1: h}, []
        for t, x in enumerate(xs):
            self.hs[t] = np.tanh(self.u @ x + self.w @ self.hs[t - 1] + self.b)
            ys.append(self.v @ self.hs[t] + self.c)
        return ys, self.hs[len(xs) - 1]

    def backward(self, dys):
        du, dw, dv, db, dc = (np.zeros_like(each) for each in (self.u, self.w, self.v, self.b, self.c))
        after = 0
        for t in reversed(range(len(self.xs))):
            dv += dys[t] @ self.hs[t].T
            dc += dys[t]
            dz = (self.v.T @ dys[t] + after) * (1 - self.hs[t] ** 2)
            du += dz @ self.xs[t].T
            dw += dz @ self.hs[t - 1].T
            db += dz
            after = self.w.T @ dz
        for each in (du, dw, dv, db, dc):
            np.clip(each, -1, 1, out=each)
        return dv, dc, du, dw, db
'''
LAST_STATE = '''import numpy as np


class Layer:
    def __init__(self, n_in, n_hidden):
        self.u, self.w = np.random.randn(n_hidden, n_in), np.random.randn(n_hidden, n_hidden)

    def forward_sequence(self, xs):
        self.xs, self.hs = xs, [np.zeros((self.w.shape[0], xs.shape[2]))]
        for t in range(xs.shape[1]):
            self.hs.append(np.tanh(self.u @ xs[:, t] + self.w @ self.hs[-1]))
        return self.hs[-1]

    def backward_sequence(self, dh):
        self.du, self.dw = np.zeros_like(self.u), np.zeros_like(self.w)
        for t in reversed(range(self.xs.shape[1])):
            dz = dh * (1 - self.hs[t + 1] ** 2)
            self.du += dz @ self.xs[:, t].T
            self.dw += dz @ self.hs[t].T
            dh = self.w.T @ dz
'''
OF_CELLS = '''import numpy as np


class Cell:
    def __init__(self, Wx, Wh):
        self.params, self.grads = [Wx, Wh], [np.zeros_like(Wx), np.zeros_like(Wh)]

    def forward(self, x, h_prev):
        Wx, Wh = self.params
        self.cache = x, h_prev, np.tanh(x @ Wx + h_prev @ Wh)
        return self.cache[2]

    def backward(self, dh_next):
        Wx, Wh = self.params
        x, h_prev, h_next = self.cache
        dz = dh_next * (1 - h_next**2)
        self.grads[0][...], self.grads[1][...] = x.T @ dz, h_prev.T @ dz
        return dz @ Wx.T, dz @ Wh.T


class OverTime:
    def __init__(self, Wx, Wh):
        self.params, self.grads = [Wx, Wh], [np.zeros_like(Wx), np.zeros_like(Wh)]

    def forward(self, xs):
        n, length, _ = xs.shape
        self.cells, h = [Cell(*self.params) for _ in range(length)], np.zeros((n, len(self.params[1])))
        hs = np.empty((n, length, h.shape[1]), dtype="f")
        for t, cell in enumerate(self.cells):
            h = hs[:, t] = cell.forward(xs[:, t], h)
        return hs

    def backward(self, dhs):
        dxs, dh = [], 0
        for grad in self.grads:
            grad[...] = 0
        for t, cell in reversed([*enumerate(self.cells)]):
            dx, dh = cell.backward(dhs[:, t] + dh)
            dxs.insert(0, dx)
            for total, grad in zip(self.grads, cell.grads):
                total += grad
        return np.stack(dxs, axis=1)
'''

IN_PLACE = '''import numpy as np


class TimeFirst:
    """Keeps its states in one array, and returns a dict of gradients."""

    def __init__(self, d_in, d_hidden):
        self.u, self.w = np.random.randn(d_in, d_hidden), np.random.randn(d_hidden, d_hidden)

    def forward(self, xs):
        self.xs, self.hs = xs, np.zeros((len(xs) + 1, xs.shape[1], len(self.w)))
        for t in range(len(xs)):
            self.hs[t] = np.tanh(xs[t] @ self.u + self.hs[t - 1] @ self.w)
        return self.hs[:-1]

    def backward(self, above):
        grads, after = {"w": 0, "u": 0}, 0
        for t in reversed(range(len(above))):
            dz = (above[t] + after) * (1 - self.hs[t] ** 2)
            grads["w"] += self.hs[t - 1].T @ dz
            grads["u"] += self.xs[t].T @ dz
            after = dz @ self.w.T
        return grads
'''
WITH_CACHE = '''import numpy as np


class WithCache:
    def __init__(self, n_x, n_h):
        self.wx, self.wh = np.random.randn(n_x, n_h), np.random.randn(n_h, n_h)

    def forward(self, x, h_prev):
        h = np.tanh(x @ self.wx + h_prev @ self.wh)
        return h, (x, h_prev, h)

    def backward(self, dh, cache):
        x, h_prev, h = cache
        dz = dh * (1 - h**2)
        return dz @ self.wx.T, dz @ self.wh.T, x.T @ dz, h_prev.T @ dz
'''


@pytest.mark.sampled(9)
@pytest.mark.parametrize(
    ("text", "line", "wrong", "tensor"),
    [
        (COLUMN_CELL, "dnext = self.wh.T", "dnext = self.wh", "dbefore"),
        (COLUMN_CELL, "dz @ self.before.T", "dz @ self.h.T", "dwh"),
        (GATED, "dc + dh * self.o", "dc + dh", "dx"),
        (GATED, "dc * self.f)", "dc)", "dc"),
        (OVER_TIME, "after = self.w.T", "after = self.w", "du"),
        (OVER_TIME, "dc += dys[t]", "dc = dys[t]", "dc"),
        (LAST_STATE, "dh = self.w.T", "dh = self.w", "du"),
        (IN_PLACE, "above[t] + after", "above[t]", "du"),
        (IN_PLACE, "self.xs[t].T @ dz", "2 * self.xs[t].T @ dz", "du"),
        (WITH_CACHE, "x.T @ dz, h_prev.T @ dz", "x.T @ dz, h.T @ dz", "dwh"),
        (WITH_CACHE, "dz @ self.wh.T", "dz @ self.wh", "dh_prev"),
        (OF_CELLS, "dhs[:, t] + dh", "dhs[:, t]", "dx"),
        (OF_CELLS, "total += grad", "total[...] = grad", "dparams[0]"),
    ],
)
def test_a_recurrent_class_is_right_and_a_planted_mistake_is_found(tmp_path: Path, text: str, line: str, wrong: str, tensor: str) -> None:
    is_found(tmp_path, text, line, wrong, tensor)


def test_what_raises_with_several_features_is_compared_with_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    text = OVER_TIME.replace("def forward(self, xs, h):", "def forward(self, xs):\n        h = np.zeros((len(self.w), 1))")
    text = text.replace("return ys, self.hs[len(xs) - 1]", "return ys").replace("dz @ self.xs[t].T", "dz @ self.xs[t].reshape(-1, 1)")
    path.write_text(text)
    assert check_parts(path, "layer_classes", 1).verdict == "could not run", "it is right with one feature"
    path.write_text(text.replace("+ after", "+ 2 * after"))
    found = first(result := check_parts(path, "layer_classes", 1))
    assert (result.verdict, "where there are several features" in str(found.on)) == ("different", True)
