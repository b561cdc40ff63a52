"""Watching files: which was saved, a warm process that runs a command again, and a local page of the result."""
