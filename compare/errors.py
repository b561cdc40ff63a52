"""What can go wrong, as one tree rooted in `CompareError`."""


class CompareError(Exception):
    """The root of every error that this package raises on purpose."""


class ProblemError(CompareError, ValueError):
    """A problem, an option or an argument that cannot be used; the message says what, where, what was expected."""


class NotEquivalentError(CompareError, AssertionError):
    """Two implementations differ; the message says where, how far and what agreed before."""
