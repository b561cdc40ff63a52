"""Two sides trained step by step, each step judged."""
