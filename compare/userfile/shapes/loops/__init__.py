"""A network in a loop that trains it, at top level or in a function: its passes, its parameters and its output."""
