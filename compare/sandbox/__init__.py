"""A confined process that runs a stranger's file."""
