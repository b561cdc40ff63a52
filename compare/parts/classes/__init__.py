"""A file of classes that are layers, losses and cells: each beside PyTorch, or autograd of its own forward pass."""
