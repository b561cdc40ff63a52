"""A class that is made with its records; its step has no learning rate, as that of many first networks."""

import numpy as np


def sigmoid(z):
    """σ(z)."""
    return 1 / (1 + np.exp(-z))


def sigmoid_derivative(a):
    """σ′(z) by a = σ(z)."""
    return a * (1 - a)


class NeuralNetwork:
    """Four hidden units, trained on the sum of squared errors."""

    def __init__(self, x, y):
        self.input = x
        self.weights1 = np.random.rand(self.input.shape[1], 4)
        self.weights2 = np.random.rand(4, 1)
        self.y = y
        self.output = np.zeros(self.y.shape)

    def feedforward(self):
        """Set the output."""
        self.layer1 = sigmoid(np.dot(self.input, self.weights1))
        self.output = sigmoid(np.dot(self.layer1, self.weights2))

    def backprop(self):
        """Make a step along the derivative of the sum of squares."""
        error = 2 * (self.y - self.output) * sigmoid_derivative(self.output)
        d_weights2 = np.dot(self.layer1.T, error)
        d_weights1 = np.dot(self.input.T, np.dot(error, self.weights2.T) * sigmoid_derivative(self.layer1))
        self.weights1 += d_weights1
        self.weights2 += d_weights2


if __name__ == "__main__":
    network = NeuralNetwork(np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]]), np.array([[0], [1], [1], [0]]))
    for _ in range(1500):
        network.feedforward()
        network.backprop()
