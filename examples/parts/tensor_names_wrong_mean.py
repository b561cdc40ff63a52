"""A model of letters whose gradients are made by hand, tensor by tensor, under their names."""

import torch
import torch.nn.functional as F

words = open("names.txt").read().splitlines()
chars = sorted(set("".join(words)))
stoi = {s: i + 1 for i, s in enumerate(chars)}
stoi["."] = 0

X, Y = [], []
for w in words:
    context = [0, 0, 0]
    for ch in w + ".":
        X.append(context)
        Y.append(stoi[ch])
        context = [*context[1:], stoi[ch]]
X, Y = torch.tensor(X), torch.tensor(Y)

g = torch.Generator().manual_seed(1)
C = torch.randn((len(stoi), 4), generator=g)
W1 = torch.randn((12, 16), generator=g) * 0.3
b1 = torch.randn(16, generator=g) * 0.1
W2 = torch.randn((16, len(stoi)), generator=g) * 0.3
b2 = torch.randn(len(stoi), generator=g) * 0.1
parameters = [C, W1, b1, W2, b2]

n = 32
for step in range(10000):
    at = torch.randint(0, len(X), (n,), generator=g)
    Xb, Yb = X[at], Y[at]

    # forward
    emb = C[Xb]
    embcat = emb.view(n, -1)
    hpreact = embcat @ W1 + b1
    hmean = hpreact.mean(0, keepdim=True)
    hdiff = hpreact - hmean
    h = torch.tanh(hdiff)
    logits = h @ W2 + b2
    loss = F.cross_entropy(logits, Yb)

    # backward, by hand
    dlogits = F.softmax(logits, 1)
    dlogits[range(n), Yb] -= 1
    dlogits /= n
    dh = dlogits @ W2.T
    dW2 = h.T @ dlogits
    db2 = dlogits.sum(0)
    dhdiff = (1 - h**2) * dh
    dhmean = -dhdiff.sum(0, keepdim=True)
    dhpreact = dhdiff.clone()
    dhpreact += dhmean
    dembcat = dhpreact @ W1.T
    dW1 = embcat.T @ dhpreact
    db1 = dhpreact.sum(0)
    demb = dembcat.view(emb.shape)
    dC = torch.zeros_like(C)
    for i in range(n):
        for j in range(3):
            dC[Xb[i, j]] += demb[i, j]

    for p, grad in zip(parameters, [dC, dW1, db1, dW2, db2], strict=True):
        p.data += -0.1 * grad
