"""A hand-written backward pass beside PyTorch's, trained in lockstep and compared at every step down to rounding.

Installed, everything is in this package: `backprop_compare.compare`, `.manual`, `.torch_ref` and `.data`. The public names of `compare` are
its own too, and are imported when they are first used.
"""

import os

if not os.path.isdir(os.path.join(os.path.dirname(__file__), "compare")):      # a checkout, where they lie beside this folder
    from . import _checkout as _checkout

from .compare import __all__ as _names  # type: ignore[import-not-found, unused-ignore]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .compare import *  # noqa: F403
    from .compare import __version__ as __version__  # type: ignore[import-not-found, unused-ignore]

__all__ = [*_names]


if not TYPE_CHECKING:      # to a type checker there are the names above, and no others

    def __getattr__(name: str) -> "Any":
        from . import compare  # type: ignore[attr-defined, unused-ignore]

        try:
            return getattr(compare, name)
        except AttributeError:
            raise AttributeError(f"module 'backprop_compare' has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
