"""Clipping: gradients made smaller before the update, where they are large."""

from collections.abc import Mapping

from torch import Tensor, nn


def clip_grad_norm(grads: Mapping[str, Tensor], max_norm: float) -> dict[str, Tensor]:
    """Return the gradients, all multiplied by the factor that makes their common norm `max_norm`, if it is larger."""
    factor = (max_norm / (nn.utils.get_total_norm(grads.values()) + 1e-6)).clamp(max=1.0)
    return {name: g * factor for name, g in grads.items()}


def clip_grad_value(grads: Mapping[str, Tensor], clip_value: float) -> dict[str, Tensor]:
    """Return the gradients with each number held between −`clip_value` and `clip_value`."""
    return {name: g.clamp(-clip_value, clip_value) for name, g in grads.items()}
