"""Right: records in columns, and 1/n with the gradients."""

import numpy as np

PROBLEM = {"sizes": (4, 5, 1), "activations": ("relu", "sigmoid"), "bias": True, "loss": "bce"}


def linear_forward(A, W, b):
    return W @ A + b


def sigmoid(Z):
    return 1 / (1 + np.exp(-Z))


def relu(Z):
    return np.maximum(0, Z)


def forward_propagation(X, parameters):
    Z1 = linear_forward(X, parameters["W1"], parameters["b1"])
    A1 = relu(Z1)
    Z2 = linear_forward(A1, parameters["W2"], parameters["b2"])
    A2 = sigmoid(Z2)
    return A2, {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}


def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    dZ2 = cache["A2"] - Y
    dW2 = 1 / m * dZ2 @ cache["A1"].T
    db2 = 1 / m * np.sum(dZ2, axis=1, keepdims=True)
    dZ1 = parameters["W2"].T @ dZ2
    dZ1 = dZ1 * (cache["Z1"] > 0)
    dW1 = 1 / m * dZ1 @ X.T
    db1 = 1 / m * np.sum(dZ1, axis=1, keepdims=True)
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}


def update_parameters(parameters, grads, learning_rate):
    return {k: parameters[k] - learning_rate * grads["d" + k] for k in parameters}


def train_step(params, x, y, lr):
    parameters = {"W1": params["0.weight"], "b1": params["0.bias"][:, None], "W2": params["2.weight"], "b2": params["2.bias"][:, None]}
    _, cache = forward_propagation(x.T, parameters)
    grads = backward_propagation(parameters, cache, x.T, y.T)
    new = update_parameters(parameters, grads, lr)
    return {"0.weight": new["W1"], "0.bias": new["b1"][:, 0], "2.weight": new["W2"], "2.bias": new["b2"][:, 0]}


def trace(params, x, y):
    parameters = {"W1": params["0.weight"], "b1": params["0.bias"][:, None], "W2": params["2.weight"], "b2": params["2.bias"][:, None]}
    A2, c = forward_propagation(x.T, parameters)
    g = backward_propagation(parameters, c, x.T, y.T)
    dZ2 = A2 - y.T
    return {
        "a1": c["A1"].T,
        "output": A2.T,
        "delta2": dZ2.T,
        "delta1": ((parameters["W2"].T @ dZ2) * (c["Z1"] > 0)).T,
        "dW1": g["dW1"],
        "db1": g["db1"][:, 0],
        "dW2": g["dW2"],
        "db2": g["db2"][:, 0],
    }
