"""A class in the shape of a first neural network, for counts of rented bikes: sigmoid hidden units, a linear output, and right."""

import numpy as np

iterations = 2000
learning_rate = 0.5
hidden_nodes = 12
output_nodes = 1


class NeuralNetwork:
    """One hidden layer; a call of `train` is one step of gradient descent on a batch."""

    def __init__(self, input_nodes, hidden_nodes, output_nodes, learning_rate):
        self.weights_input_to_hidden = np.random.normal(0.0, input_nodes**-0.5, (input_nodes, hidden_nodes))
        self.weights_hidden_to_output = np.random.normal(0.0, hidden_nodes**-0.5, (hidden_nodes, output_nodes))
        self.lr = learning_rate
        self.activation_function = lambda x: 1 / (1 + np.exp(-x))

    def train(self, features, targets):
        """One step on the batch."""
        delta_i_h = np.zeros(self.weights_input_to_hidden.shape)
        delta_h_o = np.zeros(self.weights_hidden_to_output.shape)
        for X, y in zip(features, targets, strict=True):
            output, hidden = self.forward_pass_train(X)
            delta_i_h, delta_h_o = self.backpropagation(output, hidden, X, y, delta_i_h, delta_h_o)
        self.update_weights(delta_i_h, delta_h_o, features.shape[0])

    def forward_pass_train(self, X):
        """The output and the hidden units' activations."""
        hidden = self.activation_function(X @ self.weights_input_to_hidden)
        return hidden @ self.weights_hidden_to_output, hidden

    def backpropagation(self, output, hidden, X, y, delta_i_h, delta_h_o):
        """The steps with those of one more record added."""
        output_error_term = y - output
        hidden_error_term = (self.weights_hidden_to_output @ output_error_term) * hidden * (1 - hidden)
        return delta_i_h + X[:, None] * hidden_error_term, delta_h_o + hidden[:, None] * output_error_term

    def update_weights(self, delta_i_h, delta_h_o, n_records):
        """Take the mean of the records' steps."""
        self.weights_input_to_hidden += self.lr * delta_i_h / n_records
        self.weights_hidden_to_output += self.lr * delta_h_o / n_records

    def run(self, features):
        """The output for each record."""
        return self.forward_pass_train(features)[0]


def MSE(y, Y):
    """The mean squared error."""
    return np.mean((y - Y) ** 2)
