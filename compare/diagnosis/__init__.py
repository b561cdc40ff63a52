"""Where and why: the stages of a step, each judged by its own inputs, and the mistakes that make it come out as it does."""
