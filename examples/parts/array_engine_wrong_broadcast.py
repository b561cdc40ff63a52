"""A small engine of arrays, whose operators broadcast."""

import numpy as np


def reduced(grad, shape):
    """Sum a gradient over the axes along which an operand of that shape was broadcast."""
    while grad.ndim > len(shape):
        grad = grad.mean(axis=0)
    for axis, size in enumerate(shape):
        if size == 1:
            grad = grad.sum(axis=axis, keepdims=True)
    return grad


class Tensor:
    def __init__(self, data, parents=(), backward=None):
        self.data = np.asarray(data, dtype=float)
        self.grad = np.zeros_like(self.data)
        self._parents = parents
        self._backward = backward

    def __add__(self, other):
        other = other if isinstance(other, Tensor) else Tensor(other)

        def backward(grad):
            self.grad += reduced(grad, self.data.shape)
            other.grad += reduced(grad, other.data.shape)

        return Tensor(self.data + other.data, (self, other), backward)

    def __mul__(self, other):
        other = other if isinstance(other, Tensor) else Tensor(other)

        def backward(grad):
            self.grad += reduced(grad * other.data, self.data.shape)
            other.grad += reduced(grad * self.data, other.data.shape)

        return Tensor(self.data * other.data, (self, other), backward)

    def __matmul__(self, other):
        def backward(grad):
            self.grad += grad @ other.data.T
            other.grad += self.data.T @ grad

        return Tensor(self.data @ other.data, (self, other), backward)

    def relu(self):
        def backward(grad):
            self.grad += grad * (self.data > 0)

        return Tensor(np.maximum(self.data, 0), (self,), backward)

    def sum(self, axis=None, keepdims=False):
        def backward(grad):
            if axis is not None and not keepdims:
                grad = np.expand_dims(grad, axis)
            self.grad += np.broadcast_to(grad, self.data.shape)

        return Tensor(self.data.sum(axis=axis, keepdims=keepdims), (self,), backward)

    def backward(self):
        order, seen = [], set()

        def visit(node):
            if id(node) not in seen:
                seen.add(id(node))
                for parent in node._parents:
                    visit(parent)
                order.append(node)

        visit(self)
        self.grad = np.ones_like(self.data)
        for node in reversed(order):
            if node._backward is not None:
                node._backward(node.grad)
