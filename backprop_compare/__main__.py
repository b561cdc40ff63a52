"""`python -m backprop_compare`, which does what `backprop-compare` does."""

from .compare import __main__  # type: ignore  # noqa: F401
