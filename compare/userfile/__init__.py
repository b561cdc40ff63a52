"""A file or a program as somebody wrote it, made a side."""
