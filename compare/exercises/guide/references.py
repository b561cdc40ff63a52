"""What each exercise is compared with: for each file a function of its name, which returns PyTorch's module and its training."""

import numpy as np
import torch
from torch import nn

from backprop_compare import Problem


def problem(module, batches, loss="mse", optimizer="sgd", lr=0.1):
    """Return the problem of a module in float64, whose weights are drawn from N(0, 1 / in), always the same."""
    drawing = {name: drawn(*each.shape, seed=i) / np.sqrt(each[0].numel()) for i, (name, each) in enumerate(module.named_parameters())}
    return Problem.of(module, batches=batches, loss=loss, optimizer=optimizer, lr=lr, dtype="float64", initial_parameters=drawing)


def drawn(*shape, seed):
    """Return numbers from a normal distribution, always the same for a seed."""
    return np.random.default_rng(seed).normal(size=shape)


def pairs(inputs, targets):
    """Return three batches of inputs and targets of these shapes."""
    return [(drawn(*inputs, seed=(1, i)), drawn(*targets, seed=(2, i))) for i in range(3)]


def labelled(inputs, classes):
    """Return three batches of inputs of that shape, each with its class, a number from 0."""
    return [(drawn(*inputs, seed=(1, i)), np.arange(i, i + inputs[0]) % classes) for i in range(3)]


def words(*shape, table, seed):
    """Return words of a table of that size, whole numbers from 0, always the same for a seed."""
    return np.random.default_rng(seed).integers(table, size=shape)


def convolution_1():
    """Return a convolution of images of two channels."""
    return problem(nn.Conv2d(2, 3, (3, 2)), pairs((4, 2, 5, 6), (4, 3, 3, 5)))


def convolution_2():
    """Return two convolutions of stride 2."""
    first, second = nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.Conv2d(3, 2, 3, stride=2, padding=1)
    return problem(nn.Sequential(first, nn.Tanh(), second), pairs((4, 2, 9, 8), (4, 2, 3, 2)))


def convolution_3():
    """Return a convolution, pooling whose windows overlap, and a linear layer."""
    layers = nn.Conv2d(1, 3, 3), nn.MaxPool2d(3, stride=2), nn.Flatten(), nn.Linear(27, 4)
    return problem(nn.Sequential(*layers), labelled((8, 1, 9, 9), classes=4), loss="cross_entropy")


def normalization_1():
    """Return layer normalisation of texts."""
    return problem(nn.LayerNorm(5), pairs((4, 3, 5), (4, 3, 5)))


def normalization_2():
    """Return batch normalisation between two linear layers."""
    layers = nn.Linear(3, 4, bias=False), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2)
    return problem(nn.Sequential(*layers), pairs((8, 3), (8, 2)))


def normalization_3():
    """Return group normalisation after a convolution of 1 × 1."""
    return problem(nn.Sequential(nn.Conv2d(3, 4, 1), nn.GroupNorm(2, 4)), pairs((4, 3, 3, 2), (4, 4, 3, 2)))


def embedding_1():
    """Return a table whose rows are added up for each text, before a linear layer."""
    module = nn.Sequential(nn.EmbeddingBag(7, 3, mode="sum"), nn.Linear(3, 2))
    return problem(module, [(words(6, 4, table=7, seed=(1, i)), drawn(6, 2, seed=(2, i))) for i in range(3)])


def embedding_2():
    """Return a linear layer with cross-entropy, on inputs of which the second batch makes scores of some thousands."""
    batches = [(scale * drawn(8, 3, seed=(1, i)), words(8, table=5, seed=(2, i))) for i, scale in enumerate((1, 1000, 1))]
    return problem(nn.Linear(3, 5), batches, loss="cross_entropy")


class Tied(nn.Module):
    """A layer of hidden units between a table of words and the same table."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.zeros(7, 3))
        self.hidden = nn.Linear(3, 3)

    def forward(self, words):
        """Return scores (n, 7) for words (n,)."""
        return torch.tanh(self.hidden(self.table[words])) @ self.table.T


def embedding_3():
    """Return a table that is looked up at one end, and makes the scores at the other."""
    return problem(Tied(), [(words(9, table=7, seed=(1, i)), words(9, table=7, seed=(2, i))) for i in range(3)], loss="cross_entropy")


class Residual(nn.Module):
    """y = a + f(a)."""

    def __init__(self, *layers):
        super().__init__()
        self.layer = nn.Sequential(*layers)

    def forward(self, a):
        """Return y, of the shape of a."""
        return a + self.layer(a)


def residuals_1():
    """Return three residual blocks before a linear layer."""
    blocks = [Residual(nn.Linear(4, 4), nn.Tanh()) for _ in range(3)]
    return problem(nn.Sequential(*blocks, nn.Linear(4, 1)), pairs((8, 4), (8, 1)), lr=0.01)


class Wider(nn.Module):
    """A block whose output is wider than its input, after a linear layer."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.W, self.V, self.P = (nn.Parameter(torch.zeros(shape)) for shape in ((4, 3), (5, 4), (5, 3)))

    def forward(self, x):
        """Return y (n, 5) for x (n, 2)."""
        a = self.first(x)
        return torch.relu(a @ self.P.T + torch.relu(a @ self.W.T) @ self.V.T)


def residuals_2():
    """Return a block with a weight on its shortcut."""
    return problem(Wider(), pairs((8, 2), (8, 5)), lr=0.05)


class Shared(nn.Module):
    """One residual block, used three times, after a linear layer."""

    def __init__(self):
        super().__init__()
        self.first, self.block = nn.Linear(2, 4), nn.Linear(4, 4)

    def forward(self, x):
        """Return y (n, 4) for x (n, 2)."""
        a = self.first(x)
        for _ in range(3):
            a = a + torch.tanh(self.block(a))
        return a


def residuals_3():
    """Return a network whose three blocks share their weights."""
    return problem(Shared(), pairs((8, 2), (8, 4)), lr=0.01)


class Attention(nn.MultiheadAttention):
    """Attention of the places of a sequence to each other."""

    def forward(self, x):
        """Return what PyTorch's layer gives for x as queries, keys and values."""
        return super().forward(x, x, x, attn_mask=self.mask_of(x), need_weights=False)[0]

    def mask_of(self, x):
        """Return the mask: none."""
        return None


class CausalAttention(Attention):
    """Attention in which no place sees a later one."""

    def mask_of(self, x):
        """Return the mask, in which True is not seen."""
        return torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)


class SharedKeys(nn.Module):
    """Attention whose three heads have one head of keys and values in common."""

    def __init__(self):
        super().__init__()
        self.q, self.kv, self.out = nn.Linear(6, 6, bias=False), nn.Linear(6, 4, bias=False), nn.Linear(6, 6, bias=False)

    def forward(self, x):
        """Return the output for x (n, T, 6)."""
        q = self.q(x).unflatten(2, (3, 2)).swapaxes(1, 2)
        k, v = (each[:, None].expand(-1, 3, -1, -1) for each in self.kv(x).chunk(2, dim=2))
        return self.out(nn.functional.scaled_dot_product_attention(q, k, v).swapaxes(1, 2).flatten(2))


def attention_1():
    """Return attention of one head."""
    return problem(Attention(4, 1, batch_first=True), pairs((3, 4, 4), (3, 4, 4)))


def attention_2():
    """Return causal attention of two heads."""
    return problem(CausalAttention(4, 2, batch_first=True), pairs((3, 5, 4), (3, 5, 4)))


def attention_3():
    """Return attention whose heads share their keys and values."""
    return problem(SharedKeys(), pairs((3, 4, 6), (3, 4, 6)))


class AllStates(nn.Module):
    """What PyTorch's recurrent layer of that kind gives, without its second result."""

    def forward(self, x):
        """Return the states of all steps for x (n, T, in)."""
        return super().forward(x)[0]


class AllOfRNN(AllStates, nn.RNN):
    """All states of an RNN."""


class AllOfGRU(AllStates, nn.GRU):
    """All states of a GRU."""


class LastOfLSTM(nn.LSTM):
    """The last state of an LSTM."""

    def forward(self, x):
        """Return h_T for x (n, T, in)."""
        return super().forward(x)[0][:, -1]


def recurrence_1():
    """Return an RNN whose states have targets."""
    return problem(AllOfRNN(3, 4, batch_first=True), pairs((5, 6, 3), (5, 6, 4)))


def recurrence_2():
    """Return an LSTM, and a linear layer of its last state."""
    return problem(nn.Sequential(LastOfLSTM(3, 4, batch_first=True), nn.Linear(4, 2)), pairs((5, 6, 3), (5, 2)))


def recurrence_3():
    """Return a GRU whose states have targets."""
    return problem(AllOfGRU(3, 4, batch_first=True), pairs((5, 6, 3), (5, 6, 4)))
