"""A script in the shape of the lesson: it trains when it is run, record by record, and is right."""

import numpy as np
from data_prep import features, features_test, targets, targets_test

np.random.seed(21)


def sigmoid(x):
    """σ(x)."""
    return 1 / (1 + np.exp(-x))


n_hidden = 2
epochs = 900
learnrate = 0.005

n_records, n_features = features.shape
weights_input_hidden = np.random.normal(scale=1 / n_features**0.5, size=(n_features, n_hidden))
weights_hidden_output = np.random.normal(scale=1 / n_features**0.5, size=n_hidden)

for e in range(epochs):
    del_w_input_hidden = np.zeros(weights_input_hidden.shape)
    del_w_hidden_output = np.zeros(weights_hidden_output.shape)
    for x, y in zip(features.values, targets, strict=True):
        hidden_output = sigmoid(np.dot(x, weights_input_hidden))
        output = sigmoid(np.dot(hidden_output, weights_hidden_output))

        output_error_term = (y - output) * output * (1 - output)
        hidden_error = output_error_term * weights_hidden_output
        hidden_error_term = hidden_error * hidden_output * (1 - hidden_output)

        del_w_hidden_output += output_error_term * hidden_output
        del_w_input_hidden += hidden_error_term * x[:, None]

    weights_input_hidden += learnrate * del_w_input_hidden / n_records
    weights_hidden_output += learnrate * del_w_hidden_output / n_records

    if e % (epochs / 10) == 0:
        out = sigmoid(np.dot(sigmoid(np.dot(features, weights_input_hidden)), weights_hidden_output))
        print("Train loss:", np.mean((out - targets) ** 2))

out = sigmoid(np.dot(sigmoid(np.dot(features_test, weights_input_hidden)), weights_hidden_output))
print("Accuracy:", np.mean((out > 0.5) == targets_test))
