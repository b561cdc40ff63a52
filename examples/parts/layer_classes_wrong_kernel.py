"""Classes of layers for one image or record at a time, whose backward makes the step, too."""

import numpy as np
from scipy import signal


class Convolution:
    def __init__(self, input_shape, kernel_size, depth):
        channels, height, width = input_shape
        self.shape = input_shape
        self.kernels = np.random.randn(depth, channels, kernel_size, kernel_size)
        self.biases = np.random.randn(depth, height - kernel_size + 1, width - kernel_size + 1)

    def forward(self, x):
        self.x = x
        out = np.copy(self.biases)
        for i in range(len(self.kernels)):
            for j in range(self.shape[0]):
                out[i] += signal.correlate2d(x[j], self.kernels[i, j], "valid")
        return out

    def backward(self, gradient, learning_rate):
        dkernels, dx = np.zeros(self.kernels.shape), np.zeros(self.shape)
        for i in range(len(self.kernels)):
            for j in range(self.shape[0]):
                dkernels[i, j] = signal.correlate2d(self.x[j], gradient[i], "valid")
                dx[j] += signal.correlate2d(gradient[i], self.kernels[i, j], "full")
        self.kernels -= learning_rate * dkernels
        self.biases -= learning_rate * gradient
        return dx


class Dense:
    def __init__(self, inputs, outputs):
        self.weights = np.random.randn(outputs, inputs)
        self.bias = np.random.randn(outputs, 1)

    def forward(self, x):
        self.x = x
        return self.weights @ x + self.bias

    def backward(self, gradient, learning_rate):
        dx = self.weights.T @ gradient
        self.weights -= learning_rate * gradient @ self.x.T
        self.bias -= learning_rate * gradient
        return dx


class Attention:
    def __init__(self, dim):
        self.wq, self.wk, self.wv = (np.random.randn(dim, dim) / np.sqrt(dim) for _ in range(3))
        self.grads = {}

    def forward(self, x):
        self.x = x
        self.q, self.k, self.v = x @ self.wq, x @ self.wk, x @ self.wv
        scores = self.q @ self.k.transpose(0, 2, 1) / np.sqrt(x.shape[-1])
        e = np.exp(scores - scores.max(-1, keepdims=True))
        self.p = e / e.sum(-1, keepdims=True)
        return self.p @ self.v

    def backward(self, gradient):
        dp = gradient @ self.v.transpose(0, 2, 1)
        dv = self.p.transpose(0, 2, 1) @ gradient
        ds = self.p * (dp - (dp * self.p).sum(-1, keepdims=True)) / np.sqrt(self.x.shape[-1])
        dq, dk = ds @ self.k, ds.transpose(0, 2, 1) @ self.q
        for name, each in (("wq", dq), ("wk", dk), ("wv", dv)):
            self.grads[name] = np.einsum("btc,btd->cd", self.x, each)
        return dq @ self.wq.T + dk @ self.wk.T + dv @ self.wv.T
