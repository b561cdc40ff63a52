"""Planted mistakes for hand-written trainers: written with plain loops, and with no formula of the package that is to name them."""
