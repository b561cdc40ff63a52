"""A graph of nodes: each takes its inputs from others, and sums what those that take it give back."""

import numpy as np


class Node:
    def __init__(self, inputs=()):
        self.inputs, self.outputs = list(inputs), []
        self.value, self.gradients = None, {}
        for node in self.inputs:
            node.outputs.append(self)

    def forward(self):
        raise NotImplementedError

    def backward(self):
        raise NotImplementedError

    def from_above(self):
        return sum(node.gradients[self] for node in self.outputs)


class Input(Node):
    def __init__(self):
        Node.__init__(self)

    def forward(self):
        pass

    def backward(self):
        self.gradients = {self: self.from_above()}


class Affine(Node):
    def __init__(self, x, w, b):
        Node.__init__(self, [x, w, b])

    def forward(self):
        x, w, b = (node.value for node in self.inputs)
        self.value = x @ w + b

    def backward(self):
        x, w, b = self.inputs
        above = self.from_above()
        self.gradients = {x: above @ w.value.T, w: x.value.T @ above, b: above.sum(axis=0)}


class Tanh(Node):
    def __init__(self, z):
        Node.__init__(self, [z])

    def forward(self):
        self.value = np.tanh(self.inputs[0].value)

    def backward(self):
        self.gradients = {self.inputs[0]: self.from_above() * (1 - self.value**2)}


class SquaredError(Node):
    def __init__(self, y, a):
        Node.__init__(self, [y, a])

    def forward(self):
        self.gap = self.inputs[1].value - self.inputs[0].value
        self.value = np.mean(self.gap**2)

    def backward(self):
        self.gradients = {self.inputs[0]: -2 * self.gap / self.gap.size, self.inputs[1]: 2 * self.gap / self.gap.size}


def in_order(feed):
    for node, value in feed.items():
        node.value = value
    order, waiting = [], list(feed)
    while waiting:
        node = waiting.pop(0)
        if node not in order and all(each in order for each in node.inputs):
            order.append(node)
            waiting += node.outputs
    return order


def there_and_back(order):
    for node in order:
        node.forward()
    for node in reversed(order):
        node.backward()


def step(trained, rate=0.01):
    for node in trained:
        node.value -= rate * node.gradients[node]
