"""A file with `torch.autograd.Function`s of its own: each beside autograd of its own forward pass."""
