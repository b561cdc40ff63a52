"""The parts of a file, each by itself: layers with caches, engines of scalars, tensors by name, and `autograd.Function`s."""
