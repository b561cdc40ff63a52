"""Where strangers' code runs: a process of its own, with NumPy and nothing else, that is asked over the pipe and never sees an answer."""
