"""The planted limits: programs that are right except beyond a limit, each with a witness that shows it."""

from collections.abc import Iterator

from tests.mistakes import limits_batches, limits_data, limits_values
from tests.mistakes.limit import Limit

__all__ = ["Limit", "limits"]

_GROUPS = (
    limits_values.in_z,
    limits_values.in_activations,
    limits_values.where_saturated,
    limits_values.on_the_way_back,
    limits_values.in_the_gradients,
    limits_values.in_the_update,
    limits_values.in_one_layer,
    limits_batches.in_size,
    limits_batches.in_records,
    limits_batches.in_thresholds,
    limits_batches.in_what_is_kept,
    limits_data.in_numbers,
    limits_data.in_classes,
    limits_data.in_losses,
)


def limits() -> Iterator[Limit]:
    """All of them, in the order of their groups."""
    for group in _GROUPS:
        yield from group()
