"""A network in a class: the methods that make its output and its step, and where its parameters lie."""
