"""A network in functions: what they are called with, one after the other, and where its parameters lie."""
