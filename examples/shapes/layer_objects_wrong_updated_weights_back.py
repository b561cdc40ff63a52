"""A network of layer objects, each with forward and backward; its backward pass makes the step, too."""

from itertools import pairwise

import numpy as np


class Dense:
    """z = x W + b."""

    def __init__(self, inputs, units):
        self.weights = np.random.randn(inputs, units) / np.sqrt(inputs)
        self.bias = np.zeros((1, units))

    def forward(self, x):
        """Keep the input for the way back."""
        self.x = x
        return x @ self.weights + self.bias

    def backward(self, grad, lr):
        """Return the gradient of the input, and make the step."""
        self.weights -= lr * self.x.T @ grad
        self.bias -= lr * grad.sum(axis=0, keepdims=True)
        return grad @ self.weights.T


class ReLU:
    """max(0, z)."""

    def forward(self, z):
        """Keep z for the way back."""
        self.z = z
        return np.maximum(z, 0)

    def backward(self, grad, lr):
        """Pass on where z was positive."""
        return grad * (self.z > 0)


class Network:
    """Dense layers with relu between them, trained on the mean squared error."""

    def __init__(self, sizes):
        self.layers = []
        for inputs, units in pairwise(sizes):
            self.layers += [Dense(inputs, units), ReLU()]
        self.layers.pop()

    def forward(self, x):
        """The output (n, k)."""
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def train(self, x, y, epochs, lr):
        """Make a step on all records in each epoch."""
        for _ in range(epochs):
            prediction = self.forward(x)
            grad = 2 * (prediction - y) / y.size
            for layer in reversed(self.layers):
                grad = layer.backward(grad, lr)


def mse(y_true, y_pred):
    """The mean squared error."""
    return np.mean((y_true - y_pred) ** 2)
