"""What every room needs: errors, output, the environment."""

__version__ = "0.1.0"
