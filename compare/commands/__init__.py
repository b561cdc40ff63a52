"""What each command does: each reports, and gives its verdict.

`check_interrupt` is called on the way, and raises KeyboardInterrupt if there was one.
"""
