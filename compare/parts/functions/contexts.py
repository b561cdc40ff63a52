"""The context of an `autograd.Function`: a stand-in for it, Functions that take none, and where a file applies one."""

import ast
import inspect
from functools import wraps
from typing import Any

import torch


class Context:
    """Stands in for the context of a Function while its forward runs as plain code: it keeps what is saved, and marks nothing."""

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self.saved_tensors: tuple[Any, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep the tensors."""
        self.saved_tensors = tensors

    def _ignore(self, *_: Any) -> None:
        """Do nothing."""

    save_for_forward = mark_dirty = mark_non_differentiable = set_materialize_grads = _ignore


def takes_context(function: Any) -> bool:
    """Return whether a Function's backward takes a context and a gradient, or any number of arguments."""
    parameters = inspect.signature(function.backward).parameters.values()
    return len(parameters) > 1 or any(each.kind is each.VAR_POSITIONAL for each in parameters)


def with_context(function: Any) -> Any:
    """Return a Function that PyTorch can apply, of one whose methods take no context."""

    class Made(torch.autograd.Function):
        @staticmethod
        @wraps(function.forward)
        def forward(*arguments: Any) -> Any:
            return function.forward(*arguments)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            """Keep nothing."""

        @staticmethod
        def backward(ctx: Any, above: Any) -> Any:
            return function.backward(above)

    return Made


def most_given(tree: ast.AST, name: str) -> int:
    """Return the most arguments that a file gives to the Function of that name, 1 where it names its `apply` alone, 0 for none."""
    applied = f"{name}.apply"
    assigned = [each for each in ast.walk(tree) if isinstance(each, ast.Assign) and ast.unparse(each.value) == applied]
    known = {applied, *(ast.unparse(target) for each in assigned for target in each.targets)}
    calls = [each for each in ast.walk(tree) if isinstance(each, ast.Call) and ast.unparse(each.func) in known]
    names = any(isinstance(each, ast.Attribute) and ast.unparse(each) == applied for each in ast.walk(tree))
    return max((len(each.args) for each in calls), default=int(names))
