"""Forms in which people write networks, checked without any option: each has a right text, and faults that are found in it."""

from pathlib import Path

import pytest

from compare.checking.check import check

CODER = """
import numpy as np

class Coder:
    def __init__(self, n_in=300, n_mid=3, lr=0.1):
        self.A, self.a = np.random.randn(n_in, n_mid) * 0.1, np.zeros(n_mid)
        self.B, self.b = np.random.randn(n_mid, n_in) * 0.1, np.zeros(n_in)
        self.lr = lr

    def forward(self, X):
        self.h = np.tanh(X @ self.A + self.a)
        return self.h @ self.B + self.b

    def train_step(self, X):
        out = self.forward(X)
        e = (out - X) / len(X)
        d = (e @ self.B.T) * (1 - self.h ** 2)
        self.B -= self.lr * self.h.T @ e
        self.b -= self.lr * e.sum(axis=0)
        self.A -= self.lr * X.T @ d
        self.a -= self.lr * d.sum(axis=0)
        return 0.5 * np.mean(np.sum((out - X) ** 2, axis=1))
"""
FLAG = """
import numpy as np

def squash(z):
    return 1 / (1 + np.exp(-z))

class Net:
    def __init__(self, num_in, num_hidden, num_out, is_bias):
        self.bias_on = is_bias
        self.lower, self.upper = np.random.randn(num_hidden, num_in), np.random.randn(num_out, num_hidden)
        self.bias_h, self.bias_o = np.zeros((num_hidden, 1)), np.zeros((num_out, 1))

    def predict(self, x):
        return squash(self.upper @ squash(self.lower @ x + self.bias_h) + self.bias_o)

    def train(self, x, target):
        h = self.lower @ x
        h = squash(h + self.bias_h if self.bias_on else h)
        o = self.upper @ h
        o = squash(o + self.bias_o if self.bias_on else o)
        d = (target - o) * o * (1 - o)
        e = (self.upper.T @ d) * h * (1 - h)
        self.upper += 0.1 * d @ h.T
        self.lower += 0.1 * e @ x.T
        self.bias_o = self.bias_o + 0.1 * d
        self.bias_h = self.bias_h + 0.1 * e
"""
NUMBERS = """
import math

def squash(z):
    return 1 / (1 + math.exp(-z))

def forward(inputs, w1, w2, w3, w4, w5, w6, b1):
    h1 = squash(w1 * inputs[0] + w2 * inputs[1] + b1)
    h2 = squash(w3 * inputs[0] + w4 * inputs[1] + b1)
    o1 = squash(w5 * h1 + w6 * h2)
    o2 = squash(w6 * h1 + w5 * h2)
    return h1, h2, o1, o2

def backward(targets, h1, h2, o1, o2, w5, w6):
    d1, d2 = (o1 - targets[0]) * o1 * (1 - o1), (o2 - targets[1]) * o2 * (1 - o2)
    e1 = (d1 * w5 + d2 * w6) * h1 * (1 - h1)
    e2 = (d1 * w6 + d2 * w5) * h2 * (1 - h2)
    return d1, d2, e1, e2

def update(lr, inputs, h1, h2, d1, d2, e1, e2, w1, w2, w3, w4, w5, w6):
    w1, w2 = w1 - lr * e1 * inputs[0], w2 - lr * e1 * inputs[1]
    w3, w4 = w3 - lr * e2 * inputs[0], w4 - lr * e2 * inputs[1]
    w5 = w5 - lr * (d1 * h1 + d2 * h2)
    w6 = w6 - lr * (d1 * h2 + d2 * h1)
    return w1, w2, w3, w4, w5, w6
"""
STATIC = """
import random

class Red:
    @staticmethod
    def squash(z):
        return 1 / (1 + 2.71828 ** -z)

    @classmethod
    def create(cls, inputs, outputs, hidden=5):
        red = {
            "x": inputs, "y": outputs,
            "lower": [[random.uniform(-1, 1) for _ in inputs[0]] for _ in range(hidden)],
            "upper": [[random.uniform(-1, 1) for _ in range(hidden)] for _ in outputs[0]],
        }
        return red

    @classmethod
    def train(cls, red, epochs=60):
        for _ in range(epochs):
            for x, t in zip(red["x"], red["y"]):
                h = [cls.squash(sum(w * v for w, v in zip(row, x))) for row in red["lower"]]
                o = [cls.squash(sum(w * v for w, v in zip(row, h))) for row in red["upper"]]
                d = [(a - b) * b * (1 - b) for a, b in zip(t, o)]
                e = [sum(d[k] * red["upper"][k][j] for k in range(len(d))) * h[j] * (1 - h[j]) for j in range(len(h))]
                for k in range(len(d)):
                    for j in range(len(h)):
                        red["upper"][k][j] += 0.3 * d[k] * h[j]
                for j in range(len(h)):
                    for i in range(len(x)):
                        red["lower"][j][i] += 0.3 * e[j] * x[i]
"""
ONLINE = """
import numpy as np

X, labels = np.random.randn(30, 4), np.random.randint(0, 3, 30)
T = np.eye(3)[labels]
lower, lower_b = np.random.randn(4, 6) * 0.5, np.zeros(6)
upper, upper_b = np.random.randn(6, 3) * 0.5, np.zeros(3)
for epoch in range(9):
    for k in np.random.permutation(len(X)):
        x, t = X[k], T[k]
        net = x @ lower + lower_b
        h = np.where(net > 0, net, 0.01 * net)      # leaky relu
        s = h @ upper + upper_b
        p = np.exp(s - s.max()) / np.exp(s - s.max()).sum()
        loss = -np.sum(t * np.log(p))
        e = p - t
        d = (upper @ e) * np.where(net > 0, 1.0, 0.01)
        upper, upper_b = upper - 0.05 * np.outer(h, e), upper_b - 0.05 * e
        lower, lower_b = lower - 0.05 * np.outer(x, d), lower_b - 0.05 * d
"""
OFTEN = """
import numpy as np

class Red:
    def __init__(self, tasa=0.1):
        self.tasa = tasa
        self.pesos1, self.pesos2 = np.random.rand(3, 4), np.random.rand(4, 2)

    def s(self, x):
        return 1 / (1 + np.exp(-x))

    def adelante(self, X):
        self.capa = self.s(X @ self.pesos1)
        self.salida = self.s(self.capa @ self.pesos2)
        return self.salida

    def atras(self, X, y):
        d = (y - self.salida) * self.salida * (1 - self.salida)
        e = d @ self.pesos2.T * self.capa * (1 - self.capa)
        self.pesos2 += self.tasa * self.capa.T @ d
        self.pesos1 += self.tasa * X.T @ e

    def entrenar(self, X, y, vueltas=1000):
        for _ in range(vueltas):
            self.adelante(X)
            self.atras(X, y)
"""
KEPT = """
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z)), z

def forward(X, parameters):
    kept, A = [], X
    for l in (1, 2):
        z = parameters[f"W{l}"] @ A + parameters[f"b{l}"]
        kept.append((A, parameters[f"W{l}"], z))
        A, _ = sigmoid(z)
    return A, kept

def cost_of(A, Y, parameters, lambd):
    logs = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / Y.shape[1]
    return logs + lambd / (2 * Y.shape[1]) * sum(np.sum(parameters[f"W{l}"] ** 2) for l in (1, 2))

def model(X, Y, sizes, learning_rate=0.3, rounds=400, lambd=0.1):
    parameters = {}
    for l in (1, 2):
        parameters[f"W{l}"] = np.random.randn(sizes[l], sizes[l - 1])
        parameters[f"b{l}"] = np.zeros((sizes[l], 1))
    for i in range(rounds):
        A, kept = forward(X, parameters)
        cost, m = cost_of(A, Y, parameters, lambd), X.shape[1]
        dA = -(Y / A - (1 - Y) / (1 - A))
        for l in (2, 1):
            before, W, z = kept[l - 1]
            s = 1 / (1 + np.exp(-z))
            dZ = dA * s * (1 - s)
            dW = dZ @ before.T / m + lambd / m * W
            dA = W.T @ dZ
            parameters[f"W{l}"] = W - learning_rate * dW
            parameters[f"b{l}"] = parameters[f"b{l}"] - learning_rate * dZ.sum(axis=1, keepdims=True) / m
    return parameters

if __name__ == "__main__":
    X = np.random.randn(6, 50)
    model(X, (X[:1] > 0).astype(float), [6, 5, 1])
"""

RECURRENT = """
import numpy as np

class Rnn:
    def __init__(self, n_in, n_hidden, n_out):
        self.n_hidden = n_hidden
        self.wx, self.wh = np.random.randn(n_hidden, n_in) * 0.1, np.random.randn(n_hidden, n_hidden) * 0.1
        self.wy = np.random.randn(n_out, n_hidden) * 0.1
        self.bh, self.by = np.zeros((n_hidden, 1)), np.zeros((n_out, 1))

    def forward(self, x):
        self.xs, self.hs, self.ys = [], [np.zeros((self.n_hidden, 1))], []
        for t in range(len(x)):
            self.xs.append(x[t].reshape(-1, 1))
            self.hs.append(np.tanh(self.wx @ self.xs[t] + self.wh @ self.hs[-1] + self.bh))
            self.ys.append(self.wy @ self.hs[-1] + self.by)
        return np.array(self.ys)

    def backward(self, x, y, learning_rate):
        dwx, dwh, dwy = np.zeros_like(self.wx), np.zeros_like(self.wh), np.zeros_like(self.wy)
        dbh, dby, later = np.zeros_like(self.bh), np.zeros_like(self.by), np.zeros((self.n_hidden, 1))
        for t in reversed(range(len(x))):
            dy = self.ys[t] - y[t].reshape(-1, 1)
            dwy, dby = dwy + dy @ self.hs[t + 1].T, dby + dy
            dz = (self.wy.T @ dy + later) * (1 - self.hs[t + 1] ** 2)
            dwx, dbh = dwx + dz @ self.xs[t].T, dbh + dz
            dwh += dz @ self.hs[t].T
            later = self.wh.T @ dz
        self.wx -= learning_rate * dwx
        self.wh -= learning_rate * dwh
        self.wy -= learning_rate * dwy
        self.bh -= learning_rate * dbh
        self.by -= learning_rate * dby
"""
SHUFFLED = """
import numpy as np

X = np.random.randn(60, 2)
Y = np.sin(X[:, :1]) * X[:, 1:]
W1, b1 = np.random.randn(2, 8) * 0.5, np.zeros(8)
W2, b2 = np.random.randn(8, 1) * 0.5, np.zeros(1)
lr, batch_size = 0.05, 20

for epoch in range(9):
    order = np.random.permutation(len(X))
    for i in range(0, len(X), batch_size):
        xb, yb = X[order[i:i + batch_size]], Y[order[i:i + batch_size]]
        h = np.tanh(xb @ W1 + b1)
        out = h @ W2 + b2
        d = 2 * (out - yb) / len(xb)
        dh = d @ W2.T * (1 - h * h)
        W2 -= lr * h.T @ d
        b2 -= lr * d.sum(0)
        W1 -= lr * xb.T @ dh
        b1 -= lr * dh.sum(0)
"""
ASKED = """
import numpy as np

class Dense:
    def __init__(self, a, b):
        self.w, self.b = np.random.randn(a, b) * 0.5, np.zeros(b)

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, d):
        self.dw, self.db = self.x.T @ d, d.sum(axis=0)
        return d @ self.w.T

class Sigmoid:
    def forward(self, x):
        self.y = 1 / (1 + np.exp(-x))
        return self.y

    def backward(self, d):
        return d * self.y * (1 - self.y)

X = np.random.rand(40, 3)
Y = (X.sum(axis=1, keepdims=True) > 1.5) * 1.0
layers = [Dense(3, 5), Sigmoid(), Dense(5, 1), Sigmoid()]
for epoch in range(200):
    a = X
    for each in layers:
        a = each.forward(a)
    d = 2 * (a - Y) / len(X)
    for each in reversed(layers):
        d = each.backward(d)
    for each in layers[::2]:
        each.w -= 0.5 * each.dw
        each.b -= 0.5 * each.db
"""
SEQUENCE = """
import numpy as np

class Linear:
    def __init__(self, a, b):
        self.weights, self.bias = np.random.randn(a, b) * 0.4, np.zeros(b)

    def forward(self, x):
        self.x = x
        return x @ self.weights + self.bias

    def backward(self, d):
        self.grad_w, self.grad_b = self.x.T @ d, d.sum(axis=0)
        return d @ self.weights.T

    def update(self, lr):
        self.weights -= lr * self.grad_w
        self.bias -= lr * self.grad_b

class Relu:
    def forward(self, x):
        self.x = x
        return np.maximum(x, 0)

    def backward(self, d):
        return d * (self.x > 0)

    def update(self, lr):
        pass

class SoftmaxCE:
    def forward(self, z, t):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        self.p, self.t = e / e.sum(axis=1, keepdims=True), t
        return -np.mean(np.log(self.p[np.arange(len(t)), t]))

    def backward(self):
        d = self.p.copy()
        d[np.arange(len(self.t)), self.t] -= 1
        return d / len(self.t)

class Sequential:
    def __init__(self, *layers):
        self.layers, self.loss = layers, SoftmaxCE()

    def train_step(self, x, t, lr=0.1):
        for layer in self.layers:
            x = layer.forward(x)
        loss = self.loss.forward(x, t)
        d = self.loss.backward()
        for layer in self.layers[::-1]:
            d = layer.backward(d)
        for layer in self.layers:
            layer.update(lr)
        return loss

X = np.random.randn(40, 2)
t = (X[:, 0] + X[:, 1] > 0).astype(int)
model = Sequential(Linear(2, 6), Relu(), Linear(6, 2))
for e in range(20):
    loss = model.train_step(X, t)
"""
UNNAMED = """
import numpy as np

class Net:
    def __init__(self, d, h, k, lr=0.1):
        self.W1, self.b1 = 0.1 * np.random.randn(d, h), np.zeros(h)
        self.W2, self.b2 = 0.1 * np.random.randn(h, k), np.zeros(k)
        self.lr = lr

    def loss(self, X, y):
        n = len(X)
        hidden = np.maximum(0, X @ self.W1 + self.b1)
        scores = hidden @ self.W2 + self.b2
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        loss = -np.log(p[np.arange(n), y]).sum() / n
        p[np.arange(n), y] -= 1
        p /= n
        dhidden = p @ self.W2.T
        dhidden[hidden <= 0] = 0
        return loss, {"W2": hidden.T @ p, "b2": p.sum(axis=0), "W1": X.T @ dhidden, "b1": dhidden.sum(axis=0)}

    def train(self, X, y, num_iters=100, batch_size=20):
        for _ in range(num_iters):
            chosen = np.random.choice(len(X), batch_size)
            loss, grads = self.loss(X[chosen], y[chosen])
            for name in grads:
                setattr(self, name, getattr(self, name) - self.lr * grads[name])
"""
FORMS = {
    "a step that takes its targets from its inputs, of large layers by default": (CODER, [
        ("(1 - self.h ** 2)", "(1 - self.h)"),
        ("self.A -=", "self.A +="),
        ("e.sum(axis=0)", "e.mean(axis=0)"),
        ("(e @ self.B.T)", "((out + X) / len(X) @ self.B.T)"),
    ]),
    "a constructor that is to be told whether there are biases": (FLAG, [
        ("self.lower += 0.1 * e @ x.T", "self.lower += 0.1 * h * e @ x.T"),
        ("* h * (1 - h)", ""),
        ("self.bias_h + 0.1 * e", "self.bias_h - 0.1 * e"),
        ("        e = (self.upper.T @ d) * h * (1 - h)\n        self.upper += 0.1 * d @ h.T\n",
         "        self.upper += 0.1 * d @ h.T\n        e = (self.upper.T @ d) * h * (1 - h)\n"),
    ]),
    "functions of numbers that take what others return": (NUMBERS, [
        ("(d1 * w6 + d2 * w5) * h2 * (1 - h2)", "(d1 * w6 + d2 * w5)"),
        ("(d1 * w5 + d2 * w6)", "(d1 * w6 + d2 * w5)"),
        ("w3 - lr", "w3 + lr"),
        ("d1 * h2 + d2 * h1", "d1 * h2"),
        ("w5 = w5 - lr * (d1 * h1 + d2 * h2)\n", "\n"),
    ]),
    "a class without objects, and e to some digits": (STATIC, [
        ("* h[j] * (1 - h[j])", ""),
        ("red[\"lower\"][j][i] += 0.3", "red[\"lower\"][j][i] -= 0.3"),
        ("0.3 * d[k] * h[j]", "0.3 * d[k]"),
        ("d[k] * red[\"upper\"][k][j] for", "d[0] * red[\"upper\"][k][j] for"),
    ]),
    "one record at a time, picked out of the data, and a leaky relu": (ONLINE, [
        ("1.0, 0.01)", "1.0, 0.0)"),
        ("e = p - t", "e = t - p"),
        ("(upper @ e)", "(upper @ p)"),
        ("upper_b - 0.05 * e", "upper_b - 0.05 * p"),
    ]),
    "rounds by a name of its own": (OFTEN, [
        ("* self.salida * (1 - self.salida)", "* self.salida"),
        ("d @ self.pesos2.T * self.capa", "d @ self.pesos2.T"),
        ("self.pesos1 += self.tasa * X.T @ e", "self.pesos1 -= self.tasa * X.T @ e"),
    ]),
    "an output that stands beside what is kept for the way back": (KEPT, [
        ("s * (1 - s)", "(1 - s)"),
        ("+ lambd / m * W", "- lambd / m * W"),
        ("dA = W.T @ dZ", "dA = W.T @ dA"),
        ("dZ @ before.T / m", "dZ @ before.T"),
    ]),
    "a loop whose records come in another order in each pass": (SHUFFLED, [
        ("* (1 - h * h)", ""),
        ("lr * d.sum(0)", "lr * d.mean(0)"),
    ]),
    "a loop that asks of which class each layer is": (ASKED, [
        ("d = each.backward(d)", "d = d if isinstance(each, Sigmoid) else each.backward(d)"),
        ("d = each.backward(d)", "d = d if type(each) is Sigmoid else each.backward(d)"),
    ]),
    "layers in a sequence, each with its update": (SEQUENCE, [
        ("d * (self.x > 0)", "d * (d > 0)"),
        ("self.x.T @ d, d.sum(axis=0)", "self.x.T @ d, d.mean(axis=0)"),
    ]),
    "a relu without its name, in a method that returns a loss and gradients": (UNNAMED, [
        ("    dhidden[hidden <= 0] = 0\n", "    pass\n"),
        ("p.sum(axis=0), ", "p.mean(axis=0), "),
    ]),
    "a recurrent class, which one record alone does not show": (RECURRENT, [
        ("dy + later)", "dy)"),
        ("dwh += dz", "dwh = dz"),
        ("learning_rate * dwh", "learning_rate * dwh.T"),
    ]),
}


def verdict_of(folder: Path, text: str) -> str:
    path = folder / "mine.py"
    path.write_text(text)
    return check(path, seed=1).verdict


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", FORMS)
def test_a_right_file_is_equivalent(name: str, tmp_path: Path) -> None:
    assert verdict_of(tmp_path, FORMS[name][0]) == "equivalent"


@pytest.mark.sampled(30)
@pytest.mark.parametrize(("name", "old", "new"), [(name, old, new) for name, (_, faults) in FORMS.items() for old, new in faults])
def test_a_fault_is_found(name: str, old: str, new: str, tmp_path: Path) -> None:
    text, _ = FORMS[name]
    assert text.count(old) == 1
    assert verdict_of(tmp_path, text.replace(old, new)) == "different"
