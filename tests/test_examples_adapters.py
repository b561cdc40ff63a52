"""The adapters in examples/ take files of their shape as these come: in several forms, with demos, and with data that is not there."""

from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from compare import Manual, Problem, check
from compare.checking.readings import readings
from compare.diagnosis.probes import draw_probes
from compare.problem.from_dict import declared_problem
from compare.userfile.conventions import Convention
from compare.userfile.file import Attempt, AttemptError, UnusableFileError

pytestmark = pytest.mark.sampled(6)

EXAMPLES = Path(__file__).parent.parent / "examples"
SHAPES = ("lesson", "network_class", "parameters_dict", "weight_lists", "loss_and_grads")
RECOGNISED = SHAPES[1:]      # whose network is found, and its activations and its loss by its numbers

LESSON = {
    "vectorised, with its data in the file, and nothing of it here": """
        import pandas as pd
        import matplotlib.pyplot as plt
        admissions = pd.read_csv('nowhere/binary.csv')
        data = pd.concat([admissions, pd.get_dummies(admissions['rank'], prefix='rank')], axis=1)
        for field in ['gre', 'gpa']:
            data.loc[:, field] = (data[field] - data[field].mean()) / data[field].std()
        features, targets = data.drop('admit', axis=1), data['admit']
        import numpy as np
        sigmoid = lambda x: 1 / (1 + np.exp(-x))
        n_hidden, learnrate, epochs = 3, 0.01, 500
        n_records, n_features = features.shape
        weights_input_hidden = np.random.normal(size=(n_features, n_hidden))
        weights_hidden_output = np.random.normal(size=(n_hidden, 1))
        losses = []
        for e in range(epochs):
            X = features.values
            y = targets.values.reshape(-1, 1)
            hidden_output = sigmoid(X @ weights_input_hidden)
            output = sigmoid(hidden_output @ weights_hidden_output)
            output_error_term = (output - y) * output * (1 - output)
            hidden_error_term = output_error_term @ weights_hidden_output.T * hidden_output * (1 - hidden_output)
            weights_hidden_output = weights_hidden_output - learnrate / n_records * hidden_output.T @ output_error_term
            weights_input_hidden = weights_input_hidden - learnrate / n_records * X.T @ hidden_error_term
            if e % (epochs // 10) == 0:
                losses.append(np.mean((output - y) ** 2))
                print(e, losses[-1])
        plt.plot(losses)
        plt.show()
    """,
    "a fixed range, index by index, under the main guard": """
        from data_prep import *
        import math
        import numpy as np

        def sigmoid(x):
            return 1 / (1 + np.exp(-x))

        def sigmoid_prime(x):
            return sigmoid(x) * (1 - sigmoid(x))

        if __name__ == '__main__':
            learning_rate: float = 0.005
            weights_input_hidden = np.random.normal(scale=1 / math.sqrt(features.shape[1]), size=(features.shape[1], 2))
            weights_hidden_output = np.random.normal(scale=.1, size=2)
            last_loss = None
            for epoch in range(900):
                del_w_input_hidden, del_w_hidden_output = np.zeros((features.shape[1], 2)), np.zeros(2)
                for i in range(len(features)):
                    x = features.values[i]
                    hidden_input = x.dot(weights_input_hidden)
                    hidden_output = sigmoid(hidden_input)
                    output_in = hidden_output.dot(weights_hidden_output)
                    output = sigmoid(output_in)
                    error = targets[i] - output
                    output_error_term = error * sigmoid_prime(output_in)
                    hidden_error_term = np.dot(output_error_term, weights_hidden_output) * sigmoid_prime(hidden_input)
                    for j in range(2):
                        del_w_hidden_output[j] += output_error_term * hidden_output[j]
                        for k in range(len(x)):
                            del_w_input_hidden[k, j] += hidden_error_term[j] * x[k]
                weights_input_hidden += learning_rate * del_w_input_hidden / len(features)
                weights_hidden_output += learning_rate * del_w_hidden_output / len(features)
                hidden_output = sigmoid(np.dot(features, weights_input_hidden))
                loss = np.mean((sigmoid(np.dot(hidden_output, weights_hidden_output)) - targets) ** 2)
                print("loss", loss, "WARNING" if last_loss and last_loss < loss else "")
                last_loss = loss
            predictions = sigmoid(np.dot(sigmoid(np.dot(features_test, weights_input_hidden)), weights_hidden_output)) > 0.5
            print("{:.3f}".format(np.mean(predictions == targets_test)))
    """,
    "one record": """
        import numpy as np
        def sigmoid(x):
            return 1 / (1 + np.exp(-x))
        x = np.array([0.5, 0.1, -0.2])
        target = 0.6
        learnrate = 0.5
        weights_input_hidden = np.array([[0.5, -0.6], [0.1, -0.2], [0.1, 0.7]])
        weights_hidden_output = np.array([0.1, -0.3])
        hidden_layer_input = np.dot(x, weights_input_hidden)
        hidden_layer_output = sigmoid(hidden_layer_input)
        output_layer_in = np.dot(hidden_layer_output, weights_hidden_output)
        output = sigmoid(output_layer_in)
        error = target - output
        output_error_term = error * output * (1 - output)
        hidden_error_term = np.dot(output_error_term, weights_hidden_output) * hidden_layer_output * (1 - hidden_layer_output)
        delta_w_h_o = learnrate * output_error_term * hidden_layer_output
        delta_w_i_h = learnrate * hidden_error_term * x[:, None]
        print('Change in weights for hidden layer to output layer:', delta_w_h_o, delta_w_i_h)
    """,
    "imported data made arrays, the targets a column, a bar of tqdm": """
        import numpy as np
        from tqdm.auto import tqdm
        from data_prep import features, targets, features_test, targets_test
        targets = targets.values.reshape(-1, 1)
        features = np.array(features, dtype=np.float64)
        learnrate, epochs = 0.005, 900
        weights_input_hidden = np.random.randn(features.shape[1], 2)
        weights_hidden_output = np.random.randn(2, 1)
        with tqdm(range(epochs), desc='training') as bar:
            for e in bar:
                h = 1 / (1 + np.exp(-features @ weights_input_hidden))
                output = 1 / (1 + np.exp(-h @ weights_hidden_output))
                d = (targets - output) * output * (1 - output) / len(features)
                d_hidden = d @ weights_hidden_output.T * h * (1 - h)
                weights_hidden_output += learnrate * h.T @ d
                weights_input_hidden += learnrate * features.T @ d_hidden
                bar.set_description(f"{np.mean((targets - output) ** 2):.3f}")
                tqdm.write(str(e))
    """,
    "a while loop, all the names imported": """
        import numpy as np
        from data_prep import *
        targets = np.array(targets)[:, np.newaxis]
        learnrate = .005
        weights_input_hidden = np.random.randn(features.shape[1], 2)
        weights_hidden_output = np.random.randn(2, 1)
        epoch = 0
        while epoch < 900:
            epoch += 1
            h = 1 / (1 + np.exp(-features.values @ weights_input_hidden))
            output = 1 / (1 + np.exp(-h @ weights_hidden_output))
            d = (targets - output) * output * (1 - output) / len(features)
            d_hidden = d @ weights_hidden_output.T * h * (1 - h)
            weights_hidden_output = weights_hidden_output + learnrate * h.T @ d
            weights_input_hidden = weights_input_hidden + learnrate * features.values.T @ d_hidden
    """,
    "in a function main": """
        import argparse
        import numpy as np
        from data_prep import features, targets, features_test, targets_test

        def main():
            parser = argparse.ArgumentParser()
            parser.add_argument("--epochs", type=int, default=900)
            parser.add_argument("--lr", type=float, default=0.005)
            args = parser.parse_args([])
            learnrate = args.lr
            weights_input_hidden = np.random.normal(size=(features.shape[1], 2))
            weights_hidden_output = np.random.normal(size=(2, 1))
            for epoch in range(args.epochs):
                h = 1 / (1 + np.exp(-features.values @ weights_input_hidden))
                output = 1 / (1 + np.exp(-h @ weights_hidden_output))
                d = (targets.values[:, None] - output) * output * (1 - output) / len(features)
                d_hidden = d @ weights_hidden_output.T * h * (1 - h)
                weights_hidden_output += learnrate * h.T @ d
                weights_input_hidden += learnrate * features.values.T @ d_hidden
            return weights_input_hidden, weights_hidden_output

        if __name__ == '__main__':
            main()
    """,
}

NETWORK_CLASS = {
    "the older form: columns, a record at a time, in a notebook": """
        # coding: utf-8
        get_ipython().run_line_magic('matplotlib', 'inline')
        import numpy as np
        import pandas as pd
        import matplotlib.pyplot as plt
        data_path = 'Bike-Sharing-Dataset/hour.csv'
        rides = pd.read_csv(data_path)
        train_features, train_targets = rides.drop('cnt', axis=1), rides['cnt']
        class NeuralNetwork(object):
            def __init__(self, input_nodes, hidden_nodes, output_nodes, learning_rate):
                self.input_nodes = input_nodes
                self.hidden_nodes = hidden_nodes
                self.output_nodes = output_nodes
                self.weights_input_to_hidden = np.random.normal(0.0, self.hidden_nodes**-0.5, (self.hidden_nodes, self.input_nodes))
                self.weights_hidden_to_output = np.random.normal(0.0, self.output_nodes**-0.5, (self.output_nodes, self.hidden_nodes))
                self.lr = learning_rate
                self.activation_function = self.sigmoid
            def sigmoid(self, x):
                return 1 / (1 + np.exp(-x))
            def train(self, inputs_list, targets_list):
                inputs = np.array(inputs_list, ndmin=2).T
                targets = np.array(targets_list, ndmin=2).T
                hidden_outputs = self.activation_function(np.dot(self.weights_input_to_hidden, inputs))
                final_outputs = np.dot(self.weights_hidden_to_output, hidden_outputs)
                output_errors = targets - final_outputs
                hidden_errors = np.dot(self.weights_hidden_to_output.T, output_errors)
                hidden_grad = hidden_outputs * (1 - hidden_outputs)
                self.weights_hidden_to_output += self.lr * np.dot(output_errors, hidden_outputs.T)
                self.weights_input_to_hidden += self.lr * hidden_errors * hidden_grad * inputs.T
            def run(self, inputs_list):
                inputs = np.array(inputs_list, ndmin=2).T
                return np.dot(self.weights_hidden_to_output, self.activation_function(self.weights_input_to_hidden @ inputs))
        def MSE(y, Y):
            return np.mean((y-Y)**2)
        network = NeuralNetwork(train_features.shape[1], 8, 1, 0.1)
        for e in range(1000):
            network.train(train_features.values[0], train_targets[0])
        plt.plot(MSE(network.run(train_features), train_targets))
    """,
    "vectorised, all in train, with no MSE": """
        import numpy as np
        from scipy.special import expit as logistic

        class NeuralNetwork:
            def __init__(self, n_in, n_hidden, n_out, lr=0.1):
                self.weights_input_to_hidden = np.zeros((n_in, n_hidden))
                self.weights_hidden_to_output = np.zeros((n_hidden, n_out))
                self.lr = lr

            def sigmoid(self, x):
                return np.where(x > 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))

            def train(self, features, targets):
                X, y = np.asarray(features), np.asarray(targets).reshape(len(features), -1)
                h = self.sigmoid(X @ self.weights_input_to_hidden)
                e = y - h @ self.weights_hidden_to_output
                dh = e @ self.weights_hidden_to_output.T * h * (1 - h)
                self.weights_hidden_to_output = self.weights_hidden_to_output + self.lr * h.T @ e / len(X)
                self.weights_input_to_hidden = self.weights_input_to_hidden + self.lr * X.T @ dh / len(X)

            def run(self, features):
                return (self.sigmoid(features @ self.weights_input_to_hidden) @ self.weights_hidden_to_output)[:, 0]
    """,
    "record by record, all in train, with a demo under the guard": """
        import numpy as np
        import unittest

        class NeuralNetwork(object):
            def __init__(self, input_nodes, hidden_nodes, output_nodes, learning_rate):
                self.weights_input_to_hidden = np.random.normal(0.0, input_nodes ** -0.5, (input_nodes, hidden_nodes))
                self.weights_hidden_to_output = np.random.normal(0.0, hidden_nodes ** -0.5, (hidden_nodes, output_nodes))
                self.lr = learning_rate
                def sigmoid(x):
                    return 1.0 / (1.0 + np.exp(-x))
                self.activation_function = sigmoid

            def train(self, features, targets):
                n_records = features.shape[0]
                delta_weights_i_h = np.zeros(self.weights_input_to_hidden.shape)
                delta_weights_h_o = np.zeros(self.weights_hidden_to_output.shape)
                for X, y in zip(features, targets):
                    hidden_outputs = self.activation_function(np.dot(X, self.weights_input_to_hidden))
                    final_outputs = np.dot(hidden_outputs, self.weights_hidden_to_output)
                    error = y - final_outputs
                    hidden_error = np.dot(error, self.weights_hidden_to_output.T)
                    hidden_error_term = hidden_error * hidden_outputs * (1 - hidden_outputs)
                    delta_weights_i_h += hidden_error_term * X[:, None]
                    delta_weights_h_o += error * hidden_outputs[:, None]
                self.weights_hidden_to_output += self.lr * delta_weights_h_o / n_records
                self.weights_input_to_hidden += self.lr * delta_weights_i_h / n_records

            def run(self, features):
                return np.dot(self.activation_function(np.dot(features, self.weights_input_to_hidden)), self.weights_hidden_to_output)

        class TestMethods(unittest.TestCase):
            def test_train(self):
                network = NeuralNetwork(3, 2, 1, 0.5)
                network.train(np.array([[0.5, -0.2, 0.1]]), np.array([[0.4]]))

        unittest.TextTestRunner().run(unittest.TestLoader().loadTestsFromModule(TestMethods()))
        iterations, learning_rate, hidden_nodes, output_nodes = 5000, 0.5, 20, 1
    """,
    "a dataclass whose targets are one number for each record": """
        from dataclasses import dataclass, field
        import numpy as np

        @dataclass
        class NeuralNetwork:
            n_in: int
            n_hid: int
            n_out: int
            lr: float
            history: list = field(default_factory=list)

            def __post_init__(self):
                rng = np.random.default_rng(0)
                self.weights_input_to_hidden = rng.normal(0, self.n_in ** -.5, (self.n_in, self.n_hid))
                self.weights_hidden_to_output = rng.normal(0, self.n_hid ** -.5, (self.n_hid, self.n_out))

            def run(self, features):
                self.h = 1 / (1 + np.exp(-(features @ self.weights_input_to_hidden)))
                return self.h @ self.weights_hidden_to_output

            def train(self, features, targets):
                e = np.array(targets)[:, None] - self.run(features)
                d = e @ self.weights_hidden_to_output.T * self.h * (1 - self.h)
                self.weights_hidden_to_output += self.lr * self.h.T @ e / len(features)
                self.weights_input_to_hidden += self.lr * features.T @ d / len(features)
                self.history.append(float(np.mean(e ** 2)))
    """,
}
NETWORK_CLASS["the same, with new weights in place of the old"] = NETWORK_CLASS[
    "a dataclass whose targets are one number for each record"
].replace("self.weights_hidden_to_output += ", "self.weights_hidden_to_output = self.weights_hidden_to_output + ")

PARAMETERS_DICT = {
    "two layers in a notebook, with the course's modules and cells": """
        import numpy as np
        import matplotlib.pyplot as plt
        from testCases_v2 import *
        from public_tests import *
        import sklearn
        from planar_utils import plot_decision_boundary, sigmoid, load_planar_dataset, load_extra_datasets
        %matplotlib inline
        np.random.seed(1)
        X, Y = load_planar_dataset()
        plt.scatter(X[0, :], X[1, :], c=Y, s=40, cmap=plt.cm.Spectral);

        def layer_sizes(X, Y):
            return X.shape[0], 4, Y.shape[0]

        X_assess, Y_assess = layer_sizes_test_case()
        (n_x, n_h, n_y) = layer_sizes(X_assess, Y_assess)

        def forward_propagation(X, parameters):
            W1 = parameters['W1']
            b1 = parameters['b1']
            W2 = parameters['W2']
            b2 = parameters['b2']
            Z1 = np.dot(W1, X) + b1
            A1 = np.tanh(Z1)
            Z2 = np.dot(W2, A1) + b2
            A2 = sigmoid(Z2)
            assert(A2.shape == (1, X.shape[1]))
            cache = {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}
            return A2, cache

        X_assess, parameters = forward_propagation_test_case()
        A2, cache = forward_propagation(X_assess, parameters)

        def compute_cost(A2, Y, parameters):
            m = Y.shape[1]
            W1, W2 = parameters["W1"], parameters["W2"]
            logprobs = np.multiply(np.log(A2), Y) + np.multiply(np.log(1 - A2), 1 - Y)
            cost = np.squeeze(-np.sum(logprobs) / m)
            assert(isinstance(cost, float))
            return cost

        def backward_propagation(parameters, cache, X, Y):
            m = X.shape[1]
            dZ2 = cache['A2'] - Y
            dW2 = (1. / m) * np.dot(dZ2, cache['A1'].T)
            db2 = (1. / m) * np.sum(dZ2, axis=1, keepdims=True)
            dZ1 = np.multiply(np.dot(parameters['W2'].T, dZ2), 1 - np.power(cache['A1'], 2))
            dW1 = (1. / m) * np.dot(dZ1, X.T)
            db1 = (1. / m) * np.sum(dZ1, axis=1, keepdims=True)
            return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}

        def update_parameters(parameters, grads, learning_rate=1.2):
            W1 = parameters["W1"] - learning_rate * grads["dW1"]
            b1 = parameters["b1"] - learning_rate * grads["db1"]
            W2 = parameters["W2"] - learning_rate * grads["dW2"]
            b2 = parameters["b2"] - learning_rate * grads["db2"]
            return {"W1": W1, "b1": b1, "W2": W2, "b2": b2}

        def nn_model(X, Y, n_h, num_iterations=10000, print_cost=False):
            parameters = initialize_parameters(X.shape[0], n_h, 1)
            return parameters

        parameters = nn_model(X, Y, n_h=4, num_iterations=10000, print_cost=True)
        print("W1 = " + str(parameters["W1"]))
    """,
    "two layers, other orders of arguments, in place": """
        import numpy as np
        def forward_propagation(X, params):
            A1 = np.tanh(params['W1'] @ X + params['b1'])
            A2 = 1 / (1 + np.exp(-(params['W2'] @ A1 + params['b2'])))
            return A2, (A1, A2)
        def backward_propagation(X, Y, cache, params):
            A1, A2 = cache
            d = (A2 - Y) / X.shape[1]
            e = params['W2'].T.dot(d) * (1 - A1 * A1)
            return dict(dW1=e @ X.T, db1=e.sum(1, keepdims=True), dW2=d @ A1.T, db2=d.sum(1, keepdims=True))
        def update_parameters(params, grads, learning_rate=0.5):
            for k in params:
                params[k] -= learning_rate * grads['d' + k]
            return params
    """,
    "any number of layers, with the course's activations": """
        import copy
        import numpy as np
        import h5py
        from dnn_utils_v2 import sigmoid, sigmoid_backward, relu, relu_backward
        plt.rcParams['figure.figsize'] = (5.0, 4.0)
        np.random.seed(1)

        def linear_forward(A, W, b):
            return np.dot(W, A) + b, (A, W, b)

        def linear_activation_forward(A_prev, W, b, activation):
            Z, linear_cache = linear_forward(A_prev, W, b)
            A, activation_cache = sigmoid(Z) if activation == "sigmoid" else relu(Z)
            return A, (linear_cache, activation_cache)

        def L_model_forward(X, parameters):
            caches = []
            A = X
            L = len(parameters) // 2
            for l in range(1, L):
                A, cache = linear_activation_forward(A, parameters['W' + str(l)], parameters['b' + str(l)], "relu")
                caches.append(cache)
            AL, cache = linear_activation_forward(A, parameters['W' + str(L)], parameters['b' + str(L)], "sigmoid")
            caches.append(cache)
            return AL, caches

        X, parameters = L_model_forward_test_case_2hidden()
        AL, caches = L_model_forward(X, parameters)

        def compute_cost(AL, Y):
            m = Y.shape[1]
            cost = (1. / m) * (-np.dot(Y, np.log(AL).T) - np.dot(1 - Y, np.log(1 - AL).T))
            return np.squeeze(cost)

        def linear_backward(dZ, cache):
            A_prev, W, b = cache
            m = A_prev.shape[1]
            return np.dot(W.T, dZ), 1. / m * np.dot(dZ, A_prev.T), 1. / m * np.sum(dZ, axis=1, keepdims=True)

        def linear_activation_backward(dA, cache, activation):
            linear_cache, activation_cache = cache
            dZ = relu_backward(dA, activation_cache) if activation == "relu" else sigmoid_backward(dA, activation_cache)
            return linear_backward(dZ, linear_cache)

        def L_model_backward(AL, Y, caches):
            grads = {}
            L = len(caches)
            Y = Y.reshape(AL.shape)
            dAL = - (np.divide(Y, AL) - np.divide(1 - Y, 1 - AL))
            current = linear_activation_backward(dAL, caches[L - 1], "sigmoid")
            grads["dA" + str(L - 1)], grads["dW" + str(L)], grads["db" + str(L)] = current
            for l in reversed(range(L - 1)):
                current = linear_activation_backward(grads["dA" + str(l + 1)], caches[l], "relu")
                grads["dA" + str(l)], grads["dW" + str(l + 1)], grads["db" + str(l + 1)] = current
            return grads

        def update_parameters(params, grads, learning_rate):
            parameters = copy.deepcopy(params)
            L = len(parameters) // 2
            for l in range(L):
                parameters["W" + str(l+1)] = parameters["W" + str(l+1)] - learning_rate * grads["dW" + str(l+1)]
                parameters["b" + str(l+1)] = parameters["b" + str(l+1)] - learning_rate * grads["db" + str(l+1)]
            return parameters

        parameters = L_layer_model(train_x, train_y, [12288, 20, 7, 5, 1], num_iterations=2500, print_cost=True)
    """,
    "any number of layers, with activations of its own": """
        import numpy as np
        EPS = 0.0
        def relu(z): return z * (z > 0)
        def L_model_forward(X, parameters):
            caches, A = [], X
            L = len(parameters) // 2
            for l in range(1, L + 1):
                Z = parameters[f"W{l}"] @ A + parameters[f"b{l}"]
                caches.append((A, Z, parameters[f"W{l}"]))
                A = relu(Z) if l < L else 1 / (1 + np.exp(-Z))
            return A, caches
        def L_model_backward(AL, Y, caches):
            grads, m = {}, Y.shape[1]
            dZ = AL - Y + EPS
            for l in range(len(caches), 0, -1):
                A, Z, W = caches[l - 1]
                grads[f"dW{l}"], grads[f"db{l}"] = dZ @ A.T / m, dZ.mean(axis=1, keepdims=True)
                if l > 1:
                    dZ = W.T @ dZ
                    dZ[caches[l - 2][1] <= 0] = 0
            return grads
        def update_parameters(parameters, grads, learning_rate):
            return {k: v - learning_rate * grads["d" + k] for k, v in parameters.items()}
    """,
}

WEIGHT_LISTS = {
    "the later form, with costs as classes and weight decay": """
        import json
        import random
        import sys
        import numpy as np
        import mnist_loader

        class QuadraticCost(object):
            @staticmethod
            def fn(a, y):
                return 0.5*np.linalg.norm(a-y)**2
            @staticmethod
            def delta(z, a, y):
                return (a-y) * sigmoid_prime(z)

        class CrossEntropyCost(object):
            @staticmethod
            def fn(a, y):
                return np.sum(np.nan_to_num(-y*np.log(a)-(1-y)*np.log(1-a)))
            @staticmethod
            def delta(z, a, y):
                return (a-y)

        class Network(object):
            def __init__(self, sizes, cost=CrossEntropyCost):
                self.num_layers = len(sizes)
                self.sizes = sizes
                self.default_weight_initializer()
                self.cost = cost
            def default_weight_initializer(self):
                self.biases = [np.random.randn(y, 1) for y in self.sizes[1:]]
                self.weights = [np.random.randn(y, x)/np.sqrt(x) for x, y in zip(self.sizes[:-1], self.sizes[1:])]
            def feedforward(self, a):
                for b, w in zip(self.biases, self.weights):
                    a = sigmoid(np.dot(w, a)+b)
                return a
            def update_mini_batch(self, mini_batch, eta, lmbda, n):
                nabla_b = [np.zeros(b.shape) for b in self.biases]
                nabla_w = [np.zeros(w.shape) for w in self.weights]
                for x, y in mini_batch:
                    delta_nabla_b, delta_nabla_w = self.backprop(x, y)
                    nabla_b = [nb+dnb for nb, dnb in zip(nabla_b, delta_nabla_b)]
                    nabla_w = [nw+dnw for nw, dnw in zip(nabla_w, delta_nabla_w)]
                self.weights = [(1-eta*(lmbda/n))*w-(eta/len(mini_batch))*nw for w, nw in zip(self.weights, nabla_w)]
                self.biases = [b-(eta/len(mini_batch))*nb for b, nb in zip(self.biases, nabla_b)]
            def backprop(self, x, y):
                nabla_b = [np.zeros(b.shape) for b in self.biases]
                nabla_w = [np.zeros(w.shape) for w in self.weights]
                activation = x
                activations = [x]
                zs = []
                for b, w in zip(self.biases, self.weights):
                    z = np.dot(w, activation)+b
                    zs.append(z)
                    activation = sigmoid(z)
                    activations.append(activation)
                delta = (self.cost).delta(zs[-1], activations[-1], y)
                nabla_b[-1] = delta
                nabla_w[-1] = np.dot(delta, activations[-2].transpose())
                for l in range(2, self.num_layers):
                    delta = np.dot(self.weights[-l+1].transpose(), delta) * sigmoid_prime(zs[-l])
                    nabla_b[-l] = delta
                    nabla_w[-l] = np.dot(delta, activations[-l-1].transpose())
                return (nabla_b, nabla_w)

        def sigmoid(z):
            return 1.0/(1.0+np.exp(-z))
        def sigmoid_prime(z):
            return sigmoid(z)*(1-sigmoid(z))

        training_data, validation_data, test_data = mnist_loader.load_data_wrapper()
        net = Network([784, 30, 10], cost=CrossEntropyCost)
        net.SGD(training_data, 30, 10, 0.5, lmbda=5.0, evaluation_data=validation_data)
    """,
    "all records of a mini-batch at once": """
        import numpy as np
        class MatrixNetwork:
            def __init__(self, sizes):
                self.sizes, self.L = sizes, len(sizes) - 1
                self.weights = [np.random.randn(o, i) for i, o in zip(sizes, sizes[1:])]
                self.biases = [np.random.randn(o, 1) for o in sizes[1:]]
            def feedforward(self, a):
                for w, b in zip(self.weights, self.biases):
                    a = 1 / (1 + np.exp(-(w @ a + b)))
                return a
            def update_mini_batch(self, mini_batch, eta):
                X = np.hstack([x for x, _ in mini_batch])
                Y = np.hstack([y for _, y in mini_batch])
                nb, nw = self.backprop(X, Y)
                m = X.shape[1]
                for l in range(self.L):
                    self.weights[l] -= eta / m * nw[l]
                    self.biases[l] -= eta / m * nb[l]
            def backprop(self, X, Y):
                acts = [X]
                for w, b in zip(self.weights, self.biases):
                    acts.append(1 / (1 + np.exp(-(w @ acts[-1] + b))))
                d = (acts[-1] - Y) * acts[-1] * (1 - acts[-1])
                nb, nw = [None] * self.L, [None] * self.L
                for l in reversed(range(self.L)):
                    nb[l], nw[l] = d.sum(axis=1, keepdims=True), d @ acts[l].T
                    if l:
                        d = self.weights[l].T @ d * acts[l] * (1 - acts[l])
                return nb, nw
    """,
    "the first form, with a cost to give, and data to load": """
        from typing import List
        import os, gzip, pickle
        import numpy as np
        DATA = pickle.load(gzip.open(os.path.join('..', 'data', 'mnist.pkl.gz'), 'rb'), encoding='latin1')

        class QuadraticCost:
            def fn(self, a, y):
                return 0.5 * np.sum((a - y) ** 2)

        class Network:
            def __init__(self, sizes: List[int], cost=QuadraticCost()):
                print('sizes', sizes)
                self.num_layers, self.sizes, self.cost = len(sizes), sizes, cost
                self.biases = [np.zeros((n, 1)) for n in sizes[1:]]
                self.weights = [np.ones((n, m)) for m, n in zip(sizes[:-1], sizes[1:])]
            def feedforward(self, a):
                for b, w in zip(self.biases, self.weights):
                    a = sigmoid(w.dot(a) + b)
                return a
            def update_mini_batch(self, mini_batch, eta):
                bs, ws = zip(*(self.backprop(x, y) for x, y in mini_batch))
                for l in range(self.num_layers - 1):
                    self.biases[l] = self.biases[l] - eta * np.mean([b[l] for b in bs], axis=0)
                    self.weights[l] = self.weights[l] - eta * np.mean([w[l] for w in ws], axis=0)
            def backprop(self, x, y):
                zs, acts = [], [x]
                for b, w in zip(self.biases, self.weights):
                    zs.append(w.dot(acts[-1]) + b)
                    acts.append(sigmoid(zs[-1]))
                delta = self.cost_derivative(acts[-1], y) * sigmoid_prime(zs[-1])
                nb, nw = [delta], [delta.dot(acts[-2].T)]
                for l in range(2, self.num_layers):
                    delta = self.weights[-l + 1].T.dot(delta) * sigmoid_prime(zs[-l])
                    nb, nw = [delta] + nb, [delta.dot(acts[-l - 1].T)] + nw
                return nb, nw
            def cost_derivative(self, a, y):
                return a - y

        sigmoid = np.vectorize(lambda z: 1 / (1 + np.exp(-z)))
        sigmoid_prime = lambda z: sigmoid(z) * (1 - sigmoid(z))
        Network([784, 30, 10]).SGD(DATA[0], 30, 10, 3.0)
    """,
}

LOSS_AND_GRADS = {
    "a network of a file, reg required, with toy data below": """
        from __future__ import print_function
        from builtins import range
        from builtins import object
        import numpy as np
        import matplotlib.pyplot as plt
        from past.builtins import xrange

        class TwoLayerNet(object):
            def __init__(self, input_size, hidden_size, output_size, std=1e-4):
                self.params = {}
                self.params['W1'] = std * np.random.randn(input_size, hidden_size)
                self.params['b1'] = np.zeros((1, hidden_size))
                self.params['W2'] = std * np.random.randn(hidden_size, output_size)
                self.params['b2'] = np.zeros((1, output_size))

            def loss(self, X, y, reg):
                W1, b1 = self.params['W1'], self.params['b1']
                W2, b2 = self.params['W2'], self.params['b2']
                N, D = X.shape
                h = np.maximum(0, X.dot(W1) + b1)
                scores = h.dot(W2) + b2
                if y is None:
                    return scores
                scores = scores - np.max(scores, axis=1, keepdims=True)
                p = np.exp(scores) / np.sum(np.exp(scores), axis=1, keepdims=True)
                loss = np.sum(-np.log(p[range(N), y])) / N + 0.5 * reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
                grads = {}
                p[range(N), y] -= 1
                p /= N
                grads['W2'] = np.dot(h.T, p) + reg * W2
                grads['b2'] = np.sum(p, axis=0, keepdims=True)
                dh = np.dot(p, W2.T)
                dh[h <= 0] = 0
                grads['W1'] = np.dot(X.T, dh) + reg * W1
                grads['b1'] = np.sum(dh, axis=0, keepdims=True)
                return loss, grads

        input_size = 4
        def init_toy_data():
            np.random.seed(1)
            return 10 * np.random.randn(5, input_size), np.array([0, 1, 2, 2, 1])
        net = TwoLayerNet(input_size, 10, 3)
        X, y = init_toy_data()
        net.train(X, y, X, y, reg=5e-6)
        plt.plot(net.loss_history)
    """,
    "made of layers with caches, reg in the constructor": """
        import numpy as np

        def affine_forward(x, w, b):
            return x.reshape(x.shape[0], -1).dot(w) + b, (x, w, b)

        def affine_backward(dout, cache):
            x, w, b = cache
            return dout.dot(w.T).reshape(x.shape), x.reshape(x.shape[0], -1).T.dot(dout), dout.sum(axis=0)

        def relu_forward(x):
            return np.maximum(x, 0), x

        def relu_backward(dout, cache):
            return dout * (cache > 0)

        def softmax_loss(x, y):
            shifted = x - np.max(x, axis=1, keepdims=True)
            Z = np.sum(np.exp(shifted), axis=1, keepdims=True)
            log_probs = shifted - np.log(Z)
            probs = np.exp(log_probs)
            N = x.shape[0]
            loss = -np.sum(log_probs[np.arange(N), y]) / N
            dx = probs.copy()
            dx[np.arange(N), y] -= 1
            dx /= N
            return loss, dx

        class TwoLayerNet:
            def __init__(self, input_dim=3 * 32 * 32, hidden_dim=100, num_classes=10, weight_scale=1e-3, reg=0.5):
                self.params, self.reg = {}, reg
                self.params["W1"] = np.random.normal(0, weight_scale, (input_dim, hidden_dim))
                self.params["b1"] = np.zeros(hidden_dim)
                self.params["W2"] = np.random.normal(0, weight_scale, (hidden_dim, num_classes))
                self.params["b2"] = np.zeros(num_classes)

            def loss(self, X, y=None):
                a, c1 = affine_forward(X, self.params["W1"], self.params["b1"])
                h, c2 = relu_forward(a)
                scores, c3 = affine_forward(h, self.params["W2"], self.params["b2"])
                if y is None:
                    return scores
                loss, dout = softmax_loss(scores, y)
                grads = {}
                dh, grads["W2"], grads["b2"] = affine_backward(dout, c3)
                _, grads["W1"], grads["b1"] = affine_backward(relu_backward(dh, c2), c1)
                for k in ("W1", "W2"):
                    loss += 0.5 * self.reg * np.sum(self.params[k] ** 2)
                    grads[k] += self.reg * self.params[k]
                return loss, grads
    """,
    "any number of layers, float32 by default": """
        import numpy as np
        from cs231n.fast_layers import *

        class FullyConnectedNet(object):
            def __init__(self, hidden_dims, input_dim=3*32*32, num_classes=10, dropout_keep_ratio=1, normalization=None, reg=0.0,
                         weight_scale=1e-2, dtype=np.float32, seed=None):
                self.num_layers = 1 + len(hidden_dims)
                self.dtype, self.reg = dtype, reg
                self.params = {}
                dims = [input_dim] + hidden_dims + [num_classes]
                for i in range(self.num_layers):
                    self.params['W%d' % (i + 1)] = weight_scale * np.random.randn(dims[i], dims[i + 1])
                    self.params['b%d' % (i + 1)] = np.zeros(dims[i + 1])
                for k, v in self.params.items():
                    self.params[k] = v.astype(dtype)

            def loss(self, X, y=None):
                X = X.astype(self.dtype)
                mode = "test" if y is None else "train"
                caches, a = [], X
                for i in range(1, self.num_layers + 1):
                    z = a @ self.params[f'W{i}'] + self.params[f'b{i}']
                    caches.append((a, z))
                    a = np.maximum(z, 0) if i < self.num_layers else z
                if mode == "test":
                    return a
                e = np.exp(a - a.max(1)[:, None])
                p = e / e.sum(1)[:, None]
                n = len(X)
                loss, grads = -np.log(p[np.arange(n), y]).mean(), {}
                loss += sum(0.5 * self.reg * (self.params[f'W{i}'] ** 2).sum() for i in range(1, self.num_layers + 1))
                d = (p - np.eye(p.shape[1])[y]) / n
                for i in range(self.num_layers, 0, -1):
                    a, z = caches[i - 1]
                    grads[f'W{i}'], grads[f'b{i}'] = a.T @ d + self.reg * self.params[f'W{i}'], d.sum(0)
                    if i > 1:
                        d = (d @ self.params[f'W{i}'].T) * (caches[i - 2][1] > 0)
                return loss, grads
    """,
}

FORMS = [
    pytest.param(shape, text, id=f"{shape}: {name}")
    for shape, forms in zip(SHAPES, (LESSON, NETWORK_CLASS, PARAMETERS_DICT, WEIGHT_LISTS, LOSS_AND_GRADS), strict=True)
    for name, text in forms.items()
]


def loaded(shape, path):
    return Attempt.load(path, shape)


def written(folder, text):
    path = folder / "attempt_of_mine.py"
    path.write_text(dedent(text))
    return path


def agreements(attempt):
    """Whether what the attempt answers is what `manual` does on the same probe, by function; those not offered are left out."""
    reading, problem = Convention(**attempt.conventions), declared_problem(attempt.problem)
    probe = draw_probes(problem, seed=3)[0]
    (x, y), lr, params = probe.batches[0], 0.3, probe.parameters
    problem = replace(problem, batches=((x, y),), lr=lr, initial_parameters=params)
    side = Manual(problem, stages=True)
    side.load_state_dict(params)
    record = side.step(x, y)

    def asked(function, *rest):
        return attempt.call(function, reading.parameters_in(problem, params), *rest)

    records = reading.records_in(x), reading.records_in(y)
    found = {}
    for function, expected, rest in (("train_step", record.params, (*records, lr)), ("gradients", record.grads, records)):
        answer = asked(function, *rest) if function in attempt.functions else NotImplemented
        if answer is not NotImplemented:
            ours = reading.parameters_out(problem, answer, function)
            found[function] = all(np.allclose(ours[name], expected[name], rtol=1e-10, atol=1e-15) for name in expected)
    if "forward" in attempt.functions:
        output = reading.records_out(asked("forward", records[0]), record.output.shape, "forward")
        found["forward"] = np.allclose(output, record.output, rtol=1e-12)
    loss = attempt.call("loss", reading.records_in(record.output), records[1]) if "loss" in attempt.functions else NotImplemented
    if loss is not NotImplemented:
        found["loss"] = any(np.allclose(factor * loss, record.loss, rtol=1e-12) for factor in (1.0, 0.5))      # MSE has no ½
    trace = asked("trace", *records) if "trace" in attempt.functions else NotImplemented
    if trace is not NotImplemented:
        shown = {"a1": record.activations["1"], "output": record.output, "loss": record.loss}
        shown |= {"delta1": record.errors["0"] * len(x), "delta2": record.errors["2"] * len(x)}
        found |= {name: np.allclose(np.abs(trace[name]), np.abs(shown[name]), rtol=1e-10) for name in trace}
    return found


def is_right(shape, path):
    """Whether all that a file offers is right; of a recognised one, whether there is a problem of which its step is that."""
    attempt = loaded(shape, path)
    assert {"train_step", "gradients"} & {*attempt.functions}
    if shape in RECOGNISED:
        assert attempt.found
        return any(each.is_right for each in readings(attempt, attempt.problem))
    return all(agreements(attempt).values())


@pytest.mark.parametrize(("shape", "text"), FORMS)
def test_a_right_file_of_the_shape_agrees_in_that_it_offers(shape, text, tmp_path):
    assert is_right(shape, written(tmp_path, text))


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "text"), FORMS)
def test_a_right_file_of_the_shape_is_equivalent(shape, text, tmp_path):
    assert check(written(tmp_path, text), adapter=shape, seed=1, steps=2).verdict == "equivalent"


@pytest.mark.parametrize("shape", SHAPES)
def test_the_example_that_is_right_agrees(shape):
    assert is_right(shape, EXAMPLES / f"{shape}_right.py")


@pytest.mark.parametrize("shape", SHAPES)
def test_the_example_that_is_wrong_does_not(shape):
    (path,) = EXAMPLES.glob(f"{shape}_wrong_*.py")
    assert not is_right(shape, path)


@pytest.mark.parametrize(("name", "wrong"), [("right_hidden_error", set()), ("wrong_hidden_error", {"delta1", "dW1", "0.weight"})])
def test_the_example_of_the_contract_is_wrong_in_its_hidden_error_alone(name, wrong):
    attempt = Attempt.load(EXAMPLES / f"{name}.py")
    problem = replace(Problem.draw((6, 2, 1)), lr=0.3)
    side = Manual(problem, stages=True)
    side.load_state_dict(problem.initial_parameters)
    x, y = problem.batch(1)
    record = side.step(x, y)
    expected = {"a1": record.activations["1"], "output": record.output, "loss": record.loss, **record.params}
    expected |= {"delta2": record.errors["2"], "delta1": record.errors["0"]}
    expected |= {"dW2": record.grads["2.weight"], "dW1": record.grads["0.weight"]}
    given = {**problem.initial_parameters}
    found = attempt.call("trace", given, x, y) | attempt.call("train_step", given, x, y, 0.3)
    assert found.keys() == expected.keys()
    assert {key for key in found if not np.allclose(found[key], expected[key], rtol=1e-10, atol=0)} == wrong


def test_what_a_script_raises_has_its_own_line(tmp_path):
    text = (EXAMPLES / "lesson_right.py").read_text().replace("* x[:, None]", "* x[:, none]")
    attempt = loaded("lesson", written(tmp_path, text))
    with pytest.raises(AttemptError) as raised:
        agreements(attempt)
    assert raised.value.line == 34
    assert "none" in raised.value.source


def test_files_beside_it_are_found_by_relative_imports(tmp_path):
    text = dedent(LOSS_AND_GRADS["made of layers with caches, reg in the constructor"])
    layers, network = text.split("class TwoLayerNet")
    (tmp_path / "vision" / "classifiers").mkdir(parents=True)
    (tmp_path / "vision" / "layers.py").write_text(layers)
    path = tmp_path / "vision" / "classifiers" / "fc_net.py"
    path.write_text(f"import numpy as np\nfrom ..layers import *\n\nclass TwoLayerNet{network}")
    assert is_right("loss_and_grads", path)


def test_data_beside_a_script_is_not_taken(tmp_path):
    (tmp_path / "data_prep.py").write_text("raise SystemExit('the data of its own')")
    assert all(agreements(loaded("lesson", written(tmp_path, (EXAMPLES / "lesson_right.py").read_text()))).values())


@pytest.mark.parametrize(
    ("imported", "changes"),
    [
        ("features, targets", "targets = targets[::-1]"),
        ("features, targets", "other = np.ones_like(targets)\ntargets = other"),
        ("features, targets", "features = features * 0 + 1"),
        ("features as f, targets as t", "features, targets = f, t[::-1]"),
        ("*", "targets = targets[::-1]"),
        ("*", "turned = targets[::-1]\ntargets = turned"),
        ("*", "targets *= 1.0\ntargets = np.ones(len(features))"),
        ("*", "def turned():\n    return targets[::-1]\ntargets = turned()"),
        ("*", "def turn():\n    targets[:] = targets.values[::-1]\nturn()"),
    ],
)
def test_what_a_script_makes_of_the_data_it_imports_is_not_left_out(tmp_path: Path, imported: str, changes: str) -> None:
    text = (EXAMPLES / "lesson_right.py").read_text(encoding="utf-8")
    was = "from data_prep import features, features_test, targets, targets_test\n"
    assert was in text
    changed = text.replace(was, f"from data_prep import {imported}\n{changes}\n")
    assert not agreements(loaded("lesson", written(tmp_path, changed)))["train_step"]


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("for e in range(epochs):", "bar = tqdm(range(epochs))\nfor e in bar:"),
        ("for e in range(epochs):", "for e in trange(900):"),
        ("for e in range(epochs):", "passes = range(epochs)\nfor epoch in passes:\n    e = epoch"),
        ("for e in range(epochs):", "e = -1\nwhile True:\n    e += 1\n    if e == epochs:\n        break"),
        ("for e in range(epochs):", "e, done = -1, False\nwhile e < epochs - 1 and not done:\n    e += 1"),
    ],
)
def test_a_loop_over_epochs_ends_after_so_many(tmp_path: Path, was: str, now: str) -> None:
    text = (EXAMPLES / "lesson_right.py").read_text(encoding="utf-8")
    assert was in text
    changed = f"from tqdm import tqdm, trange\n{text.replace(was, now)}"
    assert all(agreements(loaded("lesson", written(tmp_path, changed))).values())


@pytest.mark.parametrize(
    "changes",
    [
        {"main():": "main(argv=None):"},
        {"\n    main()": "\n    print(main)"},
        {"learnrate = args.lr": "learnrate = args.lr\n    if not learnrate:\n        return None"},
        {"import argparse": "import argparse\nlearnrate = 0.1"},
    ],
)
def test_a_function_that_is_not_simple_is_not_taken_for_a_script(tmp_path: Path, changes: dict[str, str]) -> None:
    text = dedent(LESSON["in a function main"])
    for was, now in changes.items():
        text = text.replace(was, now)
    with pytest.raises(AttemptError, match=r"no weights_input_hidden, .* outside of functions; expected a script that trains with these"):
        loaded("lesson", written(tmp_path, text))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_of_another_shape_is_said_to_be_so(shape, tmp_path):
    with pytest.raises((AttemptError, UnusableFileError), match=r"expected|has no|W1"):
        agreements(loaded(shape, written(tmp_path, "import numpy as np\n")))


@pytest.mark.parametrize(
    ("shape", "changes", "said"),
    [
        (
            "network_class",
            {
                "self.lr = learning_rate": "self.lr = learning_rate\n        self.i_h = self.h_o = 0.0",
                "delta_i_h = np.zeros(self.weights_input_to_hidden.shape)": "delta_i_h = self.i_h",
                "delta_h_o = np.zeros(self.weights_hidden_to_output.shape)": "delta_h_o = self.h_o",
                "self.weights_input_to_hidden += ": "self.i_h, self.h_o = delta_i_h, delta_h_o\n        self.weights_input_to_hidden += ",
            },
            "accumulator-not-reset",
        ),
        ("network_class", {"        self.update_weights(": "        self.lr *= 0.9\n        self.update_weights("}, "step 1"),
        (
            "weight_lists",
            {
                "rate = eta / len(mini_batch)": "rate = eta / len(mini_batch)\n"
                "        self.v = [0.9 * v + n for v, n in zip(getattr(self, 'v', nabla_w), nabla_w, strict=True)]",
                "zip(self.weights, nabla_w, strict=True)]": "zip(self.weights, self.v, strict=True)]",
            },
            "step 1",
        ),
        (
            "lesson",
            {
                "for e in range(epochs):": "sums = np.zeros(weights_input_hidden.shape)\nfor e in range(epochs):",
                "    del_w_input_hidden = np.zeros(weights_input_hidden.shape)": "    del_w_input_hidden = sums",
            },
            "a second epoch is not like the first",
        ),
        ("lesson", {"    if e % (": "    learnrate *= 0.99\n    if e % ("}, "a second epoch is not like the first"),
        (
            "lesson",
            {"zip(features.values, targets,": "zip(features.values, np.random.permutation(targets),"},
            "or is something random drawn",
        ),
    ],
)
def test_what_is_carried_from_step_to_step_is_seen(tmp_path: Path, shape: str, changes: dict[str, str], said: str) -> None:
    text = (EXAMPLES / f"{shape}_right.py").read_text(encoding="utf-8")
    for was, now in changes.items():
        assert was in text
        text = text.replace(was, now, 1)
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    result = check(tmp_path / "mine.py", adapter=shape, seed=1)
    named = [cause.id for found in result.diagnosis for cause in found.causes]
    assert result.verdict == ("could not run" if shape == "lesson" else "different")
    assert said in (result.reason or "") or said in named or said == f"step {result.first and result.first.step}"


@pytest.mark.parametrize(
    ("shape", "was", "now", "said"),
    [
        ("loss_and_grads", "reg=0.0", "reg=0.0", "it agrees with its regularisation at"),
        (
            "weight_lists",
            "self.weights = [w - rate * nw for w, nw in",
            "self.weights = [(1 - eta * lmbda / n) * w - rate * nw for w, nw in",
            "it agrees with its regularisation at",
        ),
        ("network_class", ", features.shape[0])\n", ", features.shape[0])\n        self.lr *= 0.9\n", "lr changes from step to step"),
    ],
)
def test_what_is_compared_beside_the_step_and_what_is_not_is_said(tmp_path: Path, shape: str, was: str, now: str, said: str) -> None:
    text = (EXAMPLES / f"{shape}_right.py").read_text(encoding="utf-8")
    assert was in text
    text = text.replace(was, now)
    if "lmbda" in now:
        text = text.replace("def update_mini_batch(self, mini_batch, eta)", "def update_mini_batch(self, mini_batch, eta, lmbda, n)")
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    result = check(tmp_path / "mine.py", adapter=shape, seed=1, steps=2)
    assert result.verdict == "equivalent"
    assert any(said in note for note in result.notes), result.notes


@pytest.mark.parametrize("shape", SHAPES[::-1])
def test_what_an_adapter_answers_stays_as_it_is(shape: str) -> None:
    """A network that goes on changes its own arrays, and not those that were answered."""
    result = check(EXAMPLES / f"{shape}_right.py", adapter=shape, seed=1, steps=2)
    assert result.verdict == "equivalent"
    assert not [note for note in result.notes if "aliased" in note]


NAMED = {
    "data_in_constructor_wrong_sign_of_first_layer.py": "sign-flipped-in-layer",
    "layer_objects_wrong_updated_weights_back.py": "updated-weights-back",
    "logistic_class_wrong_bias_not_averaged.py": "bias-mean-missing",
    "notebook_wrong_missing_slope.ipynb": "slope-missing",
    "query_class_wrong_raw_error_back.py": "raw-error-back",
    "script_wrong_square_of_one_minus_a.py": "slope-square-misplaced",
    "training_function_wrong_mean_of_bias_gradient.py": "bias-mean",
    "lesson_wrong_missing_slope.py": "slope-missing",
    "loss_and_grads_wrong_mask_of_gradient.py": "relu-of-gradient",
    "network_class_wrong_slope_of_linear_output.py": "slope-extra",
    "parameters_dict_wrong_sum_for_mean.py": "mean-missing-in-layer",
    "weight_lists_wrong_last_record_only.py": "only-last-record",
}
PLAIN = sorted([*(EXAMPLES / "shapes").iterdir(), *(each for shape in SHAPES for each in EXAMPLES.glob(f"{shape}_*.py"))])


def test_there_are_ten_files_of_either_kind() -> None:
    assert len([path for path in PLAIN if "_right" in path.stem]) >= 10
    assert {path.name for path in PLAIN if "_wrong" in path.stem} == set(NAMED)


@pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in PLAIN])
def test_a_file_is_recognised_without_any_option(path: Path) -> None:
    result = check(path, seed=1, steps=2)
    assert result.conventions[0].startswith(("a class ", "functions ", "a loop that trains "))
    assert " as --" in result.conventions[0]
    named = [cause.id for found in result.diagnosis for cause in found.causes]
    assert (result.verdict, named) == (("equivalent", []) if "_right" in path.stem else ("different", [NAMED[path.name]]))
