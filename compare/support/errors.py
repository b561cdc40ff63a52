"""The package's errors, a tree rooted in `CompareError`."""


class CompareError(Exception):
    """The root of every error that this package raises on purpose."""


class ProblemError(CompareError, ValueError):
    """A problem, an option or an argument is invalid; the message says what is wrong, where, and what was expected."""


class NotEquivalentError(CompareError, AssertionError):
    """Two implementations differ; the message says where, how far and what agreed before."""


class MissingExtraError(CompareError):
    """A package of one of this package's extras is not installed."""

    def __init__(self, extra: str, package: str) -> None:
        super().__init__(f"{package} is not installed; it comes with the extra {extra}: pip install 'backprop-compare[{extra}]'")
