"""A file whose gradients are tensors by name, as dlogits beside logits: each beside autograd of its own forward pass."""
