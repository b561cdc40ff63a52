"""Where a step goes wrong, and the mistakes that explain it."""
