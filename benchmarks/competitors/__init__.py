"""The competitors of the hand-written backend, one to a file."""
