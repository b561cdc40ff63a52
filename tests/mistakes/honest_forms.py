"""The forms in which the honest variants write an activation, its way back, a product, a sum and an error: rows of equals."""

FUNCTIONS = {
    "sigmoid": (
        "1 / (1 + np.exp(-z))",
        "np.exp(z) / (1 + np.exp(z))",
        "0.5 * (1 + np.tanh(z / 2))",
        "np.where(z >= 0, 1, np.exp(-np.abs(z))) / (1 + np.exp(-np.abs(z)))",
        "np.exp(-np.logaddexp(0, -z))",
    ),
    "tanh": (
        "np.tanh(z)",
        "(np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z))",
        "2 / (1 + np.exp(-2 * z)) - 1",
        "-np.expm1(-2 * z) / (1 + np.exp(-2 * z))",
    ),
    "relu": ("np.maximum(z, 0)", "z * (z > 0)", "np.where(z > 0, z, 0.0)", "(np.abs(z) + z) / 2"),
    "leaky_relu": ("np.where(z > 0, z, 0.01 * z)", "np.maximum(z, 0.01 * z)", "np.maximum(z, 0) + 0.01 * np.minimum(z, 0)"),
    "identity": ("z", "1.0 * z"),
    "softmax": (
        "np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)",
        "np.exp(z - z.max(axis=1, keepdims=True)) / np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True)",
        "np.exp(z - np.log(np.exp(z).sum(axis=1, keepdims=True)))",
        "np.stack([np.exp(row) / sum(np.exp(row)) for row in z])",
    ),
}
BACKS = {
    "sigmoid": (
        "e * a * (1 - a)",
        "e * (a - a * a)",
        "e * np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))) ** 2",
        "e / (2 + np.exp(z) + np.exp(-z))",
    ),
    "tanh": ("e * (1 - a * a)", "e * (1 - a) * (1 + a)", "e / np.cosh(z) ** 2", "e - e * a**2"),
    "relu": ("e * (z > 0)", "np.where(z > 0, e, 0.0)", "e * (a > 0)", "e * np.heaviside(z, 0.0)"),
    "leaky_relu": ("e * np.where(z > 0, 1, 0.01)", "np.where(z > 0, e, 0.01 * e)", "e * (0.01 + 0.99 * (z > 0))"),
    "identity": ("e", "e * 1.0"),
    "softmax": (
        "a * (e - np.sum(e * a, axis=1, keepdims=True))",
        "np.stack([(np.diag(p) - np.outer(p, p)) @ row for p, row in zip(a, e)])",
        "np.einsum('nij,ni->nj', np.stack([np.diag(p) - np.outer(p, p) for p in a]), e)",
    ),
}
FORWARD = (
    "a @ w.T + b",
    "b + np.einsum('ni,ji->nj', a, w)",
    "np.dot(w, a.T).T + b",
    "np.stack([np.dot(w, row) + b for row in a])",
    "np.array([[b[j] + sum(row[i] * w[j, i] for i in reversed(range(len(row)))) for j in range(len(w))] for row in a])",
    "np.sum(a[:, None, :] * w[None, :, :], axis=2) + b",
    "np.hstack([a, np.ones((len(a), 1))]) @ np.hstack([w, b[:, None]]).T",
)
GRADIENTS = (
    "d.T @ a",
    "np.einsum('nj,ni->ji', d, a)",
    "np.dot(a.T, d).T",
    "sum(np.outer(d[r], a[r]) for r in range(len(a)))",
    "sum(d[r : r + 2].T @ a[r : r + 2] for r in range(0, len(a), 2))",
    "sum(np.outer(d[r], a[r]) for r in reversed(range(len(a))))",
    "np.tensordot(d, a, axes=(0, 0))",
    "np.ascontiguousarray(d.T) @ np.asfortranarray(a)",
)
BIASES = ("d.sum(axis=0)", "np.ones(len(d)) @ d", "np.einsum('nj->j', d)", "sum(d)", "d.mean(axis=0) * len(d)", "np.add.reduce(d[::-1])")
BACK = (
    "d @ w",
    "np.dot(w.T, d.T).T",
    "np.einsum('nj,ji->ni', d, w)",
    "np.stack([w.T @ row for row in d])",
    "sum(d[:, [j]] * w[j] for j in range(len(w)))",
)
ERRORS = {     # of the loss's sum over records and outputs
    "half_mse": ("o - y", "-(y - o)", "0.5 * 2 * (o - y)"),
    "mse": ("2 * (o - y)", "-2 * (y - o)", "(o - y) + (o - y)"),
    "bce": ("(o - y) / (o * (1 - o))", "-y / o + (1 - y) / (1 - o)", "-(y / o - (1 - y) / (1 - o))"),
}
