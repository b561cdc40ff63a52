"""Record a training run in a folder, and replay it without torch."""
