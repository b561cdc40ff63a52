"""To a type checker, `backprop_compare.compare` in a checkout: the public names, and rooms of any kind, since those may change."""

from typing import Any

from compare import *
from compare import __all__ as __all__
from compare import __version__ as __version__

def __getattr__(name: str) -> Any: ...
