"""Saying what a comparison found: on a terminal, and as JSON."""
