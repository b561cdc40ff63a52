"""Assertions, and the pytest plugin."""
