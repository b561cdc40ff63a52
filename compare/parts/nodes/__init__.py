"""A file of nodes that pass values forward and gradients back along a graph: each kind beside autograd."""
