"""What of a recognised file the check did not run: functions and branches with arithmetic in them, which no verdict speaks of."""

import ast
from collections.abc import Collection, Iterator, Sequence

from ..diagnosis.probes import Limits, draw_probes
from ..problem.problem import Problem
from ..userfile.computing import BESIDE, Function, calls_in_loop, functions_of, has_arithmetic, own_names, parsed
from ..userfile.conventions import ContractError
from ..userfile.file import AttemptError
from ..userfile.interface import Recognised
from .readings import convention_of

_MOST = 6      # that are named
_LEAST = 3      # arguments that tell which functions are alike: weights, inputs and targets


def lines_run(attempt: Recognised, problem: Problem, *, with_losses: bool = True) -> set[int]:
    """Return the lines of the file that run while it is loaded, and by one call of each of its functions, and of its own losses."""
    convention, probe = convention_of(attempt), Limits.of(problem, attempt.conventions).within(draw_probes(problem, 1)[0])
    x, y = map(convention.records_in, probe.batches[0])
    with attempt.lines_run() as lines:
        try:
            fresh = attempt.fresh()
            if with_losses:
                fresh.own_losses(convention.parameters_in(problem, probe.parameters), x, y)
            params = convention.parameters_in(problem, probe.parameters)
            output = fresh.call("forward", params, x) if "forward" in fresh.functions else None
            for name, given in (("train_step", (params, x, y, probe.lrs[0])), ("gradients", (params, x, y)), ("loss", (output, y))):
                if name in fresh.functions and given[0] is not None:
                    fresh.call(name, *given)
        except (AttemptError, ContractError):
            pass
    return lines


def said_of(text: str, lines: Collection[int]) -> list[str]:
    """Return the note that names what has arithmetic and did not run; none where all ran."""
    found = list(unrun_in(text, lines))
    if not found:
        return []
    more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
    return [f"not run, and so not compared: {', '.join(found[:_MOST])}{more}"]


def trainers_unrun(text: str, lines: Collection[int]) -> list[str]:
    """Return the functions that call others of the file in a loop, as one that trains does, and what of loops at top level did not run."""
    own = own_names(tree := parsed(text))
    calling = {f"{name} (line {function.lineno})" for name, function in functions_of(tree) if calls_in_loop(function, own)}
    return [each for each in unrun_in(text, lines) if each in calling or "the loop" in each]


def unrun_in(text: str, lines: Collection[int]) -> Iterator[str]:
    """Yield the functions, methods, branches and loops at top level with arithmetic, of which no line is among these."""
    tree = parsed(text)
    own = own_names(tree)
    for name, function in functions_of(tree):
        if _is_run(function, lines):
            yield from (f"a branch of {name} (line {first.lineno})" for first in _branches(function.body, lines))
        elif not BESIDE.search(name) and (has_arithmetic(function.body) or calls_in_loop(function, own)):
            yield f"{name} (line {function.lineno})"
    for loop in (each for part in tree.body for each in (part.body if isinstance(part, ast.If) else [part])):
        if not isinstance(loop, (ast.For, ast.While)):
            continue
        if _has_run(loop.body, lines):
            yield from (f"a branch of the loop in line {loop.lineno} (line {first.lineno})" for first in _branches(loop.body, lines))
        elif has_arithmetic(loop.body):
            yield f"the loop in line {loop.lineno}"


def others_like(text: str, lines: Collection[int]) -> Iterator[tuple[str, str]]:
    """Yield the classes that did not run, and the functions with the arguments of one that did, each as an option of a shape."""
    tree = parsed(text)
    for node in (each for each in tree.body if isinstance(each, ast.ClassDef)):
        methods = [each for each in node.body if isinstance(each, Function)]
        if methods and not any(_is_run(each, lines) for each in methods) and any(has_arithmetic(each.body) for each in methods):
            yield "class", node.name
    functions = [(node, [each.arg for each in node.args.args]) for node in tree.body if isinstance(node, Function)]
    known = [names for node, names in functions if _is_run(node, lines) and len(names) >= _LEAST]
    others = [node for node, names in functions if names in known and not _is_run(node, lines)]
    yield from (("step", node.name) for node in others if has_arithmetic(node.body))


def _branches(body: Sequence[ast.stmt], lines: Collection[int]) -> Iterator[ast.stmt]:
    """Yield the first statement of each outermost branch with arithmetic that did not run."""
    for statement in body:
        for block in (getattr(statement, name, []) for name in ("body", "orelse", "finalbody")):
            if isinstance(statement, ast.If) and block and not _has_run(block, lines):
                yield from block[:1] if has_arithmetic(block) else []
            else:
                yield from _branches(block, lines)


def _is_run(function: Function, lines: Collection[int]) -> bool:
    """Return whether a function has run, and not only the line on which it is defined."""
    return _has_run(function.body, lines if function.body[0].lineno > function.lineno else {-line for line in lines if line < 0})


def _has_run(body: Sequence[ast.stmt], lines: Collection[int]) -> bool:
    return any(line in lines for each in body for line in range(each.lineno, (each.end_lineno or each.lineno) + 1))


