"""A candidate and its reference in Python files: what stands beside any `nn.Module`, and the function that returns the module's problem."""

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from inspect import signature
from os import PathLike, fspath
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from ..problem.of_module import ModuleProblem, module_problem
from ..support.errors import CompareError, ProblemError
from ..support.kinds import kind_of
from ..support.suggest import did_you_mean
from .process import ending_raises
from .program import Program
from .program_side import ProgramSide
from .source import UnusableFileError

_OFFERS = "a function gradients(params, *batch), or one class that is a torch.nn.Module or has load_state_dict, step and predict"
_METHODS = ("load_state_dict", "step", "predict")


@contextmanager
def offered(candidate: Any, problem: ModuleProblem) -> Iterator[Any]:
    """Give what the file at a path offers, a program as a side, which ends afterwards, or the candidate itself.

    Until then a file that ends the process raises SystemExit.
    """
    if isinstance(candidate, Program):
        side = ProgramSide(candidate, problem)
        try:
            yield side
        finally:
            side.close()
    else:
        with ending_raises():
            yield candidate_in(candidate) if isinstance(candidate, (str, PathLike)) else candidate


def candidate_in(path: str | PathLike[str]) -> Any:
    """Return what the file offers as a candidate: its function `gradients`, or an object of its one class of a fitting kind.

    Raises UnusableFileError for a file that offers none, or several.
    """
    module = executed(Path(fspath(path)))
    if callable(getattr(module, "gradients", None)):
        return module
    classes = [each for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__ and _fits(each)]
    inner = {name for each in classes for name in _used(each)}
    fitting = [each for each in classes if each.__name__ not in inner]
    if len(fitting) > 1 and hasattr(module, "Candidate"):
        fitting = [module.Candidate]
    if len(fitting) != 1:
        found = ", ".join(each.__name__ for each in fitting) or "none of these"
        raise UnusableFileError(f"{path} has {found}; expected {_OFFERS}; of several the one named Candidate")
    return _called(fitting[0], f"{path}: {fitting[0].__name__}()")


def reference_in(reference: str) -> Any:
    """Return what the function returns that is named as FILE.py:NAME; raises UnusableFileError for a file that cannot be used."""
    path, colon, name = reference.rpartition(":")
    if not colon or not name.isidentifier():
        raise ProblemError(f"--reference is {reference!r}; expected FILE.py:NAME, with the name of a function without arguments")
    module = executed(Path(path))
    function = getattr(module, name, None)
    if not callable(function):
        functions = [each for each, value in vars(module).items() if callable(value) and not each.startswith("_")]
        meant = did_you_mean(name, functions)
        raise UnusableFileError(f"{path} has no function {name}; expected one of its functions: {', '.join(functions) or 'none'}{meant}")
    return _called(function, f"{path}: {name}()")


@ending_raises()
def problem_in(reference: str, path: str | None) -> ModuleProblem:
    """Return the problem that the function FILE.py:NAME says; of a module alone, with PROBLEM of the candidate's file as its options."""
    found = reference_in(reference)
    if isinstance(found, ModuleProblem):
        return found
    if not isinstance(found, nn.Module):
        raise ProblemError(f"{reference} returned {kind_of(found)}; expected a torch.nn.Module, or what Problem.of returns")
    options = None if path is None else getattr(executed(Path(path)), "PROBLEM", None)
    known = list(signature(module_problem).parameters)[1:]
    if not isinstance(options, Mapping) or not set(options) <= set(known):
        where = path or "the candidate"
        example = 'PROBLEM = {"inputs": (8, 16)}, or a function that returns Problem.of(module, batches=…, loss=…)'
        raise ProblemError(f"{reference} returned a module, without batches, and {where} has no fitting PROBLEM; expected {example}")
    return module_problem(found, **options)


def executed(path: Path) -> ModuleType:
    """Return the file as a module, executed with its own folder first on the path of imports."""
    if not path.is_file():
        raise UnusableFileError(f"{path} is no file; expected a Python file")
    name = f"_backprop_compare_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise UnusableFileError(f"{path} is not a Python file; expected one that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.resolve().parent))
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except CompareError:
        raise
    except (Exception, SystemExit) as error:
        raise UnusableFileError(f"{path} cannot be executed: {type(error).__name__}: {_first_line(error)}") from error
    finally:
        sys.path.remove(str(path.resolve().parent))
    return module


def _called(function: Any, what: str) -> Any:
    try:
        return function()
    except CompareError:
        raise
    except (Exception, SystemExit) as error:
        said = f"{what} raised {type(error).__name__}: {_first_line(error)}"
        raise UnusableFileError(f"{said}; expected to call it without arguments") from error


def _fits(each: type) -> bool:
    return issubclass(each, nn.Module) or all(callable(getattr(each, name, None)) for name in _METHODS)


def _used(each: type) -> set[str]:
    """Return the names that the class's own code uses: of a module and its parts, the whole is what no other uses."""
    init = getattr(each, "__init__", None)
    code = getattr(init, "__code__", None)
    return set(code.co_names) - {each.__name__} if code is not None else set()


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0]


