"""A recurrent network of letters in NumPy, whose loss and gradients are made in one function."""

import numpy as np

data = open("letters.txt").read()
chars = sorted(set(data))
index = {ch: i for i, ch in enumerate(chars)}
vocab_size, hidden_size, length = len(chars), 12, 8

rng = np.random.default_rng(0)
Wxh = rng.normal(size=(hidden_size, vocab_size)) * 0.3
Whh = rng.normal(size=(hidden_size, hidden_size)) * 0.3
Why = rng.normal(size=(vocab_size, hidden_size)) * 0.3
bh = np.zeros((hidden_size, 1))
by = np.zeros((vocab_size, 1))


def loss_fun(inputs, targets, hprev):
    xs, hs, ps = {}, {}, {}
    hs[-1] = np.copy(hprev)
    loss = 0
    for t in range(len(inputs)):
        xs[t] = np.zeros((vocab_size, 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(Wxh @ xs[t] + Whh @ hs[t - 1] + bh)
        scores = Why @ hs[t] + by
        ps[t] = np.exp(scores) / np.sum(np.exp(scores))
        loss += -np.log(ps[t][targets[t], 0])
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dnext = np.zeros_like(hprev)
    for t in reversed(range(len(inputs))):
        dscores = ps[t].copy()
        dscores[targets[t]] -= 1
        dWhy += dscores @ hs[t].T
        dby += dscores
        draw = (1 - hs[t] ** 2) * (Why.T @ dscores + dnext)
        dbh += draw
        dWxh += draw @ xs[t].T
        dWhh += draw @ hs[t - 1].T
        dnext = Whh @ draw
    for each in (dWxh, dWhh, dWhy, dbh, dby):
        np.clip(each, -5, 5, out=each)
    return loss, dWxh, dWhh, dWhy, dbh, dby, hs[len(inputs) - 1]


at, hprev = 0, np.zeros((hidden_size, 1))
while True:
    if at + length + 1 >= len(data):
        at, hprev = 0, np.zeros((hidden_size, 1))
    inputs = [index[ch] for ch in data[at : at + length]]
    targets = [index[ch] for ch in data[at + 1 : at + length + 1]]
    loss, dWxh, dWhh, dWhy, dbh, dby, hprev = loss_fun(inputs, targets, hprev)
    for param, grad in zip((Wxh, Whh, Why, bh, by), (dWxh, dWhh, dWhy, dbh, dby), strict=True):
        param -= 0.1 * grad
    at += length
