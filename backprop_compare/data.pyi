"""To a type checker, `backprop_compare.data` in a checkout."""

from data import *
from data import __all__ as __all__
