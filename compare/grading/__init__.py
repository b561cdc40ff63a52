"""A folder of attempts that nobody should trust, graded."""
