"""A recurrent network at top level that learns to add bits, back through time from the errors of each step."""

import copy

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def slope(output):
    return output * (1 - output)


alpha, steps, units = 0.1, 6, 5
rng = np.random.RandomState(0)
w_in, w_out, w_back = rng.uniform(-1, 1, (2, units)), rng.uniform(-1, 1, (units, 1)), rng.uniform(-1, 1, (units, units))
w_in_update, w_out_update, w_back_update = np.zeros_like(w_in), np.zeros_like(w_out), np.zeros_like(w_back)

for round in range(2000):
    one, other = np.random.randint(0, 2 ** (steps - 1), 2)
    bits = [[each >> place & 1 for place in range(steps)] for each in (one, other, one + other)]
    deltas, hidden = [], [np.zeros((1, units))]

    for t in range(steps):
        x = np.array([[bits[0][t], bits[1][t]]], dtype=float)
        y = np.array([[bits[2][t]]], dtype=float)
        h = sigmoid(x.dot(w_in) + hidden[-1].dot(w_back))
        out = sigmoid(h.dot(w_out))
        error = y - out
        deltas.append(error * slope(out))
        hidden.append(copy.deepcopy(h))

    later = np.zeros((1, units))
    for t in reversed(range(steps)):
        x = np.array([[bits[0][t], bits[1][t]]], dtype=float)
        h, before = hidden[t + 1], hidden[t]
        delta = (later.dot(w_back.T) + deltas[t].dot(w_out.T)) * slope(h)
        w_out_update += h.T.dot(deltas[t])
        w_back_update += before.T.dot(delta)
        w_in_update += x.T.dot(delta)
        later = delta

    w_in += w_in_update * alpha
    w_out += w_out_update * alpha
    w_back += w_back_update * alpha
    w_in_update *= 0
    w_out_update *= 0
    w_back_update *= 0
