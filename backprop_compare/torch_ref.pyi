"""To a type checker, `backprop_compare.torch_ref` in a checkout."""

from torch_ref import *
from torch_ref import __all__ as __all__
