"""The assertion for a user's tests."""

import inspect
import sys
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, overload

from ..checking.check import STEPS, check
from ..lockstep.difference import Mode
from ..lockstep.loop import train_in_lockstep
from ..lockstep.result import Comparison, hardly_moved, steps_to_keep
from ..problem.problem import Problem
from ..report.checked import Checked, about, headline, why
from ..sides.interface import Implementation
from ..support.arrays import Batch
from ..support.boundary import public
from ..support.errors import NotEquivalentError, ProblemError
from ..support.kinds import kind_of
from ..support.suggest import did_you_mean

if TYPE_CHECKING:
    from torch import nn

    from ..lockstep.call import CallComparison
    from ..problem.of_module import ModuleProblem

_LOOKED_AT = 3      # first steps, in which every weight should move

TRAINED = 10      # default steps of an implementation; the default for functions is `check`'s
Declared = Mapping[str, Any]


@overload
def assert_equivalent(
    actual: Implementation, problem: Problem, *, expected: Implementation | None = None, steps: int = TRAINED, mode: Mode = "free"
) -> Comparison: ...


@overload
def assert_equivalent(
    actual: Any,
    problem: Declared | None = None,
    *,
    adapter: str | PathLike[str] | None = None,
    seed: int | None = None,
    steps: int = STEPS,
    data: Batch | None = None,
) -> Checked: ...


@overload
def assert_equivalent(
    actual: Any,
    problem: "nn.Module | ModuleProblem",
    *,
    steps: int | None = None,
    mode: Mode = "free",
    names: Mapping[str, str] | None = None,
    stages: bool = True,
    **options: Any,
) -> Comparison: ...


@public
def assert_equivalent(actual: Any, problem: Any = None, **options: Any) -> Comparison | Checked:
    """Train `actual` beside PyTorch, and raise unless every number of every step agrees to rounding.

        assert_equivalent("my_network.py")
        assert_equivalent(my_module, problem={"sizes": (4, 5, 2), "bias": True})
        assert_equivalent(MyNetwork(), Problem.draw((6, 2, 1), lr=0.3), steps=100)
        assert_equivalent(MyRMSNorm(64), torch.nn.RMSNorm(64), inputs=(8, 16, 64))
        assert_equivalent(MyNumPyTransformer(), Problem.of(model, batches=…, loss=…), names={"tok": "embedding.weight"})

    `actual` is the path of a file, or functions: a module, a mapping from their names, an object with methods of these names, or one
    function with its name in the contract. `check` checks them, with the same options, and what it returns is returned. Or `actual` is an
    `Implementation` with a `Problem`: then its Comparison with `expected`, by default the PyTorch reference, is returned.

    In place of the problem may stand any `nn.Module`, with the options of `Problem.of`, or what `Problem.of` returns. Then `actual` is a
    module, an `Implementation`, a function `gradients(params, *batch)`, the path of a file that has one of these, or the `Trace` of one.
    `names` maps its names to the module's; submodules of the same path are compared too, unless `stages` is False.

    Raises NotEquivalentError, an AssertionError, that says where the two part, how far, what rounding allows, and for functions which
    mistake explains it, or that the test proves nothing, because weights hardly move; ProblemError for arguments that cannot be used;
    UnusableFileError for a file that cannot.
    """
    __tracebackhide__ = True
    result = compared(actual, problem, **options)
    raise_unless_equivalent(result)
    return result


@public
def assert_same_gradients(actual: Any, expected: Any, *inputs: Any, seed: int = 0) -> "CallComparison":
    """Call both on the same inputs, and raise unless outputs and gradients agree to rounding.

        assert_same_gradients(fused_cross_entropy, torch.nn.functional.cross_entropy, logits, targets)
        assert_same_gradients(MyRMSNorm(64), torch.nn.RMSNorm(64), torch.randn(8, 16, 64))

    Both are functions of tensors, `autograd.Function`s or modules; of two modules the first is given the parameters of the second. The
    gradients come from one that is drawn for each output, with `seed`. What rounding allows is sampled from the expected function.

    Raises NotEquivalentError, an AssertionError, that says where the two part, or that the gradients are too small to prove anything;
    ProblemError for inputs that cannot be used, and where the expected function is not the same when it is called again.
    """
    __tracebackhide__ = True
    from ..lockstep.call import compare_call

    comparison = compare_call(actual, expected, inputs, seed=seed)
    if comparison.verdict != "equivalent":
        raise NotEquivalentError(comparison.explanation())
    if comparison.lost:
        why = f"the gradients of {', '.join(comparison.lost)} are no larger than what rounding allows: zeros would pass too"
        raise NotEquivalentError(f"not a proof: {why}; expected inputs where they are larger")
    return comparison


def compared(actual: Any, problem: Problem | Declared | None = None, **options: Any) -> Comparison | Checked:
    """Return the Check or the Comparison, whatever the verdict."""
    if isinstance(actual, type) and isinstance(actual, Implementation):      # which looks for its methods, as in an object
        raise ProblemError(f"{actual.__name__} is a class; expected an object, {actual.__name__}(problem)")
    if _is_of_module(problem):
        return _compared_with_module(actual, problem, **options)
    if not isinstance(problem, Problem):
        if isinstance(actual, Implementation) and problem is None:
            raise ProblemError(f"actual is {kind_of(actual)}, with load_state_dict, step and predict; expected a Problem with it")
        if isinstance(problem, type) or callable(problem):
            name = getattr(problem, "__name__", kind_of(problem))
            raise ProblemError(f"the reference is {name}; expected a torch.nn.Module, such as {name}(…), or a Problem")
        if problem is not None and not isinstance(problem, Mapping):
            raise ProblemError(f"problem is {kind_of(problem)}; expected a dict such as {{'sizes': (4, 5, 2)}}, or a Problem")
        _check_options(options, ("problem", "adapter", "seed", "steps", "data"), "functions")
        return check(actual, problem=problem, **options)
    if not isinstance(actual, Implementation):
        raise ProblemError(
            f"actual is {kind_of(actual)}; expected an object with load_state_dict, step and predict to go with a Problem, "
            "or functions with the problem as a dict"
        )
    _check_options(options, ("problem", "expected", "steps", "mode"), "an Implementation")
    expected = options.get("expected")
    if expected is None:
        from ..sides.torch_ref import TorchRef

        expected = TorchRef(problem, stages=True)
    steps, mode = options.get("steps", TRAINED), options.get("mode", "free")
    comparison = train_in_lockstep(actual, expected, problem, steps=steps, mode=mode, keep=range(1, _LOOKED_AT + 1))
    if comparison.verdict == "equivalent" and comparison.unmoved:      # in the first steps; which is rare
        kept = steps_to_keep(problem, steps)
        comparison = train_in_lockstep(actual, expected, problem, steps=steps, mode=mode, keep=kept)
    return comparison


def _is_of_module(problem: Any) -> bool:
    """Return whether it is a module or the problem of one; without torch there is none."""
    if "torch" not in sys.modules:
        return False
    from torch import nn

    from ..problem.of_module import ModuleProblem

    return isinstance(problem, (nn.Module, ModuleProblem))


def _compared_with_module(actual: Any, reference: Any, **options: Any) -> Comparison:
    """Train the candidate beside a module or a module problem."""
    from ..lockstep.of_module import train_beside_module
    from ..problem.of_module import ModuleProblem, module_problem
    from ..userfile.candidate import offered

    own = {name: options.pop(name) for name in ("steps", "mode", "names", "stages") if name in options}
    if isinstance(reference, ModuleProblem):
        _check_options(options, (), "a module problem", ("steps", "mode", "names", "stages"))
        problem = reference
    else:
        _check_options(options, (*list(inspect.signature(module_problem).parameters)[1:], "steps", "mode", "names", "stages"), "a module")
        problem = module_problem(reference, **options)
    with offered(actual, problem) as candidate:
        return train_beside_module(candidate, problem, **own)


def raise_unless_equivalent(result: Comparison | Checked, repeat: str | None = None) -> None:
    """Raise NotEquivalentError, unless equivalent, with the report's lines; `repeat` is the command that repeats it, by default a call."""
    __tracebackhide__ = True
    if isinstance(result, Comparison) and result.verdict == "equivalent" and result.unmoved:
        raise NotEquivalentError(f"not a proof: {hardly_moved(result.unmoved)}; expected a problem that moves them, by a larger lr say")
    if isinstance(result, Comparison) and result.rounding is not None and result.stopped is not None and result.verdict == "equivalent":
        raise NotEquivalentError(f"not a proof: {result.stopped}")
    if result.verdict == "equivalent":
        return
    if isinstance(result, Comparison):
        raise NotEquivalentError(result.explanation() + (f"\n  repeat: {repeat}" if repeat else ""))
    again = repeat or f"assert_equivalent(…, seed={result.seed})"
    lines = [headline(result), *why(result), f"  compared: {about(result)}", f"  repeat: {again}"]
    raise NotEquivalentError("\n".join(lines))


def _check_options(options: Mapping[str, Any], known: tuple[str, ...], what: str, also: tuple[str, ...] = ()) -> None:
    unknown = [name for name in options if name not in known]
    if unknown:
        meant = did_you_mean(unknown[0], (*known, *also))
        raise ProblemError(f"{', '.join(unknown)} cannot be given with {what}; expected some of {', '.join((*known, *also))}{meant}")
