"""Activations, losses and attention, each beside its derivative."""

import numpy as np


def leaky_relu(z, slope=0.1):
    return np.where(z > 0, z, slope * z)


def leaky_relu_prime(z, slope=0.1):
    return np.where(z > 0, 1.0, slope)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_prime(a):
    return a * (1 - a)


def huber(prediction, target, delta=1.0):
    r = np.abs(prediction - target)
    return np.where(r < delta, 0.5 * r**2, delta * (r - 0.5 * delta)).mean()


def d_huber(prediction, target, delta=1.0):
    r = prediction - target
    return np.clip(r, -delta, delta) / r.size


def cross_entropy_forward(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -log_p[np.arange(len(labels)), labels].mean(), (log_p, labels)


def cross_entropy_backward(cache):
    log_p, labels = cache
    d = np.exp(log_p)
    d[np.arange(len(labels)), labels] -= 1
    return d / len(labels)


def attention_forward(q, k, v):
    scores = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights @ v, (q, k, v, weights)


def attention_backward(dout, cache):
    q, k, v, weights = cache
    dv = weights.transpose(0, 2, 1) @ dout
    dweights = dout @ v.transpose(0, 2, 1)
    dscores = weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True))
    dscores /= np.sqrt(q.shape[-1])
    return dscores @ k, dscores.transpose(0, 2, 1) @ q, dv
