"""What can go wrong, as one tree rooted in `CompareError`."""


class CompareError(Exception):
    """The root of every error that this package raises on purpose."""


class ProblemError(CompareError, ValueError):
    """A problem, an option or an argument that cannot be used; the message says what, where, what was expected."""


class LostInDriftError(ProblemError):
    """Two sides whose weights have drifted so far apart that what follows proves nothing."""


class NotEquivalentError(CompareError, AssertionError):
    """Two implementations differ; the message says where, how far and what agreed before."""


class MissingExtraError(CompareError):
    """Something that comes with an extra of this package is not installed."""

    def __init__(self, extra: str, package: str) -> None:
        super().__init__(f"{package} is not installed; it comes with the extra {extra}: pip install 'backprop-compare[{extra}]'")
