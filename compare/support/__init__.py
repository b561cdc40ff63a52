"""Helpers for all rooms: errors, output, the environment."""

__version__ = "0.1.0"
