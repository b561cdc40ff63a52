"""A page: a file that goes forward and back once, outside of any loop, beside differences of its loss."""
