"""Arrays that a pass changes in place under another name, as sums that are not set back to 0: they are carried like the parameters."""


from typing import Any

import numpy as np

from ..network import Network
from .passes import given_names, space_of
from .training_loop import Loop


def changed_in_place(about: Network, loop: Loop) -> list[str]:
    """Return the names, beside those that the loop is known to carry, of arrays like the parameters that a pass changes."""
    plan, own = about.plan, {*given_names(about.plan), *about.plan["carried"]}
    params, _, x, y = about.tried()
    root = about.with_parameters(params, x, y, 0.5)
    space = space_of(about.module, plan, x, y, 0.5)
    space.update(root)
    exec(loop.code(about.module.__file__, sorted(own), loop.read, runs=False), space)
    shapes = {np.shape(array) for layer in about.layers for array in layer.read(root)}
    shapes |= {shape[::-1] for shape in shapes}
    arrays: dict[str, Any] = {name: space.get(name) for name in loop.read if name not in own}
    before = {name: array.copy() for name, array in arrays.items() if isinstance(array, np.ndarray) and array.shape in shapes}
    exec(loop.alone(about.module.__file__), space)
    return [name for name, array in before.items() if not np.array_equal(arrays[name], array)]
