"""A class with lists of weights and biases, in the shape of a book's: only the gradients of the last record of a mini-batch are left."""

import random
from itertools import pairwise

import numpy as np


class Network:
    """Layers of the given sizes, input first."""

    def __init__(self, sizes):
        self.num_layers = len(sizes)
        self.biases = [np.random.randn(k, 1) for k in sizes[1:]]
        self.weights = [np.random.randn(k, j) for j, k in pairwise(sizes)]

    def feedforward(self, a):
        """The output (k, 1) for an input (j, 1)."""
        for w, b in zip(self.weights, self.biases, strict=True):
            a = sigmoid(w @ a + b)
        return a

    def SGD(self, training_data, epochs, mini_batch_size, eta):
        """Train on mini-batches, in a new order for each epoch."""
        for _ in range(epochs):
            random.shuffle(training_data)
            for k in range(0, len(training_data), mini_batch_size):
                self.update_mini_batch(training_data[k : k + mini_batch_size], eta)

    def update_mini_batch(self, mini_batch, eta):
        """One step, by the mean of the records' gradients."""
        for x, y in mini_batch:
            delta_nabla_b, delta_nabla_w = self.backprop(x, y)
            nabla_b = delta_nabla_b
            nabla_w = delta_nabla_w
        rate = eta / len(mini_batch)
        self.weights = [w - rate * nw for w, nw in zip(self.weights, nabla_w, strict=True)]
        self.biases = [b - rate * nb for b, nb in zip(self.biases, nabla_b, strict=True)]

    def backprop(self, x, y):
        """The gradients of one record's cost, layer by layer."""
        activations = [x]
        for w, b in zip(self.weights, self.biases, strict=True):
            activations.append(sigmoid(w @ activations[-1] + b))
        nabla_b, nabla_w = [], []
        delta = self.cost_derivative(activations[-1], y) * slope(activations[-1])
        for layer in range(1, self.num_layers):
            nabla_b.insert(0, delta)
            nabla_w.insert(0, delta @ activations[-layer - 1].T)
            if layer < self.num_layers - 1:
                delta = self.weights[-layer].T @ delta * slope(activations[-layer - 1])
        return nabla_b, nabla_w

    def cost_derivative(self, output_activations, y):
        """∂C/∂a of C = ½ Σ (a − y)²."""
        return output_activations - y


def sigmoid(z):
    """σ(z)."""
    return 1.0 / (1.0 + np.exp(-z))


def slope(a):
    """σ′(z), of a = σ(z)."""
    return a * (1 - a)
