"""A script that trains at top level, with records in columns, on the cross-entropy of one sigmoid."""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons

points, labels = make_moons(n_samples=300, noise=0.1)
X = points.T
Y = labels.reshape(1, -1)
m = X.shape[1]


def sigmoid(z):
    """σ(z)."""
    return 1 / (1 + np.exp(-z))


W1 = np.random.randn(6, X.shape[0])
b1 = np.zeros((6, 1))
W2 = np.random.randn(1, 6)
b2 = np.zeros((1, 1))
learning_rate = 0.5
costs = []

for i in range(5000):
    Z1 = W1 @ X + b1
    A1 = np.tanh(Z1)
    Z2 = W2 @ A1 + b2
    A2 = sigmoid(Z2)
    cost = -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))

    dZ2 = (A2 - Y) / m
    dW2 = dZ2 @ A1.T
    db2 = dZ2.sum(axis=1, keepdims=True)
    dZ1 = W2.T @ dZ2 * (1 - A1**2)
    dW1 = dZ1 @ X.T
    db1 = dZ1.sum(axis=1, keepdims=True)

    W1 -= learning_rate * dW1
    b1 -= learning_rate * db1
    W2 -= learning_rate * dW2
    b2 -= learning_rate * db2
    if i % 500 == 0:
        costs.append(cost)
        print(i, cost)

plt.plot(costs)
plt.show()
