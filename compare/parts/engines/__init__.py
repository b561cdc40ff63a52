"""A file with an engine of its own that differentiates: each operator, and what is built of them, beside autograd."""
