"""A folder of attempts that nobody should trust, each checked in a confined process; what comes of it survives an interruption."""
