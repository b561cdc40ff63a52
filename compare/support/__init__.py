"""What every room needs: errors, output, the environment."""
