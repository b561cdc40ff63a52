"""A training run kept in a folder, and replayed without torch."""
