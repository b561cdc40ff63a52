"""To a type checker, `backprop_compare.manual.schedules` in a checkout."""

from manual.schedules import *
