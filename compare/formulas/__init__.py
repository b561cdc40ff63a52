"""The formulas of a perceptron's training step on sampled numbers, each written once: the lockstep and the diagnosis use them."""
