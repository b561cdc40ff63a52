"""A class with train and query, for one record at a time, whose weights are (out, in); its error is not averaged."""

import numpy as np


class NeuralNetwork:
    """Sigmoids throughout, trained on half the squared error of each record."""

    def __init__(self, input_nodes, hidden_nodes, output_nodes, learning_rate):
        self.wih = np.random.normal(0.0, input_nodes**-0.5, (hidden_nodes, input_nodes))
        self.who = np.random.normal(0.0, hidden_nodes**-0.5, (output_nodes, hidden_nodes))
        self.lr = learning_rate
        self.activation = lambda z: 1 / (1 + np.exp(-z))

    def train(self, inputs_list, targets_list):
        """Make a step on the record."""
        inputs = np.array(inputs_list, ndmin=2).T
        targets = np.array(targets_list, ndmin=2).T
        hidden = self.activation(self.wih @ inputs)
        outputs = self.activation(self.who @ hidden)

        output_delta = (targets - outputs) * outputs * (1 - outputs)
        hidden_delta = self.who.T @ (targets - outputs) * hidden * (1 - hidden)
        self.who += self.lr * output_delta @ hidden.T
        self.wih += self.lr * hidden_delta @ inputs.T

    def query(self, inputs_list):
        """The outputs in a column."""
        inputs = np.array(inputs_list, ndmin=2).T
        return self.activation(self.who @ self.activation(self.wih @ inputs))


if __name__ == "__main__":
    network = NeuralNetwork(784, 200, 10, 0.1)
    with open("mnist_train.csv", encoding="utf-8") as file:
        for line in file:
            label, *pixels = map(float, line.split(","))
            network.train(np.array(pixels) / 255 * 0.99 + 0.01, np.eye(10)[int(label)] * 0.98 + 0.01)
