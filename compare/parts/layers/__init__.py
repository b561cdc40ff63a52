"""A file of functions that are layers, a pass forward and one back with a cache: each pair beside the layer that PyTorch has."""
