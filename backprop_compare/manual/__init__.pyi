"""To a type checker, `backprop_compare.manual` in a checkout."""

from manual import *
from manual import __all__ as __all__
from manual import fast as fast
from manual import schedules as schedules
